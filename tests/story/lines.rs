//! Lines: what a worker prints can cost it nothing but the line.

use crate::support::remote::Remote;
use crate::support::{ANN, BOB, Gateway, Telegram, worker};

#[tokio::test]
async fn a_line_that_is_too_long_is_thrown_away_and_reported() {
    let telegram = Telegram::start().await;
    let bot = worker::python(
        r#"
import json, sys

for line in sys.stdin:
    event = json.loads(line)
    if "text" in event:
        for text in ["a" * 200_000, "b" * 1000, "c" * 3000, event["text"]]:
            print(json.dumps({"type": "telegram.send_message", "text": text}), flush=True)
"#,
    );
    let gateway = Gateway::with(&bot).arg("--max-line=2KiB").start(&telegram).await;
    telegram.says(ANN, "short").await;
    telegram.expects_messages(ANN, &["b".repeat(1000).as_str(), "short"]).await;
    let lines = gateway.log_lines("--max-line");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("a line of 2000") && lines[0].contains("aaaaaaaa"), "{}", lines[0]);
    assert!(lines[0].contains("chat:42") && lines[0].len() < 600, "only the first bytes: {}", lines[0]);
}

#[tokio::test]
async fn a_line_without_an_end_takes_no_memory() {
    let telegram = Telegram::start().await;
    let bot = worker::sh(
        r#"
read -r scope; read -r event
head -c 200000000 /dev/zero
printf '\n%s\n' '{"type":"telegram.send_message","text":"and on"}'
"#,
    );
    let gateway = Gateway::with(&bot).start(&telegram).await;
    telegram.says(ANN, "hi").await;
    telegram.expects_message(ANN, "and on").await;
    gateway.expects_log("a line of 200000000 bytes").await;
    assert!(gateway.peak_memory() < 100_000, "{} KiB", gateway.peak_memory());
}

#[tokio::test]
async fn a_line_of_a_million_bytes_goes_through_both_ways() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).start(&telegram).await;
    let long = "x".repeat(400_000);
    telegram.pushes_many(&format!(r#"{{"message":{{"chat":{{"id":42}},"text":"{long}"}}}}"#)).await;
    let mut process = remote.starts_with_hello("").await;
    assert_eq!(process.reads().await["text"], long);
    let longer = "y".repeat(900_000);
    process.writes(&format!(r#"{{"type":"telegram.get_me","more":"{longer}","request_id":1}}"#)).await;
    assert_eq!(process.reads().await["ok"], true);
}

#[tokio::test]
async fn garbage_is_skipped_reported_and_counted() {
    let telegram = Telegram::start().await;
    let gateway = Gateway::with(&worker::mode("garbage")).start(&telegram).await;
    for n in 0..3 {
        telegram.says(ANN, &n.to_string()).await;
    }
    telegram.expects_messages(ANN, &["0", "1", "2"]).await;
    let lines = gateway.log_lines("a line of the worker is skipped");
    assert_eq!(lines.len(), 5, "who prints much fills no log: {lines:#?}");
    assert!(lines[0].contains("Loading...") && lines[0].contains("not a JSON object"), "{}", lines[0]);
    assert!(lines[4].contains("only counted"), "{}", lines[4]);
    assert!(gateway.log().contains("\nhelp: stdout is for the protocol alone"));
    assert_eq!(gateway.workers().len(), 1, "it goes on");
}

#[tokio::test]
async fn the_form_of_a_line_is_taken_generously() {
    let telegram = Telegram::start().await;
    // Carriage returns, blank lines, white space around, and a last line without an end.
    let bot = worker::sh(
        r#"
read -r scope
read -r event
send='{"type":"telegram.send_message","text":'
printf '%s"1"}\r\n\r\n\n   \n\t %s"2"} \t\n{"text":"3","type":\t"telegram.send_message"}\n%s"4"}' "$send" "$send" "$send"
"#,
    );
    let gateway = Gateway::with(&bot).start(&telegram).await;
    telegram.says(ANN, "hi").await;
    telegram.expects_messages(ANN, &["1", "2", "3", "4"]).await;
    assert!(!gateway.log().contains("skipped"), "{}", gateway.log());
}

#[tokio::test]
async fn a_line_may_arrive_in_pieces() {
    let telegram = Telegram::start().await;
    let bot = worker::python(
        r#"
import os, sys

sys.stdin.readline()
sys.stdin.readline()
for byte in '{"type":"telegram.send_message","text":"ü😀"}\n'.encode():
    os.write(1, bytes([byte]))
"#,
    );
    let _gateway = Gateway::with(&bot).start(&telegram).await;
    telegram.says(ANN, "hi").await;
    telegram.expects_message(ANN, "ü😀").await;
}

#[tokio::test]
async fn what_is_printed_to_stderr_is_in_the_log_with_its_origin() {
    let telegram = Telegram::start().await;
    let gateway = Gateway::with(&worker::mode("talk-to-stderr")).start(&telegram).await;
    telegram.says(ANN, "a word to the operator\u{1b}[31m").await;
    let line = gateway.expects_log("a word to the operator").await;
    let pid = gateway.workers()[0];
    assert!(line.contains("chat:42") && line.contains(&format!("pid={pid}")), "{line}");
    assert!(!line.contains('\u{1b}'), "a chat cannot colour the operator's terminal: {line:?}");
    telegram.says(ANN, "more").await;
    gateway.expects_log("and no line endmore").await;
    assert!(telegram.texts(ANN).await.is_empty());
}

#[tokio::test]
async fn a_worker_that_floods_its_stdout_blocks_only_itself() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("flood-garbage").arg(ANN.to_string());
    let mut gateway = Gateway::with(&bot).arg("--drain=100ms").arg("--grace=500ms").start(&telegram).await;
    telegram.says(ANN, "go").await;
    gateway.expects_log("garbage without end").await;
    for n in 0..5 {
        telegram.says(BOB, &n.to_string()).await;
    }
    telegram.expects_messages(BOB, &["0", "1", "2", "3", "4"]).await;
    assert!(gateway.stop().await.success());
}

#[tokio::test]
async fn a_worker_that_never_reads_blocks_only_itself() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("no-read-of").arg(ANN.to_string());
    let mut gateway = Gateway::with(&bot).arg("--drain=100ms").arg("--grace=500ms").start(&telegram).await;
    for n in 0..50 {
        telegram.says(ANN, &format!("{n}: {}", "long ".repeat(700))).await;
    }
    bot.records("started", "", 1).await;
    for n in 0..5 {
        telegram.says(BOB, &n.to_string()).await;
    }
    telegram.expects_messages(BOB, &["0", "1", "2", "3", "4"]).await;
    assert!(gateway.stop().await.success());
    assert!(gateway.log().contains("unsettled=50"), "{}", gateway.log());
}
