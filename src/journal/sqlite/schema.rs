//! The tables of the journal's database, how they came to be, and whose they are.
//!
//! Owns opening the file: it checks all before it changes anything. A database of an older version is migrated in one
//! transaction; one of a newer version, of another bot or of another program is refused and left as it is.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};

use super::Limits;
use super::trouble::{Trouble, trouble};
use crate::journal::OpenError;
use crate::journal::place::{not_writable, own_file};

/// Each step leads from the version of its index to the next one. Steps are never changed, only added.
pub(in crate::journal) const STEPS: &[&str] = &[
    "
    -- What is owed. Rows are never used twice, so that an old name of a row cannot mean a new one.
    CREATE TABLE updates (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        update_id INTEGER NOT NULL,
        scope TEXT NOT NULL,
        kind TEXT NOT NULL,
        arrived INTEGER NOT NULL, -- times are milliseconds since 1970
        taken INTEGER NOT NULL DEFAULT 0,
        failed INTEGER NOT NULL DEFAULT 0,
        payload BLOB NOT NULL
    ) STRICT;
    CREATE INDEX updates_of_scope ON updates (scope, row);
    -- The ids that came last, whatever became of them.
    CREATE TABLE tombstones (arrival INTEGER PRIMARY KEY, update_id INTEGER NOT NULL UNIQUE) STRICT;
    -- What was given up, and elements that were no updates (without a scope and a kind).
    CREATE TABLE dead (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        update_id INTEGER,
        scope TEXT,
        kind TEXT,
        attempts INTEGER NOT NULL,
        died INTEGER NOT NULL,
        reason TEXT NOT NULL,
        payload BLOB NOT NULL
    ) STRICT;
    CREATE INDEX dead_by_age ON dead (died);
    -- Sends whose updates are settled, until Telegram has them.
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        scope TEXT NOT NULL,
        lane TEXT NOT NULL,
        method TEXT NOT NULL,
        body BLOB NOT NULL,
        retry INTEGER NOT NULL,
        stored INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
",
    "
    -- When a person asked for it to be tried again, until the one who writes has done that.
    ALTER TABLE dead ADD COLUMN retry INTEGER;
    CREATE INDEX dead_to_retry ON dead (retry, id) WHERE retry IS NOT NULL;
    -- How often a process had taken it.
    ALTER TABLE dead ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
    -- Whether a person had it tried again: then it does not expire.
    ALTER TABLE updates ADD COLUMN retried INTEGER NOT NULL DEFAULT 0;
",
];

/// `asgi`: tells file(1) and us that the database is ours (PRAGMA application_id).
pub(in crate::journal) const APPLICATION: i32 = 0x6173_6769;

/// Opens the database and makes it ready for the one who writes.
pub(super) fn open(path: &Path, bot_id: i64, limits: &Limits) -> Result<Connection, OpenError> {
    let folder = path.parent().unwrap_or(path);
    // Made here for the sake of its mode, which the other files of the database take over.
    own_file(path).map_err(|cause| not_writable(folder, cause))?;
    let fault = |error| fault(path, &error);
    let mut db = Connection::open(path).map_err(fault)?;
    db.busy_timeout(limits.busy).map_err(fault)?;
    let is_new = check(&db, path)?.is_new;
    if is_new {
        // Free pages can be given back to a full disk.
        db.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").map_err(fault)?;
    }
    // `synchronous` is set by whoever begins a transaction. fullfsync is for macOS, where fsync does not reach the disk.
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA fullfsync = 1; PRAGMA cell_size_check = 1")
        .map_err(fault)?;
    if let Some(pages) = limits.max_pages {
        db.pragma_update(None, "max_page_count", pages).map_err(fault)?;
    }
    db.set_prepared_statement_cache_capacity(32);
    migrate(&mut db, STEPS).map_err(fault)?;
    belong(&db, path, bot_id)?;
    Ok(db)
}

/// Opens a database that is there, for another than the one who writes: nothing is made, migrated or brought from the
/// log into the database.
pub(in crate::journal) fn visit(path: &Path, busy: Duration) -> Result<Connection, OpenError> {
    let fault = |error| fault(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(fault)?;
    db.busy_timeout(busy).map_err(fault)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(fault)?;
    db.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA fullfsync = 1").map_err(fault)?;
    let (found, known) = (check(&db, path)?.version, STEPS.len() as u32);
    match found < known {
        true => Err(OpenError::Older { path: path.to_owned(), found, known }),
        false => Ok(db),
    }
}

/// What a database is that can be used.
struct Checked {
    /// It is empty.
    is_new: bool,
    version: u32,
}

/// Checks that it is a database of ours, of a version that we know.
fn check(db: &Connection, path: &Path) -> Result<Checked, OpenError> {
    let fault = |error| fault(path, &error);
    let number =
        |pragma: &str| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map_err(fault);
    let tables: i64 =
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(fault)?;
    if tables > 0 && number("application_id")? != i64::from(APPLICATION) {
        return Err(OpenError::NotOurs { path: path.to_owned() });
    }
    let (found, known) = (number("user_version")?, STEPS.len() as u32);
    match u32::try_from(found) {
        Ok(found) if found <= known => Ok(Checked { is_new: tables == 0, version: found }),
        _ => Err(OpenError::Newer { path: path.to_owned(), found: found as u32, known }),
    }
}

/// Takes the steps that are missing, all or none.
fn migrate(db: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let version: u32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version as usize >= steps.len() {
        return Ok(());
    }
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in &steps[version as usize..] {
        change.execute_batch(step)?;
    }
    change.pragma_update(None, "user_version", steps.len() as u32)?;
    change.pragma_update(None, "application_id", APPLICATION)?;
    change.commit()
}

/// Whether it is this bot's; one that is nobody's yet becomes it.
fn belong(db: &Connection, path: &Path, bot_id: i64) -> Result<(), OpenError> {
    let fault = |error| fault(path, &error);
    let found: Option<String> = db
        .query_row("SELECT value FROM meta WHERE key = 'bot'", [], |row| row.get(0))
        .optional()
        .map_err(fault)?;
    match found.map(|found| found.parse()) {
        Some(Ok(found)) if found == bot_id => Ok(()),
        Some(Ok(found)) => Err(OpenError::OtherBot { path: path.to_owned(), found, expected: bot_id }),
        Some(Err(_)) => {
            Err(OpenError::Corrupt { path: path.to_owned(), cause: "the bot's id is no number".to_owned() })
        }
        None => {
            let claim = "INSERT INTO meta (key, value) VALUES ('bot', ?1)";
            db.execute(claim, [bot_id.to_string()]).map(|_| ()).map_err(fault)
        }
    }
}

/// What a failure means while the journal is being opened, or visited.
pub(in crate::journal) fn fault(path: &Path, error: &rusqlite::Error) -> OpenError {
    let (path, cause) = (path.to_owned(), error.to_string());
    if error.sqlite_error_code().is_none() {
        // What it holds cannot be read as what it should be.
        return OpenError::Corrupt { path, cause };
    }
    match (trouble(error), error.sqlite_error_code()) {
        (Trouble::NoRoom, _) => OpenError::NoRoom { folder: path.parent().unwrap_or(&path).to_owned() },
        (_, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) => OpenError::Corrupt { path, cause },
        (_, Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied)) => {
            let folder = path.parent().unwrap_or(&path).to_owned();
            OpenError::NotWritable { folder, cause: std::io::Error::other(cause) }
        }
        _ => OpenError::Storage { path, cause },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_version_is_migrated_step_by_step_and_keeps_its_rows() {
        let mut db = Connection::open_in_memory().unwrap();
        let first = "CREATE TABLE a (x); INSERT INTO a VALUES (7)";
        migrate(&mut db, &[first]).unwrap();
        let broken = migrate(&mut db, &[first, "ALTER TABLE a ADD COLUMN y", "no sql"]);
        assert!(broken.is_err());
        let version = |db: &Connection| -> u32 {
            db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
        };
        assert_eq!(version(&db), 1);
        migrate(&mut db, &[first, "ALTER TABLE a ADD COLUMN y", "UPDATE a SET y = x + 1"]).unwrap();
        migrate(&mut db, &[first, "ALTER TABLE a ADD COLUMN y", "UPDATE a SET y = x + 1"]).unwrap();
        let row = db.query_row("SELECT x, y FROM a", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!((version(&db), row), (3, (7, 8)));
    }
}
