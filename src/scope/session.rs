//! The loop of a scope: what happens is put to the state, and what the state decides is performed.
//!
//! Owns the worker's handle and the sends that have to wait for room. While one waits the worker is not read, and blocks
//! in its write; everything else goes on.

mod heard;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::Instant;

use super::Surroundings;
use super::effects::{Effect, Effects, Settlement};
use super::event::{Action, Carry, Delivery, End as Ending, Event};
use super::live::{Live, Order, Reason, Standing};
use super::state::{PLAIN_SETTLES_AFTER, State};
use crate::journal::{Journal, JournalError};
use crate::key::ScopeKey;
use crate::wire::{self, Opening};
use crate::worker::{End, Exit, RESPONSES, Response, Worker, WorkerEvent};

/// How long the end of a process waits for sends to be finished before they are written down.
const LAST_MOMENT: Duration = Duration::from_millis(100);

/// A scope and its process.
pub(super) struct Session {
    around: Surroundings,
    key: ScopeKey,
    live: Arc<Live>,
    worker: Worker,
    state: State,
    /// One slot for each request that may be open. Without one the worker is not read.
    slots: Arc<Semaphore>,
    /// A send that waits for a slot or for room in its lane.
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Sends without a chat go to the scope's. Not where the bot is a mere guest.
    has_chat: bool,
    effects: Effects,
    /// Rung when a send is finished.
    finished: Arc<Notify>,
    /// The gateway owed the worker something when it last looked.
    owed: bool,
    /// The worker has written something.
    has_spoken: bool,
    stray_lines: u32,
    /// The gateway is ending the worker.
    ending: bool,
}

impl Session {
    pub(super) fn new(
        around: Surroundings,
        key: ScopeKey,
        live: Arc<Live>,
        worker: Worker,
        state: State,
    ) -> Self {
        let effects = Effects::default();
        Session {
            around,
            key,
            live,
            worker,
            state,
            slots: Arc::new(Semaphore::new(RESPONSES)),
            waiting: None,
            has_chat: false,
            finished: effects.finished(),
            effects,
            owed: false,
            has_spoken: false,
            stray_lines: 0,
            ending: false,
        }
    }

    /// Serves the process to its end.
    pub(super) async fn serve(mut self, mut events: mpsc::Receiver<WorkerEvent>, opening: Opening) -> Carry {
        let mut orders = self.live.orders();
        // The queue is new and has room.
        let _ =
            self.worker.responses().try_send(Response { line: opening.line(&self.around.bot), slot: None });
        self.happened(Event::Tick).await;
        loop {
            self.live.stands(self.standing());
            self.note_what_is_owed();
            let wake_at =
                [self.state.wake_at(self.around.program.acks()), self.timeout_at(), self.effects.wake_at()];
            let wake_at = wake_at.into_iter().flatten().min();
            tokio::select! {
                biased;
                Ok(()) = orders.changed() => {
                    let order = *orders.borrow_and_update();
                    self.ordered(order).await;
                }
                () = async { self.waiting.as_mut().expect("checked").await }, if self.waiting.is_some() => {
                    self.waiting = None;
                }
                event = events.recv(), if self.waiting.is_none() => match event {
                    Some(WorkerEvent::Gone(exit)) => return self.gone(exit).await,
                    Some(event) => self.worker_did(event).await,
                    // The worker's tasks are gone without a word, which only a panic of theirs can do.
                    None => return self.state.carry(),
                },
                () = self.finished.notified(), if self.effects.is_waiting() => {}
                () = self.live.woken() => self.happened(Event::Woken).await,
                () = sleep_until(wake_at) => self.time_passed().await,
            }
            let ready = self.effects.ready(Instant::now());
            self.settle(ready).await;
            self.end_if_drained(*orders.borrow());
        }
    }

    async fn worker_did(&mut self, event: WorkerEvent) {
        match event {
            WorkerEvent::Line(line) => self.said(&line).await,
            WorkerEvent::TooLong { bytes, head } => {
                let why = format!("a line of {bytes} bytes is over `--max-line` and was discarded");
                self.stray(&head, &why, None);
            }
            WorkerEvent::AllRead { events } => self.happened(Event::Read(events)).await,
            WorkerEvent::Gone(_) => {}
        }
    }

    /// Puts an event to the state and performs what it decides, until there is nothing more to do.
    async fn happened(&mut self, event: Event) {
        let mut next = Some(event);
        while let Some(event) = next.take() {
            let actions = self.state.handle(event, self.around.program.acks(), Instant::now());
            for action in actions {
                if let Some(event) = self.perform(action).await {
                    next = Some(event);
                }
            }
        }
    }

    /// Performs an action. Only a load brings a further event, and there is at most one of them in a round.
    async fn perform(&mut self, action: Action) -> Option<Event> {
        let Surroundings { journal, metrics, program, .. } = &self.around;
        let result = match action {
            Action::Load { after, limit } => {
                let mut rows = journal.owed(&self.key, after, limit).await.unwrap_or_default();
                let more = rows.len() == limit;
                for skipped in rows.extract_if(.., |owed| !program.takes(&owed.kind)) {
                    metrics.not_wanted.add();
                    let _ = journal.settle(&self.key, skipped.row).await;
                }
                return Some(Event::Loaded { rows, more });
            }
            Action::Deliver(Delivery { owed, late }) => {
                self.deliver(owed, late);
                Ok(())
            }
            Action::Settle(row) => {
                self.effects.settle(row, Instant::now());
                if program.succeeded() {
                    tracing::info!(scope = %self.key, "the program works again: all chats go on");
                    self.live.ring();
                }
                Ok(())
            }
            Action::Expire(row) => {
                metrics.expired.add();
                tracing::info!(scope = %self.key, "a question waited too long to be answered: settled undelivered");
                journal.settle(&self.key, row).await
            }
            Action::GiveBack { row, failed } => journal.give_back(&self.key, row, failed).await,
            Action::Bury { owed, reason } => {
                metrics.given_up.add();
                let raw = String::from_utf8_lossy(&owed.payload);
                tracing::error!(scope = %self.key, update_id = owed.update_id, reason, %raw, "gave up an update");
                journal.bury(&self.key, owed.row, &reason).await
            }
            Action::Ignore { update_id } => {
                metrics.ignored_acks.add();
                tracing::debug!(scope = %self.key, pid = self.worker.pid, update_id, "ack of what is not in flight here");
                Ok(())
            }
        };
        if let Err(error) = result {
            tracing::error!(scope = %self.key, "the journal: {error}");
        }
        None
    }

    /// Settles what the worker is done with. Sends that are still to be made are written down in the same breath. What
    /// cannot be written for now is tried again.
    async fn settle(&mut self, settlements: Vec<Settlement>) {
        for settlement in settlements {
            match write_down(&self.around.journal, &self.key, &settlement).await {
                Ok(()) => self.around.metrics.settled.add(),
                Err(error) if error.passes() => self.effects.again(settlement, Instant::now()),
                Err(error) => tracing::error!(scope = %self.key, "the journal: {error}"),
            }
        }
    }

    fn deliver(&mut self, owed: crate::journal::Owed, late: bool) {
        self.has_chat |= &*owed.kind != "guest_message";
        self.live.line_went();
        // Rows come from JSON that was parsed, so they are UTF-8.
        let payload = std::str::from_utf8(&owed.payload).unwrap_or("{}");
        let line = wire::update_event(&owed.kind, owed.update_id, owed.taken + 1, late, payload);
        if !self.worker.tell(line) {
            tracing::error!(scope = %self.key, update_id = owed.update_id, "no room to deliver: comes again");
        }
    }

    async fn ordered(&mut self, order: Order) {
        match order {
            Order::Serve => {}
            Order::Drain => self.state.drain(),
            Order::End(reason) => self.end(reason),
            Order::Kill => {
                if !std::mem::replace(&mut self.ending, true) {
                    self.state.ending(false);
                }
                self.worker.end(wire::disconnect(Reason::Shutdown.name()), End::Now);
            }
        }
    }

    /// Ends a worker that the gateway waits for, as soon as nothing is in flight and no answer is owed. What a worker
    /// without acks has read is not waited for: EOF tells it.
    fn end_if_drained(&mut self, order: Order) {
        let plain = !self.around.program.acks();
        let done = self.state.has_nothing_in_flight() || (plain && self.state.has_read_all());
        let owes_answers = self.slots.available_permits() < RESPONSES;
        if order == Order::Drain && done && !owes_answers && self.waiting.is_none() {
            self.end(Reason::Shutdown);
        }
    }

    async fn time_passed(&mut self) {
        self.note_what_is_owed();
        let is_over = |at: Option<Instant>| at.is_some_and(|at| Instant::now() >= at);
        if is_over(self.state.idle_at()) {
            self.end(Reason::Idle);
        } else if is_over(self.timeout_at()) {
            tracing::warn!(
                scope = %self.key, pid = self.worker.pid,
                "the worker read an update and has said nothing for `--handle-timeout`: ending it"
            );
            self.end(Reason::Timeout);
        } else {
            self.happened(Event::Tick).await;
        }
    }

    /// While the gateway owes the worker something its time stands still, and begins anew when it has got it.
    fn note_what_is_owed(&mut self) {
        let owes = self.waiting.is_some() || self.slots.available_permits() < RESPONSES;
        if std::mem::replace(&mut self.owed, owes) || owes {
            self.state.line_went(Instant::now());
        }
    }

    /// When the worker is to be ended for getting no further.
    fn timeout_at(&self) -> Option<Instant> {
        self.around.program.acks().then(|| self.state.timeout_at()).flatten()
    }

    fn end(&mut self, reason: Reason) {
        if std::mem::replace(&mut self.ending, true) {
            if reason == Reason::Shutdown {
                // It may have been left the time to finish what it has read; now nobody has that time.
                self.worker.end(wire::disconnect(reason.name()), End::Graceful { patience: Duration::ZERO });
            }
            return;
        }
        tracing::debug!(scope = %self.key, pid = self.worker.pid, reason = reason.name(), "ending the worker");
        // One that is perhaps still at work on what it has read is given the time that makes it settled.
        let patience = match reason {
            Reason::Shutdown | Reason::Timeout => Duration::ZERO,
            _ if self.state.has_nothing_in_flight() => Duration::ZERO,
            _ => PLAIN_SETTLES_AFTER,
        };
        self.state.ending(reason == Reason::Timeout);
        self.worker.end(wire::disconnect(reason.name()), End::Graceful { patience });
    }

    async fn gone(mut self, exit: Exit) -> Carry {
        let clean = exit.status.success();
        let pid = self.worker.pid;
        let useless = clean && exit.events_taken == 0 && !exit.wrote;
        if self.ending || (clean && !useless) {
            tracing::debug!(scope = %self.key, pid, status = %exit.status, "worker ended");
        } else {
            let words = exit.last_words.last().map(String::as_str).unwrap_or("nothing on stderr");
            let status = exit.status.to_string();
            let what = if useless { "a worker ended before it read anything" } else { "a worker died" };
            tracing::warn!(name: "worker_died", scope = %self.key, pid, status, last_words = words, "{what}");
        }
        let blameless = self.around.program.is_suspect();
        let end = Ending { clean, events_taken: exit.events_taken, wrote: exit.wrote, blameless };
        self.happened(Event::Gone(end)).await;
        if self.state.was_in_vain() && self.around.program.failed(&self.key) {
            super::say_that_the_program_fails(&exit.status.to_string(), &exit.last_words.join("\n"));
        }
        // A send that still waits for room is an effect all the same.
        if let Some(waiting) = self.waiting.take() {
            self.around.outbox.adopt(waiting);
        }
        self.settle_the_rest().await;
        self.state.carry()
    }

    /// Sends that are finished in a moment need not be written down, and the next process can wait for that moment.
    async fn settle_the_rest(&mut self) {
        let patience = Instant::now() + LAST_MOMENT;
        loop {
            let ready = self.effects.ready(Instant::now());
            self.settle(ready).await;
            let waiting = self.effects.is_waiting() && self.around.journal.survives();
            if !waiting || tokio::time::timeout_at(patience, self.finished.notified()).await.is_err() {
                break;
            }
        }
        let rest = self.effects.rest();
        self.settle(rest).await;
    }

    fn standing(&self) -> Standing {
        let plain = !self.around.program.acks();
        if self.ending || self.waiting.is_some() {
            Standing::Busy
        } else if self.state.has_nothing_unsettled() {
            Standing::Idle
        } else if self.state.has_nothing_in_flight() {
            Standing::Waiting
        } else if plain && self.state.has_read_all() {
            Standing::HasReadAll
        } else {
            Standing::Busy
        }
    }
}

async fn write_down(
    journal: &Journal,
    scope: &ScopeKey,
    Settlement { row, effects }: &Settlement,
) -> Result<(), JournalError> {
    if effects.is_empty() || !journal.survives() {
        return journal.settle(scope, *row).await;
    }
    let ids = journal.store(scope, &[*row], effects.iter().map(Effect::held).collect()).await?;
    for (effect, id) in effects.iter().zip(ids) {
        // One that was finished meanwhile is struck out by who wrote it.
        if !effect.fate.stored(id) {
            journal.sent(id).await?;
        }
    }
    Ok(())
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
