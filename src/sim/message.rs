//! A message in a chat: its parts, and how it is written as Telegram's Message object.
//! Owns one message; knows nothing of chats' rules.

use std::sync::Arc;

use super::entities::Formatted;
use super::json::Object;

/// What a message carries.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Text(Formatted),
    /// Anything else: its members as JSON (`"photo":[…]`), and its caption.
    Other {
        members: String,
        caption: Formatted,
    },
}

/// One stored message.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: i64,
    /// The sender's User JSON; none in channels.
    pub(crate) from: Option<Arc<str>>,
    /// Whether the bot itself sent it.
    pub(crate) own: bool,
    /// The Chat JSON.
    pub(crate) chat: Arc<str>,
    /// Whether it is a channel's post: then the chat is its sender too.
    pub(crate) post: bool,
    /// Seconds since 1970.
    pub(crate) date: i64,
    pub(crate) edit_date: Option<i64>,
    pub(crate) thread: Option<i64>,
    /// The JSON of the message replied to, which has no reply of its own.
    pub(crate) reply_to: Option<String>,
    pub(crate) content: Content,
    /// The JSON of its inline keyboard.
    pub(crate) markup: Option<String>,
    /// More members as JSON: forward_origin, business_connection_id and such.
    pub(crate) extra: String,
}

impl Message {
    /// The Message object.
    pub(crate) fn json(&self) -> String {
        self.write(true)
    }

    /// The Message object without the message it replies to, as it stands inside another one.
    pub(crate) fn json_without_reply(&self) -> String {
        self.write(false)
    }

    fn write(&self, with_reply: bool) -> String {
        let mut object = Object::new().number("message_id", self.id).raw_if("from", self.from.as_deref());
        if self.post {
            object = object.raw("sender_chat", &self.chat);
        }
        object = object
            .raw("chat", &self.chat)
            .number("date", self.date)
            .number_if("edit_date", self.edit_date)
            .number_if("message_thread_id", self.thread)
            .raw_if("reply_to_message", self.reply_to.as_deref().filter(|_| with_reply))
            .members(&self.extra);
        object = match &self.content {
            Content::Text(text) => text.write(object, "text", "entities"),
            Content::Other { members, caption } => {
                let object = object.members(members);
                if caption.text.is_empty() {
                    object
                } else {
                    caption.write(object, "caption", "caption_entities")
                }
            }
        };
        object.raw_if("reply_markup", self.markup.as_deref()).finish()
    }

    /// Roughly how much memory it takes, for the bound on all messages.
    pub(crate) fn weight(&self) -> usize {
        let content = match &self.content {
            Content::Text(text) => text.text.len(),
            Content::Other { members, caption } => members.len() + caption.text.len(),
        };
        300 + content
            + self.extra.len()
            + self.markup.as_ref().map_or(0, String::len)
            + self.reply_to.as_ref().map_or(0, String::len)
    }
}
