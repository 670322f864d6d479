//! A worker: one process and its pipes, from start to reaped.
//!
//! Owns the child process and everything attached to it. Four tasks serve it, none of which waits for another: one
//! writes its stdin, one reads its stdout, one logs its stderr, and one owns the process and ends it. It never looks
//! into a line and never decides when a worker starts or stops.
//!
//! ```text
//! feed (responses, events) → stdin ──→ process ──→ stdout → events
//!                              └─ "all read" ────────┘
//! ```

mod command;
mod environment;
mod process;
mod processes;
mod program;
mod remains;
mod stderr;
mod stdin;
mod stdout;
mod sys;

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

pub use command::{Launcher, LauncherConfig, StartError};
pub use environment::{EnvironmentPlan, WorkerIdentity};
pub use program::{ProgramError, resolve};
pub use remains::{Remains, children_of_this_process, end_of_descendants, end_of_run, is_parent};
pub use sys::raise_open_file_limit;
pub(crate) use sys::{pidfd, watch};

/// How many events may wait between a worker and its scope. When they are full the worker's stdout is not read on, so
/// the worker blocks in its write; nobody else does.
const EVENTS: usize = 64;

/// What a worker does, in the order in which it did it.
#[derive(Debug)]
pub enum WorkerEvent {
    /// A line on its stdout.
    Line(Bytes),
    /// A line over the limit: discarded, these were its length and first bytes.
    TooLong {
        /// Length in bytes.
        bytes: usize,
        /// Its first bytes.
        head: Bytes,
    },
    /// It has read all that was written to it, of which `events` lines were events. All it had written by then comes
    /// before this.
    AllRead {
        /// How many event lines it has been given in its life.
        events: u64,
    },
    /// Its process is over and reaped, its group is dead. The last event.
    Gone(Exit),
}

/// How a process ended.
#[derive(Debug)]
pub struct Exit {
    /// For the log: `exit code 1`, `signal 9`.
    pub status: std::process::ExitStatus,
    /// Of how many event lines it took at least the first byte.
    pub events_taken: u64,
    /// Whether it wrote anything to its stdout.
    pub wrote: bool,
    /// The last lines of its stderr.
    pub last_words: Vec<String>,
}

/// How a worker is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By the table: its stdin is closed now; `patience` later the grace time begins, with TERM and CONT at 70 % of it
    /// and KILL at 90 %.
    Graceful {
        /// How long a worker that may still be busy is left alone.
        patience: Duration,
    },
    /// KILL, now.
    Now,
}

/// The handle of a worker. Dropping it ends the worker by the table.
#[derive(Debug)]
pub struct Worker {
    /// The process id, which is its process group's id too.
    pub pid: u32,
    feed: Option<mpsc::Sender<Feed>>,
    responses: mpsc::Sender<Response>,
    end: watch::Sender<Option<End>>,
}

/// What the writer of a worker's stdin takes besides responses.
#[derive(Debug)]
enum Feed {
    Event(Bytes),
    /// The last line: EOF follows.
    Goodbye(Bytes),
}

/// A line that is no event: it says nothing about what the worker has handled. Responses go before events.
#[derive(Debug)]
pub struct Response {
    /// The line.
    pub line: Bytes,
    /// Given back when the line is written: whoever hands out so many slots never overfills the queue.
    pub slot: Option<OwnedSemaphorePermit>,
}

impl Worker {
    /// Queues an event line. Scopes keep within their window, so there is room; `false` if there is none or the worker
    /// is ending.
    pub fn tell(&self, event: Bytes) -> bool {
        self.feed.as_ref().is_some_and(|feed| feed.try_send(Feed::Event(event)).is_ok())
    }

    /// Where responses go: it has room for [`RESPONSES`]. What comes after [`end`](Self::end) is not written.
    pub fn responses(&self) -> mpsc::Sender<Response> {
        self.responses.clone()
    }

    /// Ends the worker: after what is queued, `goodbye` is its last line, its stdin is closed, and the process is ended
    /// as `how` says. It goes on sending [`WorkerEvent`]s until [`WorkerEvent::Gone`]. A second call can only hurry.
    pub fn end(&mut self, goodbye: Bytes, how: End) {
        if let Some(feed) = self.feed.take() {
            // Room is kept for it: the queue is larger than any window.
            let _ = feed.try_send(Feed::Goodbye(goodbye));
        }
        self.end.send_replace(Some(how));
    }
}

/// How many responses may wait for a worker that does not read.
pub const RESPONSES: usize = 1_000;
/// How many event lines may wait for the writer: a window of 100, and goodbye.
const EVENT_LINES: usize = 102;
/// After its process is over, how long its pipes are read for what it left behind. A grandchild that holds them open
/// gets no more than this.
const DRAIN: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
