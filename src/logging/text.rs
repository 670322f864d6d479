//! Lines of the log for people: when, how grave, what happened, the particulars, and on a line of its own what to do.
//!
//! Owns that form. The same events are JSON elsewhere, so what is said here is said there in fields.

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// `2026-11-23T03:26:32Z WARN  a worker died scope=chat:42 pid=77`, then `help: …` where somebody can do something.
pub(super) struct Text;

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let message = visible(&said.message);
        let time = humantime::format_rfc3339_seconds(SystemTime::now());
        let (on, dim, off) = match (line.has_ansi_escapes(), *event.metadata().level()) {
            (false, _) => ("", "", ""),
            (true, Level::ERROR) => ("\x1b[31m", "\x1b[2m", "\x1b[0m"),
            (true, Level::WARN) => ("\x1b[33m", "\x1b[2m", "\x1b[0m"),
            (true, Level::INFO) => ("\x1b[32m", "\x1b[2m", "\x1b[0m"),
            (true, _) => ("\x1b[2m", "\x1b[2m", "\x1b[0m"),
        };
        let level = match event.metadata().target() {
            // What a worker prints is its own, and as grave as it is.
            "worker" => "PRINT".to_owned(),
            _ => event.metadata().level().to_string(),
        };
        write!(line, "{dim}{time}{off} {on}{level:<5}{off} {message}")?;
        write!(line, "{dim}{}{off}", said.particulars)?;
        match said.help {
            Some(help) => writeln!(line, "\nhelp: {help}"),
            None => writeln!(line),
        }
    }
}

/// Without control characters, which would act on the terminal of whoever reads it: much of a log is written by
/// strangers.
fn visible(text: &str) -> Cow<'_, str> {
    let acts = |c: char| c.is_control() && c != '\t';
    if !text.contains(acts) {
        return text.into();
    }
    let shown = |c: char| if acts(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect::<String>().into()
}

/// What an event says, apart.
#[derive(Default)]
struct Said {
    message: String,
    help: Option<String>,
    particulars: String,
}

impl Said {
    fn add(&mut self, field: &Field, value: String) {
        match field.name() {
            // The only copy of an update stays as it is, so that it can be taken from here.
            "raw" => self.particulars.push_str(&format!(" raw={}", visible(&value))),
            "message" => self.message = value,
            "help" => self.help = Some(value),
            name => {
                // A value with spaces or line ends is quoted, so that a particular stays one word of the line.
                let odd = |c: char| c.is_whitespace() || c.is_control() || c == '"';
                let plain = !value.is_empty() && !value.contains(odd);
                let value = if plain { value } else { format!("{value:?}") };
                self.particulars.push_str(&format!(" {name}={value}"));
            }
        }
    }
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_to_do_stands_on_a_line_of_its_own() {
        let page = Page::default();
        let writer = page.clone();
        let log = tracing_subscriber::fmt()
            .with_ansi(false)
            .event_format(Text)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(log, || {
            tracing::warn!(scope = "chat:42", cause = "no such file", help = "make it", "a worker died");
            tracing::info!(target: "worker", pid = 7, "Traceback \"x\" \x1b[31m");
            tracing::error!(raw = %"{\"text\":\"a b\"}", name = "\x1b", "given up");
        });
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> =
            text.lines().map(|line| line.split_once("Z ").map_or(line, |(_, rest)| rest)).collect();
        assert_eq!(
            lines,
            [
                "WARN  a worker died scope=chat:42 cause=\"no such file\"",
                "help: make it",
                "PRINT Traceback \"x\" \\u{1b}[31m pid=7",
                "ERROR given up raw={\"text\":\"a b\"} name=\"\\u{1b}\""
            ]
        );
    }
}
