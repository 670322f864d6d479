//! The machine is switched off after each act: what a journal finds on the disk is what was promised.

use std::fs;

use super::model::{Act, Seen, seen};
use super::*;

/// Every kind of act, beside every other, with batches that repeat.
fn script() -> Vec<Act> {
    let mut acts = vec![Act::Append((0..12).collect())];
    for round in 0..4_i64 {
        let fresh = 100 + round * 10;
        acts.extend([
            Act::Settle(round, 0),
            Act::GiveBack(1, 0, true),
            Act::Append(vec![fresh, fresh + 1, fresh + 2, 3]),
            Act::GiveBack(1, 0, false),
            Act::Bury(2, 0),
            Act::Store(round, 2),
            Act::Settle((round + 1) % 4, 1),
            Act::Store(3, 0),
            Act::Sent(0),
            Act::Settle(0, 0),
            Act::Settle(1, 0),
        ]);
    }
    acts
}

/// What is on the disk now, opened as after a crash.
async fn after_crash(folder: &Path, limits: &Limits) -> (tempfile::TempDir, Journal) {
    let copy = tempfile::tempdir().unwrap();
    for name in ["journal.db", "journal.db-wal"] {
        fs::copy(folder.join(name), copy.path().join(name)).unwrap();
    }
    let journal = on_disk(copy.path(), limits.clone()).await;
    (copy, journal)
}

/// What a journal holds after these acts.
async fn model_of(acts: &[Act]) -> (Journal, Seen) {
    let model = Journal::in_memory(u64::MAX);
    for act in acts {
        act.apply(&model).await;
    }
    let seen = seen(&model).await;
    (model, seen)
}

#[tokio::test]
async fn after_each_act_the_disk_holds_what_was_promised() {
    for limits in [Limits::default(), nothing_held()] {
        let folder = tempfile::tempdir().unwrap();
        let journal = on_disk(folder.path(), limits.clone()).await;
        let acts = script();
        let mut promised = 0;
        for count in 1..=acts.len() {
            acts[count - 1].apply(&journal).await;
            if acts[count - 1].is_promised() {
                promised = count;
            }
            let (_copy, found) = after_crash(folder.path(), &limits).await;
            let seen = seen(&found).await;
            // All that was promised, and of the rest the first so many.
            let mut possible = false;
            for written in promised..=count {
                possible |= model_of(&acts[..written]).await.1 == seen;
            }
            assert!(possible, "after {:?}, act {count}: {seen:#?}", acts[count - 1]);
            // Every id that was taken is known.
            let (model, _) = model_of(&acts[..count]).await;
            let all: Vec<Arrival> = (0..140).map(|id| arrival(id, ScopeKey::Chat(id % 4))).collect();
            let known = model.append(all.clone(), Vec::new()).await.unwrap().repeated;
            assert_eq!(found.append(all, Vec::new()).await.unwrap().repeated, known);
        }
        journal.close().await.unwrap();
    }
}

#[tokio::test]
async fn rows_and_names_are_never_used_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (mut last_row, mut last_send) = (Row(0), SendId(0));
    for life in 0..3 {
        let journal = on_disk(folder.path(), Limits::default()).await;
        journal.append(vec![arrival(life, CHAT)], Vec::new()).await.unwrap();
        let row = row_of(&journal, &CHAT, life).await;
        let send = journal.store(&CHAT, &[row], vec![held_send("sendDice")]).await.unwrap()[0];
        journal.sent(send).await.unwrap();
        assert!(row > last_row && send > last_send);
        (last_row, last_send) = (row, send);
        journal.close().await.unwrap();
    }
}

#[tokio::test]
async fn the_dead_are_kept_whole() {
    let folder = tempfile::tempdir().unwrap();
    let journal = on_disk(folder.path(), Limits::default()).await;
    let odd = Unreadable { update_id: None, raw: "\"odd\"".into(), reason: "no object".into() };
    journal.append(vec![arrival(5, CHAT)], vec![odd]).await.unwrap();
    let row = row_of(&journal, &CHAT, 5).await;
    journal.give_back(&CHAT, row, true).await.unwrap();
    journal.bury(&CHAT, row, "1 attempts failed").await.unwrap();
    journal.close().await.unwrap();
    let db = rusqlite::Connection::open(folder.path().join("journal.db")).unwrap();
    type Dead = (Option<i64>, Option<String>, u32, String, Vec<u8>);
    let dead = |db: &rusqlite::Connection| -> Vec<Dead> {
        let mut select =
            db.prepare("SELECT update_id, scope, attempts, reason, payload FROM dead ORDER BY id").unwrap();
        let rows = select
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
            .unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let expected = [
        (None, None, 0, "no object".to_owned(), b"\"odd\"".to_vec()),
        (Some(5), Some("chat:42".to_owned()), 1, "1 attempts failed".to_owned(), br#"{"n":5}"#.to_vec()),
    ];
    assert_eq!(dead(&db), expected);
    // After 30 days they are forgotten.
    let month = 30_i64 * 24 * 3600 * 1000;
    db.execute("UPDATE dead SET died = died - ?1 - 1 WHERE update_id = 5", [month]).unwrap();
    drop((db, journal));
    let journal = on_disk(folder.path(), Limits::default()).await;
    journal.close().await.unwrap();
    let db = rusqlite::Connection::open(folder.path().join("journal.db")).unwrap();
    assert_eq!(dead(&db), expected[..1]);
}
