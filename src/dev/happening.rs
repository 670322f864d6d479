//! What the bot did, as the simulator saw it: all that is visible in a chat, and what Telegram refused.
//!
//! Owns the reading of the simulator's two records in step. It shows and judges nothing.

use std::time::Duration;

use serde_json::{Value, json};

use crate::sim::{CallsWanted, EventKind, Sim};

/// A look lasts this long at most; the next one follows at once.
const LOOK: Duration = Duration::from_secs(600);

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Message,
    Edit,
    Delete,
    CallbackAnswer,
    ChatAction,
    /// A call that Telegram refused: users never see it, its author should.
    Refused,
}

impl Kind {
    const ALL: [Kind; 6] =
        [Kind::Message, Kind::Edit, Kind::Delete, Kind::CallbackAnswer, Kind::ChatAction, Kind::Refused];

    /// Its name in scripts.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Message => EventKind::Message.name(),
            Kind::Edit => EventKind::Edit.name(),
            Kind::Delete => EventKind::Delete.name(),
            Kind::CallbackAnswer => EventKind::CallbackAnswer.name(),
            Kind::ChatAction => EventKind::ChatAction.name(),
            Kind::Refused => "refused",
        }
    }

    /// The kind of that name.
    pub(super) fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// All names.
    pub(super) fn names() -> [&'static str; 6] {
        Kind::ALL.map(Kind::name)
    }
}

/// Something the bot did.
#[derive(Clone, Debug)]
pub(super) struct Happening {
    pub(super) kind: Kind,
    /// Where; 0 if in no chat.
    pub(super) chat: i64,
    /// The simulator's event; for a refused call `method`, `error_code`, `description` and `params`.
    pub(super) value: Value,
}

/// Follows what a bot does.
#[derive(Debug)]
pub(super) struct Feed {
    sim: Sim,
    bot: i64,
    events_since: u64,
    calls_since: u64,
}

impl Feed {
    /// From the beginning.
    pub(super) fn new(sim: Sim, bot: i64) -> Feed {
        Feed { sim, bot, events_since: 0, calls_since: 0 }
    }

    /// Waits for what happens next; perhaps it is nothing that is to be seen. To stop waiting, drop it: nothing is lost.
    pub(super) async fn next(&mut self) -> Vec<Happening> {
        let (sim, bot) = (&self.sim, self.bot);
        tokio::select! {
            biased;
            (events, next) = events(sim, bot, self.events_since, LOOK) => {
                self.events_since = next;
                events
            }
            (calls, next) = refused_calls(sim, bot, self.calls_since, LOOK) => {
                self.calls_since = next;
                calls
            }
        }
    }

    /// What has happened by now.
    pub(super) async fn rest(&mut self) -> Vec<Happening> {
        let (mut all, next) = events(&self.sim, self.bot, self.events_since, Duration::ZERO).await;
        self.events_since = next;
        let (calls, next) = refused_calls(&self.sim, self.bot, self.calls_since, Duration::ZERO).await;
        self.calls_since = next;
        all.extend(calls);
        all
    }
}

async fn events(sim: &Sim, bot: i64, since: u64, wait: Duration) -> (Vec<Happening>, u64) {
    // Our bot's number is one that a bot can have.
    let Ok(seen) = sim.events(bot, since, wait).await else { return (Vec::new(), since) };
    let told = seen.events.iter().map(|event| Happening {
        kind: kind(event.kind),
        chat: event.chat,
        value: event.value(),
    });
    (told.collect(), seen.next)
}

async fn refused_calls(sim: &Sim, bot: i64, since: u64, wait: Duration) -> (Vec<Happening>, u64) {
    let wanted = CallsWanted { since, wait, ..CallsWanted::default() };
    let Ok(seen) = sim.calls(bot, &wanted).await else { return (Vec::new(), since) };
    (seen.calls.iter().filter_map(|call| refused(&call.json())).collect(), seen.next)
}

fn kind(kind: EventKind) -> Kind {
    match kind {
        EventKind::Message => Kind::Message,
        EventKind::Edit => Kind::Edit,
        EventKind::Delete => Kind::Delete,
        EventKind::CallbackAnswer => Kind::CallbackAnswer,
        EventKind::ChatAction => Kind::ChatAction,
    }
}

/// The call as a happening if it was refused; `call` is as the simulator's control API shows it.
fn refused(call: &str) -> Option<Happening> {
    let call: Value = serde_json::from_str(call).ok()?;
    let status = call["status"].as_u64()?;
    if status == 200 {
        return None;
    }
    let params = &call["params"];
    let chat = match &params["chat_id"] {
        Value::String(text) => text.parse().unwrap_or(0),
        other => other.as_i64().unwrap_or(0),
    };
    let description = match call["answer"]["description"].as_str() {
        Some(description) => description.to_owned(),
        None if status == 0 => "the connection was closed".to_owned(),
        None => format!("status {status}"),
    };
    let method = &call["method"];
    let value = json!({"kind": "refused", "chat": chat, "method": method, "error_code": status,
        "description": description, "params": params});
    Some(Happening { kind: Kind::Refused, chat, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_that_failed_are_told() {
        assert!(
            refused(r#"{"n":1,"method":"getMe","params":{},"status":200,"answer":{"ok":true}}"#).is_none()
        );
        let call = r#"{"method":"sendMessage","params":{"chat_id":"42","text":""},"status":400,
            "answer":{"ok":false,"description":"Bad Request: message text is empty"}}"#;
        let told = refused(call).unwrap();
        assert_eq!((told.kind, told.chat), (Kind::Refused, 42));
        assert_eq!(told.value["description"], "Bad Request: message text is empty");
        assert_eq!(Kind::named("refused"), Some(Kind::Refused));
    }
}
