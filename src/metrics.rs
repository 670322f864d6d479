//! What is counted.
//!
//! Owns the counters of a running gateway. It never reads a clock, and nothing is decided by a count.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of a gateway, shared by all its parts.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Updates that are done with.
    pub settled: Counter,
    /// Updates settled undelivered, since the program does not take their kind.
    pub not_wanted: Counter,
    /// Questions settled undelivered, since they had waited too long to be answered.
    pub expired: Counter,
    /// Updates given up.
    pub given_up: Counter,
    /// Processes started.
    pub started: Counter,
    /// Sends that Telegram took.
    pub sent: Counter,
    /// Sends that failed, for whatever reason.
    pub failed: Counter,
    /// Lines of workers that were not understood, or too long.
    pub misunderstood: Counter,
    /// Lines of workers that were events of ours come back.
    pub echoed: Counter,
    /// Acks and nacks of updates that were not in flight there.
    pub ignored_acks: Counter,
}
