//! The journal in memory: rows by scope, and tombstones.
//!
//! Owns the rows, and the sends and facts that the form on disk would keep for longer. It never blocks for long and never
//! touches a disk: what it holds dies with the gateway, and a dead letter is its line in the log.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use dashmap::DashMap;

use super::{Appended, Arrival, HeldSend, JournalError, Owed, Row, SendId, StoredSend, Unreadable};
use crate::key::ScopeKey;

#[derive(Debug)]
pub(super) struct Memory {
    max_bytes: u64,
    bytes: AtomicU64,
    rows: AtomicUsize,
    scopes: DashMap<ScopeKey, BTreeMap<Row, Entry>>,
    intake: Mutex<Intake>,
    kept: Mutex<Kept>,
}

/// What outlives a worker beside updates.
#[derive(Debug, Default)]
struct Kept {
    last: u64,
    sends: BTreeMap<SendId, StoredSend>,
    facts: HashSet<String>,
}

/// What only the one who appends uses: the next row and the ids seen.
#[derive(Debug, Default)]
struct Intake {
    /// How many ids are remembered.
    tombstones: u64,
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
    arrived: SystemTime,
}

impl Memory {
    pub(super) fn new(max_bytes: u64, tombstones: u64) -> Self {
        Memory {
            max_bytes,
            bytes: AtomicU64::new(0),
            rows: AtomicUsize::new(0),
            scopes: DashMap::new(),
            intake: Mutex::new(Intake { tombstones, ..Intake::default() }),
            kept: Mutex::default(),
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
        for update_id in unreadable.iter().filter_map(|element| element.update_id) {
            intake.admit(update_id);
        }
        for Arrival { update_id, kind, scope, payload } in arrivals {
            let Some(row) = intake.admit(update_id) else {
                appended.repeated += 1;
                continue;
            };
            self.bytes.fetch_add(payload.len() as u64, Ordering::Relaxed);
            self.rows.fetch_add(1, Ordering::Relaxed);
            let entry = Entry {
                update_id,
                kind: kind.into(),
                payload,
                taken: 0,
                failed: 0,
                arrived: SystemTime::now(),
            };
            self.scopes.entry(scope.clone()).or_default().insert(row, entry);
            if named.insert(scope.clone()) {
                appended.scopes.push(scope);
            }
        }
        intake.forget_the_oldest();
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
                arrived: entry.arrived,
                retried: false,
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

    pub(super) fn bury(&self, scope: &ScopeKey, row: Row) {
        self.remove(scope, row);
    }

    pub(super) fn owed_scopes(&self) -> Vec<ScopeKey> {
        let first = |rows: &BTreeMap<Row, Entry>| rows.first_key_value().map(|(row, _)| *row);
        let mut scopes: Vec<_> =
            self.scopes.iter().filter_map(|scope| Some((first(&scope)?, scope.key().clone()))).collect();
        scopes.sort_unstable();
        scopes.into_iter().map(|(_, key)| key).collect()
    }

    pub(super) fn store(&self, scope: &ScopeKey, settled: &[Row], sends: Vec<HeldSend>) -> Vec<SendId> {
        settled.iter().for_each(|row| self.settle(scope, *row));
        let mut kept = lock(&self.kept);
        let stored = SystemTime::now();
        let store = |send| {
            kept.last += 1;
            let id = SendId(kept.last);
            kept.sends.insert(id, StoredSend { id, scope: scope.clone(), stored, send });
            id
        };
        sends.into_iter().map(store).collect()
    }

    pub(super) fn stored(&self, after: Option<SendId>, limit: usize) -> Vec<StoredSend> {
        let from = after.map_or(SendId(0), |id| SendId(id.0 + 1));
        lock(&self.kept).sends.range(from..).take(limit).map(|(_, send)| send.clone()).collect()
    }

    pub(super) fn sent(&self, id: SendId) {
        lock(&self.kept).sends.remove(&id);
    }

    pub(super) fn remembers(&self, fact: &str) -> bool {
        lock(&self.kept).facts.contains(fact)
    }

    pub(super) fn remember(&self, fact: String) {
        lock(&self.kept).facts.insert(fact);
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
        self.next_row += 1;
        Some(Row(self.next_row))
    }

    fn forget_the_oldest(&mut self) {
        while self.seen_in_order.len() as u64 > self.tombstones
            && let Some(oldest) = self.seen_in_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
    }
}

/// A panic while holding the lock cannot leave these maps half-changed in a way that matters, so a poisoned lock is used.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
