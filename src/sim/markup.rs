//! `reply_markup` and `reply_parameters`: checked as Telegram checks them, in its words.
//! Pure; whether the replied message exists is asked elsewhere.

use serde_json::{Map, Value};

use super::answer::Failure;
use super::params::Params;

/// Most bytes of a button's callback data.
const MAX_CALLBACK_DATA: usize = 64;
/// Most bytes of a whole markup.
const MAX_MARKUP: usize = 10 << 10;
/// Members that make an inline button do something, beside `url` and `callback_data`.
const ACTIONS: [&str; 8] = [
    "callback_game",
    "pay",
    "switch_inline_query",
    "switch_inline_query_chosen_chat",
    "switch_inline_query_current_chat",
    "login_url",
    "web_app",
    "copy_text",
];

/// What a call's `reply_markup` means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Markup {
    /// None was given, or an empty keyboard, which removes an inline one.
    None,
    /// An inline keyboard, as JSON: it stays with the message.
    Inline(String),
    /// Another kind: it goes to the user's keyboard and is seen in the recorded event only.
    Other(String),
}

impl Markup {
    /// The JSON of an inline keyboard.
    pub(crate) fn inline(&self) -> Option<&str> {
        match self {
            Markup::Inline(json) => Some(json),
            Markup::None | Markup::Other(_) => None,
        }
    }
}

/// Reads and checks `reply_markup`.
///
/// # Errors
/// Telegram's words for a markup that cannot be.
pub(crate) fn reply_markup(params: &Params) -> Result<Markup, Failure> {
    let text = params.text("reply_markup");
    if text.is_empty() {
        return Ok(Markup::None);
    }
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return Err(Failure::bad("can't parse reply keyboard markup JSON object"));
    };
    let Value::Object(markup) = &value else {
        return Err(Failure::bad("object expected as reply markup"));
    };
    let keyboard = rows(markup, "keyboard")?;
    for row in keyboard {
        let row =
            row.as_array().ok_or_else(|| Failure::bad("field \"keyboard\" must be an Array of Arrays"))?;
        for button in row {
            reply_button(button)
                .map_err(|why| Failure::bad(format!("can't parse keyboard button: {why}")))?;
        }
    }
    let inline = rows(markup, "inline_keyboard")?;
    for row in inline {
        let fault = "field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays";
        for button in row.as_array().ok_or_else(|| Failure::bad(fault))? {
            inline_button(button)
                .map_err(|why| Failure::bad(format!("can't parse inline keyboard button: {why}")))?;
        }
    }
    let is_set = |key: &str| markup.get(key).is_some_and(|value| value.as_bool() == Some(true));
    if !keyboard.is_empty() {
        Ok(Markup::Other(text.to_owned()))
    } else if !inline.is_empty() {
        core_checks(inline, text)?;
        Ok(Markup::Inline(value.to_string()))
    } else if is_set("remove_keyboard") || is_set("hide_keyboard") || is_set("force_reply") {
        Ok(Markup::Other(text.to_owned()))
    } else {
        Ok(Markup::None)
    }
}

fn rows<'a>(markup: &'a Map<String, Value>, key: &str) -> Result<&'a [Value], Failure> {
    match markup.get(key) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(rows)) => Ok(rows),
        Some(_) => Err(Failure::bad(format!("field \"{key}\" must be of type Array"))),
    }
}

fn text_field<'a>(button: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, String> {
    match button.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        // The server's reader takes a number for a String.
        Some(Value::Number(_)) => Ok(Some("0")),
        Some(_) => Err(format!("Field \"{key}\" must be of type String")),
    }
}

fn required_text<'a>(button: &'a Map<String, Value>, key: &str) -> Result<&'a str, String> {
    text_field(button, key)?.ok_or_else(|| format!("Can't find field \"{key}\""))
}

fn reply_button(button: &Value) -> Result<(), String> {
    match button {
        Value::String(_) => Ok(()),
        Value::Object(button) => required_text(button, "text").map(|_| ()),
        _ => Err("KeyboardButton must be a String or an Object".to_owned()),
    }
}

fn inline_button(button: &Value) -> Result<(), String> {
    let Value::Object(button) = button else {
        return Err("InlineKeyboardButton must be an Object".to_owned());
    };
    required_text(button, "text")?;
    let filled = |key| Ok::<bool, String>(text_field(button, key)?.is_some_and(|text| !text.is_empty()));
    if filled("url")? || filled("callback_data")? {
        return Ok(());
    }
    match ACTIONS.iter().find(|action| button.contains_key(**action)) {
        None => Err("Text buttons are unallowed in the inline keyboard".to_owned()),
        Some(&key @ ("switch_inline_query" | "switch_inline_query_current_chat")) => {
            required_text(button, key).map(|_| ())
        }
        Some(&key @ ("login_url" | "web_app")) => inner_text(button, key, "url"),
        Some(&"copy_text") => inner_text(button, "copy_text", "text"),
        Some(_) => Ok(()),
    }
}

fn inner_text(button: &Map<String, Value>, key: &str, inner: &str) -> Result<(), String> {
    match button.get(key) {
        Some(Value::Object(object)) => required_text(object, inner).map(|_| ()),
        _ => Err(format!("Field \"{key}\" must be of type Object")),
    }
}

/// What Telegram's core refuses after the server has understood it.
fn core_checks(rows: &[Value], text: &str) -> Result<(), Failure> {
    if text.len() > MAX_MARKUP {
        return Err(Failure::bad("reply markup is too long"));
    }
    for button in rows.iter().filter_map(Value::as_array).flatten() {
        let member = |key: &str| button.get(key).and_then(Value::as_str).unwrap_or_default();
        if member("text").trim().is_empty() && !button.get("text").is_some_and(Value::is_number) {
            return Err(Failure::bad("inline keyboard button text must be non-empty"));
        }
        if member("callback_data").len() > MAX_CALLBACK_DATA {
            return Err(Failure::bad("BUTTON_DATA_INVALID"));
        }
        let url = member("url");
        let address =
            url.contains("://") || url.split(['/', '?']).next().is_some_and(|host| host.contains('.'));
        if !url.is_empty() && (!address || url.contains(char::is_whitespace)) {
            return Err(Failure::bad("BUTTON_URL_INVALID"));
        }
    }
    Ok(())
}

/// Which message a call replies to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ReplyTo {
    /// 0: none.
    pub(crate) message_id: i64,
    /// In another chat; empty: in the same.
    pub(crate) chat_id: String,
    /// Whether a missing message is no error.
    pub(crate) optional: bool,
}

/// Reads `reply_parameters`, or the old `reply_to_message_id`.
///
/// # Errors
/// Telegram's words for parameters that cannot be.
pub(crate) fn reply_parameters(params: &Params) -> Result<ReplyTo, Failure> {
    if !params.has("reply_parameters") {
        return Ok(ReplyTo {
            message_id: i64::from(params.int("reply_to_message_id").max(0)),
            chat_id: String::new(),
            optional: params.flag("allow_sending_without_reply"),
        });
    }
    let text = params.text("reply_parameters");
    if text.is_empty() {
        return Ok(ReplyTo::default());
    }
    let value = serde_json::from_str::<Value>(text);
    let value = value.map_err(|_| Failure::bad("can't parse reply parameters JSON object"))?;
    let Value::Object(object) = value else {
        return Err(Failure::bad("object expected as reply parameters"));
    };
    if object.is_empty() {
        return Ok(ReplyTo::default());
    }
    let chat_id = match object.get("chat_id") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return Err(Failure::bad("field \"chat_id\" must be of type String")),
    };
    let id = object.get("message_id").ok_or_else(|| Failure::bad("can't find field \"message_id\""))?;
    let id = id.as_i64().or_else(|| id.as_str()?.parse().ok());
    let id = id.ok_or_else(|| Failure::bad("field \"message_id\" must be of type Number"))?;
    let optional = object.get("allow_sending_without_reply").and_then(Value::as_bool).unwrap_or(false);
    Ok(ReplyTo { message_id: id.max(0), chat_id, optional })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markup(json: &str) -> Result<Markup, String> {
        let mut params = Params::default();
        params.add_text("reply_markup".to_owned(), json.to_owned());
        reply_markup(&params).map_err(|failure| failure.description.into_owned())
    }

    #[test]
    fn refusals_have_telegrams_words() {
        for (json, expected) in [
            ("{", "Bad Request: can't parse reply keyboard markup JSON object"),
            ("null", "Bad Request: object expected as reply markup"),
            (
                r#"{"inline_keyboard":[{}]}"#,
                "Bad Request: field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays",
            ),
            (r#"{"keyboard":[{}]}"#, "Bad Request: field \"keyboard\" must be an Array of Arrays"),
            (
                r#"{"inline_keyboard":[[{"text":"x"}]]}"#,
                "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
            ),
            (
                r#"{"inline_keyboard":[[{"url":"x"}]]}"#,
                "Bad Request: can't parse inline keyboard button: Can't find field \"text\"",
            ),
            (
                r#"{"inline_keyboard":[[{"text":[]}]]}"#,
                "Bad Request: can't parse inline keyboard button: Field \"text\" must be of type String",
            ),
            (
                r#"{"inline_keyboard":[[{"text":" ","callback_data":"x"}]]}"#,
                "Bad Request: inline keyboard button text must be non-empty",
            ),
            (r#"{"inline_keyboard":[[{"text":"x","url":"y z"}]]}"#, "Bad Request: BUTTON_URL_INVALID"),
        ] {
            assert_eq!(markup(json).unwrap_err(), expected, "{json}");
        }
        let long =
            format!(r#"{{"inline_keyboard":[[{{"text":"x","callback_data":"{}"}}]]}}"#, "x".repeat(65));
        assert_eq!(markup(&long).unwrap_err(), "Bad Request: BUTTON_DATA_INVALID");
    }

    #[test]
    fn kinds_are_told_apart() {
        assert!(
            markup(r#"{"inline_keyboard":[[{"text":"x","callback_data":"y"}]]}"#).unwrap().inline().is_some()
        );
        assert_eq!(markup(r#"{"inline_keyboard":[]}"#), Ok(Markup::None));
        assert!(matches!(markup(r#"{"keyboard":[["x"]]}"#), Ok(Markup::Other(_))));
        assert!(matches!(markup(r#"{"remove_keyboard":true}"#), Ok(Markup::Other(_))));
    }

    #[test]
    fn replies() {
        let read = |name: &str, text: &str| {
            let mut params = Params::default();
            params.add_text(name.to_owned(), text.to_owned());
            reply_parameters(&params).map_err(|failure| failure.description.into_owned())
        };
        assert_eq!(read("reply_to_message_id", "7x").unwrap().message_id, 7);
        assert_eq!(read("reply_parameters", r#"{"message_id":8}"#).unwrap().message_id, 8);
        assert_eq!(
            read("reply_parameters", "[]"),
            Err("Bad Request: object expected as reply parameters".into())
        );
        assert_eq!(
            read("reply_parameters", r#"{"x":1}"#),
            Err("Bad Request: can't find field \"message_id\"".into())
        );
    }
}
