//! The first message: a few lines in any language are a bot.

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
