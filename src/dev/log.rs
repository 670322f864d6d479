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

use super::matching::cut;
use super::paint::{Paint, Style, safe};
use super::screen::Screen;
use super::whereabouts::Whereabouts;
use crate::logging;

/// The most of the fields of a line, in characters.
const FIELDS: usize = 200;
/// What stands in for the last words of a process that had none.
const NO_WORDS: &str = "nothing on stderr";
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
    let lines = Words {
        screen,
        paint,
        whereabouts,
        last_words: last_words.clone(),
        words_shown: verbosity >= 0,
        all: verbosity > 0,
        death: Mutex::default(),
    };
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
    /// Also what only matters where updates are precious.
    all: bool,
    /// The last end of a process, so that the same one is told at length only once.
    death: Mutex<String>,
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
        let help = match fields.help.as_str() {
            "" => String::new(),
            help => format!("\n  help: {}", safe(help)),
        };
        let particulars = cut(&safe(&fields.others), FIELDS);
        let told = format!("{}{particulars}{help}", message.replace('\n', "\n  "));
        let (style, text) = match metadata.name() {
            "worker_died" => {
                let this = format!("{} {} {}", fields.scope, fields.status, fields.last_words);
                let before = std::mem::replace(
                    &mut *self.death.lock().unwrap_or_else(PoisonError::into_inner),
                    this.clone(),
                );
                (Style::Failure, format!("! {place}{}", died(&fields, self.words_shown, before == this)))
            }
            // Here nothing was to last.
            "lost_at_end" if !self.all => return,
            _ => match *metadata.level() {
                Level::ERROR => (Style::Failure, format!("! {place}{told}")),
                Level::WARN => (Style::Warning, format!("! {place}{told}")),
                _ => (Style::Dim, format!("· {place}{told}")),
            },
        };
        self.screen.log(self.paint.one(style, &text));
    }
}

/// The end of a process, for who wrote its program. `shown` is whether its last words were; `again` is whether it ended
/// like this before.
fn died(fields: &Fields, shown: bool, again: bool) -> String {
    let what = match fields.message.contains("before it read anything") {
        true => "ended before it read anything",
        false => "died",
    };
    if again {
        return format!("The bot's process {what} again ({}).", fields.status);
    }
    let words = match fields.last_words.as_str() {
        NO_WORDS => format!("; {NO_WORDS}"),
        _ if shown => String::new(),
        words => format!("; last on stderr: {}", safe(words)),
    };
    format!(
        "The bot's process {what} ({}{words}).\n  It is started again and again, with growing pauses; what it has not done \
         comes again.",
        fields.status
    )
}

#[derive(Default)]
struct Fields {
    message: String,
    scope: String,
    status: String,
    last_words: String,
    help: String,
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
            "help" => self.help = value,
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
        let mut fields = Fields {
            message: "a worker died".into(),
            status: "exit status: 1".into(),
            last_words: "ModuleNotFoundError".into(),
            ..Fields::default()
        };
        let start =
            |fields: &Fields, shown| died(fields, shown, false).split_once('\n').unwrap().0.to_owned();
        assert_eq!(start(&fields, true), "The bot's process died (exit status: 1).");
        assert_eq!(
            start(&fields, false),
            "The bot's process died (exit status: 1; last on stderr: ModuleNotFoundError)."
        );
        fields.last_words = NO_WORDS.into();
        assert_eq!(start(&fields, true), "The bot's process died (exit status: 1; nothing on stderr).");
        assert_eq!(died(&fields, true, true), "The bot's process died again (exit status: 1).");
    }
}
