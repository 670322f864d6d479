//! Processes of a story: those it starts, and the workers that the gateway starts, which it finds by a mark.
//!
//! Every gateway gets `STORY=<mark>` in its environment and its workers inherit it, so that a test can see each process
//! that it is to blame for, and end it, whatever has become of the gateway.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::patience;

/// The binary under test.
pub(crate) const ASGIGRAM: &str = env!("CARGO_BIN_EXE_asgigram");

/// A command with nothing on its stdin, in a process group of its own, and with no variables that would set options.
pub(crate) fn command(program: &str) -> Command {
    #[expect(clippy::disallowed_methods, reason = "tests start the program under test")]
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_ascii_uppercase();
        let proxy = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].contains(&text.as_str());
        if proxy || text.starts_with("ASGIGRAM_") || text == "TELEGRAM_BOT_TOKEN" {
            command.env_remove(&name);
        }
    }
    command
}

/// A number that no other story uses, neither in this run nor in one beside it.
pub(crate) fn unique() -> i64 {
    static USED: AtomicU32 = AtomicU32::new(0);
    let n = USED.fetch_add(1, Ordering::Relaxed);
    // Bot ids have up to 52 bits; process ids have 22.
    1_000_000_000 + i64::from(std::process::id()) * 10_000 + i64::from(n)
}

/// A process that is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    status: Option<ExitStatus>,
}

impl Process {
    /// Takes over a child.
    pub(crate) fn new(child: Child) -> Process {
        Process { child, status: None }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, if it still runs.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.running()
            && let Some(pid) = pid(self.child.id())
        {
            let _ = kill_process(pid, signal);
        }
    }

    /// Whether it has not ended.
    pub(crate) fn running(&mut self) -> bool {
        self.status = self.status.or(self.child.try_wait().unwrap());
        self.status.is_none()
    }

    /// Waits for its end; `None` if that does not come in time.
    pub(crate) async fn ends(&mut self) -> Option<ExitStatus> {
        eventually(|| (!self.running()).then_some(())).await?;
        self.status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills a process.
pub(crate) fn kill(id: u32) {
    if let Some(pid) = pid(id) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// The children of a process, the oldest first.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// The name of a process's program.
pub(crate) fn name(id: u32) -> String {
    fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default().trim().to_owned()
}

/// Looks again and again for a fact of which nobody sends news, such as one of `/proc`; `None` if it does not come true
/// in time.
pub(crate) async fn eventually<T>(mut fact: impl FnMut() -> Option<T>) -> Option<T> {
    eventually_answered(async || fact()).await
}

/// The same where one has to ask.
pub(crate) async fn eventually_answered<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let look = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(patience(), look).await.ok()
}

/// The living processes of workers with this mark: their ids. A zombie is none.
pub(crate) fn workers(mark: &str) -> Vec<u32> {
    let story = format!("STORY={mark}");
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let has =
            |begins: &str| environment.split(|byte| *byte == 0).any(|v| v.starts_with(begins.as_bytes()));
        has("ASGIGRAM_WORKER=") && environment.split(|byte| *byte == 0).any(|v| v == story.as_bytes())
    })
    .collect()
}

/// Whether there is such a process, and it is no zombie.
pub(crate) fn alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

/// Ends all workers with this mark.
pub(crate) fn kill_workers(mark: &str) {
    for worker in workers(mark).into_iter().filter_map(pid) {
        let _ = kill_process(worker, Signal::KILL);
    }
}

fn pid(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}
