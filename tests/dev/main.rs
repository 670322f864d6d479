//! `asgigram dev` as a person meets it: chats from a pipe and from a terminal, scripts, and what they print.
//!
//! Each test runs the binary that was just built, with real processes as bots. `ASGIGRAM_TEST_PATIENCE` is how many
//! seconds a run may take before the test fails (30).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod chats;
mod runs;
mod scripts;
mod terminals;
