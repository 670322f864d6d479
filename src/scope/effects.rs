//! What a worker has sent, as effects of the updates it is done with (protocol.md, "Acknowledgement").
//!
//! Owns the updates that are acknowledged and not settled yet, since sends that came before the ack are still to be made.
//! They are settled when those are finished, which is mostly at once; what takes longer goes into the journal together
//! with the settling. It writes nothing itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::sends::Call;
use crate::journal::{HeldSend, Row};
use crate::outbox::Fate;

/// A send that takes longer is written down.
const AT_ONCE: Duration = Duration::from_millis(500);

/// A send that may still be to be made.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) fate: Arc<Fate>,
    pub(super) call: Call,
    pub(super) retry: bool,
}

impl Effect {
    /// As it is written to the journal.
    pub(super) fn held(&self) -> HeldSend {
        HeldSend {
            lane: self.call.lane.as_ref().map(ToString::to_string).unwrap_or_default(),
            method: self.call.method.name().to_owned(),
            body: self.call.body.clone(),
            retry: self.retry,
        }
    }
}

/// An update that its worker is done with, and the sends that were made before and are to be written down with it.
#[derive(Debug)]
pub(super) struct Settlement {
    pub(super) row: Row,
    pub(super) effects: Vec<Effect>,
}

/// The effects of one process.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Sends in the order made; those that are over are dropped now and then.
    made: Vec<Effect>,
    /// In the order acknowledged.
    waiting: VecDeque<(Settlement, Instant)>,
    finished: Arc<Notify>,
}

impl Effects {
    /// The fate of a send that is made now.
    pub(super) fn fate(&self) -> Arc<Fate> {
        Arc::new(Fate::new(self.finished.clone()))
    }

    /// A send was made.
    pub(super) fn made(&mut self, effect: Effect) {
        if self.made.len() == self.made.capacity() {
            self.made.retain(|effect| effect.fate.is_open());
        }
        self.made.push(effect);
    }

    /// The worker is done with this update, and with all that it had sent by now.
    pub(super) fn settle(&mut self, row: Row, now: Instant) {
        self.made.retain(|effect| effect.fate.is_open());
        self.waiting.push_back((Settlement { row, effects: self.made.clone() }, now));
    }

    /// What can be settled now: without effects where all is finished, with those to write down where it takes too long.
    pub(super) fn ready(&mut self, now: Instant) -> Vec<Settlement> {
        self.take(|waited| waited >= AT_ONCE, now)
    }

    /// Everything, with what is to be written down.
    pub(super) fn rest(&mut self) -> Vec<Settlement> {
        self.take(|_| true, Instant::now())
    }

    /// This could not be written for now: it is ready again when its effects are finished, or after a while.
    pub(super) fn again(&mut self, settlement: Settlement, now: Instant) {
        self.waiting.push_back((settlement, now));
    }

    fn take(&mut self, overdue: impl Fn(Duration) -> bool, now: Instant) -> Vec<Settlement> {
        let mut ready = Vec::new();
        self.waiting.retain_mut(|(settlement, since)| {
            settlement.effects.retain(|effect| effect.fate.is_open());
            let is_ready = settlement.effects.is_empty() || overdue(now.saturating_duration_since(*since));
            if is_ready {
                let effects = std::mem::take(&mut settlement.effects);
                ready.push(Settlement { row: settlement.row, effects });
            }
            !is_ready
        });
        ready
    }

    /// Whether an acknowledged update waits to be settled.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// When the first of them is overdue.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.waiting.front().map(|(_, since)| *since + AT_ONCE)
    }

    /// Rung when a send is finished.
    pub(super) fn finished(&self) -> Arc<Notify> {
        self.finished.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::SendId;
    use crate::outbox::Lane;
    use crate::telegram::Method;

    fn send(effects: &mut Effects) -> Arc<Fate> {
        let fate = effects.fate();
        let method = Method::parse("sendMessage").unwrap();
        let call = Call { method, lane: Some(Lane::Chat(42)), body: "{}".into() };
        effects.made(Effect { fate: fate.clone(), call, retry: true });
        fate
    }

    fn shown(ready: &[Settlement]) -> Vec<(u64, usize)> {
        ready.iter().map(|settlement| (settlement.row.0, settlement.effects.len())).collect()
    }

    #[test]
    fn an_update_is_settled_when_what_was_sent_before_its_ack_is_finished() {
        let now = Instant::now();
        let mut effects = Effects::default();
        let first = send(&mut effects);
        effects.settle(Row(1), now);
        effects.settle(Row(2), now);
        assert!(effects.ready(now).is_empty() && effects.is_waiting());
        assert_eq!(first.finish(), None);
        assert_eq!(shown(&effects.ready(now)), [(1, 0), (2, 0)]);
        effects.settle(Row(3), now);
        assert_eq!(shown(&effects.ready(now)), [(3, 0)]);
    }

    #[test]
    fn what_takes_too_long_is_written_down_once() {
        let now = Instant::now();
        let mut effects = Effects::default();
        let held = send(&mut effects);
        effects.settle(Row(1), now);
        let later = now + AT_ONCE;
        assert_eq!(effects.wake_at(), Some(later));
        let ready = effects.ready(later);
        assert_eq!(shown(&ready), [(1, 1)]);
        assert!(ready[0].effects[0].fate.stored(SendId(1)) && !held.is_open());
        effects.settle(Row(2), later);
        assert_eq!(shown(&effects.ready(later)), [(2, 0)], "it is in the journal already");
    }

    #[test]
    fn at_the_end_all_is_written_down() {
        let mut effects = Effects::default();
        send(&mut effects);
        send(&mut effects);
        effects.settle(Row(1), Instant::now());
        assert_eq!(shown(&effects.rest()), [(1, 2)]);
        assert!(!effects.is_waiting());
    }
}
