//! Sending text and chat actions, and what all sends share: where to, in reply to what, and storing the message.

use crate::sim::answer::{Failure, Outcome, done};
use crate::sim::bot::State;
use crate::sim::chats::ChatKind;
use crate::sim::entities::{Formatted, formatted};
use crate::sim::json::{Object, quote};
use crate::sim::log::EventKind;
use crate::sim::markup::{Markup, ReplyTo, reply_markup, reply_parameters};
use crate::sim::message::{Content, Message};

use super::Call;

/// Longest text, in characters, after parsing.
const MAX_TEXT: usize = 4096;
/// Longest caption, in characters, after parsing.
const MAX_CAPTION: usize = 1024;
/// All actions of sendChatAction.
const ACTIONS: [&str; 15] = [
    "cancel",
    "typing",
    "record_video",
    "upload_video",
    "record_audio",
    "record_voice",
    "upload_audio",
    "upload_voice",
    "upload_photo",
    "upload_document",
    "choose_sticker",
    "pick_up_location",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

pub(super) fn send_message(call: &mut Call<'_>) -> Outcome {
    let text = message_text(call)?;
    send(call, Content::Text(text), String::new())
}

/// The formatted `text` of a call.
///
/// # Errors
/// If there is none, or what its markup's parser says.
pub(super) fn message_text(call: &Call<'_>) -> Result<Formatted, Failure> {
    if call.params.text("text").is_empty() {
        return Err(Failure::bad("message text is empty"));
    }
    formatted(call.params, "text", "parse_mode", "entities")
}

/// The formatted `caption` of a call.
///
/// # Errors
/// What its markup's parser says.
pub(super) fn message_caption(call: &Call<'_>) -> Result<Formatted, Failure> {
    formatted(call.params, "caption", "parse_mode", "caption_entities")
}

/// The limits of a text or caption, which are checked last.
///
/// # Errors
/// Empty or too long.
pub(super) fn check_length(content: &Content) -> Result<(), Failure> {
    match content {
        Content::Text(text) if text.text.is_empty() => Err(Failure::bad("text must be non-empty")),
        Content::Text(text) if text.text.chars().count() > MAX_TEXT => {
            Err(Failure::bad("message is too long"))
        }
        Content::Other { caption, .. } if caption.text.chars().count() > MAX_CAPTION => {
            Err(Failure::bad("message caption is too long"))
        }
        _ => Ok(()),
    }
}

/// Sends what has been read: reply and markup, chat, replied message and length are checked in Telegram's order.
pub(super) fn send(call: &mut Call<'_>, content: Content, extra: String) -> Outcome {
    let reply = reply_parameters(call.params)?;
    let markup = reply_markup(call.params)?;
    let chat = call.state.chats.writable(call.params.text("chat_id"))?.id;
    let reply_to = replied(call.state, chat, &reply)?;
    check_length(&content)?;
    keep_pace(call, chat)?;
    done(store(call, chat, content, reply_to, &markup, extra))
}

/// Takes a token of the chat's and the bot's pace, if they are held to one.
///
/// # Errors
/// 429 with the seconds to wait.
pub(super) fn keep_pace(call: &mut Call<'_>, chat: i64) -> Result<(), Failure> {
    let Some(limits) = call.state.limits else {
        return Ok(());
    };
    call.state.pace.take(&limits, chat, call.now_ms).map_err(Failure::too_many)
}

/// The JSON of the message a call replies to.
///
/// # Errors
/// `message to be replied not found`, unless that was allowed.
pub(super) fn replied(state: &State, chat: i64, reply: &ReplyTo) -> Result<Option<String>, Failure> {
    if reply.message_id == 0 {
        return Ok(None);
    }
    let chat =
        if reply.chat_id.is_empty() { state.chats.get(chat) } else { state.chats.find(&reply.chat_id).ok() };
    match chat.and_then(|chat| chat.messages.get(&reply.message_id)) {
        Some(message) => Ok(Some(message.json_without_reply())),
        None if reply.optional => Ok(None),
        None => Err(Failure::bad("message to be replied not found")),
    }
}

/// Puts a message of the bot into a chat that is known to be there, and shows it. Returns its JSON.
pub(super) fn store(
    call: &mut Call<'_>,
    chat: i64,
    content: Content,
    reply_to: Option<String>,
    markup: &Markup,
    mut extra: String,
) -> String {
    let id = call.state.chats.next_message_id(chat);
    let (chat_json, kind) = match call.state.chats.get(chat) {
        Some(chat) => (chat.json.clone(), chat.kind),
        None => ("{}".into(), ChatKind::Private),
    };
    let post = kind == ChatKind::Channel;
    if let Some(connection) = call.params.some_text("business_connection_id") {
        let comma = if extra.is_empty() { "" } else { "," };
        extra = format!("{extra}{comma}\"business_connection_id\":{}", quote(connection));
    }
    let message = Message {
        id,
        from: Some(call.state.me.clone()).filter(|_| !post),
        own: true,
        chat: chat_json,
        post,
        date: call.now(),
        edit_date: None,
        thread: Some(call.params.long("message_thread_id")).filter(|&thread| thread != 0),
        reply_to,
        content,
        markup: markup.inline().map(str::to_owned),
        extra,
    };
    let json = message.json();
    call.state.chats.store(chat, message);
    let keyboard = match markup {
        Markup::Other(json) => Some(json.as_str()),
        Markup::None | Markup::Inline(_) => None,
    };
    call.show(EventKind::Message, chat, Object::new().raw("message", &json).raw_if("keyboard", keyboard));
    json
}

pub(super) fn send_chat_action(call: &mut Call<'_>) -> Outcome {
    let action = call.params.text("action").to_ascii_lowercase();
    if !ACTIONS.contains(&action.as_str()) {
        return Err(Failure::bad("wrong parameter action in request"));
    }
    let chat = call.state.chats.writable(call.params.text("chat_id"))?.id;
    call.show(EventKind::ChatAction, chat, Object::new().text("action", &action));
    done("true")
}
