//! How long to wait after what: pure arithmetic, with the chance passed in.

use std::time::Duration;

/// The waits of the poller. The default is what Telegram is used to; all of them end at once on stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// After a first failure; doubled with each further one.
    pub first: Duration,
    /// The longest wait after a failure.
    pub longest: Duration,
    /// After another program has taken over polling.
    pub other_poller: Duration,
    /// Between two attempts at a full journal.
    pub full: Duration,
    /// After an answer that came at once and brought nothing; doubled with each further one, to 16 times as much.
    pub idle: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(30),
            other_poller: Duration::from_secs(30),
            full: Duration::from_secs(1),
            idle: Duration::from_millis(250),
        }
    }
}

impl Pace {
    /// The wait after a failure that had `failures` others right before it. `chance`, from 0 to 1, spreads the waits of
    /// many gateways that lost the same server: the result lies between half and all of the doubled wait.
    pub(super) fn after_failure(&self, failures: u32, chance: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.min(16));
        doubled
            .min(self.longest)
            .mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0))
            .max(self.first.min(self.longest))
    }

    /// The wait after an answer that came at once and brought nothing, `before` such having come right before it.
    pub(super) fn idle(&self, before: u32) -> Duration {
        self.idle.saturating_mul(1 << before.min(4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_wait_from_one_to_thirty_seconds() {
        let pace = Pace::default();
        for (failures, chance, seconds) in [
            (0, 0.0, 1.0),
            (0, 1.0, 1.0),
            (1, 0.0, 1.0),
            (1, 1.0, 2.0),
            (3, 0.5, 6.0),
            (4, 1.0, 16.0),
            (5, 1.0, 30.0),
            (5, 0.0, 15.0),
            (u32::MAX, 1.0, 30.0),
        ] {
            let delay = pace.after_failure(failures, chance);
            assert_eq!(delay.as_secs_f64(), seconds, "{failures} {chance}");
        }
    }

    #[test]
    fn empty_answers_that_come_at_once_do_not_spin() {
        let waits: Vec<u128> = (0..6).map(|before| Pace::default().idle(before).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 4000]);
    }
}
