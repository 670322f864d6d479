//! asgigram turns any program into a Telegram bot.

pub mod journal;
pub mod key;
pub mod metrics;
pub mod outbox;
pub mod polls;
pub mod scope;
pub mod telegram;
pub mod wire;
pub mod worker;
