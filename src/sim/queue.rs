//! A bot's update queue: ids, confirmation by offset, expiry and bounds, as Telegram's server has them.
//! Pure: every operation gets the time. Who waits for updates is `poll.rs`'s affair.

use std::collections::VecDeque;

/// Most updates in the queue; when it is full, new ones are silently dropped and old ones stay.
pub(crate) const MAX_UPDATES: usize = 100_000;
/// Most bytes in the queue, with the same consequence.
const MAX_BYTES: usize = 128 << 20;
/// Most bytes of one update; a larger one is silently dropped.
const MAX_UPDATE_BYTES: usize = 512 << 10;
/// An answer's updates, with 50 bytes added to each, stay below this.
const MAX_ANSWER_BYTES: usize = 1 << 22;
/// Ids at or past this clear the queue and start anew at random.
const LAST_ID: i64 = 2_000_000_000;
/// An offset further than this past the next id is ignored.
const FUTURE: i64 = 10;
/// An offset further than this before the first id is ignored.
const PAST: i64 = 100_000;

#[derive(Debug)]
struct Entry {
    id: i64,
    /// The update as it is sent.
    json: String,
    expires_at_ms: i64,
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    next_id: i64,
    bytes: usize,
    /// Set by an injected id that was lower than its forerunner: then ids are no longer in order.
    unordered: bool,
}

/// A first id, random in the range the server draws from.
pub(crate) fn random_first_id() -> i64 {
    fastrand::i64(2_000_001..=1_000_000_000)
}

impl Queue {
    /// An empty queue whose first update will have `first_id`.
    pub(crate) fn new(first_id: i64) -> Queue {
        Queue { entries: VecDeque::new(), next_id: first_id, bytes: 0, unordered: false }
    }

    /// How many updates wait, expired ones included until they are noticed.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The id the next update gets.
    pub(crate) fn next_id(&self) -> i64 {
        self.next_id
    }

    /// Forgets all updates; ids go on.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
        self.unordered = false;
    }

    /// Adds an update made of `"kind":payload` under the next id, with the newline the real server puts there.
    /// `None` if it was dropped.
    pub(crate) fn push(&mut self, member: &str, ttl_ms: i64, now_ms: i64) -> Option<i64> {
        if self.next_id >= LAST_ID {
            self.clear();
            self.next_id = random_first_id();
        }
        let id = self.next_id;
        self.insert(id, format!("{{\"update_id\":{id},\n{member}}}"), ttl_ms, now_ms)
    }

    /// Adds a ready-made update as it is; the ids after it continue from its own, up or down.
    pub(crate) fn insert(&mut self, id: i64, json: String, ttl_ms: i64, now_ms: i64) -> Option<i64> {
        let too_large = json.len() > MAX_UPDATE_BYTES || self.bytes + json.len() > MAX_BYTES;
        if too_large || self.entries.len() >= MAX_UPDATES {
            return None;
        }
        self.unordered |= self.entries.back().is_some_and(|last| last.id >= id);
        self.bytes += json.len();
        self.entries.push_back(Entry { id, json, expires_at_ms: now_ms.saturating_add(ttl_ms) });
        self.next_id = id.saturating_add(1);
        Some(id)
    }

    /// Applies an offset: a negative one keeps only the last so many updates, a positive one confirms, that is
    /// deletes, all updates before it, unless it lies absurdly far ahead or behind. Zero confirms nothing.
    /// Returns whether it was a confirming offset.
    pub(crate) fn confirm(&mut self, offset: i64) -> bool {
        if offset < 0 {
            let keep = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            while self.entries.len() > keep {
                self.drop_first();
            }
        }
        let head = self.entries.front().map_or(self.next_id, |first| first.id);
        if offset <= 0 || offset > self.next_id.saturating_add(FUTURE) || offset < head.saturating_sub(PAST) {
            return false;
        }
        if self.unordered {
            self.entries.retain(|entry| entry.id >= offset);
            self.bytes = self.entries.iter().map(|entry| entry.json.len()).sum();
            self.unordered = !self.entries.iter().is_sorted_by(|one, next| one.id < next.id);
        }
        while self.entries.front().is_some_and(|first| first.id < offset) {
            self.drop_first();
        }
        true
    }

    /// Up to `limit` updates from the head as a JSON array, without what has expired; `None` if there are none.
    /// Nothing is leased: the next reader gets them too.
    pub(crate) fn read(&mut self, limit: usize, now_ms: i64) -> Option<String> {
        while self.entries.front().is_some_and(|first| first.expires_at_ms <= now_ms) {
            self.drop_first();
        }
        let fresh = self.entries.iter().filter(|entry| entry.expires_at_ms > now_ms);
        let mut out = String::new();
        let mut total = 0;
        for (count, entry) in fresh.take(limit).enumerate() {
            total += entry.json.len() + 50;
            if count > 0 && total >= MAX_ANSWER_BYTES {
                break;
            }
            out.push(if count == 0 { '[' } else { ',' });
            out.push_str(&entry.json);
        }
        if out.is_empty() {
            return None;
        }
        out.push(']');
        Some(out)
    }

    /// Deletes what has expired anywhere in the queue.
    pub(crate) fn collect_garbage(&mut self, now_ms: i64) {
        self.entries.retain(|entry| entry.expires_at_ms > now_ms);
        self.bytes = self.entries.iter().map(|entry| entry.json.len()).sum();
    }

    fn drop_first(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.json.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn filled(count: usize) -> Queue {
        let mut queue = Queue::new(100);
        for number in 0..count {
            queue.push(&format!("\"message\":{number}"), DAY_MS, 0).unwrap();
        }
        queue
    }

    fn ids(queue: &mut Queue, limit: usize, now_ms: i64) -> Vec<i64> {
        let json = queue.read(limit, now_ms).unwrap_or("[]".to_owned());
        let list: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
        list.iter().map(|update| update["update_id"].as_i64().unwrap()).collect()
    }

    #[test]
    fn offsets_confirm() {
        for (offset, left) in [
            (0, vec![100, 101, 102]),
            (100, vec![100, 101, 102]),
            (102, vec![102]),
            (103, vec![]),
            (113, vec![]),
            (114, vec![100, 101, 102]),
            (-1, vec![102]),
            (-2, vec![101, 102]),
            (-9, vec![100, 101, 102]),
            (i64::MIN, vec![100, 101, 102]),
        ] {
            let mut queue = filled(3);
            queue.confirm(offset);
            assert_eq!(ids(&mut queue, 100, 0), left, "offset {offset}");
        }
        let mut queue = Queue::new(500_000);
        queue.push("\"poll\":{}", DAY_MS, 0);
        queue.confirm(399_999);
        assert_eq!(ids(&mut queue, 100, 0), [500_000]);
    }

    #[test]
    fn the_form_has_a_newline() {
        let mut queue = filled(2);
        assert_eq!(
            queue.read(2, 0).unwrap(),
            "[{\"update_id\":100,\n\"message\":0},{\"update_id\":101,\n\"message\":1}]"
        );
    }

    #[test]
    fn expiry_and_bounds() {
        let mut queue = Queue::new(1);
        queue.push("\"message\":1", DAY_MS, 0);
        queue.push("\"inline_query\":1", 30_000, 0);
        queue.push("\"message\":2", DAY_MS, 0);
        assert_eq!(ids(&mut queue, 100, 30_000), [1, 3]);
        queue.collect_garbage(30_000);
        assert_eq!(queue.len(), 2);
        assert!(queue.push(&"x".repeat(MAX_UPDATE_BYTES), DAY_MS, 0).is_none());
        assert_eq!(ids(&mut queue, 100, DAY_MS), [0; 0]);
        let mut queue = filled(MAX_UPDATES);
        assert!(queue.push("\"message\":1", DAY_MS, 0).is_none());
    }

    #[test]
    fn answers_are_cut_at_four_mebibytes() {
        let mut queue = Queue::new(1);
        for _ in 0..20 {
            queue.push(&format!("\"message\":\"{}\"", "x".repeat(400 << 10)), DAY_MS, 0).unwrap();
        }
        assert_eq!(ids(&mut queue, 100, 0).len(), 10);
    }

    #[test]
    fn ids_follow_an_injected_one_and_restart() {
        let mut queue = filled(2);
        queue.insert(7, "{\"update_id\":7}".to_owned(), DAY_MS, 0);
        assert_eq!((queue.next_id(), queue.push("\"a\":1", DAY_MS, 0)), (8, Some(8)));
        assert!(!queue.confirm(102));
        assert_eq!(ids(&mut queue, 100, 0), [100, 101, 7, 8]);
        queue.confirm(9);
        assert_eq!(ids(&mut queue, 100, 0), [100, 101]);
        let mut queue = Queue::new(LAST_ID);
        let id = queue.push("\"a\":1", DAY_MS, 0).unwrap();
        assert!((2_000_001..=1_000_000_000).contains(&id));
    }

    proptest::proptest! {
        /// Whatever is done, a positive offset near the ids never leaves anything before it, and bytes add up.
        #[test]
        fn confirmed_updates_are_gone(acts: Vec<(u8, i16)>) {
            let mut queue = Queue::new(1000);
            for (act, number) in acts {
                let offset = queue.next_id() + i64::from(number % 50);
                match act % 4 {
                    0 | 1 => { queue.push("\"message\":{}", i64::from(number).abs(), 0); }
                    2 if queue.confirm(offset) => {
                        proptest::prop_assert!(queue.entries.iter().all(|entry| entry.id >= offset));
                    }
                    2 => {}
                    _ => queue.collect_garbage(i64::from(number)),
                }
                let bytes: usize = queue.entries.iter().map(|entry| entry.json.len()).sum();
                proptest::prop_assert_eq!(bytes, queue.bytes);
                let list = queue.read(100, 0);
                if let Some(list) = list {
                    proptest::prop_assert!(serde_json::from_str::<Vec<serde_json::Value>>(&list).is_ok());
                }
            }
        }
    }
}
