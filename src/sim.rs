//! The Bot API simulator: a Telegram server on loopback, to write and test bots without a token and a network.
//!
//! A request of a bot goes `connection → http → upload/params → methods (or poll) → answer`; what a test or a chat
//! page does goes through `control` to `acts`, the same functions a program in the same process calls on [`Sim`].
//! Everything a bot does is in its `log`, everything its users do in its `queue`.
//!
//! Owns the simulated world: bots, users, chats, messages, queries, the update queues and the clock. It is an
//! independent oracle: it shares no code with the rest of the program, so that a mistake there is not repeated here.
//! It never delivers to webhooks and never leaves this machine.

mod acts;
mod allowed;
mod answer;
mod bot;
mod chats;
mod clock;
mod connection;
mod control;
mod entities;
mod facts;
mod faults;
mod files;
mod guard;
mod http;
mod inject;
mod inspect;
mod json;
mod limits;
mod log;
mod markup;
mod message;
mod methods;
mod params;
mod poll;
mod queue;
#[cfg(test)]
mod tests;
mod token;
mod upload;
mod watch;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use dashmap::DashMap;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use answer::Failure;
use bot::Bot;
use clock::Clock;
use connection::{Breakable, Breaker};
use faults::Faults;

pub use acts::{ActError, Button, ChatSpec, Says};
pub use faults::Fault;
pub use limits::RateLimits;
pub use log::{Call, Event, EventKind};
pub use watch::{Calls, CallsWanted, Events};

/// Most bots at once; a token of one more is answered with 429.
const MAX_BOTS: usize = 10_000;
/// How long open connections may take to finish after the stop.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// How a simulator is set up.
#[derive(Debug, Clone, Default)]
pub struct SimOptions {
    /// The id of every bot's first update; random in Telegram's range if `None`.
    pub first_update_id: Option<i64>,
    /// Telegram's pace, answered with 429 when it is exceeded; none if `None`.
    pub rate_limits: Option<RateLimits>,
    /// Host names, beside IP addresses and `localhost`, under which the control API may be used.
    pub hosts: Vec<String>,
}

/// A simulator. Cheap to clone: all clones are the same world, also when several listeners serve it.
#[derive(Debug, Clone)]
pub struct Sim {
    world: Arc<World>,
}

#[derive(Debug)]
struct World {
    options: SimOptions,
    clock: Clock,
    bots: DashMap<i64, Arc<Bot>>,
    faults: Mutex<Faults>,
}

impl Sim {
    /// An empty world.
    #[must_use]
    pub fn new(options: SimOptions) -> Sim {
        let (bots, faults) = (DashMap::new(), Mutex::new(Faults::default()));
        Sim { world: Arc::new(World { options, clock: Clock::default(), bots, faults }) }
    }

    /// Serves the Bot API and the control API on a bound listener until `stop` is cancelled. Parked polls are then
    /// answered at once, and connections get a second to finish.
    ///
    /// # Errors
    /// If the listener's address cannot be read.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        listener.local_addr()?;
        let app = Router::new()
            .nest("/sim", control::routes(self))
            .fallback(http::handle)
            .layer(axum::Extension(stop.clone()))
            .layer(DefaultBodyLimit::disable())
            .with_state(self.clone());
        let app = app.into_make_service_with_connect_info::<Breaker>();
        let server =
            axum::serve(Breakable(listener), app).with_graceful_shutdown(stop.clone().cancelled_owned());
        let overdue = async {
            stop.cancelled().await;
            tokio::time::sleep(STOP_GRACE).await;
        };
        tokio::select! {
            ended = async { server.await } => ended,
            () = overdue => Ok(()),
        }
    }

    /// The bot with that number, made on first use.
    ///
    /// # Errors
    /// 429 if there are too many bots.
    fn bot(&self, id: i64) -> Result<Arc<Bot>, Failure> {
        if let Some(bot) = self.world.bots.get(&id) {
            return Ok(bot.clone());
        }
        if self.world.bots.len() >= MAX_BOTS {
            return Err(Failure::too_many(60));
        }
        let first_id = self.world.options.first_update_id.unwrap_or_else(queue::random_first_id);
        let made = self
            .world
            .bots
            .entry(id)
            .or_insert_with(|| Arc::new(Bot::new(id, first_id, self.world.options.rate_limits)));
        Ok(made.clone())
    }

    fn clock(&self) -> &Clock {
        &self.world.clock
    }

    fn take_fault(&self, bot: i64, method: &str, chat_id: &str) -> Option<Fault> {
        self.faults().take(bot, method, chat_id)
    }

    fn faults(&self) -> std::sync::MutexGuard<'_, Faults> {
        self.world.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
