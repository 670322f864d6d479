//! The log of the gateway and its workers, in the words of a conversation.
//!
//! Owns the form of these lines, and the last that workers printed. It decides nothing.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::paint::{Paint, Style, safe};
use super::screen::Screen;
use super::whereabouts::Whereabouts;
use crate::logging;

/// How many lines of workers are kept for a report.
const KEPT: usize = 10;

/// The last lines that workers printed to stderr. A cheap handle.
#[derive(Clone, Debug, Default)]
pub(super) struct LastWords(Arc<Mutex<VecDeque<String>>>);

impl LastWords {
    fn add(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The lines, oldest first.
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Starts the log: warnings of the gateway and what workers print; `verbosity` 1 adds what it does.
pub(super) fn start(verbosity: i8, screen: Screen, paint: Paint, whereabouts: Whereabouts) -> LastWords {
    let last_words = LastWords::default();
    let level = logging::level(verbosity - 1);
    // What Telegram refused is a part of the conversation already.
    let outbox = if verbosity > 0 { level } else { "error" };
    let filter = EnvFilter::new(format!("off,asgigram={level},asgigram::outbox={outbox},worker=info"));
    let words_shown = verbosity >= 0;
    let lines = Words { screen, paint, whereabouts, last_words: last_words.clone(), words_shown };
    // A second start, as tests make, changes nothing.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    last_words
}

struct Words {
    screen: Screen,
    paint: Paint,
    whereabouts: Whereabouts,
    last_words: LastWords,
    words_shown: bool,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Words {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let place = self.whereabouts.of_scope(&fields.scope);
        let place = place.map(|name| format!("[{}] ", safe(&name))).unwrap_or_default();
        let message = safe(&logging::hidden(&fields.message));
        if metadata.target() == "worker" {
            self.last_words.add(message.clone());
            if self.words_shown {
                self.screen.log(self.paint.one(Style::Dim, &format!("{place}| {message}")));
            }
            return;
        }
        let (style, text) = match metadata.name() {
            "worker_died" => (Style::Failure, format!("! {place}{}", died(&fields))),
            _ => match *metadata.level() {
                Level::ERROR => (Style::Failure, format!("! {place}{message}{}", safe(&fields.others))),
                Level::WARN => (Style::Warning, format!("! {place}{message}{}", safe(&fields.others))),
                _ => (Style::Dim, format!("· {place}{message}{}", safe(&fields.others))),
            },
        };
        self.screen.log(self.paint.one(style, &text));
    }
}

/// The end of a process, for who wrote its program.
fn died(fields: &Fields) -> String {
    let early = fields.message.contains("before it read anything");
    let what = if early { "ended before it read anything" } else { "died" };
    format!(
        "The bot's process {what} ({}; last on its stderr: {}).\n  It is started again after a pause, and what it has not \
         done comes again.",
        fields.status,
        safe(&fields.last_words)
    )
}

#[derive(Default)]
struct Fields {
    message: String,
    scope: String,
    status: String,
    last_words: String,
    /// All others but the pid: ` name=value …`.
    others: String,
}

impl Fields {
    fn take(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            "scope" => self.scope = value,
            "status" => self.status = value,
            "last_words" => self.last_words = value,
            "pid" => {}
            // Writing to a string cannot fail.
            name => drop(write!(self.others, " {name}={value}")),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_the_last() {
        let words = LastWords::default();
        (0..KEPT + 2).for_each(|n| words.add(n.to_string()));
        assert_eq!((words.lines().len(), words.lines()[0].as_str()), (KEPT, "2"));
    }

    #[test]
    fn a_death_is_told_in_words() {
        let fields = Fields {
            message: "a worker died".into(),
            status: "exit status: 1".into(),
            last_words: "ModuleNotFoundError: No module named 'x'".into(),
            ..Fields::default()
        };
        assert!(died(&fields).starts_with(
            "The bot's process died (exit status: 1; last on its stderr: ModuleNotFoundError: No module named 'x')."
        ));
    }
}
