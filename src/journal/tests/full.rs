//! No room: what is new is refused, what is owed can be settled, nothing is lost, and it goes on when there is room.

use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use super::*;

/// Tells this test that it runs where a small disk is mounted, and where.
const SMALL_DISK: &str = "ASGIGRAM_TEST_SMALL_DISK";

fn large(update_id: i64) -> Arrival {
    Arrival { payload: vec![b' '; 40_000].into(), ..arrival(update_id, CHAT) }
}

/// Takes updates in until there is no room, and returns how many were taken.
async fn fill(journal: &Journal) -> i64 {
    for id in 0.. {
        match journal.append(vec![large(id)], Vec::new()).await {
            Ok(_) => {}
            Err(error) => {
                assert!(matches!(error, JournalError::NoRoom { .. }) && error.passes(), "{error}");
                return id;
            }
        }
    }
    unreachable!("the numbers do not end before the disk")
}

async fn settle_oldest(journal: &Journal, expected: i64) {
    let owed = journal.owed(&CHAT, None, 1).await.unwrap();
    assert_eq!(ids(&owed), [expected]);
    journal.settle(&CHAT, owed[0].row).await.unwrap();
}

#[tokio::test]
async fn no_room_in_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { max_pages: Some(150), ..nothing_held() };
    let journal = on_disk(folder.path(), limits.clone()).await;
    let taken = fill(&journal).await;
    assert!(taken > 3);
    assert_eq!(owed_ids(&journal, &CHAT).await, (0..taken).collect::<Vec<_>>());
    let send = HeldSend { body: vec![0; 60_000].into(), ..held_send("sendPhoto") };
    let store = journal.store(&CHAT, &[], vec![send]).await;
    assert!(matches!(store, Err(JournalError::NoRoom { .. })));
    // A store that is refused settles nothing.
    let row = row_of(&journal, &CHAT, 0).await;
    assert!(
        journal
            .store(&CHAT, &[row], vec![HeldSend { body: vec![0; 90_000].into(), ..held_send("x") }])
            .await
            .is_err()
    );
    assert_eq!(journal.len(), taken as usize);
    journal.settle(&CHAT, row).await.unwrap();
    written(&journal).await;
    assert_eq!(journal.append(vec![large(taken)], Vec::new()).await.unwrap().repeated, 0);
    assert_eq!(owed_ids(&journal, &CHAT).await, (1..=taken).collect::<Vec<_>>());
    drop(journal);
    let journal = on_disk(folder.path(), limits).await;
    assert_eq!(owed_ids(&journal, &CHAT).await, (1..=taken).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_cannot_be_written_is_seen_all_the_same_and_written_later() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { busy: Duration::from_millis(1), ..nothing_held() };
    let journal = on_disk(folder.path(), limits).await;
    journal.append((1..=3).map(|id| arrival(id, CHAT)).collect(), Vec::new()).await.unwrap();
    let send = journal.store(&CHAT, &[], vec![held_send("sendDice")]).await.unwrap()[0];
    let other = rusqlite::Connection::open(folder.path().join("journal.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let rows = journal.owed(&CHAT, None, 3).await.unwrap();
    journal.settle(&CHAT, rows[0].row).await.unwrap();
    journal.give_back(&CHAT, rows[1].row, true).await.unwrap();
    journal.bury(&CHAT, rows[2].row, "a reason").await.unwrap();
    journal.sent(send).await.unwrap();
    let refused = journal.append(vec![arrival(4, CHAT)], Vec::new()).await.unwrap_err();
    assert!(matches!(refused, JournalError::Busy { .. }) && refused.passes(), "{refused}");
    let owed = journal.owed(&CHAT, None, 1).await.unwrap();
    assert_eq!((ids(&owed), owed[0].failed), (vec![2], 1));
    assert!(journal.stored(None, 1).await.unwrap().is_empty());
    other.execute_batch("ROLLBACK").unwrap();
    journal.append(vec![arrival(4, CHAT)], Vec::new()).await.unwrap();
    assert_eq!((owed_ids(&journal, &CHAT).await, journal.len()), (vec![2, 4], 2));
    let count = |table: &str| -> i64 {
        other.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("updates"), count("dead"), count("outbox")), (2, 1, 0));
}

/// Where this process may mount a disk of its own (as root, or in a user namespace); elsewhere the tests above stand in.
#[test]
#[expect(clippy::disallowed_methods, reason = "what is started is this test itself, not a worker")]
fn no_room_on_the_disk() {
    if let Some(disk) = std::env::var_os(SMALL_DISK) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(on_a_small_disk(Path::new(&disk)));
    }
    let folder = tempfile::tempdir().unwrap();
    let flags = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
    let mount = |then: &str| {
        let mut command = Command::new("unshare");
        let script = format!("mount -t tmpfs -o size=20m none \"${SMALL_DISK}\" {then}");
        command.env(SMALL_DISK, folder.path()).args([flags, "sh", "-c", &script]);
        command
    };
    if !mount("").output().is_ok_and(|mounted| mounted.status.success()) {
        return;
    }
    let mut test = mount("&& exec \"$0\" --exact journal::tests::full::no_room_on_the_disk --nocapture");
    assert!(test.arg(std::env::current_exe().unwrap()).status().unwrap().success());
}

async fn on_a_small_disk(disk: &Path) {
    let folder = disk.join("journal");
    let journal = on_disk(&folder, Limits::default()).await;
    assert!(journal.caveat().unwrap().contains("in memory"));
    let taken = fill(&journal).await;
    assert_eq!(owed_ids(&journal, &CHAT).await, (0..taken).collect::<Vec<_>>());
    // Now to the last byte.
    let ballast = disk.join("ballast");
    let mut file = File::create(&ballast).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    assert!(folder.join("reserve").exists());
    // One after the other, so that each has to be written for itself. Something new may fit where something old was.
    let mut owed = Vec::new();
    for id in 0..taken {
        settle_oldest(&journal, id).await;
        match journal.append(vec![large(10_000 + id)], Vec::new()).await {
            Ok(_) => owed.push(10_000 + id),
            Err(error) => assert!(matches!(error, JournalError::NoRoom { .. }), "{error}"),
        }
    }
    // All of it is on the disk.
    let elsewhere = tempfile::tempdir().unwrap();
    for name in ["journal.db", "journal.db-wal"] {
        std::fs::copy(folder.join(name), elsewhere.path().join(name)).unwrap();
    }
    let found = on_disk(elsewhere.path(), Limits::default()).await;
    assert_eq!(owed_ids(&found, &CHAT).await, owed);
    for id in owed {
        settle_oldest(&journal, id).await;
    }
    // There is little but the ballast on the disk that is not the journal's own, and of that it has no more use.
    drop(file);
    std::fs::remove_file(ballast).unwrap();
    let mut tries = 0;
    while journal.append(vec![large(90_000)], Vec::new()).await.is_err() {
        tries += 1;
        assert!(tries < 20);
    }
    assert!(folder.join("reserve").exists());
    assert_eq!(owed_ids(&journal, &CHAT).await, [90_000]);
    journal.close().await.unwrap();
}
