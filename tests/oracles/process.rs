//! A program under test: what it prints is read as it comes, and every wait for it has a deadline.
//!
//! Owns the process: dropped, it is killed, and if the test failed, all that it printed is shown.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

/// How long a fact may take to come true. Interpreters start slowly on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a program has done so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
    /// How it ended; set after the last line.
    pub(crate) end: Option<ExitStatus>,
}

/// A running program.
pub(crate) struct Process {
    name: String,
    pid: Pid,
    seen: watch::Receiver<Seen>,
}

impl Process {
    /// Starts a program in the root of the repository, with our environment less what sets options or trusts
    /// certificates, and with `variables`.
    pub(crate) fn start(program: &str, args: &[&str], variables: &[(&str, &str)]) -> Process {
        #[expect(clippy::disallowed_methods, reason = "tests start programs as people do")]
        let mut command = Command::new(program);
        command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
        for (name, _) in std::env::vars() {
            let is_option = name.starts_with("ASGIGRAM_") || name.starts_with("SSL_CERT_");
            if is_option || name == "TELEGRAM_BOT_TOKEN" || name.to_ascii_lowercase().ends_with("_proxy") {
                command.env_remove(name);
            }
        }
        command.env("ASGIGRAM_JOURNAL", "memory").envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start `{program}`: {error}"));

        let (sender, seen) = watch::channel(Seen::default());
        let stdout = read(child.stdout.take().expect("it is piped"), sender.clone(), |seen| &mut seen.stdout);
        let stderr = read(child.stderr.take().expect("it is piped"), sender.clone(), |seen| &mut seen.stderr);
        let pid = Pid::from_child(&child);
        std::thread::spawn(move || {
            let _ = (stdout.join(), stderr.join());
            let end = child.wait().ok();
            sender.send_modify(|seen| seen.end = end);
        });
        let name = [&[program], args].concat().join(" ");
        Process { name, pid, seen }
    }

    /// Waits for a fact. A program that has ended makes no more of them.
    pub(crate) async fn until<T>(&self, what: &str, fact: impl Fn(&Seen) -> Option<T>) -> T {
        let mut seen = self.seen.clone();
        let found = seen.wait_for(|seen| seen.end.is_some() || fact(seen).is_some());
        let found = tokio::time::timeout(PATIENCE, found).await;
        let found = found.unwrap_or_else(|_| panic!("`{}`: {what}: not within {PATIENCE:?}", self.name));
        let seen = found.expect("the thread that waits for the end sends it before it goes");
        fact(&seen).unwrap_or_else(|| panic!("`{}` ended before this: {what}", self.name))
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap_or_else(|error| panic!("`{}`: {error}", self.name));
    }

    /// Waits until it has ended, and returns its exit code; `None` if a signal ended it.
    pub(crate) async fn end(&self) -> Option<i32> {
        self.until("it ends", |seen| seen.end).await.code()
    }

    /// All that it printed so far.
    pub(crate) fn printed(&self) -> String {
        let seen = self.seen.borrow();
        format!("--- stdout\n{}\n--- stderr\n{}", seen.stdout.join("\n"), seen.stderr.join("\n"))
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "the harness keeps what a failed test printed, and shows it")]
    fn drop(&mut self) {
        if self.seen.borrow().end.is_none() {
            let _ = kill_process(self.pid, Signal::KILL);
        }
        if std::thread::panicking() {
            eprintln!("=== `{}` printed:\n{}", self.name, self.printed());
        }
    }
}

fn read(
    stream: impl Read + Send + 'static,
    seen: watch::Sender<Seen>,
    lines: fn(&mut Seen) -> &mut Vec<String>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            seen.send_modify(|seen| lines(seen).push(line));
        }
    })
}
