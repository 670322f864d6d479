//! Time: workers that hang, and updates that have waited too long.

use std::time::Duration;

use serde_json::{Value, json};

use super::records::Records;
use crate::support::remote::Remote;
use crate::support::{ANN, BOB, Gateway, Telegram, worker};

/// Long enough for what must not come to have come.
const A_WHILE: Duration = Duration::from_millis(150);

/// Hangs over each message `hang`, acknowledges and answers all others, and records each line it reads.
const HANGS: &str = r#"
import json, os, sys
print('{"type":"gateway.hello","acks":true}', flush=True)
for line in sys.stdin:
    event = json.loads(line)
    told = [event["type"], event.get("text"), event.get("attempt"), event.get("reason")]
    with open(os.path.join(os.path.dirname(sys.argv[0]), "told"), "a") as file:
        file.write(json.dumps(told) + "\n")
    if "update_id" in event and event["text"] != "hang":
        print(json.dumps({"type": "telegram.send_message", "text": event["text"]}))
        print(json.dumps({"type": "telegram.ack", "update_id": event["update_id"]}), flush=True)
"#;

#[tokio::test]
async fn a_worker_that_hangs_is_ended_and_its_update_given_up_and_no_other_chat_sees_it() {
    let telegram = Telegram::start().await;
    let bot = worker::python(HANGS);
    let gateway = Gateway::with(&bot).arg("--handle-timeout=500ms").start(&telegram).await;
    telegram.says(BOB, "before").await;
    telegram.expects_message(BOB, "before").await;
    let bobs = gateway.workers();
    for text in ["hang", "after"] {
        telegram.says(ANN, text).await;
    }
    for attempt in 1..=3 {
        // BOB is served all the while, and by the same process.
        bot.records("told", r#""telegram.message", "hang""#, attempt).await;
        telegram.says(BOB, "meanwhile").await;
        telegram
            .expects_calls("to BOB", attempt + 1, |call| call.chat() == Some(BOB) && call.succeeded())
            .await;
    }
    telegram.expects_message(ANN, "after").await;
    assert!(gateway.expects_log("3 attempts failed").await.contains("hang"));
    gateway.expects_log("--handle-timeout").await;
    let told = bot.recorded("told");
    let hung: Vec<&str> = told
        .iter()
        .map(String::as_str)
        .filter(|line| line.contains("hang") || line.contains("timeout"))
        .collect();
    let end = r#"["telegram.disconnect", null, null, "timeout"]"#;
    let message = |attempt: &str| format!(r#"["telegram.message", "hang", {attempt}, null]"#);
    assert_eq!(hung, [&message("null"), end, &message("2"), end, &message("3"), end]);
    assert!(bobs.iter().all(|pid| gateway.workers().contains(pid)));
    Records::of(&gateway, &telegram).has(1, "dead").await;
}

#[tokio::test]
async fn the_time_stands_still_while_the_worker_waits_for_the_gateway() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).arg("--handle-timeout=600ms").start(&telegram).await;
    telegram.says(ANN, "hi").await;
    let mut process = remote.starts_with_hello("").await;
    let update = process.reads().await;
    telegram.fault(json!({"method":"sendMessage","chat_id":ANN,"retry_after":1})).await;
    process.writes(r#"{"type":"telegram.send_message","text":"held","request_id":1}"#).await;
    // The answer comes long after the timeout, and the process has not been told to end.
    let answer = process.reads().await;
    assert_eq!((&answer["type"], &answer["ok"]), (&json!("telegram.response"), &json!(true)));
    // Then it begins anew, and so it does with every line.
    for _ in 0..5 {
        assert_eq!(process.reads_within(A_WHILE).await, None);
        process.writes(r#"{"type":"telegram.send_chat_action","action":"typing"}"#).await;
    }
    process.acks(&update).await;
    // Who has nothing to do does not hang.
    assert_eq!(process.reads_within(Duration::from_millis(900)).await, None);
    telegram.says(ANN, "and now").await;
    assert_eq!(process.reads().await["text"], "and now");
    assert_eq!(process.reads().await, json!({"type":"telegram.disconnect","reason":"timeout"}));
}

#[tokio::test]
async fn a_worker_that_never_acknowledges_is_not_held_to_the_timeout() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).arg("--handle-timeout=50ms").start(&telegram).await;
    telegram.says(ANN, "one").await;
    let mut process = remote.starts().await;
    process.reads().await;
    process.reads().await;
    assert_eq!(process.reads_within(A_WHILE).await, None);
    telegram.says(ANN, "two").await;
    assert_eq!(process.reads().await["text"], "two");
}

fn inline_query(update_id: i64, query: &str) -> Value {
    let from = json!({"id":ANN,"is_bot":false,"first_name":"Ann"});
    json!({"update_id":update_id,"inline_query":{"id":"1","from":from,"query":query,"offset":""}})
}

fn callback_query(update_id: i64, chat: i64) -> Value {
    let from = json!({"id":chat,"is_bot":false,"first_name":"Somebody"});
    let message =
        json!({"message_id":1,"date":1,"chat":{"id":chat,"type":"private","first_name":"Somebody"}});
    json!({"update_id":update_id,"callback_query":
        {"id":"1","from":from,"chat_instance":"1","data":"pressed","message":message}})
}

#[tokio::test]
async fn questions_that_waited_too_long_expire_and_acts_come_late() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let mut gateway = Gateway::with(&remote.worker).start(&telegram).await;
    let records = Records::of(&gateway, &telegram);
    // What is in flight never expires, so these are with workers.
    telegram.injects(&inline_query(101, "too late")).await;
    telegram.injects(&inline_query(102, "not too late")).await;
    telegram.injects(&callback_query(103, ANN)).await;
    telegram.injects(&callback_query(104, BOB)).await;
    records.has(4, "updates").await;
    let mut processes = Vec::new();
    for _ in 0..3 {
        let mut process = remote.starts_with_hello("").await;
        process.reads().await;
        processes.push(process);
    }
    gateway.kill();
    gateway.exits().await;
    drop(processes);
    for (update_id, seconds) in [(101, 31), (102, 20), (103, 151), (104, 140)] {
        // The gateway was away for so long.
        let earlier = "UPDATE updates SET arrived = arrived - ?1 * 1000 WHERE update_id = ?2";
        records.change(earlier, [seconds, update_id]);
    }

    let mut gateway = Gateway::with(&remote.worker).with_state(gateway.state()).start(&telegram).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let mut process = remote.starts_with_hello("").await;
        let update = process.reads().await;
        seen.push((update["update_id"].as_i64().unwrap(), update["late"].clone(), process.scope.clone()));
        process.acks(&update).await;
        // It is kept until all have been given theirs.
        assert_eq!(process.reads_within(A_WHILE).await, None);
    }
    seen.sort_by_key(|(update_id, ..)| *update_id);
    let user = format!("user:{ANN}");
    let chats = [format!("chat:{ANN}"), format!("chat:{BOB}")];
    assert_eq!(
        seen,
        [
            (102, json!(null), user),
            (103, json!(true), chats[0].clone()),
            (104, json!(null), chats[1].clone())
        ]
    );
    gateway.expects_log("a question waited too long").await;
    records.has(0, "updates").await;
    assert!(gateway.stop().await.success());
    assert!(gateway.log().contains("settled=3"), "{}", gateway.log());
}
