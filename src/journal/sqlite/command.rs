//! What the journal's thread is told and asked.
//!
//! Owns plain values. A question carries the way back for its answer; dropping it unanswered is an error for the asker.

use tokio::sync::oneshot;

use crate::journal::{Appended, Arrival, HeldSend, JournalError, Owed, Row, SendId, StoredSend, Unreadable};
use crate::key::ScopeKey;

/// The way back of an answer.
pub(super) type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

#[derive(Debug)]
pub(super) enum Command {
    /// Nobody waits for it.
    Lazy(Lazy),
    Append(Append),
    Store(Store),
    Ask(Question),
    Close(Reply<()>),
}

impl Command {
    pub(super) fn is_lazy(&self) -> bool {
        matches!(self, Command::Lazy(_))
    }
}

/// What has happened, and is to be on disk before long.
#[derive(Debug)]
pub(super) enum Lazy {
    /// The row is done with. `on_disk` names the scope if the row is still counted there.
    Settle {
        row: Row,
        on_disk: Option<ScopeKey>,
    },
    GiveBack {
        row: Row,
        failed: bool,
    },
    Bury {
        row: Row,
        on_disk: Option<ScopeKey>,
        reason: String,
    },
    Sent(SendId),
    Remember(String),
}

#[derive(Debug)]
pub(super) struct Append {
    pub(super) arrivals: Vec<Arrival>,
    pub(super) unreadable: Vec<Unreadable>,
    pub(super) reply: Reply<Appended>,
}

#[derive(Debug)]
pub(super) struct Store {
    pub(super) scope: ScopeKey,
    pub(super) settled: Vec<Row>,
    pub(super) sends: Vec<HeldSend>,
    pub(super) reply: Reply<Vec<SendId>>,
}

/// Changes nothing.
#[derive(Debug)]
pub(super) enum Question {
    Owed { scope: ScopeKey, after: Option<Row>, limit: usize, reply: Reply<Vec<Owed>> },
    OwedScopes(Reply<Vec<ScopeKey>>),
    Stored { after: Option<SendId>, limit: usize, reply: Reply<Vec<StoredSend>> },
    Remembers { key: String, reply: Reply<bool> },
}
