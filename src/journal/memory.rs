//! The journal in memory: rows by scope, and tombstones.
//!
//! Owns the rows. It never blocks for long and never touches a disk: what it holds dies with the gateway, and a dead
//! letter is its line in the log.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use dashmap::DashMap;

use super::{Appended, Arrival, JournalError, Owed, Row, Unreadable};
use crate::key::ScopeKey;

/// How many update ids are remembered so that a repeated batch is not handled twice. The oldest is forgotten first.
const TOMBSTONES: usize = 200_000;

#[derive(Debug)]
pub(super) struct Memory {
    max_bytes: u64,
    bytes: AtomicU64,
    rows: AtomicUsize,
    scopes: DashMap<ScopeKey, BTreeMap<Row, Entry>>,
    intake: Mutex<Intake>,
}

/// What only the one who appends uses: the next row and the ids seen.
#[derive(Debug, Default)]
struct Intake {
    next_row: u64,
    seen: HashSet<i64>,
    seen_in_order: VecDeque<i64>,
}

#[derive(Debug)]
struct Entry {
    update_id: i64,
    kind: Arc<str>,
    payload: Bytes,
    taken: u32,
    failed: u32,
}

impl Memory {
    pub(super) fn new(max_bytes: u64) -> Self {
        Memory {
            max_bytes,
            bytes: AtomicU64::new(0),
            rows: AtomicUsize::new(0),
            scopes: DashMap::new(),
            intake: Mutex::default(),
        }
    }

    pub(super) fn append(
        &self,
        arrivals: Vec<Arrival>,
        unreadable: Vec<Unreadable>,
    ) -> Result<Appended, JournalError> {
        let bytes = self.bytes.load(Ordering::Relaxed);
        if bytes >= self.max_bytes {
            return Err(JournalError::Full { bytes });
        }
        let mut appended = Appended::default();
        let mut named = HashSet::new();
        let mut intake = lock(&self.intake);
        for element in unreadable {
            // One that came before was announced then.
            if element.update_id.is_some_and(|update_id| intake.admit(update_id).is_none()) {
                continue;
            }
            dead_letter(None, element.update_id, &element.raw, &element.reason);
        }
        for Arrival { update_id, kind, scope, payload } in arrivals {
            let Some(row) = intake.admit(update_id) else {
                appended.repeated += 1;
                continue;
            };
            self.bytes.fetch_add(payload.len() as u64, Ordering::Relaxed);
            self.rows.fetch_add(1, Ordering::Relaxed);
            let entry = Entry { update_id, kind: kind.into(), payload, taken: 0, failed: 0 };
            self.scopes.entry(scope.clone()).or_default().insert(row, entry);
            if named.insert(scope.clone()) {
                appended.scopes.push(scope);
            }
        }
        Ok(appended)
    }

    pub(super) fn owed(&self, scope: &ScopeKey, after: Option<Row>, limit: usize) -> Vec<Owed> {
        let Some(rows) = self.scopes.get(scope) else {
            return Vec::new();
        };
        let from = after.map_or(Row(0), |row| Row(row.0 + 1));
        rows.range(from..)
            .take(limit)
            .map(|(row, entry)| Owed {
                row: *row,
                update_id: entry.update_id,
                kind: entry.kind.clone(),
                payload: entry.payload.clone(),
                taken: entry.taken,
                failed: entry.failed,
            })
            .collect()
    }

    pub(super) fn settle(&self, scope: &ScopeKey, row: Row) {
        self.remove(scope, row);
    }

    pub(super) fn give_back(&self, scope: &ScopeKey, row: Row, failed: bool) {
        if let Some(mut rows) = self.scopes.get_mut(scope)
            && let Some(entry) = rows.get_mut(&row)
        {
            entry.taken += 1;
            entry.failed += u32::from(failed);
        }
    }

    pub(super) fn bury(&self, scope: &ScopeKey, row: Row, reason: &str) {
        if let Some(entry) = self.remove(scope, row) {
            dead_letter(Some(scope), Some(entry.update_id), &entry.payload, reason);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.load(Ordering::Relaxed)
    }

    fn remove(&self, scope: &ScopeKey, row: Row) -> Option<Entry> {
        let entry = self.scopes.get_mut(scope)?.remove(&row)?;
        self.scopes.remove_if(scope, |_, rows| rows.is_empty());
        self.bytes.fetch_sub(entry.payload.len() as u64, Ordering::Relaxed);
        self.rows.fetch_sub(1, Ordering::Relaxed);
        Some(entry)
    }
}

impl Intake {
    /// The row of a new update, or `None` if it came before.
    fn admit(&mut self, update_id: i64) -> Option<Row> {
        if !self.seen.insert(update_id) {
            return None;
        }
        self.seen_in_order.push_back(update_id);
        if self.seen_in_order.len() > TOMBSTONES
            && let Some(oldest) = self.seen_in_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.next_row += 1;
        Some(Row(self.next_row))
    }
}

fn dead_letter(scope: Option<&ScopeKey>, update_id: Option<i64>, raw: &Bytes, reason: &str) {
    let scope = scope.map(ScopeKey::to_string);
    let raw = String::from_utf8_lossy(raw);
    tracing::error!(scope, update_id, reason, %raw, "gave up an update: this line is its only copy");
}

/// A panic while holding the lock cannot leave these maps half-changed in a way that matters, so a poisoned lock is used.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: ScopeKey = ScopeKey::Chat(42);

    fn arrival(update_id: i64, scope: ScopeKey) -> Arrival {
        Arrival { update_id, kind: "message".into(), scope, payload: Bytes::from_static(b"{}") }
    }

    fn ids(owed: &[Owed]) -> Vec<i64> {
        owed.iter().map(|owed| owed.update_id).collect()
    }

    #[test]
    fn rows_are_owed_in_order_of_arrival_until_settled() {
        let journal = Memory::new(1 << 20);
        // Ids may restart lower: arrival is the order.
        let batch =
            vec![arrival(900, CHAT), arrival(5, ScopeKey::User(1)), arrival(3, CHAT), arrival(900, CHAT)];
        let appended = journal.append(batch, Vec::new()).unwrap();
        assert_eq!(appended, Appended { scopes: vec![CHAT, ScopeKey::User(1)], repeated: 1 });
        let owed = journal.owed(&CHAT, None, 10);
        assert_eq!(ids(&owed), [900, 3]);
        assert_eq!(ids(&journal.owed(&CHAT, Some(owed[0].row), 10)), [3]);
        journal.settle(&CHAT, owed[0].row);
        assert_eq!(ids(&journal.owed(&CHAT, None, 1)), [3]);
        journal.bury(&CHAT, owed[1].row, "tried three times");
        assert!(journal.owed(&CHAT, None, 1).is_empty());
        assert_eq!(journal.len(), 1);
    }

    #[test]
    fn what_was_settled_is_not_taken_again() {
        let journal = Memory::new(1 << 20);
        journal.append(vec![arrival(1, CHAT)], Vec::new()).unwrap();
        let row = journal.owed(&CHAT, None, 1)[0].row;
        journal.settle(&CHAT, row);
        assert_eq!(journal.append(vec![arrival(1, CHAT)], Vec::new()).unwrap().repeated, 1);
        assert_eq!(journal.len(), 0);
    }

    #[test]
    fn attempts_are_counted_apart_from_deliveries() {
        let journal = Memory::new(1 << 20);
        journal.append(vec![arrival(1, CHAT)], Vec::new()).unwrap();
        let row = journal.owed(&CHAT, None, 1)[0].row;
        journal.give_back(&CHAT, row, false);
        journal.give_back(&CHAT, row, true);
        let owed = &journal.owed(&CHAT, None, 1)[0];
        assert_eq!((owed.taken, owed.failed), (2, 1));
    }

    #[test]
    fn a_full_journal_takes_nothing() {
        let journal = Memory::new(2);
        journal.append(vec![arrival(1, CHAT)], Vec::new()).unwrap();
        let full = journal.append(vec![arrival(2, CHAT)], Vec::new());
        assert!(matches!(full, Err(JournalError::Full { bytes: 2 })));
        assert_eq!(journal.len(), 1);
    }
}
