//! Dead letters that a person asked to be tried again become updates: this is how the journal's thread hears of it.
//!
//! Owns when to look and the transaction that does it. The person's program only marks letters; whether a gateway runs
//! then or is started later makes no difference.

use std::time::{Duration, Instant};

use rusqlite::{Connection, Result, Transaction, TransactionBehavior, params};

use super::statements;
use crate::journal::{Owed, Row};
use crate::key::ScopeKey;

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// How many letters are moved at a time. The others are, the next time.
const BATCH: usize = 500;

/// What is known of such letters.
#[derive(Debug)]
pub(super) struct Retries {
    looked: Option<Instant>,
    /// Changes when another program has changed the database (PRAGMA data_version).
    version: i64,
    /// There may be some.
    wanted: bool,
}

impl Retries {
    /// Whether there are any is unknown.
    pub(super) fn new() -> Self {
        Retries { looked: None, version: 0, wanted: true }
    }

    /// How long until it is time to look.
    pub(super) fn due_in(&self) -> Duration {
        self.looked.map_or(Duration::ZERO, |looked| LOOK_EVERY.saturating_sub(looked.elapsed()))
    }

    /// Whether it is time, and something may be found. The look costs microseconds while nobody else has written.
    pub(super) fn are_due(&mut self, db: &Connection) -> Result<bool> {
        if !self.due_in().is_zero() {
            return Ok(false);
        }
        self.looked = Some(Instant::now());
        let version = db.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        self.wanted |= version != self.version;
        self.version = version;
        Ok(self.wanted)
    }

    /// Makes those letters updates, each at the end of its scope, in the order of asking.
    pub(super) fn take(&mut self, db: &Connection) -> Result<Vec<(ScopeKey, Owed)>> {
        let change = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
        let moved = revive(&change)?;
        change.commit()?;
        self.wanted = moved.len() == BATCH;
        Ok(moved)
    }
}

fn revive(db: &Connection) -> Result<Vec<(ScopeKey, Owed)>> {
    let mut select = db.prepare_cached(
        "SELECT id, scope, update_id, kind, payload, taken, died FROM dead
         WHERE retry IS NOT NULL ORDER BY retry, id LIMIT ?1",
    )?;
    let letters = select.query_map([BATCH as i64], |found| {
        let owed = Owed {
            row: Row(0),
            update_id: found.get(2)?,
            kind: found.get::<_, String>(3)?.into(),
            payload: found.get::<_, Vec<u8>>(4)?.into(),
            // A process had it when it was given up.
            taken: found.get::<_, u32>(5)?.max(1),
            failed: 0,
            // It came before it died, which is all that is known.
            arrived: statements::time(found.get(6)?),
            retried: true,
        };
        Ok((found.get::<_, i64>(0)?, found.get(1)?, found.get::<_, i64>(6)?, owed))
    })?;
    let letters: Vec<(i64, ScopeKey, i64, Owed)> = letters.collect::<Result<_>>()?;
    let mut insert = db.prepare_cached(
        "INSERT INTO updates (update_id, scope, kind, arrived, taken, payload, retried)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)",
    )?;
    let mut delete = db.prepare_cached("DELETE FROM dead WHERE id = ?1")?;
    let mut moved = Vec::with_capacity(letters.len());
    for (id, scope, arrived, mut owed) in letters {
        let Owed { update_id, kind, payload, taken, .. } = &owed;
        let row = insert.insert(params![update_id, scope, kind, arrived, taken, &payload[..]])?;
        owed.row = Row(row as u64);
        delete.execute([id])?;
        moved.push((scope, owed));
    }
    Ok(moved)
}
