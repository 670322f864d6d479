//! Answers to questions: what the database holds, less what has happened and could not be written yet.
//!
//! Owns that difference. It changes nothing.

use std::collections::HashSet;

use rusqlite::{Connection, Result};

use super::command::{Lazy, Question};
use super::statements;
use crate::journal::{JournalError, Owed, Row, SendId};
use crate::key::ScopeKey;

/// Answers; `unwritten` are the words that are not in the database, in order. An error is told to `fault`, which says
/// what the one who asked gets instead.
pub(super) fn answer(
    db: &Connection,
    question: Question,
    unwritten: &[Lazy],
    fault: impl FnOnce(rusqlite::Error) -> JournalError,
) {
    // Whoever asked may be gone.
    match question {
        Question::Owed { scope, after, limit, reply } => {
            let _ = reply.send(owed(db, &scope, after, limit, unwritten).map_err(fault));
        }
        Question::OwedScopes(reply) => {
            let scopes = statements::owed_scopes(db);
            let names = scopes.map(|scopes| scopes.into_iter().map(|(scope, ..)| scope).collect());
            let _ = reply.send(names.map_err(fault));
        }
        Question::Stored { after, limit, reply } => {
            let sent: HashSet<SendId> = unwritten.iter().filter_map(sent).collect();
            let stored = statements::stored(db, after, limit.saturating_add(sent.len())).map(|mut stored| {
                stored.retain(|send| !sent.contains(&send.id));
                stored.truncate(limit);
                stored
            });
            let _ = reply.send(stored.map_err(fault));
        }
        Question::Remembers { key, reply } => {
            let unwritten =
                unwritten.iter().any(|word| matches!(word, Lazy::Remember(known) if *known == key));
            let known = if unwritten { Ok(true) } else { statements::remembers(db, &key) };
            let _ = reply.send(known.map_err(fault));
        }
    }
}

fn owed(
    db: &Connection,
    scope: &ScopeKey,
    after: Option<Row>,
    limit: usize,
    unwritten: &[Lazy],
) -> Result<Vec<Owed>> {
    let done: HashSet<Row> = unwritten.iter().filter_map(done).collect();
    let mut rows = statements::owed(db, scope, after, limit.saturating_add(done.len()))?;
    rows.retain(|owed| !done.contains(&owed.row));
    rows.truncate(limit);
    for word in unwritten {
        if let Lazy::GiveBack { row, failed } = word
            && let Some(owed) = rows.iter_mut().find(|owed| owed.row == *row)
        {
            owed.taken += 1;
            owed.failed += u32::from(*failed);
        }
    }
    Ok(rows)
}

fn done(word: &Lazy) -> Option<Row> {
    match word {
        Lazy::Settle { row, .. } | Lazy::Bury { row, .. } => Some(*row),
        _ => None,
    }
}

fn sent(word: &Lazy) -> Option<SendId> {
    match word {
        Lazy::Sent(id) => Some(*id),
        _ => None,
    }
}
