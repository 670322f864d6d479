//! Workers of real processes: what they read, what they leave, and how they end.

use std::ffi::OsString;
use std::time::Duration;

use tokio::sync::mpsc;

use super::*;

const BYE: &str = "bye\n";
/// No wait of these tests is longer than this.
const PATIENCE: Duration = Duration::from_secs(20);

async fn sh(script: &str, grace: Duration) -> (Worker, mpsc::Receiver<WorkerEvent>) {
    let config = LauncherConfig {
        program: resolve("sh".as_ref(), None).unwrap(),
        args: ["-c", script].map(OsString::from).to_vec(),
        environment: EnvironmentPlan::default(),
        grace,
        max_line: 1000,
        open_files: None,
        run: "test".into(),
        guardian: None,
    };
    let identity = WorkerIdentity { scope: "chat:42".into(), chat_id: Some(42), user_id: None };
    Launcher::new(config).start(identity).await.unwrap()
}

async fn next(events: &mut mpsc::Receiver<WorkerEvent>) -> String {
    let event =
        tokio::time::timeout(PATIENCE, events.recv()).await.expect("an event in time").expect("not closed");
    match event {
        WorkerEvent::Line(line) => String::from_utf8_lossy(&line).into_owned(),
        WorkerEvent::TooLong { bytes, .. } => format!("too long: {bytes}"),
        WorkerEvent::AllRead { events } => format!("read {events}"),
        WorkerEvent::Gone(exit) => format!("{} took {} wrote {}", exit.status, exit.events_taken, exit.wrote),
    }
}

#[tokio::test]
async fn what_a_worker_says_comes_before_the_news_that_it_has_read() {
    let script = r#"echo hello; while read -r line; do echo "got $line"; done; echo bye"#;
    let (mut worker, mut events) = sh(script, Duration::from_secs(30)).await;
    assert!(worker.tell("one\n".into()));
    assert_eq!(next(&mut events).await, "hello");
    let mut seen = vec![next(&mut events).await, next(&mut events).await];
    seen.sort();
    assert_eq!(seen, ["got one", "read 1"]);
    worker.tell("two\n".into());
    worker.end(BYE.into(), End::Graceful { patience: Duration::ZERO });
    let mut rest = Vec::new();
    while rest.last().is_none_or(|last: &String| !last.starts_with("exit")) {
        rest.push(next(&mut events).await);
    }
    rest.retain(|line| !line.starts_with("read"));
    assert_eq!(rest, ["got two", "got bye", "bye", "exit status: 0 took 3 wrote true"]);
}

#[tokio::test]
async fn what_was_never_read_is_known_at_the_end() {
    let (mut worker, mut events) =
        sh("read -r line; echo $line; exec sleep 1000", Duration::from_secs(30)).await;
    worker.tell("one\n".into());
    worker.tell("two\n".into());
    worker.end(BYE.into(), End::Graceful { patience: Duration::ZERO });
    assert_eq!(next(&mut events).await, "one");
    worker.end(BYE.into(), End::Now);
    assert_eq!(next(&mut events).await, "signal: 9 (SIGKILL) took 1 wrote true");
}

#[tokio::test]
async fn a_line_longer_than_the_pipe_is_written_as_it_is_read() {
    let (mut worker, mut events) = sh("wc -c", Duration::from_secs(30)).await;
    let mut line = "x".repeat(1_000_000);
    line.push('\n');
    worker.tell(line.into());
    worker.end(BYE.into(), End::Graceful { patience: Duration::ZERO });
    let mut count = next(&mut events).await;
    if count.starts_with("read") {
        count = next(&mut events).await;
    }
    assert_eq!(count.trim(), "1000005");
}

#[tokio::test]
async fn a_worker_that_ignores_everything_is_ended_by_the_table_with_its_group() {
    let script = "trap '' TERM; sleep 1000 & echo $!; while :; do sleep 1000; done";
    let (mut worker, mut events) = sh(script, Duration::from_millis(300)).await;
    let grandchild = next(&mut events).await;
    worker.end(BYE.into(), End::Graceful { patience: Duration::ZERO });
    assert_eq!(next(&mut events).await, "signal: 9 (SIGKILL) took 0 wrote true");
    // It was killed; how long the kernel takes to end it is the kernel's affair.
    let dead = async {
        loop {
            let state = std::fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
            if state.is_empty() || state.contains(") Z ") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, dead).await.expect("the grandchild dies with the group");
}

#[tokio::test]
async fn a_grandchild_that_holds_stdout_keeps_nobody_waiting() {
    let (_worker, mut events) = sh("sleep 1000 & echo hi; exit 3", Duration::from_secs(30)).await;
    assert_eq!(next(&mut events).await, "hi");
    assert_eq!(next(&mut events).await, "exit status: 3 took 0 wrote true");
}

#[tokio::test]
async fn a_worker_that_floods_and_never_reads_is_cut_into_lines_and_ended() {
    let script = "head -c 5000 /dev/zero | tr '\\0' x; echo; while :; do echo y; done";
    let (mut worker, mut events) = sh(script, Duration::from_millis(300)).await;
    assert_eq!(next(&mut events).await, "too long: 5000");
    assert_eq!(next(&mut events).await, "y");
    worker.end(BYE.into(), End::Graceful { patience: Duration::ZERO });
    let mut last = next(&mut events).await;
    while last == "y" {
        last = next(&mut events).await;
    }
    assert!(last.starts_with("signal: 15") || last.starts_with("signal: 9"), "{last}");
}
