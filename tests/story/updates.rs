//! Updates: whatever Telegram hands out reaches the right scope, byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use serde_json::value::RawValue;

use crate::support::remote::Remote;
use crate::support::{ANN, BOB, Gateway, Telegram, worker};

/// Updates of all kinds: a line has the name of the scope, then the kind and its payload as it is handed out.
const UPDATES: &str = include_str!("updates.jsonl");
/// The first update id of the fixture.
const FIRST: usize = 7000;

/// An update of the fixture.
struct Update<'a> {
    id: usize,
    scope: String,
    /// With its quotes, as it is written.
    kind: &'a str,
    payload: &'a str,
}

fn fixture(bot: i64) -> Vec<Update<'static>> {
    let read = |(id, line): (usize, &'static str)| {
        let rest = line.strip_prefix(r#"{"scope":""#).unwrap();
        let (scope, rest) = rest.split_once(r#"","#).unwrap();
        let (kind, rest) = rest.split_once("\":").unwrap();
        let kind = &line[line.len() - rest.len() - kind.len() - 2..line.len() - rest.len() - 1];
        let payload = rest.strip_suffix('}').unwrap().trim_end();
        Update { id, scope: scope.replace("BOT", &bot.to_string()), kind, payload }
    };
    (FIRST..).zip(UPDATES.lines()).map(read).collect()
}

impl Update<'_> {
    fn envelope(&self) -> String {
        format!("{{\"update_id\":{},\n{}:{}}}", self.id, self.kind, self.payload)
    }

    /// The line that its worker must read. Only a key that is the envelope's own is renamed.
    fn line(&self) -> String {
        let kind = self.kind.trim_matches('"');
        let payload = match kind {
            "poll" => self.payload.replace(r#""type":"#, r#""poll_type":"#),
            "not_yet_invented" => {
                let own = ["type", "attempt", "update_id"];
                own.iter().fold(self.payload.to_owned(), |payload, key| {
                    payload.replace(&format!(r#""{key}":"#), &format!(r#""{kind}_{key}":"#))
                })
            }
            _ => self.payload.to_owned(),
        };
        let members = payload.strip_prefix('{').unwrap();
        let comma = if members == "}" { "" } else { "," };
        format!(r#"{{"type":"telegram.{kind}","update_id":{}{comma}{members}"#, self.id)
    }
}

#[tokio::test]
async fn updates_of_all_kinds_reach_their_scopes_byte_for_byte() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("record-only");
    let gateway = Gateway::with(&bot).start(&telegram).await;
    let updates = fixture(telegram.bot());
    let kinds: BTreeSet<&str> = updates.iter().map(|update| update.kind).collect();
    assert!(updates.len() >= 40 && kinds.len() >= 27 + 3, "{} of {} kinds", updates.len(), kinds.len());
    let envelopes: Vec<String> = updates.iter().map(Update::envelope).collect();
    telegram.pushes_many(&format!("[{}]", envelopes.join(",\n"))).await;
    let mut scopes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for update in &updates {
        scopes.entry(&update.scope).or_default().push(update.line());
    }
    for (scope, expected) in scopes {
        let file = format!("lines of {scope}");
        let found = bot.records(&file, r#""update_id":"#, expected.len()).await;
        for (found, expected) in found.iter().zip(&expected) {
            // A kind is written anew, so an escape in it may be spelt otherwise.
            assert_eq!(found.replace("é", r"\u00e9"), expected.replace("é", r"\u00e9"), "{scope}");
        }
        assert_eq!(found.len(), expected.len(), "{scope}");
        let opening = &bot.recorded(&file)[0];
        let subject = if scope.starts_with("user") { r#""user":{"# } else { r#""chat":{"# };
        assert!(
            opening.starts_with(r#"{"type":"telegram","asgi""#) && opening.contains(subject),
            "{opening}"
        );
        assert_eq!(opening.contains("business_connection_id"), scope.starts_with("business"), "{opening}");
    }
    assert!(!gateway.log().contains("gave up"), "{}", gateway.log());
}

#[tokio::test]
async fn a_server_that_prints_prettily_is_understood() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("record-only");
    let _gateway = Gateway::with(&bot).start(&telegram).await;
    telegram.fault(json!({"method": "getUpdates", "pretty": true, "count": 9})).await;
    let payload =
        r#"{"chat":{"id":42,"type":"private"},"text":"two  spaces, a \" and \\","n":[1.50,{"a":"b\ud83d"}]}"#;
    telegram.pushes_many(&format!(r#"{{"update_id":7,"message":{payload}}}"#)).await;
    let line = bot.records("lines", "update_id", 1).await.remove(0);
    assert_eq!(line, format!(r#"{{"type":"telegram.message","update_id":7,{}"#, &payload[1..]));
}

#[tokio::test]
async fn what_is_no_update_is_reported_and_stops_nothing() {
    let telegram = Telegram::start().await;
    let gateway = Gateway::with(&worker::mode("ack-echo")).start(&telegram).await;
    let good = |id: i64| format!(r#"{{"update_id":{id},"message":{{"chat":{{"id":42}},"text":"{id}"}}}}"#);
    let odd = [
        "17",
        r#""text""#,
        "null",
        "[]",
        r#"{"update_id":11}"#,
        r#"{"update_id":12,"message":17}"#,
        r#"{"update_id":13,"\ud83d":{}}"#,
        r#"{"update_id":14.5,"message":{}}"#,
    ];
    telegram.pushes_many(&format!("[{},{},{}]", good(10), odd.join(","), good(20))).await;
    telegram.expects_messages(42, &["10", "20"]).await;
    for id in [11, 12, 13] {
        assert!(gateway.log().contains(&format!("update_id={id}")), "{id}: {}", gateway.log());
    }
    assert_eq!(gateway.log_lines("gave up").len(), odd.len(), "{}", gateway.log());
    telegram.says(ANN, "on it goes").await;
    telegram.expects_message(ANN, "on it goes").await;
}

#[tokio::test]
async fn the_envelope_may_be_written_in_any_way() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("record-only");
    let _gateway = Gateway::with(&bot).start(&telegram).await;
    let payload = r#"{"chat":{"id":42},"update_id":99}"#;
    telegram
        .pushes_many(&format!(
            "[{{\"message\":{payload},\"update_id\":21}},\n\n {{ \"update_id\" : 22 , \"message\" : {payload} }},
              {{\"\\u0075pdate_id\":23,\"m\\u0065ssage\":{payload}}},{{\"update_id\":24,\"message\":{payload},\"more\":1}}]"
        ))
        .await;
    let lines = bot.records("lines", "update_id", 4).await;
    for (line, id) in lines.iter().zip(21..) {
        assert_eq!(
            *line,
            format!(
                r#"{{"type":"telegram.message","update_id":{id},"chat":{{"id":42}},"message_update_id":99}}"#
            )
        );
    }
}

#[tokio::test]
async fn an_update_that_comes_twice_is_handled_once() {
    let telegram = Telegram::start().await;
    let _gateway = Gateway::with(&worker::mode("ack-echo")).start(&telegram).await;
    let update =
        |text: &str| format!(r#"{{"update_id":31,"message":{{"chat":{{"id":42}},"text":"{text}"}}}}"#);
    telegram.pushes_many(&format!("[{},{}]", update("once"), update("twice"))).await;
    telegram.says(ANN, "end").await;
    telegram.expects_messages(42, &["once", "end"]).await;
}

#[tokio::test]
async fn the_answer_to_a_poll_goes_to_the_scope_that_sent_the_poll() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).start(&telegram).await;
    telegram.says(ANN, "a poll, please").await;
    let mut sender = remote.starts_with_hello("").await;
    let update = sender.reads().await;
    let poll = json!({"type":"telegram.send_poll","question":"?","options":[{"text":"a"},{"text":"b"}],"request_id":0});
    sender.writes(&poll.to_string()).await;
    let response = sender.reads().await;
    let id = &response["result"]["poll"]["id"];
    sender.acks(&update).await;
    telegram
        .injects(&json!({"poll_answer":{"poll_id":id,"user":{"id":BOB,"first_name":"Bob"},"option_ids":[1]}}))
        .await;
    let answer = sender.reads().await;
    assert_eq!((&answer["type"], &answer["user"]["id"]), (&json!("telegram.poll_answer"), &json!(BOB)));
    sender.acks(&answer).await;
    telegram.injects(&json!({"poll":{"id":id,"question":"?","type":"regular","options":[]}})).await;
    let poll = sender.reads().await;
    assert_eq!((&poll["type"], &poll["poll_type"]), (&json!("telegram.poll"), &json!("regular")));
    telegram.injects(&json!({"poll_answer":{"poll_id":"unknown","user":{"id":BOB,"first_name":"Bob"},"option_ids":[1]}})).await;
    assert_eq!(remote.starts().await.scope, format!("user:{BOB}"));
}

#[tokio::test]
async fn a_scope_has_the_whole_object_that_opened_it() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).start(&telegram).await;
    let chat = r#"{"id":-77,"type":"group","title":"\ud83d","new":1.50}"#;
    telegram.pushes_many(&format!(r#"{{"update_id":41,"message":{{"text":"hi","chat":{chat}}}}}"#)).await;
    let line = remote.starts().await.reads_line().await.unwrap();
    let scope: BTreeMap<&str, &RawValue> = serde_json::from_str(&line).unwrap();
    assert_eq!(scope["chat"].get(), chat);
    let bot = telegram.bot();
    assert_eq!(scope["bot"].get(), format!(r#"{{"id":{bot},"username":"sim_{bot}_bot"}}"#));
}
