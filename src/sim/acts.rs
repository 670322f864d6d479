//! What people do: write, edit, press buttons, make groups. Each act becomes an update in the bot's queue.
//! These are the functions under the control API, and those a program in the same process calls.

use std::fmt;

use super::Sim;
use super::bot::{Bot, Query, State};
use super::chats::{Access, ChatKind};
use super::entities::Formatted;
use super::json::Object;
use super::message::{Content, Message};

/// How long a callback query can be answered, as long as its update is kept.
const CALLBACK_MS: i64 = 150_000;

/// Why an act is impossible: a lower-case sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActError(pub(crate) String);

impl fmt::Display for ActError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for ActError {}

impl From<String> for ActError {
    fn from(why: String) -> ActError {
        ActError(why)
    }
}

fn refuse<T>(why: impl Into<String>) -> Result<T, ActError> {
    Err(ActError(why.into()))
}

/// A message of a user.
#[derive(Debug, Clone, Copy, Default)]
pub struct Says<'a> {
    /// The user's name; `User <id>`, or the name it has, if `None`.
    pub first_name: Option<&'a str>,
    /// Where; the private chat with the bot if `None`. A group nobody has heard of is made: a supergroup if its id
    /// starts with -100, else a basic group.
    pub chat: Option<i64>,
    /// Id of the message it replies to.
    pub reply_to: Option<i64>,
    /// What is said.
    pub text: &'a str,
}

/// A button of an inline keyboard.
#[derive(Debug, Clone, Copy)]
pub enum Button<'a> {
    /// By the callback data it sends; it need not be on the keyboard any more.
    Data(&'a str),
    /// By its place, both from 0. It must have callback data.
    At {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
    },
}

/// A chat to be made or changed. `None` leaves what there is.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChatSpec<'a> {
    /// The id; a new one if `None`.
    pub id: Option<i64>,
    /// `supergroup`, `group`, `channel`; for a new chat, what its id tells if `None`.
    pub kind: Option<&'a str>,
    /// The title.
    pub title: Option<&'a str>,
    /// The public name, with or without `@`; empty takes it away.
    pub username: Option<&'a str>,
    /// `open`, or why the bot cannot write there: `blocked`, `deactivated`, `kicked`, `left`, `deleted`.
    pub access: Option<&'a str>,
    /// The supergroup this group became: calls then fail with `migrate_to_chat_id`.
    pub migrated_to: Option<i64>,
}

impl Sim {
    /// A user writes to the bot; the user and the chat are made on first use. Returns the Message as JSON.
    ///
    /// # Errors
    /// If the text is empty, the chat cannot be, or the replied message is not there.
    pub fn user_says(&self, bot: i64, user: i64, says: &Says<'_>) -> Result<String, ActError> {
        let bot = self.existing_or_new(bot)?;
        let text = Formatted::typed(says.text);
        if text.text.is_empty() {
            return refuse("the text is empty");
        }
        let now_ms = self.clock().now_ms();
        let mut state = bot.state();
        let from = state.chats.put_user(user, says.first_name, None)?.json.clone();
        let chat = chat_of(&mut state, user, says.chat)?;
        let reply_to = match says.reply_to {
            Some(id) => Some(message(&state, chat, id)?.json_without_reply()),
            None => None,
        };
        let id = state.chats.next_message_id(chat);
        let Some(place) = state.chats.get(chat) else {
            return refuse("the chat was not kept");
        };
        let post = place.kind == ChatKind::Channel;
        let message = Message {
            id,
            from: Some(from).filter(|_| !post),
            own: false,
            chat: place.json.clone(),
            post,
            date: now_ms.div_euclid(1000),
            edit_date: None,
            thread: None,
            reply_to,
            content: Content::Text(text),
            markup: None,
            extra: String::new(),
        };
        let json = message.json();
        state.chats.store(chat, message);
        // Who writes to the bot unblocks it; from a group it is not in it hears nothing.
        let place = state.chats.get_mut(chat).filter(|_| chat == user);
        if let Some(place) = place.filter(|place| place.access == Access::Blocked) {
            place.access = Access::Open;
        }
        if state.chats.get(chat).is_some_and(|chat| chat.access == Access::Open) {
            state.push_update(if post { "channel_post" } else { "message" }, &json, now_ms);
        }
        drop(state);
        bot.ring_updates();
        Ok(json)
    }

    /// A user changes the text of an own message. Returns the Message as JSON.
    ///
    /// # Errors
    /// If there is no such message, or the bot sent it.
    pub fn user_edits(
        &self,
        bot: i64,
        user: i64,
        chat: Option<i64>,
        message_id: i64,
        text: &str,
    ) -> Result<String, ActError> {
        let bot = self.existing_or_new(bot)?;
        let now_ms = self.clock().now_ms();
        let mut state = bot.state();
        let place = chat.unwrap_or(user);
        message(&state, place, message_id)?;
        let chat = state.chats.get_mut(place);
        let kind = chat.as_ref().map(|chat| chat.kind);
        let Some(message) = chat.and_then(|chat| chat.messages.get_mut(&message_id)) else {
            return refuse(format!("there is no message `{message_id}` in chat `{place}`"));
        };
        if message.own {
            return refuse(format!("message `{message_id}` is the bot's own"));
        }
        let before = message.weight();
        message.content = Content::Text(Formatted::typed(text));
        message.edit_date = Some(now_ms.div_euclid(1000));
        let (json, after) = (message.json(), message.weight());
        state.chats.reweigh(before, after);
        let kind = if kind == Some(ChatKind::Channel) { "edited_channel_post" } else { "edited_message" };
        state.push_update(kind, &json, now_ms);
        drop(state);
        bot.ring_updates();
        Ok(json)
    }

    /// A user presses a button under a message. Returns the id of the callback query.
    ///
    /// # Errors
    /// If the message or the button is not there, or the button sends nothing to the bot.
    pub fn press(
        &self,
        bot: i64,
        user: i64,
        chat: Option<i64>,
        message_id: i64,
        button: Button<'_>,
    ) -> Result<String, ActError> {
        let bot = self.existing_or_new(bot)?;
        let now_ms = self.clock().now_ms();
        let mut state = bot.state();
        let from = state.chats.put_user(user, None, None)?.json.clone();
        let chat = chat.unwrap_or(user);
        let message = message(&state, chat, message_id)?;
        let data = match button {
            Button::Data(data) => data.to_owned(),
            Button::At { row, column } => callback_data(message, row, column)?,
        };
        let id = (fastrand::u64(..) >> 1).to_string();
        let query = Object::new()
            .text("id", &id)
            .raw("from", &from)
            .raw("message", &message.json())
            .text("chat_instance", &chat.wrapping_mul(7_919).to_string())
            .text("data", &data)
            .finish();
        let known = Query { user, chat: Some(chat), expires_at_ms: now_ms + CALLBACK_MS };
        state.put_query(id.clone(), known, now_ms);
        state.push_update("callback_query", &query, now_ms);
        drop(state);
        bot.ring_updates();
        Ok(id)
    }

    /// Makes or renames a user. Returns the User as JSON.
    ///
    /// # Errors
    /// If the id cannot be a user's.
    pub fn set_user(
        &self,
        bot: i64,
        user: i64,
        first_name: Option<&str>,
        username: Option<&str>,
    ) -> Result<String, ActError> {
        let bot = self.existing_or_new(bot)?;
        let mut state = bot.state();
        Ok(state.chats.put_user(user, first_name, username)?.json.to_string())
    }

    /// Makes or changes a chat. Returns the Chat as JSON.
    ///
    /// # Errors
    /// If a word is unknown or the id does not fit.
    pub fn set_chat(&self, bot: i64, spec: &ChatSpec<'_>) -> Result<String, ActError> {
        let bot = self.existing_or_new(bot)?;
        let mut state = bot.state();
        let wanted = match spec.kind {
            Some(name) => match ChatKind::named(name) {
                Some(kind) => Some(kind),
                None => return refuse(format!("`{name}` is no type of chat: supergroup, group, channel")),
            },
            None => None,
        };
        let count = i64::try_from(state.chats.len()).unwrap_or(0);
        let base = if wanted == Some(ChatKind::Group) { -100_000 } else { -1_001_000_000_000 };
        let free = (count..).map(|number| base - number).find(|&id| state.chats.get(id).is_none());
        let id = spec.id.or(free).unwrap_or(base);
        let known = state.chats.get(id).map(|chat| chat.kind);
        let kind = wanted.or(known).unwrap_or_else(|| ChatKind::of_id(id));
        if (kind == ChatKind::Private) != (id > 0) {
            return refuse(format!("`{id}` cannot be the id of a {} chat", kind.name()));
        }
        if kind == ChatKind::Private {
            state.chats.put_user(id, spec.title, spec.username)?;
        }
        let access = match (spec.migrated_to, spec.access) {
            (Some(to), _) => Some(Access::Migrated(to)),
            (None, None) => None,
            (None, Some("open")) => Some(Access::Open),
            (None, Some("blocked")) => Some(Access::Blocked),
            (None, Some("deactivated")) => Some(Access::Deactivated),
            (None, Some("kicked")) => Some(Access::Kicked),
            (None, Some("left")) => Some(Access::Left),
            (None, Some("deleted")) => Some(Access::Deleted),
            (None, Some(word)) => return refuse(format!("`{word}` is no kind of access")),
        };
        let chat = state.chats.put_chat(id, kind, spec.title, spec.username)?;
        chat.access = access.unwrap_or(chat.access);
        Ok(chat.json.to_string())
    }

    pub(super) fn existing_or_new(&self, bot: i64) -> Result<std::sync::Arc<Bot>, ActError> {
        if !(1..1 << 52).contains(&bot) {
            return refuse(format!("`{bot}` cannot be a bot's number"));
        }
        self.bot(bot).map_err(|failure| ActError(failure.description.into_owned()))
    }
}

/// The chat a user acts in: the private one, or a group, which is made if nobody knows it.
fn chat_of(state: &mut State, user: i64, chat: Option<i64>) -> Result<i64, ActError> {
    let chat = chat.unwrap_or(user);
    if chat > 0 && chat != user {
        return refuse(format!("chat `{chat}` is the private chat of another user"));
    }
    if chat == 0 {
        return refuse("`0` cannot be a chat's id");
    }
    if state.chats.get(chat).is_none() {
        state.chats.put_chat(chat, ChatKind::of_id(chat), None, None)?;
    }
    Ok(chat)
}

fn message(state: &State, chat: i64, id: i64) -> Result<&Message, ActError> {
    let message = state.chats.get(chat).and_then(|chat| chat.messages.get(&id));
    message.ok_or_else(|| ActError(format!("there is no message `{id}` in chat `{chat}`")))
}

fn callback_data(message: &Message, row: usize, column: usize) -> Result<String, ActError> {
    let markup = message.markup.as_deref().unwrap_or("{}");
    let markup: serde_json::Value = serde_json::from_str(markup).unwrap_or_default();
    let button = markup.get("inline_keyboard").and_then(|rows| rows.get(row)?.get(column));
    let Some(button) = button else {
        return refuse(format!("message `{}` has no button at row {row}, column {column}", message.id));
    };
    match button.get("callback_data").and_then(serde_json::Value::as_str) {
        Some(data) => Ok(data.to_owned()),
        None => refuse(format!("the button at row {row}, column {column} sends no callback data")),
    }
}
