//! The life of workers: started for whom they are needed, reused, made to end, and gone when they are.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::process::{alive, eventually};
use crate::support::remote::Remote;
use crate::support::telegram::secret;
use crate::support::{ANN, BOB, Gateway, Telegram, worker};

/// Long enough for what must not come to have come.
const A_WHILE: Duration = Duration::from_millis(150);

#[tokio::test]
async fn a_chat_keeps_its_process_and_with_it_its_memory() {
    let telegram = Telegram::start().await;
    let bot = worker::file(worker::python3(), "clients/examples/counter.py");
    let gateway = Gateway::with(&bot).start(&telegram).await;
    for _ in 0..3 {
        telegram.says(ANN, "hi").await;
    }
    telegram.says(BOB, "hi").await;
    telegram.expects_messages(ANN, &["Message 1", "Message 2", "Message 3"]).await;
    telegram.expects_message(BOB, "Message 1").await;
    gateway.has_workers(2).await;
}

#[tokio::test]
async fn a_process_that_has_ended_is_started_again_for_the_next_update() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let gateway = Gateway::with(&remote.worker).start(&telegram).await;
    telegram.says(ANN, "one").await;
    let mut first = remote.starts_with_hello("").await;
    let one = first.reads().await;
    first.acks(&one).await;
    let pid = first.pid;
    first.exits(0).await;
    assert!(remote.starts_within(A_WHILE).await.is_none(), "nothing is owed");
    telegram.says(ANN, "two").await;
    let mut second = remote.starts_with_hello("").await;
    assert_eq!(second.reads().await["text"], "two");
    assert_ne!(second.pid, pid);
    assert!(!alive(pid) && !gateway.log().contains("a worker died"));
}

#[tokio::test]
async fn who_has_nothing_to_do_is_told_so_and_ended() {
    let telegram = Telegram::start().await;
    let gateway = Gateway::with(&worker::mode("goodbye")).arg("--idle-timeout=50ms").start(&telegram).await;
    telegram.says(ANN, "hi").await;
    telegram.expects_messages(ANN, &["hi", "bye: idle"]).await;
    gateway.has_workers(0).await;
    telegram.says(ANN, "still there?").await;
    telegram.expects_message(ANN, "still there?").await;
}

#[tokio::test]
async fn a_worker_may_ask_not_to_be_ended_for_being_idle() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).arg("--idle-timeout=20ms").start(&telegram).await;
    telegram.says(ANN, "hi").await;
    let mut process = remote.starts_with_hello(r#","idle":false"#).await;
    let update = process.reads().await;
    process.acks(&update).await;
    assert_eq!(process.reads_within(A_WHILE).await, None);
}

#[tokio::test]
async fn who_is_at_work_is_not_idle() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).arg("--idle-timeout=20ms").start(&telegram).await;
    telegram.says(ANN, "hi").await;
    let mut process = remote.starts_with_hello("").await;
    let update = process.reads().await;
    assert_eq!(process.reads_within(A_WHILE).await, None);
    process.acks(&update).await;
    assert_eq!(process.reads().await, json!({"type":"telegram.disconnect","reason":"idle"}));
    assert_eq!(process.reads_line().await, None);
}

#[tokio::test]
async fn many_chats_take_turns_on_few_processes_and_lose_nothing() {
    for option in ["--max-workers=2", "--max-applications=2", "-m2"] {
        let telegram = Telegram::start().await;
        let gateway = Gateway::with(&worker::mode("goodbye")).arg(option).start(&telegram).await;
        for text in ["one", "two"] {
            for user in 100..106 {
                telegram.says(user, text).await;
            }
        }
        for user in 100..106 {
            telegram.expects_message(user, "one").await;
            telegram.expects_message(user, "two").await;
        }
        telegram.expects_call("goodbye for eviction", |call| call.text() == "bye: evicted").await;
        assert!(gateway.workers().len() <= 2, "{option}");
        for user in 100..106 {
            let texts = telegram.texts(user).await;
            let mut answers = texts.iter().filter(|text| !text.starts_with("bye"));
            assert_eq!((answers.next().unwrap(), answers.next().unwrap()), (&"one".into(), &"two".into()));
            assert_eq!(answers.next(), None, "{option}: an answer came twice");
        }
    }
}

#[tokio::test]
async fn nobody_is_evicted_from_his_work() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).arg("--max-workers=1").start(&telegram).await;
    telegram.says(ANN, "hi").await;
    let mut ann = remote.starts_with_hello("").await;
    let update = ann.reads().await;
    telegram.says(BOB, "me too").await;
    assert_eq!(ann.reads_within(A_WHILE).await, None, "Ann's process is at work");
    ann.acks(&update).await;
    assert_eq!(ann.reads().await, json!({"type":"telegram.disconnect","reason":"evicted"}));
    assert!(remote.starts_within(A_WHILE).await.is_none(), "Ann's process has not ended yet");
    ann.exits(0).await;
    assert_eq!(remote.starts().await.scope, format!("chat:{BOB}"));
}

#[tokio::test]
async fn an_update_for_a_process_that_is_ending_waits_for_the_next_one() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let plan = Gateway::with(&remote.worker).arg("--idle-timeout=20ms").arg("--grace=1h");
    let _gateway = plan.start(&telegram).await;
    telegram.says(ANN, "one").await;
    let mut process = remote.starts_with_hello("").await;
    let update = process.reads().await;
    process.acks(&update).await;
    assert_eq!(process.reads().await["reason"], "idle");
    telegram.says(ANN, "two").await;
    assert!(remote.starts_within(A_WHILE).await.is_none(), "at any time a scope has one process");
    process.sends("a last word").await;
    process.exits(0).await;
    let mut next = remote.starts_with_hello("").await;
    let two = next.reads().await;
    assert_eq!((&two["text"], &two["attempt"]), (&json!("two"), &Value::Null));
    telegram.expects_message(ANN, "a last word").await;
}

#[tokio::test]
async fn a_stop_waits_for_what_is_in_flight_and_tells_workers_why() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let mut gateway = Gateway::with(&remote.worker).start(&telegram).await;
    telegram.says(ANN, "in flight").await;
    telegram.says(ANN, "waits").await;
    let mut process = remote.starts_with_hello("").await;
    let update = process.reads().await;
    gateway.signal(Signal::TERM);
    gateway.expects_log("stopping").await;
    assert_eq!(process.reads_within(A_WHILE).await, None, "it is waited for");
    process.sends("answered all the same").await;
    process.acks(&update).await;
    assert_eq!(process.reads().await, json!({"type":"telegram.disconnect","reason":"shutdown"}));
    assert_eq!(process.reads_line().await, None);
    process.sends("bye").await;
    process.exits(0).await;
    assert_eq!(gateway.exits().await.code(), Some(0));
    assert_eq!(telegram.texts(ANN).await, ["answered all the same", "bye"]);
    assert!(gateway.log().contains("unsettled=1"), "what is lost is told: {}", gateway.log());
}

#[tokio::test]
async fn no_process_survives_the_stop_whatever_it_ignores() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("ignore-term");
    let mut gateway = Gateway::with(&bot).arg("--grace=300ms").start(&telegram).await;
    telegram.says(ANN, "hi").await;
    telegram.expects_message(ANN, "hi").await;
    let pids = gateway.has_workers(2).await;
    assert_eq!(gateway.stop().await.code(), Some(0));
    assert_eq!(bot.recorded("ended"), ["its input"]);
    assert!(pids.iter().all(|pid| !alive(*pid)), "of {pids:?} some live");
}

#[tokio::test]
async fn children_that_outlive_their_parent_are_ended_and_hold_up_nothing() {
    let telegram = Telegram::start().await;
    // The child holds stdout open and ignores SIGTERM.
    let bot = worker::sh(
        r#"
trap '' TERM
sleep 3600 &
read -r scope
read -r event
echo '{"type":"telegram.send_message","text":"answer"}'
"#,
    );
    let gateway = Gateway::with(&bot).start(&telegram).await;
    for _ in 0..3 {
        telegram.says(ANN, "hi").await;
    }
    telegram.expects_messages(ANN, &["answer"; 3]).await;
    gateway.has_workers(0).await;
}

#[tokio::test]
async fn a_second_signal_ends_everything_at_once() {
    for (second, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let telegram = Telegram::start().await;
        let plan = Gateway::with(&worker::mode("ignore-term")).arg("--drain=1h").arg("--grace=1h");
        let mut gateway = plan.start(&telegram).await;
        telegram.says(ANN, "hi").await;
        telegram.expects_message(ANN, "hi").await;
        let pids = gateway.has_workers(2).await;
        gateway.signal(Signal::TERM);
        gateway.expects_log("stopping").await;
        gateway.signal(second);
        assert_eq!(gateway.exits().await.code(), Some(code));
        assert!(
            eventually(|| pids.iter().all(|pid| !alive(*pid)).then_some(())).await.is_some(),
            "some live"
        );
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_one_who_was_told_before_to_end_in_his_own_time() {
    let telegram = Telegram::start().await;
    // It does not acknowledge and reads nothing further, so it is perhaps done and perhaps not.
    let bot = worker::sh("read -r scope; read -r event; sleep 3600");
    let plan = Gateway::with(&bot).arg("--max-workers=1").arg("--drain=50ms").arg("--grace=300ms");
    let mut gateway = plan.arg("-v").start(&telegram).await;
    telegram.says(ANN, "hi").await;
    telegram.says(BOB, "me too").await;
    gateway.expects_log("evicted").await;
    let asked = std::time::Instant::now();
    assert!(gateway.stop().await.success());
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_stop_before_anything_happened_is_clean() {
    let telegram = Telegram::start().await;
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut gateway = Gateway::plain(&worker::command(&["cat"])).start(&telegram).await;
        gateway.signal(signal);
        assert_eq!(gateway.exits().await.code(), Some(0));
        assert_eq!(gateway.stdout(), "", "stdout is nobody's");
    }
}

#[tokio::test]
async fn a_stop_while_telegram_is_away_is_clean() {
    let telegram = Telegram::start().await;
    telegram.fault(json!({"method": "getMe", "close": true, "count": 99})).await;
    let mut gateway = Gateway::plain(&worker::command(&["cat"])).launch(&telegram);
    gateway.expects_log("trying again").await;
    assert_eq!(gateway.stop().await.code(), Some(0));
}

#[tokio::test]
async fn workers_end_with_a_gateway_that_is_killed() {
    let telegram = Telegram::start().await;
    let mut gateway = Gateway::with(&worker::mode("ack-echo")).start(&telegram).await;
    telegram.says(ANN, "hi").await;
    telegram.expects_message(ANN, "hi").await;
    gateway.has_workers(1).await;
    gateway.kill();
    gateway.exits().await;
    gateway.has_workers(0).await;
}

#[tokio::test]
async fn the_environment_of_a_worker_is_as_documented() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("dump-env").arg("an argument with $HOME and spaces");
    let plan = Gateway::with(&bot)
        .env("MINE", "kept")
        .env("ASGIGRAM_GRACE", "2s")
        .env("ASGIGRAM_SETTING_OF_THE_APP", "kept too")
        .env("NOTIFY_SOCKET", "/run/x")
        .env("WATCHDOG_USEC", "1")
        .env("LISTEN_FDS", "3")
        .env("COPY", format!("https://example.org/bot{}/x", telegram.token()));
    let gateway = plan.start(&telegram).await;
    telegram.says(ANN, "hi").await;
    telegram.expects_message(ANN, "hi").await;
    let recorded = |name: &str| serde_json::from_str::<Value>(&bot.recorded(name)[0]).unwrap();
    let environment = recorded("environment");
    let bot_id = telegram.bot();
    for (name, value) in [
        ("ASGIGRAM_PROTOCOL", json!("1")),
        ("ASGIGRAM_WORKER_MODE", json!("scope")),
        ("ASGIGRAM_BOT_ID", json!(bot_id.to_string())),
        ("ASGIGRAM_BOT_USERNAME", json!(format!("sim_{bot_id}_bot"))),
        ("ASGIGRAM_SCOPE", json!("chat:42")),
        ("ASGIGRAM_CHAT_ID", json!("42")),
        ("ASGIGRAM_USER_ID", Value::Null),
        ("PYTHONUNBUFFERED", json!("1")),
        ("PYTHONUTF8", json!("1")),
        ("MINE", json!("kept")),
        ("ASGIGRAM_SETTING_OF_THE_APP", json!("kept too")),
        ("TELEGRAM_BOT_TOKEN", Value::Null),
        ("ASGIGRAM_GRACE", Value::Null),
        ("NOTIFY_SOCKET", Value::Null),
        ("WATCHDOG_USEC", Value::Null),
        ("LISTEN_FDS", Value::Null),
        ("COPY", Value::Null),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    let mark = environment["ASGIGRAM_WORKER"].as_str().unwrap();
    assert!(mark.split_once('.').is_some_and(|(run, n)| !run.is_empty() && n == "1"), "{mark}");
    assert_eq!(recorded("arguments")[3], "an argument with $HOME and spaces");
    // What this test has inherited without being asked is inherited further; what the gateway opens is not.
    let ours: Vec<Value> = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(link_of).collect();
    for (fd, link) in recorded("descriptors").as_object().unwrap() {
        let is_standard = ["0", "1", "2"].contains(&fd.as_str());
        assert!(
            is_standard || ours.contains(link),
            "descriptor {fd} of the gateway reaches the worker: {link}"
        );
    }
    let group = recorded("group");
    assert_eq!(group[0], group[1], "it leads a process group");
    assert_eq!(group[2], std::env::current_dir().unwrap().to_str().unwrap());
    drop(gateway);
}

fn link_of(entry: std::io::Result<std::fs::DirEntry>) -> Option<Value> {
    Some(json!(std::fs::read_link(entry.ok()?.path()).ok()?.to_str()?))
}

#[tokio::test]
async fn the_scope_of_a_user_is_named_in_the_environment() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("dump-env");
    let _gateway = Gateway::with(&bot).start(&telegram).await;
    telegram
        .injects(
            &json!({"inline_query":{"id":"7","from":{"id":BOB,"first_name":"Bob"},"query":"","offset":""}}),
        )
        .await;
    let environment = bot.records("environment", "PATH", 1).await.remove(0);
    let environment: Value = serde_json::from_str(&environment).unwrap();
    assert_eq!(
        (&environment["ASGIGRAM_SCOPE"], &environment["ASGIGRAM_USER_ID"]),
        (&json!("user:43"), &json!("43"))
    );
    assert_eq!(environment["ASGIGRAM_CHAT_ID"], Value::Null);
}

#[tokio::test]
async fn the_token_is_nowhere_to_be_seen() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("dump-env");
    let mut gateway = Gateway::with(&bot).arg("-vv").start(&telegram).await;
    // What quotes the URL, as proxies do, and what breaks on the way.
    let page = format!("<html>cannot reach {}/bot{}/sendMessage</html>", telegram.url(), telegram.token());
    for fault in [
        json!({"method": "getUpdates", "status": 502, "body": page}),
        json!({"method": "sendMessage", "status": 404, "body": page}),
        json!({"method": "sendMessage", "close": true}),
    ] {
        telegram.fault(fault).await;
    }
    telegram.says(ANN, &format!("the token is {}", telegram.token())).await;
    telegram.expects_message(ANN, &format!("the token is {}", telegram.token())).await;
    gateway.expects_log("has to wait").await;
    for pid in gateway.workers() {
        for file in ["environ", "cmdline"] {
            let content = std::fs::read(format!("/proc/{pid}/{file}")).unwrap();
            assert!(!String::from_utf8_lossy(&content).contains(secret()), "{file}");
        }
    }
    let argv = std::fs::read(format!("/proc/{}/cmdline", gateway.pid())).unwrap();
    assert!(!String::from_utf8_lossy(&argv).contains(secret()));
    gateway.stop().await;
    for said in [gateway.log(), gateway.stdout(), bot.recorded("environment").join("")] {
        assert!(!said.contains(secret()), "{said}");
    }
    assert!(gateway.log().contains("<secret>"), "the test has shown nothing: {}", gateway.log());
}
