//! When an update is settled, given back or given up (protocol.md, "Acknowledgement").
//!
//! Owns that judgement: on an ack, on a nack, on what a worker has read, and at the end of its process.

use tokio::time::Instant;

use super::{PLAIN_SETTLES_AFTER, State};
use crate::journal::{Owed, Row};
use crate::scope::event::{Action, End};
use crate::wire::Retry;

impl State {
    pub(super) fn acked(&mut self, update_id: i64, through: bool, actions: &mut Vec<Action>) {
        let Some(at) = self.position(update_id) else {
            actions.push(Action::Ignore { update_id });
            return;
        };
        let from = if through { 0 } else { at };
        let rows: Vec<Row> = self.in_flight.drain(from..=at).map(|flight| flight.owed.row).collect();
        for row in rows {
            self.settled(row, actions);
        }
    }

    pub(super) fn nacked(&mut self, update_id: i64, retry: Retry, now: Instant, actions: &mut Vec<Action>) {
        let Some(flight) = self.position(update_id).and_then(|at| self.in_flight.remove(at)) else {
            actions.push(Action::Ignore { update_id });
            return;
        };
        match retry {
            Retry::Never => self.bury(flight.owed, "its worker gave it up".into(), actions),
            Retry::After(wait) => {
                self.give_back(flight.owed, false, actions);
                self.hold(now + wait);
            }
            Retry::Failed => {
                self.give_back(flight.owed, true, actions);
                self.hold_longer(now);
            }
        }
    }

    /// The worker has read event lines up to this one. Reading the next line tells that it is done with the last, if it
    /// never acknowledges.
    pub(super) fn read(&mut self, lines: u64, acks: bool, now: Instant, actions: &mut Vec<Action>) {
        for flight in self.in_flight.iter_mut().filter(|flight| flight.line <= lines) {
            flight.read.get_or_insert(now);
        }
        while !acks && self.in_flight.front().is_some_and(|flight| flight.line < lines) {
            self.settle_front(actions);
        }
    }

    pub(super) fn settle_what_was_read_long_ago(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let long_ago = |read: Instant| now >= read + PLAIN_SETTLES_AFTER;
        while self.in_flight.front().is_some_and(|flight| flight.read.is_some_and(long_ago)) {
            self.settle_front(actions);
        }
    }

    /// The process is over. What it never read goes to the next one as if this one had never been; what it took and
    /// did not settle comes again, and counts as a failed attempt only if we did not end it and it was the only one:
    /// with several in flight nobody knows which it was, so they come one at a time.
    pub(super) fn gone(&mut self, end: End, acks: bool, now: Instant, actions: &mut Vec<Action>) {
        let mut unsettled: Vec<Owed> = Vec::new();
        let mut settled_any = false;
        for flight in std::mem::take(&mut self.in_flight) {
            if !acks && is_done(end, flight.line) {
                settled_any = true;
                self.settled(flight.owed.row, actions);
            } else if flight.line <= end.events_taken {
                unsettled.push(flight.owed);
            }
        }
        let started_badly = end.events_taken == 0 && !settled_any;
        let failed = !end.clean || !unsettled.is_empty() || started_badly;
        let by_itself = !self.ending || self.failed;
        let charged = by_itself && !end.blameless && unsettled.len() == 1;
        if by_itself && unsettled.len() > 1 {
            self.carry.singly = unsettled.len() as u32;
        }
        for owed in unsettled {
            self.give_back(owed, charged, actions);
        }
        if by_itself && failed {
            self.hold_longer(now);
        }
    }

    fn position(&self, update_id: i64) -> Option<usize> {
        self.in_flight.iter().position(|flight| flight.owed.update_id == update_id)
    }

    fn settle_front(&mut self, actions: &mut Vec<Action>) {
        if let Some(flight) = self.in_flight.pop_front() {
            self.settled(flight.owed.row, actions);
        }
    }

    fn settled(&mut self, row: Row, actions: &mut Vec<Action>) {
        self.has_settled = true;
        self.carry.failures = 0;
        self.carry.singly = self.carry.singly.saturating_sub(1);
        actions.push(Action::Settle(row));
    }

    fn bury(&mut self, owed: Owed, reason: String, actions: &mut Vec<Action>) {
        self.carry.singly = self.carry.singly.saturating_sub(1);
        actions.push(Action::Bury { owed, reason });
    }

    /// Back to its place in the order of arrival, or to its grave.
    fn give_back(&mut self, mut owed: Owed, failed: bool, actions: &mut Vec<Action>) {
        let row = owed.row;
        owed.taken += 1;
        owed.failed += u32::from(failed);
        actions.push(Action::GiveBack { row, failed });
        if owed.failed >= self.rules.max_attempts {
            let reason = format!("{} attempts failed", owed.failed);
            return self.bury(owed, reason, actions);
        }
        let at = self.pending.partition_point(|pending| pending.row < row);
        self.pending.insert(at, owed);
    }

    /// A failure: nothing is delivered for a while, longer with each in a row.
    pub(super) fn hold_longer(&mut self, now: Instant) {
        let doublings = self.carry.failures.min(30);
        self.carry.failures += 1;
        let wait = self.rules.retry_min.saturating_mul(1 << doublings);
        self.hold(now + wait.min(self.rules.retry_max));
    }

    fn hold(&mut self, until: Instant) {
        self.carry.hold_until = Some(self.carry.hold_until.map_or(until, |already| already.max(until)));
    }
}

/// Whether a worker that never acknowledges is done with the update of this line: it read a later line, or read this one
/// and ended well. A program that ends well, wrote something and reads nothing at all, like `fortune`, has answered.
fn is_done(end: End, line: u64) -> bool {
    let never_reads = end.clean && end.wrote && end.events_taken == 0;
    line < end.events_taken || (end.clean && line <= end.events_taken) || never_reads
}
