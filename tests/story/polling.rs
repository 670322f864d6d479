//! Polling: nothing at Telegram is lost or skipped, and every trouble is told to people.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::remote::Remote;
use crate::support::telegram::secret;
use crate::support::{ANN, Gateway, Telegram, worker};

#[tokio::test]
async fn what_waits_at_telegram_is_logged_and_delivered() {
    let telegram = Telegram::start().await;
    for text in ["one", "two", "three"] {
        telegram.says(ANN, text).await;
    }
    let gateway = Gateway::with(&worker::mode("ack-echo")).start(&telegram).await;
    gateway.expects_log("waiting=3").await;
    telegram.expects_messages(ANN, &["one", "two", "three"]).await;
    for poll in telegram.polls().await {
        assert!(poll.params["offset"].as_i64().unwrap() >= 0, "{:?}", poll.params);
    }
}

#[tokio::test]
async fn what_waits_is_dropped_only_when_that_is_asked_for() {
    let telegram = Telegram::start().await;
    for text in ["one", "two", "three"] {
        telegram.says(ANN, text).await;
    }
    let gateway = Gateway::with(&worker::mode("ack-echo")).arg("--drop-pending").start(&telegram).await;
    gateway.expects_log("dropped=3").await;
    telegram.says(ANN, "after").await;
    telegram.expects_messages(ANN, &["after"]).await;
}

#[tokio::test]
async fn a_bad_token_ends_the_gateway_with_a_remedy() {
    for (status, description) in [(401, "Unauthorized"), (404, "Not Found")] {
        let telegram = Telegram::start().await;
        let body = json!({"ok":false,"error_code":status,"description":description}).to_string();
        telegram.fault(json!({"method":"getMe","status":status,"body":body,"count":9})).await;
        let mut gateway = Gateway::plain(&worker::command(&["cat"])).launch(&telegram);
        assert_eq!(gateway.exits().await.code(), Some(3));
        let log = gateway.log();
        assert!(
            log.contains("error: telegram does not accept this token") && log.contains(description),
            "{log}"
        );
        assert_eq!(gateway.log_lines("help: ").len(), 1, "one remedy, said once: {log}");
        assert!(!log.contains(secret()), "{log}");
    }
}

#[tokio::test]
async fn a_webhook_is_explained_and_removed_when_that_is_asked_for() {
    let telegram = Telegram::start().await;
    let webhook = json!({"url": "https://bot.example.org/secret-path"});
    assert_eq!(telegram.method("setWebhook", &webhook).await["ok"], true);
    telegram.says(ANN, "waits").await;
    let mut gateway = Gateway::with(&worker::mode("ack-echo")).start(&telegram).await;
    let line = gateway.expects_log("a webhook is active").await;
    assert!(line.contains("bot.example.org"), "{line}");
    gateway.expects_log("help: start with --delete-webhook").await;
    assert!(gateway.stop().await.success() && !gateway.log().contains("secret-path"));
    assert_eq!(telegram.state().await["webhook"], webhook["url"], "it is not ours to remove");
    let gateway = Gateway::with(&worker::mode("ack-echo")).arg("--delete-webhook").start(&telegram).await;
    gateway.expects_log("removed the webhook").await;
    telegram.expects_message(ANN, "waits").await;
    assert_eq!(telegram.state().await["webhook"], "");
}

#[tokio::test]
async fn a_webhook_that_comes_and_goes_is_waited_for() {
    let telegram = Telegram::start().await;
    let gateway = Gateway::with(&worker::mode("ack-echo")).start(&telegram).await;
    telegram.expects_state(|state| state["parked"] == 1).await;
    telegram.method("setWebhook", &json!({"url": "https://bot.example.org/"})).await;
    gateway.expects_log("a webhook is active").await;
    telegram.method("deleteWebhook", &json!({})).await;
    telegram.says(ANN, "back again").await;
    telegram.expects_message(ANN, "back again").await;
    gateway.expects_log("polling works again").await;
}

#[tokio::test]
async fn another_poller_is_explained_and_gone_out_of_the_way() {
    let telegram = Telegram::start().await;
    let mut gateway = Gateway::with(&worker::mode("ack-echo")).start(&telegram).await;
    telegram.expects_state(|state| state["parked"] == 1).await;
    let long = json!({"timeout": 50});
    let other = telegram.method("getUpdates", &long);
    let line = tokio::select! {
        line = gateway.expects_log("another program polls this bot") => line,
        answer = other => panic!("the other poller was not let alone: {answer}"),
    };
    assert!(line.contains("terminated by other getUpdates request"), "{line}");
    gateway.expects_log("help: stop the other program").await;
    assert!(gateway.process.running());
    assert!(gateway.stop().await.success());
}

/// The fault that the answers of Telegram have for a while, whatever is asked.
async fn survives(fault: Value) {
    let telegram = Telegram::start().await;
    let mut fault = fault;
    for method in ["getMe", "getWebhookInfo", "getUpdates"] {
        fault["method"] = json!(method);
        telegram.fault(fault.clone()).await;
    }
    telegram.says(ANN, "still there").await;
    let mut gateway = Gateway::with(&worker::mode("ack-echo")).start(&telegram).await;
    telegram.expects_message(ANN, "still there").await;
    gateway.expects_log("polling works again").await;
    assert!(gateway.stop().await.success());
}

#[tokio::test]
async fn faults_of_telegram_and_of_the_way_to_it_are_survived() {
    let all = [
        json!({"status": 500}),
        json!({"status": 502, "body": "<html><center>nginx</center></html>"}),
        json!({"status": 200, "body": ""}),
        json!({"status": 200, "body": "{\"ok\":true,\"result\":"}),
        json!({"cut": true}),
        json!({"close": true}),
        json!({"retry_after": 1}),
    ];
    futures_util::future::join_all(all.map(survives)).await;
}

#[tokio::test]
async fn all_kinds_are_asked_for_by_name() {
    let telegram = Telegram::start().await;
    let _gateway = Gateway::with(&worker::mode("ack-echo")).start(&telegram).await;
    telegram.says(ANN, "hi").await;
    telegram.expects_message(ANN, "hi").await;
    for poll in telegram.polls().await {
        assert_eq!(poll.params["allowed_updates"].as_array().map(Vec::len), Some(27), "{:?}", poll.params);
        assert!(poll.params["timeout"].as_i64().unwrap() > 30, "{:?}", poll.params);
    }
    let state = telegram.state().await;
    assert!(state["allowed_updates"].to_string().contains("message_reaction_count"), "{state}");
}

#[tokio::test]
async fn the_operator_names_the_kinds_to_deliver() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("ack-echo");
    let plan = Gateway::with(&bot).arg("--updates=message,callback_query");
    let mut gateway = plan.start(&telegram).await;
    // One that waited from before, so that it comes all the same.
    telegram
        .injects(&json!({"edited_message":{"chat":{"id":ANN,"type":"private"},"text":"not wanted"}}))
        .await;
    telegram.says(ANN, "wanted").await;
    telegram.expects_messages(ANN, &["wanted"]).await;
    assert_eq!(telegram.state().await["allowed_updates"], json!(["message", "callback_query"]));
    gateway.stop().await;
    assert!(
        gateway.log().contains("not_wanted=1") && gateway.log().contains("settled=1"),
        "{}",
        gateway.log()
    );
}

#[tokio::test]
async fn the_worker_names_the_kinds_it_takes() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).start(&telegram).await;
    telegram.says(ANN, "one").await;
    let mut process = remote.starts_with_hello(r#","updates":["message","poll"]"#).await;
    let one = process.reads().await;
    telegram
        .injects(&json!({"edited_message":{"chat":{"id":ANN,"type":"private"},"text":"not taken"}}))
        .await;
    telegram.says(ANN, "two").await;
    process.acks(&one).await;
    let two = process.reads().await;
    assert_eq!(two["text"], "two");
    process.acks(&two).await;
    telegram.says(ANN, "three").await;
    assert_eq!(process.reads().await["text"], "three");
    telegram.expects_state(|state| state["allowed_updates"] == json!(["message", "poll"])).await;
}

#[tokio::test]
async fn a_clean_stop_confirms_what_was_taken_and_a_next_start_gets_nothing_twice() {
    let telegram = Telegram::start().await;
    let mut gateway = Gateway::with(&worker::mode("ack-echo")).start(&telegram).await;
    for n in 0..5 {
        telegram.says(ANN, &n.to_string()).await;
    }
    telegram.expects_message(ANN, "4").await;
    assert!(gateway.stop().await.success());
    assert_eq!(telegram.state().await["pending"], 0);
    let gateway = Gateway::with(&worker::mode("ack-echo")).start(&telegram).await;
    gateway.expects_log("waiting=0").await;
    telegram.says(ANN, "5").await;
    telegram.expects_messages(ANN, &["0", "1", "2", "3", "4", "5"]).await;
}

#[tokio::test]
async fn a_stop_confirms_also_what_a_failed_poll_did_not() {
    let telegram = Telegram::start().await;
    let mut gateway = Gateway::with(&worker::mode("ack-echo")).start(&telegram).await;
    telegram.expects_state(|state| state["parked"] == 1).await;
    // Not the poll that is parked, but the next one, which would confirm what that brings.
    telegram.fault(json!({"method":"getUpdates","status":500})).await;
    telegram.says(ANN, "hi").await;
    gateway.expects_log("trying again").await;
    telegram.expects_message(ANN, "hi").await;
    assert!(gateway.stop().await.success());
    assert_eq!(telegram.state().await["pending"], 0);
}

#[tokio::test]
async fn a_gateway_that_cannot_reach_telegram_says_so_and_waits() {
    let telegram = Telegram::start().await;
    // Somebody listens there and is no Bot API.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut gateway = Gateway::run(&["--", "cat"])
        .arg(format!("--api-url=http://{address}"))
        .env("TELEGRAM_BOT_TOKEN", telegram.token())
        .launch_alone();
    gateway.expects_log("trying again").await;
    tokio::time::timeout(Duration::from_secs(20), gateway.stop()).await.unwrap();
    assert!(!gateway.log().contains(secret()));
}
