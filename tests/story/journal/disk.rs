//! A full disk: nothing new is taken, what is owed goes on, and nothing is lost.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::records::Records;
use crate::support::log::Log;
use crate::support::process::{self, Process};
use crate::support::remote::Remote;
use crate::support::worker::{self, Worker};
use crate::support::{ANN, BOB, Gateway, Telegram};

/// A file system in memory that only those see who are started [`under`](Self::wrapper) it. It is gone with this.
pub(super) struct SmallDisk {
    /// Where it is mounted, for those.
    folder: TempDir,
    /// How they get there.
    wrapper: Vec<String>,
    /// Keeps the mount alive, and lets others in through /proc.
    holder: Process,
    stdin: Option<std::process::ChildStdin>,
}

impl SmallDisk {
    /// Mounts a tmpfs with these options: as root, or as the root of a namespace of our own.
    pub(super) async fn mount(options: &str) -> SmallDisk {
        let ways: [(&[&str], &[&str]); 2] = [
            (&["--mount"], &["--mount"]),
            (&["--user", "--map-root-user", "--mount"], &["--user", "--preserve-credentials", "--mount"]),
        ];
        let mut faults = Vec::new();
        for (unshare, enter) in ways {
            let folder = tempfile::tempdir().unwrap();
            let script = r#"mount -t tmpfs -o "$1" tmpfs "$2" && echo mounted && exec cat"#;
            let mut command = process::command("unshare");
            command.args(unshare).args(["sh", "-c", script, "sh", options]).arg(folder.path());
            command.stdin(std::process::Stdio::piped());
            let mut child = command.spawn().unwrap();
            let (stdin, stdout) = (child.stdin.take(), Log::of(child.stdout.take().unwrap()));
            let stderr = Log::of(child.stderr.take().unwrap());
            let mut holder = Process::new(child);
            let mounted = process::eventually(|| match stdout.text().contains("mounted") {
                true => Some(true),
                false => (!holder.running()).then_some(false),
            });
            if mounted.await == Some(true) {
                let pid = holder.pid().to_string();
                let words = ["nsenter", "--target", &pid].into_iter().chain(enter.iter().copied());
                let wrapper = words.map(str::to_owned).collect();
                return SmallDisk { folder, wrapper, holder, stdin };
            }
            stderr.ended().await;
            faults.push(stderr.text());
        }
        panic!(
            "this story needs root, or namespaces for all (kernel.apparmor_restrict_unprivileged_userns=0): {faults:?}"
        )
    }

    /// The words that start a program where the disk is.
    pub(super) fn wrapper(&self) -> Vec<&str> {
        self.wrapper.iter().map(String::as_str).collect()
    }

    /// Its folder, for such a program.
    pub(super) fn folder(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    /// Its folder, for this program.
    fn seen_from_here(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.pid()));
        root.join(self.folder.path().strip_prefix("/").unwrap())
    }

    /// Somebody else fills it to the last byte.
    fn fill(&self) {
        let mut file = File::create(self.seen_from_here().join("ballast")).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write(&vec![0; size]).is_ok() {}
        }
    }

    /// And makes room again.
    fn empty(&self) {
        fs::remove_file(self.seen_from_here().join("ballast")).unwrap();
    }

    /// What is owed by the journal on it.
    fn owed(&self) -> BTreeSet<i64> {
        Records::in_folder(&self.seen_from_here().join("journal")).owed()
    }

    /// Waits until that are so many updates.
    async fn owes(&self, count: usize) {
        let found = process::eventually(|| (self.owed().len() == count).then_some(()));
        found.await.unwrap_or_else(|| panic!("{} updates are owed, not {count}", self.owed().len()));
    }

    fn has(&self, path: &str) -> bool {
        Path::exists(&self.seen_from_here().join(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.stdin.take());
    }
}

/// So much that it cannot hide in what the journal has allocated already: 40 updates of 100 kB for BOB.
async fn much(telegram: &Telegram, from: i64) -> Vec<String> {
    let texts: Vec<String> = (from..from + 40).map(|n| n.to_string()).collect();
    let chat = format!(r#"{{"id":{BOB},"type":"private","first_name":"Bob"}}"#);
    let padding = "x".repeat(100_000);
    let updates: Vec<String> = (from..)
        .zip(&texts)
        .map(|(id, text)| {
            format!(
                r#"{{"update_id":{id},"message":{{"message_id":{id},"date":1,"chat":{chat},"caption":"{padding}","text":"{text}"}}}}"#
            )
        })
        .collect();
    telegram.pushes_many(&format!("[{}]", updates.join(","))).await;
    texts
}

#[tokio::test]
async fn a_full_disk_stops_polling_and_not_the_work_and_nothing_is_lost() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let disk = SmallDisk::mount("size=40m").await;
    let plan = |worker: &Worker| {
        let journal = format!("--journal={}/journal", disk.folder());
        Gateway::with(worker).arg(journal).under(&disk.wrapper())
    };
    let mut gateway = plan(&remote.worker).start(&telegram).await;
    gateway.expects_log("does not survive the machine").await;
    for text in ["one", "two", "three", "four"] {
        telegram.says(ANN, text).await;
    }
    let mut ann = remote.starts_with_hello("").await;
    let one = ann.reads().await;
    telegram.expects_state(|state| state["pending"] == 0).await;

    disk.fill();
    let texts = much(&telegram, 1_000).await;
    let paused = gateway.expects_log("polling pauses").await;
    assert!(paused.contains("no room is left"), "{paused}");
    gateway.expects_log("help: make room on that disk").await;
    // Nothing was taken, in part neither, and Telegram keeps it.
    assert_eq!(telegram.state().await["pending"], 40);
    // What is owed can be worked on, and that is written down: it does not come again after a kill.
    ann.acks(&one).await;
    let two = ann.reads().await;
    ann.acks(&two).await;
    let three = ann.reads().await;
    assert_eq!(three["text"], "three");
    disk.owes(2).await;
    assert!(!gateway.log().contains("polling goes on"), "{}", gateway.log());

    disk.empty();
    gateway.expects_log("polling goes on").await;
    telegram.expects_state(|state| state["pending"] == 0).await;
    let mut bob = remote.starts_with_hello("").await;
    let first = bob.reads().await;
    assert_eq!(first["text"], texts[0]);
    process::eventually(|| disk.has("journal/reserve").then_some(()))
        .await
        .expect("the reserve is taken back");
    gateway.kill();
    gateway.exits().await;
    drop((ann, bob));

    let _gateway = plan(&worker::mode("ack-echo")).start(&telegram).await;
    telegram.expects_messages(ANN, &["three", "four"]).await;
    telegram.expects_messages(BOB, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn what_is_done_on_a_full_disk_is_done_also_for_the_next_gateway() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let disk = SmallDisk::mount("size=40m").await;
    let plan = |worker: &Worker| {
        let journal = format!("--journal={}/journal", disk.folder());
        Gateway::with(worker).arg(journal).under(&disk.wrapper())
    };
    let mut gateway = plan(&remote.worker).start(&telegram).await;
    let texts = much(&telegram, 1_000).await;
    let mut bob = remote.starts_with_hello("").await;
    let mut update = bob.reads().await;
    telegram.expects_state(|state| state["pending"] == 0).await;
    disk.fill();
    // The log of the database has room for as much as it held before.
    for from in [2_000, 3_000, 4_000] {
        much(&telegram, from).await;
    }
    gateway.expects_log("polling pauses").await;
    let owed = disk.owed().len();
    for next in &texts[1..21] {
        bob.acks(&update).await;
        update = bob.reads().await;
        assert_eq!(update["text"], *next);
    }
    disk.owes(owed - 20).await;
    gateway.kill();
    gateway.exits().await;
    drop(bob);

    // The disk is still full, and what is owed can be worked on all the same.
    let mut gateway = plan(&remote.worker).start(&telegram).await;
    let mut bob = remote.starts_with_hello("").await;
    for text in &texts[20..30] {
        update = bob.reads().await;
        assert_eq!(update["text"], *text, "nothing that was done comes again, and nothing is left out");
        bob.acks(&update).await;
    }
    gateway.expects_log("polling pauses").await;
    // A stop writes what is unwritten.
    drop(bob);
    assert!(gateway.stop().await.success(), "{}", gateway.log());
    disk.empty();

    let _gateway = plan(&worker::mode("ack-echo")).start(&telegram).await;
    let rest = (1_030..1_040).chain(2_000..2_040).chain(3_000..3_040).chain(4_000..4_040);
    let rest: Vec<String> = rest.map(|n: i64| n.to_string()).collect();
    telegram.expects_messages(BOB, &rest.iter().map(String::as_str).collect::<Vec<_>>()).await;
}
