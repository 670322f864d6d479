//! Writes a worker's stdin, and knows what the worker has read.
//!
//! Owns the write end of the pipe, and a read end that is never read: only to ask what is left in the pipe, also when
//! the write end is closed. A line once begun is written to its end unless the process is gone. It waits for nobody but
//! the worker: a worker that does not read blocks this task and nothing else.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{Feed, Response, sys};

/// The stdin of a worker: a pipe of one page.
pub(super) struct Input {
    pipe: AsyncFd<OwnedFd>,
    reading: Reading,
}

/// What of the event lines has been read.
struct Reading {
    /// The other end of the pipe.
    read_end: OwnedFd,
    /// Bytes written so far, responses too.
    written: u64,
    /// Event lines written or begun.
    events: u64,
    /// The event lines not known to be read, by the offset at which they begin.
    begins: VecDeque<u64>,
}

enum Next {
    Response(Response),
    Feed(Option<Feed>),
    AllRead,
}

impl Input {
    /// Takes over both ends of a pipe that is one page long and whose write end is non-blocking.
    pub(super) fn new(write_end: OwnedFd, read_end: OwnedFd) -> io::Result<Self> {
        let pipe = sys::watch(write_end)?;
        Ok(Input { pipe, reading: Reading { read_end, written: 0, events: 0, begins: VecDeque::new() } })
    }

    /// Writes what comes, responses first, until goodbye; then the worker sees EOF. Tells `all_read` the number of event
    /// lines each time the worker has read all. When the process is gone it returns of how many event lines the worker
    /// took a part.
    pub(super) async fn run(
        mut self,
        mut responses: mpsc::Receiver<Response>,
        mut events: mpsc::Receiver<Feed>,
        all_read: watch::Sender<u64>,
        gone: CancellationToken,
    ) -> u64 {
        tokio::select! {
            biased;
            () = gone.cancelled() => {}
            _ = self.write(&mut responses, &mut events, &all_read) => {}
        }
        let Input { pipe, reading } = self;
        drop(pipe);
        gone.cancelled().await;
        reading.taken()
    }

    async fn write(
        &mut self,
        responses: &mut mpsc::Receiver<Response>,
        events: &mut mpsc::Receiver<Feed>,
        all_read: &watch::Sender<u64>,
    ) -> io::Result<()> {
        loop {
            let next = tokio::select! {
                biased;
                Some(response) = responses.recv() => Next::Response(response),
                feed = events.recv() => Next::Feed(feed),
                read = emptied(&self.pipe), if !self.reading.begins.is_empty() => { read?; Next::AllRead },
            };
            match next {
                Next::Response(response) => self.write_all(&response.line).await?,
                Next::Feed(Some(Feed::Event(line))) => self.write_event(&line).await?,
                Next::Feed(Some(Feed::Goodbye(line))) => return self.write_event(&line).await,
                Next::Feed(None) => return Ok(()),
                Next::AllRead => {
                    self.reading.begins.clear();
                    all_read.send_replace(self.reading.events);
                }
            }
        }
    }

    async fn write_event(&mut self, line: &[u8]) -> io::Result<()> {
        self.reading.events += 1;
        self.reading.begins.push_back(self.reading.written);
        self.write_all(line).await
    }

    async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.pipe.writable().await?;
            match ready.try_io(|pipe| sys::write(pipe.get_ref().as_fd(), bytes)) {
                Ok(Ok(n)) => {
                    self.reading.written += n as u64;
                    bytes = &bytes[n..];
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => {}
            }
        }
        Ok(())
    }
}

impl Reading {
    /// Of how many event lines the first byte has been read.
    fn taken(&self) -> u64 {
        let unread = sys::unread(&self.read_end).unwrap_or(0);
        let read = self.written.saturating_sub(unread);
        let untouched = self.begins.iter().filter(|begins| **begins >= read).count() as u64;
        self.events - untouched
    }
}

/// Ends when the pipe is empty. A pipe of one page becomes writable exactly then, and wakes us.
async fn emptied(pipe: &AsyncFd<OwnedFd>) -> io::Result<()> {
    loop {
        let mut ready = pipe.writable().await?;
        if sys::unread(pipe.get_ref())? == 0 {
            return Ok(());
        }
        ready.clear_ready();
    }
}
