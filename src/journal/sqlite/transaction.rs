//! One transaction: what has happened, what is to be stored, what came in.
//!
//! Owns what a transaction brings about in memory, and tells it only when it is committed.

use rusqlite::{Connection, Result, Transaction, TransactionBehavior};

use super::command::{Append, Lazy, Store};
use super::statements;
use super::waiting::{Removed, Waiting};
use crate::journal::{Appended, Arrival, Owed, Row, SendId};
use crate::key::ScopeKey;

/// What a committed transaction did.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Rows that left the disk, and how long their payloads were.
    left_disk: Vec<(ScopeKey, u64)>,
    /// For each append, the rows of its arrivals.
    appended: Vec<Vec<Option<Row>>>,
    stored: Vec<Stored>,
    /// When, in milliseconds since 1970.
    at: i64,
}

#[derive(Debug)]
struct Stored {
    /// The rows that were settled, and how long their payloads were.
    settled: Vec<(Row, u64)>,
    names: Vec<SendId>,
}

/// Writes all of it or nothing.
pub(super) fn commit(
    db: &Connection,
    words: &[Lazy],
    stores: &[Store],
    appends: &[Append],
    tombstones: u64,
) -> Result<Done> {
    let now = statements::now();
    let mut done = Done { at: now, ..Done::default() };
    let change = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    for word in words {
        if let Some(left) = write(&change, word, now)? {
            done.left_disk.push(left);
        }
    }
    for Store { scope, settled: rows, sends, .. } in stores {
        let mut settled = Vec::with_capacity(rows.len());
        for row in rows {
            settled.extend(statements::settle(&change, *row)?.map(|payload| (*row, payload)));
        }
        let names = sends.iter().map(|send| statements::store(&change, scope, send, now));
        done.stored.push(Stored { settled, names: names.collect::<Result<_>>()? });
    }
    for Append { arrivals, unreadable, .. } in appends {
        done.appended.push(statements::append(&change, arrivals, unreadable, tombstones, now)?);
    }
    change.commit()?;
    Ok(done)
}

fn write(db: &Connection, word: &Lazy, now: i64) -> Result<Option<(ScopeKey, u64)>> {
    let (left, on_disk) = match word {
        Lazy::Settle { row, on_disk } => (statements::settle(db, *row)?, on_disk),
        Lazy::Bury { row, on_disk, reason } => (statements::bury(db, *row, reason, now)?, on_disk),
        Lazy::GiveBack { row, failed } => {
            return statements::give_back(db, *row, *failed).map(|()| None);
        }
        Lazy::Sent(id) => return statements::sent(db, *id).map(|()| None),
        Lazy::Remember(key) => return statements::remember(db, key).map(|()| None),
    };
    Ok(on_disk.clone().zip(left))
}

impl Done {
    /// Brings memory up to the disk, and answers who waits. Rows are in memory before anybody hears of them.
    pub(super) fn tell(self, waiting: &mut Waiting, stores: Vec<Store>, appends: Vec<Append>) {
        for (scope, payload) in self.left_disk {
            waiting.left_disk(&scope, payload);
        }
        for (Store { scope, reply, .. }, Stored { settled, names }) in stores.into_iter().zip(self.stored) {
            for (row, payload) in settled {
                if waiting.remove(&scope, row) == Removed::OnDisk {
                    waiting.left_disk(&scope, payload);
                }
            }
            let _ = reply.send(Ok(names));
        }
        for (append, rows) in appends.into_iter().zip(self.appended) {
            let Append { arrivals, reply, .. } = append;
            let _ = reply.send(Ok(arrived(waiting, arrivals, rows, self.at)));
        }
    }
}

fn arrived(waiting: &mut Waiting, arrivals: Vec<Arrival>, rows: Vec<Option<Row>>, at: i64) -> Appended {
    let arrived = statements::time(at);
    let mut appended = Appended::default();
    let mut named = std::collections::HashSet::new();
    for (arrival, row) in arrivals.into_iter().zip(rows) {
        let Some(row) = row else {
            appended.repeated += 1;
            continue;
        };
        let Arrival { update_id, kind, scope, payload } = arrival;
        waiting.arrived(
            &scope,
            Owed { row, update_id, kind: kind.into(), payload, taken: 0, failed: 0, arrived, retried: false },
        );
        if named.insert(scope.clone()) {
            appended.scopes.push(scope);
        }
    }
    appended
}
