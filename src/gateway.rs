//! The life of a gateway, from the token to the last worker: all wiring is here and nowhere else.
//!
//! Owns the order in which parts begin and end. It does none of their work.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::exit::{Exit, Fatal};
use crate::guardian;
use crate::journal::{Journal, JournalConfig, JournalError, OpenError};
use crate::key::ScopeKey;
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::poller::{self, IdentifyError, PollError, PollerConfig};
use crate::polls::Polls;
use crate::router::Router;
use crate::scope::{Order, Program, Reason, Surroundings};
use crate::shutdown::{Requests, Shutdown};
use crate::telegram::{Client, ClientConfig};
use crate::wire::Bot;
use crate::worker::{EnvironmentPlan, Launcher, LauncherConfig, end_of_run, raise_open_file_limit};

/// How many batches of scopes' names may wait for the router. It never waits long; when full, polling does.
const ARRIVALS: usize = 16;
/// How long the last lines of workers that have been ended may take to be worked off.
const LAST_LINES: Duration = Duration::from_millis(500);
/// Descriptors that are not a worker's: connections to Telegram, listeners, the log. At most half of what there is.
const OWN_DESCRIPTORS: u64 = 400;
/// What a worker costs: both ends of its stdin, its stdout, its stderr, and the one that tells of its end.
const DESCRIPTORS_A_WORKER: u64 = 5;

/// Runs a gateway until `shutdown` asks it to stop. What it is asked twice it does at once.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<Exit, Fatal> {
    let client = Client::new(ClientConfig::new(config.api_url.clone(), config.token.clone()))
        .map_err(|error| Fatal::new(Exit::Usage, error))?;
    if let Some(guardian) = config.guardian {
        guardian::watch(guardian, shutdown.clone()).map_err(|error| Fatal::new(Exit::Failed, error))?;
    }
    let bot = tokio::select! {
        bot = poller::identify(&client) => bot.map_err(bad_bot)?,
        requests = shutdown.requested(1) => return stopped_early(requests),
    };
    // The first part of every worker's mark.
    let run = format!("{:08x}", fastrand::u32(..));
    let polls = Polls::default();
    let metrics = Arc::new(Metrics::default());
    let journal = tokio::select! {
        journal = open_journal(&config) => journal?,
        requests = shutdown.requested(1) => return stopped_early(requests),
    };
    let outbox = Outbox::new(client.clone(), journal.clone(), polls.clone(), metrics.clone());
    let program = Program::new(config.updates.clone());
    let argv = config.command.argv();
    if remembers_acks(&journal, &argv).await.map_err(broken_journal)? {
        program.has_acked();
    }
    let bot = Bot { id: bot.id, username: bot.username.unwrap_or_default(), user: bot.raw };
    let (launcher, max_live) = launcher(&config, &bot, run.clone());
    tracing::info!(
        bot = format!("@{} ({})", bot.username, bot.id),
        api = config.api_url,
        worker = %config.command.program.display(),
        processes = max_live,
        "ready"
    );
    match journal.caveat() {
        Some(caveat) if journal.survives() => tracing::warn!("{caveat}"),
        Some(caveat) => tracing::info!("{caveat}"),
        None => {}
    }

    let poller_config = PollerConfig {
        poll_timeout: config.poll_timeout,
        drop_pending: config.drop_pending,
        delete_webhook: config.delete_webhook,
        polls: Arc::new(move |poll_id| polls.sender(poll_id)),
        ..PollerConfig::new(bot.id)
    };
    let around = Surroundings {
        journal: journal.clone(),
        outbox: outbox.clone(),
        launcher,
        program: program.clone(),
        bot: Arc::new(bot),
        rules: config.rules.clone(),
        metrics: metrics.clone(),
    };
    outbox.restore().await.map_err(broken_journal)?;
    tokio::spawn(remember_acks(program.clone(), journal.clone(), argv.clone()));
    let (names, arrivals) = mpsc::channel(ARRIVALS);
    let stop_polling = CancellationToken::new();
    tokio::spawn(tell_of_retries(journal.clone(), names.clone(), stop_polling.clone()));
    let owed = journal.owed_scopes().await.map_err(broken_journal)?;
    if !owed.is_empty() {
        tracing::info!("{}", still_owed(journal.len(), owed.len()));
        // The queue is new and has room.
        let _ = names.try_send(owed);
    }
    let (orders, ordered) = watch::channel(Order::Serve);
    let mut poller = tokio::spawn(poller::run(
        poller_config,
        client,
        journal.clone(),
        names,
        program.asked(),
        stop_polling.clone(),
    ));
    let router = tokio::spawn(Router::new(around, max_live).run(arrivals, ordered));

    let broken = tokio::select! {
        _ = shutdown.requested(1) => None,
        ended = &mut poller => Some(poller_ended(ended)),
        error = journal.broken() => Some(broken_journal(error)),
    };
    stop_polling.cancel();
    let stop = Stop { orders, router, outbox, run, drain: config.drain, grace: config.grace };
    let exit = stop.run(&shutdown).await?;
    if !poller.is_finished() {
        // It confirms the last updates, within a deadline of its own.
        let _ = poller.await;
    }
    tell_what_was_done(&metrics, &journal);
    let broken = match (broken, journal.close().await) {
        (None, Err(error)) => Some(broken_journal(error)),
        (broken, _) => broken,
    };
    match broken {
        Some(fatal) => Err(fatal),
        None => Ok(exit),
    }
}

/// It was asked to stop before it had begun.
fn stopped_early(requests: Requests) -> Result<Exit, Fatal> {
    if requests.unguarded { Err(unguarded()) } else { Ok(Exit::Done) }
}

async fn remembers_acks(journal: &Journal, argv: &[Vec<u8>]) -> Result<bool, JournalError> {
    let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
    journal.remembers(&argv, "acks").await
}

/// A program that has once acknowledged is held to it for ever (protocol.md, `gateway.hello`).
async fn remember_acks(program: Program, journal: Journal, argv: Vec<Vec<u8>>) {
    program.learned_acks().await;
    let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
    if let Err(error) = journal.remember(&argv, "acks").await {
        tracing::warn!("the journal: {error}");
    }
}

/// What a person had tried again is news to the router like what Telegram sends.
async fn tell_of_retries(journal: Journal, names: mpsc::Sender<Vec<ScopeKey>>, stop: CancellationToken) {
    let tell = async { while names.send(journal.retried().await).await.is_ok() {} };
    tokio::select! {
        () = tell => {}
        () = stop.cancelled() => {}
    }
}

fn launcher(config: &Config, bot: &Bot, run: String) -> (Launcher, usize) {
    let open_files = raise_open_file_limit();
    let room = open_files.map(|(_, limit)| (limit - OWN_DESCRIPTORS.min(limit / 2)) / DESCRIPTORS_A_WORKER);
    let room = room.map_or(usize::MAX, |room| usize::try_from(room.max(1)).unwrap_or(usize::MAX));
    if room < config.max_live {
        tracing::warn!(
            help = "raise the hard limit (`ulimit -Hn`, `LimitNOFILE=` of a systemd unit)",
            "the limit of open files allows {room} processes at once, not {}: more scopes than that take turns",
            config.max_live
        );
    }
    let mut environment = EnvironmentPlan::new(
        std::env::vars_os(),
        &config.option_variables,
        config.token.expose(),
        bot.id,
        &bot.username,
    );
    environment.set.extend(config.command.variables.clone());
    let launcher = Launcher::new(LauncherConfig {
        program: config.command.program.clone(),
        args: config.command.args.clone(),
        environment,
        grace: config.grace,
        max_line: config.max_line,
        open_files: open_files.map(|(before, _)| before),
        run,
        guardian: config.guardian,
    });
    (launcher, config.max_live.min(room))
}

/// The stages of the end, each with its deadline.
struct Stop {
    orders: watch::Sender<Order>,
    router: JoinHandle<()>,
    outbox: Outbox,
    run: String,
    drain: Duration,
    grace: Duration,
}

impl Stop {
    /// Workers finish what is in flight, are ended, and what they sent goes out. A second request ends all at once, and so
    /// does the loss of the guardian, which is an error.
    async fn run(mut self, shutdown: &Shutdown) -> Result<Exit, Fatal> {
        if shutdown.so_far().unguarded {
            return Err(self.end_all().await);
        }
        tracing::info!(
            "stopping: waiting up to {:?} for what is in flight (again to stop at once)",
            self.drain
        );
        self.orders.send_replace(Order::Drain);
        let gentle = async {
            let mut unsent = 0;
            if tokio::time::timeout(self.drain, &mut self.router).await.is_err() {
                tracing::info!("stopping: ending the workers that are still busy, within {:?}", self.grace);
                self.orders.send_replace(Order::End(Reason::Shutdown));
                let ended = tokio::time::timeout(self.grace + LAST_LINES, &mut self.router).await;
                if ended.is_err() {
                    // A scope still waits for room in the lane of a chat that Telegram holds. Giving up makes room.
                    unsent = self.outbox.close(Duration::ZERO).await;
                    let _ = (&mut self.router).await;
                }
            }
            unsent += self.outbox.close(self.drain).await;
            if unsent > 0 {
                tracing::warn!(
                    unsent,
                    "stopped with sends that Telegram did not take in time: they are lost"
                );
            }
        };
        let hurried = tokio::select! {
            () = gentle => return Ok(Exit::Done),
            requests = shutdown.requested(2) => requests,
        };
        if hurried.unguarded {
            return Err(self.end_all().await);
        }
        tracing::warn!("stopping at once");
        self.orders.send_replace(Order::Kill);
        // SIGKILL and reaping take milliseconds.
        let _ = tokio::time::timeout(Duration::from_secs(1), &mut self.router).await;
        Ok(match hurried.signal {
            0 => Exit::Failed,
            number => Exit::Signal(number),
        })
    }

    /// Does what the guardian would have done.
    async fn end_all(mut self) -> Fatal {
        self.orders.send_replace(Order::Kill);
        let run = std::mem::take(&mut self.run);
        let remains = tokio::task::spawn_blocking(move || end_of_run(&run));
        let _ = tokio::time::timeout(Duration::from_secs(1), &mut self.router).await;
        let left = remains.await.unwrap_or_default().left;
        if left > 0 {
            tracing::warn!(processes = left, "processes of workers outlive SIGKILL");
        }
        unguarded()
    }
}

fn unguarded() -> Fatal {
    let error =
        anyhow::anyhow!("the guardian, the parent of this gateway, was killed: all workers are ended");
    Fatal::new(Exit::Failed, error).with_help("stop the gateway by SIGTERM to either of the two processes")
}

fn bad_bot(error: IdentifyError) -> Fatal {
    let (exit, help) = match &error {
        IdentifyError::BadToken(_) => (
            Exit::BadToken,
            Some(
                "check the token: @BotFather shows it under /mybots, and a revoked one is never valid again. \
                 Check --api-url too if you gave one",
            ),
        ),
        IdentifyError::Refused(_) | IdentifyError::Odd(_) => (Exit::Failed, Some("check --api-url")),
    };
    let fatal = Fatal::new(exit, error);
    match help {
        Some(help) => fatal.with_help(help),
        None => fatal,
    }
}

fn poller_ended(ended: Result<Result<(), PollError>, tokio::task::JoinError>) -> Fatal {
    let error = match ended {
        Ok(Ok(())) => anyhow::anyhow!("polling ended by itself"),
        Ok(Err(PollError::Journal(error))) => {
            return broken_journal(error);
        }
        Ok(Err(error)) => error.into(),
        Err(panic) => panic.into(),
    };
    Fatal::new(Exit::Failed, error.context("polling ended"))
}

async fn open_journal(config: &Config) -> Result<Journal, Fatal> {
    let config = JournalConfig {
        place: config.journal.clone(),
        bot_id: config.token.bot_id(),
        max_bytes: config.journal_max,
        wait: config.wait,
    };
    let refused = |error: OpenError| {
        let help = error.help();
        Fatal::new(Exit::Journal, error).with_help(help)
    };
    Journal::open(&config).await.map_err(refused)
}

fn broken_journal(error: JournalError) -> Fatal {
    let help = error.help();
    Fatal::new(Exit::Journal, error).with_help(help)
}

fn still_owed(updates: usize, scopes: usize) -> String {
    let some = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let are = if updates == 1 { "is" } else { "are" };
    format!("{} {are} still owed to {}", some(updates, "update"), some(scopes, "chat"))
}

fn tell_what_was_done(metrics: &Metrics, journal: &Journal) {
    let unsettled = journal.len();
    tracing::info!(
        settled = metrics.settled.get(),
        given_up = metrics.given_up.get(),
        not_wanted = metrics.not_wanted.get(),
        sent = metrics.sent.get(),
        failed_sends = metrics.failed.get(),
        processes = metrics.started.get(),
        "stopped"
    );
    if unsettled > 0 && journal.survives() {
        tracing::info!(
            unsettled,
            "these updates were with no worker to the end: they come again at the next start"
        );
    } else if unsettled > 0 {
        tracing::warn!(
            name: "lost_at_end",
            unsettled,
            "these updates were with no worker to the end: they are lost with this gateway"
        );
    }
}
