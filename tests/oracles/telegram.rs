//! Telegram as the tests see it: `asgigram sim` as a process of its own, one bot, and one user who talks to it.
//!
//! Everything goes over the control API; the tests share no code with the simulator.

use serde_json::{Value, json};

use crate::process::{PATIENCE, Process};

/// The user's id, and that of the private chat.
pub(crate) const ANN: i64 = 42;
/// What no program may print.
pub(crate) const SECRET: &str = "AAnobody-may-ever-see-this-one";
const BOT: i64 = 7001;

/// The simulator with one bot.
pub(crate) struct Telegram {
    process: Process,
    http: reqwest::Client,
    /// Where the Bot API is.
    pub(crate) url: String,
    last_event: u64,
}

impl Telegram {
    /// Starts the simulator.
    pub(crate) async fn start() -> Telegram {
        let arguments = ["sim", "--listen", "127.0.0.1:0"];
        let process = Process::start(env!("CARGO_BIN_EXE_asgigram"), &arguments, &[]);
        let first = process.until("its first line", |seen| seen.stdout.first().cloned()).await;
        let url = first.strip_prefix("listening on ").expect("the first line says where it listens");
        let http = plain_http();
        let telegram = Telegram { process, http, url: url.to_owned(), last_event: 0 };
        telegram.post(&format!("users/{ANN}"), json!({"first_name": "Ann"})).await;
        telegram
    }

    /// The bot's token.
    pub(crate) fn token() -> String {
        format!("{BOT}:{SECRET}")
    }

    /// The user writes to the bot.
    pub(crate) async fn says(&self, text: &str) {
        self.post(&format!("users/{ANN}/messages"), json!({"text": text})).await;
    }

    /// The user presses a button.
    pub(crate) async fn presses(&self, message_id: &Value, row: u8, column: u8) {
        let press = json!({"message_id": message_id, "button": [row, column]});
        self.post(&format!("users/{ANN}/callbacks"), press).await;
    }

    /// The next thing that the bot makes visible, which must be of this kind.
    pub(crate) async fn shows(&mut self, kind: &str) -> Value {
        let path = format!("events?since={}&wait={}", self.last_event, PATIENCE.as_secs());
        let mut found = self.get(&path).await;
        let event = found["events"][0].take();
        assert!(!event.is_null(), "the bot shows nothing, where {kind} is expected");
        assert_eq!((&event["kind"], &event["chat"]), (&json!(kind), &json!(ANN)), "{event}");
        self.last_event = event["n"].as_u64().expect("events are numbered");
        event
    }

    /// The bot's polls after number `since`, each once it is answered; waits so many seconds for the first.
    pub(crate) async fn polls(&self, since: u64, wait: f64) -> Vec<Value> {
        let mut found = self.get(&format!("calls?polls=1&since={since}&wait={wait}")).await;
        match found["calls"].take() {
            Value::Array(calls) => calls,
            other => panic!("no list of polls: {other}"),
        }
    }

    /// The state of the bot's queue.
    pub(crate) async fn state(&self) -> Value {
        self.get("state").await
    }

    /// Stops the simulator, which ends well.
    pub(crate) async fn stop(self) {
        self.process.signal(rustix::process::Signal::TERM);
        assert_eq!(self.process.end().await, Some(0));
    }

    async fn get(&self, path: &str) -> Value {
        self.answer(self.http.get(self.control(path))).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(self.control(path));
        self.answer(request.header("content-type", "application/json").body(body.to_string())).await
    }

    fn control(&self, path: &str) -> String {
        format!("{}/sim/{BOT}/{path}", self.url)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Value {
        let response = request.timeout(PATIENCE * 2).send().await.expect("the simulator answers");
        let status = response.status();
        let text = response.text().await.expect("the answer is whole");
        assert!(status.is_success(), "the simulator answered {status}: {text}");
        serde_json::from_str(&text).expect("the control API speaks JSON")
    }
}

/// A client for addresses on this machine, without certificates and proxies.
pub(crate) fn plain_http() -> reqwest::Client {
    // An error says that it was done before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .expect("nothing is read that could be missing")
}
