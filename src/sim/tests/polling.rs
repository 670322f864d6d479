//! getUpdates as a client sees it.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Server, post};

const WEBHOOK_ACTIVE: &str = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
const OTHER_POLL: &str =
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";

#[tokio::test]
async fn updates_come_until_they_are_confirmed() {
    let server = Server::start().await;
    server.says("one").await;
    server.says("two").await;
    assert_eq!(server.poll(json!({})).await, [100, 101]);
    assert_eq!(server.poll(json!({"offset": 101, "limit": 5})).await, [101]);
    assert_eq!(server.poll(json!({"offset": 999_999})).await, [101]);
    assert_eq!(server.poll(json!({"offset": "102abc"})).await, [0; 0]);
    assert_eq!(server.read("/42/state").await["confirmed"], 102);
    for text in ["a", "b", "c"] {
        server.says(text).await;
    }
    assert_eq!(server.poll(json!({"offset": -1})).await, [104]);
}

#[tokio::test]
async fn the_body_has_its_newline() {
    let server = Server::start().await;
    server.says("/start").await;
    let body = server.client.get(server.url("getUpdates")).send().await.unwrap().text().await.unwrap();
    assert!(
        body.starts_with("{\"ok\":true,\"result\":[{\"update_id\":100,\n\"message\":{\"message_id\":1,"),
        "{body}"
    );
    assert!(body.contains(r#""entities":[{"offset":0,"length":6,"type":"bot_command"}]"#), "{body}");
}

#[tokio::test]
async fn a_parked_poll_is_woken() {
    let server = Server::start().await;
    let (url, client) = (server.url("getUpdates"), server.client.clone());
    let parked = tokio::spawn(async move { post(&client, url, json!({"timeout": 50})).await });
    server.until_parked(1).await;
    server.says("hi").await;
    let (status, body) = parked.await.unwrap();
    assert_eq!((status, &body["result"][0]["message"]["text"]), (200, &json!("hi")));
    server.until_parked(0).await;
}

#[tokio::test]
async fn a_poll_times_out_empty() {
    let server = Server::start().await;
    let began = Instant::now();
    assert_eq!(server.poll(json!({"timeout": 1})).await, [0; 0]);
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn the_older_of_two_polls_loses_and_the_next_conflict_is_late() {
    let server = Server::start().await;
    let poll = |offset: i64| {
        let (url, client) = (server.url("getUpdates"), server.client.clone());
        tokio::spawn(async move { post(&client, url, json!({"timeout": 50, "offset": offset})).await })
    };
    let first = poll(1);
    server.until_parked(1).await;
    let second = poll(2);
    let (status, body) = first.await.unwrap();
    assert_eq!((status, body["description"].as_str().unwrap()), (409, OTHER_POLL));
    let began = Instant::now();
    let third = poll(3);
    let (status, _) = second.await.unwrap();
    assert_eq!(status, 409);
    assert!(began.elapsed() >= Duration::from_millis(2900), "the second conflict is told 3 s late");
    server.says("hi").await;
    assert_eq!(third.await.unwrap().0, 200);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_its_poll_parked() {
    let server = Server::start().await;
    let (url, client) = (server.url("getUpdates"), server.client.clone());
    let parked = tokio::spawn(async move { post(&client, url, json!({"timeout": 50})).await });
    server.until_parked(1).await;
    parked.abort();
    assert!(parked.await.unwrap_err().is_cancelled());
    let (url, client) = (server.url("getUpdates"), server.client.clone());
    let next = tokio::spawn(async move { post(&client, url, json!({"timeout": 50, "offset": 5})).await });
    let polls = server.read("/42/calls?polls=1&wait=10").await;
    assert_eq!(polls["calls"][0]["status"], 409, "the dead poll got the conflict: {polls}");
    server.says("hi").await;
    assert_eq!(next.await.unwrap().0, 200);
}

#[tokio::test]
async fn a_webhook_excludes_polling() {
    let server = Server::start().await;
    let (url, client) = (server.url("getUpdates"), server.client.clone());
    let parked = tokio::spawn(async move { post(&client, url, json!({"timeout": 50})).await });
    server.until_parked(1).await;
    let (_, set) =
        server.call("setWebhook", json!({"url": "https://e.com/x", "allowed_updates": ["poll"]})).await;
    assert_eq!(set["description"], "Webhook was set");
    assert_eq!(parked.await.unwrap().1["description"], "Conflict: terminated by setWebhook request");
    server.sim.advance_clock(10.0);
    assert_eq!(server.fails("getUpdates", json!({})).await, WEBHOOK_ACTIVE);
    let info = server.works("getWebhookInfo", json!({})).await;
    assert_eq!(info["allowed_updates"], json!(["poll"]));
    assert_eq!(
        server.fails("setWebhook", json!({"url": "http://e.com"})).await,
        "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
    );
    let (_, gone) = server.call("deleteWebhook", json!({})).await;
    assert_eq!(gone["description"], "Webhook was deleted");
    server.says("not wanted").await;
    assert_eq!(server.poll(json!({"allowed_updates": []})).await, [0; 0]);
    server.says("wanted").await;
    assert_eq!(server.poll(json!({"offset": 1})).await, [100]);
}

#[tokio::test]
async fn stopping_answers_parked_polls() {
    let mut server = Server::start().await;
    let (url, client) = (server.url("getUpdates"), server.client.clone());
    let parked = tokio::spawn(async move { post(&client, url, json!({"timeout": 50})).await });
    server.until_parked(1).await;
    server.stop.cancel();
    let (status, body) = parked.await.unwrap();
    assert_eq!((status, body["parameters"]["retry_after"].as_i64()), (429, Some(5)));
    let served = std::mem::replace(&mut server.served, tokio::spawn(async { Ok(()) }));
    tokio::time::timeout(Duration::from_secs(5), served).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn logging_out_clears_and_refuses() {
    let server = Server::start().await;
    server.says("lost").await;
    server.works("logOut", json!({})).await;
    assert_eq!(server.fails("getMe", json!({})).await, "Logged out");
    assert_eq!(server.fails("getUpdates", json!({})).await, "Logged out");
    server.sim.advance_clock(600.0);
    assert_eq!(server.poll(json!({})).await, [0; 0]);
}
