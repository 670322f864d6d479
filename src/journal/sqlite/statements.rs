//! The statements of the journal, one function each.
//!
//! Owns the SQL that changes and reads rows. It begins and ends no transaction and knows nothing of memory.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::journal::{Arrival, HeldSend, Owed, Row, SendId, StoredSend, Unreadable};
use crate::key::ScopeKey;

/// How long dead letters are kept.
const DEAD_ARE_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Remembers an update id; `None` if it is remembered already.
fn admit(db: &Connection, update_id: i64) -> Result<Option<i64>> {
    let new = db
        .prepare_cached("INSERT OR IGNORE INTO tombstones (update_id) VALUES (?1)")?
        .execute([update_id])?;
    Ok((new > 0).then(|| db.last_insert_rowid()))
}

/// Takes arrivals in. The answer has for each its row, or `None` if it came before.
pub(super) fn append(
    db: &Connection,
    arrivals: &[Arrival],
    unreadable: &[Unreadable],
    tombstones: u64,
    now: i64,
) -> Result<Vec<Option<Row>>> {
    let mut last = None;
    for Unreadable { update_id, raw, reason } in unreadable {
        if let Some(update_id) = update_id {
            let Some(arrival) = admit(db, *update_id)? else { continue };
            last = Some(arrival);
        }
        db.prepare_cached(
            "INSERT INTO dead (update_id, attempts, died, reason, payload) VALUES (?1, 0, ?2, ?3, ?4)",
        )?
        .execute(params![update_id, now, reason, &raw[..]])?;
    }
    let mut insert = db.prepare_cached(
        "INSERT INTO updates (update_id, scope, kind, arrived, payload) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut rows = Vec::with_capacity(arrivals.len());
    for Arrival { update_id, kind, scope, payload } in arrivals {
        let Some(arrival) = admit(db, *update_id)? else {
            rows.push(None);
            continue;
        };
        last = Some(arrival);
        let row = insert.insert(params![update_id, scope, kind, now, &payload[..]])?;
        rows.push(Some(Row(row as u64)));
    }
    if let Some(last) = last {
        db.prepare_cached("DELETE FROM tombstones WHERE arrival <= ?1")?
            .execute([last.saturating_sub_unsigned(tombstones)])?;
    }
    Ok(rows)
}

/// Deletes a row; the answer is the length of its payload, if it was there.
pub(super) fn settle(db: &Connection, row: Row) -> Result<Option<u64>> {
    db.prepare_cached("DELETE FROM updates WHERE row = ?1 RETURNING length(payload)")?
        .query_row([row], |found| found.get::<_, i64>(0))
        .optional()
        .map(|length| length.map(|length| length as u64))
}

pub(super) fn give_back(db: &Connection, row: Row, failed: bool) -> Result<()> {
    db.prepare_cached("UPDATE updates SET taken = taken + 1, failed = failed + ?2 WHERE row = ?1")?
        .execute(params![row, failed])
        .map(|_| ())
}

/// Makes a row a dead letter; the answer is the length of its payload, if it was there.
pub(super) fn bury(db: &Connection, row: Row, reason: &str, now: i64) -> Result<Option<u64>> {
    db.prepare_cached(
        "INSERT INTO dead (update_id, scope, kind, attempts, taken, died, reason, payload)
         SELECT update_id, scope, kind, failed, taken, ?2, ?3, payload FROM updates WHERE row = ?1",
    )?
    .execute(params![row, now, reason])?;
    settle(db, row)
}

pub(super) fn forget_old_dead(db: &Connection, now: i64) -> Result<()> {
    let oldest = now - DEAD_ARE_KEPT.as_millis() as i64;
    db.prepare_cached("DELETE FROM dead WHERE died < ?1 AND retry IS NULL")?.execute([oldest]).map(|_| ())
}

pub(super) fn store(db: &Connection, scope: &ScopeKey, send: &HeldSend, now: i64) -> Result<SendId> {
    let HeldSend { lane, method, body, retry } = send;
    db.prepare_cached(
        "INSERT INTO outbox (scope, lane, method, body, retry, stored) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .insert(params![scope, lane, method, &body[..], retry, now])
    .map(|id| SendId(id as u64))
}

pub(super) fn sent(db: &Connection, id: SendId) -> Result<()> {
    db.prepare_cached("DELETE FROM outbox WHERE id = ?1")?.execute([id.0 as i64]).map(|_| ())
}

pub(super) fn remember(db: &Connection, key: &str) -> Result<()> {
    db.prepare_cached("INSERT OR IGNORE INTO meta (key, value) VALUES (?1, 'true')")?
        .execute([key])
        .map(|_| ())
}

pub(super) fn remembers(db: &Connection, key: &str) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM meta WHERE key = ?1")?.exists([key])
}

pub(super) fn owed(db: &Connection, scope: &ScopeKey, after: Option<Row>, limit: usize) -> Result<Vec<Owed>> {
    let mut select = db.prepare_cached(
        "SELECT row, update_id, kind, payload, taken, failed, arrived, retried FROM updates
         WHERE scope = ?1 AND row > ?2 ORDER BY row LIMIT ?3",
    )?;
    let rows = select.query_map(params![scope, after.unwrap_or(Row(0)), bounded(limit)], |found| {
        Ok(Owed {
            row: found.get(0)?,
            update_id: found.get(1)?,
            kind: found.get::<_, String>(2)?.into(),
            payload: found.get::<_, Vec<u8>>(3)?.into(),
            taken: found.get(4)?,
            failed: found.get(5)?,
            arrived: time(found.get(6)?),
            retried: found.get(7)?,
        })
    })?;
    rows.collect()
}

/// The scopes that something is owed to, that with the oldest row first, and how many rows and bytes.
pub(super) fn owed_scopes(db: &Connection) -> Result<Vec<(ScopeKey, usize, u64)>> {
    let mut select = db.prepare_cached(
        "SELECT scope, count(*), sum(length(payload)) FROM updates GROUP BY scope ORDER BY min(row)",
    )?;
    let scopes = select.query_map([], |found| {
        Ok((found.get(0)?, found.get::<_, i64>(1)? as usize, found.get::<_, i64>(2)? as u64))
    })?;
    scopes.collect()
}

pub(super) fn stored(db: &Connection, after: Option<SendId>, limit: usize) -> Result<Vec<StoredSend>> {
    let mut select = db.prepare_cached(
        "SELECT id, scope, lane, method, body, retry, stored FROM outbox WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let after = after.map_or(0, |id| id.0 as i64);
    let sends = select.query_map(params![after, bounded(limit)], |found| {
        let stored: i64 = found.get(6)?;
        Ok(StoredSend {
            id: SendId(found.get::<_, i64>(0)? as u64),
            scope: found.get(1)?,
            stored: time(stored),
            send: HeldSend {
                lane: found.get(2)?,
                method: found.get(3)?,
                body: Bytes::from(found.get::<_, Vec<u8>>(4)?),
                retry: found.get(5)?,
            },
        })
    })?;
    sends.collect()
}

/// What [`now`] was.
pub(in crate::journal) fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis.max(0) as u64)
}

/// Milliseconds since 1970.
pub(in crate::journal) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

fn bounded(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

impl ToSql for ScopeKey {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.to_string()))
    }
}

impl FromSql for ScopeKey {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl ToSql for Row {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0 as i64))
    }
}

impl FromSql for Row {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Row(value.as_i64()? as u64))
    }
}
