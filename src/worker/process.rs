//! Owns one process: sees its end, ends it when asked, and reaps it.
//!
//! The order at the end matters. The pidfd tells that the process is over without reaping it; its pipes are read out;
//! its group is killed, while the zombie still keeps the group's id from being given to others; then what has left the
//! group; then it is reaped.

use std::os::fd::OwnedFd;
use std::process::Child;
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{End, Exit, WorkerEvent, remains, sys};

/// A process and how it is ended.
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) pidfd: AsyncFd<OwnedFd>,
    pub(super) grace: Duration,
    /// Its `ASGIGRAM_WORKER`.
    pub(super) mark: String,
    /// Who adopts what it leaves behind.
    pub(super) guardian: Option<u32>,
}

/// The tasks that serve its pipes, and where its events go.
pub(super) struct Pipes {
    /// Returns how many event lines were taken.
    pub(super) writing: JoinHandle<u64>,
    /// Returns whether anything was written.
    pub(super) reading: JoinHandle<bool>,
    /// Returns the last words.
    pub(super) words: JoinHandle<Vec<String>>,
    pub(super) events: mpsc::Sender<WorkerEvent>,
}

/// What the table does, and when: at this part of the grace time.
const TABLE: [(f64, Step); 2] = [(0.7, Step::Terminate), (0.9, Step::Kill)];

#[derive(Clone, Copy)]
enum Step {
    Terminate,
    Kill,
}

impl Process {
    /// Serves the process to its end and sends [`WorkerEvent::Gone`].
    pub(super) async fn run(
        mut self,
        ending: watch::Receiver<Option<End>>,
        gone: CancellationToken,
        pipes: Pipes,
    ) {
        let pid = self.child.id();
        tokio::select! {
            _ = self.pidfd.readable() => {}
            () = end(pid, self.grace, ending) => { let _ = self.pidfd.readable().await; }
        }
        gone.cancel();
        let events_taken = pipes.writing.await.unwrap_or(0);
        let last_words = pipes.words.await.unwrap_or_default();
        sys::kill_group(pid);
        let remains = remains::end_of_worker(self.mark, self.guardian).await;
        if remains.killed > 0 {
            tracing::debug!(
                pid,
                processes = remains.killed,
                "killed what a worker left outside of its group"
            );
        }
        if remains.left > 0 {
            tracing::warn!(pid, processes = remains.left, "a worker left processes that outlive SIGKILL");
        }
        // It is over, so this does not wait.
        let status = self.child.wait().unwrap_or_default();
        let wrote = pipes.reading.await.unwrap_or(false);
        let _ = pipes.events.send(WorkerEvent::Gone(Exit { status, events_taken, wrote, last_words })).await;
    }
}

/// Waits until the process is to end, then plays the table. Ends after the last step: only a process in an
/// uninterruptible wait outlives that.
async fn end(pid: u32, grace: Duration, mut ending: watch::Receiver<Option<End>>) {
    // A dropped handle ends the worker as well.
    let _ = ending.wait_for(Option::is_some).await;
    let mut begins = None;
    for (part, step) in TABLE {
        loop {
            let patience = match *ending.borrow_and_update() {
                Some(End::Now) => return sys::kill_group(pid),
                Some(End::Graceful { patience }) => patience,
                None => Duration::ZERO,
            };
            // A second order can only hurry.
            let soonest = Instant::now() + patience;
            let begins = *begins.insert(begins.map_or(soonest, |begins: Instant| begins.min(soonest)));
            tokio::select! {
                () = tokio::time::sleep_until(begins + grace.mul_f64(part)) => break,
                Ok(()) = ending.changed() => {}
            }
        }
        match step {
            Step::Terminate => sys::terminate_group(pid),
            Step::Kill => sys::kill_group(pid),
        }
    }
}
