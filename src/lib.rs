//! asgigram turns any program into a Telegram bot.

pub mod journal;
pub mod key;
pub mod poller;
pub mod telegram;
