//! What goes to Telegram: in order per chat, at the pace that Telegram allows.
//!
//! Owns the lanes, one per chat with something to send; each makes one call at a time. Sends that name no chat wait in
//! no lane. It never reads a worker and never waits for one.

mod fate;
mod lanes;
mod retry;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::journal::{HeldSend, Journal, JournalError, SendId, StoredSend};
use crate::key::ScopeKey;
use crate::metrics::Metrics;
use crate::polls::Polls;
use crate::telegram::{ApiError, Client, Method};
use crate::wire::{self, Fault};
pub use fate::Fate;
pub use lanes::Lane;
use lanes::Lanes;
use retry::{Backoff, Verdict};

/// How many calls may be open at Telegram at once. More wait in their lanes, in order of arrival.
const OPEN_CALLS: usize = 256;
/// How many sends without a chat may wait or be under way. At more, whoever makes them is not read.
const WITHOUT_LANE: usize = 1_000;
/// How many stored sends are read from the journal at once.
const RESTORED_AT_ONCE: usize = 100;
/// The deadline of one call.
const DEADLINE: Duration = Duration::from_secs(60);

/// A call to make.
#[derive(Debug)]
pub struct Outgoing {
    /// Who makes it.
    pub scope: ScopeKey,
    /// What is called.
    pub method: Method,
    /// The chat it is for, which decides its lane.
    pub lane: Option<Lane>,
    /// The parameters: a JSON object.
    pub body: Bytes,
    /// Whether it is made again when it was perhaps delivered.
    pub retry: bool,
    /// Who wants to know what came of it.
    pub reply: Option<Reply>,
    /// What becomes of it.
    pub fate: Arc<Fate>,
}

impl Outgoing {
    /// As an earlier gateway left it in the journal; `None` if it is of a method that is not called any more.
    fn restored(stored: StoredSend) -> Option<Self> {
        let HeldSend { lane, method, body, retry } = stored.send;
        Some(Outgoing {
            scope: stored.scope,
            method: Method::parse(&method).ok()?,
            lane: lane.parse().ok(),
            body,
            retry,
            reply: None,
            fate: Arc::new(Fate::restored(stored.id)),
        })
    }
}

/// Where an answer goes.
pub struct Reply {
    request_id: Box<RawValue>,
    tell: Box<dyn FnOnce(Bytes) + Send + Sync>,
}

impl Reply {
    /// An answer that bears `request_id`; `tell` takes its line. It must not block.
    pub fn new(request_id: Box<RawValue>, tell: impl FnOnce(Bytes) + Send + Sync + 'static) -> Self {
        Reply { request_id, tell: Box::new(tell) }
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Reply").field(&self.request_id).finish()
    }
}

/// A cheap handle; clones share the lanes.
#[derive(Clone, Debug)]
pub struct Outbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    journal: Journal,
    lanes: Lanes,
    open_calls: Semaphore,
    without_lane: Arc<Semaphore>,
    tasks: TaskTracker,
    /// What has not been sent is not to be sent any more.
    abandoned: CancellationToken,
    polls: Polls,
    metrics: Arc<Metrics>,
}

impl Outbox {
    /// An outbox that sends through `client`, and strikes stored sends out of `journal` when they have an outcome.
    pub fn new(client: Client, journal: Journal, polls: Polls, metrics: Arc<Metrics>) -> Self {
        Outbox {
            shared: Arc::new(Shared {
                client,
                journal,
                lanes: Lanes::default(),
                open_calls: Semaphore::new(OPEN_CALLS),
                without_lane: Arc::new(Semaphore::new(WITHOUT_LANE)),
                tasks: TaskTracker::new(),
                abandoned: CancellationToken::new(),
                polls,
                metrics,
            }),
        }
    }

    /// Takes a send if there is room for it now; otherwise gives it back, for [`submit`](Self::submit).
    #[must_use = "what is given back was not taken"]
    pub fn try_submit(&self, send: Outgoing) -> Option<Outgoing> {
        let permit = match &send.lane {
            None => self.shared.without_lane.clone().try_acquire_owned(),
            Some(lane) => self.shared.lanes.room(lane).try_acquire_many_owned(lanes::weight(&send)),
        };
        match permit {
            Ok(permit) => {
                self.enqueue(send, permit);
                None
            }
            Err(_) => Some(send),
        }
    }

    /// Takes a send as soon as there is room for it. A lane has room for 1 MiB or 10,000 sends.
    pub fn submit(&self, send: Outgoing) -> impl Future<Output = ()> + Send + 'static {
        let outbox = self.clone();
        async move {
            let permit = match &send.lane {
                None => outbox.shared.without_lane.clone().acquire_owned().await,
                Some(lane) => outbox.shared.lanes.room(lane).acquire_many_owned(lanes::weight(&send)).await,
            };
            outbox.enqueue(send, permit.expect("these semaphores are never closed"));
        }
    }

    /// Takes what an earlier gateway left in the journal to be sent, in its order and before anything new. There is room
    /// for all of it, as there was before.
    pub async fn restore(&self) -> Result<(), JournalError> {
        let mut last = None;
        loop {
            let stored = self.shared.journal.stored(last, RESTORED_AT_ONCE).await?;
            let Some(newest) = stored.last() else { return Ok(()) };
            last = Some(newest.id);
            for send in stored {
                let id = send.id;
                match Outgoing::restored(send) {
                    Some(send) => self.enqueue_anyhow(send),
                    None => self.shared.strike_out(Some(id)).await,
                }
            }
        }
    }

    /// Sees to the end a [`submit`](Self::submit) that nobody waits for any more.
    pub fn adopt(&self, submission: impl Future<Output = ()> + Send + 'static) {
        self.shared.tasks.spawn(submission);
    }

    /// Waits until all is sent, or until `patience` is over; then what is left is abandoned. Returns how many sends
    /// that were.
    pub async fn close(&self, patience: Duration) -> usize {
        self.shared.tasks.close();
        if tokio::time::timeout(patience, self.shared.tasks.wait()).await.is_ok() {
            return 0;
        }
        let waiting = self.shared.lanes.waiting() + self.shared.tasks.len();
        self.shared.abandoned.cancel();
        self.shared.tasks.wait().await;
        waiting
    }

    /// Takes what room there is.
    fn enqueue_anyhow(&self, send: Outgoing) {
        let (room, weight) = match &send.lane {
            None => (self.shared.without_lane.clone(), 1),
            Some(lane) => (self.shared.lanes.room(lane), lanes::weight(&send)),
        };
        let permit = room.clone().try_acquire_many_owned(weight).or_else(|_| room.try_acquire_many_owned(0));
        self.enqueue(send, permit.expect("these semaphores are never closed, and nothing is always free"));
    }

    fn enqueue(&self, send: Outgoing, room: OwnedSemaphorePermit) {
        let shared = self.shared.clone();
        match send.lane.clone() {
            None => {
                self.shared.tasks.spawn(async move {
                    shared.carry_out(send).await;
                    drop(room);
                });
            }
            // A lane that is new needs somebody to work it off.
            Some(lane) => {
                if self.shared.lanes.push(&lane, send, room) {
                    self.shared.tasks.spawn(async move {
                        while let Some((send, room)) = shared.lanes.pop(&lane) {
                            shared.carry_out(send).await;
                            drop(room);
                        }
                    });
                }
            }
        }
    }
}

impl Shared {
    /// Makes the call until it has an outcome, and tells who asked.
    async fn carry_out(&self, send: Outgoing) {
        let mut backoff = Backoff::new(send.retry, Instant::now());
        loop {
            let result = tokio::select! {
                biased;
                () = self.abandoned.cancelled() => return self.abandon(send),
                result = self.call(&send) => result,
            };
            let error = match result {
                Ok(answer) => return self.succeeded(send, &answer.result).await,
                Err(error) => error,
            };
            match backoff.verdict(&error, Instant::now()) {
                Verdict::Failed => return self.failed(send, &error).await,
                Verdict::Again { after } => {
                    let (scope, method) = (send.scope.to_string(), send.method.name());
                    tracing::warn!(scope, method, wait = ?after, "a send has to wait: {error}");
                    tokio::select! {
                        () = self.abandoned.cancelled() => return self.abandon(send),
                        () = tokio::time::sleep(after) => {}
                    }
                }
            }
        }
    }

    async fn call(&self, send: &Outgoing) -> Result<crate::telegram::Answer, ApiError> {
        let _permit = self.open_calls.acquire().await.expect("this semaphore is never closed");
        self.client.call(send.method.name(), send.body.clone(), DEADLINE).await
    }

    async fn succeeded(&self, send: Outgoing, result: &RawValue) {
        self.metrics.sent.add();
        self.strike_out(send.fate.finish()).await;
        if send.method.name() == "sendPoll"
            && let Some(poll_id) = poll_id(result)
        {
            self.polls.remember(&poll_id, send.scope.clone());
        }
        tracing::debug!(scope = %send.scope, method = send.method.name(), "sent");
        if let Some(Reply { request_id, tell }) = send.reply {
            tell(wire::ok_response(&request_id, result));
        }
    }

    async fn failed(&self, send: Outgoing, error: &ApiError) {
        self.metrics.failed.add();
        self.strike_out(send.fate.finish()).await;
        let Some(Reply { request_id, tell }) = send.reply else {
            let (scope, method) = (send.scope.to_string(), send.method.name());
            return tracing::warn!(scope, method, "a send failed: {error}");
        };
        tell(match error {
            ApiError::Rejected { code, description, parameters, .. } => {
                wire::rejected_response(&request_id, *code, description, parameters.as_deref())
            }
            other => wire::fault_response(&request_id, Fault::Unknown, &other.to_string()),
        });
    }

    async fn strike_out(&self, stored: Option<SendId>) {
        if let Some(id) = stored
            && let Err(error) = self.journal.sent(id).await
        {
            tracing::error!("the journal: {error}: a send may be made again after a restart");
        }
    }

    /// It is not made by this gateway. If it is in the journal the next one makes it.
    fn abandon(&self, send: Outgoing) {
        if !send.fate.is_open() {
            return;
        }
        self.metrics.failed.add();
        match send.reply {
            Some(Reply { request_id, tell }) => {
                tell(wire::fault_response(&request_id, Fault::Closed, "the gateway is stopping"));
            }
            None => tracing::warn!(scope = %send.scope, method = send.method.name(), "not sent: stopping"),
        }
    }
}

fn poll_id(message: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Message {
        poll: Poll,
    }
    #[derive(Deserialize)]
    struct Poll {
        id: String,
    }
    serde_json::from_str::<Message>(message.get()).ok().map(|message| message.poll.id)
}
