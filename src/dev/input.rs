//! Where the lines of a person come from: a terminal, or a pipe.
//!
//! Owns stdin, in a thread: it reads a line when it is asked for one. It never interprets a line.

use std::io::{self, BufRead, Read};

use tokio::sync::mpsc;

use super::terminal::Terminal;

/// The longest line of a pipe, in bytes; more is refused.
const MAX_LINE: u64 = 1 << 20;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    Line(String),
    /// A line that is too long or not UTF-8, and was left out.
    Unusable(&'static str),
    /// Ctrl-D, or the end of the pipe.
    End,
}

/// The lines of a person.
#[derive(Debug)]
pub(super) struct Lines {
    /// Whether somebody types at a terminal.
    pub(super) typed: bool,
    prompts: std::sync::mpsc::SyncSender<String>,
    lines: mpsc::Receiver<Input>,
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

/// Opens stdin: the terminal if there is one, else whatever it is.
pub(super) fn open(terminal: Option<Terminal>) -> io::Result<Lines> {
    let (prompts, asked) = std::sync::mpsc::sync_channel::<String>(1);
    let (given, lines) = mpsc::channel(1);
    let typed = terminal.is_some();
    let read = move || {
        while let Ok(prompt) = asked.recv() {
            let input = match &terminal {
                Some(terminal) => terminal.read_line(&prompt).map_or(Input::End, Input::Line),
                None => read_line(&mut io::stdin().lock()),
            };
            if given.blocking_send(input).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("stdin".into()).spawn(read)?;
    Ok(Lines { typed, prompts, lines })
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
