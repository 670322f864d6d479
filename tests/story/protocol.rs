//! What `protocol.md` shows is what the binary does: its transcripts are played, its programs are run, its lines are
//! provoked.

mod play;

use serde_json::{Map, Value, json};

use crate::support::protocol_md::matching::equals;
use crate::support::protocol_md::requirements::requirements;
use crate::support::protocol_md::{Example, Language, Line, Program, examples};
use crate::support::remote::{Remote, RemoteProcess};
use crate::support::{ANN, Gateway, Telegram, worker};

const DOCUMENT: &str = include_str!("../../protocol.md");
/// The bot of the document.
const BOT: i64 = 1000;

fn all() -> Vec<Example> {
    examples(DOCUMENT).unwrap_or_else(|fault| panic!("{fault}"))
}

#[tokio::test]
async fn every_transcript_is_what_happens() {
    let transcripts = all().into_iter().filter_map(|example| match example {
        Example::Transcript(steps) => Some(steps),
        _ => None,
    });
    let mut played = 0;
    for steps in transcripts {
        play::play(&steps).await;
        played += 1;
    }
    assert!(played >= 8, "only {played} transcripts");
}

#[tokio::test]
async fn every_program_does_what_it_says() {
    let programs = all().into_iter().filter_map(|example| match example {
        Example::Program(program) => Some(program),
        _ => None,
    });
    for program in programs {
        let Program { line, language, source, expects } = program;
        let interpreter = match language {
            Language::Python => worker::python3(),
            other => other.interpreter(),
        };
        let telegram = Telegram::with_bot(BOT).await;
        let mut gateway = Gateway::with(&worker::script(interpreter, &source)).start(&telegram).await;
        telegram.says(ANN, &expects.said).await;
        telegram.expects_message(ANN, &expects.answered).await;
        assert!(gateway.stop().await.success(), "protocol.md:{line}");
        let log = gateway.log();
        assert!(!log.contains("skipped") && !log.contains("a worker died"), "protocol.md:{line}: {log}");
    }
}

#[tokio::test]
async fn every_line_of_a_worker_is_accepted() {
    let lines = all().into_iter().filter_map(|example| match example {
        Example::WorkerLines(lines) => Some(lines),
        _ => None,
    });
    let telegram = Telegram::with_bot(BOT).await;
    let remote = Remote::new();
    let gateway = Gateway::with(&remote.worker).arg("-vv").start(&telegram).await;
    for (chat, Line { line, text, .. }) in (100..).zip(lines.flatten()) {
        telegram.says(chat, "hi").await;
        let mut process = remote.starts().await;
        process.reads().await;
        if !text.contains("gateway.hello") {
            process.writes(r#"{"type":"gateway.hello","acks":true}"#).await;
        }
        process.writes(&text).await;
        let update = process.reads().await;
        process.sends(&format!("line {line}")).await;
        process.acks(&update).await;
        telegram.expects_message(chat, &format!("line {line}")).await;
        let log = gateway.log();
        assert!(!log.contains("skipped") && !log.contains("ignored"), "protocol.md:{line}: {log}");
    }
}

#[tokio::test]
async fn every_line_of_the_gateway_is_one_that_it_writes() {
    let lines = all().into_iter().filter_map(|example| match example {
        Example::GatewayLines(lines) => Some(lines),
        _ => None,
    });
    for Line { line, value, .. } in lines.flatten() {
        let written = provoke(&value).await;
        assert_eq!(shape(&value), shape(&written), "protocol.md:{line}: {value}\nis in truth {written}");
        let exact = value["type"] != "telegram.response" || value["ok"] == false;
        assert!(!exact || equals(&value, &written), "protocol.md:{line}: {value}\nis in truth {written}");
    }
}

#[test]
fn every_requirement_has_an_id() {
    let found = requirements(DOCUMENT).unwrap_or_else(|fault| panic!("{fault}"));
    for side in ["G", "W"] {
        let ids = found.iter().filter(|found| found.id.starts_with(side));
        assert!(ids.count() > 30, "{side}");
    }
}

/// The type of a line and the keys beside it: what must not differ however the values do.
fn shape(line: &Value) -> (Value, Vec<String>) {
    let mut keys: Vec<String> = line.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    (line["type"].clone(), keys)
}

/// Has the gateway write a line such as this one.
async fn provoke(shown: &Value) -> Value {
    let telegram = Telegram::with_bot(BOT).await;
    let remote = Remote::new();
    let idle = if shown["reason"] == "idle" { "20ms" } else { "1h" };
    let plan = Gateway::with(&remote.worker).arg(format!("--idle-timeout={idle}"));
    let _gateway = plan.start(&telegram).await;
    telegram.injects(&update_for(shown)).await;
    let mut process = remote.starts().await;
    let scope = process.reads().await;
    if shown["type"] == "telegram" {
        return scope;
    }
    process.writes(r#"{"type":"gateway.hello","acks":true}"#).await;
    let update = process.reads().await;
    match shown["type"].as_str() {
        Some("telegram.disconnect") => {
            process.acks(&update).await;
            process.reads().await
        }
        Some("telegram.response") => response(&mut process, shown).await,
        _ if shown["attempt"] == 2 => {
            process
                .writes(&format!(r#"{{"type":"telegram.nack","update_id":{}}}"#, update["update_id"]))
                .await;
            process.reads().await
        }
        _ => update,
    }
}

/// The update after which such a line comes.
fn update_for(shown: &Value) -> Value {
    match shown["type"].as_str() {
        Some("telegram") => match (&shown["chat"], &shown["business_connection_id"]) {
            (Value::Null, _) => {
                json!({"inline_query":{"id":"7","from":shown["user"],"query":"","offset":""}})
            }
            (chat, Value::Null) => json!({"message":{"message_id":7,"date":1,"chat":chat,"text":"hi"}}),
            (chat, id) => {
                let message =
                    json!({"message_id":7,"date":1,"chat":chat,"text":"hi","business_connection_id":id});
                json!({"business_message": message})
            }
        },
        Some("telegram.response" | "telegram.disconnect") => {
            let ann = json!({"id":ANN,"type":"private","first_name":"Ann"});
            json!({"message":{"message_id":7,"date":1,"chat":ann,"text":"hi"}})
        }
        Some(kind) => {
            let kind = kind.trim_start_matches("telegram.");
            let mut payload = Map::new();
            for (key, value) in shown.as_object().unwrap() {
                let own = ["type", "update_id", "attempt"].contains(&key.as_str());
                let name = if key == "poll_type" { "type" } else { key };
                if !own {
                    payload.insert(name.to_owned(), value.clone());
                }
            }
            json!({"update_id": shown["update_id"], kind: payload})
        }
        None => panic!("no type: {shown}"),
    }
}

/// Makes the request that has such an answer.
async fn response(process: &mut RemoteProcess, shown: &Value) -> Value {
    let request_id = &shown["request_id"];
    let send = match (shown["ok"].as_bool(), shown["fault"].as_str()) {
        (Some(true), _) => json!({"type":"telegram.send_message","text":"hi","request_id":request_id}),
        (_, None) => json!({"type":"telegram.send_message","text":"","request_id":request_id}),
        (_, Some("refused")) => json!({"type":"telegram.setWebhook","url":"x","request_id":request_id}),
        _ => panic!("no request is known that is answered so: {shown}"),
    };
    process.writes(&send.to_string()).await;
    process.reads().await
}
