//! Methods as a client calls them.

use serde_json::json;

use super::Server;

#[tokio::test]
async fn send_message_refuses_in_telegrams_order() {
    let server = Server::start().await;
    server.says("hi").await;
    for (params, expected) in [
        (json!({}), "message text is empty"),
        (
            json!({"text": "<b>", "parse_mode": "HTML", "reply_parameters": 1}),
            "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        (json!({"text": "x", "parse_mode": null}), "unsupported parse_mode"),
        (
            json!({"text": "x", "reply_parameters": 1, "reply_markup": null}),
            "object expected as reply parameters",
        ),
        (json!({"text": "x", "reply_markup": null}), "object expected as reply markup"),
        (json!({"text": "x"}), "chat_id is empty"),
        (json!({"text": "x", "chat_id": 8}), "chat not found"),
        (json!({"text": "x", "chat_id": "@nobody"}), "chat not found"),
        (
            json!({"text": " \n", "chat_id": 7, "reply_parameters": {"message_id": 99}}),
            "message to be replied not found",
        ),
        (json!({"text": " \n", "chat_id": 7}), "text must be non-empty"),
        (json!({"text": "é".repeat(4097), "chat_id": 7}), "message is too long"),
        (json!({"text": "x".repeat(32769), "chat_id": 7}), "text is too long"),
    ] {
        assert_eq!(
            server.fails("sendMessage", params.clone()).await,
            format!("Bad Request: {expected}"),
            "{params}"
        );
    }
    let sent = server.works("sendMessage", json!({"chat_id": "7", "text": "é".repeat(4096)})).await;
    assert_eq!(sent["message_id"], 2);
}

#[tokio::test]
async fn messages_are_edited_and_deleted() {
    let server = Server::start().await;
    let question = server.says("hi").await;
    let keyboard = json!({"inline_keyboard": [[{"text": "go", "callback_data": "x"}]]});
    let sent = server
        .works(
            "sendMessage",
            json!({"chat_id": 7, "text": "<b>a</b>", "parse_mode": "html", "reply_markup": keyboard,
            "reply_parameters": {"message_id": question}}),
        )
        .await;
    assert_eq!(sent["reply_to_message"]["text"], "hi");
    assert_eq!(sent["entities"], json!([{"offset": 0, "length": 1, "type": "bold"}]));
    let id = sent["message_id"].as_i64().unwrap();
    let same = json!({"chat_id": 7, "message_id": id, "text": "<b>a</b>", "parse_mode": "HTML", "reply_markup": keyboard});
    assert!(
        server
            .fails("editMessageText", same)
            .await
            .starts_with("Bad Request: message is not modified: specified")
    );
    let edited = server.works("editMessageText", json!({"chat_id": 7, "message_id": id, "text": "b"})).await;
    assert_eq!((edited["text"].as_str(), edited.get("reply_markup")), (Some("b"), None));
    let edited = server
        .works("editMessageReplyMarkup", json!({"chat_id": 7, "message_id": id, "reply_markup": keyboard}))
        .await;
    assert!(edited["edit_date"].is_i64() && edited["reply_markup"] == keyboard);
    for (method, params, expected) in [
        (
            "editMessageText",
            json!({"chat_id": 7, "message_id": question, "text": "x"}),
            "message can't be edited",
        ),
        (
            "editMessageText",
            json!({"chat_id": 7, "message_id": 99, "text": "x"}),
            "message to edit not found",
        ),
        ("editMessageText", json!({"text": "x"}), "message identifier is not specified"),
        (
            "editMessageCaption",
            json!({"chat_id": 7, "message_id": id}),
            "there is no caption in the message to edit",
        ),
        ("deleteMessage", json!({}), "chat identifier is not specified"),
        ("deleteMessage", json!({"chat_id": 7}), "message identifier is not specified"),
        ("deleteMessage", json!({"chat_id": 7, "message_id": 99}), "message to delete not found"),
        ("deleteMessages", json!({"chat_id": 7}), "message identifiers are not specified"),
        (
            "deleteMessages",
            json!({"chat_id": 7, "message_ids": 5}),
            "expected an Array of message identifiers",
        ),
    ] {
        assert_eq!(server.fails(method, params).await, format!("Bad Request: {expected}"));
    }
    server.works("deleteMessages", json!({"chat_id": 7, "message_ids": [id, 99]})).await;
    let left = server.read("/42/chats/7/messages").await;
    assert_eq!(left["messages"].as_array().unwrap().len(), 1);
    let events = server.read("/42/events?since=1").await;
    let kinds: Vec<&str> =
        events["events"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["edit", "edit", "delete"]);
}

#[tokio::test]
async fn rights_are_checked() {
    let server = Server::start().await;
    for (chat, code, expected) in [
        (
            json!({"id": 7, "title": "Ann", "access": "blocked"}),
            403,
            "Forbidden: bot was blocked by the user",
        ),
        (
            json!({"id": -1_001_000_000_001_i64, "access": "kicked"}),
            403,
            "Forbidden: bot was kicked from the supergroup chat",
        ),
        (
            json!({"id": -1_001_000_000_002_i64, "type": "channel", "access": "left"}),
            403,
            "Forbidden: bot is not a member of the channel chat",
        ),
        (
            json!({"id": -5, "migrated_to": -1_001_000_000_003_i64}),
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
        ),
    ] {
        let (status, made) = server.control("/42/chats", chat.clone()).await;
        assert_eq!(status, 200, "{made}");
        let (status, body) = server.call("sendMessage", json!({"chat_id": chat["id"], "text": "x"})).await;
        assert_eq!((status, body["description"].as_str().unwrap()), (code, expected));
        assert_eq!(body["parameters"]["migrate_to_chat_id"], chat["migrated_to"]);
    }
}

#[tokio::test]
async fn callbacks_are_answered_in_time() {
    let server = Server::start().await;
    server.says("hi").await;
    let keyboard = json!({"inline_keyboard": [[{"text": "go", "callback_data": "x"}]]});
    let sent =
        server.works("sendMessage", json!({"chat_id": 7, "text": "a", "reply_markup": keyboard})).await;
    let press = json!({"message_id": sent["message_id"], "button": [0, 0]});
    let id = server.control("/42/users/7/callbacks", press.clone()).await.1["id"].clone();
    let update = &server.works("getUpdates", json!({"offset": 101})).await[0]["callback_query"];
    assert_eq!((&update["id"], &update["data"], &update["message"]["text"]), (&id, &json!("x"), &json!("a")));
    server
        .works("answerCallbackQuery", json!({"callback_query_id": id, "text": "done", "show_alert": true}))
        .await;
    let event = server.read("/42/events?since=1").await["events"][0].clone();
    assert_eq!(
        (&event["kind"], &event["text"], &event["user"]),
        (&json!("callback_answer"), &json!("done"), &json!(7))
    );
    let id = server.control("/42/users/7/callbacks", press).await.1["id"].clone();
    server.control("/clock", json!({"advance": 150})).await;
    let too_old = "Bad Request: query is too old and response timeout expired or query ID is invalid";
    assert_eq!(server.fails("answerCallbackQuery", json!({"callback_query_id": id})).await, too_old);
    assert_eq!(server.fails("answerCallbackQuery", json!({})).await, too_old);
}

#[tokio::test]
async fn every_method_answers() {
    let server = Server::start().await;
    let id = server.says("hi").await;
    for (method, params, expected) in [
        ("sendPhoto", json!({"chat_id": 7}), "there is no photo in the request"),
        ("sendLocation", json!({"chat_id": 7}), "latitude is empty"),
        ("sendChatAction", json!({"chat_id": 7, "action": "fly"}), "wrong parameter action in request"),
        ("setMyCommands", json!({}), "parameter \"commands\" is required"),
        ("setChatTitle", json!({"title": "x"}), "chat_id is empty"),
        ("pinChatMessage", json!({"chat_id": 7, "message_id": 99}), "message to pin not found"),
    ] {
        assert_eq!(server.fails(method, params).await, format!("Bad Request: {expected}"), "{method}");
    }
    let photo = server
        .works("sendPhoto", json!({"chat_id": 7, "photo": "abc", "caption": "*c*", "parse_mode": "Markdown"}))
        .await;
    assert_eq!((&photo["photo"][0]["file_id"], &photo["caption"]), (&json!("abc"), &json!("c")));
    let poll = server
        .works("sendPoll", json!({"chat_id": 7, "question": "?", "options": [{"text": "a"}, "b"]}))
        .await;
    assert_eq!(poll["poll"]["options"][1]["text"], "b");
    let place = server.works("sendLocation", json!({"chat_id": 7, "latitude": 1.5, "longitude": 2})).await;
    assert_eq!(place["location"]["latitude"], 1.5);
    let album = json!([{"type": "photo", "media": "a"}, {"type": "video", "media": "b", "caption": "v"}]);
    let album = server.works("sendMediaGroup", json!({"chat_id": 7, "media": album})).await;
    assert_eq!((album[0]["media_group_id"].is_string(), &album[1]["caption"]), (true, &json!("v")));
    let forward =
        server.works("forwardMessage", json!({"chat_id": 7, "from_chat_id": 7, "message_id": id})).await;
    assert_eq!((&forward["text"], &forward["forward_origin"]["type"]), (&json!("hi"), &json!("user")));
    let copy = server.works("copyMessage", json!({"chat_id": 7, "from_chat_id": 7, "message_id": id})).await;
    assert!(copy["message_id"].is_i64());
    let member = server.works("getChatMember", json!({"chat_id": 7, "user_id": 7})).await;
    assert_eq!((&member["status"], &member["user"]["first_name"]), (&json!("member"), &json!("Ann")));
    assert_eq!(server.works("setMessageReaction", json!({"chat_id": 7, "message_id": id})).await, true);
    assert_eq!(server.works("getMyCommands", json!({})).await, json!([]));
    assert_eq!(server.works("getChat", json!({"chat_id": 7})).await["type"], "private");
    assert!(
        server
            .works(
                "createInvoiceLink",
                json!({"title": "a", "description": "b", "payload": "c", "currency": "XTR", "prices": []})
            )
            .await
            .is_string()
    );
}
