//! What is refused, in which words, and that nothing is changed by it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::*;

async fn refused(folder: &Path) -> OpenError {
    Sqlite::open(folder, BOT, false, Limits::default()).await.unwrap_err()
}

/// A folder with a journal in it that owes something.
async fn used() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let journal = on_disk(folder.path(), Limits::default()).await;
    let large = |id| Arrival { payload: vec![b' '; 3000].into(), ..arrival(id, CHAT) };
    journal.append((1..=40).map(large).collect(), Vec::new()).await.unwrap();
    journal.close().await.unwrap();
    folder
}

#[tokio::test]
async fn files_are_for_nobody_else() {
    let folder = used().await;
    let journal = on_disk(folder.path(), Limits::default()).await;
    journal.append(vec![arrival(50, CHAT)], Vec::new()).await.unwrap();
    for name in ["journal.db", "journal.db-wal", "lock", "reserve"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(
        rustix::io::fcntl_getfd(journal.lock_descriptor().unwrap())
            .unwrap()
            .contains(rustix::io::FdFlags::CLOEXEC)
    );
}

#[tokio::test]
async fn what_is_owed_is_known_at_once() {
    let folder = used().await;
    let journal = on_disk(folder.path(), Limits::default()).await;
    assert_eq!((journal.len(), journal.owed_scopes().await.unwrap()), (40, vec![CHAT]));
    assert_eq!(ids(&journal.owed(&CHAT, None, 2).await.unwrap()), [1, 2]);
}

#[tokio::test]
async fn where_nothing_can_be_written() {
    let above = tempfile::tempdir().unwrap();
    fs::set_permissions(above.path(), fs::Permissions::from_mode(0o500)).unwrap();
    // Root may write anywhere but there.
    let folder = match rustix::process::geteuid().is_root() {
        true => Path::new("/sys/asgigram").to_owned(),
        false => above.path().join("journal"),
    };
    let error = refused(&folder).await;
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");
    assert!(error.help().contains("--journal PATH") && error.help().contains("--journal memory"));
    fs::write(above.path().join("file"), "").ok();
    assert!(matches!(refused(Path::new("/dev/null")).await, OpenError::NotAFolder { .. }));
}

#[tokio::test]
async fn another_version_another_bot_another_program() {
    let folder = used().await;
    let path = folder.path().join("journal.db");
    let error = Sqlite::open(folder.path(), 8, false, Limits::default()).await.unwrap_err();
    assert!(error.to_string().ends_with("belongs to bot 7, not to bot 8"), "{error}");
    let change = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    change("PRAGMA user_version = 99");
    let before = fs::read(&path).unwrap();
    let error = refused(folder.path()).await;
    assert!(matches!(error, OpenError::Newer { found: 99, known: 2, .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    change("PRAGMA user_version = 1; PRAGMA application_id = 5");
    assert!(matches!(refused(folder.path()).await, OpenError::NotOurs { .. }));
}

#[tokio::test]
async fn a_damaged_one_is_refused_and_left_as_it_is() {
    // The head; the middle, where the rows are; the tables' own descriptions.
    for (from, garbage) in [(0, "this is no database"), (100, "\0\0garbage"), (2 * 4096, "garbage")] {
        let folder = used().await;
        let path = folder.path().join("journal.db");
        let mut bytes = fs::read(&path).unwrap();
        let to = bytes.len().min(from + 30 * 4096);
        let pattern = garbage.bytes().cycle();
        bytes[from..to].iter_mut().zip(pattern).for_each(|(byte, garbage)| *byte = garbage);
        fs::write(&path, &bytes).unwrap();
        let error = refused(folder.path()).await;
        assert!(matches!(error, OpenError::Corrupt { .. }), "{from}: {error}");
        assert!(error.help().contains("move the folder away"));
        assert!(fs::read(&path).unwrap() == bytes, "{from}");
    }
}

#[tokio::test]
async fn one_that_is_in_use_and_one_that_is_just_closing() {
    let folder = used().await;
    let journal = on_disk(folder.path(), Limits::default()).await;
    let second = lock::Lock::take_within(folder.path(), Some(Duration::ZERO)).await.unwrap_err();
    let expected = format!("is in use by process {}", std::process::id());
    assert!(second.to_string().ends_with(&expected), "{second}");
    let newcomer = on_disk(folder.path(), Limits::default());
    journal.settle(&CHAT, row_of(&journal, &CHAT, 1).await).await.unwrap();
    drop(journal);
    assert_eq!(newcomer.await.len(), 39);
}

#[tokio::test]
async fn a_closed_journal_says_so() {
    let folder = used().await;
    let journal = on_disk(folder.path(), nothing_held()).await;
    let other = journal.clone();
    journal.close().await.unwrap();
    assert!(matches!(other.owed(&CHAT, None, 1).await, Err(JournalError::Closed)));
    assert!(matches!(other.append(Vec::new(), Vec::new()).await, Err(JournalError::Closed)));
    assert!(matches!(other.close().await, Err(JournalError::Closed)));
}

#[tokio::test]
async fn one_that_breaks_tells_everybody() {
    let folder = used().await;
    let journal = on_disk(folder.path(), nothing_held()).await;
    let other = journal.clone();
    let broken = tokio::spawn(async move { other.broken().await });
    let db = rusqlite::Connection::open(folder.path().join("journal.db")).unwrap();
    db.execute_batch("DROP TABLE updates").unwrap();
    let error = journal.append(vec![arrival(90, CHAT)], Vec::new()).await.unwrap_err();
    assert!(matches!(&error, JournalError::Broken { .. }) && !error.passes(), "{error}");
    assert!(error.to_string().contains("no such table"), "{error}");
    assert_eq!(broken.await.unwrap().to_string(), error.to_string());
    assert!(matches!(journal.owed(&CHAT, None, 1).await, Err(JournalError::Broken { .. })));
    assert!(matches!(journal.settle(&CHAT, Row(1)).await, Err(JournalError::Broken { .. })));
}
