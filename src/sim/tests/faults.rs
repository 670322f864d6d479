//! Ordered faults, as a client meets them.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Server, SimOptions};
use crate::sim::RateLimits;

#[tokio::test]
async fn a_429_has_its_header_and_is_used_up() {
    let server = Server::start().await;
    server.says("hi").await;
    let fault = json!({"bot": 42, "method": "sendMessage", "chat_id": 7, "status": 429, "retry_after": 3});
    let (_, waiting) = server.control("/faults", fault).await;
    assert_eq!(waiting["faults"][0]["count"], 1);
    let send = || server.client.get(server.url("sendMessage?chat_id=7&text=x")).send();
    let answer = send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "3"));
    assert_eq!(
        answer.text().await.unwrap(),
        r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 3","parameters":{"retry_after":3}}"#
    );
    assert_eq!(send().await.unwrap().status(), 200);
    assert_eq!(server.read("/42/chats/7/messages").await["messages"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn bodies_that_are_no_json_and_delays() {
    let server = Server::start().await;
    server.control("/faults", json!({"status": 502, "body": "<html>bad</html>", "delay_ms": 50})).await;
    let began = Instant::now();
    let answer = server.client.get(server.url("getMe")).send().await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(50));
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (502, "text/html")
    );
    assert_eq!(answer.text().await.unwrap(), "<html>bad</html>");
    server.control("/faults", json!({"pretty": true})).await;
    let body = server.client.get(server.url("getMe")).send().await.unwrap().text().await.unwrap();
    assert!(body.lines().count() > 5 && body.contains("\"sim_42_bot\""), "{body}");
}

#[tokio::test]
async fn connections_break() {
    let server = Server::start().await;
    server.says("hi").await;
    server.control("/faults", json!({"method": "sendMessage", "cut": true})).await;
    let answer = server.client.get(server.url("sendMessage?chat_id=7&text=cut")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err(), "the body is cut");
    server.control("/faults", json!({"method": "sendMessage", "close": true})).await;
    assert!(server.client.get(server.url("sendMessage?chat_id=7&text=closed")).send().await.is_err());
    let calls = server.read("/42/calls").await;
    assert_eq!((&calls["calls"][0]["status"], &calls["calls"][1]["status"]), (&json!(200), &json!(0)));
    let messages = server.read("/42/chats/7/messages").await;
    assert_eq!(
        messages["messages"].as_array().unwrap().len(),
        2,
        "cut was performed, close was not: {messages}"
    );
}

#[tokio::test]
async fn the_pace_is_kept_when_asked_for() {
    let limits = RateLimits { per_chat: 0.1, chat_burst: 1.0, ..RateLimits::default() };
    let server = Server::with(SimOptions { rate_limits: Some(limits), ..SimOptions::default() }).await;
    server.says("hi").await;
    server.works("sendMessage", json!({"chat_id": 7, "text": "x"})).await;
    let (status, body) = server.call("sendMessage", json!({"chat_id": 7, "text": "y"})).await;
    assert_eq!((status, body["parameters"]["retry_after"].as_i64()), (429, Some(10)));
    server.sim.advance_clock(10.0);
    server.works("sendMessage", json!({"chat_id": 7, "text": "y"})).await;
}
