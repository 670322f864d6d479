//! One scope while it has a process: the loop between its worker, the journal and the outbox.
//!
//! Owns the worker and performs what [`state`] decides. A scope lives as long as its process: the router starts it again
//! when something is owed. It never decides which scopes live, and never waits for another scope.

mod effects;
mod event;
mod expiry;
mod live;
mod program;
mod sends;
mod session;
mod state;
mod suspicion;

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::journal::{Journal, Owed};
use crate::key::{self, ScopeKey};
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::wire::{Bot, Opening};
use crate::worker::{Launcher, StartError, WorkerIdentity};
pub use event::{Carry, Rules};
pub use live::{Bell, Live, Order, Reason, Standing};
pub use program::Program;
use session::Session;
use state::State;

/// What all scopes of a gateway share.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// What is owed.
    pub journal: Journal,
    /// What goes to Telegram.
    pub outbox: Outbox,
    /// Starts workers.
    pub launcher: Launcher,
    /// What the command has told of itself.
    pub program: Program,
    /// Who the bot is.
    pub bot: Arc<Bot>,
    /// What the operator decided.
    pub rules: Rules,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// How a scope's time ended.
#[derive(Debug)]
pub struct Ended {
    /// What the next process must know.
    pub carry: Carry,
    /// The machine had no room for a process.
    pub machine_is_full: bool,
}

/// Serves a scope with one process until that ends.
pub async fn run(around: Surroundings, key: ScopeKey, carry: Carry, live: Arc<Live>) -> Ended {
    let ended = Ended { carry, machine_is_full: false };
    let Some(first) = first_owed(&around, &key).await else { return ended };
    let opening = opening(&key, &first, &around.bot);
    let identity = WorkerIdentity {
        scope: key.to_string(),
        chat_id: key.chat_id(),
        user_id: match key {
            ScopeKey::User(id) => Some(id),
            _ => None,
        },
    };
    match around.launcher.start(identity).await {
        Ok((worker, events)) => {
            around.metrics.started.add();
            tracing::debug!(scope = %key, pid = worker.pid, "worker started");
            let state = State::new(around.rules.clone(), carry, Instant::now(), SystemTime::now());
            let carry = Session::new(around, key, live, worker, state).serve(events, opening).await;
            Ended { carry, machine_is_full: false }
        }
        Err(StartError::Busy(error)) => {
            tracing::debug!(scope = %key, "no worker yet: {error}");
            Ended { machine_is_full: true, ..ended }
        }
        Err(error) => {
            tracing::error!(scope = %key, "no worker: {error}");
            if around.program.failed(&key) {
                say_that_the_program_fails(&error.to_string(), "");
            }
            Ended { carry: state::after_failed_start(&around.rules, carry, Instant::now()), ..ended }
        }
    }
}

/// One line for the operator when the program becomes the suspect: how the process that made it so ended, and what it said.
fn say_that_the_program_fails(status: &str, last_words: &str) {
    tracing::error!(
        status,
        last_words,
        "the program fails whatever it is given, in chat after chat: deliveries pause but for one probe at a time, and no \
         update is charged\nhelp: mend the program; the first update it gets done resumes all"
    );
}

/// The first update that the program takes; those before it that it does not take are settled.
async fn first_owed(around: &Surroundings, key: &ScopeKey) -> Option<Owed> {
    loop {
        let owed = around.journal.owed(key, None, 1).await.unwrap_or_default().pop()?;
        if around.program.takes(&owed.kind) {
            return Some(owed);
        }
        around.metrics.not_wanted.add();
        around.journal.settle(key, owed.row).await.ok()?;
    }
}

/// Whose scope it is, with the whole object if the first update has it.
fn opening(key: &ScopeKey, first: &Owed, bot: &Bot) -> Opening {
    let payload: Option<&RawValue> = serde_json::from_slice(&first.payload).ok();
    let subject = payload
        .map(|payload| key::route(&first.kind, payload, bot.id))
        .filter(|route| route.key == *key)
        .and_then(|route| route.subject.map(ToOwned::to_owned));
    let or_id = |subject: Option<Box<RawValue>>, id: i64| {
        let only_id = || RawValue::from_string(format!("{{\"id\":{id}}}")).expect("this is JSON");
        subject.unwrap_or_else(only_id)
    };
    match key {
        ScopeKey::Chat(id) => Opening::Chat(or_id(subject, *id)),
        ScopeKey::User(id) if *id == bot.id => Opening::User(subject.unwrap_or_else(|| bot.user.clone())),
        ScopeKey::User(id) => Opening::User(or_id(subject, *id)),
        ScopeKey::Business { connection, chat } => {
            Opening::Business { connection: connection.to_string(), chat: or_id(subject, *chat) }
        }
    }
}
