//! How polling goes, for whoever shows it: the readiness page and the metrics.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// Written by the poller, read by anybody.
#[derive(Debug, Default)]
pub struct Health {
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    last_answer: Option<Instant>,
    trouble: Option<&'static str>,
}

impl Health {
    /// When Telegram last answered the poller; `None` before the first time. A poll may be held open for 50 s.
    pub fn last_answer(&self) -> Option<Instant> {
        self.read().last_answer
    }

    /// What keeps updates from coming now, in a few words; `None` if nothing does.
    pub fn trouble(&self) -> Option<&'static str> {
        self.read().trouble
    }

    pub(super) fn answered(&self) {
        let state = State { last_answer: Some(Instant::now()), trouble: None };
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    pub(super) fn set_trouble(&self, trouble: Option<&'static str>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).trouble = trouble;
    }

    fn read(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
