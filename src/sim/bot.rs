//! One bot: its state under one lock, its log under another, and the bells that wake who waits.
//! Owns nothing that awaits: locks are held for the length of one call's work and never across an await.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::allowed::Allowed;
use super::answer::Failure;
use super::chats::Chats;
use super::facts::facts;
use super::files::Files;
use super::json::Object;
use super::limits::{Pace, RateLimits};
use super::log::Log;
use super::queue::Queue;

/// Most callback and other queries remembered; then the oldest is forgotten, and answering it fails as if expired.
const MAX_QUERIES: usize = 10_000;

/// A bot.
#[derive(Debug)]
pub(crate) struct Bot {
    pub(crate) id: i64,
    state: Mutex<State>,
    log: Mutex<Log>,
    /// Rung when an update came or a parked poll must look again.
    pub(crate) updates_bell: Notify,
    /// Rung when a call or an event was recorded.
    pub(crate) log_bell: Notify,
}

/// What a webhook was set to. Nothing is delivered to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Webhook {
    pub(crate) url: String,
    pub(crate) has_certificate: bool,
    pub(crate) max_connections: i32,
    pub(crate) ip_address: String,
    pub(crate) secret_token: String,
}

/// A question of a user that waits for the bot's answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query {
    pub(crate) user: i64,
    pub(crate) chat: Option<i64>,
    pub(crate) expires_at_ms: i64,
}

/// The getUpdates calls of a bot, as far as later ones depend on them.
#[derive(Debug, Default)]
pub(crate) struct Polls {
    /// Number of the poll that is parked; any other that finds itself awake was terminated.
    pub(crate) parked: Option<u64>,
    pub(crate) last_ticket: u64,
    /// What the poll that lost its place is answered with.
    pub(crate) terminated: Option<Failure>,
    pub(crate) last_offset: Option<i32>,
    pub(crate) last_began_ms: i64,
    /// When a 409 was last sent at once.
    pub(crate) last_conflict_ms: Option<i64>,
    /// The last confirming offset, for `/sim/{bot}/state`.
    pub(crate) confirmed: Option<i64>,
}

/// Everything of a bot that calls change.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) queue: Queue,
    pub(crate) polls: Polls,
    pub(crate) allowed: Allowed,
    pub(crate) webhook: Webhook,
    pub(crate) webhook_set_ms: Option<i64>,
    pub(crate) chats: Chats,
    /// The pace it is held to, if any.
    pub(crate) limits: Option<RateLimits>,
    pub(crate) pace: Pace,
    pub(crate) files: Files,
    pub(crate) queries: HashMap<String, Query>,
    /// The bot's own User JSON.
    pub(crate) me: Arc<str>,
    pub(crate) logged_out_until_ms: Option<i64>,
    pub(crate) next_garbage_ms: i64,
}

impl Bot {
    /// A bot whose first update will have the given id.
    pub(crate) fn new(id: i64, first_update_id: i64, limits: Option<RateLimits>) -> Bot {
        let me = Object::new().number("id", id).flag("is_bot", true).text("first_name", "Sim Bot");
        let me = me.text("username", &username(id)).finish().into();
        let state = State {
            queue: Queue::new(first_update_id),
            polls: Polls::default(),
            allowed: Allowed::default(),
            webhook: Webhook::default(),
            webhook_set_ms: None,
            chats: Chats::default(),
            limits,
            pace: Pace::default(),
            files: Files::default(),
            queries: HashMap::new(),
            me,
            logged_out_until_ms: None,
            next_garbage_ms: 0,
        };
        let (updates_bell, log_bell) = (Notify::new(), Notify::new());
        Bot { id, state: Mutex::new(state), log: Mutex::default(), updates_bell, log_bell }
    }

    /// The state, locked. A panic elsewhere under the lock does not take the bot down.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log, locked.
    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes parked polls: there may be an update, or they may have lost their place.
    pub(crate) fn ring_updates(&self) {
        self.updates_bell.notify_waiters();
    }
}

/// The username of the bot with that number.
pub(crate) fn username(id: i64) -> String {
    format!("sim_{id}_bot")
}

impl State {
    /// Queues an update if the bot wants its kind: `Some` with its id, `None` if not wanted or no room.
    pub(crate) fn push_update(&mut self, kind: &str, payload: &str, now_ms: i64) -> Option<i64> {
        if !self.allowed.has(kind) {
            return None;
        }
        if now_ms >= self.next_garbage_ms {
            self.queue.collect_garbage(now_ms);
            self.next_garbage_ms = now_ms + 60_000;
        }
        let ttl_ms = facts().ttl_seconds(kind) * 1000;
        self.queue.push(&format!("\"{kind}\":{payload}"), ttl_ms, now_ms)
    }

    /// Remembers a query; the one that expires first makes room.
    pub(crate) fn put_query(&mut self, id: String, query: Query, now_ms: i64) {
        if self.queries.len() >= MAX_QUERIES {
            self.queries.retain(|_, query| query.expires_at_ms > now_ms);
        }
        if self.queries.len() >= MAX_QUERIES {
            let first = self.queries.iter().min_by_key(|(_, query)| query.expires_at_ms);
            if let Some(id) = first.map(|(id, _)| id.clone()) {
                self.queries.remove(&id);
            }
        }
        self.queries.insert(id, query);
    }

    /// Ends the parked poll, if any, with the given answer; ring the bell afterwards.
    pub(crate) fn terminate_poll(&mut self, failure: Failure) {
        if self.polls.parked.take().is_some() {
            self.polls.terminated = Some(failure);
        }
    }
}
