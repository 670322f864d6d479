//! All methods without state of their own: required parameters, chat and message are checked, and the result is made
//! up by its type.

use crate::sim::answer::{Failure, Outcome, done};
use crate::sim::entities::Formatted;
use crate::sim::facts::Method;
use crate::sim::json::quote;
use crate::sim::markup::Markup;
use crate::sim::message::{Content, Message};

use super::Call;
use super::content::send_other;
use super::edit::target;
use super::missing::{missing, target_name};
use super::send::store;
use super::synthesis::{random_name, value};

/// Performs any method by what is known of it.
pub(super) fn by_facts(call: &mut Call<'_>, method: &Method) -> Outcome {
    let params = call.params;
    let absent = |name: &str| params.text(name).is_empty() && params.file(name).is_none();
    let required = method.params.iter().filter(|(.., required)| *required);
    if let Some((name, ..)) = required.clone().find(|(name, ..)| absent(name) && name != "chat_id") {
        return Err(missing(name));
    }
    let sends = method.name.starts_with("send") && method.returns.iter().any(|kind| kind == "Message");
    if sends {
        return send_other(call, method);
    }
    let chat_required = required.clone().any(|(name, ..)| name == "chat_id");
    let chat = if chat_required || params.some_text("chat_id").is_some() && method.takes("chat_id") {
        let reads = method.name.starts_with("get");
        let chat_id = params.text("chat_id");
        let chat =
            if reads { call.state.chats.find(chat_id)? } else { call.state.chats.writable(chat_id)? };
        Some(chat.id)
    } else {
        None
    };
    let mut message = None;
    if let (Some(_), Some(what)) = (chat, target_name(&method.name))
        && !params.text("message_id").is_empty()
    {
        message = Some(target(call, what)?);
    }
    if method.takes("user_id") && !absent("user_id") && params.long("user_id") <= 0 {
        return Err(Failure::bad("invalid user_id specified"));
    }
    result(call, method, chat, message)
}

fn result(call: &mut Call<'_>, method: &Method, chat: Option<i64>, message: Option<(i64, i64)>) -> Outcome {
    let kind = method.returns.first().map_or("Boolean", String::as_str);
    if kind == "Message" {
        if let Some((chat, id)) = message {
            let message = call.state.chats.get(chat).and_then(|chat| chat.messages.get(&id));
            return done(message.map_or_else(|| "true".to_owned(), Message::json));
        }
        let Some(chat) = chat else { return done("true") };
        let content = Content::Other { members: String::new(), caption: Formatted::default() };
        return done(store(call, chat, content, None, &Markup::None, String::new()));
    }
    match (method.name.as_str(), kind) {
        ("getChatMemberCount", _) => done("2"),
        ("createInvoiceLink", _) => done(quote(&format!("https://t.me/${}", random_name()))),
        ("exportChatInviteLink", _) => done(quote(&format!("https://t.me/+{}", random_name()))),
        _ => done(value(call, kind, 0)),
    }
}
