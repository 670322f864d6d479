//! The scope line: the first line of every worker.
//!
//! Owns its shape (ASGI's scope, protocol.md "Lifecycle"). It never looks into the objects that it passes on.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::one_line;

/// The bot, as getMe told it.
#[derive(Clone, Debug)]
pub struct Bot {
    /// The bot's user id.
    pub id: i64,
    /// Its name without the `@`.
    pub username: String,
    /// The whole User object, as Telegram wrote it.
    pub user: Box<RawValue>,
}

/// Whose scope it is.
#[derive(Clone, Debug)]
pub enum Opening {
    /// A chat: the whole Chat object, or at least `{"id":…}`.
    Chat(Box<RawValue>),
    /// A user: the whole User object, or at least `{"id":…}`.
    User(Box<RawValue>),
    /// A chat of a business account.
    Business {
        /// The `business_connection_id`.
        connection: String,
        /// The chat with the customer.
        chat: Box<RawValue>,
    },
}

impl Opening {
    /// The scope line, newline included.
    pub fn line(&self, bot: &Bot) -> Bytes {
        let whose = match self {
            Opening::Chat(chat) => format!("\"chat\":{}", one_line(chat.get())),
            Opening::User(user) => format!("\"user\":{}", one_line(user.get())),
            Opening::Business { connection, chat } => format!(
                "\"chat\":{},\"business_connection_id\":{}",
                one_line(chat.get()),
                serde_json::Value::from(connection.as_str())
            ),
        };
        let username = serde_json::Value::from(bot.username.as_str());
        format!(
            "{{\"type\":\"telegram\",\"asgi\":{{\"version\":\"3.0\",\"spec_version\":\"1.0\"}},{whose},\
             \"bot\":{{\"id\":{},\"username\":{username}}},\
             \"extensions\":{{\"telegram.ack\":{{}},\"telegram.response\":{{}}}}}}\n",
            bot.id
        )
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn the_line_names_exactly_one_of_chat_and_user() {
        let bot = Bot { id: 7, username: "a_bot".into(), user: raw(r#"{"id":7}"#) };
        let line = Opening::Chat(raw("{\"id\":42,\n\"title\":\"\\ud83d\"}")).line(&bot);
        let line = std::str::from_utf8(&line).unwrap();
        assert!(line.starts_with(
            r#"{"type":"telegram","asgi":{"version":"3.0","spec_version":"1.0"},"chat":{"id":42,"#
        ));
        assert!(line.ends_with("\"telegram.response\":{}}}\n") && line.matches('\n').count() == 1);
        let line = Opening::User(raw(r#"{"id":5}"#)).line(&bot);
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert!(
            value.get("chat").is_none() && value["user"]["id"] == 5 && value["bot"]["username"] == "a_bot"
        );
        let line = Opening::Business { connection: "a\"b".into(), chat: raw(r#"{"id":5}"#) }.line(&bot);
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value["business_connection_id"], "a\"b");
    }
}
