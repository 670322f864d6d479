//! The log: lines for people on stderr, or JSON for machines.
//!
//! Owns the one place through which everything printed for people goes, and takes the token out of it. It never writes
//! to stdout.

mod text;

use std::io::{self, IsTerminal, Write};
use std::sync::RwLock;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// What must not be shown. A process has one bot, but for tests; the bound is for them.
static SECRETS: RwLock<Vec<String>> = RwLock::new(Vec::new());
const MOST_SECRETS: usize = 16;

/// From now on `secret` appears in nothing that is printed.
pub fn hide(secret: &str) {
    if let Ok(mut secrets) = SECRETS.write()
        && !secrets.iter().any(|known| known == secret)
        && secrets.len() < MOST_SECRETS
    {
        secrets.push(secret.to_owned());
    }
}

/// The text without secrets.
pub fn hidden(text: &str) -> String {
    let Ok(secrets) = SECRETS.read() else { return String::new() };
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "<token>"))
}

/// Starts the log. `verbosity` 0 is normal; each step up or down is a level more or less.
pub fn start(format: Format, verbosity: i8) {
    let level = level(verbosity);
    // What a worker prints is for whoever runs it, unless quiet is asked for.
    let worker = if verbosity < 0 { "off" } else { "info" };
    let filter = EnvFilter::new(format!("off,asgigram={level},worker={worker}"));
    let colour =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Stderr).with_ansi(colour);
    // A second start, as tests make, changes nothing.
    let _ = match format {
        Format::Text => log.event_format(text::Text).try_init(),
        Format::Json => log.json().flatten_event(true).try_init(),
    };
}

/// The least level that is logged.
pub(crate) fn level(verbosity: i8) -> &'static str {
    match verbosity {
        ..=-2 => "error",
        -1 => "warn",
        0 => "info",
        1 => "debug",
        2.. => "trace",
    }
}

/// Prints to stderr what is for people, such as the error that ends the process.
pub fn print(text: &str) {
    let _ = writeln!(io::stderr(), "{}", hidden(text));
}

struct Stderr;

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Hiding;

    fn make_writer(&'a self) -> Hiding {
        Hiding
    }
}

/// A writer that gets whole events and writes them without secrets.
struct Hiding;

impl Write for Hiding {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        io::stderr().write_all(hidden(&text).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_wherever_it_stands() {
        hide("77:TOP-SECRET");
        assert_eq!(
            hidden("GET /bot77:TOP-SECRET/getMe and 77:TOP-SECRET"),
            "GET /bot<token>/getMe and <token>"
        );
        assert_eq!(hidden("nothing"), "nothing");
    }
}
