//! The envelope of updates: an answer of getUpdates is split into updates, and each into id, kind and payload.
//!
//! Pure. It never decodes text, so a payload keeps its bytes, lone surrogates and all, and never fails a batch for one
//! element that it does not understand.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The kinds of update of Bot API 10.3. Telegram leaves out three of them unless they are asked for by name.
pub const UPDATE_KINDS: [&str; 27] = [
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "guest_message",
    "message_reaction",
    "message_reaction_count",
    "inline_query",
    "chosen_inline_result",
    "callback_query",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "poll",
    "poll_answer",
    "my_chat_member",
    "chat_member",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
    "managed_bot",
    "subscription",
    "stopped_message_generation",
];

/// What an answer of getUpdates holds.
#[derive(Debug)]
pub struct Batch<'a> {
    /// Its elements in Telegram's order.
    pub elements: Vec<Element<'a>>,
    /// The offset that confirms all of it: one more than the last id in it. `None` if no element has an id.
    pub next_offset: Option<i64>,
}

/// One element of the answer.
#[derive(Debug)]
pub enum Element<'a> {
    /// An update.
    Update {
        /// Telegram's id.
        update_id: i64,
        /// The key that is not `update_id`, whether or not we know it.
        kind: Cow<'a, str>,
        /// Its value: a JSON object, byte for byte, possibly with newlines between its members.
        payload: &'a RawValue,
    },
    /// Something else.
    Unreadable {
        /// Its id, where it has one.
        update_id: Option<i64>,
        /// All of it.
        raw: &'a RawValue,
        /// What could not be understood, for people.
        reason: String,
    },
}

/// The result of getUpdates was no array.
#[derive(Debug, thiserror::Error)]
#[error("the result of getUpdates is not an array: {0}")]
pub struct NotABatch(serde_json::Error);

/// Splits the `result` of getUpdates.
pub fn split(result: &RawValue) -> Result<Batch<'_>, NotABatch> {
    let raw: Vec<&RawValue> = serde_json::from_str(result.get()).map_err(NotABatch)?;
    let elements: Vec<Element<'_>> = raw.into_iter().map(element).collect();
    let last_id = elements.iter().rev().find_map(|element| match element {
        Element::Update { update_id, .. } => Some(*update_id),
        Element::Unreadable { update_id, .. } => *update_id,
    });
    Ok(Batch { next_offset: last_id.map(|id| id.saturating_add(1)), elements })
}

/// Takes one element apart. The kind is the first key, other than `update_id`, whose value is an object; Telegram never
/// sends two.
fn element(raw: &RawValue) -> Element<'_> {
    let mut json = serde_json::Deserializer::from_str(raw.get());
    let unreadable = |update_id, reason| Element::Unreadable { update_id, raw, reason };
    let members = match json.deserialize_map(Members) {
        Ok(members) => members,
        Err(error) => return unreadable(None, format!("it is not an object: {error}")),
    };
    let mut update_id = None;
    let mut kind = None;
    let mut other = None;
    for (key, value) in members {
        let name = serde_json::from_str::<Text<'_>>(key.get()).map(|text| text.0);
        if name.as_deref().is_ok_and(|name| name == "update_id") {
            update_id = update_id.or(serde_json::from_str::<i64>(value.get()).ok());
        } else if kind.is_none() && value.get().starts_with('{') {
            kind = Some((name, value));
        } else if other.is_none() {
            other = Some(key.get());
        }
    }
    match (update_id, kind, other) {
        (Some(update_id), Some((Ok(kind), payload)), _) => Element::Update { update_id, kind, payload },
        (None, ..) => unreadable(None, "it has no `update_id` that is a whole number".to_owned()),
        (_, Some((Err(error), _)), _) => unreadable(update_id, format!("its kind cannot be read: {error}")),
        (_, None, Some(key)) => unreadable(update_id, format!("the value of {key} is not an object")),
        (_, None, None) => unreadable(update_id, "it holds nothing but its id".to_owned()),
    }
}

/// A string that is borrowed where it has no escapes; serde's own `Cow` never borrows.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Collects an object as pairs of raw text, in order: keys are not decoded either, and none is lost if it comes twice.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(&'de RawValue, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an update")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(2);
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    /// The first element as `id kind payload`, or its id and the reason why not.
    fn first(json: &str) -> String {
        let result = raw(&format!("[{json}]"));
        match &split(&result).unwrap().elements[0] {
            Element::Update { update_id, kind, payload } => format!("{update_id} {kind} {payload}"),
            Element::Unreadable { update_id, reason, .. } => format!("{update_id:?} {reason}"),
        }
    }

    #[test]
    fn the_kind_is_the_key_that_is_not_the_id() {
        for (json, expected) in [
            (r#"{"update_id":5,"message":{"a":1}}"#, r#"5 message {"a":1}"#),
            ("{\"update_id\":5,\n\"message\":{\"a\":1}}", r#"5 message {"a":1}"#),
            (r#"{"message":{"update_id":9},"update_id":5}"#, r#"5 message {"update_id":9}"#),
            ("{ \"update_id\" : 5 ,\n \"not_yet_known\" : { \"a\" : 1 } }", r#"5 not_yet_known { "a" : 1 }"#),
            (r#"{"update_id":5,"message":{"text":"\ud83d"}}"#, r#"5 message {"text":"\ud83d"}"#),
            (r#"{"\u0075pdate_id":5,"m\u0065ssage":{}}"#, "5 message {}"),
            (r#"{"update_id":5,"extra":17,"message":{},"poll":{}}"#, "5 message {}"),
            (
                r#"{"update_id":5,"unknown to us":17}"#,
                r#"Some(5) the value of "unknown to us" is not an object"#,
            ),
            (r#"{"update_id":5}"#, "Some(5) it holds nothing but its id"),
            (r#"{"update_id":"5","message":{}}"#, "None it has no `update_id` that is a whole number"),
            (r#"{"message":{}}"#, "None it has no `update_id` that is a whole number"),
        ] {
            assert_eq!(first(json), expected, "{json}");
        }
        assert!(first(r#"{"update_id":5,"\ud83d":{}}"#).starts_with("Some(5) its kind cannot be read"));
        assert!(first("17").starts_with("None it is not an object"));
    }

    #[test]
    fn the_next_offset_follows_the_last_id_whatever_it_belongs_to() {
        for (json, expected) in [
            ("[]", None),
            (r#"[{"update_id":5,"message":{}},{"update_id":6,"poll":1}]"#, Some(7)),
            (r#"[{"update_id":900,"message":{}},{"update_id":6,"message":{}},17]"#, Some(7)),
            ("[17,{}]", None),
            (r#"[{"update_id":9223372036854775807}]"#, Some(i64::MAX)),
        ] {
            assert_eq!(split(&raw(json)).unwrap().next_offset, expected, "{json}");
        }
        assert!(split(&raw("{}")).is_err());
        assert!(split(&raw("true")).is_err());
    }

    proptest! {
        #[test]
        fn any_json_is_split_without_a_panic(values in proptest::collection::vec(json(), 0..4)) {
            let result = raw(&format!("[{}]", values.join(",\n")));
            let batch = split(&result).unwrap();
            prop_assert_eq!(batch.elements.len(), values.len());
            for (element, value) in batch.elements.iter().zip(&values) {
                if let Element::Unreadable { raw, .. } = element {
                    prop_assert_eq!(raw.get(), value);
                }
            }
        }
    }

    /// JSON that looks a little like updates, with odd keys, escapes and white space.
    fn json() -> impl Strategy<Value = String> {
        let key = prop_oneof!["update_id", "message", r"\\ud83d", "[a-z ]{0,4}", r"\\u0075pdate_id"];
        let leaf = prop_oneof![
            any::<i64>().prop_map(|n| n.to_string()),
            r#""[a-z\u{80}-\u{999}]{0,9}""#,
            Just("1e99".to_owned()),
            Just(r#""\udc00""#.to_owned())
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec((key.clone(), inner.clone()), 0..4).prop_map(|members| {
                    let members: Vec<_> =
                        members.iter().map(|(key, value)| format!("\"{key}\" :\n{value}")).collect();
                    format!("{{{}}}", members.join(" ,"))
                }),
                proptest::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(",")))
            ]
        })
    }
}
