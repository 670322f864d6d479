//! What an error of SQLite means for the journal.
//!
//! Pure.

use rusqlite::ErrorCode;

/// What can be done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The disk is full: it works again when there is room.
    NoRoom,
    /// Another program has the database locked: it works again when that is over.
    Busy,
    /// Reading or writing failed. It can be a full disk in disguise (a quota); else nothing can be done.
    Io,
    /// Nothing can be done.
    Broken,
}

/// `SQLITE_IOERR_SHMSIZE`: the index of the log could not grow (sqlite.org/rescode.html).
const SHARED_MEMORY_SIZE: i32 = 4874;

pub(super) fn trouble(error: &rusqlite::Error) -> Trouble {
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        return Trouble::Broken;
    };
    match failure.code {
        ErrorCode::DiskFull => Trouble::NoRoom,
        _ if failure.extended_code == SHARED_MEMORY_SIZE => Trouble::NoRoom,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Trouble::Busy,
        ErrorCode::SystemIoFailure => Trouble::Io,
        _ => Trouble::Broken,
    }
}
