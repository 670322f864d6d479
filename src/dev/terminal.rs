//! The terminal of a person who types while the bot answers.
//!
//! Owns the terminal's mode and the row with the prompt: what is printed goes above it, and it is drawn again below. In
//! the terminal's own line mode an answer would land in the middle of what is typed. The line editor is our own, since
//! what a chat needs of one is small ([`super::line`]), and since `rustyline` 18.0.1, once it prints beside its input,
//! shows of what is pasted, or comes from an input method, the first letter alone (its issue 976).
//!
//! Signals are left on: Ctrl-C and Ctrl-Z are what they are everywhere.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};
use unicode_width::UnicodeWidthStr;

use super::keys::Decoder;
use super::line::{Line, Typed, settled};

/// Bracketed paste, so that a pasted text of several lines is one message (xterm, DECSET 2004).
const PASTE_ON: &str = "\x1b[?2004h";
const PASTE_OFF: &str = "\x1b[?2004l";
/// To the first column, and erase the row.
const ERASE: &str = "\r\x1b[K";

/// The terminal. A cheap handle; [`close`](Self::close) puts the terminal back as it was.
#[derive(Clone, Debug)]
pub(super) struct Terminal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    found: Termios,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The prompt, while a line is asked for.
    prompt: Option<String>,
    decoder: Decoder,
    line: Line,
    /// What was read behind the end of a line; less than a read.
    early: Vec<u8>,
}

impl Terminal {
    /// Takes the terminal over; `None` if stdin and stdout are none, or one without a cursor.
    pub(super) fn open() -> Option<Terminal> {
        let is_simple = std::env::var_os("TERM").is_none_or(|name| name.is_empty() || name == "dumb");
        if is_simple || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return None;
        }
        let found = tcgetattr(io::stdin()).ok()?;
        let terminal = Terminal(Arc::new(Shared { found, state: Mutex::default() }));
        terminal.set_mode();
        put(PASTE_ON);
        Some(terminal)
    }

    /// Letters come as they are typed, and are shown by us. Whoever stopped the process with Ctrl-Z may find the mode
    /// changed, so this is done for each line.
    fn set_mode(&self) {
        let mut mode = self.0.found.clone();
        mode.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN);
        mode.special_codes[SpecialCodeIndex::VMIN] = 1;
        mode.special_codes[SpecialCodeIndex::VTIME] = 0;
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &mode);
    }

    /// Prints a text above the line that is typed.
    pub(super) fn print(&self, text: &str) {
        let state = self.state();
        match &state.prompt {
            Some(prompt) => put(&format!("{ERASE}{text}\n{}", row(prompt, &state.line))),
            None => put(&format!("{text}\n")),
        }
    }

    /// Reads a line; `None` at Ctrl-D, or when the terminal is gone.
    pub(super) fn read_line(&self, prompt: &str) -> Option<String> {
        self.set_mode();
        {
            let mut state = self.state();
            state.prompt = Some(prompt.to_owned());
            put(&format!("{ERASE}{}", row(prompt, &state.line)));
        }
        let mut bytes = std::mem::take(&mut self.state().early);
        loop {
            for (at, byte) in bytes.iter().enumerate() {
                if let Some(line) = self.typed(*byte, prompt) {
                    self.state().early = bytes.get(at + 1..).unwrap_or_default().to_owned();
                    return line;
                }
            }
            if !bytes.is_empty() {
                let state = self.state();
                // Without a prompt it is closed, and what is typed now is nobody's.
                if state.prompt.is_some() {
                    put(&format!("{ERASE}{}", row(prompt, &state.line)));
                }
            }
            let mut buffer = [0; 1024];
            match rustix::io::read(io::stdin(), &mut buffer) {
                Ok(length @ 1..) => bytes = buffer[..length].to_owned(),
                Err(rustix::io::Errno::INTR) => bytes.clear(),
                Ok(_) | Err(_) => {
                    self.settle(prompt, "");
                    return None;
                }
            }
        }
    }

    /// A byte is typed: `Some` if it ends the line, or the input.
    fn typed(&self, byte: u8, prompt: &str) -> Option<Option<String>> {
        let mut state = self.state();
        let keys = state.decoder.decode(&[byte]);
        // A byte completes one key at the most.
        let key = keys.into_iter().next()?;
        let ended = match state.line.key(key) {
            Typed::Editing => return None,
            Typed::Line(line) => Some(line),
            Typed::End => None,
        };
        drop(state);
        self.settle(prompt, ended.as_deref().unwrap_or_default());
        Some(ended)
    }

    /// The line is done: it stays as it is, and nothing is typed for a while.
    fn settle(&self, prompt: &str, line: &str) {
        let mut state = self.state();
        if state.prompt.take().is_some() {
            put(&format!("{ERASE}{prompt}{}\n", settled(line)));
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the terminal back as it was found. A line that somebody is typing is left.
    pub(super) fn close(&self) {
        let asked = self.state().prompt.take().is_some();
        put(if asked { "\n" } else { "" });
        put(PASTE_OFF);
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0.found);
    }
}

/// The row with the prompt, drawn, with the cursor in its place.
fn row(prompt: &str, line: &Line) -> String {
    let columns = tcgetwinsize(io::stdout()).map_or(80, |size| usize::from(size.ws_col));
    let start = prompt.width();
    // A terminal that does not know its width says 0.
    let columns = if columns == 0 { 80 } else { columns };
    let (text, cursor) = line.row(columns.saturating_sub(start));
    let column = start + cursor;
    let right = if column > 0 { format!("\x1b[{column}C") } else { String::new() };
    format!("{prompt}{text}\r{right}")
}

fn put(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
