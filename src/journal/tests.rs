//! Tests of the journal as a whole, on disk and in memory.

mod both;
mod crash;
mod dead;
mod full;
mod kill;
mod model;
mod opening;

use std::path::Path;

use bytes::Bytes;

use super::sqlite::{Limits, Sqlite};
use super::*;

const CHAT: ScopeKey = ScopeKey::Chat(42);
const BOT: i64 = 7;

/// A journal on disk.
async fn on_disk(folder: &Path, limits: Limits) -> Journal {
    let sqlite = Sqlite::open(folder, BOT, false, limits).await.unwrap();
    Journal { store: Store::Sqlite(Arc::new(sqlite)) }
}

/// Every row has to be read from the disk.
fn nothing_held() -> Limits {
    Limits { max_held: 0, ..Limits::default() }
}

fn arrival(update_id: i64, scope: ScopeKey) -> Arrival {
    let payload = Bytes::from(format!(r#"{{"n":{update_id}}}"#));
    Arrival { update_id, kind: "message".into(), scope, payload }
}

fn held_send(method: &str) -> HeldSend {
    HeldSend { lane: "42".into(), method: method.into(), body: Bytes::from_static(b"{}"), retry: true }
}

fn ids(owed: &[Owed]) -> Vec<i64> {
    owed.iter().map(|owed| owed.update_id).collect()
}

async fn owed_ids(journal: &Journal, scope: &ScopeKey) -> Vec<i64> {
    ids(&journal.owed(scope, None, usize::MAX).await.unwrap())
}

async fn row_of(journal: &Journal, scope: &ScopeKey, update_id: i64) -> Row {
    let owed = journal.owed(scope, None, usize::MAX).await.unwrap();
    owed.iter().find(|owed| owed.update_id == update_id).unwrap().row
}

/// When this returns, all that the journal was told is on disk.
async fn written(journal: &Journal) {
    journal.store(&CHAT, &[], Vec::new()).await.unwrap();
}
