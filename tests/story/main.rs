//! The stories: what an operator, a user on Telegram and a worker see of the real binary.
//!
//! Each module is a story and each test a sentence of it. The gateway and the simulator are processes of the binary
//! that was just built; workers are programs in sh, Python, JavaScript and others. Nothing is waited for by sleeping: a
//! test waits on a fact, with the patience that `support` knows.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

mod command_line;
mod dead;
mod delivery;
mod first_message;
mod journal;
mod lifecycle;
mod lines;
mod load;
mod polling;
mod protocol;
mod readme;
mod sending;
mod updates;
