//! What becomes of one send, for whoever has to know whether it is still to be made.
//!
//! Owns the race between a send that is finished and a send that is written to the journal: exactly one of the two is
//! told to strike it out there.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::journal::SendId;

/// The fate of one send, shared by the outbox and by the scope that made it.
#[derive(Debug)]
pub struct Fate {
    state: Mutex<State>,
    /// Rung when it is over.
    over: Arc<Notify>,
}

#[derive(Debug)]
enum State {
    /// To be made, and known only in memory.
    Open,
    /// To be made, and in the journal under this name.
    Stored(SendId),
    /// It has an outcome.
    Over,
}

impl Fate {
    /// Of a send that is to be made; `over` is rung when it has an outcome.
    pub fn new(over: Arc<Notify>) -> Self {
        Fate { state: Mutex::new(State::Open), over }
    }

    /// Of a send that an earlier gateway left in the journal.
    pub(super) fn restored(id: SendId) -> Self {
        Fate { state: Mutex::new(State::Stored(id)), over: Arc::default() }
    }

    /// Whether it is still to be made and nobody has written it down.
    pub fn is_open(&self) -> bool {
        matches!(*self.lock(), State::Open)
    }

    /// It is in the journal now. `false` if it is over by now: then whoever wrote it down strikes it out.
    #[must_use = "a send that is over must be struck out of the journal"]
    pub fn stored(&self, id: SendId) -> bool {
        let mut state = self.lock();
        let open = matches!(*state, State::Open);
        if open {
            *state = State::Stored(id);
        }
        open
    }

    /// It has an outcome. Returns its name in the journal, if it is there and is to be struck out.
    pub fn finish(&self) -> Option<SendId> {
        let before = std::mem::replace(&mut *self.lock(), State::Over);
        self.over.notify_one();
        match before {
            State::Stored(id) => Some(id),
            State::Open | State::Over => None,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_send_is_struck_out_by_exactly_one() {
        let fate = Fate::new(Arc::default());
        assert!(fate.is_open() && fate.stored(SendId(7)) && !fate.is_open());
        assert_eq!(fate.finish(), Some(SendId(7)));
        let fate = Fate::new(Arc::default());
        assert_eq!(fate.finish(), None);
        assert!(!fate.stored(SendId(8)), "whoever stores it now has to strike it out");
    }
}
