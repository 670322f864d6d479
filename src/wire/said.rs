//! What a worker can say: one line parsed into one [`Said`], borrowing from the line.
//!
//! Owns the shapes of hello, ack, nack and sends. It never judges whether what is said makes sense now, nor whether a
//! method exists.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A postponement is at most a day (protocol.md, `telegram.nack`); Telegram itself forgets what is older.
const LONGEST_POSTPONEMENT: f64 = 86_400.0;
/// The most a worker can take at once in one scope; a larger `window` means this.
const LARGEST_WINDOW: u64 = 100;

/// One line of a worker, understood.
#[derive(Debug)]
pub enum Said<'a> {
    /// `gateway.hello`: how this process works.
    Hello(Hello),
    /// `telegram.ack`: done with this update, or `through` it.
    Ack {
        /// The update.
        update_id: i64,
        /// Also all delivered before it.
        through: bool,
    },
    /// `telegram.nack`: not done with this update.
    Nack {
        /// The update.
        update_id: i64,
        /// What shall become of it.
        retry: Retry,
    },
    /// A Bot API method to call.
    Send(SendEvent<'a>),
    /// An event of ours come back, as from `cat`: it means nothing.
    Echo,
}

/// What a nacking worker wants for its update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Retry {
    /// A failed attempt: try again after the usual delay.
    Failed,
    /// Not now: no attempt, again after this long.
    After(Duration),
    /// Never again.
    Never,
}

/// `gateway.hello`. What is absent has its default.
#[derive(Clone, Debug, PartialEq)]
pub struct Hello {
    /// The protocol's version the worker speaks.
    pub protocol: u64,
    /// Whether it acknowledges.
    pub acks: bool,
    /// How many updates it takes at once, 1 to 100.
    pub window: usize,
    /// What it is, for the log.
    pub client: Option<String>,
    /// The kinds it takes; all if `None`.
    pub updates: Option<Vec<String>>,
    /// Whether it may be ended for being idle.
    pub idle: bool,
    /// Keys of the wrong type: they have their default.
    pub unusable: Vec<&'static str>,
}

/// A send: a method by its name on the wire, and parameters in the order written.
#[derive(Debug)]
pub struct SendEvent<'a> {
    /// `send_message`, or as `telegram.call` names it.
    pub method: Cow<'a, str>,
    /// The parameters; nulls are dropped.
    pub params: Vec<Param<'a>>,
    /// What the response shall bear, where one is wanted.
    pub request_id: Option<&'a RawValue>,
    /// Whether it is sent again when it was perhaps delivered.
    pub retry: bool,
}

/// A parameter: its name, and its value as the worker wrote it.
pub type Param<'a> = (Cow<'a, str>, &'a RawValue);

/// Why a line is not understood. It costs nothing but this line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misunderstood {
    /// Not a JSON object at all: somebody printed to stdout.
    #[error("not a JSON object")]
    Stray,
    /// An object without a `type` that is a string.
    #[error("no `type` that is a string")]
    NoType,
    /// A `type` that this gateway does not know.
    #[error("unknown type `{0}`")]
    UnknownType(String),
    /// A key of it has the wrong type or is missing.
    #[error("`{kind}`: {what}")]
    Malformed {
        /// The line's `type`.
        kind: &'static str,
        /// What is wrong.
        what: String,
    },
}

/// Understands one line.
pub fn parse(line: &[u8]) -> Result<Said<'_>, Misunderstood> {
    let line = std::str::from_utf8(line).map_err(|_| Misunderstood::Stray)?;
    let members = members(line).map_err(|_| Misunderstood::Stray)?;
    let kind: Option<Cow<'_, str>> = member(&members, "type").and_then(string);
    let Some(kind) = kind else {
        return Err(Misunderstood::NoType);
    };
    match kind.as_ref() {
        "gateway.hello" => Ok(hello(&members)),
        "telegram.ack" => ack(line),
        "telegram.nack" => nack(line),
        "telegram.call" => call(line, &members),
        "telegram" | "telegram.disconnect" | "telegram.response" => Ok(Said::Echo),
        other => match other.strip_prefix("telegram.") {
            Some(method) => Ok(Said::Send(send(method.to_owned(), members))),
            None => Err(Misunderstood::UnknownType(other.chars().take(100).collect())),
        },
    }
}

/// The `request_id` of a line that was not understood, if it is an object that has one.
pub fn request_id(line: &[u8]) -> Option<Box<RawValue>> {
    let members = members(std::str::from_utf8(line).ok()?).ok()?;
    member(&members, "request_id").filter(|id| id.get() != "null").map(ToOwned::to_owned)
}

/// A key of the wrong type has its default, so that a slip in one does not cost the others.
fn hello<'a>(members: &[Param<'a>]) -> Said<'a> {
    let mut unusable = Vec::new();
    let mut read = Reader { members, unusable: &mut unusable };
    let hello = Hello {
        protocol: read.key("protocol").unwrap_or(1),
        acks: read.key("acks").unwrap_or(false),
        window: read.key::<u64>("window").unwrap_or(1).clamp(1, LARGEST_WINDOW) as usize,
        client: read.key("client"),
        updates: read.key("updates"),
        idle: read.key("idle").unwrap_or(true),
        unusable: Vec::new(),
    };
    Said::Hello(Hello { unusable, ..hello })
}

struct Reader<'r, 'a> {
    members: &'r [Param<'a>],
    unusable: &'r mut Vec<&'static str>,
}

impl<'a> Reader<'_, 'a> {
    fn key<T: Deserialize<'a>>(&mut self, name: &'static str) -> Option<T> {
        let value = member(self.members, name).filter(|value| value.get() != "null")?;
        let read = serde_json::from_str(value.get()).ok();
        if read.is_none() {
            self.unusable.push(name);
        }
        read
    }
}

fn ack(line: &str) -> Result<Said<'_>, Misunderstood> {
    #[derive(Deserialize)]
    struct Wire {
        update_id: i64,
        #[serde(default)]
        through: bool,
    }
    let Wire { update_id, through } = shaped("telegram.ack", line)?;
    Ok(Said::Ack { update_id, through })
}

fn nack(line: &str) -> Result<Said<'_>, Misunderstood> {
    #[derive(Deserialize)]
    struct Wire {
        update_id: i64,
        retry_after: Option<f64>,
        #[serde(default)]
        dead: bool,
    }
    let wire: Wire = shaped("telegram.nack", line)?;
    let retry = match (wire.dead, wire.retry_after) {
        (true, _) => Retry::Never,
        (false, Some(seconds)) => {
            Retry::After(Duration::from_secs_f64(seconds.clamp(0.0, LONGEST_POSTPONEMENT)))
        }
        (false, None) => Retry::Failed,
    };
    Ok(Said::Nack { update_id: wire.update_id, retry })
}

fn call<'a>(line: &'a str, outer: &[Param<'a>]) -> Result<Said<'a>, Misunderstood> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow)]
        method: Cow<'a, str>,
        #[serde(borrow)]
        params: Option<&'a RawValue>,
        retry: Option<bool>,
    }
    let wire: Wire<'a> = shaped("telegram.call", line)?;
    let params = match wire.params.map(RawValue::get) {
        None | Some("null") => Vec::new(),
        Some(params) => members(params).map_err(|_| Misunderstood::Malformed {
            kind: "telegram.call",
            what: "`params` is not an object".into(),
        })?,
    };
    Ok(Said::Send(SendEvent {
        method: wire.method,
        params: params.into_iter().filter(|(_, value)| value.get() != "null").collect(),
        request_id: member(outer, "request_id").filter(|id| id.get() != "null"),
        retry: wire.retry.unwrap_or(true),
    }))
}

/// The short form: the parameters stand beside the keys that are the gateway's.
fn send<'a>(method: String, members: Vec<Param<'a>>) -> SendEvent<'a> {
    let mut send = SendEvent { method: method.into(), params: Vec::new(), request_id: None, retry: true };
    for (key, value) in members {
        match key.as_ref() {
            _ if value.get() == "null" => {}
            "type" => {}
            "request_id" => send.request_id = Some(value),
            "retry" => send.retry = value.get() != "false",
            "poll_type" => send.params.push(("type".into(), value)),
            _ => send.params.push((key, value)),
        }
    }
    send
}

fn shaped<'a, T: Deserialize<'a>>(kind: &'static str, line: &'a str) -> Result<T, Misunderstood> {
    serde_json::from_str(line).map_err(|error| Misunderstood::Malformed { kind, what: error.to_string() })
}

fn member<'a>(members: &[Param<'a>], name: &str) -> Option<&'a RawValue> {
    members.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
}

fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<String>(value.get()).ok().map(Cow::Owned)
}

/// The members of a JSON object in the order written, values untouched.
pub(super) fn members(object: &str) -> Result<Vec<Param<'_>>, serde_json::Error> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<Param<'de>>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::with_capacity(8);
            while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                members.push((key, map.next_value::<&'de RawValue>()?));
            }
            Ok(members)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(object);
    let members = deserializer.deserialize_map(Members)?;
    deserializer.end()?;
    Ok(members)
}

#[cfg(test)]
#[path = "said_tests.rs"]
mod tests;
