//! The line that a person types: its letters, the cursor, the lines before it.
//!
//! Pure. Owns editing and how the line is drawn, in one row that moves sideways if it is too long.

use unicode_width::UnicodeWidthChar;

use super::keys::Key;

/// The longest line, in letters; more is not taken.
const MAX_LETTERS: usize = 100_000;
/// How many lines before this one are remembered.
const MAX_HISTORY: usize = 1000;

/// What a key did to the line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Editing,
    Line(String),
    End,
}

/// The line.
#[derive(Debug, Default)]
pub(super) struct Line {
    letters: Vec<char>,
    cursor: usize,
    history: Vec<String>,
    /// Which line of the history is shown; its length is the new line.
    shown: usize,
    /// The new line while an old one is shown.
    draft: Vec<char>,
}

impl Line {
    /// A key is typed.
    pub(super) fn key(&mut self, key: Key) -> Typed {
        match key {
            Key::Enter => return Typed::Line(self.take()),
            Key::Eof if self.letters.is_empty() => return Typed::End,
            Key::Letter(letter) if self.letters.len() < MAX_LETTERS => {
                self.letters.insert(self.cursor, letter);
                self.cursor += 1;
            }
            Key::Letter(_) => {}
            Key::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.letters.remove(self.cursor);
            }
            Key::Delete | Key::Eof if self.cursor < self.letters.len() => {
                self.letters.remove(self.cursor);
            }
            Key::Left => self.cursor = self.cursor.saturating_sub(1),
            Key::Right => self.cursor = (self.cursor + 1).min(self.letters.len()),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.letters.len(),
            Key::EraseToEnd => self.letters.truncate(self.cursor),
            Key::EraseToStart => drop(self.letters.drain(..std::mem::take(&mut self.cursor))),
            Key::EraseWord => {
                let before = &self.letters[..self.cursor];
                let end = before.iter().rposition(|letter| !letter.is_whitespace()).map_or(0, |at| at + 1);
                let start =
                    before[..end].iter().rposition(|letter| letter.is_whitespace()).map_or(0, |at| at + 1);
                self.letters.drain(start..self.cursor);
                self.cursor = start;
            }
            Key::Up => self.show(self.shown.saturating_sub(1)),
            Key::Down => self.show((self.shown + 1).min(self.history.len())),
            Key::Backspace | Key::Delete | Key::Eof => {}
        }
        Typed::Editing
    }

    fn take(&mut self) -> String {
        let line: String = std::mem::take(&mut self.letters).into_iter().collect();
        self.cursor = 0;
        if !line.trim().is_empty() && self.history.last() != Some(&line) {
            if self.history.len() == MAX_HISTORY {
                self.history.remove(0);
            }
            self.history.push(line.clone());
        }
        self.shown = self.history.len();
        self.draft.clear();
        line
    }

    fn show(&mut self, nth: usize) {
        if nth == self.shown {
            return;
        }
        if self.shown == self.history.len() {
            self.draft = std::mem::take(&mut self.letters);
        }
        self.letters = match self.history.get(nth) {
            Some(line) => line.chars().collect(),
            None => std::mem::take(&mut self.draft),
        };
        (self.shown, self.cursor) = (nth, self.letters.len());
    }

    /// The row to draw behind a prompt where `room` columns are left, and the column of the cursor in it.
    pub(super) fn row(&self, room: usize) -> (String, usize) {
        // One column is for a cursor at the end.
        let room = room.saturating_sub(1);
        let mut first = self.cursor;
        let mut column = 0;
        while first > 0 && column + width(self.letters[first - 1]) <= room {
            first -= 1;
            column += width(self.letters[first]);
        }
        let mut row = String::new();
        let mut used = 0;
        for letter in &self.letters[first..] {
            used += width(*letter);
            if used > room {
                break;
            }
            row.push(drawn(*letter));
        }
        (row, column)
    }
}

/// A line that was typed, as it stays on the screen.
pub(super) fn settled(line: &str) -> String {
    line.chars().map(drawn).collect()
}

fn drawn(letter: char) -> char {
    match letter {
        '\n' => '⏎',
        '\t' => ' ',
        other => other,
    }
}

fn width(letter: char) -> usize {
    drawn(letter).width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::keys::Decoder;

    fn type_in(line: &mut Line, bytes: &[u8]) -> Vec<Typed> {
        let keys = Decoder::default().decode(bytes);
        keys.into_iter().map(|key| line.key(key)).filter(|typed| *typed != Typed::Editing).collect()
    }

    fn typed(bytes: &[u8]) -> Vec<Typed> {
        type_in(&mut Line::default(), bytes)
    }

    fn line(text: &str) -> Typed {
        Typed::Line(text.into())
    }

    #[test]
    fn a_line_is_edited() {
        assert_eq!(typed(b"hallo\x1b[D\x1b[D\x1b[D\x7fe\x05!\n"), [line("hello!")]);
        assert_eq!(typed(b"one two  \x17three\n"), [line("one three")]);
        assert_eq!(typed(b"abc\x01\x0bx\n"), [line("x")]);
        assert_eq!(typed(b"abc\x1b[D\x15\n"), [line("c")]);
        assert_eq!(typed(b"ab\x01\x04\x04\x04"), [Typed::End]);
        assert_eq!(typed("é😀\x7f\n".as_bytes()), [line("é")]);
    }

    #[test]
    fn the_lines_before_come_back() {
        let mut it = Line::default();
        assert_eq!(type_in(&mut it, b"one\ntwo\n"), [line("one"), line("two")]);
        assert_eq!(type_in(&mut it, b"new\x1b[A\x1b[A\x1b[A\n"), [line("one")]);
        assert_eq!(type_in(&mut it, b"new\x1b[A\x1b[B!\n"), [line("new!")]);
    }

    #[test]
    fn a_long_line_moves_sideways() {
        let mut it = Line::default();
        type_in(&mut it, "abcdef漢字".as_bytes());
        assert_eq!(it.row(80), ("abcdef漢字".into(), 10));
        assert_eq!(it.row(6), ("f漢字".into(), 5));
        type_in(&mut it, b"\x01\x1b[C");
        assert_eq!(it.row(6), ("abcde".into(), 1));
        assert_eq!(it.row(0), (String::new(), 0));
        assert_eq!(settled("a\nb\tc"), "a⏎b c");
    }
}
