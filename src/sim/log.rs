//! What happened to a bot: the calls it made, its polls, and what became visible in its chats.
//! Three rings; the oldest entries go when a ring is full. Numbers start at 1 and never repeat.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::json::{Object, quote};

/// Most calls kept of one bot.
const MAX_ENTRIES: usize = 100_000;
/// Most bytes kept in one ring of one bot.
const MAX_BYTES: usize = 64 << 20;
/// Most polls kept of one bot.
const MAX_POLLS: usize = 10_000;

/// A call as it was made and answered.
#[derive(Debug)]
pub struct Call {
    /// Its number among the bot's calls, from 1.
    pub n: u64,
    /// The method, spelt as in Telegram's documentation if it is known there.
    pub method: String,
    /// The parameters as a JSON object: JSON values as sent, form values as strings, files as `{"file":…,"size":…}`.
    pub params: String,
    /// The HTTP status of the answer; 0 if the connection was closed without one.
    pub status: u16,
    /// The whole body that was meant to be sent, also if it was cut.
    pub answer: Bytes,
    /// When it was answered, in milliseconds since 1970 by the simulator's clock.
    pub at_ms: i64,
}

impl Call {
    /// The call as the control API shows it; an answer that is not JSON becomes a string.
    #[must_use]
    pub fn json(&self) -> String {
        let text = String::from_utf8_lossy(&self.answer);
        let answer = match serde_json::from_str::<&serde_json::value::RawValue>(&text) {
            Ok(raw) => raw.get().to_owned(),
            Err(_) if text.is_empty() => "null".to_owned(),
            Err(_) => quote(&text),
        };
        Object::new()
            .number("n", i64::try_from(self.n).unwrap_or(i64::MAX))
            .text("method", &self.method)
            .raw("params", &self.params)
            .number("status", i64::from(self.status))
            .raw("answer", &answer)
            .number("at_ms", self.at_ms)
            .finish()
    }
}

/// What kind of thing became visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The bot sent a message; the event's `message` is it.
    Message,
    /// The bot edited a message; the event's `message` is how it is now.
    Edit,
    /// The bot deleted a message: `message_id`.
    Delete,
    /// The bot answered a button's press: `callback_query_id`, `user`, and `text`, `show_alert`, `url` if given.
    CallbackAnswer,
    /// The bot shows that it is busy: `action`.
    ChatAction,
}

impl EventKind {
    /// The word of the control API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Message => "message",
            EventKind::Edit => "edit",
            EventKind::Delete => "delete",
            EventKind::CallbackAnswer => "callback_answer",
            EventKind::ChatAction => "chat_action",
        }
    }
}

/// Something the bot made visible in a chat.
#[derive(Debug)]
pub struct Event {
    /// Its number among the bot's events, from 1.
    pub n: u64,
    /// What happened.
    pub kind: EventKind,
    /// Where; 0 for the answer to a button of an inline message, which has no chat.
    pub chat: i64,
    /// The whole event as JSON, as the control API shows it: `n`, `kind`, `chat` and the members of its kind.
    pub json: String,
}

impl Event {
    /// The event as a tree, for a program that wants to look inside.
    #[must_use]
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(&self.json).unwrap_or_default()
    }
}

/// A bounded list that numbers what it gets.
#[derive(Debug)]
struct Ring<T> {
    items: VecDeque<(Arc<T>, usize)>,
    bytes: usize,
    last: u64,
    max: usize,
}

impl<T> Ring<T> {
    fn new(max: usize) -> Ring<T> {
        Ring { items: VecDeque::new(), bytes: 0, last: 0, max }
    }

    fn push(&mut self, bytes: usize, make: impl FnOnce(u64) -> T) {
        self.last += 1;
        self.bytes += bytes;
        self.items.push_back((Arc::new(make(self.last)), bytes));
        while self.items.len() > self.max || self.bytes > MAX_BYTES {
            let Some((_, bytes)) = self.items.pop_front() else {
                break;
            };
            self.bytes -= bytes;
        }
    }

    fn since(&self, since: u64) -> impl Iterator<Item = &Arc<T>> {
        let first = self.last - self.items.len() as u64;
        let skip = usize::try_from(since.saturating_sub(first)).unwrap_or(usize::MAX);
        self.items.iter().skip(skip).map(|(item, _)| item)
    }
}

/// The three rings of a bot.
#[derive(Debug)]
pub(crate) struct Log {
    calls: Ring<Call>,
    polls: Ring<Call>,
    events: Ring<Event>,
}

impl Default for Log {
    fn default() -> Log {
        Log { calls: Ring::new(MAX_ENTRIES), polls: Ring::new(MAX_POLLS), events: Ring::new(MAX_ENTRIES) }
    }
}

impl Log {
    /// Records a call, or a poll, which has a ring of its own.
    pub(crate) fn call(&mut self, method: &str, params: String, status: u16, answer: Bytes, at_ms: i64) {
        let ring = if method == "getUpdates" { &mut self.polls } else { &mut self.calls };
        let method = method.to_owned();
        let bytes = 200 + params.len() + answer.len();
        ring.push(bytes, |n| Call { n, method, params, status, answer, at_ms });
    }

    /// Records an event made of the given members.
    pub(crate) fn event(&mut self, kind: EventKind, chat: i64, members: Object) {
        let members = members.finish();
        let members = members.trim_start_matches('{').strip_suffix('}').unwrap_or_default().to_owned();
        self.events.push(200 + members.len(), |n| {
            let number = i64::try_from(n).unwrap_or(i64::MAX);
            let json = Object::new().number("n", number).text("kind", kind.name()).number("chat", chat);
            Event { n, kind, chat, json: json.members(&members).finish() }
        });
    }

    /// Calls after number `since` that `wanted` likes, and the number to go on from.
    pub(crate) fn calls(
        &self,
        since: u64,
        polls: bool,
        wanted: impl Fn(&Call) -> bool,
    ) -> (Vec<Arc<Call>>, u64) {
        let ring = if polls { &self.polls } else { &self.calls };
        let calls = ring.since(since).filter(|call| wanted(call)).cloned().collect();
        (calls, ring.last)
    }

    /// Events after number `since`, and the number to go on from.
    pub(crate) fn events(&self, since: u64) -> (Vec<Arc<Event>>, u64) {
        (self.events.since(since).cloned().collect(), self.events.last)
    }

    /// How many calls, polls and events there have been.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        (self.calls.last, self.polls.last, self.events.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_forget_the_oldest_and_keep_counting() {
        let mut ring = Ring::new(3);
        for _ in 0..5 {
            ring.push(1, |n| n);
        }
        assert_eq!(ring.since(0).map(|item| **item).collect::<Vec<u64>>(), [3, 4, 5]);
        assert_eq!(ring.since(4).map(|item| **item).collect::<Vec<u64>>(), [5]);
        assert_eq!(ring.since(9).count(), 0);
        ring.push(MAX_BYTES + 1, |n| n);
        assert_eq!(ring.since(0).count(), 0);
    }

    #[test]
    fn calls_and_polls_are_apart() {
        let mut log = Log::default();
        log.call("sendMessage", "{}".into(), 200, Bytes::from_static(b"{\"ok\":true}"), 5);
        log.call("getUpdates", "{}".into(), 502, Bytes::from_static(b"<html>"), 6);
        let (calls, next) = log.calls(0, false, |_| true);
        assert_eq!((calls.len(), next), (1, 1));
        let poll = log.calls(0, true, |_| true).0.remove(0);
        assert!(poll.json().contains(r#""answer":"<html>""#));
    }
}
