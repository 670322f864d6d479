//! The queue between everybody and the journal's thread, and what both see: who is owed what, and how it ended.
//!
//! Owns the one lock of the journal. Words that nobody waits for (*lazy* ones) linger for a moment, so that they are
//! written together; a question wakes the thread at once. When the queue is full, whoever wants to add waits.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore, oneshot, watch};

use super::command::Command;
use super::waiting::Waiting;
use crate::journal::{JournalError, Owed};
use crate::key::ScopeKey;

/// How many words may wait for the thread. It takes all at once.
const ROOM: usize = 8192;
/// From so many lazy words on they are written without waiting for more.
const PLENTY: usize = ROOM / 4;
/// How long a lazy word waits for others at most: what a killed gateway may forget.
const LINGER: Duration = Duration::from_millis(2);

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    room: Semaphore,
    /// Rung when there are scopes in `retried`.
    tried_again: Notify,
    end: watch::Sender<Option<JournalError>>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) waiting: Waiting,
    /// Scopes with dead letters that became updates, until somebody is told.
    retried: BTreeSet<ScopeKey>,
    commands: Vec<Command>,
    /// When the thread has to write what is here; `None` while nothing is.
    due: Option<Instant>,
    /// No handle is left.
    abandoned: bool,
    /// The thread takes nothing any more.
    ended: bool,
}

/// What the thread is to do next.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) commands: Vec<Command>,
    /// Nobody can send another.
    pub(super) abandoned: bool,
}

impl Queue {
    pub(super) fn new(waiting: Waiting) -> Self {
        Queue {
            state: Mutex::new(State {
                waiting,
                retried: BTreeSet::new(),
                commands: Vec::new(),
                due: None,
                abandoned: false,
                ended: false,
            }),
            wake: Condvar::new(),
            room: Semaphore::new(ROOM),
            tried_again: Notify::new(),
            end: watch::Sender::new(None),
        }
    }

    /// Waits for room in the queue, then lets `decide` look and say what to send, if anything. Others see both or
    /// neither.
    pub(super) async fn send<T>(
        &self,
        decide: impl FnOnce(&mut State) -> (Option<Command>, T),
    ) -> Result<T, JournalError> {
        let room = self.room.acquire().await.map_err(|_| self.ended())?;
        let mut state = self.lock();
        if state.ended {
            return Err(self.ended());
        }
        let (command, answer) = decide(&mut state);
        if let Some(command) = command {
            room.forget();
            let now = Instant::now();
            let due = if command.is_lazy() && state.commands.len() < PLENTY { now + LINGER } else { now };
            state.commands.push(command);
            if state.due.is_none_or(|already| due < already) {
                state.due = Some(due);
                drop(state);
                self.wake.notify_one();
            }
        }
        Ok(answer)
    }

    /// Sends a question and waits for the answer. If the thread ends without one, that is an error.
    pub(super) async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Command,
    ) -> Result<T, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.send(|_| (Some(question(reply)), ())).await?;
        answer.await.unwrap_or_else(|_| Err(self.ended()))
    }

    /// For a look, or a change that the thread need not hear of.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in a critical section can leave it half-changed but an arithmetic panic, which ends the thread.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all that is due, and waits for that, `at_most` so long.
    pub(super) fn take(&self, at_most: Duration) -> Taken {
        let deadline = Instant::now() + at_most;
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let wake_at = state.due.map_or(deadline, |due| due.min(deadline));
            if state.abandoned || wake_at <= now {
                state.due = None;
                let commands = std::mem::take(&mut state.commands);
                self.room.add_permits(commands.len());
                return Taken { commands, abandoned: state.abandoned };
            }
            let waited = self.wake.wait_timeout(state, wake_at - now);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// No handle is left: the thread writes out what it was told and ends.
    pub(super) fn abandon(&self) {
        self.lock().abandoned = true;
        self.wake.notify_one();
    }

    /// Nothing is taken any more; who waits for an answer gets `error`. Only the first end counts.
    pub(super) fn end(&self, error: JournalError) {
        self.end.send_if_modified(|end| {
            let first = end.is_none();
            end.get_or_insert(error);
            first
        });
        self.room.close();
        // Dropping a question answers it.
        let commands = {
            let mut state = self.lock();
            state.ended = true;
            std::mem::take(&mut state.commands)
        };
        drop(commands);
    }

    /// Dead letters became updates, and are on disk as such.
    pub(super) fn tried_again(&self, letters: Vec<(ScopeKey, Owed)>) {
        let mut state = self.lock();
        for (scope, owed) in letters {
            state.waiting.arrived(&scope, owed);
            state.retried.insert(scope);
        }
        drop(state);
        self.tried_again.notify_one();
    }

    /// Waits until dead letters became updates, and returns their scopes. For one who asks at a time.
    pub(super) async fn retried(&self) -> Vec<ScopeKey> {
        loop {
            let scopes = std::mem::take(&mut self.lock().retried);
            if !scopes.is_empty() {
                return scopes.into_iter().collect();
            }
            self.tried_again.notified().await;
        }
    }

    /// Waits until the storage fails. A journal that was closed did not.
    pub(super) async fn broken(&self) -> JournalError {
        let mut ends = self.end.subscribe();
        let broken = ends.wait_for(|end| matches!(end, Some(JournalError::Broken { .. }))).await;
        match broken.map(|end| end.clone()) {
            Ok(Some(error)) => error,
            // This handle holds the sender, so the channel is open.
            _ => std::future::pending().await,
        }
    }

    fn ended(&self) -> JournalError {
        self.end.borrow().clone().unwrap_or(JournalError::Closed)
    }
}
