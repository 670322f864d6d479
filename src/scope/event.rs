//! The words between a scope's state and its loop: what happened, and what is to be done about it.
//!
//! Owns no behaviour.

use std::time::Duration;

use tokio::time::Instant;

use crate::journal::{Owed, Row};
use crate::wire::Retry;

/// The rules that the operator sets.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The shortest wait before an update is tried again; it doubles with each failure in a row.
    pub retry_min: Duration,
    /// The longest.
    pub retry_max: Duration,
    /// After so many failed attempts an update is given up.
    pub max_attempts: u32,
    /// A process with nothing to do is ended after this long.
    pub idle_timeout: Duration,
    /// A worker that has read an update and says nothing for this long is ended, and has failed.
    pub handle_timeout: Duration,
}

/// What one process of a scope leaves to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Carry {
    /// Failures in a row, of processes or attempts.
    pub failures: u32,
    /// Nothing is delivered before this.
    pub hold_until: Option<Instant>,
    /// Several updates were in flight when a process died: so many are still to be tried one at a time.
    pub singly: u32,
}

/// What happened.
#[derive(Debug)]
pub(super) enum Event {
    /// The journal's answer to [`Action::Load`], less what the worker does not take.
    Loaded {
        /// The rows, in order of arrival.
        rows: Vec<Owed>,
        /// The journal may hold more behind them.
        more: bool,
    },
    /// The journal may hold more for this scope.
    Woken,
    /// The worker has read so many event lines.
    Read(u64),
    /// It acknowledged an update, or all `through` it.
    Ack {
        /// The update.
        update_id: i64,
        /// Also all delivered before it.
        through: bool,
    },
    /// It did not get an update done.
    Nack {
        /// The update.
        update_id: i64,
        /// What it wants for it.
        retry: Retry,
    },
    /// Time passed.
    Tick,
    /// The process is over.
    Gone(End),
}

/// How a process ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// Exit code 0.
    pub(super) clean: bool,
    /// Of how many event lines it took a part.
    pub(super) events_taken: u64,
    /// Whether it wrote anything.
    pub(super) wrote: bool,
    /// The program itself is the suspect: no update is charged.
    pub(super) blameless: bool,
}

/// What is to be done about it.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    /// Ask the journal for rows after this one.
    Load {
        /// The last row known.
        after: Option<Row>,
        /// How many.
        limit: usize,
    },
    /// Write this update to the worker.
    Deliver(Delivery),
    /// Settle this question undelivered: nobody can answer it any more.
    Expire(Row),
    /// Done with.
    Settle(Row),
    /// Taken and not settled.
    GiveBack {
        /// Which.
        row: Row,
        /// Whether it counts as an attempt.
        failed: bool,
    },
    /// Given up.
    Bury {
        /// Which.
        owed: Owed,
        /// Why.
        reason: String,
    },
    /// An ack or nack of something that is not in flight here.
    Ignore {
        /// What it named.
        update_id: i64,
    },
}

/// An update to deliver. Two are the same if they are of the same row.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    /// The update.
    pub(super) owed: Owed,
    /// Telegram does not take its answer any more.
    pub(super) late: bool,
}

impl PartialEq for Delivery {
    fn eq(&self, other: &Self) -> bool {
        self.owed.row == other.owed.row
    }
}
