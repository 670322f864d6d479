//! A bot, a simulated Telegram and its users in one process: `asgigram dev`.
//!
//! ```text
//! a person, or a script → cast → simulator ⇄ gateway ⇄ the bot's processes
//!                screen ← show ← feed ←┘
//! ```
//!
//! Owns the simulator, a gateway as it is on the way to the real Telegram, and the order in which they begin and end.
//! Nothing leaves this machine, and no token is needed.
//!
//! # Scripts
//!
//! A script is a text file of JSON objects, one a line. Blank lines and lines that begin with `//` or `#` are skipped.
//! The lines are played from the first to the last; the first that is not as expected ends it.
//!
//! ```text
//! // What a person does: the user is made on first use; without `user` it is who acted last, at first `ann`.
//! {"user":"ann","says":"/start"}
//! {"user":"ann","says":"hello all","chat":"team"}        in a group of this title, made on first use
//! {"user":"ann","presses":"Yes"}                         the button with this label or this callback data
//! {"user":"ann","edits":"what I meant"}                  her last message there
//! {"update":{"poll":{"id":"5"}}}                         any update, as it is; `update_id` is added if it is missing
//!
//! // What the bot is to do.
//! {"expect":"hi"}                                        its next message has exactly this text, or caption
//! {"expect":{"text":"Sure?","reply_markup":{"inline_keyboard":[[{"text":"Yes"}]]}}}
//! {"expect":{"kind":"edit","text":"Done"}}
//! {"expect":"hi bob","user":"bob","within":"2s"}
//! {"expect_nothing":true,"within":"500ms"}
//! ```
//!
//! - `expect` looks at the bot's next event of its *kind*, in one chat: of `user`, or of the group `chat`, or, without
//!   both, where the last act was. Each event is looked at once. A text, or an object without `kind`, is about the next
//!   `message`; the other kinds are `edit`, `delete`, `callback_answer`, `chat_action`, and `refused`, a call that
//!   Telegram did not take (`method`, `error_code`, `description`, `params`). Events of different kinds may come in any
//!   order, as they do in Telegram; what no line asks for is passed over.
//! - An object matches if all that it names is there and the same, in the event or in its `message`. Members that it
//!   does not name do not matter. Arrays have the same length.
//! - `within` is how long it may take until the event is there, or the button to press; 5 s (`--timeout`) if left out.
//! - `expect_nothing` waits for the whole of `within`, 1 s if left out, for a message, edit or deletion in that chat that
//!   no line has looked at; there must be none.
//!
//! Lines that cannot be understood are all reported before anything starts, with exit code 2. The exit code is 0 if all
//! is as expected and 1 if not.

mod cast;
mod chat;
mod command;
mod formatted;
mod happening;
mod input;
mod keys;
mod line;
mod log;
mod matching;
mod paint;
mod play;
mod quiet;
mod screen;
pub mod script;
mod show;
mod terminal;
mod whereabouts;

use std::io::IsTerminal;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::exit::{Exit, Fatal};
use crate::gateway;
use crate::shutdown::Shutdown;
use crate::sim::{ActError, Sim, SimOptions};
use cast::Cast;
use happening::{Feed, Happening};
use log::LastWords;
use paint::Paint;
use screen::Screen;
use script::Script;
use show::Look;
use terminal::Terminal;
use whereabouts::Whereabouts;

/// What `asgigram dev` is to do.
#[derive(Debug)]
pub struct Options {
    /// The gateway's, all but where Telegram is.
    pub config: Config,
    /// The command of the bot, as a person would write it.
    pub command: String,
    /// Play this instead of chatting.
    pub script: Option<Script>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// 0 is normal; each step up or down says more or less.
    pub verbosity: i8,
}

/// All that takes part.
#[derive(Debug)]
struct Stage {
    bot: i64,
    sim: Sim,
    cast: Cast,
    feed: Feed,
    screen: Screen,
    paint: Paint,
    whereabouts: Whereabouts,
    last_words: LastWords,
    timeout: Duration,
    /// The signals that the process gets.
    shutdown: Shutdown,
    /// Stops the gateway.
    curtain: Shutdown,
    /// The gateway, until it has ended.
    gateway: Option<JoinHandle<Result<Exit, Fatal>>>,
}

/// Runs the bot in its own Telegram until the person or the script is done.
pub async fn run(options: Options, shutdown: Shutdown) -> Result<Exit, Fatal> {
    let failed = |error: std::io::Error| Fatal::new(Exit::Failed, error);
    let Options { mut config, command, script, timeout, verbosity } = options;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
    config.api_url = format!("http://{}", listener.local_addr().map_err(failed)?);
    let bot = config.token.bot_id();
    let sim = Sim::new(SimOptions::default());
    let over = CancellationToken::new();
    let (served, end) = (sim.clone(), over.clone());
    let serving = tokio::spawn(async move { served.serve(listener, end).await });

    // A script is no conversation: its progress is plain output.
    let terminal = if script.is_none() { Terminal::open() } else { None };
    let lines = input::open(terminal.clone()).map_err(failed)?;
    let screen = Screen::start(terminal.clone(), std::io::stderr().is_terminal()).map_err(failed)?;
    let whereabouts = Whereabouts::default();
    let log_paint = paint(std::io::stderr().is_terminal());
    let last_words = log::start(verbosity, screen.clone(), log_paint, whereabouts.clone());

    let curtain = Shutdown::manual();
    let mut stage = Stage {
        bot,
        cast: Cast::new(sim.clone(), bot),
        feed: Feed::new(sim.clone(), bot),
        sim,
        screen,
        paint: paint(std::io::stdout().is_terminal()),
        whereabouts,
        last_words,
        timeout,
        shutdown,
        curtain: curtain.clone(),
        gateway: Some(tokio::spawn(gateway::run(config, curtain))),
    };
    let played = match script {
        Some(script) => play::run(&mut stage, &script, verbosity < 0).await,
        None => chat::run(&mut stage, lines, &command).await,
    };
    if let Some(terminal) = terminal {
        terminal.close();
    }
    let stopped = stage.stop().await;
    over.cancel();
    let _ = serving.await;
    stage.screen.end().await;
    match (played, stopped) {
        (Err(fatal), _) | (_, Err(fatal)) => Err(fatal),
        (Ok(Exit::Done), Ok(exit)) | (Ok(exit), Ok(_)) => Ok(exit),
    }
}

impl Stage {
    /// The chat of a user or a group, by name; it is made if it is new.
    fn chat(&mut self, user: &str, group: Option<&str>) -> Result<i64, ActError> {
        let chat = self.cast.chat(user, group)?;
        self.whereabouts.name(chat, group.unwrap_or(user));
        Ok(chat)
    }

    /// Prints what happened.
    async fn tell(&mut self, happenings: Vec<Happening>) {
        for happening in happenings {
            self.cast.saw(&happening);
            let elsewhere = self.whereabouts.elsewhere(happening.chat);
            let look = Look { paint: self.paint, elsewhere: elsewhere.as_deref() };
            self.screen.show(look.lines(&happening)).await;
        }
    }

    /// How many updates the gateway has not taken yet.
    fn pending(&self) -> u64 {
        let state = self.sim.bot_state(self.bot).unwrap_or_default();
        let state: serde_json::Value = serde_json::from_str(&state).unwrap_or_default();
        state["pending"].as_u64().unwrap_or(0)
    }

    /// What a gateway that ended by itself came to; it is not waited for again.
    fn gateway_ended(&mut self, ended: Result<Result<Exit, Fatal>, tokio::task::JoinError>) -> Fatal {
        self.gateway = None;
        match ended {
            Ok(Err(fatal)) => fatal,
            Ok(Ok(_)) => Fatal::new(Exit::Failed, anyhow::anyhow!("the gateway ended by itself")),
            Err(panic) => Fatal::new(Exit::Failed, panic),
        }
    }

    /// Stops the gateway as it stops on a signal: the bot's processes get their disconnect, and what they still send is
    /// shown. A further signal hurries it.
    async fn stop(&mut self) -> Result<Exit, Fatal> {
        let Some(mut gateway) = self.gateway.take() else { return Ok(Exit::Done) };
        let so_far = self.shutdown.requested(0).await.count;
        self.curtain.request(0);
        let mut hurried = false;
        let ended = loop {
            tokio::select! {
                ended = &mut gateway => break ended,
                happenings = self.feed.next() => self.tell(happenings).await,
                requests = self.shutdown.requested(so_far + 1), if !hurried => {
                    hurried = true;
                    self.curtain.request(requests.signal);
                }
            }
        };
        let rest = self.feed.rest().await;
        self.tell(rest).await;
        match ended {
            Ok(ended) => ended,
            Err(panic) => Err(Fatal::new(Exit::Failed, panic)),
        }
    }
}

/// The gateway's end, for a `select!`: never, once it was seen.
async fn ended(
    gateway: &mut Option<JoinHandle<Result<Exit, Fatal>>>,
) -> Result<Result<Exit, Fatal>, tokio::task::JoinError> {
    match gateway {
        Some(gateway) => gateway.await,
        None => std::future::pending().await,
    }
}

/// Colours, on a terminal that has some and where nobody objects (<https://no-color.org>).
fn paint(is_terminal: bool) -> Paint {
    let objected = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let simple = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
    Paint { colours: is_terminal && !objected && !simple }
}
