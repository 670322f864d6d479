//! The journal on disk: an SQLite database with one thread that owns it.
//!
//! Owns the handle's side: it counts what it is told at once, in memory, and passes it on; it never touches the
//! database. The thread ([`writer`]) writes what came together as one transaction. An append or a store is answered
//! when it is on disk for good. Everything else is a word that nobody waits for: it is written a few milliseconds later
//! without a sync of its own, and if the gateway is killed in between, updates come again.

mod command;
mod queue;
mod reads;
mod retries;
pub(super) mod schema;
pub(super) mod statements;
mod transaction;
mod trouble;
mod waiting;
mod writer;

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::lock::Lock;
use super::{
    Appended, Arrival, HeldSend, JournalError, OpenError, Owed, Row, SendId, StoredSend, TOMBSTONES,
    Unreadable, place,
};
use crate::key::ScopeKey;
use command::{Append, Command, Lazy, Question, Store};
use queue::{Queue, State};
use waiting::Removed;
use writer::Writer;

/// What is bounded.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// Payload that may be owed.
    pub(super) max_bytes: u64,
    /// Update ids that are remembered.
    pub(super) tombstones: u64,
    /// Memory for copies of rows, so that what is delivered soon need not be read from the disk.
    pub(super) max_held: usize,
    /// The same for one scope.
    pub(super) max_held_a_scope: usize,
    /// Pages of the database; past that it is like a full disk.
    pub(super) max_pages: Option<u32>,
    /// How long a transaction waits for another program that has the database locked.
    pub(super) busy: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_bytes: 1 << 30,
            tombstones: TOMBSTONES,
            max_held: 32 << 20,
            max_held_a_scope: 256 << 10,
            max_pages: None,
            busy: Duration::from_secs(5),
        }
    }
}

#[derive(Debug)]
pub(super) struct Sqlite {
    queue: Arc<Queue>,
    lock: Arc<Lock>,
    caveat: Option<&'static str>,
}

impl Sqlite {
    /// Takes the lock, then has the thread open the database.
    pub(super) async fn open(
        folder: &Path,
        bot_id: i64,
        wait: bool,
        limits: Limits,
    ) -> Result<Self, OpenError> {
        place::make(folder)?;
        let lock = Arc::new(Lock::take(folder, wait).await?);
        let (opened, answer) = oneshot::channel();
        let (path, held) = (folder.to_owned(), lock.clone());
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || match Writer::open(&path, bot_id, &limits, held) {
                Ok(writer) => {
                    let _ = opened.send(Ok(writer.queue()));
                    writer.run();
                }
                Err(error) => {
                    let _ = opened.send(Err(error));
                }
            })
            .map_err(|cause| OpenError::Storage { path: folder.to_owned(), cause: cause.to_string() })?;
        let queue = answer.await.unwrap_or_else(|_| {
            Err(OpenError::Storage { path: folder.to_owned(), cause: "its thread failed".to_owned() })
        })?;
        Ok(Sqlite { queue, lock, caveat: place::caveat(folder) })
    }

    pub(super) async fn append(
        &self,
        arrivals: Vec<Arrival>,
        unreadable: Vec<Unreadable>,
    ) -> Result<Appended, JournalError> {
        self.queue.ask(|reply| Command::Append(Append { arrivals, unreadable, reply })).await
    }

    pub(super) async fn owed(
        &self,
        scope: &ScopeKey,
        after: Option<Row>,
        limit: usize,
    ) -> Result<Vec<Owed>, JournalError> {
        if let Some(owed) = self.queue.lock().waiting.owed(scope, after, limit) {
            return Ok(owed);
        }
        let scope = scope.clone();
        self.queue.ask(|reply| Command::Ask(Question::Owed { scope, after, limit, reply })).await
    }

    pub(super) async fn owed_scopes(&self) -> Result<Vec<ScopeKey>, JournalError> {
        self.queue.ask(|reply| Command::Ask(Question::OwedScopes(reply))).await
    }

    pub(super) async fn settle(&self, scope: &ScopeKey, row: Row) -> Result<(), JournalError> {
        self.done(scope, row, |on_disk| Lazy::Settle { row, on_disk }).await
    }

    pub(super) async fn bury(&self, scope: &ScopeKey, row: Row, reason: &str) -> Result<(), JournalError> {
        let reason = reason.to_owned();
        self.done(scope, row, |on_disk| Lazy::Bury { row, on_disk, reason }).await
    }

    pub(super) async fn give_back(
        &self,
        scope: &ScopeKey,
        row: Row,
        failed: bool,
    ) -> Result<(), JournalError> {
        let count = |state: &mut State| {
            state.waiting.give_back(scope, row, failed);
            (Some(Command::Lazy(Lazy::GiveBack { row, failed })), ())
        };
        self.queue.send(count).await
    }

    pub(super) async fn store(
        &self,
        scope: &ScopeKey,
        settled: &[Row],
        sends: Vec<HeldSend>,
    ) -> Result<Vec<SendId>, JournalError> {
        let (scope, settled) = (scope.clone(), settled.to_vec());
        self.queue.ask(|reply| Command::Store(Store { scope, settled, sends, reply })).await
    }

    pub(super) async fn stored(
        &self,
        after: Option<SendId>,
        limit: usize,
    ) -> Result<Vec<StoredSend>, JournalError> {
        self.queue.ask(|reply| Command::Ask(Question::Stored { after, limit, reply })).await
    }

    pub(super) async fn sent(&self, id: SendId) -> Result<(), JournalError> {
        self.tell(Lazy::Sent(id)).await
    }

    pub(super) async fn remembers(&self, key: String) -> Result<bool, JournalError> {
        self.queue.ask(|reply| Command::Ask(Question::Remembers { key, reply })).await
    }

    pub(super) async fn remember(&self, key: String) -> Result<(), JournalError> {
        self.tell(Lazy::Remember(key)).await
    }

    pub(super) async fn retried(&self) -> Vec<ScopeKey> {
        self.queue.retried().await
    }

    pub(super) async fn broken(&self) -> JournalError {
        self.queue.broken().await
    }

    pub(super) async fn close(&self) -> Result<(), JournalError> {
        self.queue.ask(Command::Close).await
    }

    pub(super) fn len(&self) -> usize {
        self.queue.lock().waiting.rows()
    }

    pub(super) fn caveat(&self) -> Option<&'static str> {
        self.caveat
    }

    pub(super) fn lock_descriptor(&self) -> BorrowedFd<'_> {
        self.lock.as_fd()
    }

    async fn tell(&self, word: Lazy) -> Result<(), JournalError> {
        self.queue.send(|_| (Some(Command::Lazy(word)), ())).await
    }

    /// A row is done with: it is no longer owed from now on, and gone from the disk before long.
    async fn done(
        &self,
        scope: &ScopeKey,
        row: Row,
        word: impl FnOnce(Option<ScopeKey>) -> Lazy,
    ) -> Result<(), JournalError> {
        let decide = |state: &mut State| {
            let on_disk = match state.waiting.remove(scope, row) {
                Removed::Unknown => return (None, ()),
                Removed::Here => None,
                Removed::OnDisk => Some(scope.clone()),
            };
            (Some(Command::Lazy(word(on_disk))), ())
        };
        self.queue.send(decide).await
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}
