//! Whether a call that failed is made again, and when: pure.
//!
//! Owns that judgement. 429 is Telegram's word and always obeyed; what may pass is tried for ten minutes.

use std::time::Duration;

use tokio::time::Instant;

use crate::telegram::ApiError;

/// How long a call that may still succeed is made again before it has failed.
const PATIENCE: Duration = Duration::from_secs(600);
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What to do about an error.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// Make the same call again.
    Again {
        /// When.
        after: Duration,
    },
    /// This is its outcome.
    Failed,
}

/// The history of one send.
#[derive(Debug)]
pub(super) struct Backoff {
    begun: Instant,
    tries: u32,
    /// Whether it is made again when it was perhaps delivered.
    retry: bool,
}

impl Backoff {
    pub(super) fn new(retry: bool, now: Instant) -> Self {
        Backoff { begun: now, tries: 0, retry }
    }

    pub(super) fn verdict(&mut self, error: &ApiError, now: Instant) -> Verdict {
        if let Some(seconds) = error.retry_after() {
            return Verdict::Again { after: Duration::from_secs(seconds.max(1)) };
        }
        // Such an error says nothing of this send: it waits until the bot is itself again.
        let of_the_bot = error.speaks_of_the_bot();
        let hopeless =
            !error.is_passing() || now > self.begun + PATIENCE || (error.maybe_delivered() && !self.retry);
        if hopeless && !of_the_bot {
            return Verdict::Failed;
        }
        let wait = FIRST_WAIT.saturating_mul(1 << self.tries.min(10)).min(LONGEST_WAIT);
        self.tries += 1;
        // Between half and all of it, so that lanes that failed together do not come back together.
        Verdict::Again { after: wait.mul_f64(0.5 + fastrand::f64() / 2.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telegram::TransportFault;

    fn rejected(code: u16, description: &str, retry_after: Option<u64>) -> ApiError {
        ApiError::Rejected {
            code,
            description: description.into(),
            retry_after,
            migrate_to_chat_id: None,
            parameters: None,
        }
    }

    fn broken(maybe_delivered: bool) -> ApiError {
        ApiError::Transport { maybe_delivered, fault: TransportFault::Broken, detail: "reset".into() }
    }

    fn again(backoff: &mut Backoff, error: &ApiError, now: Instant) -> Option<Duration> {
        match backoff.verdict(error, now) {
            Verdict::Again { after } => Some(after),
            Verdict::Failed => None,
        }
    }

    #[test]
    fn telegrams_word_is_obeyed_to_the_second() {
        let now = Instant::now();
        let mut backoff = Backoff::new(true, now);
        let flood = rejected(429, "Too Many Requests: retry after 3000", Some(3000));
        assert_eq!(again(&mut backoff, &flood, now), Some(Duration::from_secs(3000)));
        assert_eq!(again(&mut backoff, &rejected(400, "Bad Request: chat not found", None), now), None);
    }

    #[test]
    fn what_may_pass_is_tried_for_ten_minutes_with_growing_waits() {
        let begun = Instant::now();
        let mut now = begun;
        let mut backoff = Backoff::new(true, now);
        while let Some(wait) = again(&mut backoff, &rejected(502, "Bad Gateway", None), now) {
            assert!(wait <= LONGEST_WAIT && (now > begun || wait <= FIRST_WAIT), "{wait:?}");
            now += wait;
        }
        assert!((PATIENCE..=PATIENCE + LONGEST_WAIT).contains(&(now - begun)));
    }

    #[test]
    fn a_send_that_must_not_repeat_is_not_made_again_once_perhaps_delivered() {
        let now = Instant::now();
        assert!(again(&mut Backoff::new(false, now), &broken(false), now).is_some());
        assert!(again(&mut Backoff::new(false, now), &broken(true), now).is_none());
        assert!(again(&mut Backoff::new(true, now), &broken(true), now).is_some());
    }

    #[test]
    fn what_speaks_of_the_bot_is_waited_out() {
        let now = Instant::now();
        let mut backoff = Backoff::new(true, now);
        assert!(again(&mut backoff, &rejected(401, "Unauthorized", None), now + PATIENCE * 2).is_some());
    }
}
