//! The poller against a scripted Telegram.

use super::*;
use crate::telegram::scripted::{Reply, Scripted, answer, rejected, result};

const NO_WEBHOOK: &str = r#"{"url":"","pending_update_count":3}"#;
const TWO: &str = "[{\"update_id\":5,\n\"message\":{\"chat\":{\"id\":42}}},{\"update_id\":6,\n\"message\":{\"chat\":{\"id\":43}}}]";

struct Running {
    server: Scripted,
    journal: Journal,
    arrivals: mpsc::Receiver<Vec<ScopeKey>>,
    kinds: watch::Sender<Arc<[String]>>,
    health: Arc<Health>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), PollError>>,
}

/// Waits that are too short to notice; `full` too, so that room is found as soon as it is there.
fn hasty() -> PollerConfig {
    let short = Duration::from_millis(1);
    PollerConfig {
        pace: Pace { first: short, longest: short, other_poller: short, full: short, idle: short },
        ..PollerConfig::new(123)
    }
}

async fn start(config: PollerConfig, journal_bytes: u64, script: Vec<Reply>) -> Running {
    let server = Scripted::start(script).await;
    let journal = Journal::in_memory(journal_bytes);
    let (sender, arrivals) = mpsc::channel(1);
    let (kinds, asked) = watch::channel(Arc::from(["message".to_owned()]));
    let stop = CancellationToken::new();
    let health = config.health.clone();
    let client = server.client.clone();
    let task = tokio::spawn(run(config, client, journal.clone(), sender, asked, stop.clone()));
    Running { server, journal, arrivals, kinds, health, stop, task }
}

impl Running {
    /// The next request, which must be getUpdates, as its offset, limit, timeout and kinds.
    async fn poll(&mut self) -> String {
        let (method, body) = self.server.request().await;
        assert_eq!(method, "getUpdates", "{body}");
        let params: serde_json::Value = serde_json::from_str(&body).unwrap();
        let [offset, limit, timeout, kinds] =
            ["offset", "limit", "timeout", "allowed_updates"].map(|key| params[key].to_string());
        format!("{offset} {limit} {timeout} {kinds}")
    }

    async fn calls(&mut self, method: &str, params: &str) {
        assert_eq!(self.server.request().await, (method.to_owned(), params.to_owned()));
    }

    async fn stops(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(20), self.task).await;
        ended.expect("an end within 20 s").unwrap().unwrap();
    }
}

async fn until(fact: impl Fn() -> bool) {
    let wait = async {
        while !fact() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it comes true within 20 s");
}

#[tokio::test]
async fn what_the_journal_took_is_confirmed_by_the_next_poll() {
    let mut running = start(hasty(), 1 << 20, vec![result(NO_WEBHOOK), result(TWO)]).await;
    running.calls("getWebhookInfo", "{}").await;
    assert_eq!(running.poll().await, r#"0 100 50 ["message"]"#);
    assert_eq!(running.arrivals.recv().await.unwrap(), [ScopeKey::Chat(42), ScopeKey::Chat(43)]);
    assert_eq!(running.poll().await, r#"7 100 50 ["message"]"#);
    assert_eq!(running.journal.len(), 2);
    assert!(running.health.last_answer().is_some() && running.health.trouble().is_none());
    running.stops().await;
}

#[tokio::test]
async fn the_tail_is_confirmed_on_stop_if_no_poll_did() {
    // Nobody takes the second notice, so the poller stands before its third poll.
    let more = r#"[{"update_id":7,"message":{"chat":{"id":44}}}]"#;
    let script = vec![result(NO_WEBHOOK), result(TWO), result(more), result("[]")];
    let mut running = start(hasty(), 1 << 20, script).await;
    running.calls("getWebhookInfo", "{}").await;
    running.poll().await;
    assert_eq!(running.poll().await, r#"7 100 50 ["message"]"#);
    let journal = running.journal.clone();
    until(|| journal.len() == 3).await;
    running.stop.cancel();
    assert_eq!(running.poll().await, r#"8 1 0 ["message"]"#);
    running.stops().await;
}

#[tokio::test]
async fn a_poll_that_is_cut_off_confirms_nothing() {
    let mut running = start(hasty(), 1 << 20, vec![result(NO_WEBHOOK)]).await;
    running.calls("getWebhookInfo", "{}").await;
    running.poll().await;
    running.stops().await;
}

#[tokio::test]
async fn no_error_ends_polling_and_none_moves_the_offset() {
    let script = vec![
        result(NO_WEBHOOK),
        result(TWO),
        answer(502, "<html>"),
        Reply::Bytes(String::new()),
        rejected(401, "Unauthorized"),
        rejected(409, "Conflict: terminated by other getUpdates request"),
        rejected(409, "Conflict: can't use getUpdates method while webhook is active"),
        answer(429, ""),
        result("true"),
        result("[{},17]"),
        result("[]"),
        result("[{\"update_id\":6,\"message\":{\"chat\":{\"id\":43}}}]"),
    ];
    let polls = script.len();
    let mut running = start(hasty(), 1 << 20, script).await;
    running.calls("getWebhookInfo", "{}").await;
    running.poll().await;
    assert!(running.arrivals.recv().await.is_some());
    // The last of them repeats an update; the one past the script is held.
    for _ in 2..=polls {
        let poll = running.poll().await;
        assert!(poll.starts_with("7 100 "), "{poll}");
    }
    assert_eq!(running.journal.len(), 2);
    assert_eq!(running.health.trouble(), None);
    running.stops().await;
}

#[tokio::test]
async fn after_trouble_a_short_poll_shows_whether_it_is_over() {
    let script = vec![
        result(NO_WEBHOOK),
        answer(502, ""),
        result("[]"),
        rejected(409, "Conflict: terminated by other getUpdates request"),
    ];
    let mut running = start(hasty(), 1 << 20, script).await;
    running.calls("getWebhookInfo", "{}").await;
    for timeout in ["50", "0", "50", "50"] {
        assert_eq!(running.poll().await, format!(r#"0 100 {timeout} ["message"]"#));
    }
    running.stops().await;
}

#[tokio::test]
async fn a_full_journal_pauses_polling_until_there_is_room() {
    let more = r#"[{"update_id":7,"message":{"chat":{"id":44}}}]"#;
    let script = vec![result(NO_WEBHOOK), result(TWO), result(more)];
    let mut running = start(hasty(), 1, script).await;
    running.calls("getWebhookInfo", "{}").await;
    running.poll().await;
    assert_eq!(running.arrivals.recv().await.unwrap().len(), 2);
    running.poll().await;
    let health = running.health.clone();
    until(|| health.trouble() == Some("the journal is full")).await;
    assert_eq!(running.journal.len(), 2);
    for scope in [ScopeKey::Chat(42), ScopeKey::Chat(43)] {
        let row = running.journal.owed(&scope, None, 1).await.unwrap()[0].row;
        running.journal.settle(&scope, row).await.unwrap();
    }
    assert_eq!(running.arrivals.recv().await.unwrap(), [ScopeKey::Chat(44)]);
    assert_eq!(running.poll().await, r#"8 100 50 ["message"]"#);
    running.stops().await;
}

#[tokio::test]
async fn a_change_of_kinds_counts_from_the_next_poll() {
    let more = r#"[{"update_id":7,"message":{"chat":{"id":44}}}]"#;
    let script = vec![result(NO_WEBHOOK), result(TWO), result(more)];
    let mut running = start(hasty(), 1 << 20, script).await;
    running.calls("getWebhookInfo", "{}").await;
    running.poll().await;
    running.poll().await;
    // The second notice waits for the first to be taken, and the third poll for the second notice.
    let journal = running.journal.clone();
    until(|| journal.len() == 3).await;
    running.kinds.send_replace(Arc::from(["poll".to_owned()]));
    running.arrivals.recv().await.unwrap();
    assert_eq!(running.poll().await, r#"8 100 50 ["poll"]"#);
    running.stops().await;
}

#[tokio::test]
async fn pending_updates_are_dropped_only_on_demand() {
    let config = PollerConfig { drop_pending: true, ..hasty() };
    let last = r#"[{"update_id":900,"message":{"chat":{"id":42}}}]"#;
    let mut running = start(config, 1 << 20, vec![result(NO_WEBHOOK), result(last)]).await;
    running.calls("getWebhookInfo", "{}").await;
    assert_eq!(running.poll().await, r#"-1 1 0 ["message"]"#);
    assert_eq!(running.poll().await, r#"901 100 50 ["message"]"#);
    assert!(running.journal.is_empty());
    running.stops().await;
}

#[tokio::test]
async fn a_webhook_is_removed_only_on_demand_and_its_backlog_is_kept() {
    let webhook = r#"{"url":"https://example.org/secret","pending_update_count":3}"#;
    for (delete_webhook, drop_pending, expected) in [
        (false, false, None),
        (true, false, Some("{}")),
        (true, true, Some(r#"{"drop_pending_updates":true}"#)),
    ] {
        let config = PollerConfig { delete_webhook, drop_pending, ..hasty() };
        let mut script = vec![result(webhook)];
        script.extend(expected.map(|_| result("true")));
        let mut running = start(config, 1 << 20, script).await;
        running.calls("getWebhookInfo", "{}").await;
        if let Some(params) = expected {
            running.calls("deleteWebhook", params).await;
        }
        assert_eq!(running.poll().await, r#"0 100 50 ["message"]"#);
        running.stops().await;
    }
}

#[tokio::test]
async fn it_ends_when_nobody_takes_arrivals() {
    let running = start(hasty(), 1 << 20, vec![result(NO_WEBHOOK), result(TWO)]).await;
    drop(running.arrivals);
    let ended = tokio::time::timeout(Duration::from_secs(20), running.task).await;
    assert!(matches!(ended.unwrap().unwrap(), Err(PollError::Abandoned)));
}
