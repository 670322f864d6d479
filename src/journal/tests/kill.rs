//! A process that uses the journal is killed at any moment: what it was promised is there, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

/// Tells this test that it is the process to be killed, and its folder.
const VICTIM: &str = "ASGIGRAM_TEST_VICTIM";
const ROUNDS: usize = 8;

#[test]
fn whatever_was_promised_survives() {
    match std::env::var_os(VICTIM) {
        Some(folder) => run(async { work(Path::new(&folder)).await }),
        None => run(kill_again_and_again()),
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Takes batches in and settles one update after the other, for ever, and says so: `+ ID` before an update is taken in,
/// `= ID` when it was, `- ID` before it is settled.
async fn work(folder: &Path) {
    let journal = on_disk(folder, Limits { max_held: 500, ..Limits::default() }).await;
    let say = |word: char, id: i64| {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{word} {id}").and_then(|()| stdout.flush()).unwrap();
    };
    let first = fastrand::i64(0..1 << 40) << 20;
    for batch in 0.. {
        let ids: Vec<i64> = (0..5).map(|n| first + batch * 5 + n).collect();
        ids.iter().for_each(|id| say('+', *id));
        journal
            .append(ids.iter().map(|id| arrival(*id, ScopeKey::Chat(id % 3))).collect(), vec![])
            .await
            .unwrap();
        ids.iter().for_each(|id| say('=', *id));
        for _ in 0..4 {
            let scope = ScopeKey::Chat(fastrand::i64(0..3));
            if let Some(owed) = journal.owed(&scope, None, 1).await.unwrap().pop() {
                say('-', owed.update_id);
                journal.settle(&scope, owed.row).await.unwrap();
            }
        }
    }
}

/// What the one who died had said.
#[derive(Debug, Default)]
struct Told {
    /// Each update: whether it has to be owed, must not be, or may be.
    updates: BTreeMap<i64, Option<bool>>,
    /// Settled since the last batch: not yet promised.
    since: Vec<i64>,
}

impl Told {
    fn hear(&mut self, line: &str) {
        let Some((word, id)) = line.split_once(' ').and_then(|(word, id)| Some((word, id.parse().ok()?)))
        else {
            return;
        };
        match word {
            "+" => {
                self.updates.insert(id, None);
            }
            "=" => {
                self.updates.insert(id, Some(true));
                self.updates.extend(self.since.drain(..).map(|settled| (settled, Some(false))));
            }
            "-" => {
                self.updates.insert(id, None);
                self.since.push(id);
            }
            _ => {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "what is killed is this test itself, not a worker")]
async fn kill_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = Told::default();
    for _ in 0..ROUNDS {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::tests::kill::whatever_was_promised_survives", "--nocapture"])
            .env(VICTIM, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        for _ in 0..fastrand::usize(10..300) {
            told.hear(&lines.next().unwrap().unwrap());
        }
        victim.kill().unwrap();
        // What it said until it was dead counts, but for a line that was cut off.
        let rest: Vec<String> = lines.map_while(Result::ok).collect();
        let whole = rest.len().saturating_sub(1);
        rest[..whole].iter().for_each(|line| told.hear(line));
        if let Some(id) = rest.last().and_then(|line| line.split_once(' ')?.1.parse().ok()) {
            told.updates.insert(id, None);
        }
        victim.wait().unwrap();
        check(folder.path(), &mut told).await;
    }
}

async fn check(folder: &Path, told: &mut Told) {
    let journal = on_disk(folder, Limits::default()).await;
    let mut owed = BTreeSet::new();
    for chat in 0..3 {
        let ids = owed_ids(&journal, &ScopeKey::Chat(chat)).await;
        owed.extend(ids);
    }
    for (id, expected) in &told.updates {
        assert!(expected.is_none_or(|expected| expected == owed.contains(id)), "{id} {expected:?}");
    }
    assert!(owed.iter().all(|id| told.updates.contains_key(id)), "{owed:?}");
    assert_eq!(journal.len(), owed.len());
    journal.close().await.unwrap();
    // From now on it is known what became of those that were uncertain.
    told.updates.iter_mut().for_each(|(id, expected)| *expected = Some(owed.contains(id)));
    told.since.clear();
}
