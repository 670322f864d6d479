//! Reads a worker's stdout.
//!
//! Owns the read end of the pipe and the bytes that are no line yet. What the worker wrote comes out in its order, and
//! before the news that it has read all, so that a hello or an ack is never overtaken by a judgement on reading.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{DRAIN, WorkerEvent, sys};
use crate::wire::{Frame, LineSplitter};

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// The stdout of a worker.
pub(super) struct Output {
    pipe: pipe::Receiver,
    splitter: LineSplitter,
    wrote: bool,
    events: mpsc::Sender<WorkerEvent>,
}

impl Output {
    /// Takes over a pipe that is non-blocking.
    pub(super) fn new(pipe: OwnedFd, max_line: usize, events: mpsc::Sender<WorkerEvent>) -> io::Result<Self> {
        let pipe = pipe::Receiver::from_owned_fd(pipe)?;
        Ok(Output { pipe, splitter: LineSplitter::new(max_line), wrote: false, events })
    }

    /// Reads until the end of the stream, or until the process is gone and what it left behind is read. Returns whether
    /// it ever wrote anything. When the scope does not take events, it stops reading: the worker then waits in its write.
    pub(super) async fn run(mut self, mut all_read: watch::Receiver<u64>, gone: CancellationToken) -> bool {
        let mut open = true;
        loop {
            tokio::select! {
                biased;
                () = gone.cancelled() => break,
                Ok(()) = all_read.changed() => {
                    let events = *all_read.borrow_and_update();
                    self.read_what_is_there().await;
                    self.emit(WorkerEvent::AllRead { events }).await;
                }
                more = self.read(), if open => {
                    open = more;
                    self.emit_frames().await;
                }
            }
        }
        // What the process left in the pipe still counts. A grandchild may hold the pipe open: it is not waited for.
        let _ = tokio::time::timeout(DRAIN, async { while open && self.read().await {} }).await;
        self.emit_frames().await;
        if let Some(frame) = self.splitter.finish() {
            self.emit(WorkerEvent::from(frame)).await;
        }
        self.wrote
    }

    /// One read. `false` at the end of the stream.
    async fn read(&mut self) -> bool {
        self.splitter.buffer().reserve(CHUNK);
        let read = self.pipe.read_buf(self.splitter.buffer()).await;
        self.wrote |= matches!(read, Ok(1..));
        matches!(read, Ok(1..))
    }

    /// Reads without asking the runtime: it may not have heard yet of what is in the pipe.
    async fn read_what_is_there(&mut self) {
        let mut chunk = [0; 8 * 1024];
        while let Ok(n @ 1..) = sys::read(&self.pipe, &mut chunk) {
            self.wrote = true;
            self.splitter.buffer().extend_from_slice(&chunk[..n]);
            self.emit_frames().await;
        }
    }

    async fn emit_frames(&mut self) {
        while let Some(frame) = self.splitter.next_frame() {
            self.emit(WorkerEvent::from(frame)).await;
        }
    }

    async fn emit(&mut self, event: WorkerEvent) {
        // The scope outlives its worker's events; a closed channel can only mean that the gateway is being torn down.
        let _ = self.events.send(event).await;
    }
}

impl From<Frame> for WorkerEvent {
    fn from(frame: Frame) -> Self {
        match frame {
            Frame::Line(line) => WorkerEvent::Line(line),
            Frame::TooLong { bytes, head } => WorkerEvent::TooLong { bytes, head },
        }
    }
}
