//! Why the journal could not be opened, and why it could not take or find something.
//!
//! Owns the words for people, with their remedies. What passes by itself and what does not are told apart here.

use std::io;
use std::path::PathBuf;

/// Why the journal could not take or find something.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// Too much is owed: polling waits until workers have settled enough. Telegram keeps updates for 24 hours.
    #[error("the journal is full: {bytes} bytes of updates wait for their workers")]
    Full {
        /// Bytes of payload that are owed now.
        bytes: u64,
    },
    /// The disk is full. What is owed can still be settled; nothing new is taken until there is room.
    #[error("no room is left on the disk of the journal, `{}`", folder.display())]
    NoRoom {
        /// The journal's folder.
        folder: PathBuf,
    },
    /// Another program has locked the database for longer than the journal waits for it.
    #[error("another program keeps the journal in `{}` locked", folder.display())]
    Busy {
        /// The journal's folder.
        folder: PathBuf,
    },
    /// The storage failed. Nothing more is taken or found, and the gateway ends; what is on disk stays as it is.
    #[error("the journal in `{}` cannot be used any more: {cause}", folder.display())]
    Broken {
        /// The journal's folder.
        folder: PathBuf,
        /// What the storage said.
        cause: String,
    },
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
}

impl JournalError {
    /// Whether waiting can mend it: polling pauses and tries again. Otherwise the gateway has to end.
    pub fn passes(&self) -> bool {
        matches!(self, JournalError::Full { .. } | JournalError::NoRoom { .. } | JournalError::Busy { .. })
    }

    /// In a few words, for the readiness page.
    pub fn text(&self) -> &'static str {
        match self {
            JournalError::Full { .. } => "the journal is full",
            JournalError::NoRoom { .. } => "no room is left on the journal's disk",
            JournalError::Busy { .. } => "another program keeps the journal locked",
            JournalError::Broken { .. } => "the journal is broken",
            JournalError::Closed => "the journal is closed",
        }
    }

    /// What a person can do.
    pub fn help(&self) -> &'static str {
        match self {
            JournalError::Full { .. } => {
                "look for workers that are stuck or too slow, or raise --journal-max"
            }
            JournalError::NoRoom { .. } => {
                "make room on that disk: nothing is lost, and polling then goes on"
            }
            JournalError::Busy { .. } => "end the program that has journal.db open, such as a sqlite3 shell",
            JournalError::Broken { .. } | JournalError::Closed => {
                "check the disk, then start again. If it fails again, move the folder away, which loses what is \
                 owed, or name another with --journal PATH: nothing is ever overwritten"
            }
        }
    }
}

/// Why the journal could not be opened, or looked into beside its gateway. Nothing was changed on disk.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no home to keep it in.
    #[error("there is no place for the journal: neither XDG_STATE_HOME nor HOME is set to an absolute path")]
    NoHome,
    /// What should be its folder is a file.
    #[error("the journal cannot be kept in `{}`: it is no folder", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// The folder cannot be made or written to.
    #[error("the journal's folder `{}` is not writable: {cause}", folder.display())]
    NotWritable {
        /// The folder.
        folder: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Another gateway has it.
    #[error("the journal in `{}` is in use by {}", folder.display(), by(*pid))]
    Held {
        /// The folder.
        folder: PathBuf,
        /// Whose it is, if it said so.
        pid: Option<u32>,
    },
    /// A later version of asgigram wrote it.
    #[error("the journal `{}` has version {found}, and this asgigram knows {known} at most", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// An earlier version of asgigram wrote it, and only a gateway brings it up to date.
    #[error("the journal `{}` has version {found}, and version {known} is needed", path.display())]
    Older {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version that is needed.
        known: u32,
    },
    /// There is none, and none is to be made.
    #[error("there is no journal in `{}`", folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// It belongs to another bot.
    #[error("the journal `{}` belongs to bot {found}, not to bot {expected}", path.display())]
    OtherBot {
        /// The database.
        path: PathBuf,
        /// The bot it belongs to.
        found: i64,
        /// The bot it was opened for.
        expected: i64,
    },
    /// It is a database of another program.
    #[error("`{}` is a database, but no journal of asgigram", path.display())]
    NotOurs {
        /// The database.
        path: PathBuf,
    },
    /// It is damaged, or no database at all.
    #[error("the journal `{}` is damaged: {cause}", path.display())]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What was found.
        cause: String,
    },
    /// The disk is full.
    #[error("no room is left on the disk of the journal, `{}`", folder.display())]
    NoRoom {
        /// The folder.
        folder: PathBuf,
    },
    /// Anything else that the storage said.
    #[error("cannot use the journal `{}`: {cause}", path.display())]
    Storage {
        /// The database.
        path: PathBuf,
        /// What the storage said.
        cause: String,
    },
}

impl OpenError {
    /// What a person can do.
    pub fn help(&self) -> &'static str {
        match self {
            OpenError::NoHome
            | OpenError::NotAFolder { .. }
            | OpenError::NotWritable { .. }
            | OpenError::Storage { .. } => {
                "name a folder with --journal PATH, or do without a disk: --journal memory (what is owed then dies \
                 with the gateway)"
            }
            OpenError::Held { .. } => "stop that gateway first, or wait until it has ended with --wait",
            OpenError::Newer { .. } => "use the newer asgigram, or name another folder with --journal PATH",
            OpenError::Older { .. } => "start the gateway once: it brings the journal up to date",
            OpenError::Missing { .. } => {
                "name the bot with --bot ID, or the folder that the gateway was given with --journal PATH"
            }
            OpenError::OtherBot { .. } | OpenError::NotOurs { .. } => {
                "each bot needs a folder of its own: name another with --journal PATH"
            }
            OpenError::Corrupt { .. } => {
                "check the disk. To start anew move the folder away, which loses what is owed, or name another with \
                 --journal PATH: nothing is ever overwritten"
            }
            OpenError::NoRoom { .. } => {
                "make room on that disk, or name a folder elsewhere with --journal PATH"
            }
        }
    }
}

fn by(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another gateway".to_owned(), |pid| format!("process {pid}"))
}
