//! Where the lines of a person come from: a terminal with a line editor, or a pipe.
//!
//! The editor is `rustyline`, without its default features. In the terminal's own line mode an answer that arrives while
//! one types is written into the middle of the line, and nothing but the kernel knows what was typed so far; a terminal
//! in raw mode has to be given editing, wide letters, paste and history back. That crate does just this, is small (its
//! new dependencies are `nix` and the two `unicode-…`), well kept, and prints above the line that is typed.
//!
//! Owns stdin, in a thread: it reads a line when it is asked for one. It never interprets a line.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::history::MemHistory;
use rustyline::{Config, Editor, ExternalPrinter};
use tokio::sync::mpsc;

use super::screen::Printer;

/// The longest line of a pipe, in bytes; more is refused.
const MAX_LINE: u64 = 1 << 20;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    Line(String),
    /// A line that is too long or not UTF-8, and was left out.
    Unusable(&'static str),
    /// Ctrl-D, Ctrl-C, or the end of the pipe.
    End,
}

/// The lines of a person.
#[derive(Debug)]
pub(super) struct Lines {
    /// Whether somebody types at a terminal.
    pub(super) typed: bool,
    prompts: std::sync::mpsc::SyncSender<String>,
    lines: mpsc::Receiver<Input>,
    _terminal: Option<Terminal>,
}

impl Lines {
    /// Asks for a line, with this prompt. One that is asked for is to be waited for before the next.
    pub(super) fn ask(&self, prompt: String) {
        let _ = self.prompts.try_send(prompt);
    }

    /// The line that was asked for. To stop waiting, drop it: nothing is lost.
    pub(super) async fn next(&mut self) -> Input {
        self.lines.recv().await.unwrap_or(Input::End)
    }
}

/// Opens stdin. With a line editor comes what prints above its line.
pub(super) fn open() -> io::Result<(Lines, Option<Printer>)> {
    if io::stdin().is_terminal()
        && io::stdout().is_terminal()
        && let Some(opened) = editor()
    {
        return Ok(opened);
    }
    let (lines, prompts, given) = channels(false, None);
    let read = move || {
        let mut stdin = io::stdin().lock();
        while prompts.recv().is_ok() {
            if given.blocking_send(read_line(&mut stdin)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("stdin".into()).spawn(read)?;
    Ok((lines, None))
}

/// The line editor; `None` where the terminal is too simple for it.
fn editor() -> Option<(Lines, Option<Printer>)> {
    let config = Config::builder().auto_add_history(true).build();
    let mut editor: Editor<(), MemHistory> = Editor::with_history(config, MemHistory::new()).ok()?;
    let mut above = editor.create_external_printer().ok()?;
    let terminal = Terminal::now()?;
    let reading = terminal.reading.clone();
    let (lines, prompts, given) = channels(true, Some(terminal));
    let read = move || {
        while let Ok(prompt) = prompts.recv() {
            reading.store(true, Ordering::SeqCst);
            // An error is Ctrl-C, Ctrl-D, or a terminal that is gone.
            let line = editor.readline(&prompt).map_or(Input::End, Input::Line);
            reading.store(false, Ordering::SeqCst);
            if given.blocking_send(line).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("stdin".into()).spawn(read).ok()?;
    let print = move |text| {
        let _ = above.print(text);
    };
    Some((lines, Some(Box::new(print))))
}

fn channels(
    typed: bool,
    terminal: Option<Terminal>,
) -> (Lines, std::sync::mpsc::Receiver<String>, mpsc::Sender<Input>) {
    let (prompts, asked) = std::sync::mpsc::sync_channel(1);
    let (given, lines) = mpsc::channel(1);
    (Lines { typed, prompts, lines, _terminal: terminal }, asked, given)
}

fn read_line(stdin: &mut impl BufRead) -> Input {
    let mut line = Vec::new();
    match stdin.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
        Err(_) | Ok(0) => return Input::End,
        Ok(_) => {}
    }
    let is_whole = line.ends_with(b"\n") || (line.len() as u64) < MAX_LINE;
    if !is_whole {
        let _ = stdin.skip_until(b'\n');
        return Input::Unusable("a line of more than 1 MiB is left out");
    }
    match String::from_utf8(line) {
        Ok(line) => Input::Line(line.trim_end_matches(['\r', '\n']).to_owned()),
        Err(_) => Input::Unusable("a line that is not UTF-8 is left out"),
    }
}

/// The terminal as it was found. It is put back when this is dropped: a signal may end the program in mid-line.
#[derive(Debug)]
struct Terminal {
    found: Termios,
    reading: Arc<AtomicBool>,
}

impl Terminal {
    fn now() -> Option<Terminal> {
        Some(Terminal { found: tcgetattr(io::stdin()).ok()?, reading: Arc::default() })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.reading.load(Ordering::SeqCst) {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.found);
            // Bracketed paste off, as the editor does at the end of a line.
            let mut stdout = io::stdout();
            let _ = stdout.write_all(b"\x1b[?2004l\n").and_then(|()| stdout.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_pipe() {
        let mut text = b"one\r\n\nb\xffd\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', MAX_LINE as usize + 5));
        text.extend(b"\nlast");
        let mut pipe = text.as_slice();
        let line = |text: &str| Input::Line(text.into());
        assert_eq!(read_line(&mut pipe), line("one"));
        assert_eq!(read_line(&mut pipe), line(""));
        assert!(matches!(read_line(&mut pipe), Input::Unusable(_)));
        assert!(matches!(read_line(&mut pipe), Input::Unusable(_)));
        assert_eq!(read_line(&mut pipe), line("last"));
        assert_eq!(read_line(&mut pipe), Input::End);
    }
}
