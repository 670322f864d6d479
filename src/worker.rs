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
mod program;
mod stderr;
mod stdin;
mod stdout;
mod sys;

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

pub use command::{Launcher, LauncherConfig, StartError};
pub use environment::{EnvironmentPlan, WorkerIdentity};
pub use program::{ProgramError, resolve};
pub use sys::raise_open_file_limit;

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
    /// By the table: its stdin is closed now, TERM and CONT at 70 % of the grace time, KILL at 90 %.
    Graceful,
    /// KILL, now.
    Now,
}

/// The handle of a worker. Dropping it ends the worker by the table.
#[derive(Debug)]
pub struct Worker {
    /// The process id, which is its process group's id too.
    pub pid: u32,
    events: Option<mpsc::Sender<Bytes>>,
    responses: Option<mpsc::Sender<Bytes>>,
    end: watch::Sender<Option<End>>,
}

impl Worker {
    /// Queues an event line. Scopes keep within their window, so there is room; `false` if there is none or the worker
    /// is ending.
    pub fn tell_event(&self, line: Bytes) -> bool {
        self.events.as_ref().is_some_and(|queue| queue.try_send(line).is_ok())
    }

    /// Queues a response; responses go before events. `false` if there is no room (see [`RESPONSES`]).
    pub fn tell_response(&self, line: Bytes) -> bool {
        self.responses.as_ref().is_some_and(|queue| queue.try_send(line).is_ok())
    }

    /// How many responses the worker has not been given yet.
    pub fn responses_waiting(&self) -> usize {
        self.responses.as_ref().map_or(0, |queue| queue.max_capacity() - queue.capacity())
    }

    /// Ends the worker: after what is queued its stdin is closed, and the process is ended as `how` says. It goes on
    /// sending [`WorkerEvent`]s until [`WorkerEvent::Gone`].
    pub fn end(&mut self, how: End) {
        self.events = None;
        self.responses = None;
        self.end.send_replace(Some(how));
    }
}

/// How many responses may wait for a worker that does not read. A scope stops reading a worker that has this many
/// requests open, so the queue never overflows.
pub const RESPONSES: usize = 1_000;
/// How many event lines may wait for the writer: a window of 100, and goodbye.
const EVENT_LINES: usize = 102;
/// After its process is over, how long its pipes are read for what it left behind. A grandchild that holds them open
/// gets no more than this.
const DRAIN: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
