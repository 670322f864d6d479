//! Effects before the ack: what was sent for an update that is settled is made, once; for others it is not kept.

use serde_json::json;

use super::records::Records;
use crate::support::remote::Remote;
use crate::support::{ANN, BOB, Gateway, Telegram};

#[tokio::test]
async fn an_ack_does_not_wait_for_held_sends_and_they_are_made_once_after_a_kill() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let mut gateway = Gateway::with(&remote.worker).start(&telegram).await;
    let records = Records::of(&gateway, &telegram);
    for text in ["first", "second"] {
        telegram.says(ANN, text).await;
    }
    let mut process = remote.starts_with_hello("").await;
    let first = process.reads().await;
    process.sends("1").await;
    telegram.expects_message(ANN, "1").await;
    // Longer than any test lasts.
    telegram.fault(json!({"method":"sendMessage","chat_id":ANN,"retry_after":3600})).await;
    for text in ["2", "3", "4"] {
        process.sends(text).await;
    }
    process.acks(&first).await;
    gateway.expects_log("a send has to wait").await;
    // Settled, and the sends are written down; nobody waits an hour for the next update.
    assert_eq!(process.reads().await["text"], "second");
    records.has(1, "updates").await;
    records.has(3, "outbox").await;
    process.sends("of an update that is not acknowledged").await;
    gateway.kill();
    gateway.exits().await;
    drop(process);

    let gateway = Gateway::with(&remote.worker).with_state(gateway.state()).start(&telegram).await;
    let mut process = remote.starts_with_hello("").await;
    let second = process.reads().await;
    assert_eq!(second["text"], "second");
    process.sends("5").await;
    process.acks(&second).await;
    telegram.expects_messages(ANN, &["1", "2", "3", "4", "5"]).await;
    records.has(0, "outbox").await;
    records.has(0, "updates").await;
    assert!(!gateway.log().contains("a worker died"));
    let made = telegram.calls("sendMessage").await;
    assert_eq!(made.iter().filter(|call| call.succeeded()).count(), 5, "once each: {made:#?}");
}

#[tokio::test]
async fn held_sends_survive_a_clean_stop_and_wait_on_in_the_next_gateway() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let plan = || Gateway::with(&remote.worker).arg("--drain=50ms");
    let mut gateway = plan().start(&telegram).await;
    let records = Records::of(&gateway, &telegram);
    telegram.says(ANN, "hi").await;
    let mut process = remote.starts_with_hello("").await;
    let update = process.reads().await;
    telegram.fault(json!({"method":"sendMessage","chat_id":ANN,"retry_after":3600})).await;
    process.sends("1").await;
    process.sends("2").await;
    process.acks(&update).await;
    records.has(2, "outbox").await;
    drop(process);
    assert!(gateway.stop().await.success());

    // The next one is held as well, for a second. What comes new waits behind what is owed.
    telegram.fault(json!({"method":"sendMessage","chat_id":ANN,"retry_after":1})).await;
    let gateway = plan().with_state(gateway.state()).start(&telegram).await;
    gateway.expects_log("a send has to wait").await;
    telegram.says(ANN, "again").await;
    telegram.says(BOB, "not held").await;
    let mut processes = [remote.starts_with_hello("").await, remote.starts_with_hello("").await];
    for process in &mut processes {
        let update = process.reads().await;
        process.sends(update["text"].as_str().unwrap()).await;
        process.acks(&update).await;
    }
    telegram.expects_message(BOB, "not held").await;
    telegram.expects_messages(ANN, &["1", "2", "again"]).await;
    records.has(0, "outbox").await;
}

#[tokio::test]
async fn sends_of_an_update_that_comes_again_are_dropped_with_it() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let plan = || Gateway::with(&remote.worker).arg("--drain=50ms");
    let mut gateway = plan().start(&telegram).await;
    let records = Records::of(&gateway, &telegram);
    telegram.says(ANN, "hi").await;
    let mut process = remote.starts_with_hello("").await;
    process.reads().await;
    telegram.fault(json!({"method":"sendMessage","chat_id":ANN,"retry_after":3600})).await;
    process.sends("half an answer").await;
    gateway.expects_log("a send has to wait").await;
    let (stopped, _) = tokio::join!(gateway.stop(), process.reads());
    assert!(stopped.success());
    drop(process);
    records.has(0, "outbox").await;
    records.has(1, "updates").await;

    let _gateway = plan().with_state(gateway.state()).start(&telegram).await;
    let mut process = remote.starts_with_hello("").await;
    let again = process.reads().await;
    assert_eq!((&again["text"], &again["attempt"]), (&json!("hi"), &json!(2)));
    process.sends("a whole answer").await;
    process.acks(&again).await;
    telegram.expects_messages(ANN, &["a whole answer"]).await;
}

#[tokio::test]
async fn the_sends_of_a_worker_that_died_after_its_ack_are_in_the_journal_at_once() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let mut gateway = Gateway::with(&remote.worker).start(&telegram).await;
    let records = Records::of(&gateway, &telegram);
    telegram.says(ANN, "hi").await;
    let mut process = remote.starts_with_hello("").await;
    let update = process.reads().await;
    telegram.fault(json!({"method":"sendMessage","chat_id":ANN,"retry_after":3600})).await;
    process.sends("covered").await;
    process.acks(&update).await;
    process.sends("of none").await;
    process.exits(1).await;
    records.has(0, "updates").await;
    records.has(1, "outbox").await;
    gateway.kill();
    gateway.exits().await;
    let _gateway = Gateway::with(&remote.worker).with_state(gateway.state()).start(&telegram).await;
    telegram.expects_messages(ANN, &["covered"]).await;
    records.has(0, "outbox").await;
}
