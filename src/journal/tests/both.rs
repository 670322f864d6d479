//! What every form of the journal does, whether rows are at hand or have to be found.

use super::*;

/// Runs a test on all forms. `limits` are those of the form on disk.
async fn on_all(limits: Limits, test: impl AsyncFn(Journal)) {
    test(Journal { store: Store::Memory(Arc::new(Memory::new(limits.max_bytes, limits.tombstones))) }).await;
    for max_held in [0, 300, limits.max_held] {
        let folder = tempfile::tempdir().unwrap();
        test(on_disk(folder.path(), Limits { max_held, ..limits.clone() }).await).await;
    }
}

#[tokio::test]
async fn rows_are_owed_in_order_of_arrival_until_settled() {
    on_all(Limits::default(), async |journal| {
        // Ids may restart lower: arrival is the order.
        let user = ScopeKey::User(1);
        let batch = vec![arrival(900, CHAT), arrival(5, user.clone()), arrival(3, CHAT), arrival(900, CHAT)];
        let appended = journal.append(batch, Vec::new()).await.unwrap();
        assert_eq!(appended, Appended { scopes: vec![CHAT, user.clone()], repeated: 1 });
        assert_eq!(journal.owed_scopes().await.unwrap(), [CHAT, user]);
        let owed = journal.owed(&CHAT, None, 10).await.unwrap();
        assert_eq!(ids(&owed), [900, 3]);
        assert_eq!((&*owed[1].kind, &owed[1].payload[..]), ("message", br#"{"n":3}"#.as_slice()));
        assert_eq!(ids(&journal.owed(&CHAT, Some(owed[0].row), 10).await.unwrap()), [3]);
        journal.settle(&CHAT, owed[0].row).await.unwrap();
        journal.settle(&CHAT, owed[0].row).await.unwrap();
        assert_eq!(ids(&journal.owed(&CHAT, None, 1).await.unwrap()), [3]);
        journal.bury(&CHAT, owed[1].row, "tried three times").await.unwrap();
        assert!(owed_ids(&journal, &CHAT).await.is_empty());
        written(&journal).await;
        assert_eq!(journal.len(), 1);
        journal.append(vec![arrival(901, CHAT)], Vec::new()).await.unwrap();
        assert_eq!(owed_ids(&journal, &CHAT).await, [901]);
        assert_eq!(journal.owed_scopes().await.unwrap(), [ScopeKey::User(1), CHAT]);
    })
    .await;
}

#[tokio::test]
async fn what_came_before_is_not_taken_again_settled_or_not_readable_or_not() {
    on_all(Limits::default(), async |journal| {
        let odd = |update_id| Unreadable { update_id, raw: "17".into(), reason: "no object".into() };
        let batch = vec![arrival(1, CHAT), arrival(2, CHAT)];
        journal.append(batch.clone(), vec![odd(Some(3)), odd(None), odd(Some(3))]).await.unwrap();
        journal.settle(&CHAT, row_of(&journal, &CHAT, 1).await).await.unwrap();
        let again = journal.append(batch, vec![odd(Some(3))]).await.unwrap();
        assert_eq!(again, Appended { scopes: Vec::new(), repeated: 2 });
        let as_update = journal.append(vec![arrival(3, CHAT)], Vec::new()).await.unwrap();
        assert_eq!(as_update.repeated, 1);
        assert_eq!(owed_ids(&journal, &CHAT).await, [2]);
    })
    .await;
}

#[tokio::test]
async fn only_the_last_ids_are_remembered() {
    on_all(Limits { tombstones: 10, ..Limits::default() }, async |journal| {
        for id in 0..15 {
            journal.append(vec![arrival(id * 7 % 15, CHAT)], Vec::new()).await.unwrap();
        }
        // The first five were 0, 7, 14, 6 and 13.
        let taken = |ids: Vec<i64>| ids.into_iter().map(|id| arrival(id, CHAT)).collect::<Vec<_>>();
        let again =
            journal.append(taken((0..15).filter(|id| ![0, 7, 14, 6, 13].contains(id)).collect()), vec![]);
        assert_eq!(again.await.unwrap().repeated, 10);
        assert_eq!(journal.append(taken(vec![0, 7, 14]), vec![]).await.unwrap().repeated, 0);
    })
    .await;
}

#[tokio::test]
async fn attempts_are_counted_apart_from_deliveries() {
    on_all(Limits::default(), async |journal| {
        journal.append(vec![arrival(1, CHAT), arrival(2, CHAT)], Vec::new()).await.unwrap();
        let row = row_of(&journal, &CHAT, 1).await;
        journal.give_back(&CHAT, row, false).await.unwrap();
        journal.give_back(&CHAT, row, true).await.unwrap();
        let owed = journal.owed(&CHAT, None, 2).await.unwrap();
        assert_eq!((owed[0].taken, owed[0].failed), (2, 1));
        assert_eq!((owed[1].taken, owed[1].failed), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_full_journal_takes_nothing_until_there_is_room() {
    on_all(Limits { max_bytes: 7, ..Limits::default() }, async |journal| {
        journal.append(vec![arrival(1, CHAT)], Vec::new()).await.unwrap();
        let full = journal.append(vec![arrival(2, CHAT)], Vec::new()).await.unwrap_err();
        assert!(matches!(full, JournalError::Full { bytes: 7 }) && full.passes());
        assert_eq!(journal.len(), 1);
        journal.settle(&CHAT, row_of(&journal, &CHAT, 1).await).await.unwrap();
        written(&journal).await;
        journal.append(vec![arrival(2, CHAT)], Vec::new()).await.unwrap();
        assert_eq!(owed_ids(&journal, &CHAT).await, [2]);
    })
    .await;
}

#[tokio::test]
async fn sends_are_stored_with_what_they_settle_until_they_are_sent() {
    on_all(Limits::default(), async |journal| {
        journal.append((1..=3).map(|id| arrival(id, CHAT)).collect(), Vec::new()).await.unwrap();
        let rows = [row_of(&journal, &CHAT, 1).await, row_of(&journal, &CHAT, 2).await];
        let names = journal.store(&CHAT, &rows, vec![held_send("sendPoll"), held_send("sendDice")]).await;
        let names = names.unwrap();
        assert_eq!((owed_ids(&journal, &CHAT).await, journal.len()), (vec![3], 1));
        let stored = journal.stored(None, 10).await.unwrap();
        assert_eq!(stored.iter().map(|send| send.id).collect::<Vec<_>>(), names);
        assert_eq!((&stored[0].send, &stored[1].scope), (&held_send("sendPoll"), &CHAT));
        assert!(stored[0].stored.elapsed().unwrap().as_secs() < 60);
        assert_eq!(journal.stored(Some(names[0]), 10).await.unwrap(), stored[1..]);
        journal.sent(names[0]).await.unwrap();
        assert_eq!(journal.stored(None, 1).await.unwrap(), stored[1..]);
        let third = journal.store(&CHAT, &[], vec![held_send("sendPhoto")]).await.unwrap();
        assert!(third[0] > names[1]);
    })
    .await;
}

#[tokio::test]
async fn facts_are_of_a_command() {
    on_all(Limits::default(), async |journal| {
        let command: &[&[u8]] = &[b"python3", b"bot.py"];
        assert!(!journal.remembers(command, "acks").await.unwrap());
        journal.remember(command, "acks").await.unwrap();
        assert!(journal.remembers(command, "acks").await.unwrap());
        written(&journal).await;
        assert!(journal.remembers(command, "acks").await.unwrap());
        assert!(!journal.remembers(command, "idles").await.unwrap());
        assert!(!journal.remembers(&[b"python3 bot.py"], "acks").await.unwrap());
    })
    .await;
}
