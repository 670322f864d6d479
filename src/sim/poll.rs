//! getUpdates: reading the queue, or waiting for it to fill.
//! A parked poll is a task of its own: a client that goes away does not end it, only time, an update, a newer poll, a
//! webhook or the end of the simulator does.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::answer::{Failure, Outcome, done};
use super::bot::{Bot, Polls, State};
use super::clock::Clock;
use super::params::Params;

/// Longest wait of a poll, in seconds; more is cut to it.
const MAX_TIMEOUT: i32 = 50;
/// Most updates in one answer.
const MAX_LIMIT: i32 = 100;
/// A poll with the offset of its forerunner, less than so long after it, waits at least this.
const SPIN_TIMEOUT: i32 = 3;
const SPIN_MS: i64 = 3000;
/// A poll with the offset of its forerunner, less than so long after it, gets one update.
const SPIN_LIMIT_MS: i64 = 500;
/// A conflict so soon after the last one that was told at once is told this much later.
const CONFLICT_MS: i64 = 3000;
/// How long a woken poll waits for more, to answer with a small batch.
const BATCH: Duration = Duration::from_millis(1);

const WEBHOOK_ACTIVE: &str = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
/// What the older of two polls is told.
pub(crate) const OTHER_POLL: &str =
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";

/// A poll's wish, after the server's clamping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wish {
    limit: usize,
    timeout_seconds: u64,
}

/// Performs a getUpdates call; may take as long as its timeout.
pub(crate) async fn get_updates(
    bot: Arc<Bot>,
    clock: &Clock,
    params: &Params,
    stop: &CancellationToken,
) -> Outcome {
    let outcome = tokio::select! {
        outcome = poll(&bot, clock, params) => outcome,
        () = stop.cancelled() => Err(Failure::too_many(5)),
    };
    match outcome {
        Err(failure) if failure.code == 409 => {
            let delay = conflict_delay(&mut bot.state().polls, clock.now_ms());
            tokio::select! {
                () = sleep(delay) => {}
                () = stop.cancelled() => {}
            }
            Err(failure)
        }
        outcome => outcome,
    }
}

/// The first conflict is told at once, those soon after it late.
fn conflict_delay(polls: &mut Polls, now_ms: i64) -> Duration {
    if polls.last_conflict_ms.is_some_and(|last_ms| now_ms - last_ms < CONFLICT_MS) {
        return Duration::from_millis(CONFLICT_MS.unsigned_abs());
    }
    polls.last_conflict_ms = Some(now_ms);
    Duration::ZERO
}

async fn poll(bot: &Bot, clock: &Clock, params: &Params) -> Outcome {
    let began = Instant::now();
    let (wish, ticket) = {
        let mut state = bot.state();
        let wish = begin(&mut state, params, clock.now_ms())?;
        if let Some(updates) = state.queue.read(wish.limit, clock.now_ms()) {
            return done(updates);
        }
        if wish.timeout_seconds == 0 {
            return done("[]");
        }
        let ticket = park(&mut state);
        (wish, ticket)
    };
    // An older poll that was parked finds out that it is not any more.
    bot.ring_updates();
    // The bell is heard from before the state is looked at, so that no ring falls between.
    let mut bell = Box::pin(bot.updates_bell.notified());
    bell.as_mut().enable();
    let deadline = began + Duration::from_secs(wish.timeout_seconds);
    loop {
        let found = look(&mut bot.state(), ticket, clock.now_ms(), wish.limit, false);
        if let Some(outcome) = found {
            // Something came: wait a moment for its companions.
            if outcome.is_ok() {
                sleep(BATCH).await;
            }
            return look(&mut bot.state(), ticket, clock.now_ms(), wish.limit, true).unwrap_or(outcome);
        }
        let rung = timeout_at(deadline, bell.as_mut()).await;
        if rung.is_err() {
            let mut state = bot.state();
            let last = look(&mut state, ticket, clock.now_ms(), wish.limit, true);
            if state.polls.parked == Some(ticket) {
                state.polls.parked = None;
            }
            return last.unwrap_or_else(|| done("[]"));
        }
        bell.set(bot.updates_bell.notified());
        bell.as_mut().enable();
    }
}

/// Applies a poll's parameters to the state.
fn begin(state: &mut State, params: &Params, now_ms: i64) -> Result<Wish, Failure> {
    if state.logged_out_until_ms.is_some_and(|until_ms| now_ms < until_ms) {
        return Err(Failure::new(400, "Logged out"));
    }
    if !state.webhook.url.is_empty() {
        return Err(Failure::new(409, WEBHOOK_ACTIVE));
    }
    let offset = params.int("offset");
    let mut limit =
        if params.some_text("limit").is_some() { params.int("limit").clamp(1, MAX_LIMIT) } else { MAX_LIMIT };
    let mut timeout = params.int("timeout").clamp(0, MAX_TIMEOUT);
    state.allowed.set(params.text("allowed_updates"));
    let polls = &mut state.polls;
    if polls.last_offset == Some(offset) {
        let since_ms = now_ms - polls.last_began_ms;
        if timeout < SPIN_TIMEOUT && since_ms < SPIN_MS {
            timeout = SPIN_TIMEOUT;
        }
        if since_ms < SPIN_LIMIT_MS {
            limit = 1;
        }
    }
    polls.last_offset = Some(offset);
    polls.last_began_ms = now_ms;
    if state.queue.confirm(i64::from(offset)) {
        state.polls.confirmed = Some(i64::from(offset));
    }
    let (limit, timeout_seconds) = (limit.unsigned_abs() as usize, u64::from(timeout.unsigned_abs()));
    Ok(Wish { limit, timeout_seconds })
}

/// Takes the place of the parked poll; the one that had it is terminated.
fn park(state: &mut State) -> u64 {
    state.terminate_poll(Failure::new(409, OTHER_POLL));
    state.polls.last_ticket += 1;
    state.polls.parked = Some(state.polls.last_ticket);
    state.polls.last_ticket
}

/// What a parked poll finds when it looks: nothing yet, updates, or that it lost its place. With `leave` it gives up
/// its place when it has found updates.
fn look(state: &mut State, ticket: u64, now_ms: i64, limit: usize, leave: bool) -> Option<Outcome> {
    if state.polls.parked != Some(ticket) {
        let failure = state.polls.terminated.clone();
        return Some(Err(failure.unwrap_or_else(|| Failure::new(409, OTHER_POLL))));
    }
    let updates = state.queue.read(limit, now_ms)?;
    if leave {
        state.polls.parked = None;
    }
    Some(done(updates))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin_with(bot: &Bot, form: &str, now_ms: i64) -> Result<Wish, Failure> {
        let mut params = Params::default();
        params.add_form(form.as_bytes());
        begin(&mut bot.state(), &params, now_ms)
    }

    #[test]
    fn wishes_are_clamped() {
        let bot = Bot::new(1, 100, None);
        for (now, (form, limit, timeout_seconds)) in [
            ("", 100, 0),
            ("limit=0&offset=1", 1, 0),
            ("limit=500&timeout=500&offset=2", 100, 50),
            ("limit=-3&timeout=-1&offset=3", 1, 0),
            ("limit=abc&timeout=9x&offset=4", 1, 9),
            ("limit=&offset=5", 100, 0),
        ]
        .into_iter()
        .enumerate()
        {
            let wish = begin_with(&bot, form, now as i64).unwrap();
            assert_eq!(wish, Wish { limit, timeout_seconds }, "{form}");
        }
    }

    #[test]
    fn the_same_offset_again_is_slowed_down() {
        let bot = Bot::new(1, 100, None);
        begin_with(&bot, "offset=7", 0).unwrap();
        assert_eq!(begin_with(&bot, "offset=7", 499).unwrap(), Wish { limit: 1, timeout_seconds: 3 });
        assert_eq!(begin_with(&bot, "offset=7", 3498).unwrap(), Wish { limit: 100, timeout_seconds: 3 });
        assert_eq!(
            begin_with(&bot, "offset=7&timeout=5", 3600).unwrap(),
            Wish { limit: 1, timeout_seconds: 5 }
        );
        assert_eq!(begin_with(&bot, "offset=7", 6600).unwrap(), Wish { limit: 100, timeout_seconds: 0 });
        assert_eq!(begin_with(&bot, "offset=8", 6601).unwrap(), Wish { limit: 100, timeout_seconds: 0 });
    }

    #[test]
    fn conflicts_in_a_row_are_told_late() {
        let mut polls = Polls::default();
        assert_eq!(conflict_delay(&mut polls, 10), Duration::ZERO);
        assert_eq!(conflict_delay(&mut polls, 3009), Duration::from_secs(3));
        assert_eq!(conflict_delay(&mut polls, 3010), Duration::ZERO);
    }
}
