//! The operator's side: starts the gateway with options, reads its log, stops it.

use std::ffi::OsStr;
use std::process::{Child, ExitStatus};
use std::sync::Arc;

use rustix::process::Signal;
use tempfile::TempDir;

use super::log::Log;
use super::process::{self, ASGIGRAM, Process};
use super::telegram::Telegram;
use super::worker::Worker;

/// A gateway to be started.
pub(crate) struct Plan {
    words: Vec<String>,
    /// Kept, so that the files of the worker live as long as the gateway.
    worker: Option<Worker>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    wrapper: Vec<String>,
    mark: String,
    /// Where its journal is, unless a test says otherwise.
    state: Arc<TempDir>,
}

/// A running gateway. Dropping it kills it and all its workers; if the test has failed, its log is shown.
pub(crate) struct Gateway {
    pub(crate) process: Process,
    pub(crate) mark: String,
    stdout: Log,
    stderr: Log,
    state: Arc<TempDir>,
    _worker: Option<Worker>,
}

impl Gateway {
    /// A gateway that runs this worker, and tries again after ten milliseconds what failed.
    pub(crate) fn with(worker: &Worker) -> Plan {
        Gateway::plain(worker).arg("--retry-delay=10ms..20ms")
    }

    /// The same with no option but where Telegram is.
    pub(crate) fn plain(worker: &Worker) -> Plan {
        let words: Vec<&str> = worker.command.iter().map(String::as_str).collect();
        let plan = Gateway::run(&[&["--"], words.as_slice()].concat());
        Plan { worker: Some(worker.clone()), ..plan }
    }

    /// A gateway with these words at the end of its command line: an app, `-- COMMAND…`, or what is wrong.
    pub(crate) fn run(words: &[&str]) -> Plan {
        Plan {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            worker: None,
            args: Vec::new(),
            env: Vec::new(),
            wrapper: Vec::new(),
            mark: process::unique().to_string(),
            state: Arc::new(tempfile::tempdir().unwrap()),
        }
    }

    /// The folder in which the gateway keeps its journal.
    pub(crate) fn state(&self) -> Arc<TempDir> {
        self.state.clone()
    }

    /// All that it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.stderr.text()
    }

    /// All lines of its log so far that contain `words`.
    pub(crate) fn log_lines(&self, words: &str) -> Vec<String> {
        self.stderr.lines_with(words)
    }

    /// All that it has printed on stdout so far.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Waits until its log contains `words`; the first line that does.
    pub(crate) async fn expects_log(&self, words: &str) -> String {
        self.stderr.expects(words).await
    }

    /// Waits until so many lines of its log contain `words`; all of them.
    pub(crate) async fn expects_log_lines(&self, words: &str, count: usize) -> Vec<String> {
        let found = |text: &str| {
            let lines: Vec<_> = text.lines().filter(|line| line.contains(words)).map(str::to_owned).collect();
            (lines.len() >= count).then_some(lines)
        };
        self.stderr.expects_that(&format!("{count} lines with `{words}`"), found).await
    }

    /// Sends it a signal.
    pub(crate) fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Kills it, as a crash would. Its guardian then ends the workers and exits too.
    pub(crate) fn kill(&mut self) {
        process::kill(self.pid());
    }

    /// The process that does the work: the child of the guardian, where there is one.
    pub(crate) fn pid(&self) -> u32 {
        let parent = self.process.pid();
        process::children(parent).into_iter().find(|pid| process::name(*pid) == "asgigram").unwrap_or(parent)
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.exits().await
    }

    /// Waits for its end.
    pub(crate) async fn exits(&mut self) -> ExitStatus {
        let Some(status) = self.process.ends().await else {
            panic!("the gateway does not end in time");
        };
        self.stderr.ended().await;
        self.stdout.ended().await;
        status
    }

    /// The most memory that it has ever used, in KiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// The process ids of its workers and all that they started.
    pub(crate) fn workers(&self) -> Vec<u32> {
        process::workers(&self.mark)
    }

    /// Waits until it has so many workers.
    pub(crate) async fn has_workers(&self, count: usize) -> Vec<u32> {
        let found = process::eventually(|| Some(self.workers()).filter(|pids| pids.len() == count)).await;
        found.unwrap_or_else(|| panic!("{} workers live, not {count}", self.workers().len()))
    }
}

impl Plan {
    /// An option.
    pub(crate) fn arg(mut self, arg: impl Into<String>) -> Plan {
        self.args.push(arg.into());
        self
    }

    /// The same journal as another gateway had.
    pub(crate) fn with_state(mut self, state: Arc<TempDir>) -> Plan {
        self.state = state;
        self
    }

    /// A variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Plan {
        self.env.push((name.to_owned(), value.as_ref().to_str().unwrap().to_owned()));
        self
    }

    /// A program that starts the gateway, such as `prlimit`, with its arguments.
    pub(crate) fn under(mut self, wrapper: &[&str]) -> Plan {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Starts it as the bot of this simulator, and waits until it is ready.
    pub(crate) async fn start(self, telegram: &Telegram) -> Gateway {
        let gateway = self.launch(telegram);
        gateway.expects_log("ready").await;
        gateway
    }

    /// Starts it as the bot of this simulator, and waits for nothing.
    pub(crate) fn launch(self, telegram: &Telegram) -> Gateway {
        let token = telegram.token();
        self.arg(format!("--api-url={}", telegram.url())).env("TELEGRAM_BOT_TOKEN", token).launch_alone()
    }

    /// Starts it with neither Telegram nor token.
    pub(crate) fn launch_alone(self) -> Gateway {
        let (mark, worker, state) = (self.mark.clone(), self.worker.clone(), self.state.clone());
        let mut child = self.spawn();
        let stdout = Log::of(child.stdout.take().unwrap());
        let stderr = Log::of(child.stderr.take().unwrap());
        Gateway { process: Process::new(child), mark, stdout, stderr, state, _worker: worker }
    }

    fn spawn(self) -> Child {
        let mut words = self.wrapper;
        words.push(ASGIGRAM.to_owned());
        words.extend(self.args);
        words.extend(self.words);
        let mut command = process::command(&words[0]);
        command
            .args(&words[1..])
            .env("STORY", &self.mark)
            .env("XDG_STATE_HOME", self.state.path())
            .envs(self.env);
        command.spawn().unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.process.signal(Signal::KILL);
        process::kill_workers(&self.mark);
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(100)..];
            #[expect(clippy::print_stdout, reason = "it is shown with the failure")]
            {
                println!("--- the log of the gateway, its end ---\n{}", last.join("\n"));
            }
        }
    }
}
