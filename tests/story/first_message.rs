//! The first message: a few lines in any language are a bot.

use serde_json::json;

use crate::support::{ANN, BOB, Gateway, Telegram, worker};

#[tokio::test]
async fn ten_lines_of_python_are_a_bot() {
    let telegram = Telegram::start().await;
    let bot = worker::python(
        r#"
import json, sys

for line in sys.stdin:
    event = json.loads(line)
    if event["type"] == "telegram.message":
        answer = {"type": "telegram.send_message", "text": "You said: " + event["text"]}
        print(json.dumps(answer), flush=True)
"#,
    );
    let mut gateway = Gateway::plain(&bot).start(&telegram).await;
    telegram.says(ANN, "hello").await;
    telegram.expects_message(ANN, "You said: hello").await;
    telegram.says(BOB, "me too").await;
    telegram.says(ANN, "again").await;
    telegram.expects_message(BOB, "You said: me too").await;
    telegram.expects_messages(ANN, &["You said: hello", "You said: again"]).await;
    assert!(gateway.stop().await.success());
}

#[tokio::test]
async fn a_shell_loop_is_a_bot() {
    let telegram = Telegram::start().await;
    let _gateway = Gateway::plain(&worker::file("sh", "clients/shell/echo.sh")).start(&telegram).await;
    let text = r#"a "quote", a \n that is none, $(no command) and 😀"#;
    telegram.says(ANN, text).await;
    telegram.expects_message(ANN, text).await;
}

#[tokio::test]
async fn javascript_is_a_bot() {
    let telegram = Telegram::start().await;
    let bot = worker::node(
        r#"
const lines = require("readline").createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const event = JSON.parse(line);
  if (event.text) console.log(JSON.stringify({ type: "telegram.send_message", text: event.text.toUpperCase() }));
});
"#,
    );
    let _gateway = Gateway::plain(&bot).start(&telegram).await;
    telegram.says(ANN, "hello").await;
    telegram.expects_message(ANN, "HELLO").await;
}

#[tokio::test]
async fn cat_does_no_harm() {
    let telegram = Telegram::start().await;
    let mut gateway = Gateway::plain(&worker::command(&["cat"])).start(&telegram).await;
    for text in ["one", "two", "three"] {
        telegram.says(ANN, text).await;
    }
    telegram.expects_state(|state| state["pending"] == 0).await;
    assert!(gateway.stop().await.success());
    let methods: Vec<_> = telegram.calls("").await.into_iter().map(|call| call.method).collect();
    assert_eq!(methods, ["getMe", "getWebhookInfo"]);
    assert!(!gateway.log().contains("skipped"), "an echo is nobody's mistake");
}

#[tokio::test]
async fn buttons_are_pressed_and_the_message_changes() {
    let telegram = Telegram::start().await;
    let bot = worker::file(worker::python3(), "clients/examples/keyboard.py");
    let _gateway = Gateway::plain(&bot).start(&telegram).await;
    telegram.says(ANN, "a button, please").await;
    let sent = telegram.expects_message(ANN, "The value is 0").await;
    telegram.press(ANN, sent.answer["result"]["message_id"].as_i64().unwrap(), "1").await;
    let edited = telegram.expects_call("the edit", |call| call.method == "editMessageText").await;
    assert!(edited.succeeded() && edited.text() == "The value is 1", "{edited:?}");
    telegram
        .expects_call("the answer", |call| call.method == "answerCallbackQuery" && call.succeeded())
        .await;
}

#[tokio::test]
async fn a_group_shares_one_process_and_each_of_its_members_has_another() {
    let telegram = Telegram::start().await;
    let group = -1_001_234;
    telegram.knows_chat(json!({"id": group, "type": "supergroup", "title": "The club"})).await;
    let bot = worker::file(worker::python3(), "clients/examples/counter.py");
    let gateway = Gateway::plain(&bot).start(&telegram).await;
    telegram.says_in(ANN, group, "hi all").await;
    telegram.says_in(BOB, group, "hi Ann").await;
    telegram.says(ANN, "in private").await;
    telegram.expects_messages(group, &["Message 1", "Message 2"]).await;
    telegram.expects_message(ANN, "Message 1").await;
    gateway.has_workers(2).await;
}
