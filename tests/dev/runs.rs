//! Runs of the binary, with a deadline.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The bot of most tests.
pub(crate) const BOT: [&str; 5] = ["--timeout", "20s", "--", "python3", "worker.py"];

/// What a run printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

pub(crate) fn patience() -> Duration {
    let seconds = std::env::var("ASGIGRAM_TEST_PATIENCE").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(30))
}

/// `asgigram dev`, in the folder of these tests.
pub(crate) fn dev(arguments: &[&str]) -> Command {
    #[expect(clippy::disallowed_methods, reason = "this is no worker, but the program under test")]
    let mut command = Command::new(env!("CARGO_BIN_EXE_asgigram"));
    command.arg("dev").args(arguments).current_dir(here());
    // The variables of whoever runs the tests are not the tests' own.
    for name in ["ASGIGRAM_SCRIPT", "ASGIGRAM_TIMEOUT", "NO_COLOR", "PYTHONPATH"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The folder of these tests.
pub(crate) fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dev")
}

/// Runs it to its end with this input.
pub(crate) fn run(arguments: &[&str], input: &str) -> Run {
    finish(dev(arguments), input)
}

/// The same for a command that was prepared.
pub(crate) fn finish(mut command: Command, input: &str) -> Run {
    let mut child = command.spawn().unwrap();
    // A run that fails at once may not read it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    end(child)
}

/// Waits for the end of a run, and kills one that takes too long.
pub(crate) fn end(child: Child) -> Run {
    let pid = rustix::process::Pid::from_child(&child);
    let (ended, output) = mpsc::channel();
    std::thread::spawn(move || ended.send(child.wait_with_output()));
    let output = output.recv_timeout(patience()).unwrap_or_else(|_| {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        let output = output.recv().unwrap().unwrap();
        panic!("it did not end in time: {output:?}")
    });
    let output = output.unwrap();
    Run {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code(),
    }
}

/// Plays a script that is given on stdin.
pub(crate) fn play(script: &str) -> Run {
    run(&[&["--script", "-"], &BOT[..]].concat(), script)
}
