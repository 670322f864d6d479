//! One gateway after the other: what is owed comes again, in order; what is done does not.

use std::time::Duration;

use serde_json::json;

use super::records::Records;
use crate::support::remote::{Remote, RemoteProcess};
use crate::support::{ANN, BOB, Gateway, Telegram, worker};

/// Long enough for what must not come to have come.
const A_WHILE: Duration = Duration::from_millis(150);

/// The next two processes, ANN's first.
async fn two(remote: &Remote) -> (RemoteProcess, RemoteProcess) {
    let first = remote.starts_with_hello("").await;
    let second = remote.starts_with_hello("").await;
    if first.scope == format!("chat:{ANN}") { (first, second) } else { (second, first) }
}

#[tokio::test]
async fn after_a_kill_the_next_gateway_delivers_what_is_owed_in_order_and_nothing_else() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let mut gateway = Gateway::with(&remote.worker).start(&telegram).await;
    let state = gateway.state();
    for text in ["settled", "in flight", "waiting", "waiting too"] {
        telegram.says(ANN, text).await;
    }
    for text in ["also settled", "of another in flight"] {
        telegram.says(BOB, text).await;
    }
    let (mut ann, mut bob) = two(&remote).await;
    for process in [&mut ann, &mut bob] {
        let settled = process.reads().await;
        process.acks(&settled).await;
    }
    assert_eq!(ann.reads().await["text"], "in flight");
    assert_eq!(bob.reads().await["text"], "of another in flight");
    Records::of(&gateway, &telegram).has(4, "updates").await;
    gateway.kill();
    gateway.exits().await;
    assert!(gateway.workers().is_empty(), "its workers end with the gateway");

    let mut gateway = Gateway::with(&remote.worker).with_state(state.clone()).start(&telegram).await;
    gateway.expects_log("4 updates are still owed to 2 chats").await;
    let (mut ann, mut bob) = two(&remote).await;
    for text in ["in flight", "waiting", "waiting too"] {
        let update = ann.reads().await;
        // The gateway was to blame, and it took no note of what it delivered.
        assert_eq!((&update["text"], &update["attempt"]), (&json!(text), &json!(null)));
        ann.acks(&update).await;
    }
    let update = bob.reads().await;
    assert_eq!(update["text"], "of another in flight");
    bob.acks(&update).await;
    assert_eq!(ann.reads_within(A_WHILE).await, None);
    assert_eq!(bob.reads_within(A_WHILE).await, None);
    drop((ann, bob));
    assert!(gateway.stop().await.success());
    assert!(gateway.log().contains("settled=4"), "{}", gateway.log());
    assert_eq!(Records::of(&gateway, &telegram).value::<i64>("SELECT count(*) FROM updates"), 0);

    // A clean stop has confirmed the tail: there is nothing left to come again, on either side.
    assert_eq!(telegram.state().await["pending"], 0);
    let gateway = Gateway::with(&remote.worker).with_state(state).start(&telegram).await;
    gateway.expects_log("waiting=0").await;
    assert!(remote.starts_within(A_WHILE).await.is_none());
    assert!(!gateway.log().contains("still owed"), "{}", gateway.log());
}

#[tokio::test]
async fn what_a_worker_did_not_get_done_before_a_stop_comes_again_and_costs_no_attempt() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let plan = || Gateway::with(&remote.worker).arg("--max-attempts=1").arg("--drain=50ms");
    let mut gateway = plan().start(&telegram).await;
    telegram.says(ANN, "one").await;
    telegram.says(ANN, "two").await;
    let mut process = remote.starts_with_hello("").await;
    process.reads().await;
    let (stopped, ended) = tokio::join!(gateway.stop(), process.reads());
    assert_eq!((stopped.success(), &ended["reason"]), (true, &json!("shutdown")));
    gateway.expects_log("they come again at the next start").await;
    let _gateway = plan().with_state(gateway.state()).start(&telegram).await;
    let mut process = remote.starts_with_hello("").await;
    let one = process.reads().await;
    assert_eq!((&one["text"], &one["attempt"]), (&json!("one"), &json!(2)));
    process.acks(&one).await;
    assert_eq!(process.reads().await["text"], "two");
}

#[tokio::test]
async fn failed_attempts_are_counted_across_gateways() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let plan = || Gateway::with(&remote.worker).arg("--max-attempts=2");
    let mut gateway = plan().start(&telegram).await;
    telegram.says(ANN, "poison").await;
    let mut process = remote.starts_with_hello("").await;
    process.reads().await;
    process.exits(1).await;
    let mut process = remote.starts_with_hello("").await;
    assert_eq!(process.reads().await["attempt"], 2);
    gateway.kill();
    gateway.exits().await;
    let gateway = plan().with_state(gateway.state()).start(&telegram).await;
    let mut process = remote.starts_with_hello("").await;
    assert_eq!(process.reads().await["attempt"], 2, "the kill was the gateway's own affair");
    process.exits(1).await;
    assert!(gateway.expects_log("2 attempts failed").await.contains("poison"));
    let records = Records::of(&gateway, &telegram);
    records.has(1, "dead").await;
    records.has(0, "updates").await;
}

#[tokio::test]
async fn what_telegram_hands_out_again_is_not_delivered_again() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let mut gateway = Gateway::with(&remote.worker).start(&telegram).await;
    telegram.expects_state(|state| state["parked"] == 1).await;
    // From the poll on that would confirm what the parked one brings.
    telegram.fault(json!({"method":"getUpdates","status":500,"count":100_000})).await;
    telegram.pushes_many(&format!("[{},{}]", message(501, "settled"), message(502, "in flight"))).await;
    let mut process = remote.starts_with_hello("").await;
    let settled = process.reads().await;
    process.acks(&settled).await;
    process.reads().await;
    Records::of(&gateway, &telegram).has(1, "updates").await;
    gateway.kill();
    gateway.exits().await;
    assert_eq!(telegram.state().await["pending"], 2, "Telegram was told nothing");
    telegram.fault(json!({"method":"getUpdates","count":0})).await;

    let gateway = Gateway::with(&remote.worker).with_state(gateway.state()).start(&telegram).await;
    gateway.expects_log("waiting=2").await;
    let mut process = remote.starts_with_hello("").await;
    let again = process.reads().await;
    assert_eq!(again["text"], "in flight");
    process.acks(&again).await;
    telegram.expects_state(|state| state["pending"] == 0).await;
    // And once more, as it may be after trouble at Telegram's side, with something new behind it.
    let batch = [message(501, "settled"), message(502, "in flight"), message(503, "new")];
    telegram.pushes_many(&format!("[{}]", batch.join(","))).await;
    let new = process.reads().await;
    assert_eq!(new["text"], "new");
    process.acks(&new).await;
    assert_eq!(process.reads_within(A_WHILE).await, None);
}

#[tokio::test]
async fn update_ids_that_start_anew_further_down_are_new_updates_behind_the_old() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let mut gateway = Gateway::with(&remote.worker).start(&telegram).await;
    telegram.injects(&serde_json::from_str(&message(900_000_000, "old")).unwrap()).await;
    let mut process = remote.starts_with_hello("").await;
    assert_eq!(process.reads().await["text"], "old");
    telegram.expects_state(|state| state["pending"] == 0).await;
    telegram.injects(&serde_json::from_str(&message(1_000, "new")).unwrap()).await;
    Records::of(&gateway, &telegram).has(2, "updates").await;
    gateway.kill();
    gateway.exits().await;
    let _gateway = Gateway::with(&remote.worker).with_state(gateway.state()).start(&telegram).await;
    telegram.injects(&serde_json::from_str(&message(1_001, "newer")).unwrap()).await;
    let mut process = remote.starts_with_hello("").await;
    for text in ["old", "new", "newer"] {
        let update = process.reads().await;
        assert_eq!(update["text"], text);
        process.acks(&update).await;
    }
}

#[tokio::test]
async fn a_gateway_knows_that_the_program_acknowledges_from_the_one_before() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let mut gateway = Gateway::with(&remote.worker).start(&telegram).await;
    let records = Records::of(&gateway, &telegram);
    telegram.says(ANN, "one").await;
    let mut process = remote.starts().await;
    process.reads().await;
    // Without hello: only the ack tells.
    let one = process.reads().await;
    process.acks(&one).await;
    records.has(1, "meta WHERE key LIKE 'fact:%'").await;
    records.has(0, "updates").await;
    gateway.kill();
    gateway.exits().await;
    drop(process);

    let _gateway = Gateway::with(&remote.worker).with_state(gateway.state()).start(&telegram).await;
    telegram.says(ANN, "two").await;
    telegram.says(ANN, "three").await;
    records.has(2, "updates").await;
    let mut process = remote.starts().await;
    process.reads().await;
    let two = process.reads().await;
    assert_eq!(two["text"], "two");
    // It reads on. A plain worker would be taken to be done with the second, and get the third.
    assert_eq!(process.reads_within(A_WHILE).await, None);
    records.has(2, "updates").await;
    process.acks(&two).await;
    assert_eq!(process.reads().await["text"], "three");
}

#[tokio::test]
async fn a_journal_in_memory_says_so_and_leaves_nothing_on_the_disk() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("ack-echo");
    let gateway = Gateway::with(&bot).arg("--journal=memory").start(&telegram).await;
    gateway.expects_log("updates wait in memory").await;
    telegram.says(ANN, "hi").await;
    telegram.expects_message(ANN, "hi").await;
    assert_eq!(gateway.state().path().read_dir().unwrap().count(), 0);
}

/// An update with a message of ANN, as Telegram writes it.
fn message(update_id: i64, text: &str) -> String {
    let chat = format!(r#"{{"id":{ANN},"type":"private","first_name":"Ann"}}"#);
    format!(
        r#"{{"update_id":{update_id},"message":{{"message_id":{update_id},"date":1,"chat":{chat},"text":"{text}"}}}}"#
    )
}
