//! Whether the program itself is broken, and not this or that update: pure.
//!
//! Owns the count of endings in a row that held no success. While the program is the suspect no update is blamed.

use std::collections::HashSet;

use crate::key::ScopeKey;

/// So many endings in a row without a success,
const ENDINGS: u32 = 20;
/// over so many scopes, make the program the suspect.
const SCOPES: usize = 3;

/// The endings since the last success.
#[derive(Debug, Default)]
pub(super) struct Suspicion {
    endings: u32,
    /// Which scopes they were of; no more are kept than are needed.
    scopes: HashSet<ScopeKey>,
}

impl Suspicion {
    /// A process ended and had settled nothing.
    pub(super) fn failed(&mut self, scope: &ScopeKey) {
        self.endings = self.endings.saturating_add(1);
        if self.scopes.len() < SCOPES {
            self.scopes.insert(scope.clone());
        }
    }

    /// An update was settled.
    pub(super) fn succeeded(&mut self) {
        *self = Suspicion::default();
    }

    /// Whether the program is the suspect.
    pub(super) fn is_raised(&self) -> bool {
        self.endings >= ENDINGS && self.scopes.len() >= SCOPES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(endings: u32, scopes: i64) -> Suspicion {
        let mut suspicion = Suspicion::default();
        for n in 0..endings {
            suspicion.failed(&ScopeKey::Chat(i64::from(n) % scopes));
        }
        suspicion
    }

    #[test]
    fn twenty_endings_over_three_scopes_raise_it_and_one_success_ends_it() {
        assert!(!after(19, 3).is_raised());
        assert!(!after(100, 2).is_raised(), "two chats may both be poisoned");
        let mut suspicion = after(20, 3);
        assert!(suspicion.is_raised());
        suspicion.succeeded();
        assert!(!suspicion.is_raised());
    }
}
