//! The journal: what Telegram handed out is owed until a worker is done with it, whatever dies.
//!
//! Each module takes one way in which something could be lost, doubled or put out of order, and goes it.

mod disk;
mod effects;
mod kill_anywhere;
mod opening;
mod records;
mod restart;
mod suspect;
mod time;
