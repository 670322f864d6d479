//! Which scope an update belongs to: a pure function of its kind and payload.
//!
//! Owns [`ScopeKey`], the name of a scope everywhere (journal, router, logs). It reads only the few members it needs
//! and never decodes text, so what Telegram sends reaches the worker untouched. It never fails: what names neither a
//! chat nor a user belongs to the bot's own user.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The name of a scope. Shown as `chat:42`, `user:42` or `business:<connection>:42`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScopeKey {
    /// A chat of any type, by its id (a private chat has the id of its user).
    Chat(i64),
    /// A user, for updates that belong to no chat.
    User(i64),
    /// A chat of a business account that the bot serves: a customer of the business is not the bot's private chat.
    Business {
        /// The `business_connection_id`.
        connection: Arc<str>,
        /// The id of the chat with the customer.
        chat: i64,
    },
}

impl ScopeKey {
    /// The chat that sends go to when they name none; `None` in the scope of a user.
    pub fn chat_id(&self) -> Option<i64> {
        match self {
            ScopeKey::Chat(chat) | ScopeKey::Business { chat, .. } => Some(*chat),
            ScopeKey::User(_) => None,
        }
    }

    /// The business connection that sends go through when they name none.
    pub fn business_connection(&self) -> Option<&str> {
        match self {
            ScopeKey::Business { connection, .. } => Some(connection),
            _ => None,
        }
    }
}

impl fmt::Display for ScopeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScopeKey::Chat(id) => write!(f, "chat:{id}"),
            ScopeKey::User(id) => write!(f, "user:{id}"),
            ScopeKey::Business { connection, chat } => write!(f, "business:{connection}:{chat}"),
        }
    }
}

/// A text that is not the name of a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a scope")]
pub struct NotAScope(String);

/// Reads what [`Display`](fmt::Display) shows.
impl FromStr for ScopeKey {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, NotAScope> {
        let odd = || NotAScope(text.to_owned());
        let (kind, rest) = text.split_once(':').ok_or_else(odd)?;
        let id = |text: &str| text.parse::<i64>().map_err(|_| odd());
        match (kind, rest.rsplit_once(':')) {
            ("chat", None) => Ok(ScopeKey::Chat(id(rest)?)),
            ("user", None) => Ok(ScopeKey::User(id(rest)?)),
            // The connection's name is Telegram's: it may hold colons.
            ("business", Some((connection, chat))) => {
                Ok(ScopeKey::Business { connection: connection.into(), chat: id(chat)? })
            }
            _ => Err(odd()),
        }
    }
}

/// Where an update goes, and the objects of its payload that say so.
#[derive(Debug)]
pub struct Route<'a> {
    /// The scope.
    pub key: ScopeKey,
    /// The chat or user object that named the scope, as Telegram wrote it; `None` for the bot's own user.
    pub subject: Option<&'a RawValue>,
    /// The id of the poll, for `poll` and `poll_answer`: whoever sent that poll is the better scope.
    pub poll_id: Option<Box<str>>,
}

/// The members of a payload, of any kind, that can name its scope. All are kept as raw text, so that a member of an
/// unexpected type is merely not understood, and no other text is decoded. Of a key that comes twice the last counts.
#[derive(Default)]
struct Members<'a> {
    chat: Option<&'a RawValue>,
    voter_chat: Option<&'a RawValue>,
    message: Option<&'a RawValue>,
    from: Option<&'a RawValue>,
    user: Option<&'a RawValue>,
    business_connection_id: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    poll_id: Option<&'a RawValue>,
}

impl<'a> Members<'a> {
    fn of(object: &'a RawValue) -> Option<Self> {
        struct InObject;
        impl<'de> Visitor<'de> for InObject {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Members::default();
                // Keys too are raw: one that is no Unicode text is then just another key.
                while let Some((key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
                    let member = match key.get() {
                        r#""chat""# => &mut members.chat,
                        r#""voter_chat""# => &mut members.voter_chat,
                        r#""message""# => &mut members.message,
                        r#""from""# => &mut members.from,
                        r#""user""# => &mut members.user,
                        r#""business_connection_id""# => &mut members.business_connection_id,
                        r#""id""# => &mut members.id,
                        r#""poll_id""# => &mut members.poll_id,
                        _ => continue,
                    };
                    *member = Some(value);
                }
                Ok(members)
            }
        }
        serde_json::Deserializer::from_str(object.get()).deserialize_map(InObject).ok()
    }
}

/// Finds the scope of an update (Bot API, "Update"): its chat if it has one (of `callback_query`: of its message), else
/// its user, else the bot's own user. With a `business_connection_id` the scope is the connection's own chat.
pub fn route<'a>(kind: &str, payload: &'a RawValue, bot_id: i64) -> Route<'a> {
    let own = Route { key: ScopeKey::User(bot_id), subject: None, poll_id: None };
    let Some(members) = Members::of(payload) else { return own };
    let inner = members.message.and_then(Members::of);
    let poll_id = match kind {
        "poll" => members.id,
        "poll_answer" => members.poll_id,
        _ => None,
    }
    .and_then(string);
    let chat = members.chat.or(inner.as_ref().and_then(|message| message.chat)).or(members.voter_chat);
    if let Some((subject, chat)) = chat.and_then(identified) {
        let connection = members
            .business_connection_id
            .or(inner.as_ref().and_then(|message| message.business_connection_id))
            .and_then(string);
        let key = match connection {
            Some(connection) => ScopeKey::Business { connection: connection.into(), chat },
            None => ScopeKey::Chat(chat),
        };
        return Route { key, subject: Some(subject), poll_id };
    }
    match members.from.or(members.user).and_then(identified) {
        Some((subject, user)) => Route { key: ScopeKey::User(user), subject: Some(subject), poll_id },
        None => Route { poll_id, ..own },
    }
}

fn identified(object: &RawValue) -> Option<(&RawValue, i64)> {
    #[derive(Deserialize)]
    struct Identified {
        id: i64,
    }
    serde_json::from_str::<Identified>(object.get()).ok().map(|found| (object, found.id))
}

fn string(value: &RawValue) -> Option<Box<str>> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOT: i64 = 7;

    fn key(kind: &str, payload: &str) -> String {
        let payload: &RawValue = serde_json::from_str(payload).unwrap();
        route(kind, payload, BOT).key.to_string()
    }

    #[test]
    fn the_chat_comes_first_then_the_user_then_the_bot() {
        assert_eq!(key("message", r#"{"from":{"id":5},"chat":{"id":-100}}"#), "chat:-100");
        assert_eq!(
            key("callback_query", r#"{"id":"9","from":{"id":5},"message":{"chat":{"id":3}}}"#),
            "chat:3"
        );
        assert_eq!(key("callback_query", r#"{"id":"9","from":{"id":5},"inline_message_id":"x"}"#), "user:5");
        assert_eq!(key("inline_query", r#"{"id":"9","from":{"id":5},"query":""}"#), "user:5");
        assert_eq!(key("managed_bot", r#"{"user":{"id":5},"bot":{"id":6}}"#), "user:5");
        assert_eq!(key("poll", r#"{"id":"p1","type":"regular"}"#), "user:7");
        assert_eq!(key("message", r#"{"some fields are missing":true}"#), "user:7");
        assert_eq!(key("never_seen_before", r#"{"chat":{"id":12}}"#), "chat:12");
    }

    #[test]
    fn a_business_connection_has_scopes_of_its_own() {
        let payload = r#"{"business_connection_id":"abc","from":{"id":5},"chat":{"id":5}}"#;
        assert_eq!(key("business_message", payload), "business:abc:5");
        assert_eq!(key("business_connection", r#"{"id":"abc","user":{"id":5},"user_chat_id":5}"#), "user:5");
    }

    #[test]
    fn a_name_reads_as_what_it_names() {
        for name in ["chat:-100", "user:5", "business:abc:5", "business:a:b::-7"] {
            assert_eq!(name.parse::<ScopeKey>().unwrap().to_string(), name);
        }
        for odd in ["", "chat", "chat:", "chat:x", "chat:1:2", "business:5", "group:1"] {
            assert!(odd.parse::<ScopeKey>().is_err(), "{odd}");
        }
    }

    #[test]
    fn odd_payloads_never_fail() {
        for odd in
            [r#"{"chat":17}"#, r#"{"chat":{"id":"x"}}"#, r#"{"chat":null,"from":[]}"#, "[]", "17", r#""x""#]
        {
            assert_eq!(key("message", odd), "user:7", "{odd}");
        }
        assert_eq!(key("message", r#"{"\ud83d":1,"chat":{"id":1},"chat":{"id":2}}"#), "chat:2");
        assert_eq!(key("message", r#"{"text":"\ud83d","chat":{"id":1,"title":"\ud83d"}}"#), "chat:1");
    }

    #[test]
    fn polls_are_named() {
        let payload: &RawValue = serde_json::from_str(r#"{"poll_id":"p1","user":{"id":5}}"#).unwrap();
        let found = route("poll_answer", payload, BOT);
        assert_eq!((found.key.to_string().as_str(), found.poll_id.as_deref()), ("user:5", Some("p1")));
    }
}
