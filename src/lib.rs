//! asgigram turns any program into a Telegram bot.
//!
//! ```text
//! in :  Telegram → poller → journal → router → scope → worker → your program
//! out:  Telegram ←────── outbox ←───────────── scope ← worker ← your program
//! ```
//!
//! Every word of the picture is a module. They stand on floors, and a module imports only from floors below its own
//! (a test keeps this): what would point up is a channel that [`gateway`] makes.

// The words that everybody uses: the protocol, the Bot API, the names of scopes.
pub mod exit;
pub mod key;
pub mod logging;
pub mod metrics;
pub mod polls;
pub mod telegram;
pub mod wire;

// What each does one thing with the outside.
pub mod journal;
pub mod outbox;
pub mod poller;
pub mod worker;

// Who gets what, and when.
pub mod router;
pub mod scope;

// The life of the process. The simulator stands apart: it imports nothing of ours.
pub mod client;
pub mod config;
pub mod gateway;
pub mod guardian;
pub mod shutdown;
pub mod sim;

// All of it and the simulator in one process, for who writes a bot.
pub mod dev;

// What a person types.
pub mod cli;
