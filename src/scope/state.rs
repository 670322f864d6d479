//! What a scope owes its worker and what the worker owes it: pure, `(state, event, now) → actions`.
//!
//! Owns the rules of delivery to one process: pending → in flight → settled. It performs nothing; the loop in
//! `scope.rs` does. One [`State`] lives as long as one process; what must outlive it is its [`Carry`].

mod settle;

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::event::{Action, Carry, Delivery, Event, Rules};
use super::expiry::{Freshness, freshness};
use crate::journal::{Owed, Row};

/// An update read by a worker that never acknowledges is settled after this long, at the latest.
pub(super) const PLAIN_SETTLES_AFTER: Duration = Duration::from_secs(30);

/// The state of a scope while it has a process.
#[derive(Debug)]
pub(super) struct State {
    rules: Rules,
    carry: Carry,
    /// How many updates the worker takes at once.
    window: usize,
    /// Whether it may be ended for being idle.
    may_idle: bool,
    /// Known and not delivered, in order of arrival: at most `window` + 1, and what was given back.
    pending: VecDeque<Owed>,
    /// Delivered and not settled, in order of delivery.
    in_flight: VecDeque<Flight>,
    /// The last row that came from the journal.
    loaded: Option<Row>,
    /// Whether the journal may hold more.
    more: bool,
    loading: bool,
    /// Event lines written so far.
    lines: u64,
    /// Nothing more is delivered.
    draining: bool,
    /// The gateway is ending the process.
    ending: bool,
    /// It is ended because it did not get done.
    failed: bool,
    last_line: Instant,
    /// The wall clock when the process started; the age of an update counts from there.
    began: (Instant, SystemTime),
    /// Something was settled in the life of this process.
    has_settled: bool,
}

#[derive(Debug)]
struct Flight {
    owed: Owed,
    /// The number of its event line.
    line: u64,
    read: Option<Instant>,
}

impl State {
    /// A state for a process that starts now.
    pub(super) fn new(rules: Rules, carry: Carry, now: Instant, wall_clock: SystemTime) -> Self {
        State {
            rules,
            carry,
            window: 1,
            may_idle: true,
            pending: VecDeque::new(),
            in_flight: VecDeque::new(),
            loaded: None,
            more: true,
            loading: false,
            lines: 0,
            draining: false,
            ending: false,
            failed: false,
            last_line: now,
            began: (now, wall_clock),
            has_settled: false,
        }
    }

    /// What hello said of this process.
    pub(super) fn introduced(&mut self, window: usize, may_idle: bool) {
        self.window = window.max(1);
        self.may_idle = may_idle;
    }

    /// The gateway stops: nothing more is delivered.
    pub(super) fn drain(&mut self) {
        self.draining = true;
    }

    /// The gateway is ending the process: nothing more is delivered, and goodbye is its last event line. `failed` if that
    /// is the worker's own fault.
    pub(super) fn ending(&mut self, failed: bool) {
        self.draining = true;
        self.ending = true;
        self.failed = failed;
        self.lines += 1;
    }

    /// A line went either way.
    pub(super) fn line_went(&mut self, now: Instant) {
        self.last_line = now;
    }

    /// Takes an event and says what to do. `acks` is whether the command is held to acks by now.
    pub(super) fn handle(&mut self, event: Event, acks: bool, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Loaded { rows, more } => self.take_in(rows, more),
            Event::Woken => self.more = true,
            Event::Tick => {}
            Event::Read(lines) => self.read(lines, acks, now, &mut actions),
            Event::Ack { update_id, through } => self.acked(update_id, through, &mut actions),
            Event::Nack { update_id, retry } => self.nacked(update_id, retry, now, &mut actions),
            Event::Gone(end) => {
                self.gone(end, acks, now, &mut actions);
                return actions;
            }
        }
        if !acks {
            self.settle_what_was_read_long_ago(now, &mut actions);
        }
        self.deliver(acks, now, &mut actions);
        self.load(&mut actions);
        actions
    }

    /// When [`Event::Tick`] is due, if nothing else happens.
    pub(super) fn wake_at(&self, acks: bool) -> Option<Instant> {
        let hold = self.carry.hold_until.filter(|_| !self.pending.is_empty());
        let read = self.in_flight.front().and_then(|flight| flight.read).filter(|_| !acks);
        let settle = read.map(|read| read + PLAIN_SETTLES_AFTER);
        [hold, settle, self.idle_at()].into_iter().flatten().min()
    }

    /// When this process is to be ended for being idle.
    pub(super) fn idle_at(&self) -> Option<Instant> {
        let idle = self.may_idle && !self.ending && self.has_nothing_unsettled();
        idle.then(|| self.last_line + self.rules.idle_timeout)
    }

    /// When a worker that has read an update and says nothing is to be ended: a line either way begins the time anew.
    /// Meaningful for a worker that acknowledges.
    pub(super) fn timeout_at(&self) -> Option<Instant> {
        let read = self.in_flight.iter().find_map(|flight| flight.read).filter(|_| !self.ending);
        read.map(|read| read.max(self.last_line) + self.rules.handle_timeout)
    }

    /// Nothing is owed to this process, as far as it is known.
    pub(super) fn has_nothing_unsettled(&self) -> bool {
        self.in_flight.is_empty() && self.pending.is_empty() && !self.more && !self.loading
    }

    /// No update is with the worker.
    pub(super) fn has_nothing_in_flight(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// The worker has read all it was given.
    pub(super) fn has_read_all(&self) -> bool {
        self.in_flight.iter().all(|flight| flight.read.is_some())
    }

    /// Whether the process ended in failure and had settled nothing. Meaningful after [`Event::Gone`].
    pub(super) fn was_in_vain(&self) -> bool {
        !self.has_settled && self.carry.failures > 0 && (!self.ending || self.failed)
    }

    /// What the next process must know. Meaningful after [`Event::Gone`].
    pub(super) fn carry(&self) -> Carry {
        self.carry
    }

    fn take_in(&mut self, rows: Vec<Owed>, more: bool) {
        self.loading = false;
        self.more |= more;
        self.loaded = rows.last().map(|owed| owed.row).or(self.loaded);
        self.pending.extend(rows);
    }

    fn load(&mut self, actions: &mut Vec<Action>) {
        if self.more && !self.loading && !self.draining && self.pending.is_empty() {
            self.more = false;
            self.loading = true;
            actions.push(Action::Load { after: self.loaded, limit: self.window + 1 });
        }
    }

    fn deliver(&mut self, acks: bool, now: Instant, actions: &mut Vec<Action>) {
        if self.carry.hold_until.is_some_and(|until| now >= until) {
            self.carry.hold_until = None;
        }
        while !self.draining && self.carry.hold_until.is_none() && self.has_room(acks) {
            let Some(owed) = self.pending.pop_front() else {
                break;
            };
            let late = match freshness(&owed.kind, self.age(&owed, now)) {
                Freshness::Fresh => false,
                Freshness::Late => true,
                // It is the wish of a person that it is handled.
                Freshness::Expired if owed.retried => true,
                Freshness::Expired => {
                    actions.push(Action::Expire(owed.row));
                    continue;
                }
            };
            self.lines += 1;
            actions.push(Action::Deliver(Delivery { owed: owed.clone(), late }));
            self.in_flight.push_back(Flight { owed, line: self.lines, read: None });
        }
    }

    /// How long an update has waited. A wall clock that jumps back makes it look younger, never older than it is.
    fn age(&self, owed: &Owed, now: Instant) -> Duration {
        let (began, wall_clock) = self.began;
        let now = wall_clock + now.saturating_duration_since(began);
        now.duration_since(owed.arrived).unwrap_or_default()
    }

    fn has_room(&self, acks: bool) -> bool {
        match (acks, self.carry.singly) {
            (true, 0) => self.in_flight.len() < self.window,
            (true, _) => self.in_flight.is_empty(),
            // One that is read, for the next line tells that it is done, and one unread at the most.
            (false, _) => self.has_read_all(),
        }
    }
}

/// What remains when a process could not even be started.
pub(super) fn after_failed_start(rules: &Rules, carry: Carry, now: Instant) -> Carry {
    let mut state = State::new(rules.clone(), carry, now, SystemTime::now());
    state.hold_longer(now);
    state.carry
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
