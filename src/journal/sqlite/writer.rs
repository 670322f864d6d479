//! The journal's thread: the one who writes.
//!
//! Owns the connection, the reserve and the words that could not be written yet. It takes what came together and
//! commits it as a group: synced if somebody is promised that it lasts, not synced if updates were merely settled (the
//! next sync covers that too, since the log of the database is one file).
//!
//! On a full disk it gives up the reserve, refuses what is new, and keeps trying to write what has happened, in order;
//! what it has not written is never more than words on what is owed. When reading or writing fails for good it ends, and
//! everybody hears why. It never overwrites a damaged database.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Limits;
use super::command::{Append, Command, Lazy, Question, Reply, Store};
use super::queue::Queue;
use super::retries::Retries;
use super::transaction::Done;
use super::trouble::{Trouble, trouble};
use super::waiting::Waiting;
use super::{reads, schema, statements, transaction};
use crate::journal::lock::Lock;
use crate::journal::place::DATABASE;
use crate::journal::reserve::Reserve;
use crate::journal::{JournalError, OpenError};

/// How often dead letters that are too old are looked for.
const FORGET_DEAD_EVERY: Duration = Duration::from_secs(3600);
/// Brings what is in the log into the database, and empties the log.
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

#[derive(Debug)]
pub(super) struct Writer {
    db: Connection,
    queue: Arc<Queue>,
    folder: PathBuf,
    reserve: Reserve,
    limits: Limits,
    /// What has happened and is not in the database.
    unwritten: Vec<Lazy>,
    /// Whether transactions are synced now.
    synced: Option<bool>,
    /// Since when what has happened cannot be written.
    stuck: Option<Instant>,
    forgot_dead: Instant,
    retries: Retries,
    // Released after the database is closed: fields are dropped in order.
    _lock: Arc<Lock>,
}

/// What a batch of commands asks for, by kind. Within a kind the order is kept, and that is all the order there is: a
/// row is settled only after its append was answered.
#[derive(Debug, Default)]
struct Batch {
    questions: Vec<Question>,
    stores: Vec<Store>,
    appends: Vec<Append>,
    closes: Vec<Reply<()>>,
}

impl Writer {
    pub(super) fn open(
        folder: &Path,
        bot_id: i64,
        limits: &Limits,
        lock: Arc<Lock>,
    ) -> Result<Self, OpenError> {
        let path = folder.join(DATABASE);
        let db = schema::open(&path, bot_id, limits)?;
        let fault = |error| schema::fault(&path, &error);
        let mut waiting = Waiting::new(limits.max_held, limits.max_held_a_scope);
        // Looks at all that is owed: what is damaged is found before anything is changed.
        for (scope, rows, bytes) in statements::owed_scopes(&db).map_err(fault)? {
            waiting.found_on_disk(scope, rows, bytes);
        }
        statements::forget_old_dead(&db, statements::now()).map_err(fault)?;
        Ok(Writer {
            db,
            queue: Arc::new(Queue::new(waiting)),
            folder: folder.to_owned(),
            reserve: Reserve::new(folder),
            limits: limits.clone(),
            unwritten: Vec::new(),
            synced: None,
            stuck: None,
            forgot_dead: Instant::now(),
            retries: Retries::new(),
            _lock: lock,
        })
    }

    pub(super) fn queue(&self) -> Arc<Queue> {
        self.queue.clone()
    }

    /// Serves until the journal is closed, nobody has a handle any more, or the storage fails.
    pub(super) fn run(mut self) {
        let _ending = Ending { queue: self.queue.clone(), folder: self.folder.clone() };
        loop {
            // If nothing happens, what could not be written is tried again when dead letters are looked for.
            let taken = self.queue.take(self.retries.due_in());
            match self.serve(taken.commands) {
                Ok(closes) if closes.is_empty() && !taken.abandoned => {}
                Ok(closes) => return self.close(closes),
                Err(error) => {
                    tracing::error!(help = error.help(), "{error}");
                    return self.queue.end(error);
                }
            }
        }
    }

    /// Does what came together. An error is the end of the journal.
    fn serve(&mut self, commands: Vec<Command>) -> Result<Vec<Reply<()>>, JournalError> {
        let mut batch = Batch::default();
        for command in commands {
            match command {
                Command::Lazy(word) => self.unwritten.push(word),
                Command::Ask(question) => batch.questions.push(question),
                Command::Store(store) => batch.stores.push(store),
                Command::Append(append) => batch.appends.push(append),
                Command::Close(reply) => batch.closes.push(reply),
            }
        }
        self.answer(batch.questions)?;
        let bytes = self.queue.lock().waiting.bytes();
        if bytes >= self.limits.max_bytes {
            for append in batch.appends.drain(..) {
                let _ = append.reply.send(Err(JournalError::Full { bytes }));
            }
        }
        self.write(batch.stores, batch.appends)?;
        self.try_the_dead_again()?;
        Ok(batch.closes)
    }

    /// Does what was asked for by hand, as soon as there is room.
    fn try_the_dead_again(&mut self) -> Result<(), JournalError> {
        let moved = match self.retries.are_due(&self.db) {
            Ok(true) if self.queue.lock().waiting.bytes() < self.limits.max_bytes && self.has_reserve() => {
                self.retries.take(&self.db)
            }
            Ok(_) => return Ok(()),
            Err(error) => Err(error),
        };
        match moved.map_err(|error| self.meaning(&error)) {
            Ok(letters) if letters.is_empty() => {}
            Ok(letters) => {
                tracing::info!(updates = letters.len(), "dead letters are tried again, as was asked");
                self.queue.tried_again(letters);
            }
            Err(error) if error.passes() => tracing::debug!("dead letters are not tried again yet: {error}"),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn answer(&self, questions: Vec<Question>) -> Result<(), JournalError> {
        let mut broken = None;
        for question in questions {
            reads::answer(&self.db, question, &self.unwritten, |error| {
                let error = self.meaning(&error);
                if !error.passes() {
                    broken = Some(error.clone());
                }
                error
            });
        }
        broken.map_or(Ok(()), Err)
    }

    /// Writes what has happened and what is new as one transaction. If that cannot be, what is new is refused, and what
    /// has happened is written alone, if need be into the room of the reserve.
    fn write(&mut self, stores: Vec<Store>, appends: Vec<Append>) -> Result<(), JournalError> {
        let refusal = if stores.is_empty() && appends.is_empty() {
            None
        } else if !self.has_reserve() {
            Some(self.no_room())
        } else {
            match self.commit(&stores, &appends) {
                Ok(done) => {
                    done.tell(&mut self.queue.lock().waiting, stores, appends);
                    return Ok(());
                }
                Err(error) => Some(error),
            }
        };
        if let Some(error) = &refusal {
            // Whoever waits hears of a broken journal too, and first of all.
            stores.into_iter().for_each(|store| drop(store.reply.send(Err(error.clone()))));
            appends.into_iter().for_each(|append| drop(append.reply.send(Err(error.clone()))));
        }
        match refusal {
            Some(error) if !error.passes() => Err(error),
            _ => self.write_what_has_happened(),
        }
    }

    fn write_what_has_happened(&mut self) -> Result<(), JournalError> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let mut written = self.commit(&[], &[]);
        if matches!(written, Err(JournalError::NoRoom { .. })) && self.reserve.give_up() {
            written = self.commit(&[], &[]);
        }
        match written {
            Ok(done) => {
                done.tell(&mut self.queue.lock().waiting, Vec::new(), Vec::new());
                Ok(())
            }
            Err(error) if error.passes() => {
                if self.stuck.is_none() {
                    self.stuck = Some(Instant::now());
                    tracing::error!(
                        help = error.help(),
                        "{error}: what workers are done with is kept in memory until it can be written"
                    );
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// One transaction, with all that has happened before it.
    fn commit(&mut self, stores: &[Store], appends: &[Append]) -> Result<Done, JournalError> {
        let promised = !stores.is_empty() || !appends.is_empty();
        let done = self
            .sync_commits(promised)
            .and_then(|()| {
                transaction::commit(&self.db, &self.unwritten, stores, appends, self.limits.tombstones)
            })
            .map_err(|error| self.meaning(&error))?;
        self.unwritten.clear();
        if let Some(since) = self.stuck.take() {
            tracing::warn!(after = ?since.elapsed(), "the journal can be written again");
        }
        if self.forgot_dead.elapsed() > FORGET_DEAD_EVERY {
            self.forgot_dead = Instant::now();
            // There is always a next time.
            let _ = statements::forget_old_dead(&self.db, statements::now());
        }
        Ok(done)
    }

    /// Whether the reserve is there. If it was given up it is taken back as soon as there is room for it, also by what
    /// the database has no more use for: the disk may be full of nothing else.
    fn has_reserve(&mut self) -> bool {
        if self.reserve.take() {
            return true;
        }
        // Each may fail for want of room, and does what it can.
        let _ = self.db.execute_batch(CHECKPOINT);
        let _ = self.db.execute_batch("PRAGMA incremental_vacuum(1000)");
        let _ = self.db.execute_batch(CHECKPOINT);
        self.reserve.take()
    }

    fn sync_commits(&mut self, wanted: bool) -> rusqlite::Result<()> {
        if self.synced != Some(wanted) {
            self.db.execute_batch(match wanted {
                true => "PRAGMA synchronous = FULL",
                false => "PRAGMA synchronous = NORMAL",
            })?;
            self.synced = Some(wanted);
        }
        Ok(())
    }

    fn meaning(&self, error: &rusqlite::Error) -> JournalError {
        let folder = self.folder.clone();
        match trouble(error) {
            Trouble::NoRoom => self.no_room(),
            Trouble::Io if self.reserve.disk_is_full() => self.no_room(),
            Trouble::Busy => JournalError::Busy { folder },
            Trouble::Io | Trouble::Broken => JournalError::Broken { folder, cause: error.to_string() },
        }
    }

    fn no_room(&self) -> JournalError {
        JournalError::NoRoom { folder: self.folder.clone() }
    }

    fn close(self, closes: Vec<Reply<()>>) {
        let written = if self.unwritten.is_empty() { Ok(()) } else { Err(self.no_room()) };
        if written.is_err() {
            tracing::warn!(
                words = self.unwritten.len(),
                "the journal closes without what could not be written: these updates come again"
            );
        }
        // If it fails, opening does the same.
        let _ = self.db.execute_batch(CHECKPOINT);
        let queue = self.queue.clone();
        drop(self);
        queue.end(JournalError::Closed);
        for reply in closes {
            let _ = reply.send(written.clone());
        }
    }
}

/// If the thread ends in any other way, which only a panic can do, nobody waits for it for ever.
struct Ending {
    queue: Arc<Queue>,
    folder: PathBuf,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let cause = "its thread failed".to_owned();
        self.queue.end(JournalError::Broken { folder: self.folder.clone(), cause });
    }
}
