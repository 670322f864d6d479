//! Paths, tokens and the ways parameters come in.

use serde_json::{Value, json};

use super::{Server, TOKEN};

#[tokio::test]
async fn paths_and_tokens() {
    let server = Server::start().await;
    for (path, status, body) in [
        ("/", 404, r#"{"ok":false,"error_code":404,"description":"Not Found"}"#),
        ("/bot42:x", 404, r#"{"ok":false,"error_code":404,"description":"Not Found"}"#),
        (
            "/bot/getMe",
            401,
            r#"{"ok":false,"error_code":401,"description":"Unauthorized: invalid token specified"}"#,
        ),
        ("/bot42:short/getMe", 401, r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#),
    ] {
        let answer = server.client.get(format!("{}{path}", server.base)).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.text().await.unwrap(), body, "{path}");
    }
    assert_eq!(server.fails("getYou", json!({})).await, "Not Found: method not found");
    let answer = server.client.put(server.url("getMe")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (501, String::new()));
    let me = server.client.get(server.url("test/GETME")).send().await.unwrap().text().await.unwrap();
    assert!(me.starts_with(
        r#"{"ok":true,"result":{"id":42,"is_bot":true,"first_name":"Sim Bot","username":"sim_42_bot""#
    ));
    let escaped = server.base.clone() + "/bot" + &TOKEN.replace(':', "%3A") + "/?method=getMe";
    assert_eq!(server.client.get(escaped).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn parameters_come_from_everywhere_and_the_query_wins() {
    let server = Server::start().await;
    server.says("hi").await;
    let request = server.client.post(server.url("sendMessage?chat_id=7&text=query"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body("text=form&parse_mode=HTML").send().await.unwrap().text().await.unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (answer["result"]["text"].as_str(), answer["result"]["from"]["id"].as_i64()),
        (Some("query"), Some(42))
    );
    let multipart = "--B\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n7\r\n--B\r\nContent-Disposition: \
         form-data; name=\"document\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--B--\r\n";
    let request = server.client.post(server.url("sendDocument"));
    let request = request.header("content-type", "multipart/form-data; boundary=B").body(multipart);
    let answer: Value = serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!(answer["result"]["document"]["file_name"], "a.txt", "{answer}");
    let calls = server.read("/42/calls?method=senddocument").await;
    assert_eq!(
        calls["calls"][0]["params"],
        json!({"chat_id": "7", "document": {"file": "a.txt", "size": 5}})
    );
}

#[tokio::test]
async fn files_are_downloaded() {
    let server = Server::start().await;
    server.says("hi").await;
    let url = format!("{}/sim/42/files/ABC?filename=cat.png", server.base);
    assert_eq!(server.client.post(url).body("meow").send().await.unwrap().status(), 200);
    let file = server.works("getFile", json!({"file_id": "ABC"})).await;
    assert_eq!((&file["file_path"], &file["file_size"]), (&json!("documents/ABC.png"), &json!(4)));
    let url = format!("{}/file/bot{TOKEN}/documents/ABC.png", server.base);
    assert_eq!(server.client.get(url).send().await.unwrap().text().await.unwrap(), "meow");
    let url = format!("{}/file/bot{TOKEN}/documents/none", server.base);
    assert_eq!(server.client.get(url).send().await.unwrap().status(), 404);
    assert_eq!(server.fails("getFile", json!({"file_id": "x"})).await, "Bad Request: invalid file_id");
    assert_eq!(server.fails("getFile", json!({})).await, "Bad Request: file_id not specified");
    let photo = server.works("sendPhoto", json!({"chat_id": 7, "photo": "ABC"})).await;
    let media = json!({"type": "video", "media": "DEF", "caption": "c"});
    let edit = json!({"chat_id": 7, "message_id": photo["message_id"], "media": media});
    let edited = server.works("editMessageMedia", edit).await;
    assert_eq!((&edited["video"]["file_id"], &edited["caption"]), (&json!("DEF"), &json!("c")));
}
