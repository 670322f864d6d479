//! The simulator's clock: real time plus what `/sim/clock` has added.
//! Owns the offset; everything that expires or is dated asks here. It never goes backwards, and never moves the
//! timers of parked polls, which are real seconds.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Furthest the clock may be moved in all: a hundred years, so that no date overflows.
const MAX_ADVANCE_MS: i64 = 100 * 365 * 86_400 * 1000;

/// A clock that can be moved forward.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_unix_ms: i64,
    advanced_ms: AtomicI64,
}

impl Default for Clock {
    fn default() -> Clock {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock {
            started: Instant::now(),
            started_unix_ms: i64::try_from(since_epoch.as_millis()).unwrap_or(0),
            advanced_ms: AtomicI64::new(0),
        }
    }
}

impl Clock {
    /// Milliseconds since 1970, as the simulated world sees them.
    pub(crate) fn now_ms(&self) -> i64 {
        let elapsed = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX / 4);
        self.started_unix_ms + elapsed + self.advanced_ms.load(Ordering::Relaxed)
    }

    /// Moves the clock forward by `seconds`; a negative one not at all, an absurd one as far as allowed.
    pub(crate) fn advance(&self, seconds: f64) -> i64 {
        let wanted = (seconds.max(0.0) * 1000.0).min(MAX_ADVANCE_MS as f64) as i64;
        let further = |now: i64| Some(now.saturating_add(wanted).min(MAX_ADVANCE_MS));
        // It cannot fail: the closure always has a value.
        let _ = self.advanced_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, further);
        self.now_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_forward_only() {
        let clock = Clock::default();
        let before = clock.now_ms();
        clock.advance(150.0);
        assert!(clock.now_ms() >= before + 150_000);
        let before = clock.now_ms();
        clock.advance(-1000.0);
        assert!(clock.now_ms() >= before);
        clock.advance(f64::MAX);
        assert!(clock.now_ms() <= before + MAX_ADVANCE_MS + 60_000);
    }
}
