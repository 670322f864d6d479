//! Dead letters, for the person who looks at them: beside a running gateway or without one.
//!
//! Owns what another program than the gateway does to the database: it reads, drops, and marks what is to be tried
//! again, in transactions of moments. It takes no lock but those of SQLite, makes nothing, and brings nothing from the
//! log into the database; that, and trying again, is left to the gateway.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use rustix::fs::{FlockOperation, flock};

use super::OpenError;
use super::place::DATABASE;
use super::sqlite::{schema, statements};
use crate::key::ScopeKey;

/// How long to wait for the gateway, which writes for moments.
const BUSY: Duration = Duration::from_secs(10);
/// How many letters are changed in one transaction, where all are meant.
const BATCH: i64 = 500;
/// The last time that can be written with a year of four digits, in milliseconds since 1970.
const LAST_TIME: i64 = 253_402_300_799_000;

/// The name of a dead letter. A later one is greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LetterId(i64);

/// An update that was given up, or an element from Telegram that was none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its name.
    pub id: LetterId,
    /// Telegram's id, where it has one.
    pub update_id: Option<i64>,
    /// The name of its scope; what was no update has none.
    pub scope: Option<String>,
    /// Its kind; what was no update has none.
    pub kind: Option<String>,
    /// How many attempts failed.
    pub attempts: u32,
    /// When it was given up, to the millisecond; not after the year 9999.
    pub died: SystemTime,
    /// Why.
    pub reason: String,
    /// The update's payload, byte for byte, or the whole element.
    pub payload: Vec<u8>,
    /// It is to be tried again, which the gateway does within a second, or when it is started.
    pub retry: bool,
}

/// Which letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Those of these updates.
    Updates(BTreeSet<i64>),
    /// All, or all of one scope.
    All {
        /// The scope.
        scope: Option<ScopeKey>,
    },
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such letter.
    #[error("no dead letter has the update id {0}")]
    Unknown(i64),
    /// What Telegram sent cannot be understood, so it belongs to nobody.
    #[error("update {0} cannot be tried again: what Telegram sent was no update")]
    NoUpdate(i64),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] OpenError),
}

/// The dead letters of one journal.
#[derive(Debug)]
pub struct DeadLetters {
    db: Connection,
    folder: PathBuf,
}

impl DeadLetters {
    /// Those of the journal in this folder.
    ///
    /// # Errors
    /// If there is none, or it is of another version or program.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(DATABASE);
        if !path.is_file() {
            return Err(OpenError::Missing { folder: folder.to_owned() });
        }
        Ok(DeadLetters { db: schema::visit(&path, BUSY)?, folder: folder.to_owned() })
    }

    /// The oldest letters after this one, at most `limit`, in the order in which they died.
    pub fn page(&self, after: Option<LetterId>, limit: usize) -> Result<Vec<DeadLetter>, OpenError> {
        let (after, limit) = (after.map_or(0, |id| id.0), i64::try_from(limit).unwrap_or(i64::MAX));
        self.read("WHERE id > ?1 ORDER BY id LIMIT ?2", [after, limit])
    }

    /// The letters of this update: mostly one, for ids may come again after years.
    pub fn of_update(&self, update_id: i64) -> Result<Vec<DeadLetter>, Refused> {
        let letters = self.read("WHERE update_id = ?1 AND id > ?2 ORDER BY id", [update_id, 0])?;
        if letters.is_empty() { Err(Refused::Unknown(update_id)) } else { Ok(letters) }
    }

    /// Asks that they be tried again: each is then a new update at the end of its scope. What was no update is left out
    /// where all are meant. Returns how many are meant; if any is refused nothing is changed.
    pub fn retry(&self, which: &Selection) -> Result<usize, Refused> {
        let mark = format!("UPDATE dead SET retry = coalesce(retry, {})", statements::now());
        self.change(&mark, "scope IS NOT NULL AND update_id IS NOT NULL", which)
    }

    /// Drops them for good. Returns how many; if any is refused nothing is changed.
    pub fn drop_letters(&self, which: &Selection) -> Result<usize, Refused> {
        self.change("DELETE FROM dead", "true", which)
    }

    /// How many letters the gateway has still to try again.
    pub fn to_be_tried(&self) -> Result<usize, OpenError> {
        let count = "SELECT count(*) FROM dead WHERE retry IS NOT NULL";
        self.db
            .query_row(count, [], |row| row.get::<_, i64>(0))
            .map(|n| n as usize)
            .map_err(|e| self.fault(&e))
    }

    /// Whether a gateway has this journal now.
    pub fn gateway_runs(&self) -> bool {
        let Ok(lock) = std::fs::File::open(self.folder.join("lock")) else { return false };
        // A shared lock for a moment: a gateway that starts just then looks again.
        flock(&lock, FlockOperation::NonBlockingLockShared)
            .is_err_and(|error| error == rustix::io::Errno::WOULDBLOCK)
    }

    fn change(&self, act: &str, possible: &str, which: &Selection) -> Result<usize, Refused> {
        match which {
            Selection::Updates(ids) => self.change_some(act, possible, ids),
            Selection::All { scope } => Ok(self.change_all(act, possible, scope.as_ref())?),
        }
    }

    /// All of these or none.
    fn change_some(&self, act: &str, possible: &str, ids: &BTreeSet<i64>) -> Result<usize, Refused> {
        let fault = |error: rusqlite::Error| self.fault(&error);
        let change = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate).map_err(fault)?;
        let mut changed = 0;
        for id in ids {
            let known = change.query_row("SELECT 1 FROM dead WHERE update_id = ?1", [id], |_| Ok(()));
            if known.optional().map_err(fault)?.is_none() {
                return Err(Refused::Unknown(*id));
            }
            let act = format!("{act} WHERE update_id = ?1 AND {possible}");
            match change.execute(&act, [id]).map_err(fault)? {
                0 => return Err(Refused::NoUpdate(*id)),
                some => changed += some,
            }
        }
        change.commit().map_err(fault)?;
        Ok(changed)
    }

    /// All that are there now, some at a time, so that the gateway is not kept waiting.
    fn change_all(&self, act: &str, possible: &str, scope: Option<&ScopeKey>) -> Result<usize, OpenError> {
        let fault = |error: rusqlite::Error| self.fault(&error);
        let last: i64 = self
            .db
            .query_row("SELECT coalesce(max(id), 0) FROM dead", [], |row| row.get(0))
            .map_err(fault)?;
        let some =
            format!("FROM dead WHERE id > ?1 AND id <= ?2 AND (?3 IS NULL OR scope = ?3) AND {possible}");
        let until = format!("SELECT max(id) FROM (SELECT id {some} ORDER BY id LIMIT {BATCH})");
        let act = format!("{act} WHERE id IN (SELECT id {some})");
        let (mut after, mut changed) = (0, 0);
        loop {
            let until: Option<i64> =
                self.db.query_row(&until, params![after, last, scope], |row| row.get(0)).map_err(fault)?;
            let Some(until) = until else { return Ok(changed) };
            changed += self.db.execute(&act, params![after, until, scope]).map_err(fault)?;
            after = until;
        }
    }

    fn read(&self, which: &str, values: [i64; 2]) -> Result<Vec<DeadLetter>, OpenError> {
        let select =
            "SELECT id, update_id, scope, kind, attempts, died, reason, payload, retry IS NOT NULL FROM dead";
        let read = || -> rusqlite::Result<Vec<DeadLetter>> {
            let mut select = self.db.prepare_cached(&format!("{select} {which}"))?;
            select.query_map(values, letter)?.collect()
        };
        read().map_err(|error| self.fault(&error))
    }

    fn fault(&self, error: &rusqlite::Error) -> OpenError {
        schema::fault(&self.folder.join(DATABASE), error)
    }
}

fn letter(found: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        id: LetterId(found.get(0)?),
        update_id: found.get(1)?,
        scope: found.get(2)?,
        kind: found.get(3)?,
        attempts: found.get(4)?,
        died: statements::time(found.get::<_, i64>(5)?.min(LAST_TIME)),
        reason: found.get(6)?,
        payload: found.get(7)?,
        retry: found.get(8)?,
    })
}
