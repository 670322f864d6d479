//! A worker's send made into a call: which method, for which chat, with which defaults (protocol.md, "Send events").
//!
//! Pure. Owns the defaults and the refusals. Parameters keep the bytes that the worker wrote.

use bytes::Bytes;
use serde_json::Value;

use crate::key::ScopeKey;
use crate::outbox::Lane;
use crate::telegram::{Method, MethodFault};
use crate::wire::{Fault, SendEvent};

/// A call, ready for the outbox.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) lane: Option<Lane>,
    pub(super) body: Bytes,
}

/// Why there is no call.
#[derive(Debug, PartialEq)]
pub(super) enum Declined {
    /// An event of ours come back: it is nobody's mistake.
    Echo,
    /// It cannot or must not be made.
    Fault(Fault, String),
}

/// Makes the call. `has_chat` is whether sends of this scope may go to its chat by default.
pub(super) fn prepare(send: &SendEvent<'_>, scope: &ScopeKey, has_chat: bool) -> Result<Call, Declined> {
    let method = Method::parse(&send.method).map_err(|fault| match fault {
        MethodFault::UpdateKind => Declined::Echo,
        MethodFault::Refused => Declined::Fault(
            Fault::Refused,
            format!("`{}` is the gateway's own and would break its connection to Telegram", send.method),
        ),
        MethodFault::Invalid => Declined::Fault(
            Fault::Invalid,
            format!("`{}` is not the name of a method", shortened(&send.method)),
        ),
    })?;
    let given = |name: &str| send.params.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
    let mut body = String::from("{");
    let mut member = |key: &str, value: &str| {
        body.push_str(if body.len() > 1 { "," } else { "" });
        body.push_str(&Value::from(key).to_string());
        body.push(':');
        body.push_str(value);
    };
    let mut lane = given("chat_id").and_then(|chat_id| Lane::of(chat_id.get()));
    let defaults_chat = method.defaults_chat_id(|name| given(name).is_some());
    if defaults_chat {
        let Some(chat) = scope.chat_id().filter(|_| has_chat) else {
            let why = format!("`{method}` needs a `chat_id`, and this scope has no chat of its own");
            return Err(Declined::Fault(Fault::Invalid, why));
        };
        lane = Some(Lane::Chat(chat));
        member("chat_id", &chat.to_string());
    }
    if let Some(connection) = scope.business_connection()
        && given("business_connection_id").is_none()
        && ((defaults_chat && method.takes_business_connection()) || method.requires_business_connection())
    {
        member("business_connection_id", &Value::from(connection).to_string());
    }
    for (key, value) in &send.params {
        member(key, value.get());
    }
    body.push('}');
    Ok(Call { method, lane, body: body.into() })
}

fn shortened(name: &str) -> String {
    name.chars().take(60).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Said, parse};

    fn prepared(scope: ScopeKey, line: &str) -> String {
        let Ok(Said::Send(send)) = parse(line.as_bytes()) else { panic!("not a send: {line}") };
        match prepare(&send, &scope, true) {
            Ok(call) => {
                format!("{} {} {:?}", call.method, String::from_utf8_lossy(&call.body), call.lane)
            }
            Err(Declined::Echo) => "echo".into(),
            Err(Declined::Fault(fault, why)) => format!("{}: {why}", fault.name()),
        }
    }

    const CHAT: ScopeKey = ScopeKey::Chat(42);

    #[test]
    fn the_chat_is_the_scopes_where_leaving_it_out_could_only_be_a_mistake() {
        assert_eq!(
            prepared(CHAT, r#"{"type":"telegram.send_message","text":"\ud83d"}"#),
            r#"sendMessage {"chat_id":42,"text":"\ud83d"} Some(Chat(42))"#
        );
        assert_eq!(
            prepared(CHAT, r#"{"type":"telegram.send_message","text":"a","chat_id":"@Some"}"#),
            r#"sendMessage {"text":"a","chat_id":"@Some"} Some(Name("@some"))"#
        );
        assert_eq!(
            prepared(CHAT, r#"{"type":"telegram.edit_message_text","inline_message_id":"x","text":"a"}"#),
            r#"editMessageText {"inline_message_id":"x","text":"a"} None"#
        );
        assert_eq!(prepared(CHAT, r#"{"type":"telegram.get_me"}"#), "getMe {} None");
        assert_eq!(
            prepared(CHAT, r#"{"type":"telegram.send_hologram","x":1}"#),
            r#"sendHologram {"chat_id":42,"x":1} Some(Chat(42))"#
        );
    }

    #[test]
    fn a_scope_without_a_chat_must_name_one() {
        let send = r#"{"type":"telegram.send_message","text":"a"}"#;
        assert!(prepared(ScopeKey::User(5), send).starts_with("invalid: `sendMessage` needs a `chat_id`"));
        assert!(
            prepared(ScopeKey::User(5), &send.replace("\"text\"", "\"chat_id\":7,\"text\""))
                .contains("Chat(7)")
        );
    }

    #[test]
    fn a_business_scope_speaks_through_its_connection() {
        let scope = ScopeKey::Business { connection: "Xk3".into(), chat: 42 };
        assert_eq!(
            prepared(scope.clone(), r#"{"type":"telegram.send_message","text":"a"}"#),
            r#"sendMessage {"chat_id":42,"business_connection_id":"Xk3","text":"a"} Some(Chat(42))"#
        );
        assert_eq!(
            prepared(scope.clone(), r#"{"type":"telegram.delete_business_messages","message_ids":[1]}"#),
            r#"deleteBusinessMessages {"business_connection_id":"Xk3","message_ids":[1]} None"#
        );
        let own = r#"{"type":"telegram.send_message","chat_id":42,"text":"a"}"#;
        assert!(!prepared(scope, own).contains("Xk3"), "whoever names the chat speaks as the bot");
    }

    #[test]
    fn what_would_break_the_gateway_is_refused() {
        assert!(prepared(CHAT, r#"{"type":"telegram.get_updates"}"#).starts_with("refused: `get_updates`"));
        assert!(prepared(CHAT, r#"{"type":"telegram.call","method":"LOGOUT"}"#).starts_with("refused"));
        assert!(prepared(CHAT, r#"{"type":"telegram.../../x"}"#).starts_with("invalid: `../../x`"));
        assert_eq!(prepared(CHAT, r#"{"type":"telegram.message","text":"hi"}"#), "echo");
    }
}
