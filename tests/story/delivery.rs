//! Delivery: nothing unsettled is forgotten, whatever a worker does.

use std::time::Duration;

use serde_json::json;

use crate::support::remote::Remote;
use crate::support::{ANN, BOB, Gateway, Telegram, worker};

/// Long enough for what must not come to have come.
const A_WHILE: Duration = Duration::from_millis(150);

#[tokio::test]
async fn a_crash_brings_the_update_again_to_a_fresh_process_and_the_order_stays() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("crash-once-then-work");
    let gateway = Gateway::with(&bot).start(&telegram).await;
    for text in ["one", "two", "three"] {
        telegram.says(ANN, text).await;
    }
    telegram.expects_messages(ANN, &["one", "two", "three"]).await;
    let again = bot.records("lines", r#""attempt":2"#, 1).await;
    assert!(again[0].contains(r#""text":"one""#), "{again:?}");
    assert_eq!(bot.recorded("lines").iter().filter(|line| line.contains(r#""asgi""#)).count(), 2);
    gateway.expects_log("a worker died").await;
}

#[tokio::test]
async fn after_three_failures_an_update_is_given_up_and_its_scope_goes_on() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("crash-after-read").arg("poison");
    let gateway = Gateway::with(&bot).start(&telegram).await;
    for text in ["before", "poison \\ud83d apple", "after"] {
        telegram.says(ANN, text).await;
    }
    telegram.expects_messages(ANN, &["before", "after"]).await;
    let line = gateway.expects_log("3 attempts failed").await;
    assert!(
        line.contains(&format!("chat:{ANN}")) && line.contains("poison") && line.contains("apple"),
        "{line}"
    );
    assert_eq!(bot.recorded("lines").iter().filter(|line| line.contains("poison")).count(), 3);
}

#[tokio::test]
async fn the_operator_decides_how_often_is_tried() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("crash-after-read").arg("poison");
    let gateway = Gateway::with(&bot).arg("--max-attempts=1").start(&telegram).await;
    telegram.says(ANN, "poison").await;
    telegram.says(ANN, "after").await;
    telegram.expects_message(ANN, "after").await;
    gateway.expects_log("1 attempts failed").await;
    assert_eq!(bot.recorded("lines").iter().filter(|line| line.contains("poison")).count(), 1);
}

#[tokio::test]
async fn a_nack_is_a_failed_attempt_a_postponement_or_the_end() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let gateway = Gateway::with(&remote.worker).start(&telegram).await;
    for text in ["failed", "postponed", "dead", "last"] {
        telegram.says(ANN, text).await;
    }
    let mut process = remote.starts_with_hello("").await;
    let nack = |update: &serde_json::Value, more: &str| {
        format!(r#"{{"type":"telegram.nack","update_id":{}{more}}}"#, update["update_id"])
    };
    let failed = process.reads().await;
    process.writes(&nack(&failed, "")).await;
    let again = process.reads().await;
    assert_eq!((&again["text"], &again["attempt"]), (&json!("failed"), &json!(2)));
    process.acks(&again).await;
    let postponed = process.reads().await;
    for attempt in 2..7 {
        // More often than attempts may fail: a postponement is none.
        process.writes(&nack(&postponed, r#","retry_after":0.001"#)).await;
        let again = process.reads().await;
        assert_eq!((&again["text"], &again["attempt"]), (&json!("postponed"), &json!(attempt)));
    }
    process.acks(&postponed).await;
    let dead = process.reads().await;
    process.writes(&nack(&dead, r#","dead":true,"retry_after":5"#)).await;
    let last = process.reads().await;
    assert_eq!(last["text"], "last");
    process.acks(&last).await;
    assert!(gateway.expects_log("its worker gave it up").await.contains(r#""text":"dead""#));
}

#[tokio::test]
async fn a_postponed_update_waits_as_long_as_it_asks_and_its_scope_with_it() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).start(&telegram).await;
    telegram.says(ANN, "later").await;
    telegram.says(ANN, "next").await;
    let mut process = remote.starts_with_hello("").await;
    let later = process.reads().await;
    let asked = std::time::Instant::now();
    process
        .writes(&format!(
            r#"{{"type":"telegram.nack","update_id":{},"retry_after":0.3}}"#,
            later["update_id"]
        ))
        .await;
    let again = process.reads().await;
    assert!(asked.elapsed() >= Duration::from_millis(290), "{:?}", asked.elapsed());
    assert_eq!(again["text"], "later");
}

#[tokio::test]
async fn a_window_bounds_what_is_in_flight_and_through_settles_all_before() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let mut gateway = Gateway::with(&remote.worker).start(&telegram).await;
    for n in 1..=6 {
        telegram.says(ANN, &n.to_string()).await;
    }
    let mut process = remote.starts_with_hello(r#","window":3"#).await;
    let mut given = Vec::new();
    for n in 1..=3 {
        given.push(process.reads().await);
        assert_eq!(given[n - 1]["text"], n.to_string());
    }
    assert_eq!(process.reads_within(A_WHILE).await, None, "only three may be in flight");
    let through =
        format!(r#"{{"type":"telegram.ack","update_id":{},"through":true}}"#, given[1]["update_id"]);
    process.writes(&through).await;
    assert_eq!(process.reads().await["text"], "4");
    assert_eq!(process.reads().await["text"], "5");
    assert_eq!(process.reads_within(A_WHILE).await, None, "the third is still in flight");
    process.acks(&given[2]).await;
    let sixth = process.reads().await;
    assert_eq!(sixth["text"], "6");
    let all = format!(r#"{{"type":"telegram.ack","update_id":{},"through":true}}"#, sixth["update_id"]);
    process.writes(&all).await;
    drop(process);
    assert!(gateway.stop().await.success());
    assert!(gateway.log().contains("settled=6"), "{}", gateway.log());
}

#[tokio::test]
async fn acking_workers_get_one_update_after_the_other() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).start(&telegram).await;
    telegram.says(ANN, "one").await;
    telegram.says(ANN, "two").await;
    let mut process = remote.starts_with_hello("").await;
    let one = process.reads().await;
    assert_eq!(process.reads_within(A_WHILE).await, None, "the first is not settled");
    process.acks(&one).await;
    assert_eq!(process.reads().await["text"], "two");
}

#[tokio::test]
async fn an_ack_of_something_else_is_ignored() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).start(&telegram).await;
    telegram.says(ANN, "one").await;
    telegram.says(BOB, "of another").await;
    let mut first = remote.starts_with_hello("").await;
    let mut second = remote.starts_with_hello("").await;
    let (one, other) = (first.reads().await, second.reads().await);
    // Of another scope's update, of none at all, and of one that is settled.
    first.acks(&other).await;
    first.writes(r#"{"type":"telegram.ack","update_id":17,"through":true}"#).await;
    second.acks(&other).await;
    second.acks(&other).await;
    first.exits(1).await;
    let mut fresh = remote.starts_with_hello("").await;
    let again = fresh.reads().await;
    assert_eq!((&again["update_id"], &again["attempt"]), (&one["update_id"], &json!(2)));
}

#[tokio::test]
async fn who_acks_late_is_held_to_acks_from_then_on() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("late-ack-echo");
    let mut gateway = Gateway::with(&bot).start(&telegram).await;
    for n in 0..10 {
        telegram.says(ANN, &n.to_string()).await;
    }
    let texts: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    telegram.expects_messages(ANN, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert!(gateway.stop().await.success());
    assert_eq!(bot.recorded("lines").iter().filter(|line| line.contains("update_id")).count(), 10);
}

#[tokio::test]
async fn a_late_hello_is_ignored_and_reported() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let gateway = Gateway::with(&remote.worker).start(&telegram).await;
    telegram.says(ANN, "one").await;
    let mut process = remote.starts().await;
    process.reads().await;
    process.sends("before hello").await;
    process.writes(r#"{"type":"gateway.hello","acks":true,"window":5}"#).await;
    gateway.expects_log("hello comes first").await;
    telegram.expects_message(ANN, "before hello").await;
}

#[tokio::test]
async fn a_plain_worker_has_settled_what_it_read_when_it_reads_the_next_line() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).start(&telegram).await;
    for text in ["one", "two", "three"] {
        telegram.says(ANN, text).await;
    }
    let mut process = remote.starts().await;
    process.reads().await;
    assert_eq!(process.reads().await["text"], "one");
    assert_eq!(process.reads().await["text"], "two");
    process.exits(1).await;
    // The first is settled, the second was being worked on, the third was never read.
    let mut fresh = remote.starts().await;
    fresh.reads().await;
    let two = fresh.reads().await;
    assert_eq!((&two["text"], &two["attempt"]), (&json!("two"), &json!(2)));
    let three = fresh.reads().await;
    assert_eq!((&three["text"], &three["attempt"]), (&json!("three"), &json!(null)));
}

#[tokio::test]
async fn a_plain_worker_that_exits_with_0_is_done_with_what_it_read() {
    let telegram = Telegram::start().await;
    let bot = worker::sh(
        r#"
read -r scope
read -r event
echo '{"type":"telegram.send_message","text":"one answer a process"}'
"#,
    );
    let mut gateway = Gateway::with(&bot).start(&telegram).await;
    for _ in 0..5 {
        telegram.says(ANN, "hi").await;
    }
    telegram.expects_messages(ANN, &["one answer a process"; 5]).await;
    assert!(gateway.stop().await.success());
    assert!(gateway.log().contains("settled=5") && !gateway.log().contains("a worker died"));
    assert_eq!(telegram.texts(ANN).await.len(), 5);
}

#[tokio::test]
async fn a_program_that_never_reads_answers_once() {
    let telegram = Telegram::start().await;
    let bot = worker::command(&["sh", "-c", r#"echo '{"type":"telegram.send_message","text":"a fortune"}'"#]);
    let mut gateway = Gateway::with(&bot).start(&telegram).await;
    telegram.says(ANN, "tell me").await;
    telegram.expects_message(ANN, "a fortune").await;
    telegram.says(ANN, "another").await;
    telegram.expects_messages(ANN, &["a fortune", "a fortune"]).await;
    assert!(gateway.stop().await.success());
    assert_eq!(telegram.texts(ANN).await.len(), 2);
}

#[tokio::test]
async fn a_program_that_dies_as_it_starts_loses_nothing_and_costs_no_attempt() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("crash-at-start").arg("7");
    let gateway = Gateway::with(&bot).start(&telegram).await;
    telegram.says(ANN, "patience").await;
    telegram.expects_message(ANN, "patience").await;
    let lines = bot.recorded("lines");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(!lines[1].contains("attempt"), "{}", lines[1]);
    let died = gateway.expects_log_lines("a worker died", 7).await;
    assert!(died[0].contains("ImportError"), "{}", died[0]);
}

#[tokio::test]
async fn of_several_in_flight_nobody_is_charged_and_they_come_one_at_a_time() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).arg("--max-attempts=1").start(&telegram).await;
    for n in 1..=3 {
        telegram.says(ANN, &n.to_string()).await;
    }
    let mut process = remote.starts_with_hello(r#","window":3"#).await;
    for n in 1..=3 {
        assert_eq!(process.reads().await["text"], n.to_string());
    }
    process.exits(1).await;
    // With one attempt allowed, a charge would have been the end of it.
    let mut process = remote.starts_with_hello(r#","window":3"#).await;
    let one = process.reads().await;
    assert_eq!((&one["text"], &one["attempt"]), (&json!("1"), &json!(2)));
    assert_eq!(process.reads_within(A_WHILE).await, None, "one at a time");
    process.acks(&one).await;
    assert_eq!(process.reads().await["text"], "2");
    process.exits(1).await;
    // The second was alone, so it is to blame; the third is not.
    let mut process = remote.starts_with_hello(r#","window":3"#).await;
    assert_eq!(process.reads().await["text"], "3");
}

#[tokio::test]
async fn sends_before_an_ack_are_made_though_the_process_dies() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let mut gateway = Gateway::with(&remote.worker).start(&telegram).await;
    telegram.says(ANN, "hi").await;
    let mut process = remote.starts_with_hello("").await;
    let update = process.reads().await;
    for n in 0..20 {
        process.sends(&n.to_string()).await;
    }
    process.acks(&update).await;
    process.exits(1).await;
    telegram.expects_message(ANN, "19").await;
    assert!(gateway.stop().await.success());
    assert_eq!(telegram.texts(ANN).await, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_crash_of_one_chat_is_nothing_to_another() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("crash-after-read").arg("poison");
    let _gateway = Gateway::plain(&bot).arg("--retry-delay=1h..1h").start(&telegram).await;
    telegram.says(ANN, "poison").await;
    for n in 0..5 {
        telegram.says(BOB, &n.to_string()).await;
    }
    telegram.expects_messages(BOB, &["0", "1", "2", "3", "4"]).await;
}
