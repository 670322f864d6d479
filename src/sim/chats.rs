//! The chats and users of one bot, and the messages in them.
//! Owns ids, bounds and lookups; what is allowed in a chat is the methods' affair.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::answer::Failure;
use super::json::Object;
use super::message::Message;

/// Most chats, and most users, of one bot; further ones are refused.
const MAX_CHATS: usize = 100_000;
/// Most messages kept over all chats of one bot; then the oldest are forgotten.
const MAX_MESSAGES: usize = 100_000;
/// Most bytes of messages kept over all chats of one bot; then the oldest are forgotten.
const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// The type of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChatKind {
    Private,
    Group,
    Supergroup,
    Channel,
}

impl ChatKind {
    /// Telegram's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ChatKind::Private => "private",
            ChatKind::Group => "group",
            ChatKind::Supergroup => "supergroup",
            ChatKind::Channel => "channel",
        }
    }

    /// The kind of that name.
    pub(crate) fn named(name: &str) -> Option<ChatKind> {
        [ChatKind::Private, ChatKind::Group, ChatKind::Supergroup, ChatKind::Channel]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    /// What an id alone tells: users are positive, supergroups and channels start with -100.
    pub(crate) fn of_id(id: i64) -> ChatKind {
        match id {
            0.. => ChatKind::Private,
            ..=-1_000_000_000_000 => ChatKind::Supergroup,
            _ => ChatKind::Group,
        }
    }
}

/// What keeps the bot from writing to a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Open,
    /// The user has blocked the bot.
    Blocked,
    /// The user's account is gone.
    Deactivated,
    /// The bot was thrown out.
    Kicked,
    /// The bot has left or was never in.
    Left,
    /// The group is no more.
    Deleted,
    /// The group became this supergroup.
    Migrated(i64),
}

/// A user.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) first_name: String,
    pub(crate) username: Option<String>,
    /// The User JSON.
    pub(crate) json: Arc<str>,
}

/// A chat with its messages.
#[derive(Debug)]
pub(crate) struct Chat {
    pub(crate) id: i64,
    pub(crate) kind: ChatKind,
    /// Its title, or the user's first name.
    pub(crate) title: String,
    pub(crate) username: Option<String>,
    pub(crate) access: Access,
    /// The Chat JSON.
    pub(crate) json: Arc<str>,
    pub(crate) messages: BTreeMap<i64, Message>,
    last_id: i64,
}

impl Chat {
    /// The members a Chat and a ChatFullInfo share.
    pub(crate) fn object(&self) -> Object {
        let name = if self.kind == ChatKind::Private { "first_name" } else { "title" };
        Object::new()
            .number("id", self.id)
            .text(name, &self.title)
            .text_if("username", self.username.as_deref())
            .text("type", self.kind.name())
    }
}

/// All chats and users.
#[derive(Debug, Default)]
pub(crate) struct Chats {
    chats: HashMap<i64, Chat>,
    users: HashMap<i64, User>,
    /// Order of arrival of all messages, to forget the oldest.
    order: VecDeque<(i64, i64)>,
    message_bytes: usize,
    /// Counter of message ids in private chats and basic groups, which share one.
    last_own_id: i64,
}

impl Chats {
    pub(crate) fn user(&self, id: i64) -> Option<&User> {
        self.users.get(&id)
    }

    pub(crate) fn get(&self, id: i64) -> Option<&Chat> {
        self.chats.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: i64) -> Option<&mut Chat> {
        self.chats.get_mut(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.chats.len()
    }

    /// The public chat of that name, without the `@`; users are not found by name.
    pub(crate) fn by_username(&self, name: &str) -> Option<&Chat> {
        self.chats.values().find(|chat| {
            let matches = chat.username.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name));
            matches && chat.kind != ChatKind::Private
        })
    }

    /// Makes a user on first use, or renames it; its private chat follows. `None` names stay as they are.
    ///
    /// # Errors
    /// If `id` cannot be a user's, or there are too many users.
    pub(crate) fn put_user(
        &mut self,
        id: i64,
        first_name: Option<&str>,
        username: Option<&str>,
    ) -> Result<&User, String> {
        if !(1..1 << 52).contains(&id) {
            return Err(format!("`{id}` cannot be a user's id: it must be positive and below 2^52"));
        }
        let known = self.users.get(&id);
        if known.is_none() && self.users.len() >= MAX_CHATS {
            return Err(format!("there are {MAX_CHATS} users already"));
        }
        if known.is_none() || first_name.is_some() || username.is_some() {
            let old_name = known.map(|user| user.first_name.clone());
            let first_name =
                first_name.map(str::to_owned).or(old_name).unwrap_or_else(|| format!("User {id}"));
            let username = match username {
                Some(name) => Some(name.trim_start_matches('@').to_owned()).filter(|name| !name.is_empty()),
                None => known.and_then(|user| user.username.clone()),
            };
            let json = Object::new().number("id", id).flag("is_bot", false).text("first_name", &first_name);
            let json =
                json.text_if("username", username.as_deref()).text("language_code", "en").finish().into();
            self.users.insert(id, User { first_name: first_name.clone(), username: username.clone(), json });
            self.put_chat(id, ChatKind::Private, Some(&first_name), Some(username.as_deref().unwrap_or("")))?;
        }
        self.users.get(&id).ok_or_else(|| "the user was not kept".to_owned())
    }

    /// Makes a chat on first use, or renames it.
    ///
    /// # Errors
    /// If there are too many chats.
    pub(crate) fn put_chat(
        &mut self,
        id: i64,
        kind: ChatKind,
        title: Option<&str>,
        username: Option<&str>,
    ) -> Result<&mut Chat, String> {
        if !self.chats.contains_key(&id) && self.chats.len() >= MAX_CHATS {
            return Err(format!("there are {MAX_CHATS} chats already"));
        }
        let chat = self.chats.entry(id).or_insert_with(|| Chat {
            id,
            kind,
            title: format!("Chat {id}"),
            username: None,
            access: Access::Open,
            json: "{}".into(),
            messages: BTreeMap::new(),
            last_id: 0,
        });
        chat.kind = kind;
        if let Some(title) = title {
            title.clone_into(&mut chat.title);
        }
        if let Some(name) = username {
            chat.username = Some(name.trim_start_matches('@').to_owned()).filter(|name| !name.is_empty());
        }
        chat.json = chat.object().finish().into();
        Ok(chat)
    }

    /// The id a chat's next message gets: channels and supergroups count for themselves.
    pub(crate) fn next_message_id(&mut self, chat: i64) -> i64 {
        match self.chats.get_mut(&chat) {
            Some(chat) if matches!(chat.kind, ChatKind::Supergroup | ChatKind::Channel) => {
                chat.last_id += 1;
                chat.last_id
            }
            _ => {
                self.last_own_id += 1;
                self.last_own_id
            }
        }
    }

    /// Stores a message; the oldest ones are forgotten when there are too many.
    pub(crate) fn store(&mut self, chat: i64, message: Message) {
        let Some(place) = self.chats.get_mut(&chat) else {
            return;
        };
        self.order.push_back((chat, message.id));
        self.message_bytes += message.weight();
        let old = place.messages.insert(message.id, message);
        self.message_bytes -= old.map_or(0, |old| old.weight());
        while self.order.len() > MAX_MESSAGES || self.message_bytes > MAX_MESSAGE_BYTES {
            let Some((chat, id)) = self.order.pop_front() else {
                break;
            };
            self.forget(chat, id);
        }
    }

    /// Forgets a message; whether it was there.
    pub(crate) fn forget(&mut self, chat: i64, id: i64) -> bool {
        let gone = self.chats.get_mut(&chat).and_then(|chat| chat.messages.remove(&id));
        self.message_bytes -= gone.as_ref().map_or(0, Message::weight);
        gone.is_some()
    }

    /// Notes that a stored message changed its weight.
    pub(crate) fn reweigh(&mut self, before: usize, after: usize) {
        self.message_bytes = self.message_bytes + after - before;
    }

    /// The chat a call means by `chat_id`, if the bot may write there.
    ///
    /// # Errors
    /// Telegram's words: empty, not found, blocked, kicked, migrated….
    pub(crate) fn writable(&self, chat_id: &str) -> Result<&Chat, Failure> {
        let chat = self.find(chat_id)?;
        let kind = chat.kind.name();
        let forbidden = |text: String| Err(Failure::new(403, text));
        match chat.access {
            Access::Open => Ok(chat),
            Access::Blocked => forbidden("Forbidden: bot was blocked by the user".to_owned()),
            Access::Deactivated => forbidden("Forbidden: user is deactivated".to_owned()),
            Access::Kicked => forbidden(format!("Forbidden: bot was kicked from the {kind} chat")),
            Access::Left => forbidden(format!("Forbidden: bot is not a member of the {kind} chat")),
            Access::Deleted => forbidden("Forbidden: the group chat was deleted".to_owned()),
            Access::Migrated(to) => Err(Failure {
                migrate_to: Some(to),
                ..Failure::bad("group chat was upgraded to a supergroup chat")
            }),
        }
    }

    /// The chat a call means by `chat_id`: a number, or the `@name` of a public chat.
    ///
    /// # Errors
    /// `chat_id is empty`, `chat not found`.
    pub(crate) fn find(&self, chat_id: &str) -> Result<&Chat, Failure> {
        if chat_id.is_empty() {
            return Err(Failure::bad("chat_id is empty"));
        }
        let chat = match chat_id.strip_prefix('@') {
            Some(name) => self.by_username(name),
            None => self.get(super::params::lenient_integer(chat_id)),
        };
        chat.ok_or_else(|| Failure::bad("chat not found"))
    }
}
