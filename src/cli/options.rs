//! The options of the command line, with their help.
//!
//! Owns names, defaults and words. It checks the form of a value and does nothing.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use super::values;
use crate::guardian::GuardianConfig;
use crate::logging::Format;

/// Turns any program into a Telegram bot.
///
/// The gateway gets the bot's updates from Telegram, starts a process of your program for each chat, writes each update
/// to it as a line of JSON, and sends the lines of JSON that it writes. The protocol is in protocol.md; a shell loop over
/// `read` speaks it, and a Python ASGI app runs unchanged.
#[derive(Debug, Parser)]
#[command(
    name = "asgigram",
    version,
    args_conflicts_with_subcommands = true,
    max_term_width = 100,
    override_usage = "asgigram [OPTIONS] [TOKEN] -- COMMAND…\n       asgigram [OPTIONS] [TOKEN] MODULE:ATTR\n       asgigram dev|sim|dead|completions|man …",
    after_help = "Try it without a token: asgigram dev -- COMMAND\nMore on each option: --help",
    after_long_help = EXIT_CODES
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Subcommands>,
    #[command(flatten)]
    pub(super) run: Run,
}

const EXIT_CODES: &str = "Exit codes:
    0  done, or stopped by a signal after all was finished
    1  failed
    2  the command line cannot be used
    3  Telegram does not know the token
    4  the journal is broken
  130  stopped at once by a second SIGINT (143: SIGTERM, 129: SIGHUP)
  137  killed; 128 and its number for any signal that ends the gateway

Examples:
  $ asgigram dev -- python3 bot.py                       a chat with your bot, no token needed
  $ export TELEGRAM_BOT_TOKEN=…; asgigram -- ./bot.sh     the real thing
  $ asgigram --token-file /run/secrets/token bot:app      an ASGI app";

#[derive(Debug, Subcommand)]
pub(super) enum Subcommands {
    /// Chat with your bot in the terminal, on a simulated Telegram
    ///
    /// Starts the simulator and the gateway in one process: no token, no network. Type as a user and see what the bot
    /// answers; or let a script do so and check the answers.
    #[command(
        override_usage = "asgigram dev [OPTIONS] -- COMMAND…\n       asgigram dev [OPTIONS] MODULE:ATTR",
        after_help = "Scripts, exit codes and examples: --help",
        after_long_help = super::dev::AFTER_HELP
    )]
    Dev(Box<super::dev::Dev>),
    /// Run the simulated Telegram alone, for tests of any bot
    ///
    /// A Bot API server on a local address, with a control API under /sim/. Any well-formed token is a bot. The first line
    /// on stdout is `listening on http://ADDRESS`.
    Sim(Sim),
    /// See the updates that were given up; have them delivered again, or drop them
    ///
    /// They are kept for 30 days in the bot's journal. The gateway may run meanwhile or not; no token is needed.
    #[command(after_help = super::dead::AFTER_HELP)]
    Dead(super::dead::Dead),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// Options of `asgigram sim`.
#[derive(Debug, Args)]
pub(super) struct Sim {
    /// Where to listen
    ///
    /// Port 0 takes a free one. Anything but a loopback address lets others on the network use it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081", env = "ASGIGRAM_LISTEN")]
    pub(super) listen: std::net::SocketAddr,
    #[command(flatten)]
    pub(super) log: Log,
}

/// A gateway to Telegram.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The bot's token, and an ASGI app where no COMMAND is given
    ///
    /// The token is better given in the environment variable TELEGRAM_BOT_TOKEN or with --token-file: everybody on the
    /// machine can read the arguments of a process. MODULE:ATTR hosts that app with python3 from PATH.
    #[arg(value_name = "TOKEN|MODULE:ATTR", num_args = 0..=2, help_heading = "Arguments")]
    pub(super) words: Vec<String>,
    /// A file that holds the token
    ///
    /// For secrets of containers. The newline at its end is left out.
    #[arg(long, value_name = "PATH", env = "ASGIGRAM_TOKEN_FILE", help_heading = "Telegram")]
    pub(super) token_file: Option<PathBuf>,
    /// Where the Bot API is
    ///
    /// Another than Telegram's own for a local Bot API server, or for `asgigram sim`.
    #[arg(
        long,
        value_name = "URL",
        env = "ASGIGRAM_API_URL",
        default_value = "https://api.telegram.org",
        help_heading = "Telegram"
    )]
    pub(super) api_url: String,
    /// Throw away the updates that wait at Telegram when the gateway starts
    ///
    /// Without it they are delivered: Telegram keeps them for a day.
    #[arg(long, env = "ASGIGRAM_DROP_PENDING", help_heading = "Telegram")]
    pub(super) drop_pending: bool,
    /// Remove the webhook if one is set
    ///
    /// While a webhook is set Telegram gives updates to nobody else. What waits is kept.
    #[arg(long, env = "ASGIGRAM_DELETE_WEBHOOK", help_heading = "Telegram")]
    pub(super) delete_webhook: bool,
    /// How long Telegram may hold a poll open, at most 50s
    #[arg(
        long,
        value_name = "DURATION",
        env = "ASGIGRAM_POLL_TIMEOUT",
        default_value = "50s",
        value_parser = values::duration,
        help_heading = "Telegram"
    )]
    pub(super) poll_timeout: Duration,
    /// Where updates wait for their workers: a folder, or `memory`
    ///
    /// What is in the folder survives the gateway and the machine. Each bot needs a folder of its own; it is made if it is
    /// not there. Without this option it is asgigram/<bot id> in $XDG_STATE_HOME, else in ~/.local/state. With `memory`
    /// updates survive the crash of a worker, not that of the gateway.
    #[arg(long, value_name = "PATH|memory", env = "ASGIGRAM_JOURNAL", help_heading = "Journal")]
    pub(super) journal: Option<PathBuf>,
    /// How much may wait in the journal
    ///
    /// Past that polling pauses until workers have caught up; Telegram keeps updates for a day.
    #[arg(
        long,
        value_name = "SIZE",
        env = "ASGIGRAM_JOURNAL_MAX",
        default_value = "1GiB",
        value_parser = values::size,
        help_heading = "Journal"
    )]
    pub(super) journal_max: usize,
    /// Wait for ever for another gateway that has the journal
    ///
    /// Without it a gateway that finds the journal in use waits for 5 s, and then fails.
    #[arg(long, env = "ASGIGRAM_WAIT", help_heading = "Journal")]
    pub(super) wait: bool,
    #[command(flatten)]
    pub(super) worker: Worker,
    #[command(flatten)]
    pub(super) log: Log,
    /// The program to run for each chat, and its arguments
    #[arg(last = true, value_name = "COMMAND", help_heading = "Arguments")]
    pub(super) program: Vec<OsString>,
}

/// How workers are run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Workers")]
pub(super) struct Worker {
    /// Deliver only these kinds of updates, such as `message,callback_query`
    ///
    /// Telegram is asked for no others. Without it all kinds are delivered, or those that the worker names in its hello.
    #[arg(long, value_name = "LIST", env = "ASGIGRAM_UPDATES", value_delimiter = ',')]
    pub(super) updates: Option<Vec<String>>,
    /// The most app instances that live at once
    ///
    /// As in the asgigram of 2017. Each process is one; --max-workers is the lower limit of the two.
    #[arg(short, long, value_name = "N", env = "ASGIGRAM_MAX_APPLICATIONS", default_value_t = 1000, value_parser = at_least_one())]
    pub(super) max_applications: u64,
    /// The most processes that live at once
    ///
    /// A chat that needs one more gets the place of the process that was idle longest. If none can be spared it waits.
    #[arg(long, value_name = "N", env = "ASGIGRAM_MAX_WORKERS", default_value_t = 100, value_parser = at_least_one())]
    pub(super) max_workers: u64,
    /// End a process that had nothing to do for so long
    ///
    /// The chat's next update starts a new one.
    #[arg(long, value_name = "DURATION", env = "ASGIGRAM_IDLE_TIMEOUT", default_value = "15m", value_parser = values::duration)]
    pub(super) idle_timeout: Duration,
    /// How often an update is tried before it is given up
    #[arg(long, value_name = "N", env = "ASGIGRAM_MAX_ATTEMPTS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) max_attempts: u32,
    /// End a process that has read an update and says nothing for so long
    ///
    /// The update has then failed and is tried again. A line of the worker begins the time anew, and it stands still
    /// while Telegram keeps the worker waiting. A worker that never acknowledges is not held to it.
    #[arg(long, value_name = "DURATION", env = "ASGIGRAM_HANDLE_TIMEOUT", default_value = "10m", value_parser = values::duration)]
    pub(super) handle_timeout: Duration,
    /// How long a chat rests after a failure: the first time, and at most
    ///
    /// The delay doubles with each failure in a row and starts anew after a success. Other chats go on.
    #[arg(long, value_name = "FROM..TO", env = "ASGIGRAM_RETRY_DELAY", default_value = "1s..60s", value_parser = values::duration_range)]
    pub(super) retry_delay: (Duration, Duration),
    /// How long a process has to end once it is told to
    ///
    /// Its input is closed at once, at 70 % of this it gets SIGTERM, at 90 % SIGKILL, each with its whole process group.
    #[arg(long, value_name = "DURATION", env = "ASGIGRAM_GRACE", default_value = "3s", value_parser = values::duration)]
    pub(super) grace: Duration,
    /// How long the gateway waits at its end for what is in flight
    #[arg(long, value_name = "DURATION", env = "ASGIGRAM_DRAIN", default_value = "5s", value_parser = values::duration)]
    pub(super) drain: Duration,
    /// The longest line that a worker may write
    ///
    /// A longer one is thrown away and reported; the worker goes on.
    #[arg(long, value_name = "SIZE", env = "ASGIGRAM_MAX_LINE", default_value = "16MiB", value_parser = values::size)]
    pub(super) max_line: usize,
    /// Run without the guardian, where something else ends what a gateway leaves behind
    ///
    /// Without this option the gateway has a small process as its parent, which ends all workers and whatever they started
    /// should the gateway be killed, and which is a good process 1 of a container. A systemd unit, whose control group is
    /// ended as a whole, does not need it. With this option a process that leaves the process group of its worker outlives
    /// it, SIGKILL of the gateway leaves workers behind, and as process 1 nobody takes orphans.
    #[arg(
        long,
        env = "ASGIGRAM_NO_GUARDIAN",
        value_parser = clap::builder::FalseyValueParser::new(),
    )]
    pub(super) no_guardian: bool,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Log")]
pub(super) struct Log {
    /// Say more; twice for everything
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Say only what needs attention; twice for errors alone
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) quiet: u8,
    /// Lines for people, or a JSON object a line
    #[arg(long, value_name = "FORMAT", env = "ASGIGRAM_LOG_FORMAT", default_value = "text", value_enum)]
    pub(super) log_format: Format,
}

impl Worker {
    /// What the guardian is told, if there is to be one.
    pub(super) fn guardian(&self, format: Format, verbosity: i8) -> Option<GuardianConfig> {
        (!self.no_guardian).then_some(GuardianConfig { format, verbosity })
    }
}

impl Log {
    pub(super) fn verbosity(self) -> i8 {
        i8::try_from(self.verbose.min(9)).unwrap_or(9) - i8::try_from(self.quiet.min(9)).unwrap_or(9)
    }
}

fn at_least_one() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..)
}
