//! Kill anywhere: whatever dies at whatever moment, every update is handled, in order, and what was settled only once.
//!
//! Workers write down each update that they handle, and answer it. The gateway, or its workers, are killed again and
//! again under load; in the end what was written down is held against what was owed at each kill. Twelve kills among
//! twenty chats; with `ASGIGRAM_TEST_SCALE=long` two hundred among two hundred, each of the four:
//!
//! ```sh
//! ASGIGRAM_TEST_SCALE=long cargo test --release --test story kill_anywhere -- --nocapture --test-threads=1
//! ```

mod judgement;

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::records::Records;
use crate::support::gateway::Plan;
use crate::support::process::eventually;
use crate::support::worker::{self, Worker};
use crate::support::{Gateway, Telegram, scale};
use judgement::{Handled, Load};

/// The program that acknowledges. One write makes its line in `handled`, and one its answer and the ack.
fn acking() -> Worker {
    let source = r#"
import json, os, sys
handled = os.open(os.path.dirname(sys.argv[0]) + "/handled", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.write(1, b'{"type":"gateway.hello","acks":true}\n')
for line in sys.stdin.buffer:
    event = json.loads(line)
    if "update_id" in event:
        os.write(handled, b"%d\n" % event["update_id"])
        answer = {"type": "telegram.send_message", "text": event["text"]}
        ack = {"type": "telegram.ack", "update_id": event["update_id"]}
        os.write(1, (json.dumps(answer) + "\n" + json.dumps(ack) + "\n").encode())
"#;
    let mut worker = worker::python(source);
    // Without what it does not need it starts three times as fast.
    worker.command.splice(1..1, ["-I".to_owned(), "-S".to_owned()]);
    worker
}

/// The one that does not, in shell and without a child.
fn plain() -> Worker {
    worker::sh(
        r#"
while IFS= read -r line; do
  case $line in
  *'"text":"'*)
    text=${line#*'"text":"'}
    printf '%s\n' "${text%%'"'*}" >> "${0%/*}/handled"
    printf '{"type":"telegram.send_message","text":"%s"}\n' "${text%%'"'*}"
    ;;
  esac
done
"#,
    )
}

/// Tries after a moment, and as often as it takes: a kill of a worker is charged to the update that it had.
fn gateway(worker: &Worker) -> Plan {
    Gateway::with(worker).arg("--max-attempts=1000000")
}

/// Waits for a moment of which nobody knows beforehand: so many further updates are handled, or so much time is over.
async fn a_moment(handled: &mut Handled, further: usize, at_most: Duration) {
    let (wanted, deadline) = (handled.lines() + further, Instant::now() + at_most);
    let reached = || (handled.read() >= wanted || Instant::now() >= deadline).then_some(());
    eventually(reached).await.expect("updates are handled");
}

fn up_to(most: usize) -> usize {
    fastrand::usize(0..=most)
}

/// Most kills come in the midst of work, others while the gateway starts.
async fn before_the_kill(handled: &mut Handled, load: &Load) {
    let owed = load.updates() - handled.distinct();
    match up_to(4) {
        0 => a_moment(handled, usize::MAX / 2, Duration::from_millis(up_to(100) as u64)).await,
        _ => a_moment(handled, up_to(load.chats() * 3).min(owed), crate::support::patience() / 2).await,
    }
}

async fn the_gateway_is_killed_again_and_again(worker: Worker) {
    let began = Instant::now();
    let telegram = Telegram::start().await;
    let (kills, chats) = (scale(12, 200), scale(20, 200));
    let (mut load, mut handled) = (Load::new(chats), Handled::new(worker.folder()));
    // How often an update was owed at a kill, and may have come again for that.
    let mut may_repeat: HashMap<i64, usize> = HashMap::new();
    let state = Arc::new(tempfile::tempdir().unwrap());
    // Kept to the end: nobody but the system ends the workers of the dead.
    let mut dead = Vec::new();
    for _ in 0..kills {
        load.repeats(&telegram).await;
        load.grows(&telegram, 2 * chats).await;
        let mut gateway = gateway(&worker).with_state(state.clone()).launch(&telegram);
        before_the_kill(&mut handled, &load).await;
        gateway.kill();
        gateway.exits().await;
        for update_id in Records::of(&gateway, &telegram).owed() {
            *may_repeat.entry(update_id).or_default() += 1;
        }
        load.hears(&telegram).await;
        dead.push(gateway);
    }
    let mut last = gateway(&worker).with_state(state).arg("--drain=30s").start(&telegram).await;
    handled.has_all(&load).await;
    assert!(last.stop().await.success());
    load.hears(&telegram).await;
    assert!(last.log().contains("given_up=0") && !last.log().contains("unsettled"), "{}", last.log());
    assert_eq!(Records::of(&last, &telegram).owed().len(), 0);
    let repeated = handled.repeated();
    let too_often =
        repeated.iter().filter(|(id, times)| **times > may_repeat.get(id).copied().unwrap_or(0)).count();
    load.is_handled(&handled, &format!("{kills} kills of the gateway"), began.elapsed());
    assert_eq!(too_often, 0, "updates that were settled at every kill came again");
}

#[tokio::test]
async fn gateways_of_workers_that_acknowledge() {
    the_gateway_is_killed_again_and_again(acking()).await;
}

#[tokio::test]
async fn gateways_of_plain_workers() {
    the_gateway_is_killed_again_and_again(plain()).await;
}

/// Kills one of the workers of this gateway. Returns its chat, unless it was quicker to end.
fn kill_one_of(pids: &[u32], mark: &str) -> Option<i64> {
    let pid = *pids.get(fastrand::usize(..pids.len().max(1)))?;
    let environment = fs::read_to_string(format!("/proc/{pid}/environ")).ok()?;
    // Its number may be another's by now.
    environment.split('\0').find(|variable| variable.strip_prefix("STORY=") == Some(mark))?;
    let chat = environment.split('\0').find_map(|variable| variable.strip_prefix("ASGIGRAM_CHAT_ID="))?;
    kill_process(Pid::from_raw(pid.cast_signed())?, Signal::KILL).ok()?;
    chat.parse().ok()
}

async fn workers_are_killed_again_and_again(worker: Worker) {
    let began = Instant::now();
    let telegram = Telegram::start().await;
    let (rounds, chats) = (scale(12, 200), scale(20, 200));
    let (mut load, mut handled) = (Load::new(chats), Handled::new(worker.folder()));
    let mut kills: HashMap<i64, usize> = HashMap::new();
    let mut gateway = gateway(&worker).arg("--drain=30s").start(&telegram).await;
    for _ in 0..rounds {
        let pids = gateway.workers();
        load.grows(&telegram, scale(4, 2) * chats).await;
        let owed = load.updates() - handled.distinct();
        a_moment(&mut handled, up_to(owed / 2), crate::support::patience() / 2).await;
        for _ in 0..=up_to(chats / 4) {
            if let Some(chat) = kill_one_of(&pids, &gateway.mark) {
                *kills.entry(chat).or_default() += 1;
            }
        }
        load.hears(&telegram).await;
    }
    handled.has_all(&load).await;
    assert!(gateway.stop().await.success());
    load.hears(&telegram).await;
    assert!(
        gateway.log().contains("given_up=0") && !gateway.log().contains("unsettled"),
        "{}",
        gateway.log()
    );
    let mut repeated: HashMap<i64, usize> = HashMap::new();
    for (update_id, times) in handled.repeated() {
        *repeated.entry(load.chat(update_id)).or_default() += times;
    }
    let total: usize = kills.values().sum();
    load.is_handled(&handled, &format!("{total} kills of workers"), began.elapsed());
    // A process has one update in work, and only that was not settled when it was killed.
    for (chat, times) in repeated {
        let kills = kills.get(&chat).copied().unwrap_or(0);
        assert!(times <= kills, "{times} updates came again in chat {chat}, which saw {kills} kills");
    }
}

#[tokio::test]
async fn workers_that_acknowledge() {
    workers_are_killed_again_and_again(acking()).await;
}

#[tokio::test]
async fn plain_workers() {
    workers_are_killed_again_and_again(plain()).await;
}
