//! The control API.

use serde_json::json;

use super::Server;

#[tokio::test]
async fn raw_updates_go_in_as_they_are() {
    let server = Server::start().await;
    let url = format!("{}/sim/42/updates", server.base);
    let raw = r#"[{"update_id":7, "future_kind":{"b":1.0,"a":"\u00e9"}}, {"poll":{"id":"1"}},5,{}]"#;
    let answer = server.client.post(url).body(raw).send().await.unwrap().text().await.unwrap();
    assert_eq!(answer, r#"{"ok":true,"update_ids":[7,8,9,10]}"#);
    let body = server.client.get(server.url("getUpdates")).send().await.unwrap().text().await.unwrap();
    let expected = "{\"ok\":true,\"result\":[{\"update_id\":7, \"future_kind\":{\"b\":1.0,\"a\":\"\\u00e9\"}},\
        {\"update_id\":8,\n\"poll\":{\"id\":\"1\"}},5,{\"update_id\":10}]}";
    assert_eq!(body, expected);
    let (status, _) = server.control("/x/updates", json!({})).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_raw_message_makes_its_chat() {
    let server = Server::start().await;
    let user = json!({"id": 9, "is_bot": false, "first_name": "Bo"});
    let chat = json!({"id": -1_001_234_567_890_i64, "type": "supergroup", "title": "T"});
    let message = json!({"message": {"message_id": 77, "date": 1, "from": user, "chat": chat, "text": "hi"}});
    server.control("/42/updates", message).await;
    let reply = json!({"chat_id": chat["id"], "text": "x", "reply_parameters": {"message_id": 77}});
    assert_eq!(server.works("sendMessage", reply).await["reply_to_message"]["text"], "hi");
    server.control("/42/updates", json!({"callback_query": {"id": "55", "from": user, "data": "d"}})).await;
    server.works("answerCallbackQuery", json!({"callback_query_id": "55"})).await;
}

#[tokio::test]
async fn calls_are_waited_for() {
    let server = Server::start().await;
    server.says("hi").await;
    let waiting = server.read("/42/calls?since=0&method=sendMessage&wait=10");
    let sending = async {
        server.works("getMe", json!({})).await;
        server.works("sendMessage", json!({"chat_id": 7, "text": "x"})).await
    };
    let (calls, _) = tokio::join!(waiting, sending);
    let call = &calls["calls"][0];
    assert_eq!(
        (&call["method"], &call["status"], &call["n"]),
        (&json!("sendMessage"), &json!(200), &json!(2))
    );
    assert_eq!((&call["params"], &call["answer"]["ok"]), (&json!({"chat_id": 7, "text": "x"}), &json!(true)));
    assert_eq!(calls["next"], 2);
    assert_eq!(server.read("/42/calls?since=2").await, json!({"calls": [], "next": 2}));
}

#[tokio::test]
async fn people_act() {
    let server = Server::start().await;
    let id = server.says("one").await;
    server.control("/42/users/7", json!({"first_name": "Anna", "username": "anna"})).await;
    server.control("/42/users/7/edits", json!({"message_id": id, "text": "two"})).await;
    let group =
        server.control("/42/chats", json!({"type": "supergroup", "title": "G"})).await.1["result"]["id"]
            .clone();
    server.control("/42/users/7/messages", json!({"text": "hello", "chat": group})).await;
    server.control("/42/users/8/messages", json!({"text": "post", "chat": -77})).await;
    let updates = server.works("getUpdates", json!({})).await;
    assert_eq!(updates[1]["edited_message"]["text"], "two");
    assert_eq!(
        (&updates[2]["message"]["chat"]["title"], &updates[2]["message"]["from"]["username"]),
        (&json!("G"), &json!("anna"))
    );
    assert_eq!(updates[3]["message"]["chat"]["type"], "group");
    for (path, body) in [
        ("/42/users/7/messages", json!({"text": ""})),
        ("/42/users/7/messages", json!({"text": "x", "chat": 8})),
        ("/42/users/7/messages", json!({"text": "x", "reply_to": 99})),
        ("/42/users/-7/messages", json!({"text": "x"})),
        ("/42/users/7/edits", json!({"message_id": 99, "text": "x"})),
        ("/42/users/7/callbacks", json!({"message_id": id, "button": [0, 0]})),
        ("/42/users/7/callbacks", json!({"message_id": id})),
        ("/42/chats", json!({"type": "club"})),
        ("/0/chats", json!({})),
        ("/clock", json!({})),
        ("/faults", json!({"sttaus": 5})),
    ] {
        let (status, answer) = server.control(path, body).await;
        assert_eq!((status, &answer["ok"]), (400, &json!(false)), "{path}");
        assert!(answer["error"].is_string());
    }
    assert_eq!(server.read("").await["bots"], json!([42]));
}

#[tokio::test]
async fn foreign_pages_are_refused() {
    let server = Server::start().await;
    let url = format!("{}/sim/clock", server.base);
    let own = server.base.clone();
    for (header, value, status) in [
        ("origin", "http://evil.example", 403),
        ("origin", "null", 403),
        ("host", "evil.example", 403),
        ("origin", own.as_str(), 200),
        ("host", "localhost:1", 200),
    ] {
        let request = server.client.post(&url).header(header, value).body(r#"{"advance":1}"#);
        assert_eq!(request.send().await.unwrap().status(), status, "{header}: {value}");
    }
}
