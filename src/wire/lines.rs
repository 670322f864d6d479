//! Framing: bytes from a worker cut into lines, however they arrive.
//!
//! Owns the bytes that are no line yet. It reads nothing itself, so that a read can be cancelled at any moment and no
//! byte is lost. It never fails: a line over the limit is reported and the next one is found.

use bytes::{Bytes, BytesMut};

/// How many bytes of a discarded line are kept to be shown.
const HEAD: usize = 200;

/// One line, or the report of one that was too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A line without its `\n` (and without a `\r` before it). Never blank.
    Line(Bytes),
    /// A line of `bytes` bytes that was discarded; `head` are its first 200.
    TooLong {
        /// Its length, newline not counted.
        bytes: usize,
        /// Its first bytes.
        head: Bytes,
    },
}

/// Cuts a stream of bytes into [`Frame`]s. Holds at most `max` bytes of an unfinished line, plus what one read brought.
#[derive(Debug)]
pub struct LineSplitter {
    max: usize,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no newline.
    scanned: usize,
    discarding: Option<Discarding>,
}

#[derive(Debug)]
struct Discarding {
    bytes: usize,
    head: Bytes,
}

impl LineSplitter {
    /// A splitter for lines of at most `max` bytes.
    pub fn new(max: usize) -> Self {
        LineSplitter { max, buffer: BytesMut::new(), scanned: 0, discarding: None }
    }

    /// Where the reader puts the bytes it got: append only, then ask for [`next_frame`](Self::next_frame) until there is none.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next frame, if the bytes so far hold a whole one.
    pub fn next_frame(&mut self) -> Option<Frame> {
        loop {
            let newline = memchr::memchr(b'\n', &self.buffer[self.scanned..]);
            let Some(at) = newline.map(|at| self.scanned + at) else {
                self.scanned = self.buffer.len();
                self.discard_if_too_long();
                return None;
            };
            let mut line = self.buffer.split_to(at + 1);
            line.truncate(at);
            self.scanned = 0;
            if let Some(frame) = self.frame(line) {
                return Some(frame);
            }
        }
    }

    /// The last line, which may lack its newline, when the stream has ended.
    pub fn finish(&mut self) -> Option<Frame> {
        let rest = self.buffer.split();
        self.scanned = 0;
        self.frame(rest)
    }

    fn frame(&mut self, mut line: BytesMut) -> Option<Frame> {
        if let Some(Discarding { bytes, head }) = self.discarding.take() {
            return Some(Frame::TooLong { bytes: bytes + line.len(), head });
        }
        if line.len() > self.max {
            return Some(Frame::TooLong {
                bytes: line.len(),
                head: line.split_to(HEAD.min(line.len())).freeze(),
            });
        }
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        (!line.trim_ascii().is_empty()).then(|| Frame::Line(line.freeze()))
    }

    fn discard_if_too_long(&mut self) {
        match &mut self.discarding {
            Some(discarding) => discarding.bytes += self.buffer.len(),
            None if self.buffer.len() > self.max => {
                let head = Bytes::copy_from_slice(&self.buffer[..HEAD.min(self.buffer.len())]);
                self.discarding = Some(Discarding { bytes: self.buffer.len(), head });
            }
            None => return,
        }
        self.buffer.clear();
        self.scanned = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(chunks: &[&[u8]], max: usize) -> Vec<String> {
        let mut splitter = LineSplitter::new(max);
        let mut frames = Vec::new();
        for chunk in chunks {
            splitter.buffer().extend_from_slice(chunk);
            frames.extend(std::iter::from_fn(|| splitter.next_frame()));
        }
        frames.extend(splitter.finish());
        frames
            .into_iter()
            .map(|frame| match frame {
                Frame::Line(line) => String::from_utf8_lossy(&line).into_owned(),
                Frame::TooLong { bytes, head } => format!("<{bytes} {}>", String::from_utf8_lossy(&head)),
            })
            .collect()
    }

    #[test]
    fn lines_end_as_the_protocol_says() {
        assert_eq!(split(&[b"a\nb\r\n\n  \r\nlast"], 10), ["a", "b", "last"]);
        assert_eq!(split(&[b"{\"a\"", b":1}", b"\n"], 10), ["{\"a\":1}"]);
        assert_eq!(split(&[b""], 10), [""; 0]);
    }

    #[test]
    fn a_long_line_costs_only_itself() {
        assert_eq!(split(&[b"0123456789ab\nok\n"], 10), ["<12 0123456789ab>", "ok"]);
        assert_eq!(split(&[b"01234567", b"89ab", b"cd\nok"], 10), ["<14 0123456789ab>", "ok"]);
        assert_eq!(split(&[b"0123456789ab"], 10), ["<12 0123456789ab>"]);
        assert_eq!(split(&[b"0123456789\n"], 10), ["0123456789"]);
    }

    proptest! {
        #[test]
        fn how_the_bytes_arrive_makes_no_difference(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a')], 0..60),
            cuts in proptest::collection::vec(0usize..60, 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            // The head of a discarded line is what had arrived, so only lengths are compared.
            let lengths = |frames: Vec<String>| -> Vec<String> {
                frames.into_iter().map(|frame| frame.split(' ').next().unwrap_or_default().to_owned()).collect()
            };
            prop_assert_eq!(lengths(split(&chunks, 8)), lengths(split(&[&bytes], 8)));
        }
    }
}
