//! Starts workers: the one place where their processes are made.
//!
//! Owns the command line and the limit of starts under way. It never uses `pre_exec`, `env_clear` or `uid`: each of
//! them would leave posix_spawn for fork, which stalls every thread for as long as our memory is large.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::environment::{EnvironmentPlan, WorkerIdentity};
use super::{EVENT_LINES, EVENTS, RESPONSES, Worker, WorkerEvent, process, stderr, stdin, stdout, sys};

/// How many processes may be in the act of starting. More wait their turn.
const STARTS_AT_ONCE: usize = 4;

/// What every worker of a gateway has in common.
#[derive(Clone, Debug)]
pub struct LauncherConfig {
    /// The absolute path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// What its environment is made of.
    pub environment: EnvironmentPlan,
    /// The time from the first request to end to the last, see [`super::End`].
    pub grace: Duration,
    /// The longest line it may write, in bytes.
    pub max_line: usize,
    /// The soft limit of open files it gets back, if ours was raised.
    pub open_files: Option<u64>,
    /// The name of this run of the gateway, first part of `ASGIGRAM_WORKER`.
    pub run: String,
    /// The guardian of this gateway, its parent: it adopts what workers leave behind.
    pub guardian: Option<u32>,
}

/// Why a worker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The machine has no more processes, open files or memory for now.
    #[error("the machine is out of processes, open files or memory: {0}")]
    Busy(io::Error),
    /// It cannot be started at all.
    #[error("`{program}` cannot be started: {error}")]
    Failed {
        /// The program.
        program: String,
        /// What the system says.
        error: io::Error,
    },
}

/// Starts workers. A cheap handle; clones share the limit of starts at once.
#[derive(Clone, Debug)]
pub struct Launcher {
    config: Arc<LauncherConfig>,
    starts: Arc<Semaphore>,
    started: Arc<AtomicU64>,
}

impl Launcher {
    /// A launcher of this command.
    pub fn new(config: LauncherConfig) -> Self {
        Launcher {
            config: Arc::new(config),
            starts: Arc::new(Semaphore::new(STARTS_AT_ONCE)),
            started: Arc::default(),
        }
    }

    /// Starts a worker and the tasks that serve it. Its events come through the receiver, [`WorkerEvent::Gone`] last.
    pub async fn start(
        &self,
        identity: WorkerIdentity,
    ) -> Result<(Worker, mpsc::Receiver<WorkerEvent>), StartError> {
        let _permit = self.starts.acquire().await.expect("this semaphore is never closed");
        let nth = self.started.fetch_add(1, Ordering::Relaxed) + 1;
        let mark = format!("{}.{nth}", self.config.run);
        let config = self.config.clone();
        let variables = identity.variables(&mark);
        // exec may wait for a disk: not on the threads that serve everybody else.
        let spawned = tokio::task::spawn_blocking(move || spawn(&config, variables)).await;
        let parts = spawned.unwrap_or_else(|panic| Err(io::Error::other(panic)));
        let parts = parts.map_err(|error| self.explain(error))?;
        self.serve(parts, &identity.scope, mark).map_err(|error| self.explain(error))
    }

    fn serve(
        &self,
        parts: Parts,
        scope: &str,
        mark: String,
    ) -> io::Result<(Worker, mpsc::Receiver<WorkerEvent>)> {
        let pid = parts.child.id();
        let (feed, events) = mpsc::channel(EVENT_LINES);
        let (responses, answers) = mpsc::channel(RESPONSES + 1);
        let (sender, receiver) = mpsc::channel(EVENTS);
        let (end, ending) = watch::channel(None);
        let gone = CancellationToken::new();
        let (all_read, read_marks) = watch::channel(0);

        let input = stdin::Input::new(parts.stdin, parts.stdin_read_end)?;
        let output = stdout::Output::new(parts.stdout, self.config.max_line, sender.clone())?;
        let words = stderr::spawn(parts.stderr, scope.to_owned(), pid, gone.clone())?;
        let pidfd = sys::watch(parts.pidfd)?;
        let writing = tokio::spawn(input.run(answers, events, all_read, gone.clone()));
        let reading = tokio::spawn(output.run(read_marks, gone.clone()));
        let (grace, guardian) = (self.config.grace, self.config.guardian);
        let owner = process::Process { child: parts.child, pidfd, grace, mark, guardian };
        tokio::spawn(owner.run(ending, gone, process::Pipes { writing, reading, words, events: sender }));
        Ok((Worker { pid, feed: Some(feed), responses, end }, receiver))
    }

    fn explain(&self, error: io::Error) -> StartError {
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::MFILE | Errno::NFILE | Errno::AGAIN | Errno::NOMEM) => StartError::Busy(error),
            _ => StartError::Failed { program: self.config.program.display().to_string(), error },
        }
    }
}

struct Parts {
    child: Child,
    pidfd: OwnedFd,
    stdin: OwnedFd,
    stdin_read_end: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

fn spawn(config: &LauncherConfig, variables: Vec<(&'static str, String)>) -> io::Result<Parts> {
    let (stdin_read_end, stdin) = std::io::pipe()?;
    sys::shrink_pipe(&stdin)?;
    sys::set_nonblocking(&stdin)?;
    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts workers")]
    let mut command = std::process::Command::new(&config.program);
    command.args(&config.args).process_group(0);
    command.stdin(stdin_read_end.try_clone()?).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in &config.environment.removed {
        command.env_remove(name);
    }
    let set = config.environment.set.iter().map(|(name, value)| (*name, value.as_str()));
    command.envs(set.chain(variables.iter().map(|(name, value)| (*name, value.as_str()))));
    let mut child = command.spawn()?;
    match attach(&mut child, config.open_files) {
        Ok((pidfd, stdout, stderr)) => {
            let (stdin, stdin_read_end) = (stdin.into(), stdin_read_end.into());
            Ok(Parts { child, pidfd, stdin, stdin_read_end, stdout, stderr })
        }
        Err(error) => {
            sys::kill_group(child.id());
            let _ = child.wait();
            Err(error)
        }
    }
}

fn attach(child: &mut Child, open_files: Option<u64>) -> io::Result<(OwnedFd, OwnedFd, OwnedFd)> {
    let pidfd = sys::pidfd(child.id())?;
    if let Some(soft) = open_files {
        sys::lower_open_file_limit(child.id(), soft);
    }
    let missing = || io::Error::other("a pipe that was asked for is missing");
    let stdout: OwnedFd = child.stdout.take().ok_or_else(missing)?.into();
    let stderr: OwnedFd = child.stderr.take().ok_or_else(missing)?.into();
    sys::set_nonblocking(&stdout)?;
    sys::set_nonblocking(&stderr)?;
    Ok((pidfd, stdout, stderr))
}
