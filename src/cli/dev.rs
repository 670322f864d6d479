//! `asgigram dev`: its options, and their way to [`crate::dev`].
//!
//! Owns the words. All faults, those of a script too, are reported before anything starts.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{resolve, runtime, shutdown, values};
use crate::dev::{self, Options, script};
use crate::exit::{Exit, Fatal};
use crate::guardian::GuardianConfig;
use crate::logging::Format;

pub(super) const AFTER_HELP: &str = r#"A script has a JSON object a line; blank lines, and those that begin with // or #, are skipped:
  {"user":"ann","says":"/start"}                    a user, made on first use, writes to the bot
  {"user":"ann","says":"hello","chat":"team"}       … in a group of this title
  {"user":"ann","presses":"Yes"}                    a button, by its label or its callback data
  {"user":"ann","edits":"what I meant"}             her last message
  {"update":{"poll":{"id":"5"}}}                    any update
  {"expect":"hi"}                                   the bot's next message has exactly this text
  {"expect":{"text":"Sure?","reply_markup":{…}}}    … has all these members
  {"expect":{"kind":"edit","text":"Done"}}          its next edit; also delete, refused,
                                                    callback_answer, chat_action
  {"expect":"hi","user":"bob","within":"2s"}        … to bob; else where the last act was
  {"expect_nothing":true,"within":"500ms"}          no message, edit or deletion comes

Exit codes:
    0  the chat is over, or all was as the script expects
    1  not as the script expects, or failed
    2  the command line or the script cannot be used

Examples:
  $ asgigram dev -- python3 bot.py                  chat
  $ asgigram dev bot:app                            chat with an ASGI app
  $ asgigram dev --script bot.jsonl -- ./bot.sh     test
  $ printf 'hi\n:press 1\n' | asgigram dev -- ./bot.sh"#;

/// Options of `asgigram dev`.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// An ASGI app, where no COMMAND is given
    #[arg(value_name = "MODULE:ATTR")]
    words: Vec<String>,
    /// Play this conversation and check the answers; `-` is stdin
    ///
    /// See below for what is in it. It ends at the first answer that is not as expected.
    #[arg(long, value_name = "FILE", env = "ASGIGRAM_SCRIPT")]
    script: Option<PathBuf>,
    /// How long an answer may take
    ///
    /// In a script, unless a line says `within`. In a chat from a pipe, how long the end waits for an answer.
    #[arg(long, value_name = "DURATION", env = "ASGIGRAM_TIMEOUT", default_value = "5s", value_parser = values::duration)]
    timeout: Duration,
    /// Say more of what the gateway does; twice for much
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Leave out what the bot prints to stderr, warnings, and the steps of a script
    #[arg(short, long, action = clap::ArgAction::Count)]
    quiet: u8,
    #[command(flatten)]
    worker: super::options::Worker,
    /// The program to run for each chat, and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    program: Vec<OsString>,
}

impl Dev {
    /// What its guardian is told, if it is to have one.
    pub(super) fn guardian(&self) -> Option<GuardianConfig> {
        self.worker.guardian(Format::Text, self.verbosity())
    }

    /// Does it.
    pub(super) fn run(self, option_variables: Vec<String>) -> Result<Exit, Fatal> {
        let (script, faults) = match self.script.as_deref().map(script::load).transpose() {
            Ok(script) => (script, Vec::new()),
            Err(faults) => (None, faults),
        };
        let command = match self.program.is_empty() {
            true => self.words.join(" "),
            false => self.program.join(" ".as_ref()).to_string_lossy().into_owned(),
        };
        let verbosity = self.verbosity();
        let config = resolve::simulated(&self.words, &self.program, self.worker, option_variables, faults)?;
        let options = Options { config, command, script, timeout: self.timeout, verbosity };
        runtime()?.block_on(async { dev::run(options, shutdown()?).await })
    }

    fn verbosity(&self) -> i8 {
        let level = |count: u8| i8::try_from(count.min(9)).unwrap_or(9);
        level(self.verbose) - level(self.quiet)
    }
}
