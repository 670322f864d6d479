//! From the bytes of a terminal to keys.
//!
//! Pure. Owns the decoding of UTF-8, of escape sequences (ECMA-48, xterm) and of bracketed paste, also where a read ends
//! in the middle of one. What it does not know it passes over.

/// A key, as far as a line editor cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A letter, or a line end that was pasted.
    Letter(char),
    Enter,
    Backspace,
    Delete,
    Left,
    Right,
    Home,
    End,
    Up,
    Down,
    EraseWord,
    EraseToStart,
    EraseToEnd,
    /// Ctrl-D: the end if nothing is typed.
    Eof,
}

/// The longest sequence that is looked at; a longer one is cut off there.
const LONGEST: usize = 16;

/// Decodes; it remembers what is not yet whole.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    partial: Vec<u8>,
    pasting: bool,
}

impl Decoder {
    /// The keys that these bytes complete.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> Vec<Key> {
        let mut keys = Vec::new();
        for &byte in bytes {
            self.partial.push(byte);
            let whole = match self.partial[0] {
                0x1b => self.sequence(),
                0x80.. => self.letter(),
                byte => Some(self.control(byte)),
            };
            if let Some(key) = whole {
                self.partial.clear();
                keys.extend(key);
            }
        }
        keys
    }

    fn control(&self, byte: u8) -> Option<Key> {
        Some(match byte {
            b'\r' | b'\n' if self.pasting => Key::Letter('\n'),
            b'\t' | b' '..=b'~' => Key::Letter(char::from(byte)),
            _ if self.pasting => return None,
            b'\r' | b'\n' => Key::Enter,
            0x7f | 0x08 => Key::Backspace,
            0x01 => Key::Home,
            0x02 => Key::Left,
            0x04 => Key::Eof,
            0x05 => Key::End,
            0x06 => Key::Right,
            0x0b => Key::EraseToEnd,
            0x0e => Key::Down,
            0x10 => Key::Up,
            0x15 => Key::EraseToStart,
            0x17 => Key::EraseWord,
            _ => return None,
        })
    }

    /// A letter of several bytes, if it is whole. What is not UTF-8 is nothing.
    fn letter(&self) -> Option<Option<Key>> {
        match std::str::from_utf8(&self.partial) {
            Ok(text) => Some(text.chars().next().filter(|letter| !letter.is_control()).map(Key::Letter)),
            Err(error) if error.error_len().is_none() => None,
            Err(_) => Some(None),
        }
    }

    /// An escape sequence, if it is whole.
    fn sequence(&mut self) -> Option<Option<Key>> {
        let (last, body) = self.partial.split_last()?;
        match body {
            [] => return None,
            // Escape and a letter: Alt, which means nothing here.
            [0x1b] if !matches!(last, b'[' | b'O') => return Some(None),
            [0x1b] => return None,
            _ if !(0x40..=0x7e).contains(last) && self.partial.len() < LONGEST => return None,
            _ => {}
        }
        let parameters = &body[2..];
        Some(match (last, parameters) {
            (b'~', b"200") => {
                self.pasting = true;
                None
            }
            (b'~', b"201") => {
                self.pasting = false;
                None
            }
            (b'~', b"3") => Some(Key::Delete),
            (b'~', b"1" | b"7") | (b'H', _) => Some(Key::Home),
            (b'~', b"4" | b"8") | (b'F', _) => Some(Key::End),
            (b'A', _) => Some(Key::Up),
            (b'B', _) => Some(Key::Down),
            (b'C', _) => Some(Key::Right),
            (b'D', _) => Some(Key::Left),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let whole = Decoder::default().decode(bytes);
        let mut decoder = Decoder::default();
        let single: Vec<Key> = bytes.iter().flat_map(|byte| decoder.decode(&[*byte])).collect();
        assert_eq!(whole, single, "it does not matter where a read ends");
        whole
    }

    #[test]
    fn letters_and_keys() {
        use Key::{Backspace, Delete, Enter, Eof, Home, Letter, Up};
        assert_eq!(keys("aé😀\n".as_bytes()), [Letter('a'), Letter('é'), Letter('😀'), Enter]);
        assert_eq!(keys(b"\x1b[A\x1bOH\x1b[3~\x7f\x04"), [Up, Home, Delete, Backspace, Eof]);
        assert_eq!(keys(b"\x1b[1;5Ab"), [Up, Letter('b')]);
        assert_eq!(keys(b"\x1bx\x07\xffa"), [Letter('a')]);
        assert_eq!(keys(b"\x1b[99999999999999999999"), keys(b"99999999").split_at(6).0);
    }

    #[test]
    fn a_paste_may_have_several_lines() {
        let pasted = [Key::Letter('a'), Key::Letter('\n'), Key::Letter('b'), Key::Enter];
        assert_eq!(keys(b"\x1b[200~a\nb\x1b[201~\n"), pasted);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            keys(&bytes);
        }
    }
}
