//! Forwarding and copying messages, one or many.

use crate::sim::answer::{Failure, Outcome, done};
use crate::sim::json::{Object, array};
use crate::sim::markup::{Markup, reply_markup};
use crate::sim::message::{Content, Message};

use super::Call;
use super::edit::message_ids;
use super::send::{keep_pace, message_caption, store};

/// Most messages forwarded or copied by one call.
const MAX_IDS: usize = 100;

/// Whether the origin is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Forward,
    Copy,
}

pub(super) fn one(call: &mut Call<'_>, how: How) -> Outcome {
    let what = if how == How::Forward { "message to forward" } else { "message to copy" };
    let markup = if how == How::Copy { reply_markup(call.params)? } else { Markup::None };
    let caption = if call.params.has("caption") { Some(message_caption(call)?) } else { None };
    let chat = call.state.chats.writable(call.params.text("chat_id"))?.id;
    let from = call.state.chats.find(call.params.text("from_chat_id"))?;
    let id = i64::from(call.params.int("message_id"));
    if id <= 0 {
        return Err(Failure::bad("message identifier is not specified"));
    }
    let message = from.messages.get(&id).ok_or_else(|| Failure::bad(format!("{what} not found")))?.clone();
    let (mut content, extra) = (message.content.clone(), origin(&message, how));
    if let (Content::Other { caption: old, .. }, Some(new)) = (&mut content, caption) {
        *old = new;
    }
    keep_pace(call, chat)?;
    let json = store(call, chat, content, None, &markup, extra);
    match how {
        How::Forward => done(json),
        How::Copy => done(message_id(&json)),
    }
}

pub(super) fn many(call: &mut Call<'_>, how: How) -> Outcome {
    let ids = message_ids(call, MAX_IDS)?;
    let chat = call.state.chats.writable(call.params.text("chat_id"))?.id;
    let from = call.state.chats.find(call.params.text("from_chat_id"))?;
    let messages: Vec<Message> = ids.iter().filter_map(|id| from.messages.get(id)).cloned().collect();
    if messages.is_empty() {
        let what = if how == How::Forward { "forward" } else { "copy" };
        return Err(Failure::bad(format!("there are no messages to {what}")));
    }
    keep_pace(call, chat)?;
    let sent: Vec<String> = messages
        .into_iter()
        .map(|message| {
            let extra = origin(&message, how);
            message_id(&store(call, chat, message.content, None, &Markup::None, extra))
        })
        .collect();
    done(array(sent))
}

fn origin(message: &Message, how: How) -> String {
    if how == How::Copy {
        return String::new();
    }
    let origin = match &message.from {
        Some(user) => Object::new().text("type", "user").raw("sender_user", user),
        None => {
            let origin = Object::new().text("type", "channel").raw("chat", &message.chat);
            origin.number("message_id", message.id)
        }
    };
    format!("\"forward_origin\":{}", origin.number("date", message.date).finish())
}

/// The MessageId object of a message that was just stored.
fn message_id(json: &str) -> String {
    let id = serde_json::from_str::<serde_json::Value>(json)
        .ok()
        .and_then(|message| message["message_id"].as_i64());
    Object::new().number("message_id", id.unwrap_or(0)).finish()
}
