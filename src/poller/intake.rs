//! From a batch of Telegram's to what the journal takes: every element becomes one or the other, none is lost.

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::journal::{Arrival, Unreadable};
use crate::key::{ScopeKey, route};
use crate::telegram::{Batch, Element};

/// Reads all elements, in order. `polls` is asked first for the scope of what belongs to a poll. Each payload is copied
/// out, so that one update that waits long does not keep the memory of its whole batch.
pub(super) fn read(
    batch: &Batch<'_>,
    bot_id: i64,
    polls: &(dyn Fn(&str) -> Option<ScopeKey> + Send + Sync),
) -> (Vec<Arrival>, Vec<Unreadable>) {
    let mut arrivals = Vec::with_capacity(batch.elements.len());
    let mut unreadable = Vec::new();
    for element in &batch.elements {
        match element {
            Element::Update { update_id, kind, payload } => {
                let route = route(kind, payload, bot_id);
                let sender = route.poll_id.as_deref().and_then(polls);
                arrivals.push(Arrival {
                    update_id: *update_id,
                    kind: kind.as_ref().into(),
                    scope: sender.unwrap_or(route.key),
                    payload: copy(payload),
                });
            }
            Element::Unreadable { update_id, raw, reason } => {
                unreadable.push(Unreadable { update_id: *update_id, raw: copy(raw), reason: reason.clone() })
            }
        }
    }
    (arrivals, unreadable)
}

fn copy(json: &RawValue) -> Bytes {
    Bytes::copy_from_slice(json.get().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telegram::split;

    #[test]
    fn every_element_is_taken() {
        let result: &RawValue = serde_json::from_str(
            r#"[{"update_id":1,"message":{"chat":{"id":42},"text":"\ud83d"}},
                {"update_id":2,"what is it":17},
                {"update_id":3,"poll_answer":{"poll_id":"p1","user":{"id":5}}},
                {"update_id":4,"poll_answer":{"poll_id":"p2","user":{"id":5}}}]"#,
        )
        .unwrap();
        let polls = |id: &str| (id == "p1").then_some(ScopeKey::Chat(77));
        let (arrivals, unreadable) = read(&split(result).unwrap(), 7, &polls);
        let found: Vec<_> = arrivals
            .iter()
            .map(|arrival| (arrival.update_id, &*arrival.kind, arrival.scope.to_string()))
            .collect();
        assert_eq!(
            found,
            [
                (1, "message", "chat:42".to_owned()),
                (3, "poll_answer", "chat:77".to_owned()),
                (4, "poll_answer", "user:5".to_owned()),
            ]
        );
        assert_eq!(arrivals[0].payload, r#"{"chat":{"id":42},"text":"\ud83d"}"#);
        assert_eq!(unreadable[0].update_id, Some(2));
        assert_eq!(unreadable[0].raw, r#"{"update_id":2,"what is it":17}"#);
    }
}
