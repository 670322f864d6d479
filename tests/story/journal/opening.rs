//! Opening: a journal that cannot be had is said so, with a remedy, and nothing on the disk is touched.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use super::disk::SmallDisk;
use super::records::Records;
use crate::support::gateway::Plan;
use crate::support::{ANN, Gateway, Telegram, worker};

/// The exit code of a journal that cannot be had (README, "Exit codes").
const JOURNAL: i32 = 4;

fn gateway() -> Plan {
    Gateway::with(&worker::mode("ack-echo"))
}

/// Waits until it has refused with these words and a remedy.
async fn refuses(plan: Plan, telegram: &Telegram, words: &[&str]) {
    let mut gateway = plan.launch(telegram);
    let status = gateway.exits().await;
    let log = gateway.log();
    assert_eq!(status.code(), Some(JOURNAL), "{log}");
    for words in words.iter().chain(&["error: ", "help: "]) {
        assert!(log.contains(words), "no `{words}` in: {log}");
    }
    assert!(!log.contains("ready"), "{log}");
}

async fn refuses_folder(folder: &Path, telegram: &Telegram, words: &[&str]) {
    refuses(gateway().arg(format!("--journal={}", folder.display())), telegram, words).await;
}

/// A journal that was in use, in a folder of its own.
async fn used(telegram: &Telegram) -> Arc<TempDir> {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let mut gateway = gateway().arg(format!("--journal={}", folder.path().display())).start(telegram).await;
    telegram.says(ANN, "hi").await;
    telegram.expects_message(ANN, "hi").await;
    assert!(gateway.stop().await.success());
    folder
}

#[tokio::test]
async fn one_gateway_at_a_time_and_the_next_is_told_whose_it_is() {
    let telegram = Telegram::start().await;
    let first = gateway().start(&telegram).await;
    let began = Instant::now();
    let holder = format!("in use by process {}", first.pid());
    refuses(gateway().with_state(first.state()), &telegram, &[&holder, "--wait"]).await;
    let waited = began.elapsed();
    // The first might have been about to end.
    assert!((Duration::from_secs(4)..Duration::from_secs(15)).contains(&waited), "{waited:?}");
    telegram.says(ANN, "undisturbed").await;
    telegram.expects_message(ANN, "undisturbed").await;
}

#[tokio::test]
async fn who_waits_follows_when_the_first_has_ended() {
    let telegram = Telegram::start().await;
    let mut first = gateway().start(&telegram).await;
    let second = gateway().arg("--wait").with_state(first.state()).launch(&telegram);
    let waiting = second.expects_log("waiting for the gateway that has the journal").await;
    assert!(waiting.contains(&first.pid().to_string()), "{waiting}");
    telegram.says(ANN, "to the first").await;
    telegram.expects_message(ANN, "to the first").await;
    assert!(!second.log().contains("ready"));
    Records::of(&first, &telegram).has(0, "updates").await;
    first.kill();
    second.expects_log("ready").await;
    telegram.says(ANN, "to the second").await;
    telegram.expects_messages(ANN, &["to the first", "to the second"]).await;
}

#[tokio::test]
async fn a_gateway_that_waits_for_the_journal_can_be_stopped() {
    let telegram = Telegram::start().await;
    let first = gateway().start(&telegram).await;
    let mut second = gateway().arg("--wait").with_state(first.state()).launch(&telegram);
    second.expects_log("waiting for the gateway that has the journal").await;
    assert!(second.stop().await.success());
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_refused_with_the_reason() {
    let telegram = Telegram::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    fs::write(&file, "mine").unwrap();
    refuses_folder(&file, &telegram, &["it is no folder", "--journal memory"]).await;
    refuses_folder(&file.join("below"), &telegram, &["is not writable", "--journal memory"]).await;
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    // Nobody can make a folder there, not even root.
    refuses_folder(Path::new("/proc/journal"), &telegram, &["is not writable"]).await;
    fs::create_dir(folder.path().join("journal.db")).unwrap();
    refuses_folder(folder.path(), &telegram, &["is not writable"]).await;
}

#[tokio::test]
async fn a_disk_that_cannot_be_written_to_is_refused() {
    let telegram = Telegram::start().await;
    let disk = SmallDisk::mount("size=1m,ro").await;
    let plan = gateway().arg(format!("--journal={}/journal", disk.folder())).under(&disk.wrapper());
    refuses(plan, &telegram, &["is not writable", "Read-only file system", "--journal memory"]).await;
}

#[tokio::test]
async fn a_damaged_database_is_refused_and_left_as_it_is() {
    let telegram = Telegram::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    fs::write(&path, "no database at all, but words enough for its header".repeat(100)).unwrap();
    let before = fs::read(&path).unwrap();
    refuses_folder(folder.path(), &telegram, &["is damaged", "move the folder away"]).await;
    assert_eq!(fs::read(&path).unwrap(), before);

    // One that was fine, but for its pages behind the first.
    let folder = used(&telegram).await;
    let path = folder.path().join("journal.db");
    let mut damaged = fs::read(&path).unwrap();
    damaged[4096..].fill(0xaa);
    fs::write(&path, &damaged).unwrap();
    refuses_folder(folder.path(), &telegram, &["is damaged", "nothing is ever overwritten"]).await;
    assert_eq!(fs::read(&path).unwrap(), damaged);
}

#[tokio::test]
async fn the_database_of_a_newer_version_or_of_another_program_is_refused() {
    let telegram = Telegram::start().await;
    let folder = used(&telegram).await;
    let path = folder.path().join("journal.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    refuses_folder(folder.path(), &telegram, &["has version 99", "use the newer asgigram"]).await;

    let folder = tempfile::tempdir().unwrap();
    let db = Connection::open(folder.path().join("journal.db")).unwrap();
    db.execute_batch("CREATE TABLE things (x); INSERT INTO things VALUES (1)").unwrap();
    drop(db);
    refuses_folder(folder.path(), &telegram, &["no journal of asgigram"]).await;
    let db = Connection::open(folder.path().join("journal.db")).unwrap();
    assert_eq!(db.query_row("SELECT x FROM things", [], |row| row.get(0)), Ok(1));
}

#[tokio::test]
async fn the_journal_of_another_bot_is_refused() {
    let telegram = Telegram::start().await;
    let folder = used(&telegram).await;
    let other = Telegram::start().await;
    let words = [format!("belongs to bot {}", telegram.bot()), format!("not to bot {}", other.bot())];
    refuses_folder(folder.path(), &other, &[&words[0], &words[1], "a folder of its own"]).await;
    // And its own bot can go on.
    let plan = gateway().arg(format!("--journal={}", folder.path().display()));
    let _gateway = plan.start(&telegram).await;
    telegram.says(ANN, "still here").await;
    telegram.expects_message(ANN, "still here").await;
}

#[tokio::test]
async fn without_a_home_there_is_a_remedy() {
    let telegram = Telegram::start().await;
    let mut gateway = gateway().env("XDG_STATE_HOME", "").env("HOME", "").launch(&telegram);
    assert!(!gateway.exits().await.success());
    for words in ["there is no place for the journal", "--journal PATH", "--journal memory"] {
        assert!(gateway.log().contains(words), "no `{words}` in: {}", gateway.log());
    }
}
