//! Dead letters: what a person sees of them, and what becomes of those to be tried again.

use std::time::{Duration, SystemTime};

use super::*;

const KIND: &str = "inline_query";

/// Takes in updates with these ids and gives them up.
async fn bury(journal: &Journal, scope: &ScopeKey, ids: &[i64]) {
    let batch = ids.iter().map(|id| Arrival { kind: KIND.into(), ..arrival(*id, scope.clone()) }).collect();
    journal.append(batch, Vec::new()).await.unwrap();
    for id in ids {
        let row = row_of(journal, scope, *id).await;
        journal.give_back(scope, row, true).await.unwrap();
        journal.give_back(scope, row, false).await.unwrap();
        journal.bury(scope, row, "a reason").await.unwrap();
    }
    written(journal).await;
}

fn dead(folder: &Path) -> Vec<Option<i64>> {
    let letters = DeadLetters::open(folder).unwrap().page(None, 100).unwrap();
    letters.into_iter().map(|letter| letter.update_id).collect()
}

fn these(ids: &[i64]) -> Selection {
    Selection::Updates(ids.iter().copied().collect())
}

/// What is tried again, within the time that was promised.
async fn retried(journal: &Journal) -> Vec<ScopeKey> {
    tokio::time::timeout(Duration::from_secs(10), journal.retried()).await.expect("nothing is tried again")
}

#[tokio::test]
async fn a_letter_says_all_that_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let journal = on_disk(folder.path(), Limits::default()).await;
    let odd = Unreadable { update_id: None, raw: "17".into(), reason: "no object".into() };
    journal.append(Vec::new(), vec![odd]).await.unwrap();
    bury(&journal, &CHAT, &[5]).await;
    let letters = DeadLetters::open(folder.path()).unwrap();
    let all = letters.page(None, 100).unwrap();
    assert_eq!((all[0].update_id, &all[0].scope, &all[0].payload[..]), (None, &None, b"17".as_slice()));
    let DeadLetter { update_id, scope, kind, attempts, died, reason, payload, retry, .. } = all[1].clone();
    assert_eq!((update_id, scope.as_deref(), kind.as_deref()), (Some(5), Some("chat:42"), Some(KIND)));
    assert_eq!((attempts, &*reason, &payload[..], retry), (1, "a reason", br#"{"n":5}"#.as_slice(), false));
    assert!(SystemTime::now().duration_since(died).unwrap() < Duration::from_secs(60));
    assert_eq!(letters.page(Some(all[0].id), 1).unwrap(), all[1..]);
    assert_eq!(letters.of_update(5).unwrap(), all[1..]);
    assert!(letters.gateway_runs());
    journal.close().await.unwrap();
    drop(journal);
    assert!(!letters.gateway_runs());
}

#[tokio::test]
async fn beside_the_gateway_a_letter_is_an_update_again_within_a_moment() {
    for limits in [Limits::default(), nothing_held()] {
        let folder = tempfile::tempdir().unwrap();
        let journal = on_disk(folder.path(), limits).await;
        bury(&journal, &CHAT, &[1, 2, 3]).await;
        journal.append(vec![arrival(4, CHAT)], Vec::new()).await.unwrap();
        let letters = DeadLetters::open(folder.path()).unwrap();
        assert_eq!(letters.retry(&these(&[3, 1])).unwrap(), 2);
        assert_eq!(retried(&journal).await, [CHAT]);
        assert_eq!(dead(folder.path()), [Some(2)]);
        let owed = journal.owed(&CHAT, None, 10).await.unwrap();
        assert_eq!((ids(&owed), journal.len()), (vec![4, 1, 3], 3));
        assert_eq!((owed[1].retried, owed[1].taken, owed[1].failed), (true, 2, 0));
        assert_eq!((&*owed[1].kind, &owed[1].payload[..]), (KIND, br#"{"n":1}"#.as_slice()));
        assert!(!owed[0].retried && owed[0].row < owed[1].row);
        // It is an update like any other: it can be done with, and die again.
        journal.settle(&CHAT, owed[2].row).await.unwrap();
        journal.bury(&CHAT, owed[1].row, "another").await.unwrap();
        written(&journal).await;
        assert_eq!((owed_ids(&journal, &CHAT).await, journal.len()), (vec![4], 1));
        assert_eq!(dead(folder.path()), [Some(2), Some(1)]);
    }
}

#[tokio::test]
async fn without_a_gateway_it_waits_for_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let journal = on_disk(folder.path(), Limits::default()).await;
    bury(&journal, &CHAT, &[1, 2]).await;
    journal.close().await.unwrap();
    drop(journal);
    let letters = DeadLetters::open(folder.path()).unwrap();
    assert_eq!(letters.retry(&these(&[1])).unwrap(), 1);
    assert_eq!((letters.retry(&these(&[1])).unwrap(), letters.to_be_tried().unwrap()), (1, 1));
    assert!(letters.of_update(1).unwrap()[0].retry);
    drop(letters);
    let journal = on_disk(folder.path(), Limits::default()).await;
    assert_eq!(retried(&journal).await, [CHAT]);
    assert_eq!(owed_ids(&journal, &CHAT).await, [1]);
    // It is still an update of that kind in the next life.
    journal.close().await.unwrap();
    drop(journal);
    let journal = on_disk(folder.path(), Limits::default()).await;
    let owed = journal.owed(&CHAT, None, 10).await.unwrap();
    assert_eq!((ids(&owed), owed[0].retried), (vec![1], true));
}

#[tokio::test]
async fn all_of_them_or_all_of_one_scope() {
    let folder = tempfile::tempdir().unwrap();
    let journal = on_disk(folder.path(), Limits::default()).await;
    let user = ScopeKey::User(7);
    let odd = Unreadable { update_id: Some(9000), raw: "17".into(), reason: "no object".into() };
    journal.append(Vec::new(), vec![odd]).await.unwrap();
    bury(&journal, &CHAT, &(0..1100).collect::<Vec<_>>()).await;
    bury(&journal, &user, &[2001, 2002]).await;
    let letters = DeadLetters::open(folder.path()).unwrap();
    assert_eq!(letters.drop_letters(&Selection::All { scope: Some(user.clone()) }).unwrap(), 2);
    assert_eq!(letters.retry(&Selection::All { scope: None }).unwrap(), 1100);
    while journal.len() < 1100 {
        assert_eq!(retried(&journal).await, [CHAT]);
    }
    assert!(owed_ids(&journal, &CHAT).await.into_iter().eq(0..1100));
    assert_eq!(letters.retry(&Selection::All { scope: Some(user) }).unwrap(), 0);
    assert_eq!(dead(folder.path()), [Some(9000)]);
    assert_eq!(letters.drop_letters(&Selection::All { scope: None }).unwrap(), 1);
}

#[tokio::test]
async fn if_one_is_refused_nothing_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let journal = on_disk(folder.path(), Limits::default()).await;
    let odd = Unreadable { update_id: Some(9), raw: "17".into(), reason: "no object".into() };
    journal.append(Vec::new(), vec![odd]).await.unwrap();
    bury(&journal, &CHAT, &[1]).await;
    let letters = DeadLetters::open(folder.path()).unwrap();
    assert!(matches!(letters.retry(&these(&[1, 2])), Err(Refused::Unknown(2))));
    assert!(matches!(letters.retry(&these(&[1, 9])), Err(Refused::NoUpdate(9))));
    assert!(matches!(letters.drop_letters(&these(&[1, 2])), Err(Refused::Unknown(2))));
    assert!(matches!(letters.of_update(2), Err(Refused::Unknown(2))));
    assert_eq!((letters.to_be_tried().unwrap(), dead(folder.path())), (0, vec![Some(9), Some(1)]));
    assert_eq!(letters.drop_letters(&these(&[1, 9])).unwrap(), 2);
    assert!(dead(folder.path()).is_empty());
}

#[tokio::test]
async fn what_is_dropped_in_time_is_not_tried_again_and_what_is_to_be_does_not_grow_old() {
    let folder = tempfile::tempdir().unwrap();
    let journal = on_disk(folder.path(), Limits::default()).await;
    bury(&journal, &CHAT, &[1, 2]).await;
    journal.close().await.unwrap();
    drop(journal);
    let letters = DeadLetters::open(folder.path()).unwrap();
    letters.retry(&these(&[1, 2])).unwrap();
    letters.drop_letters(&these(&[2])).unwrap();
    let db = rusqlite::Connection::open(folder.path().join("journal.db")).unwrap();
    db.execute_batch("UPDATE dead SET died = 0").unwrap();
    let journal = on_disk(folder.path(), Limits::default()).await;
    assert_eq!(retried(&journal).await, [CHAT]);
    assert_eq!(owed_ids(&journal, &CHAT).await, [1]);
}

#[tokio::test]
async fn a_full_journal_takes_them_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let journal = on_disk(folder.path(), Limits { max_bytes: 7, ..Limits::default() }).await;
    bury(&journal, &CHAT, &[1]).await;
    journal.append(vec![arrival(2, CHAT)], Vec::new()).await.unwrap();
    let letters = DeadLetters::open(folder.path()).unwrap();
    letters.retry(&these(&[1])).unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(1200), journal.retried()).await;
    assert!(waited.is_err(), "{waited:?}");
    journal.settle(&CHAT, row_of(&journal, &CHAT, 2).await).await.unwrap();
    assert_eq!(retried(&journal).await, [CHAT]);
}

#[tokio::test]
async fn a_look_changes_neither_the_database_nor_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let journal = on_disk(folder.path(), Limits::default()).await;
    bury(&journal, &CHAT, &[1]).await;
    // As after a crash: the log is not brought into the database.
    let copy = tempfile::tempdir().unwrap();
    let names = ["journal.db", "journal.db-wal"];
    for name in names {
        std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let files = || names.map(|name| std::fs::read(copy.path().join(name)).unwrap());
    let before = files();
    assert_eq!(dead(copy.path()), [Some(1)]);
    assert!(files() == before);
}

#[tokio::test]
async fn another_version_is_left_alone_and_one_of_the_first_is_brought_up_to_date_by_the_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let db = rusqlite::Connection::open(folder.path().join("journal.db")).unwrap();
    db.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; {} PRAGMA user_version = 1; PRAGMA application_id = {};
         INSERT INTO dead (update_id, scope, kind, attempts, died, reason, payload)
         VALUES (5, 'chat:42', 'message', 3, {}, 'a reason', x'7b7d')",
        sqlite::schema::STEPS[0],
        sqlite::schema::APPLICATION,
        sqlite::statements::now(),
    ))
    .unwrap();
    let error = DeadLetters::open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::Older { found: 1, known: 2, .. }), "{error}");
    assert!(error.help().contains("start the gateway"));
    on_disk(folder.path(), Limits::default()).await.close().await.unwrap();
    assert_eq!(dead(folder.path()), [Some(5)]);
    db.execute_batch("PRAGMA user_version = 99").unwrap();
    assert!(matches!(DeadLetters::open(folder.path()), Err(OpenError::Newer { found: 99, .. })));
}
