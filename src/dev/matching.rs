//! Whether what the bot did is what a script expects, and if not, where they differ.
//!
//! Pure. Owns the rules of a match: all members that are named must be there and match; others do not matter.

use std::fmt;

use serde_json::{Map, Value};

use super::happening::Kind;

/// The longest value shown in a difference, in characters.
const SHOWN: usize = 300;
/// The most differences shown.
const DIFFERENCES: usize = 8;

/// What a script expects.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    /// A message with exactly this text (or caption).
    Text(String),
    /// Something of this kind with these members.
    Like(Kind, Map<String, Value>),
}

impl Wanted {
    /// The value of `expect`.
    ///
    /// # Errors
    /// If it is neither a text nor an object, or its `kind` is unknown.
    pub(super) fn new(value: Value) -> Result<Wanted, String> {
        match value {
            Value::String(text) => Ok(Wanted::Text(text)),
            Value::Object(mut members) => {
                let kind = match members.remove("kind") {
                    None => Kind::Message,
                    Some(name) => name.as_str().and_then(Kind::named).ok_or_else(|| {
                        format!("{} is no kind of event: {}", shown(&name), Kind::names().join(", "))
                    })?,
                };
                Ok(Wanted::Like(kind, members))
            }
            other => Err(format!("`expect` is a text or an object, not {}", shown(&other))),
        }
    }

    /// The kind of event that is looked at.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Wanted::Text(_) => Kind::Message,
            Wanted::Like(kind, _) => *kind,
        }
    }

    /// Where `came`, an event of the right kind, is not what is wanted; empty if it is.
    pub(super) fn differences(&self, came: &Value) -> Vec<String> {
        let mut found = Vec::new();
        match self {
            Wanted::Text(text) => {
                let said =
                    ["text", "caption"].iter().find_map(|key| came.pointer(&format!("/message/{key}")));
                let said = said.or_else(|| came.get("message"));
                if said.and_then(Value::as_str) != Some(text) {
                    differ("text", &Value::from(text.as_str()), said, &mut found);
                }
            }
            Wanted::Like(_, members) => {
                for (key, wanted) in members {
                    // A member of the event, or of the message that it is about.
                    let places = [came.get(key), came.get("message").and_then(|message| message.get(key))];
                    let mut best: Option<Vec<String>> = None;
                    for place in places.into_iter().flatten() {
                        let mut here = Vec::new();
                        compare(key, wanted, Some(place), &mut here);
                        if best.as_ref().is_none_or(|best| here.len() < best.len()) {
                            best = Some(here);
                        }
                    }
                    match best {
                        Some(best) => found.extend(best),
                        None => differ(key, wanted, None, &mut found),
                    }
                }
            }
        }
        if found.len() > DIFFERENCES {
            let more = found.len() - DIFFERENCES;
            found.truncate(DIFFERENCES);
            found.push(format!("and {more} more differences"));
        }
        found
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Text(text) => f.write_str(&shown(&Value::from(text.as_str()))),
            Wanted::Like(Kind::Message, members) => write!(f, "message {}", Value::from(members.clone())),
            Wanted::Like(kind, members) => write!(f, "{} {}", kind.name(), Value::from(members.clone())),
        }
    }
}

fn compare(path: &str, wanted: &Value, came: Option<&Value>, found: &mut Vec<String>) {
    match (wanted, came) {
        (Value::Object(members), Some(Value::Object(there))) => {
            for (key, wanted) in members {
                compare(&format!("{path}.{key}"), wanted, there.get(key), found);
            }
        }
        (Value::Array(items), Some(Value::Array(there))) => {
            if items.len() != there.len() {
                found.push(format!("`{path}` has {} items, not {}", there.len(), items.len()));
            }
            for (index, (wanted, there)) in items.iter().zip(there).enumerate() {
                compare(&format!("{path}[{index}]"), wanted, Some(there), found);
            }
        }
        (wanted, Some(came)) if wanted == came => {}
        (wanted, came) => differ(path, wanted, came, found),
    }
}

fn differ(path: &str, wanted: &Value, came: Option<&Value>, found: &mut Vec<String>) {
    let came = match came {
        Some(came) => shown(came),
        None => "nothing there".to_owned(),
    };
    found.push(format!("`{path}`\n  expected {}\n      came {came}", shown(wanted)));
}

/// A value as JSON on one line, cut if it is long.
pub(super) fn shown(value: &Value) -> String {
    cut(&value.to_string(), SHOWN)
}

/// The first `most` characters of a text.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn differences(wanted: Value, came: Value) -> Vec<String> {
        Wanted::new(wanted).unwrap().differences(&came)
    }

    #[test]
    fn a_text_is_the_whole_text() {
        let came = json!({"kind": "message", "chat": 7, "message": {"text": "hi there"}});
        assert!(differences(json!("hi there"), came.clone()).is_empty());
        assert_eq!(differences(json!("hi"), came), ["`text`\n  expected \"hi\"\n      came \"hi there\""]);
        assert!(
            differences(json!("a cat"), json!({"message": {"photo": [], "caption": "a cat"}})).is_empty()
        );
    }

    #[test]
    fn an_object_is_looked_for_in_the_event_and_in_its_message() {
        let came = json!({"kind": "message", "chat": 7, "message": {"text": "Sure?", "chat": {"id": 7, "type": "private"},
            "reply_markup": {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}}});
        let buttons = |label: &str| json!({"reply_markup": {"inline_keyboard": [[{"text": label}]]}});
        assert!(differences(buttons("Yes"), came.clone()).is_empty());
        assert!(differences(json!({"chat": 7}), came.clone()).is_empty());
        assert!(differences(json!({"chat": {"type": "private"}}), came.clone()).is_empty());
        assert_eq!(
            differences(buttons("No"), came.clone()),
            ["`reply_markup.inline_keyboard[0][0].text`\n  expected \"No\"\n      came \"Yes\""]
        );
        assert_eq!(
            differences(json!({"reply_markup": {"inline_keyboard": []}}), came.clone()),
            ["`reply_markup.inline_keyboard` has 1 items, not 0"]
        );
        assert!(differences(json!({"photo": []}), came)[0].contains("nothing there"));
    }

    #[test]
    fn kinds_are_known_before_anything_starts() {
        assert_eq!(Wanted::new(json!({"kind": "edit"})).unwrap().kind(), Kind::Edit);
        assert!(Wanted::new(json!({"kind": "massage"})).unwrap_err().contains("callback_answer"));
        assert!(Wanted::new(json!(5)).is_err());
        assert_eq!(
            Wanted::new(json!({"kind":"edit","text":"a"})).unwrap().to_string(),
            r#"edit {"text":"a"}"#
        );
    }
}
