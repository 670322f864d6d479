//! Who is owed how much, and the newest rows themselves: what a live scope asks for is mostly answered from here.
//!
//! Owns the counts, and copies of rows within a bound. Each scope is *held*, and then all its rows are here, or *on
//! disk*, and then only their number is. A scope goes to disk when it has too much waiting, or all together have; it
//! is held again once it was owed nothing. Nothing here is ahead of the disk but in being settled.

use std::collections::{HashMap, VecDeque};

use crate::journal::{Owed, Row};
use crate::key::ScopeKey;

/// What a row costs in memory beside its payload, about.
const ROW_BYTES: usize = 160;

#[derive(Debug)]
pub(super) struct Waiting {
    scopes: HashMap<ScopeKey, Rows>,
    rows: usize,
    /// Payload of all rows.
    bytes: u64,
    /// Memory of the held ones.
    held: usize,
    max_held: usize,
    max_held_a_scope: usize,
}

#[derive(Debug)]
enum Rows {
    Held { rows: VecDeque<Owed>, bytes: usize },
    OnDisk { rows: usize },
}

/// What became of a row that is settled or buried.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Removed {
    /// It is gone and counted.
    Here,
    /// It is on disk: [`Waiting::left_disk`] is due when it is gone from there.
    OnDisk,
    /// It was not owed.
    Unknown,
}

impl Waiting {
    pub(super) fn new(max_held: usize, max_held_a_scope: usize) -> Self {
        Waiting { scopes: HashMap::new(), rows: 0, bytes: 0, held: 0, max_held, max_held_a_scope }
    }

    /// Rows of one scope that were found on disk at the start.
    pub(super) fn found_on_disk(&mut self, scope: ScopeKey, rows: usize, bytes: u64) {
        self.rows += rows;
        self.bytes += bytes;
        self.scopes.insert(scope, Rows::OnDisk { rows });
    }

    /// A new row, which is on disk by now.
    pub(super) fn arrived(&mut self, scope: &ScopeKey, owed: Owed) {
        self.rows += 1;
        self.bytes += owed.payload.len() as u64;
        let size = size(&owed);
        let found = match self.scopes.get_mut(scope) {
            Some(found) => found,
            None => {
                self.scopes.entry(scope.clone()).or_insert(Rows::Held { rows: VecDeque::new(), bytes: 0 })
            }
        };
        match found {
            Rows::OnDisk { rows } => *rows += 1,
            Rows::Held { rows, bytes }
                if self.held + size > self.max_held || *bytes + size > self.max_held_a_scope =>
            {
                self.held -= *bytes;
                *found = Rows::OnDisk { rows: rows.len() + 1 };
            }
            Rows::Held { rows, bytes } => {
                self.held += size;
                *bytes += size;
                rows.push_back(owed);
            }
        }
    }

    /// What is owed; `None` if that is on disk.
    pub(super) fn owed(&self, scope: &ScopeKey, after: Option<Row>, limit: usize) -> Option<Vec<Owed>> {
        match self.scopes.get(scope) {
            None => Some(Vec::new()),
            Some(Rows::OnDisk { .. }) => None,
            Some(Rows::Held { rows, .. }) => {
                let from = rows.partition_point(|owed| Some(owed.row) <= after);
                Some(rows.range(from..).take(limit).cloned().collect())
            }
        }
    }

    pub(super) fn remove(&mut self, scope: &ScopeKey, row: Row) -> Removed {
        let Some(found) = self.scopes.get_mut(scope) else {
            return Removed::Unknown;
        };
        let Rows::Held { rows, bytes } = found else {
            return Removed::OnDisk;
        };
        let at = rows.binary_search_by_key(&row, |owed| owed.row);
        let Some(owed) = at.ok().and_then(|at| rows.remove(at)) else {
            return Removed::Unknown;
        };
        *bytes -= size(&owed);
        self.held -= size(&owed);
        self.rows -= 1;
        self.bytes -= owed.payload.len() as u64;
        if rows.is_empty() {
            self.scopes.remove(scope);
        }
        Removed::Here
    }

    /// Counts a hand-over that was not settled, if the row is held.
    pub(super) fn give_back(&mut self, scope: &ScopeKey, row: Row, failed: bool) {
        if let Some(Rows::Held { rows, .. }) = self.scopes.get_mut(scope)
            && let Ok(at) = rows.binary_search_by_key(&row, |owed| owed.row)
        {
            rows[at].taken += 1;
            rows[at].failed += u32::from(failed);
        }
    }

    /// A row that was on disk is gone from there.
    pub(super) fn left_disk(&mut self, scope: &ScopeKey, payload: u64) {
        if let Some(Rows::OnDisk { rows }) = self.scopes.get_mut(scope) {
            self.rows -= 1;
            self.bytes -= payload;
            *rows -= 1;
            if *rows == 0 {
                self.scopes.remove(scope);
            }
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

fn size(owed: &Owed) -> usize {
    owed.payload.len() + ROW_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: ScopeKey = ScopeKey::Chat(1);

    fn owed(row: u64) -> Owed {
        let payload = vec![b' '; 40].into();
        let arrived = std::time::UNIX_EPOCH;
        Owed {
            row: Row(row),
            update_id: 0,
            kind: "message".into(),
            payload,
            taken: 0,
            failed: 0,
            arrived,
            retried: false,
        }
    }

    #[test]
    fn a_scope_with_too_much_waiting_goes_to_disk_until_it_is_owed_nothing() {
        let mut waiting = Waiting::new(1000, 500);
        waiting.arrived(&CHAT, owed(1));
        waiting.arrived(&CHAT, owed(2));
        assert_eq!(waiting.owed(&CHAT, Some(Row(1)), 5).unwrap(), [owed(2)]);
        assert_eq!(waiting.remove(&CHAT, Row(1)), Removed::Here);
        assert_eq!(waiting.remove(&CHAT, Row(1)), Removed::Unknown);
        waiting.arrived(&CHAT, owed(3));
        waiting.arrived(&CHAT, owed(4));
        assert_eq!((waiting.owed(&CHAT, None, 5), waiting.held), (None, 0));
        assert_eq!((waiting.rows(), waiting.bytes()), (3, 120));
        for row in 2..=4 {
            assert_eq!(waiting.remove(&CHAT, Row(row)), Removed::OnDisk);
            waiting.left_disk(&CHAT, 40);
        }
        assert_eq!((waiting.rows(), waiting.bytes(), waiting.scopes.len()), (0, 0, 0));
        waiting.arrived(&CHAT, owed(5));
        assert_eq!(waiting.owed(&CHAT, None, 5).unwrap(), [owed(5)]);
    }

    #[test]
    fn all_together_are_bounded_too() {
        let mut waiting = Waiting::new(500, 500);
        for chat in 1..=5 {
            waiting.arrived(&ScopeKey::Chat(chat), owed(chat as u64));
        }
        let held = (1..=5).filter(|chat| waiting.owed(&ScopeKey::Chat(*chat), None, 1).is_some());
        assert_eq!((held.count(), waiting.rows()), (2, 5));
    }
}
