//! `asgigram dev`: the simulator, the gateway and a chat in one process.
use crate::exit::{Exit, Fatal};
use clap::Args;
use std::ffi::OsString;

/// Options of `asgigram dev`.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// An ASGI app, where no COMMAND is given
    #[arg(value_name = "MODULE:ATTR")]
    words: Vec<String>,
    #[command(flatten)]
    worker: super::options::Worker,
    #[command(flatten)]
    log: super::options::Log,
    /// The program to run for each chat, and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    program: Vec<OsString>,
}
impl Dev {
    /// What its guardian is told, if it is to have one.
    pub(super) fn guardian(&self) -> Option<super::GuardianConfig> {
        self.worker.guardian(self.log.log_format, self.log.verbosity())
    }

    pub(super) fn run(self, option_variables: Vec<String>) -> Result<Exit, Fatal> {
        let _ = super::resolve::simulated(&self.words, &self.program, self.worker, option_variables)?;
        Ok(Exit::Done)
    }
}
