//! Where the person is, and what the chats are called.
//!
//! Owns that; the conversation and the log both ask it, so that what happens elsewhere says where.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A cheap handle; clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Whereabouts(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// The chat that the person is in; 0 for none.
    here: i64,
    names: HashMap<i64, String>,
}

impl Whereabouts {
    /// The person is here now.
    pub(super) fn go(&self, chat: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).here = chat;
    }

    /// This chat has this name.
    pub(super) fn name(&self, chat: i64, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).names.insert(chat, name.to_owned());
    }

    /// The name of a chat that is not here; 0 is everywhere.
    pub(super) fn elsewhere(&self, chat: i64) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let away = chat != 0 && chat != known.here;
        away.then(|| known.names.get(&chat).cloned().unwrap_or_else(|| format!("chat {chat}")))
    }

    /// The same for a scope, such as `chat:42`.
    pub(super) fn of_scope(&self, scope: &str) -> Option<String> {
        self.elsewhere(scope.split_once(':')?.1.parse().ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_elsewhere_needs_a_name() {
        let whereabouts = Whereabouts::default();
        whereabouts.go(7);
        whereabouts.name(8, "team");
        assert_eq!(whereabouts.elsewhere(7), None);
        assert_eq!(whereabouts.elsewhere(0), None);
        assert_eq!(whereabouts.of_scope("chat:8").as_deref(), Some("team"));
        assert_eq!(whereabouts.of_scope("user:9").as_deref(), Some("chat 9"));
        assert_eq!(whereabouts.of_scope(""), None);
    }
}
