//! Logs a worker's stderr, a line at a time, with its scope and pid.
//!
//! Owns the read end of the pipe and the worker's last words. It always reads on, so that no worker ever waits for its
//! log; it never takes what it reads for an error.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::DRAIN;
use crate::wire::{Frame, LineSplitter};

/// A longer line is logged by its head alone.
const MAX_LINE: usize = 16 * 1024;
/// How many lines are kept to be shown with the worker's end; older ones are dropped.
const LAST_WORDS: usize = 20;

/// Logs the stream until its end, or until the process is gone and what it left behind is read. Returns its last lines.
pub(super) fn spawn(
    pipe: OwnedFd,
    scope: String,
    pid: u32,
    gone: CancellationToken,
) -> io::Result<JoinHandle<Vec<String>>> {
    let pipe = pipe::Receiver::from_owned_fd(pipe)?;
    let mut log =
        Log { pipe, splitter: LineSplitter::new(MAX_LINE), scope, pid, last_words: VecDeque::new() };
    Ok(tokio::spawn(async move {
        let mut open = true;
        while open {
            tokio::select! {
                biased;
                more = log.read() => open = more,
                () = gone.cancelled() => break,
            }
        }
        let _ = tokio::time::timeout(DRAIN, async { while open && log.read().await {} }).await;
        if let Some(frame) = log.splitter.finish() {
            log.line(frame);
        }
        log.last_words.into()
    }))
}

struct Log {
    pipe: pipe::Receiver,
    splitter: LineSplitter,
    scope: String,
    pid: u32,
    last_words: VecDeque<String>,
}

impl Log {
    /// One read, its lines logged. `false` at the end of the stream.
    async fn read(&mut self) -> bool {
        self.splitter.buffer().reserve(4096);
        let more = matches!(self.pipe.read_buf(self.splitter.buffer()).await, Ok(1..));
        while let Some(frame) = self.splitter.next_frame() {
            self.line(frame);
        }
        more
    }

    fn line(&mut self, frame: Frame) {
        let text = match frame {
            Frame::Line(line) => String::from_utf8_lossy(&line).into_owned(),
            Frame::TooLong { bytes, head } => {
                format!("{}… (a line of {bytes} bytes)", String::from_utf8_lossy(&head))
            }
        };
        tracing::info!(target: "worker", scope = self.scope, pid = self.pid, "{text}");
        if self.last_words.len() == LAST_WORDS {
            self.last_words.pop_front();
        }
        self.last_words.push_back(text);
    }
}
