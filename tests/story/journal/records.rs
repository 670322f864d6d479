//! What lies on the disk: the database of a journal, read as a stranger would, and changed where time is to pass.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::types::FromSql;
use rusqlite::{Connection, OpenFlags, Params};

use crate::support::process::eventually;
use crate::support::{Gateway, Telegram};

/// The database of one journal.
pub(super) struct Records {
    path: PathBuf,
}

impl Records {
    /// The one that this gateway keeps where it does unless it is told otherwise.
    pub(super) fn of(gateway: &Gateway, telegram: &Telegram) -> Records {
        Records::in_folder(&gateway.state().path().join(format!("asgigram/{}", telegram.bot())))
    }

    /// The one in this folder.
    pub(super) fn in_folder(folder: &Path) -> Records {
        Records { path: folder.join("journal.db") }
    }

    /// The one value that this query finds.
    pub(super) fn value<T: FromSql>(&self, query: &str) -> T {
        self.open().query_row(query, [], |row| row.get(0)).unwrap()
    }

    /// Waits until there are so many rows in this table.
    pub(super) async fn has(&self, count: i64, table: &str) {
        let query = format!("SELECT count(*) FROM {table}");
        let found = eventually(|| (self.value::<i64>(&query) == count).then_some(())).await;
        found.unwrap_or_else(|| panic!("{} rows in {table}, not {count}", self.value::<i64>(&query)));
    }

    /// Changes it, while no gateway has it.
    pub(super) fn change(&self, statement: &str, params: impl Params) {
        let db = Connection::open(&self.path).unwrap();
        assert!(db.execute(statement, params).unwrap() > 0, "nothing to change");
    }

    /// The ids of the updates that are owed, as a crash left them. A copy is read, since reading tidies up.
    pub(super) fn owed(&self) -> BTreeSet<i64> {
        let copy = tempfile::tempdir().unwrap();
        for name in ["journal.db", "journal.db-wal"] {
            let from = self.path.with_file_name(name);
            if from.exists() {
                fs::copy(from, copy.path().join(name)).unwrap();
            }
        }
        let copy = Records::in_folder(copy.path());
        if !copy.path.exists() {
            return BTreeSet::new();
        }
        let db = Connection::open(&copy.path).unwrap();
        // A gateway that was killed as it made the database has left none, or an empty one. One that still runs may write
        // while this copies: who waits for a fact looks again.
        let Ok(mut query) = db.prepare("SELECT update_id FROM updates") else { return BTreeSet::new() };
        query.query_map([], |row| row.get(0)).and_then(Iterator::collect).unwrap_or_default()
    }

    fn open(&self) -> Connection {
        Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()
    }
}
