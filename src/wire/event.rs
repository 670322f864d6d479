//! An update as the event line of a worker.
//!
//! Owns the flattening: the payload's own bytes are spliced behind the envelope's keys and never decoded. The one
//! exception is a payload key that the envelope has too; its name alone is changed.

use std::borrow::Cow;

use bytes::Bytes;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::one_line;

/// The envelope's keys. A payload key of the same name arrives as `<kind>_<key>` (today only `poll_type`).
const ENVELOPE: [&str; 4] = ["type", "update_id", "attempt", "late"];

/// `{"type":"telegram.<kind>","update_id":N,…payload keys}` and a newline. `payload` is a JSON object; `attempt` is
/// named from the second on; `late` is named if Telegram does not take an answer to it any more.
pub fn update_event(kind: &str, update_id: i64, attempt: u32, late: bool, payload: &str) -> Bytes {
    let payload = one_line(payload);
    let payload = if collides(&payload) { renamed(kind, &payload) } else { payload };
    let members = payload.trim().strip_prefix('{').unwrap_or("}");
    let mut line = String::with_capacity(members.len() + kind.len() + 64);
    let name = serde_json::Value::String(format!("telegram.{kind}"));
    line.push_str(&format!("{{\"type\":{name},\"update_id\":{update_id}"));
    if attempt > 1 {
        line.push_str(&format!(",\"attempt\":{attempt}"));
    }
    if late {
        line.push_str(",\"late\":true");
    }
    if !members.trim_start().starts_with('}') {
        line.push(',');
    }
    line.push_str(members);
    line.push('\n');
    line.into()
}

fn collides(payload: &str) -> bool {
    struct Keys;
    impl<'de> Visitor<'de> for Keys {
        type Value = bool;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
            let mut found = false;
            while let Some((key, IgnoredAny)) = map.next_entry::<Cow<'de, str>, IgnoredAny>()? {
                found |= ENVELOPE.contains(&key.as_ref());
            }
            Ok(found)
        }
    }
    serde_json::Deserializer::from_str(payload).deserialize_map(Keys).unwrap_or(false)
}

fn renamed<'a>(kind: &str, payload: &'a str) -> Cow<'a, str> {
    let Ok(members) = super::said::members(payload) else {
        return payload.into();
    };
    let member = |(key, value): &(Cow<'_, str>, &RawValue)| {
        let key = if ENVELOPE.contains(&key.as_ref()) { format!("{kind}_{key}") } else { key.to_string() };
        format!("{}:{}", serde_json::Value::String(key), value.get())
    };
    format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(",")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, attempt: u32, payload: &str) -> String {
        String::from_utf8(update_event(kind, 501, attempt, false, payload).to_vec()).unwrap()
    }

    #[test]
    fn the_payload_is_spliced_byte_for_byte() {
        let payload = r#"{ "text":"\ud83d caf\u00e9 é", "chat":{"id":42 ,"new":1e400},"n":1.50}"#;
        let line = event("message", 1, payload);
        assert_eq!(line, format!("{{\"type\":\"telegram.message\",\"update_id\":501,{}\n", &payload[1..]));
        assert_eq!(event("x", 1, "{ }"), "{\"type\":\"telegram.x\",\"update_id\":501 }\n");
    }

    #[test]
    fn attempts_are_named_from_the_second_on() {
        let late = update_event("callback_query", 501, 1, true, r#"{"id":"9"}"#);
        assert_eq!(
            late,
            "{\"type\":\"telegram.callback_query\",\"update_id\":501,\"late\":true,\"id\":\"9\"}\n"
        );
        assert_eq!(event("x", 2, "{}"), "{\"type\":\"telegram.x\",\"update_id\":501,\"attempt\":2}\n");
    }

    #[test]
    fn a_colliding_key_gets_the_name_of_its_kind() {
        let line = event("poll", 1, r#"{"id":"9","type":"quiz","question":"\ud83d"}"#);
        assert_eq!(
            line,
            "{\"type\":\"telegram.poll\",\"update_id\":501,\"id\":\"9\",\"poll_type\":\"quiz\",\"question\":\"\\ud83d\"}\n"
        );
        assert!(event("new", 1, r#"{"attempt":"first"}"#).contains(r#""new_attempt":"first""#));
    }

    #[test]
    fn a_pretty_payload_becomes_one_line() {
        let line = event("message", 1, "{\n  \"text\": \"a  b\"\n}");
        assert_eq!(line, "{\"type\":\"telegram.message\",\"update_id\":501,\"text\":\"a  b\"}\n");
    }
}
