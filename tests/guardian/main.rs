//! The guardian, with the real program: whatever is killed, no process of a worker is left, and exit codes are right.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and shows why"
)]

mod support;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use rustix::process::{Signal, WaitOptions, set_child_subreaper, waitpid};

use support::{
    Telegram, alive, children, eventually, id, look, only_child, plan, signal, signal_group, start, variable,
};

/// Answers, is deaf to TERM, and leaves its group in every way there is.
const STUBBORN: &str = r#"trap '' TERM HUP INT
sleep 1000 &
setsid sleep 1001 &
(setsid sh -c 'setsid sleep 1002 & exec sleep 1003' &)
while read -r line; do echo '{"type":"telegram.send_message","text":"up"}'; done
exec sleep 1004"#;
/// What it consists of while it reads.
const ITS_TREE: [&str; 5] = ["sh -c trap", "sleep 1000", "sleep 1001", "sleep 1002", "sleep 1003"];

/// Answers when a pipe of this name has been opened for writing.
fn busy(fifo: &str) -> String {
    format!(
        r#"while read -r line; do
            echo '{{"type":"telegram.send_message","text":"at work"}}'
            case $line in *telegram.message*) read -r x <{fifo};; esac
            echo '{{"type":"telegram.send_message","text":"done"}}'
        done"#
    )
}

/// A named pipe in a folder that is removed in the end.
fn fifo() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

/// Lets those who read from the pipe now see its end; `None` if there are none.
fn release(fifo: &str) -> Option<()> {
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap();
    OpenOptions::new().write(true).custom_flags(nonblocking).open(fifo).map(drop).ok()
}

#[test]
fn a_gateway_that_is_killed_leaves_nothing_behind() {
    let telegram = Telegram::start();
    let mut program = start(&telegram, &[], STUBBORN);
    let gateway = only_child(program.pid());
    telegram.says(1, "hi");
    telegram.says(2, "hi");
    telegram.hears("up", 2);
    let trees = program.has(&ITS_TREE, 2);
    let killed = Instant::now();
    signal(gateway, Signal::KILL);
    assert_eq!(program.ends(), Some(137));
    assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());
    assert_eq!(trees.iter().find(|pid| alive(**pid)), None);
    program.logs("(signal: 9 (SIGKILL)) and left 10 processes of workers");
}

#[test]
fn a_guardian_that_is_killed_takes_all_with_it() {
    // So that the gateway's exit code can be seen.
    set_child_subreaper(Some(rustix::process::getpid())).unwrap();
    let telegram = Telegram::start();
    let program = start(&telegram, &[], STUBBORN);
    let gateway = only_child(program.pid());
    telegram.says(1, "hi");
    let tree = program.has(&ITS_TREE, 1);
    let killed = Instant::now();
    signal(program.pid(), Signal::KILL);
    let ended = eventually("the gateway's end", || {
        // Not our child before it is adopted.
        waitpid(Some(id(gateway)), WaitOptions::NOHANG).ok().flatten()
    });
    assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());
    assert_eq!(ended.1.exit_status(), Some(1));
    assert_eq!(tree.iter().find(|pid| alive(**pid)), None);
    program.logs("error: the guardian, the parent of this gateway, was killed: all workers are ended");
}

#[test]
fn a_gateway_whose_guardian_died_before_it_looked_ends() {
    let telegram = Telegram::start();
    // A process that is there, but is not its parent.
    let other = telegram.sim_pid().to_string();
    let mut program = plan(&telegram, &[], &[], "cat").env("ASGIGRAM_GUARDIAN", &other).launch();
    assert_eq!(program.ends(), Some(1));
    program.logs("the guardian, the parent of this gateway, was killed");
}

#[test]
fn a_signal_to_the_guardian_drains_the_gateway() {
    let telegram = Telegram::start();
    for number in [Signal::TERM, Signal::INT, Signal::HUP] {
        let (_folder, pipe) = fifo();
        let mut program = start(&telegram, &["--drain=30s"], &busy(&pipe));
        telegram.says(1, "hi");
        program.has(&["sh -c while"], 1);
        signal(program.pid(), number);
        program.logs("stopping: waiting");
        eventually("a reader", || release(&pipe));
        assert_eq!(program.ends(), Some(0), "{number:?}");
        assert!(!program.log().contains("at once\n") && !program.log().contains("left"), "{}", program.log());
    }
    telegram.hears("done", 3);
}

#[test]
fn an_interrupt_from_the_terminal_counts_once_and_a_second_is_immediate() {
    let telegram = Telegram::start();
    let (_folder, pipe) = fifo();
    let worker = busy(&pipe);
    let mut drained = start(&telegram, &["--drain=30s"], &worker);
    telegram.says(1, "hi");
    drained.has(&["sh -c while"], 1);
    signal_group(drained.pid(), Signal::INT);
    drained.logs("stopping: waiting");
    eventually("a reader", || release(&pipe));
    assert_eq!(drained.ends(), Some(0), "{}", drained.log());

    let twice = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];
    for (number, code) in twice {
        let mut program = start(&telegram, &["--drain=30s"], &worker);
        telegram.says(1, "hi");
        let tree = program.has(&["sh -c while"], 1);
        signal(program.pid(), number);
        program.logs("stopping: waiting");
        match number {
            Signal::INT => signal_group(program.pid(), number),
            _ => signal(program.pid(), number),
        }
        assert_eq!(program.ends(), Some(code));
        program.logs("stopping at once");
        assert!(!alive(tree[0]));
    }
}

#[test]
fn a_terminal_that_goes_away_counts_once() {
    let telegram = Telegram::start();
    let (_folder, pipe) = fifo();
    // The shell leads the session: at its end the system sends SIGHUP to the whole group that was in the foreground.
    let before = ["python3", "-c", PTY, "sh", "-c", "\"$@\"; :", "sh"];
    let mut terminal = plan(&telegram, &before, &["--drain=30s"], &busy(&pipe)).start();
    telegram.says(1, "hi");
    terminal.has(&["sh -c while"], 1);
    signal(terminal.pid(), Signal::KILL);
    terminal.status();
    terminal.logs("stopping: waiting");
    eventually("a reader", || release(&pipe));
    telegram.hears("done", 1);
    terminal.logs(" stopped ");
    assert!(!terminal.log().contains("at once\n"), "{}", terminal.log());
}

/// Runs a command on a terminal of its own, with stderr left as it is, until the command or this process ends.
const PTY: &str = r#"import os, pty, sys
log = os.dup(2)
pid, terminal = pty.fork()
if pid == 0:
    os.dup2(log, 2)
    os.execvp(sys.argv[1], sys.argv[1:])
os.close(2); os.close(log)
os.waitpid(pid, 0)"#;

#[test]
fn exit_codes_are_passed_on() {
    let telegram = Telegram::start();
    assert_eq!(plan(&telegram, &[], &["--no-such-option"], "cat").launch().ends(), Some(2));
    assert_eq!(plan(&telegram, &[], &["neither-token-nor-app"], "cat").launch().ends(), Some(2));
    telegram.post("/sim/faults", r#"{"method":"getMe","count":9,"status":401}"#);
    assert_eq!(plan(&telegram, &[], &[], "cat").launch().ends(), Some(3));
    telegram.post("/sim/faults", r#"{"count":0}"#);
    let mut program = start(&telegram, &[], "cat");
    signal(program.pid(), Signal::QUIT);
    assert_eq!(program.ends(), Some(131));
}

#[test]
fn orphans_leave_no_zombies() {
    let telegram = Telegram::start();
    let (_folder, pipe) = fifo();
    orphans(&telegram, &pipe, start(&telegram, &[], &forks(&pipe)), None);
}

#[test]
fn as_process_1_it_reaps_obeys_and_has_the_exit_code() {
    let telegram = Telegram::start();
    let (_folder, pipe) = fifo();
    let namespace = [&["unshare"][..], namespace_options()].concat();
    let program = plan(&telegram, &namespace, &[], &forks(&pipe)).start();
    let guardian = only_child(program.pid());
    orphans(&telegram, &pipe, program, Some(guardian));

    let telegram = Telegram::start();
    let mut program = plan(&telegram, &namespace, &[], STUBBORN).start();
    let guardian = only_child(program.pid());
    telegram.says(1, "hi");
    let tree = program.has(&ITS_TREE, 1);
    let gateway = look(tree[0]).unwrap().0;
    assert_eq!(look(gateway).unwrap().0, guardian);
    signal(gateway, Signal::KILL);
    assert_eq!(program.ends(), Some(137));
    program.logs("left 5 processes of workers");
}

/// A process of a namespace of its own is process 1 there.
fn namespace_options() -> &'static [&'static str] {
    const OF_ROOT: &[&str] = &["--pid", "--fork", "--mount-proc", "--kill-child"];
    const OF_USER: &[&str] =
        &["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"];
    #[expect(clippy::disallowed_methods, reason = "tests ask what the machine allows")]
    let tried = std::process::Command::new("unshare").args(OF_ROOT).arg("true").output();
    if tried.is_ok_and(|tried| tried.status.success()) { OF_ROOT } else { OF_USER }
}

/// Starts 200 processes that lose their parent and end when the pipe is opened.
fn forks(fifo: &str) -> String {
    format!(
        r#"n=0; while [ $n -lt 200 ]; do (sh -c ': <{fifo}' &) ; n=$((n+1)); done
        while read -r line; do echo '{{"type":"telegram.send_message","text":"forked"}}'; done"#
    )
}

/// The orphans of [`forks`] are adopted and reaped; then the gateway drains.
fn orphans(telegram: &Telegram, fifo: &str, mut program: support::Program, guardian: Option<u32>) {
    let guardian = guardian.unwrap_or(program.pid());
    let gateway = only_child(guardian);
    telegram.says(1, "hi");
    telegram.hears("forked", 1);
    eventually("200 adopted", || (children(guardian).len() == 201).then_some(()));
    // Each waits for somebody who writes: the first may miss some that were not there yet.
    eventually("all reaped", || {
        let _ = release(fifo);
        (children(guardian) == [gateway]).then_some(())
    });
    signal(guardian, Signal::TERM);
    assert_eq!(program.ends(), Some(0));
    assert!(!program.log().contains("left"), "{}", program.log());
}

#[test]
fn what_leaves_the_group_of_its_worker_ends_with_it() {
    let telegram = Telegram::start();
    let mut program = start(&telegram, &["--grace=300ms"], STUBBORN);
    telegram.says(1, "hi");
    let first = program.has(&ITS_TREE, 1);
    // Another worker is none of its business.
    telegram.says(2, "hi");
    let both = program.has(&ITS_TREE, 2);
    signal(first[0], Signal::KILL);
    eventually("its end", || first.iter().all(|pid| !alive(*pid)).then_some(()));
    let others = || both.iter().filter(|pid| !first.contains(pid));
    assert!(others().all(|pid| alive(*pid)));
    telegram.says(1, "again");
    telegram.hears("up", 3);
    signal(program.pid(), Signal::TERM);
    assert_eq!(program.ends(), Some(0));
    assert!(others().all(|pid| !alive(*pid)));
    assert!(!program.log().contains("left"), "{}", program.log());
}

#[test]
fn it_can_be_left_out() {
    let telegram = Telegram::start();
    for (options, value) in [
        (&["--no-guardian", "--grace=300ms"][..], "0"),
        (&["--grace=300ms"], "1"),
        (&["--grace=300ms"], "true"),
    ] {
        let plan = plan(&telegram, &[], options, r#"read -r line; read -r line; exec sleep 1000"#);
        let mut program = plan.env("ASGIGRAM_NO_GUARDIAN", value).start();
        telegram.says(1, "hi");
        let worker = program.has(&["sleep 1000"], 1)[0];
        assert_eq!(look(worker).unwrap().0, program.pid());
        assert_eq!(variable(worker, "ASGIGRAM_NO_GUARDIAN"), None);
        signal(program.pid(), Signal::INT);
        assert_eq!(program.ends(), Some(0));
        assert!(!alive(worker));
    }
}

#[test]
fn a_worker_hears_nothing_of_it() {
    let telegram = Telegram::start();
    let program = start(&telegram, &[], "read -r line; read -r line; exec sleep 1000");
    telegram.says(1, "hi");
    let worker = program.has(&["sleep 1000"], 1)[0];
    let gateway = look(worker).unwrap().0;
    assert_eq!(look(gateway).unwrap().0, program.pid());
    assert_eq!(variable(worker, "ASGIGRAM_GUARDIAN"), None);
    // Neither blocked nor ignored signals are handed down: 1, 2, 3, 15 and 17.
    let status = std::fs::read_to_string(format!("/proc/{worker}/status")).unwrap();
    for set in ["SigBlk:\t", "SigIgn:\t"] {
        let (_, mask) = status.split_once(set).unwrap();
        assert_eq!(u64::from_str_radix(&mask[..16], 16).unwrap() & 0x14007, 0, "{status}");
    }
    let threads = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    assert!(threads.contains("Threads:\t1\n"), "{threads}");
}

#[test]
fn children_from_before_it_began_are_spared() {
    let telegram = Telegram::start();
    let before = ["sh", "-c", r#"sleep 1005 & exec "$@""#, "sh"];
    let mut program = plan(&telegram, &before, &[], STUBBORN).start();
    let (old, gateway) =
        eventually("two children", || <[u32; 2]>::try_from(children(program.pid())).ok()).into();
    telegram.says(1, "hi");
    program.has(&ITS_TREE, 1);
    signal(gateway, Signal::KILL);
    assert_eq!(program.ends(), Some(137));
    assert!(program.of_workers().is_empty() && alive(old));
}
