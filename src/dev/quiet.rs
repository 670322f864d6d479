//! When the bot has had its say: pure, it is told the time.
//!
//! Owns the guess. Nobody can know what a program will still print, so it is an answer for each act, or patience.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use super::happening::{Happening, Kind};

/// So long after an answer another line is taken as not part of it.
const PAUSE: Duration = Duration::from_millis(60);
/// A line of a pipe is played after this, also if the bot did not answer the one before. Where it has not answered yet
/// its process may have to start first, so there all patience is given.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// So long nothing happens, once all is answered, when the bot is quiet.
const SILENCE: Duration = Duration::from_millis(300);

/// What is still to be answered.
#[derive(Debug)]
pub(super) struct Quiet {
    /// How long to wait for an answer that does not come.
    patience: Duration,
    /// How many acts in a chat wait for an answer.
    awaited: HashMap<i64, u32>,
    /// Where the bot has answered before.
    heard: HashSet<i64>,
    /// When somebody last did something.
    last: Instant,
}

impl Quiet {
    pub(super) fn new(patience: Duration, now: Instant) -> Quiet {
        Quiet { patience, awaited: HashMap::new(), heard: HashSet::new(), last: now }
    }

    /// A person did something in a chat that a bot would answer.
    pub(super) fn acted(&mut self, chat: i64, now: Instant) {
        *self.awaited.entry(chat).or_default() += 1;
        self.last = now;
    }

    /// A person did something that most bots do not answer.
    pub(super) fn touched(&mut self, now: Instant) {
        self.last = now;
    }

    /// The bot did something.
    pub(super) fn saw(&mut self, happening: &Happening, now: Instant) {
        self.last = now;
        if happening.kind == Kind::ChatAction {
            return;
        }
        self.heard.insert(happening.chat);
        if let Some(count) = self.awaited.get_mut(&happening.chat) {
            *count -= 1;
            if *count == 0 {
                self.awaited.remove(&happening.chat);
            }
        }
    }

    /// Whether an act was not answered.
    pub(super) fn is_unanswered(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// When the next line of a pipe is to be played.
    pub(super) fn next_line_at(&self) -> Instant {
        let starting = self.awaited.keys().any(|chat| !self.heard.contains(chat));
        self.last
            + match self.awaited.is_empty() {
                true => PAUSE,
                false if starting => self.patience,
                false => LONGEST_PAUSE.min(self.patience),
            }
    }

    /// When the bot is quiet, if nothing happens until then.
    pub(super) fn at(&self) -> Instant {
        self.last + if self.awaited.is_empty() { SILENCE } else { self.patience }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bot_is_quiet_after_an_answer_for_each_act_or_after_patience() {
        let start = Instant::now();
        let patience = Duration::from_secs(5);
        let mut quiet = Quiet::new(patience, start);
        assert_eq!(quiet.at(), start + SILENCE);
        quiet.acted(7, start);
        quiet.acted(7, start);
        assert_eq!((quiet.next_line_at(), quiet.at()), (start + patience, start + patience));
        let later = start + Duration::from_secs(1);
        let did = |kind, chat| Happening { kind, chat, value: serde_json::Value::Null };
        quiet.saw(&did(Kind::Message, 8), later);
        quiet.saw(&did(Kind::ChatAction, 7), later);
        quiet.saw(&did(Kind::Message, 7), later);
        assert_eq!((quiet.next_line_at(), quiet.at()), (later + LONGEST_PAUSE, later + patience));
        quiet.saw(&did(Kind::Edit, 7), later);
        assert_eq!((quiet.next_line_at(), quiet.at()), (later + PAUSE, later + SILENCE));
    }
}
