//! The form on disk beside the form in memory: whatever is done to both, with the gateway ending in between, they hold
//! the same.

use proptest::prelude::*;

use super::*;

/// Something that is done to a journal. Rows and sends are named by their place among those that are there.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Updates with these ids, the scope being one of four by the id.
    Append(Vec<i64>),
    Settle(i64, usize),
    GiveBack(i64, usize, bool),
    Bury(i64, usize),
    /// A send, with which the first so many rows are settled.
    Store(i64, usize),
    Sent(usize),
}

impl Act {
    /// Whether it is on disk when it returns, with all before it.
    pub(super) fn is_promised(&self) -> bool {
        matches!(self, Act::Append(_) | Act::Store(..))
    }

    pub(super) async fn apply(&self, journal: &Journal) {
        let row = async |chat: i64, place: usize| {
            let owed = journal.owed(&ScopeKey::Chat(chat), None, place + 1).await.unwrap();
            owed.get(place).map(|owed| owed.row)
        };
        match self {
            Act::Append(ids) => {
                let batch = ids.iter().map(|id| arrival(*id, ScopeKey::Chat(id % 4))).collect();
                journal.append(batch, Vec::new()).await.unwrap();
            }
            Act::Settle(chat, place) => {
                if let Some(row) = row(*chat, *place).await {
                    journal.settle(&ScopeKey::Chat(*chat), row).await.unwrap();
                }
            }
            Act::GiveBack(chat, place, failed) => {
                if let Some(row) = row(*chat, *place).await {
                    journal.give_back(&ScopeKey::Chat(*chat), row, *failed).await.unwrap();
                }
            }
            Act::Bury(chat, place) => {
                if let Some(row) = row(*chat, *place).await {
                    journal.bury(&ScopeKey::Chat(*chat), row, "a reason").await.unwrap();
                }
            }
            Act::Store(chat, count) => {
                let scope = ScopeKey::Chat(*chat);
                let owed = journal.owed(&scope, None, *count).await.unwrap();
                let rows: Vec<Row> = owed.iter().map(|owed| owed.row).collect();
                let sends = vec![held_send(&format!("after{:?}", ids(&owed)))];
                journal.store(&scope, &rows, sends).await.unwrap();
            }
            Act::Sent(place) => {
                if let Some(send) = journal.stored(None, place + 1).await.unwrap().get(*place) {
                    journal.sent(send.id).await.unwrap();
                }
            }
        }
    }
}

/// All that can be seen of a journal, but for the numbers of rows, times and the remembered ids.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    owed: Vec<Vec<(i64, Bytes, u32, u32)>>,
    stored: Vec<(ScopeKey, HeldSend)>,
    scopes: Vec<ScopeKey>,
}

pub(super) async fn seen(journal: &Journal) -> Seen {
    let mut owed = Vec::new();
    for chat in 0..4 {
        let rows = journal.owed(&ScopeKey::Chat(chat), None, usize::MAX).await.unwrap();
        assert!(rows.is_sorted_by_key(|owed| owed.row));
        owed.push(rows.into_iter().map(|o| (o.update_id, o.payload, o.taken, o.failed)).collect());
    }
    let stored = journal.stored(None, usize::MAX).await.unwrap();
    let stored = stored.into_iter().map(|stored| (stored.scope, stored.send)).collect();
    Seen { owed, stored, scopes: journal.owed_scopes().await.unwrap() }
}

fn act() -> impl Strategy<Value = Act> {
    let (chat, place) = (0..4_i64, 0..4_usize);
    prop_oneof![
        4 => proptest::collection::vec(0..60_i64, 1..8).prop_map(Act::Append),
        4 => (chat.clone(), place.clone()).prop_map(|(chat, place)| Act::Settle(chat, place)),
        2 => (chat.clone(), place.clone(), any::<bool>()).prop_map(|(chat, place, failed)| Act::GiveBack(chat, place, failed)),
        1 => (chat.clone(), place.clone()).prop_map(|(chat, place)| Act::Bury(chat, place)),
        2 => (chat, place.clone()).prop_map(|(chat, count)| Act::Store(chat, count)),
        1 => place.prop_map(Act::Sent),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_disk_holds_what_memory_would(
        lives in proptest::collection::vec((proptest::collection::vec(act(), 0..25), any::<bool>()), 1..5),
        max_held in prop_oneof![Just(0), Just(600), Just(1 << 20)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let model = Journal { store: Store::Memory(Arc::new(Memory::new(u64::MAX, 20))) };
            let folder = tempfile::tempdir().unwrap();
            for (acts, closes) in lives {
                let limits = Limits { max_held, tombstones: 20, ..Limits::default() };
                let journal = on_disk(folder.path(), limits).await;
                for act in acts {
                    act.apply(&model).await;
                    act.apply(&journal).await;
                    let (expected, found) = (seen(&model).await, seen(&journal).await);
                    // A scope whose last row is just being settled may still be named.
                    assert!(expected.scopes.iter().all(|scope| found.scopes.contains(scope)));
                    assert_eq!((expected.owed, expected.stored), (found.owed, found.stored));
                }
                written(&journal).await;
                assert_eq!(seen(&model).await, seen(&journal).await);
                assert_eq!(model.len(), journal.len());
                if closes {
                    journal.close().await.unwrap();
                }
            }
        });
    }
}
