//! What is owed: every update that Telegram handed out and no worker is done with yet.
//!
//! Owns the handle that the rest of the house uses, and the words of it: an *arrival* becomes a *row*, a row is *owed*
//! until it is *settled* or *buried* (a dead letter). It never decides who gets an update or when.
//!
//! There are two forms behind the handle. On disk ([`sqlite`]) what was taken survives the gateway and the machine; in
//! memory ([`memory`]) it survives a worker. They answer alike, and the same tests are run on both.

mod dead;
mod error;
mod lock;
mod memory;
mod place;
mod record;
mod reserve;
mod sqlite;
#[cfg(test)]
mod tests;

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use crate::key::ScopeKey;
pub use dead::{DeadLetter, DeadLetters, LetterId, Refused, Selection};
pub use error::{JournalError, OpenError};
use memory::Memory;
pub use place::Place;
pub use record::{Appended, Arrival, HeldSend, Owed, Row, SendId, StoredSend, Unreadable};
use sqlite::{Limits, Sqlite};

/// How many update ids are remembered so that a repeated batch is not handled twice. The oldest is forgotten first.
const TOMBSTONES: u64 = 200_000;

/// What opening a journal needs to know.
#[derive(Clone, Debug)]
pub struct JournalConfig {
    /// Where it is.
    pub place: Place,
    /// Whose it is: one of another bot is refused.
    pub bot_id: i64,
    /// How many bytes of payload may be owed. Past that nothing is taken ([`JournalError::Full`]).
    pub max_bytes: u64,
    /// Whether to wait for ever for another gateway that has it, instead of 5 s.
    pub wait: bool,
}

/// A cheap handle to the journal; clones share it. When the last is dropped the journal writes out what it was told and
/// closes; [`close`](Journal::close) waits for that.
#[derive(Clone, Debug)]
pub struct Journal {
    store: Store,
}

#[derive(Clone, Debug)]
enum Store {
    Memory(Arc<Memory>),
    Sqlite(Arc<Sqlite>),
}

impl Journal {
    /// A journal in memory: it survives the death of any worker, and not that of the gateway. It takes updates until
    /// `max_bytes` of payload are owed, then answers [`JournalError::Full`].
    pub fn in_memory(max_bytes: u64) -> Self {
        Journal { store: Store::Memory(Arc::new(Memory::new(max_bytes, TOMBSTONES))) }
    }

    /// Opens the journal, and makes it if there is none. What was owed when it was last closed, or when its gateway
    /// died, is owed again.
    pub async fn open(config: &JournalConfig) -> Result<Self, OpenError> {
        match &config.place {
            Place::Memory => Ok(Self::in_memory(config.max_bytes)),
            Place::Folder(folder) => {
                let limits = Limits { max_bytes: config.max_bytes, ..Limits::default() };
                let sqlite = Sqlite::open(folder, config.bot_id, config.wait, limits).await?;
                Ok(Journal { store: Store::Sqlite(Arc::new(sqlite)) })
            }
        }
    }

    /// Takes a batch in: when this returns, the updates are owed and Telegram may forget them. Either all of the batch
    /// is taken or nothing. Updates that came before (the last 200,000 are remembered) are dropped.
    pub async fn append(
        &self,
        arrivals: Vec<Arrival>,
        unreadable: Vec<Unreadable>,
    ) -> Result<Appended, JournalError> {
        for Unreadable { update_id, raw, reason } in &unreadable {
            let raw = String::from_utf8_lossy(raw);
            tracing::error!(update_id, reason, %raw, "gave up what Telegram sent as an update and is none");
        }
        match &self.store {
            Store::Memory(memory) => memory.append(arrivals, unreadable),
            Store::Sqlite(sqlite) => sqlite.append(arrivals, unreadable).await,
        }
    }

    /// The oldest rows owed to `scope` that come after `after`, at most `limit`, in order of arrival.
    pub async fn owed(
        &self,
        scope: &ScopeKey,
        after: Option<Row>,
        limit: usize,
    ) -> Result<Vec<Owed>, JournalError> {
        match &self.store {
            Store::Memory(memory) => Ok(memory.owed(scope, after, limit)),
            Store::Sqlite(sqlite) => sqlite.owed(scope, after, limit).await,
        }
    }

    /// The scopes that something is owed to, the one that has waited longest first.
    pub async fn owed_scopes(&self) -> Result<Vec<ScopeKey>, JournalError> {
        match &self.store {
            Store::Memory(memory) => Ok(memory.owed_scopes()),
            Store::Sqlite(sqlite) => sqlite.owed_scopes().await,
        }
    }

    /// The worker is done with this row. On disk it is written a few milliseconds later, and nobody waits for that: if
    /// the gateway is killed before, the update comes again. Waits only while thousands of such words are unwritten.
    pub async fn settle(&self, scope: &ScopeKey, row: Row) -> Result<(), JournalError> {
        match &self.store {
            Store::Memory(memory) => memory.settle(scope, row),
            Store::Sqlite(sqlite) => sqlite.settle(scope, row).await?,
        }
        Ok(())
    }

    /// A process took this row and did not settle it; `failed` says whether that counts as an attempt. Written like
    /// [`settle`](Journal::settle).
    pub async fn give_back(&self, scope: &ScopeKey, row: Row, failed: bool) -> Result<(), JournalError> {
        match &self.store {
            Store::Memory(memory) => memory.give_back(scope, row, failed),
            Store::Sqlite(sqlite) => sqlite.give_back(scope, row, failed).await?,
        }
        Ok(())
    }

    /// This row becomes a dead letter: it is never delivered again. On disk it is kept for 30 days; in memory its line
    /// in the log is all that stays. Written like [`settle`](Journal::settle).
    pub async fn bury(&self, scope: &ScopeKey, row: Row, reason: &str) -> Result<(), JournalError> {
        match &self.store {
            Store::Memory(memory) => memory.bury(scope, row),
            Store::Sqlite(sqlite) => sqlite.bury(scope, row, reason).await?,
        }
        Ok(())
    }

    /// Stores sends of `scope` and settles the rows whose effects they are, all or nothing. When this returns, both have
    /// happened for good. `settled` may be empty: then sends are only stored. Returns their names, in order.
    pub async fn store(
        &self,
        scope: &ScopeKey,
        settled: &[Row],
        sends: Vec<HeldSend>,
    ) -> Result<Vec<SendId>, JournalError> {
        match &self.store {
            Store::Memory(memory) => Ok(memory.store(scope, settled, sends)),
            Store::Sqlite(sqlite) => sqlite.store(scope, settled, sends).await,
        }
    }

    /// The sends that are stored, in the order of storing: at most `limit`, from those after `after` on.
    pub async fn stored(&self, after: Option<SendId>, limit: usize) -> Result<Vec<StoredSend>, JournalError> {
        match &self.store {
            Store::Memory(memory) => Ok(memory.stored(after, limit)),
            Store::Sqlite(sqlite) => sqlite.stored(after, limit).await,
        }
    }

    /// Telegram has this send, or it failed: it need not be stored any more. Written like [`settle`](Journal::settle).
    pub async fn sent(&self, id: SendId) -> Result<(), JournalError> {
        match &self.store {
            Store::Memory(memory) => memory.sent(id),
            Store::Sqlite(sqlite) => sqlite.sent(id).await?,
        }
        Ok(())
    }

    /// Whether `fact` was learned of a program; `command` is its argv.
    pub async fn remembers(&self, command: &[&[u8]], fact: &str) -> Result<bool, JournalError> {
        match &self.store {
            Store::Memory(memory) => Ok(memory.remembers(&fact_key(command, fact))),
            Store::Sqlite(sqlite) => sqlite.remembers(fact_key(command, fact)).await,
        }
    }

    /// Learns a fact of a program, such as `acks`, for ever. Written like [`settle`](Journal::settle).
    pub async fn remember(&self, command: &[&[u8]], fact: &str) -> Result<(), JournalError> {
        match &self.store {
            Store::Memory(memory) => memory.remember(fact_key(command, fact)),
            Store::Sqlite(sqlite) => sqlite.remember(fact_key(command, fact)).await?,
        }
        Ok(())
    }

    /// Waits until dead letters have become updates because a person had them tried again ([`DeadLetters::retry`]), and
    /// returns the scopes that these are owed to. Only one may ask at a time. In memory it never returns.
    pub async fn retried(&self) -> Vec<ScopeKey> {
        match &self.store {
            Store::Memory(_) => std::future::pending().await,
            Store::Sqlite(sqlite) => sqlite.retried().await,
        }
    }

    /// Waits until the storage fails, with the error that everybody gets from then on. In memory it never does.
    pub async fn broken(&self) -> JournalError {
        match &self.store {
            Store::Memory(_) => std::future::pending().await,
            Store::Sqlite(sqlite) => sqlite.broken().await,
        }
    }

    /// Writes out what it was told, and closes the journal; other handles then get [`JournalError::Closed`]. The lock
    /// is held until the last handle is dropped.
    ///
    /// # Errors
    /// If not all could be written: what was settled last comes again at the next start.
    pub async fn close(&self) -> Result<(), JournalError> {
        match &self.store {
            Store::Memory(_) => Ok(()),
            Store::Sqlite(sqlite) => sqlite.close().await,
        }
    }

    /// How many updates are owed now, over all scopes.
    pub fn len(&self) -> usize {
        match &self.store {
            Store::Memory(memory) => memory.len(),
            Store::Sqlite(sqlite) => sqlite.len(),
        }
    }

    /// Whether nothing is owed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What does not survive, in words for the start of the log; `None` if the journal survives the machine.
    pub fn caveat(&self) -> Option<&'static str> {
        match &self.store {
            Store::Memory(_) => {
                Some("updates wait in memory: they survive the crash of a worker, not that of this gateway")
            }
            Store::Sqlite(sqlite) => sqlite.caveat(),
        }
    }

    /// Whether what is owed is still owed after the gateway has ended.
    pub fn survives(&self) -> bool {
        matches!(self.store, Store::Sqlite(_))
    }

    /// The descriptor that holds the lock of the folder. Whoever shares it holds the lock too; a program that is
    /// started does not get it. `None` in memory.
    pub fn lock_descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.store {
            Store::Memory(_) => None,
            Store::Sqlite(sqlite) => Some(sqlite.lock_descriptor()),
        }
    }
}

/// The name of a fact. An argv may hold secrets, so only its hash is kept (FNV-1a of 64 bits: the same in every build).
fn fact_key(command: &[&[u8]], fact: &str) -> String {
    let bytes = command.iter().flat_map(|word| word.iter().copied().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("fact:{hash:016x}:{fact}")
}
