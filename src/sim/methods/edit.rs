//! Editing and deleting messages.

use crate::sim::answer::{Failure, Outcome, done};
use crate::sim::entities::Formatted;
use crate::sim::json::Object;
use crate::sim::log::EventKind;
use crate::sim::markup;
use crate::sim::message::Content;

use super::Call;
use super::content::input_media;
use super::send::{check_length, message_caption, message_text};

/// Most messages deleted by one call.
const MAX_DELETED: usize = 100;

pub(super) fn text(call: &mut Call<'_>) -> Outcome {
    let text = message_text(call)?;
    change(
        call,
        Some(|content: &Content| match content {
            Content::Text(_) => Ok(Content::Text(text.clone())),
            Content::Other { .. } => Err(Failure::bad("there is no text in the message to edit")),
        }),
    )
}

pub(super) fn caption(call: &mut Call<'_>) -> Outcome {
    let caption: Formatted = message_caption(call)?;
    change(
        call,
        Some(|content: &Content| match content {
            Content::Other { members, .. } => {
                Ok(Content::Other { members: members.clone(), caption: caption.clone() })
            }
            Content::Text(_) => Err(Failure::bad("there is no caption in the message to edit")),
        }),
    )
}

pub(super) fn media(call: &mut Call<'_>) -> Outcome {
    let media = call.params.json("media").filter(serde_json::Value::is_object);
    let media = media.ok_or_else(|| Failure::bad("can't parse media JSON object"))?;
    let content = input_media(call, &media)?;
    change(call, Some(|_: &Content| Ok(content.clone())))
}

pub(super) fn reply_markup(call: &mut Call<'_>) -> Outcome {
    change(call, None::<fn(&Content) -> Result<Content, Failure>>)
}

/// Edits a message's content and inline keyboard; without a keyboard given, it is removed. An inline message, which
/// belongs to no chat, is taken to have been edited.
fn change<F>(call: &mut Call<'_>, edit: Option<F>) -> Outcome
where
    F: Fn(&Content) -> Result<Content, Failure>,
{
    let markup = markup::reply_markup(call.params)?;
    let chat_id = call.params.text("chat_id");
    if chat_id.is_empty() && call.params.int("message_id") <= 0 {
        if call.params.text("inline_message_id").is_empty() {
            return Err(Failure::bad("message identifier is not specified"));
        }
        return done("true");
    }
    let now = call.now();
    let (chat, id) = target(call, "message to edit")?;
    let Some(message) = call.state.chats.get_mut(chat).and_then(|chat| chat.messages.get_mut(&id)) else {
        return Err(Failure::bad("message to edit not found"));
    };
    if !message.own {
        return Err(Failure::bad("message can't be edited"));
    }
    let content = match &edit {
        Some(edit) => edit(&message.content)?,
        None => message.content.clone(),
    };
    check_length(&content)?;
    let markup = markup.inline().map(str::to_owned);
    if content == message.content && markup == message.markup {
        return Err(Failure::bad(
            "message is not modified: specified new message content and reply markup are exactly the same as a \
             current content and reply markup of the message",
        ));
    }
    let before = message.weight();
    message.content = content;
    message.markup = markup;
    message.edit_date = Some(now);
    let (json, after) = (message.json(), message.weight());
    call.state.chats.reweigh(before, after);
    call.show(EventKind::Edit, chat, Object::new().raw("message", &json));
    done(json)
}

/// The chat and id of the message a call is about.
///
/// # Errors
/// `message identifier is not specified`, what is wrong with the chat, or `<what> not found`.
pub(super) fn target(call: &Call<'_>, what: &str) -> Result<(i64, i64), Failure> {
    if call.params.text("chat_id").is_empty() {
        return Err(Failure::bad("chat_id is empty"));
    }
    let id = i64::from(call.params.int("message_id"));
    if id <= 0 {
        return Err(Failure::bad("message identifier is not specified"));
    }
    let chat = call.state.chats.writable(call.params.text("chat_id"))?;
    if !chat.messages.contains_key(&id) {
        return Err(Failure::bad(format!("{what} not found")));
    }
    Ok((chat.id, id))
}

pub(super) fn delete_message(call: &mut Call<'_>) -> Outcome {
    if call.params.text("chat_id").is_empty() {
        return Err(Failure::bad("chat identifier is not specified"));
    }
    let (chat, id) = target(call, "message to delete")?;
    delete(call, chat, id);
    done("true")
}

pub(super) fn delete_messages(call: &mut Call<'_>) -> Outcome {
    let ids = message_ids(call, MAX_DELETED)?;
    let chat = call.state.chats.writable(call.params.text("chat_id"))?.id;
    for id in ids {
        delete(call, chat, id);
    }
    done("true")
}

/// The parameter `message_ids`.
///
/// # Errors
/// If it is missing, no array of positive numbers, or too long.
pub(super) fn message_ids(call: &Call<'_>, most: usize) -> Result<Vec<i64>, Failure> {
    let text = call.params.text("message_ids");
    if text.is_empty() {
        return Err(Failure::bad("message identifiers are not specified"));
    }
    let value = serde_json::from_str::<serde_json::Value>(text);
    let value = value.map_err(|_| Failure::bad("can't parse message_ids JSON object"))?;
    let list = value.as_array().ok_or_else(|| Failure::bad("expected an Array of message identifiers"))?;
    if list.len() > most {
        return Err(Failure::bad("too many message identifiers specified"));
    }
    if list.is_empty() {
        return Err(Failure::bad("message identifiers are not specified"));
    }
    let id =
        |item: &serde_json::Value| item.as_i64().or_else(|| item.as_str()?.parse().ok()).filter(|&id| id > 0);
    let ids: Option<Vec<i64>> = list.iter().map(id).collect();
    ids.ok_or_else(|| Failure::bad("invalid message identifier specified"))
}

fn delete(call: &mut Call<'_>, chat: i64, id: i64) {
    if call.state.chats.forget(chat, id) {
        call.show(EventKind::Delete, chat, Object::new().number("message_id", id));
    }
}
