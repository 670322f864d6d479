//! Looking at the simulated world and steering it: chats, queue, clock, faults.

use super::Sim;
use super::acts::ActError;
use super::json::{Object, array, quote};
use super::message::Message;

impl Sim {
    /// The messages of a chat as JSON, oldest first; none if there is no such chat.
    #[must_use]
    pub fn messages(&self, bot: i64, chat: i64) -> Vec<String> {
        let Ok(bot) = self.existing_or_new(bot) else {
            return Vec::new();
        };
        let state = bot.state();
        state
            .chats
            .get(chat)
            .map(|chat| chat.messages.values().map(Message::json).collect())
            .unwrap_or_default()
    }

    /// The state of a bot's queue as JSON: `pending`, `next_update_id`, `confirmed` (the last confirming offset),
    /// `allowed_updates`, `parked` (0 or 1), `webhook`, `chats`, and counts of `calls`, `polls`, `events`.
    ///
    /// # Errors
    /// If the number cannot be a bot's.
    pub fn bot_state(&self, bot: i64) -> Result<String, ActError> {
        let bot = self.existing_or_new(bot)?;
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let state = bot.state();
        let (calls, polls, events) = bot.log().counts();
        let total = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Object::new()
            .number("pending", number(state.queue.len()))
            .number("next_update_id", state.queue.next_id())
            .raw("confirmed", &state.polls.confirmed.map_or("null".to_owned(), |offset| offset.to_string()))
            .raw("allowed_updates", &array(state.allowed.names().into_iter().map(quote)))
            .number("parked", i64::from(state.polls.parked.is_some()))
            .text("webhook", &state.webhook.url)
            .number("chats", number(state.chats.len()))
            .number("calls", total(calls))
            .number("polls", total(polls))
            .number("events", total(events))
            .finish())
    }

    /// Moves the simulated clock forward; returns its time in seconds since 1970. Expiry and dates follow it, the
    /// waiting of parked polls does not.
    pub fn advance_clock(&self, seconds: f64) -> i64 {
        self.clock().advance(seconds).div_euclid(1000)
    }

    /// Orders a fault for the calls to come; see [`Fault`](super::Fault). Returns the waiting ones as a JSON array.
    ///
    /// # Errors
    /// If there are too many.
    pub fn add_fault(&self, fault: super::Fault) -> Result<String, ActError> {
        let mut faults = self.faults();
        faults.add(fault)?;
        Ok(faults.json())
    }
}
