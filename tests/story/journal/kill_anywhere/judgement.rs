//! What was given, what was handled and what was answered, and the judgement on the three.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::Telegram;
use crate::support::process::eventually;

/// Updates that Telegram was given, numbered from 1, and the answers that it got. The text of an update is its number.
pub(super) struct Load {
    chats: usize,
    updates: usize,
    /// The last call that was looked at.
    since: u64,
    /// The answers so far, by chat, in order.
    answers: HashMap<i64, Vec<i64>>,
}

impl Load {
    pub(super) fn new(chats: usize) -> Load {
        Load { chats, updates: 0, since: 0, answers: HashMap::new() }
    }

    pub(super) fn chats(&self) -> usize {
        self.chats
    }

    pub(super) fn updates(&self) -> usize {
        self.updates
    }

    /// The chat of an update: neighbours are of different ones.
    pub(super) fn chat(&self, update_id: i64) -> i64 {
        update_id % self.chats as i64 + 1
    }

    /// So many updates more are there.
    pub(super) async fn grows(&mut self, telegram: &Telegram, more: usize) {
        let new = self.updates + 1..=self.updates + more;
        self.updates += more;
        self.hands_out(telegram, new).await;
    }

    /// Telegram hands out again some of what it did before.
    pub(super) async fn repeats(&self, telegram: &Telegram) {
        let first = fastrand::usize(0..=self.updates) + 1;
        self.hands_out(telegram, first..=self.updates.min(first + self.chats)).await;
    }

    async fn hands_out(&self, telegram: &Telegram, updates: RangeInclusive<usize>) {
        let update = |n: usize| {
            let chat = self.chat(i64::try_from(n).unwrap());
            let chat = format!(r#"{{"id":{chat},"type":"private","first_name":"User"}}"#);
            format!(
                r#"{{"update_id":{n},"message":{{"message_id":{n},"date":1,"chat":{chat},"text":"{n}"}}}}"#
            )
        };
        let updates: Vec<String> = updates.map(update).collect();
        telegram.pushes_many(&format!("[{}]", updates.join(","))).await;
    }

    /// Takes note of the answers that Telegram has got since.
    pub(super) async fn hears(&mut self, telegram: &Telegram) {
        let news = telegram.get(&format!("calls?since={}&method=sendMessage", self.since)).await;
        for call in news["calls"].as_array().unwrap() {
            self.since = call["n"].as_u64().unwrap();
            assert_eq!(call["status"], 200, "{call}");
            let text = call["params"]["text"].as_str().unwrap();
            let chat = call["params"]["chat_id"].as_i64().unwrap();
            self.answers.entry(chat).or_default().push(text.parse().unwrap());
        }
    }

    /// Every update was handled and answered, in the order of its chat by the first time. Says how it went.
    pub(super) fn is_handled(&self, handled: &Handled, what: &str, time: Duration) {
        let mut by_chat: HashMap<i64, Vec<i64>> = HashMap::new();
        for update_id in &handled.order {
            by_chat.entry(self.chat(*update_id)).or_default().push(*update_id);
        }
        let (lost, disordered) = self.faults(&by_chat);
        let (unanswered, answered_out_of_order) = self.faults(&self.answers);
        let repeated: usize = handled.repeated().values().sum();
        let answers: usize = self.answers.values().map(Vec::len).sum();
        #[expect(clippy::print_stdout, reason = "these are the figures that the long run is for")]
        {
            println!(
                "{what}, {} chats, {} updates in {:.1} s: {lost} lost, {disordered} out of order, {repeated} handled again; \
                 {unanswered} unanswered, {answered_out_of_order} answered out of order, {} answered again",
                self.chats,
                self.updates,
                time.as_secs_f64(),
                answers.saturating_sub(self.updates),
            );
        }
        assert_eq!((lost, disordered), (0, 0), "lost, and out of order");
        assert_eq!((unanswered, answered_out_of_order), (0, 0), "unanswered, and answered out of order");
    }

    /// How many updates are missing, and how many came for the first time after a later one of their chat.
    fn faults(&self, by_chat: &HashMap<i64, Vec<i64>>) -> (usize, usize) {
        let (mut found, mut disordered) = (0, 0);
        for updates in by_chat.values() {
            let mut seen = HashSet::new();
            let firsts: Vec<i64> =
                updates.iter().copied().filter(|update_id| seen.insert(*update_id)).collect();
            found += firsts.len();
            disordered += firsts.windows(2).filter(|pair| pair[0] > pair[1]).count();
        }
        (self.updates - found, disordered)
    }
}

/// What the workers wrote down: the number of each update that they handled, in order.
pub(super) struct Handled {
    path: PathBuf,
    /// How much of the file was read.
    bytes: u64,
    order: Vec<i64>,
    distinct: HashSet<i64>,
}

impl Handled {
    pub(super) fn new(folder: &Path) -> Handled {
        let path = folder.join("handled");
        Handled { path, bytes: 0, order: Vec::new(), distinct: HashSet::new() }
    }

    /// Reads on. Returns how many lines there are by now.
    pub(super) fn read(&mut self) -> usize {
        let Ok(mut file) = File::open(&self.path) else { return 0 };
        let mut text = String::new();
        file.seek(SeekFrom::Start(self.bytes)).unwrap();
        file.read_to_string(&mut text).unwrap();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        self.bytes += whole as u64;
        for line in text[..whole].lines() {
            let update_id = line.parse().unwrap();
            self.order.push(update_id);
            self.distinct.insert(update_id);
        }
        self.order.len()
    }

    pub(super) fn lines(&self) -> usize {
        self.order.len()
    }

    /// How many different updates were handled.
    pub(super) fn distinct(&self) -> usize {
        self.distinct.len()
    }

    /// Waits until all are. As long as there is progress, there is patience.
    pub(super) async fn has_all(&mut self, load: &Load) {
        while self.distinct() < load.updates() {
            let before = self.distinct();
            let progress = eventually(|| {
                self.read();
                (self.distinct.len() > before).then_some(())
            });
            if progress.await.is_none() {
                let missing: Vec<i64> = (1..=load.updates() as i64)
                    .filter(|update_id| !self.distinct.contains(update_id))
                    .collect();
                panic!("{} updates are never handled: {missing:?}", missing.len());
            }
        }
    }

    /// The updates that were handled more than once, and how often they came again.
    pub(super) fn repeated(&self) -> HashMap<i64, usize> {
        let mut times: HashMap<i64, usize> = HashMap::new();
        for update_id in &self.order {
            *times.entry(*update_id).or_default() += 1;
        }
        times.into_iter().filter(|(_, times)| *times > 1).map(|(id, times)| (id, times - 1)).collect()
    }
}
