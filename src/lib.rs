//! asgigram turns any program into a Telegram bot.

pub mod journal;
pub mod key;
pub mod metrics;
pub mod outbox;
pub mod poller;
pub mod polls;
pub mod router;
pub mod scope;
pub mod telegram;
pub mod wire;
pub mod worker;
