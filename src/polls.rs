//! Which scope sent which poll: Telegram's updates on a poll name no chat.
//!
//! Owns the last 10,000 polls sent; the oldest is forgotten first, and its updates then go to the bot's own scope.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::key::ScopeKey;

const REMEMBERED: usize = 10_000;

/// A cheap handle; clones share the memory.
#[derive(Clone, Debug, Default)]
pub struct Polls {
    memory: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    senders: HashMap<Box<str>, ScopeKey>,
    in_order: VecDeque<Box<str>>,
}

impl Polls {
    /// This scope sent this poll.
    pub fn remember(&self, poll_id: &str, scope: ScopeKey) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.senders.insert(poll_id.into(), scope).is_some() {
            return;
        }
        memory.in_order.push_back(poll_id.into());
        if memory.in_order.len() > REMEMBERED
            && let Some(oldest) = memory.in_order.pop_front()
        {
            memory.senders.remove(&oldest);
        }
    }

    /// Who sent this poll, if it is still known.
    pub fn sender(&self, poll_id: &str) -> Option<ScopeKey> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).senders.get(poll_id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_poll_is_forgotten_first() {
        let polls = Polls::default();
        for n in 0..=REMEMBERED {
            polls.remember(&n.to_string(), ScopeKey::Chat(n as i64));
        }
        assert_eq!(polls.sender("0"), None);
        assert_eq!(polls.sender("1"), Some(ScopeKey::Chat(1)));
        assert_eq!(polls.sender("10000"), Some(ScopeKey::Chat(10_000)));
    }
}
