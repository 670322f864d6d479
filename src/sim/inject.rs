//! Raw updates put in the queue as they are, and what the simulated world learns from them: users, chats, messages and
//! queries, so that a bot can answer.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Sim;
use super::acts::ActError;
use super::bot::{Query, State};
use super::chats::ChatKind;
use super::entities::Formatted;
use super::facts::facts;
use super::message::{Content, Message};

/// What is looked at in a payload; all of it may be missing or of another shape.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payload {
    id: Option<serde_json::Value>,
    chat: Option<serde_json::Value>,
    from: Option<serde_json::Value>,
    message: Option<serde_json::Value>,
    message_id: Option<i64>,
    date: Option<i64>,
    text: Option<String>,
}

impl Sim {
    /// Puts a file under an id, for a bot to get and download: the `file_id` of an update a test makes up. The name
    /// gives its path an extension.
    ///
    /// # Errors
    /// If the number cannot be a bot's, or the file is larger than all files may be together (64 MiB).
    pub fn put_file(
        &self,
        bot: i64,
        file_id: &str,
        filename: &str,
        content: bytes::Bytes,
    ) -> Result<(), ActError> {
        let bot = self.existing_or_new(bot)?;
        let mut state = bot.state();
        state.files.put(file_id, filename, content);
        let kept = state.files.about(file_id).is_some();
        if kept { Ok(()) } else { Err(ActError("the file is too large to be kept".to_owned())) }
    }

    /// Puts raw updates in a bot's queue: any JSON value is one, an array is several. An object with a numeric
    /// `update_id` goes in byte for byte, any other object gets the next id put in front, anything else goes in as it
    /// is. `allowed_updates` is not asked, and nothing is too old. Returns the ids; what had no room has none.
    ///
    /// # Errors
    /// If `json` is not JSON.
    pub fn push_updates(&self, bot: i64, json: &str) -> Result<Vec<i64>, ActError> {
        let bot = self.existing_or_new(bot)?;
        let whole: &RawValue =
            serde_json::from_str(json).map_err(|why| ActError(format!("the body is not JSON: {why}")))?;
        let list = match serde_json::from_str::<Vec<&RawValue>>(whole.get()) {
            Ok(list) => list,
            Err(_) => vec![whole],
        };
        let now_ms = self.clock().now_ms();
        let mut state = bot.state();
        let ids = list.iter().filter_map(|update| push_one(&mut state, update.get(), now_ms)).collect();
        drop(state);
        bot.ring_updates();
        Ok(ids)
    }
}

fn push_one(state: &mut State, json: &str, now_ms: i64) -> Option<i64> {
    let members: Vec<(String, &RawValue)> = members(json);
    let own_id = members.iter().find(|(key, _)| key == "update_id").map(|(_, raw)| raw.get());
    let kind = members.iter().find(|(key, _)| key != "update_id");
    let ttl_ms = facts().ttl_seconds(kind.map_or("", |(key, _)| key)) * 1000;
    if let Some((kind, payload)) = kind {
        learn(state, kind, payload.get(), now_ms);
    }
    if own_id.is_none() && json.starts_with('{') {
        let inside = json.trim_start_matches('{').trim_start();
        let inside = inside.strip_suffix('}').unwrap_or(inside);
        return if inside.is_empty() {
            let id = state.queue.next_id();
            state.queue.insert(id, format!("{{\"update_id\":{id}}}"), ttl_ms, now_ms)
        } else {
            state.queue.push(inside, ttl_ms, now_ms)
        };
    }
    let id = own_id.and_then(|id| id.parse().ok()).unwrap_or_else(|| state.queue.next_id());
    state.queue.insert(id, json.to_owned(), ttl_ms, now_ms)
}

/// The members of an object in order, doubled keys included; none if it is no object.
fn members(json: &str) -> Vec<(String, &RawValue)> {
    struct Pairs<'a>(Vec<(String, &'a RawValue)>);
    impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
        fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
            struct Visit;
            impl<'de> serde::de::Visitor<'de> for Visit {
                type Value = Vec<(String, &'de RawValue)>;
                fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    formatter.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Self::Value, A::Error> {
                    let mut pairs = Vec::new();
                    while let Some(pair) = map.next_entry()? {
                        pairs.push(pair);
                    }
                    Ok(pairs)
                }
            }
            reader.deserialize_map(Visit).map(Pairs)
        }
    }
    serde_json::from_str::<Pairs<'_>>(json).map(|pairs| pairs.0).unwrap_or_default()
}

/// Makes the users, chats, messages and queries a payload speaks of. What it cannot read it leaves.
fn learn(state: &mut State, kind: &str, payload: &str, now_ms: i64) {
    let Ok(payload) = serde_json::from_str::<Payload>(payload) else {
        return;
    };
    let user = payload.from.as_ref().and_then(|from| learn_user(state, from));
    let inner = payload.message.as_ref().and_then(|message| message.get("chat"));
    let chat = payload.chat.as_ref().or(inner).and_then(|chat| learn_chat(state, chat));
    if let (Some(chat), Some(id), true) =
        (chat, payload.message_id, kind.contains("message") || kind.ends_with("_post"))
    {
        learn_message(state, chat, id, &payload, user, now_ms);
    }
    let asks = matches!(kind, "callback_query" | "inline_query" | "shipping_query" | "pre_checkout_query");
    if let (true, Some(id)) = (asks, payload.id.as_ref().and_then(serde_json::Value::as_str)) {
        let expires_at_ms = now_ms + facts().ttl_seconds(kind) * 1000;
        state.put_query(id.to_owned(), Query { user: user.unwrap_or(0), chat, expires_at_ms }, now_ms);
    }
}

fn learn_user(state: &mut State, user: &serde_json::Value) -> Option<i64> {
    let id = user.get("id")?.as_i64()?;
    let text = |key: &str| user.get(key).and_then(serde_json::Value::as_str);
    if state.chats.user(id).is_none() {
        state.chats.put_user(id, text("first_name"), text("username")).ok()?;
    }
    Some(id)
}

fn learn_chat(state: &mut State, chat: &serde_json::Value) -> Option<i64> {
    let id = chat.get("id")?.as_i64().filter(|&id| id != 0)?;
    let text = |key: &str| chat.get(key).and_then(serde_json::Value::as_str);
    if state.chats.get(id).is_none() {
        let kind = text("type").and_then(ChatKind::named).unwrap_or_else(|| ChatKind::of_id(id));
        let title = text("title").or_else(|| text("first_name"));
        state.chats.put_chat(id, kind, title, text("username")).ok()?;
    }
    Some(id)
}

fn learn_message(state: &mut State, chat: i64, id: i64, payload: &Payload, user: Option<i64>, now_ms: i64) {
    let Some(place) = state.chats.get(chat) else {
        return;
    };
    let content = match &payload.text {
        Some(text) => Content::Text(Formatted { text: text.clone(), entities: Vec::new() }),
        None => Content::Other { members: String::new(), caption: Formatted::default() },
    };
    let message = Message {
        id,
        from: user.and_then(|user| state.chats.user(user)).map(|user| user.json.clone()),
        own: false,
        chat: place.json.clone(),
        post: place.kind == ChatKind::Channel,
        date: payload.date.unwrap_or(now_ms.div_euclid(1000)),
        edit_date: None,
        thread: None,
        reply_to: None,
        content,
        markup: None,
        extra: String::new(),
    };
    state.chats.store(chat, message);
}
