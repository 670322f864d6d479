//! What a gateway is told before it starts.
//!
//! Owns plain values, checked and resolved. It reads no environment and starts nothing.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use crate::journal::Place;
use crate::scope::Rules;
use crate::telegram::Token;

/// All that [`crate::gateway::run`] needs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who the bot is, to Telegram.
    pub token: Token,
    /// Where Telegram is: `https://api.telegram.org`, or a Bot API server of one's own.
    pub api_url: String,
    /// What a worker is.
    pub command: Command,
    /// Where updates wait.
    pub journal: Place,
    /// How many bytes of updates may wait for their workers. Past that polling pauses; Telegram keeps updates for a day.
    pub journal_max: u64,
    /// Wait for ever for another gateway that has the journal.
    pub wait: bool,
    /// The most processes that live at once.
    pub max_live: usize,
    /// When things are tried again, given up or ended.
    pub rules: Rules,
    /// How long a worker has to end.
    pub grace: Duration,
    /// How long the gateway waits at its own end for what is in flight.
    pub drain: Duration,
    /// The longest line of a worker, in bytes.
    pub max_line: usize,
    /// The update kinds to deliver; all if `None`.
    pub updates: Option<Vec<String>>,
    /// Throw away what waits at Telegram.
    pub drop_pending: bool,
    /// Remove a webhook that is set.
    pub delete_webhook: bool,
    /// How long Telegram may hold a poll open.
    pub poll_timeout: Duration,
    /// Environment variables that set options of ours: workers do not get them.
    pub option_variables: Vec<String>,
    /// The process id of the guardian that started this process, if one did.
    pub guardian: Option<u32>,
}

/// The command of a worker.
#[derive(Clone, Debug)]
pub struct Command {
    /// The absolute path of its program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables it needs beside those that every worker gets.
    pub variables: Vec<(&'static str, String)>,
}

impl Command {
    /// The program and its arguments, as bytes: what the command is known by.
    pub fn argv(&self) -> Vec<Vec<u8>> {
        let program = self.program.as_os_str().as_bytes();
        std::iter::once(program)
            .chain(self.args.iter().map(|arg| arg.as_bytes()))
            .map(<[u8]>::to_vec)
            .collect()
    }
}
