//! Names of methods: which may be called by a worker, how they are spelled, and whether `chat_id` is filled in.
//!
//! Pure. A method that is not in the table is passed on all the same; the table only serves defaults and spelling.

use std::borrow::Cow;

use super::UPDATE_KINDS;
use super::method_facts::{METHODS, Takes};

/// A method that may be called. It displays as its canonical name, which is safe in a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    name: Cow<'static, str>,
    chat_id: Option<Takes>,
    business_connection: Takes,
}

/// Why a name cannot be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MethodFault {
    /// It is not of the form `[A-Za-z][A-Za-z0-9_]*`.
    #[error("the name of a method is made of letters, digits and `_`, and begins with a letter")]
    Invalid,
    /// It would break the gateway.
    #[error("this method is the gateway's own: a worker that called it would cut off the bot's updates")]
    Refused,
    /// It is the name of an update kind: whoever wrote it most likely echoes its input.
    #[error("this is the name of an update kind, not of a method")]
    UpdateKind,
}

/// What would break the gateway, in the form in which names are compared.
const REFUSED: [&str; 5] = ["getupdates", "setwebhook", "deletewebhook", "logout", "close"];

impl Method {
    /// Finds a method by its name, compared without case and `_`. An unknown name in snake_case becomes camelCase.
    pub fn parse(name: &str) -> Result<Method, MethodFault> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) || !name.bytes().all(is_plain) {
            return Err(MethodFault::Invalid);
        }
        let compared = comparable(name);
        if REFUSED.contains(&compared.as_str()) {
            return Err(MethodFault::Refused);
        }
        let place = METHODS.binary_search_by(|(known, ..)| {
            known.bytes().map(|byte| byte.to_ascii_lowercase()).cmp(compared.bytes())
        });
        if let Ok(place) = place {
            let (name, chat_id, business_connection) = METHODS[place];
            return Ok(Method { name: name.into(), chat_id: Some(chat_id), business_connection });
        }
        if UPDATE_KINDS.iter().any(|kind| comparable(kind) == compared) {
            return Err(MethodFault::UpdateKind);
        }
        Ok(Method { name: camel_case(name).into(), chat_id: None, business_connection: Takes::Absent })
    }

    /// The name as Telegram spells it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is a method that we know.
    pub fn is_known(&self) -> bool {
        self.chat_id.is_some()
    }

    /// Whether `chat_id` should become the scope's chat. `has` tells which parameters were given.
    ///
    /// So it is for methods that require it, for an unknown `send…`, and for `edit…`, `stop…` and game scores that name
    /// a `message_id`; never where leaving it out has a meaning (`inline_message_id`, `setChatMenuButton`, `sendGift`).
    pub fn defaults_chat_id(&self, has: impl Fn(&str) -> bool) -> bool {
        if has("chat_id") || has("inline_message_id") {
            return false;
        }
        match self.chat_id {
            Some(Takes::Required) => true,
            Some(Takes::Absent) => false,
            Some(Takes::Optional) => self.acts_on_a_message() && has("message_id"),
            None => self.begins("send") || (self.acts_on_a_message() && has("message_id")),
        }
    }

    /// Whether Telegram refuses the call without `chat_id`, as far as we know.
    pub fn requires_chat_id(&self) -> bool {
        self.chat_id == Some(Takes::Required)
    }

    /// Whether it is known to take `business_connection_id`.
    pub fn takes_business_connection(&self) -> bool {
        self.business_connection != Takes::Absent
    }

    /// Whether Telegram refuses the call without `business_connection_id`.
    pub fn requires_business_connection(&self) -> bool {
        self.business_connection == Takes::Required
    }

    /// Whether it answers a query that expires soon (`answer…`).
    pub fn is_answer(&self) -> bool {
        self.begins("answer")
    }

    fn acts_on_a_message(&self) -> bool {
        self.begins("edit") || self.begins("stop") || self.name.contains("Game")
    }

    fn begins(&self, verb: &str) -> bool {
        let beginning = self.name.as_bytes().get(..verb.len());
        beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(verb.as_bytes()))
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// `send_message`, `sendMessage` and `SENDMESSAGE` are one.
fn comparable(name: &str) -> String {
    name.chars()
        .filter(|character| *character != '_')
        .map(|character| character.to_ascii_lowercase())
        .collect()
}

fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut words = name.split('_').filter(|word| !word.is_empty());
    camel.extend(words.next());
    for word in words {
        let (first, rest) = word.split_at(1);
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(rest);
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn method(name: &str) -> Method {
        Method::parse(name).unwrap()
    }

    #[test]
    fn names_are_compared_without_case_and_underscores() {
        for (given, name, known) in [
            ("sendMessage", "sendMessage", true),
            ("send_message", "sendMessage", true),
            ("SENDMESSAGE", "sendMessage", true),
            ("kick_chat_member", "kickChatMember", true),
            ("send_hologram", "sendHologram", false),
            ("sendHologram", "sendHologram", false),
            ("a__b_", "aB", false),
        ] {
            let found = method(given);
            assert_eq!((found.name(), found.is_known()), (name, known), "{given}");
        }
    }

    #[test]
    fn some_names_cannot_be_called() {
        for (given, fault) in [
            ("get_updates", MethodFault::Refused),
            ("setWebhook", MethodFault::Refused),
            ("DELETEWEBHOOK", MethodFault::Refused),
            ("log_out", MethodFault::Refused),
            ("close", MethodFault::Refused),
            ("message", MethodFault::UpdateKind),
            ("callbackQuery", MethodFault::UpdateKind),
            ("", MethodFault::Invalid),
            ("_x", MethodFault::Invalid),
            ("1x", MethodFault::Invalid),
            ("send/../getMe", MethodFault::Invalid),
            ("sendé", MethodFault::Invalid),
        ] {
            assert_eq!(Method::parse(given), Err(fault), "{given}");
        }
        // `closeForumTopic` begins like a refused one and is none.
        assert!(method("closeForumTopic").requires_chat_id());
    }

    #[test]
    fn the_chat_is_filled_in_where_leaving_it_out_means_nothing() {
        for (name, given, expected) in [
            ("sendMessage", &[][..], true),
            ("sendMessage", &["chat_id"], false),
            ("sendHologram", &[], true),
            ("getHologram", &[], false),
            ("editHologram", &["message_id"], true),
            ("editHologram", &[], false),
            ("editMessageText", &["message_id"], true),
            ("editMessageText", &["inline_message_id"], false),
            ("editMessageText", &[], false),
            ("stopMessageLiveLocation", &["message_id"], true),
            ("setGameScore", &["message_id", "user_id"], true),
            ("getGameHighScores", &["message_id"], true),
            ("stopPoll", &["message_id"], true),
            ("deleteMessage", &["message_id"], true),
            ("setChatMenuButton", &[], false),
            ("getChatMenuButton", &["message_id"], false),
            ("sendGift", &["user_id"], false),
            ("sendChatJoinRequestWebApp", &[], false),
            ("answerCallbackQuery", &[], false),
            ("getMe", &[], false),
        ] {
            let has = |name: &str| given.contains(&name);
            assert_eq!(method(name).defaults_chat_id(has), expected, "{name} {given:?}");
        }
    }

    #[test]
    fn other_facts() {
        assert!(method("answerInlineQuery").is_answer());
        assert!(!method("sendMessage").is_answer());
        assert!(method("sendMessage").takes_business_connection());
        assert!(!method("deleteMessage").takes_business_connection());
        assert!(!method("getChatMenuButton").requires_chat_id());
    }

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert!(METHODS.is_sorted_by(|a, b| comparable(a.0) < comparable(b.0)));
        for (name, ..) in METHODS {
            let found = Method::parse(name);
            match REFUSED.contains(&comparable(name).as_str()) {
                true => assert_eq!(found, Err(MethodFault::Refused)),
                false => assert_eq!(found.unwrap().name(), name),
            }
        }
        let required = METHODS.iter().filter(|row| row.1 == Takes::Required).count();
        let optional = METHODS.iter().filter(|row| row.1 == Takes::Optional).count();
        assert_eq!((required, optional), (90 + 2, 11));
    }

    proptest! {
        #[test]
        fn what_parses_is_safe_in_a_url(name in "\\PC{0,12}|[A-Za-z_0-9]{1,12}") {
            if let Ok(method) = Method::parse(&name) {
                prop_assert!(method.name().bytes().all(|byte| byte.is_ascii_alphanumeric()));
            }
        }
    }
}
