//! The three outside parties of a story, each with a builder: Telegram, the gateway's operator, and workers.
//!
//! Owns the processes: whatever a test starts is gone when its handles are dropped, also when it fails. Environment
//! variables for whoever runs the tests:
//!
//! - `ASGIGRAM_TEST_PATIENCE`: seconds that a test waits for a fact before it fails (30);
//! - `ASGIGRAM_TEST_SCALE=long`: large numbers in the tests that have a scale.

pub(crate) mod gateway;
pub(crate) mod log;
pub(crate) mod process;
pub(crate) mod protocol_md;
pub(crate) mod remote;
pub(crate) mod telegram;
pub(crate) mod worker;

use std::time::Duration;

pub(crate) use gateway::Gateway;
pub(crate) use telegram::Telegram;

/// The user of most stories, whose private chat has the same id.
pub(crate) const ANN: i64 = 42;
/// Another user.
pub(crate) const BOB: i64 = 43;

/// How long a test waits for a fact.
pub(crate) fn patience() -> Duration {
    let seconds = std::env::var("ASGIGRAM_TEST_PATIENCE").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(30))
}

/// A number of things: `normal`, or `long` where that scale is asked for.
pub(crate) fn scale(normal: usize, long: usize) -> usize {
    match std::env::var("ASGIGRAM_TEST_SCALE").as_deref() {
        Ok("long") => long,
        _ => normal,
    }
}
