//! Gets updates from Telegram, has the journal take them, and only then lets Telegram forget them.
//!
//! Owns the offset. It is one task that shares nothing with workers: it never waits for one, except that it stops to
//! poll while the journal is full. It never drops an update that it was not told to drop, never gives up, and never
//! ends by itself once the bot is known, but for a journal that is broken.
//!
//! The order is that of at-least-once delivery: getUpdates → [`Journal::append`] returned → the next getUpdates, whose
//! offset confirms. A poll that is cut off by `stop` is unknown and confirms nothing.

mod announce;
mod backoff;
mod health;
mod intake;
mod start;
#[cfg(test)]
mod tests;
mod verdict;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::journal::{Journal, JournalError};
use crate::key::ScopeKey;
use crate::telegram::{Answer, ApiError, Batch, Client, Poll, split};
use announce::Announcer;
pub use backoff::Pace;
pub use health::Health;
pub use start::{Bot, IdentifyError, identify};
use verdict::{Trouble, Wait, verdict};

/// The most updates in an answer, which is also Telegram's own bound.
const LIMIT: u8 = 100;
/// How long the last confirmation may take while the gateway is stopping.
const TAIL_DEADLINE: Duration = Duration::from_secs(2);
/// An empty answer that comes sooner was not waited for by the server.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Finds the scope that sent a poll, by the poll's id.
pub type PollScopes = Arc<dyn Fn(&str) -> Option<ScopeKey> + Send + Sync>;

/// What the poller needs to know.
#[derive(Clone)]
pub struct PollerConfig {
    /// The bot's own user id, the scope of what names no chat and no user.
    pub bot_id: i64,
    /// How long Telegram may hold a poll open; whole seconds, at most 50.
    pub poll_timeout: Duration,
    /// Whether to throw away what waits at Telegram when the poller starts.
    pub drop_pending: bool,
    /// Whether to remove a webhook that is set when the poller starts.
    pub delete_webhook: bool,
    /// Asked first for `poll` and `poll_answer`, with the poll's id.
    pub polls: PollScopes,
    /// How long to wait after what.
    pub pace: Pace,
    /// Told how polling goes.
    pub health: Arc<Health>,
}

impl PollerConfig {
    /// Polls of 50 s that drop nothing, remove no webhook and know no polls.
    pub fn new(bot_id: i64) -> Self {
        PollerConfig {
            bot_id,
            poll_timeout: Duration::from_secs(50),
            drop_pending: false,
            delete_webhook: false,
            polls: Arc::new(|_| None),
            pace: Pace::default(),
            health: Arc::default(),
        }
    }
}

impl fmt::Debug for PollerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollerConfig")
            .field("bot_id", &self.bot_id)
            .field("poll_timeout", &self.poll_timeout)
            .field("drop_pending", &self.drop_pending)
            .field("delete_webhook", &self.delete_webhook)
            .finish_non_exhaustive()
    }
}

/// Why polling ended though nobody stopped it.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// The journal is broken (a full one is waited for).
    #[error("cannot write updates to the journal")]
    Journal(#[from] JournalError),
    /// Nobody listens for arrivals any more. What was taken is in the journal.
    #[error("nobody takes updates from the poller any more")]
    Abandoned,
}

/// Polls until `stop`. After each batch that brought something new, the scopes with new rows go into `arrivals`; when
/// that is full, polling waits. `kinds` is what Telegram is asked for (`allowed_updates`); a change counts from the
/// next poll on, and an empty list means Telegram's default kinds.
///
/// # Errors
/// Only what no waiting can mend. Errors of Telegram and of the network are logged and tried again for ever.
pub async fn run(
    config: PollerConfig,
    client: Client,
    journal: Journal,
    arrivals: mpsc::Sender<Vec<ScopeKey>>,
    kinds: watch::Receiver<Arc<[String]>>,
    stop: CancellationToken,
) -> Result<(), PollError> {
    let mut poller = Poller {
        config,
        client,
        journal,
        arrivals,
        kinds,
        stop,
        next: 0,
        asked: 0,
        failures: 0,
        idle_turns: 0,
        probing: false,
        announcer: Announcer::default(),
    };
    let end = match poller.start().await {
        Ok(()) => poller.poll_until_end().await,
        Err(end) => end,
    };
    match end {
        End::Stopped => {
            poller.confirm_tail().await;
            Ok(())
        }
        End::Failed(error) => Err(error),
    }
}

/// Why the loop ends.
enum End {
    Stopped,
    Failed(PollError),
}

struct Poller {
    config: PollerConfig,
    client: Client,
    journal: Journal,
    arrivals: mpsc::Sender<Vec<ScopeKey>>,
    kinds: watch::Receiver<Arc<[String]>>,
    stop: CancellationToken,
    /// The offset of the next poll: it confirms all before it, and the journal has all of that.
    next: i64,
    /// The offset of the last poll that was sent and has not failed; 0 after one that failed, which may have confirmed
    /// nothing.
    asked: i64,
    /// Failures since the last success.
    failures: u32,
    /// Answers in a row that came at once and brought nothing.
    idle_turns: u32,
    /// Whether the next poll shall come back at once, since it is to show whether polling works at all.
    probing: bool,
    announcer: Announcer,
}

impl Poller {
    async fn poll_until_end(&mut self) -> End {
        loop {
            if let Err(end) = self.turn().await {
                return end;
            }
        }
    }

    /// One poll and what follows from it.
    async fn turn(&mut self) -> Result<(), End> {
        let began = Instant::now();
        let offset = self.next;
        let timeout = match self.probing {
            true => Duration::ZERO,
            false => self.config.poll_timeout,
        };
        let answer = match self.get_updates(offset, LIMIT, timeout).await? {
            Ok(answer) => answer,
            Err(error) => return self.trouble(&error).await,
        };
        let batch = match split(&answer.result) {
            Ok(batch) if batch.elements.is_empty() || batch.next_offset.is_some() => batch,
            // It could be confirmed by nothing: taken in, it would come again for ever.
            Ok(_) => return self.no_batch("no element of the answer has an `update_id`").await,
            Err(error) => return self.no_batch(&error.to_string()).await,
        };
        self.works_again();
        if let Some(next) = batch.next_offset {
            self.take_in(&batch).await?;
            self.next = next;
        }
        let brought_nothing = self.next == offset && began.elapsed() < AT_ONCE;
        if !brought_nothing {
            self.idle_turns = 0;
            return Ok(());
        }
        let pause = self.config.pace.idle(self.idle_turns);
        self.idle_turns = self.idle_turns.saturating_add(1);
        self.pause(pause).await
    }

    /// Has the journal take a batch, waits while it is full, and tells who is concerned.
    async fn take_in(&mut self, batch: &Batch<'_>) -> Result<(), End> {
        let mut full_since: Option<Instant> = None;
        let appended = loop {
            let (arrivals, unreadable) = intake::read(batch, self.config.bot_id, &*self.config.polls);
            match self.journal.append(arrivals, unreadable).await {
                Ok(appended) => break appended,
                Err(error) if !matches!(error, JournalError::Full { .. }) => {
                    return Err(End::Failed(error.into()));
                }
                Err(full) if full_since.is_none() => {
                    full_since = Some(Instant::now());
                    self.config.health.set_trouble(Some("the journal is full"));
                    tracing::error!(
                        error = %full,
                        help = "look for workers that are stuck or too slow, or raise --journal-max",
                        "polling pauses; Telegram keeps updates for 24 hours"
                    );
                }
                Err(_) => {}
            }
            self.pause(self.config.pace.full).await?;
        };
        if let Some(since) = full_since {
            self.config.health.set_trouble(None);
            tracing::warn!(paused = ?since.elapsed(), "the journal has room again: polling goes on");
        }
        if appended.repeated > 0 {
            tracing::debug!(repeated = appended.repeated, "updates came again and were dropped");
        }
        if appended.scopes.is_empty() {
            return Ok(());
        }
        // The rows are in the journal already: if this is cut off, whoever reads it next finds them.
        let confirmable = batch.next_offset.unwrap_or(self.next);
        let sent = tokio::select! {
            biased;
            sent = self.arrivals.send(appended.scopes) => sent,
            () = self.stop.cancelled() => {
                self.next = confirmable;
                return Err(End::Stopped);
            }
        };
        sent.map_err(|_| End::Failed(PollError::Abandoned))
    }

    async fn get_updates(
        &mut self,
        offset: i64,
        limit: u8,
        timeout: Duration,
    ) -> Result<Result<Answer, ApiError>, End> {
        let kinds = self.kinds.borrow_and_update().clone();
        let poll = Poll { offset, limit, timeout, allowed_updates: &kinds };
        self.asked = offset;
        self.unless_stopped(self.client.get_updates(&poll)).await
    }

    /// Logs a failed call if it is time to, then waits as long as it asks for.
    async fn trouble(&mut self, error: &ApiError) -> Result<(), End> {
        self.asked = 0;
        let (trouble, wait) = verdict(error);
        self.config.health.set_trouble(Some(trouble.text()));
        if self.announcer.is_due(trouble, Instant::now()) {
            trouble.log(error);
        }
        let backoff = self.config.pace.after_failure(self.failures, fastrand::f64());
        self.failures = self.failures.saturating_add(1);
        // Among several pollers a short poll always succeeds and says nothing.
        self.probing = trouble != Trouble::OtherPoller;
        let delay = match wait {
            Wait::Backoff => backoff,
            Wait::OtherPoller => self.config.pace.other_poller,
            Wait::AtLeast(asked) => asked.max(backoff),
        };
        self.pause(delay).await
    }

    /// The same for an answer that is none of getUpdates.
    async fn no_batch(&mut self, reason: &str) -> Result<(), End> {
        let error = ApiError::NotTelegram { status: 200, head: reason.to_owned() };
        self.trouble(&error).await
    }

    fn works_again(&mut self) {
        self.failures = 0;
        self.probing = false;
        self.config.health.answered();
        if let Some(trouble) = self.announcer.over(Instant::now()) {
            tracing::info!(after = ?trouble, "polling works again");
        }
    }

    /// Confirms what the journal took since the last poll, so that nobody gets it twice. Best effort: what cannot be
    /// confirmed comes again and is known by its id.
    async fn confirm_tail(&mut self) {
        if self.next == self.asked {
            return;
        }
        let kinds = self.kinds.borrow().clone();
        let poll = Poll { offset: self.next, limit: 1, timeout: Duration::ZERO, allowed_updates: &kinds };
        match tokio::time::timeout(TAIL_DEADLINE, self.client.get_updates(&poll)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::info!(%error, "the last updates are not confirmed: they will come again")
            }
            Err(_) => tracing::info!("the last updates are not confirmed in time: they may come again"),
        }
    }

    async fn pause(&self, delay: Duration) -> Result<(), End> {
        self.unless_stopped(tokio::time::sleep(delay)).await
    }

    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, End> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(End::Stopped),
            done = work => Ok(done),
        }
    }
}
