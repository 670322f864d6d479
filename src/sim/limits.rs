//! Telegram's pace, if a simulator is asked to keep it: token buckets per chat and per bot.
//! Pure: time is given. Off unless [`SimOptions`](super::SimOptions) says otherwise, since a load test wants no pace.

use std::collections::HashMap;

/// Most chats with a bucket of their own; when there are more, those that are full again are forgotten.
const MAX_BUCKETS: usize = 100_000;

/// How fast a bot may send before it gets 429.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimits {
    /// Messages a second to one private chat.
    pub per_chat: f64,
    /// How many to one private chat may come at once.
    pub chat_burst: f64,
    /// Messages a minute to one group or channel, which may all come at once.
    pub per_group_minute: f64,
    /// Messages a second over all chats, which may all come at once.
    pub per_bot: f64,
}

impl Default for RateLimits {
    /// What Telegram's documentation advises: 1 a second and chat with bursts of 3, 20 a minute and group, 30 a second
    /// and bot.
    fn default() -> RateLimits {
        RateLimits { per_chat: 1.0, chat_burst: 3.0, per_group_minute: 20.0, per_bot: 30.0 }
    }
}

/// A bucket that fills by `rate` a second up to `size`.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    level: f64,
    at_ms: i64,
    rate: f64,
    size: f64,
}

impl Bucket {
    fn full(rate: f64, size: f64, now_ms: i64) -> Bucket {
        Bucket { level: size, at_ms: now_ms, rate, size }
    }

    fn fill(&mut self, now_ms: i64) {
        let seconds = (now_ms - self.at_ms).max(0) as f64 / 1000.0;
        self.level = (self.level + seconds * self.rate).min(self.size);
        self.at_ms = now_ms;
    }

    /// Seconds until there is a token; 0 if there is one now.
    fn wait_seconds(&self) -> u64 {
        if self.level >= 1.0 { 0 } else { ((1.0 - self.level) / self.rate.max(0.001)).ceil().max(1.0) as u64 }
    }
}

/// The buckets of one bot.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    bot: Option<Bucket>,
    chats: HashMap<i64, Bucket>,
}

impl Pace {
    /// Takes a token for a message to a chat.
    ///
    /// # Errors
    /// The seconds to wait, when there is none.
    pub(crate) fn take(&mut self, limits: &RateLimits, chat: i64, now_ms: i64) -> Result<(), u64> {
        if self.chats.len() >= MAX_BUCKETS {
            self.chats.retain(|_, bucket| {
                bucket.fill(now_ms);
                bucket.level < bucket.size
            });
        }
        let whole = self.bot.get_or_insert(Bucket::full(limits.per_bot, limits.per_bot.max(1.0), now_ms));
        let one = self.chats.entry(chat).or_insert_with(|| match chat {
            0.. => Bucket::full(limits.per_chat, limits.chat_burst.max(1.0), now_ms),
            _ => Bucket::full(limits.per_group_minute / 60.0, limits.per_group_minute.max(1.0), now_ms),
        });
        whole.fill(now_ms);
        one.fill(now_ms);
        match whole.wait_seconds().max(one.wait_seconds()) {
            0 => {
                whole.level -= 1.0;
                one.level -= 1.0;
                Ok(())
            }
            seconds => Err(seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_chats_have_bursts_of_three() {
        let (mut pace, limits) = (Pace::default(), RateLimits::default());
        for _ in 0..3 {
            assert_eq!(pace.take(&limits, 7, 0), Ok(()));
        }
        assert_eq!(pace.take(&limits, 7, 0), Err(1));
        assert_eq!(pace.take(&limits, 8, 0), Ok(()));
        assert_eq!(pace.take(&limits, 7, 1000), Ok(()));
    }

    #[test]
    fn groups_have_twenty_a_minute() {
        let (mut pace, limits) = (Pace::default(), RateLimits::default());
        for _ in 0..20 {
            assert_eq!(pace.take(&limits, -7, 0), Ok(()));
        }
        assert_eq!(pace.take(&limits, -7, 0), Err(3));
        assert_eq!(pace.take(&limits, -7, 3000), Ok(()));
    }

    #[test]
    fn a_bot_has_thirty_a_second() {
        let (mut pace, limits) = (Pace::default(), RateLimits::default());
        for chat in 1..=30 {
            assert_eq!(pace.take(&limits, chat, 0), Ok(()));
        }
        assert_eq!(pace.take(&limits, 99, 0), Err(1));
    }
}
