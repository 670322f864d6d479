//! What goes into the journal and what comes out of it.
//!
//! Owns plain values. It knows nothing of where they are kept.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::key::ScopeKey;

/// The place of an update in the order of arrival. Update ids are no order: they restart after a quiet week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row(pub u64);

/// An update as the poller hands it in.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Telegram's id of the update.
    pub update_id: i64,
    /// The update's kind, such as `message`.
    pub kind: Box<str>,
    /// Whom it belongs to.
    pub scope: ScopeKey,
    /// The payload: a JSON object, byte for byte as Telegram wrote it.
    pub payload: Bytes,
}

/// An element of an answer to getUpdates that is no update. It becomes a dead letter and stops nothing.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// Its id, where it has one.
    pub update_id: Option<i64>,
    /// The element as it came.
    pub raw: Bytes,
    /// What could not be understood.
    pub reason: String,
}

/// An update that is owed to its scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Its place in the order of arrival.
    pub row: Row,
    /// Telegram's id.
    pub update_id: i64,
    /// Its kind.
    pub kind: Arc<str>,
    /// Its payload, byte for byte.
    pub payload: Bytes,
    /// How often a process has taken it and not settled it.
    pub taken: u32,
    /// How many of those count as failed attempts: those that the gateway did not cause.
    pub failed: u32,
    /// When it came, by the wall clock, to the millisecond.
    pub arrived: SystemTime,
    /// A person had it tried again after it was given up: it does not expire.
    pub retried: bool,
}

/// What an append did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// The scopes that got a new row, in order of arrival, each once.
    pub scopes: Vec<ScopeKey>,
    /// How many arrivals were dropped because they had come before.
    pub repeated: usize,
}

/// A send that Telegram could not take yet, as the outbox hands it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldSend {
    /// The lane it waits in, in the outbox's own words.
    pub lane: String,
    /// The method of the Bot API.
    pub method: String,
    /// Its parameters, byte for byte as they will be sent.
    pub body: Bytes,
    /// Whether it may be sent again when it is unknown whether Telegram has it.
    pub retry: bool,
}

/// The name of a stored send. A later one is greater, and none is ever used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SendId(pub u64);

/// A send that is kept until Telegram has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSend {
    /// Its name.
    pub id: SendId,
    /// The scope that sent it.
    pub scope: ScopeKey,
    /// When it was stored, by the wall clock, to the millisecond.
    pub stored: SystemTime,
    /// The send.
    pub send: HeldSend,
}
