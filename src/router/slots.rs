//! Which scope gets a process next: pure.
//!
//! Owns the scopes that are owed something and have no process: those that wait for a place, longest first, and those
//! that rest after a failure. It knows nothing of processes.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use tokio::time::Instant;

use crate::key::ScopeKey;
use crate::scope::Carry;

/// The scopes without a process. Their number is that of the scopes with a backlog, so it is not bounded here but by the
/// journal; each costs its key.
#[derive(Debug, Default)]
pub(super) struct Slots {
    waiting: VecDeque<ScopeKey>,
    is_waiting: HashSet<ScopeKey>,
    resting: BTreeMap<Instant, Vec<ScopeKey>>,
    is_resting: HashSet<ScopeKey>,
    carries: HashMap<ScopeKey, Carry>,
}

impl Slots {
    /// Something is owed to a scope that has no process.
    pub(super) fn owed(&mut self, key: &ScopeKey) {
        if !self.is_resting.contains(key) && self.is_waiting.insert(key.clone()) {
            self.waiting.push_back(key.clone());
        }
    }

    /// A process ended and its scope is still owed something.
    pub(super) fn still_owed(&mut self, key: ScopeKey, carry: Carry, now: Instant) {
        let rest_until = carry.hold_until.filter(|until| *until > now);
        if carry != Carry::default() {
            self.carries.insert(key.clone(), carry);
        }
        match rest_until {
            Some(until) => {
                self.is_resting.insert(key.clone());
                self.resting.entry(until).or_default().push(key);
            }
            None => self.owed(&key),
        }
    }

    /// Those whose rest is over wait for a place again.
    pub(super) fn wake(&mut self, now: Instant) {
        while let Some(entry) = self.resting.first_entry().filter(|entry| *entry.key() <= now) {
            for key in entry.remove() {
                self.is_resting.remove(&key);
                self.owed(&key);
            }
        }
    }

    /// When the next rest is over.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.resting.keys().next().copied()
    }

    /// Whose turn it is, and what its last process left to it.
    pub(super) fn next(&mut self) -> Option<(ScopeKey, Carry)> {
        let key = self.waiting.pop_front()?;
        self.is_waiting.remove(&key);
        let carry = self.carries.remove(&key).unwrap_or_default();
        Some((key, carry))
    }

    /// How many wait for a place.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const A: ScopeKey = ScopeKey::Chat(1);
    const B: ScopeKey = ScopeKey::Chat(2);

    #[test]
    fn who_waited_longest_is_next_and_nobody_waits_twice() {
        let mut slots = Slots::default();
        for key in [&A, &B, &A] {
            slots.owed(key);
        }
        assert_eq!(slots.waiting(), 2);
        assert_eq!(slots.next().unwrap().0, A);
        slots.owed(&A);
        assert_eq!((slots.next().unwrap().0, slots.next().unwrap().0), (B, A));
        assert!(slots.next().is_none());
    }

    #[test]
    fn who_rests_is_not_started_early_by_new_updates_and_keeps_its_history() {
        let now = Instant::now();
        let until = now + Duration::from_secs(5);
        let carry = Carry { failures: 3, hold_until: Some(until), singly: 0 };
        let mut slots = Slots::default();
        slots.still_owed(A, carry, now);
        slots.owed(&A);
        slots.wake(now + Duration::from_secs(4));
        assert!(slots.next().is_none());
        assert_eq!(slots.wake_at(), Some(until));
        slots.wake(until);
        assert_eq!(slots.next(), Some((A, carry)));
        slots.owed(&A);
        assert_eq!(slots.next(), Some((A, Carry::default())));
    }
}
