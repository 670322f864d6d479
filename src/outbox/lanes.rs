//! The lanes: sends that wait, in order, by the chat they are for.
//!
//! Owns the queues and their room. A lane exists while somebody works it off. It never makes a call.

use std::collections::VecDeque;
use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Outgoing;

/// A lane holds so many bytes of waiting sends. When it is full, whoever sends is not read until there is room.
const LANE_BYTES: usize = 1 << 20;
/// And so many sends: each weighs at least its part of the bytes.
const LANE_SENDS: usize = 10_000;

/// The chat that a send is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// By its number.
    Chat(i64),
    /// By its `@name`, in lower case.
    Name(Box<str>),
}

#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: DashMap<Lane, Queue>,
}

#[derive(Debug)]
struct Queue {
    waiting: VecDeque<(Outgoing, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
}

impl Lane {
    /// The lane of a `chat_id` as a worker wrote it: a number, a string of digits, or a name.
    pub fn of(chat_id: &str) -> Option<Lane> {
        let text: String = match chat_id.starts_with('"') {
            true => serde_json::from_str(chat_id).ok()?,
            false => chat_id.to_owned(),
        };
        match text.parse() {
            Ok(number) => Some(Lane::Chat(number)),
            Err(_) => Some(Lane::Name(text.to_lowercase().into())),
        }
    }
}

/// What a send takes of its lane's room.
pub(super) fn weight(send: &Outgoing) -> u32 {
    send.body.len().clamp(LANE_BYTES / LANE_SENDS, LANE_BYTES) as u32
}

impl Lanes {
    /// The room of a lane, to be acquired before [`push`](Self::push).
    pub(super) fn room(&self, lane: &Lane) -> Arc<Semaphore> {
        let known = self.lanes.get(lane).map(|queue| queue.room.clone());
        known.unwrap_or_else(|| Arc::new(Semaphore::new(LANE_BYTES)))
    }

    /// Adds to the end of a lane. `true` if the lane is new: then somebody must [`pop`](Self::pop) until it is empty.
    pub(super) fn push(&self, lane: &Lane, send: Outgoing, room: OwnedSemaphorePermit) -> bool {
        match self.lanes.entry(lane.clone()) {
            Entry::Occupied(mut queue) => {
                queue.get_mut().waiting.push_back((send, room));
                false
            }
            Entry::Vacant(place) => {
                let semaphore = room.semaphore().clone();
                place.insert(Queue { waiting: VecDeque::from([(send, room)]), room: semaphore });
                true
            }
        }
    }

    /// The next send of a lane. `None` ends the lane.
    pub(super) fn pop(&self, lane: &Lane) -> Option<(Outgoing, OwnedSemaphorePermit)> {
        let next = self.lanes.get_mut(lane)?.waiting.pop_front();
        if next.is_some() {
            return next;
        }
        // Something may have come since: the lane ends only if it is still empty.
        match self.lanes.remove_if(lane, |_, queue| queue.waiting.is_empty()) {
            Some(_) => None,
            None => self.pop(lane),
        }
    }

    /// How many sends wait, those under way not counted.
    pub(super) fn waiting(&self) -> usize {
        self.lanes.iter().map(|queue| queue.waiting.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_has_one_lane_however_it_is_written() {
        assert_eq!(Lane::of("42"), Some(Lane::Chat(42)));
        assert_eq!(Lane::of("\"42\""), Some(Lane::Chat(42)));
        assert_eq!(Lane::of("\"-100\""), Some(Lane::Chat(-100)));
        assert_eq!(Lane::of("\"@Some\""), Lane::of("\"@some\""));
        assert_eq!(Lane::of("\"\\ud83d\""), None);
    }
}
