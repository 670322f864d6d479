//! What is owed: every update that Telegram handed out and no worker is done with yet.
//!
//! Owns the handle that the rest of the house uses, and the words of it: an *arrival* becomes a *row*, a row is *owed*
//! until it is *settled* or *buried* (a dead letter). It never decides who gets an update or when.

mod memory;

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use crate::key::ScopeKey;
use memory::Memory;

/// The place of an update in the order of arrival. Update ids are no order: they restart after a quiet week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row(pub u64);

/// An update as the poller hands it in.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Telegram's id of the update.
    pub update_id: i64,
    /// The update's kind, such as `message`.
    pub kind: Box<str>,
    /// Whom it belongs to.
    pub scope: ScopeKey,
    /// The payload: a JSON object, byte for byte as Telegram wrote it.
    pub payload: Bytes,
}

/// An element of an answer to getUpdates that is no update. It becomes a dead letter and stops nothing.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// Its id, where it has one.
    pub update_id: Option<i64>,
    /// The element as it came.
    pub raw: Bytes,
    /// What could not be understood.
    pub reason: String,
}

/// An update that is owed to its scope.
#[derive(Clone, Debug)]
pub struct Owed {
    /// Its place in the order of arrival.
    pub row: Row,
    /// Telegram's id.
    pub update_id: i64,
    /// Its kind.
    pub kind: Arc<str>,
    /// Its payload, byte for byte.
    pub payload: Bytes,
    /// How often a process has taken it and not settled it.
    pub taken: u32,
    /// How many of those count as failed attempts: those that the gateway did not cause.
    pub failed: u32,
    /// When it came.
    pub arrived: Instant,
}

/// A send that Telegram could not take yet, as the outbox hands it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldSend {
    /// The lane it waits in, in the outbox's own words.
    pub lane: String,
    /// The method of the Bot API.
    pub method: String,
    /// Its parameters, byte for byte as they will be sent.
    pub body: Bytes,
    /// Whether it may be sent again when it is unknown whether Telegram has it.
    pub retry: bool,
}

/// The name of a stored send. A later one is greater, and none is ever used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SendId(pub u64);

/// A send that is kept until Telegram has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSend {
    /// Its name.
    pub id: SendId,
    /// The scope that sent it.
    pub scope: ScopeKey,
    /// The send.
    pub send: HeldSend,
}

/// What [`Journal::append`] did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// The scopes that got a new row, in order of arrival, each once.
    pub scopes: Vec<ScopeKey>,
    /// How many arrivals were dropped because they had come before.
    pub repeated: usize,
}

/// Why the journal could not take or find something.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// No room: polling waits until workers have settled enough. Telegram keeps updates for 24 hours.
    #[error("the journal is full: {bytes} bytes of updates wait for their workers")]
    Full {
        /// Bytes of payload that are owed now.
        bytes: u64,
    },
}

/// A cheap handle to the journal; clones share it.
#[derive(Clone, Debug)]
pub struct Journal {
    store: Arc<Memory>,
}

impl Journal {
    /// A journal in memory: it survives the death of any worker, and not that of the gateway. It takes updates until
    /// `max_bytes` of payload are owed, then answers [`JournalError::Full`].
    pub fn in_memory(max_bytes: u64) -> Self {
        Journal { store: Arc::new(Memory::new(max_bytes)) }
    }

    /// Takes a batch in: when this returns, the updates are owed and Telegram may forget them. Either all of the batch
    /// is taken or nothing. Updates that came before (the last 200,000 are remembered) are dropped.
    pub async fn append(
        &self,
        arrivals: Vec<Arrival>,
        unreadable: Vec<Unreadable>,
    ) -> Result<Appended, JournalError> {
        self.store.append(arrivals, unreadable)
    }

    /// The oldest rows owed to `scope` that come after `after`, at most `limit`, in order of arrival.
    pub async fn owed(
        &self,
        scope: &ScopeKey,
        after: Option<Row>,
        limit: usize,
    ) -> Result<Vec<Owed>, JournalError> {
        Ok(self.store.owed(scope, after, limit))
    }

    /// The worker is done with this row.
    pub async fn settle(&self, scope: &ScopeKey, row: Row) -> Result<(), JournalError> {
        self.store.settle(scope, row);
        Ok(())
    }

    /// Whether sends can be written down. Where they cannot, an update is settled without them.
    pub fn stores_sends(&self) -> bool {
        false
    }

    /// The worker is done with this row, and these sends that it made before are still to be made: both or neither is
    /// written. Returns the names of the sends.
    pub async fn settle_with(
        &self,
        scope: &ScopeKey,
        row: Row,
        _sends: Vec<HeldSend>,
    ) -> Result<Vec<SendId>, JournalError> {
        self.store.settle(scope, row);
        Ok(Vec::new())
    }

    /// Telegram has this send, or it has failed: it is struck out.
    pub async fn sent(&self, _id: SendId) -> Result<(), JournalError> {
        Ok(())
    }

    /// A process took this row and did not settle it; `failed` says whether that counts as an attempt.
    pub async fn give_back(&self, scope: &ScopeKey, row: Row, failed: bool) -> Result<(), JournalError> {
        self.store.give_back(scope, row, failed);
        Ok(())
    }

    /// This row becomes a dead letter: it is never delivered again. In memory its line in the log is all that stays.
    pub async fn bury(&self, scope: &ScopeKey, row: Row, reason: &str) -> Result<(), JournalError> {
        self.store.bury(scope, row, reason);
        Ok(())
    }

    /// How many updates are owed now, over all scopes.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Whether nothing is owed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
