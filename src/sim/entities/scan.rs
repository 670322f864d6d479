//! What the markup parsers share: reading bytes past the end as zero, and writing text while counting UTF-16 units.

/// A text under parsing and what has been written so far.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    text: &'a [u8],
    /// Where reading is, in bytes.
    pub(super) at: usize,
    out: Vec<u8>,
    /// Length of what was written, in UTF-16 units.
    pub(super) utf16: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Scan<'a> {
        Scan { text: text.as_bytes(), at: 0, out: Vec::with_capacity(text.len()), utf16: 0 }
    }

    /// Whether all is read.
    pub(super) fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    /// The byte `ahead` of the present one; zero past the end.
    pub(super) fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Whether the text goes on like this.
    pub(super) fn starts_with(&self, prefix: &[u8]) -> bool {
        self.text.get(self.at..).is_some_and(|rest| rest.starts_with(prefix))
    }

    /// Writes the present byte and moves on.
    pub(super) fn copy(&mut self) {
        let byte = self.peek(0);
        self.at += 1;
        self.put(byte);
    }

    /// Writes one byte of a character; its UTF-16 units are counted at its first byte.
    pub(super) fn put(&mut self, byte: u8) {
        if byte & 0xc0 != 0x80 {
            self.utf16 += 1 + usize::from(byte >= 0xf0);
        }
        self.out.push(byte);
    }

    /// Writes a character.
    pub(super) fn put_char(&mut self, letter: char) {
        let mut bytes = [0; 4];
        for &byte in letter.encode_utf8(&mut bytes).as_bytes() {
            self.put(byte);
        }
    }

    /// How many bytes were written.
    pub(super) fn written(&self) -> usize {
        self.out.len()
    }

    /// What was written since then.
    pub(super) fn written_since(&self, begin: usize) -> String {
        String::from_utf8_lossy(self.out.get(begin..).unwrap_or_default()).into_owned()
    }

    /// The text from a byte to the present one.
    pub(super) fn read_since(&self, begin: usize) -> String {
        let end = self.at.min(self.text.len());
        String::from_utf8_lossy(self.text.get(begin..end).unwrap_or_default()).into_owned()
    }

    /// Moves to where `stop` likes the byte, or to the end.
    pub(super) fn skip_until(&mut self, stop: impl Fn(u8) -> bool) {
        while !self.is_done() && !stop(self.peek(0)) {
            self.at += 1;
        }
    }

    /// After an opening fence: takes the name of a language, if one follows, and one line break.
    pub(super) fn skip_fence_head(&mut self) -> Option<String> {
        let begin = self.at;
        self.skip_until(|byte| is_space(byte) || byte == b'`');
        let language = if self.at > begin && !self.is_done() && self.peek(0) != b'`' {
            Some(self.read_since(begin))
        } else {
            self.at = begin;
            None
        };
        let (one, two) = (self.peek(0), self.peek(1));
        if matches!(one, b'\n' | b'\r') {
            self.at += if matches!(two, b'\n' | b'\r') && one != two { 2 } else { 1 };
        }
        language
    }

    /// Everything that was written.
    pub(super) fn finish(self) -> String {
        String::from_utf8(self.out).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned())
    }
}

/// White space as the server's parsers see it.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0)
}
