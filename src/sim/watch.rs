//! Waiting for what a bot does: its calls, and what it makes visible.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Sim;
use super::acts::ActError;
use super::log::{Call, Event};

/// Longest wait; more is cut to it.
const MAX_WAIT: Duration = Duration::from_secs(600);

/// Which calls are wanted.
#[derive(Debug, Clone, Default)]
pub struct CallsWanted {
    /// Only calls after this number; 0 for all that are still kept.
    pub since: u64,
    /// Only this method, in any case.
    pub method: Option<String>,
    /// The getUpdates calls, which have a list and numbers of their own, instead of all others.
    pub polls: bool,
    /// How long to wait for at least one.
    pub wait: Duration,
}

/// Calls, in the order in which they were answered.
#[derive(Debug)]
pub struct Calls {
    /// The calls.
    pub calls: Vec<Arc<Call>>,
    /// What to give as `since` to get those after them.
    pub next: u64,
}

/// Events, in order.
#[derive(Debug)]
pub struct Events {
    /// The events.
    pub events: Vec<Arc<Event>>,
    /// What to give as `since` to get those after them.
    pub next: u64,
}

impl Sim {
    /// The calls a bot has made, up to 100,000 and 64 MiB back. Waits until there is one, or for the wanted time.
    ///
    /// # Errors
    /// If the number cannot be a bot's.
    pub async fn calls(&self, bot: i64, wanted: &CallsWanted) -> Result<Calls, ActError> {
        let bot = self.existing_or_new(bot)?;
        let likes = |call: &Call| {
            wanted.method.as_deref().is_none_or(|method| method.eq_ignore_ascii_case(&call.method))
        };
        let look = || {
            let (calls, next) = bot.log().calls(wanted.since, wanted.polls, likes);
            (!calls.is_empty(), Calls { calls, next })
        };
        Ok(until(&bot.log_bell, wanted.wait, look).await)
    }

    /// What a bot has made visible after event number `since`, up to 100,000 events and 64 MiB back. Waits until
    /// there is something, or for the given time. A program that follows a chat calls it in a loop with `next`.
    ///
    /// # Errors
    /// If the number cannot be a bot's.
    pub async fn events(&self, bot: i64, since: u64, wait: Duration) -> Result<Events, ActError> {
        let bot = self.existing_or_new(bot)?;
        let look = || {
            let (events, next) = bot.log().events(since);
            (!events.is_empty(), Events { events, next })
        };
        Ok(until(&bot.log_bell, wait, look).await)
    }
}

/// Looks, and looks again whenever the bell rings, until it is satisfied or the time is over.
async fn until<T>(bell: &tokio::sync::Notify, wait: Duration, look: impl Fn() -> (bool, T)) -> T {
    let deadline = Instant::now() + wait.min(MAX_WAIT);
    loop {
        let mut rung = std::pin::pin!(bell.notified());
        rung.as_mut().enable();
        let (satisfied, found) = look();
        if satisfied || timeout_at(deadline, rung).await.is_err() {
            return found;
        }
    }
}
