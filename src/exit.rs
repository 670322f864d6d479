//! How the process ends: the exit codes, and errors that carry one.
//!
//! Owns the codes (README, "Exit codes"). Only `main.rs` exits.

use std::fmt;

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or drained after a signal.
    Done,
    /// Failed.
    Failed,
    /// The command line cannot be used.
    Usage,
    /// Telegram does not know the token.
    BadToken,
    /// The journal is broken.
    Journal,
    /// A second signal: 128 and its number.
    Signal(u8),
    /// What the gateway exited with, passed on by its guardian.
    Gateway(u8),
}

impl Exit {
    /// The number that the parent process sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::BadToken => 3,
            Exit::Journal => 4,
            Exit::Signal(number) => 128 + number,
            Exit::Gateway(code) => code,
        }
    }
}

/// An error that ends the process, with its code and, where a person can do something, what.
#[derive(Debug)]
pub struct Fatal {
    /// The code.
    pub exit: Exit,
    /// What happened and why.
    pub error: anyhow::Error,
    /// What to do.
    pub help: Option<String>,
}

impl Fatal {
    /// An error without a remedy of its own.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Fatal { exit, error: error.into(), help: None }
    }

    /// The same, with a remedy.
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Fatal { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {:#}", self.error)?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}
