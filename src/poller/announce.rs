//! When a trouble is worth a line in the log: at first, then ever more seldom, and once when it is over.
//!
//! Pure: it is told the time.

use std::time::Duration;

use tokio::time::Instant;

use super::verdict::Trouble;

/// The time between the first two lines on the same trouble; doubled with each line.
const FIRST_SILENCE: Duration = Duration::from_secs(60);
/// The longest time between two lines on a trouble that lasts.
const LONGEST_SILENCE: Duration = Duration::from_secs(3600);

/// What was said last. A trouble that comes and goes (two programs that poll the same bot) is one trouble: it is silent
/// as long as one that lasts, its ends included.
#[derive(Debug, Default)]
pub(super) struct Announcer {
    last: Option<Line>,
    /// Since when polling fails, and whether a line was written on it.
    failing: Option<(Instant, bool)>,
}

#[derive(Debug)]
struct Line {
    trouble: Trouble,
    silent_until: Instant,
    silence: Duration,
}

impl Announcer {
    /// A poll failed: whether to say so.
    pub(super) fn is_due(&mut self, trouble: Trouble, now: Instant) -> bool {
        let silence = match &self.last {
            Some(line) if line.trouble == trouble && now < line.silent_until => None,
            // It was silent for twice as long as it had to be: a new trouble.
            Some(line) if line.trouble == trouble && now < line.silent_until + line.silence => {
                Some((line.silence * 2).min(LONGEST_SILENCE))
            }
            _ => Some(FIRST_SILENCE),
        };
        let failing = self.failing.get_or_insert((now, false));
        let Some(silence) = silence else {
            return false;
        };
        failing.1 = true;
        self.last = Some(Line { trouble, silent_until: now + silence, silence });
        true
    }

    /// A poll succeeded: how long none did, if a line was written on it.
    pub(super) fn over(&mut self, now: Instant) -> Option<Duration> {
        let (since, announced) = self.failing.take()?;
        announced.then(|| now - since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Trouble::{OtherPoller, Unreachable};

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_trouble_that_lasts_is_announced_ever_more_seldom() {
        let start = Instant::now();
        let mut announcer = Announcer::default();
        let lines: Vec<u64> =
            (0..1000).filter(|second| announcer.is_due(Unreachable, start + seconds(*second))).collect();
        assert_eq!(lines, [0, 60, 180, 420, 900]);
        assert_eq!(announcer.over(start + seconds(1000)), Some(seconds(1000)));
        assert_eq!(announcer.over(start + seconds(1001)), None);
    }

    #[test]
    fn another_trouble_and_one_after_a_long_peace_are_announced_at_once() {
        let start = Instant::now();
        let mut announcer = Announcer::default();
        assert!(announcer.is_due(Unreachable, start));
        assert!(announcer.is_due(OtherPoller, start + seconds(1)));
        assert!(!announcer.is_due(OtherPoller, start + seconds(2)));
        announcer.over(start + seconds(3));
        assert!(announcer.is_due(OtherPoller, start + seconds(500)));
        assert!(!announcer.is_due(OtherPoller, start + seconds(559)));
    }

    #[test]
    fn a_trouble_that_comes_and_goes_is_one() {
        let start = Instant::now();
        let mut announcer = Announcer::default();
        assert!(announcer.is_due(OtherPoller, start));
        assert!(announcer.over(start + seconds(30)).is_some());
        assert!(!announcer.is_due(OtherPoller, start + seconds(31)));
        assert_eq!(announcer.over(start + seconds(59)), None);
    }
}
