//! Telegram, played by `asgigram sim`: users who write, and what the bot was seen to do.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::log::Log;
use super::patience;
use super::process::{self, ASGIGRAM, Process};

/// A simulator with one bot.
pub(crate) struct Telegram {
    bot: i64,
    url: String,
    http: reqwest::Client,
    _process: Process,
}

/// A call of a method by the bot.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) n: u64,
    pub(crate) method: String,
    pub(crate) params: Value,
    pub(crate) status: u64,
    pub(crate) answer: Value,
    /// When it was answered, in milliseconds.
    pub(crate) at_ms: i64,
}

impl Telegram {
    /// Starts the simulator. Its bot has a number that no other story uses.
    pub(crate) async fn start() -> Telegram {
        Telegram::with_bot(process::unique()).await
    }

    /// The same with a bot of this number.
    pub(crate) async fn with_bot(bot: i64) -> Telegram {
        let mut command = process::command(ASGIGRAM);
        let mut child = command.args(["sim", "--listen=127.0.0.1:0"]).spawn().unwrap();
        let stdout = Log::of(child.stdout.take().unwrap());
        // Read, so that it never waits for its log.
        Log::of(child.stderr.take().unwrap());
        let process = Process::new(child);
        let line = stdout.expects("listening on ").await;
        let url = line.trim_start_matches("listening on ").to_owned();
        Telegram { bot, url, http: client(), _process: process }
    }

    /// The bot's number.
    pub(crate) fn bot(&self) -> i64 {
        self.bot
    }

    /// The bot's token.
    pub(crate) fn token(&self) -> String {
        format!("{}:{}", self.bot, secret())
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A user writes to the bot, in private.
    pub(crate) async fn says(&self, user: i64, text: &str) -> Value {
        self.post(&format!("users/{user}/messages"), &json!({"text": text})).await["result"].clone()
    }

    /// A user writes into a chat.
    pub(crate) async fn says_in(&self, user: i64, chat: i64, text: &str) -> Value {
        let path = format!("users/{user}/messages");
        self.post(&path, &json!({"text": text, "chat": chat})).await["result"].clone()
    }

    /// A user presses the button with this data below a message of the bot.
    pub(crate) async fn press(&self, user: i64, message_id: i64, data: &str) -> Value {
        self.post(&format!("users/{user}/callbacks"), &json!({"message_id": message_id, "data": data})).await
    }

    /// There is such a user.
    pub(crate) async fn knows_user(&self, user: i64, first_name: &str) {
        self.post(&format!("users/{user}"), &json!({"first_name": first_name})).await;
    }

    /// There is such a chat.
    pub(crate) async fn knows_chat(&self, chat: Value) {
        self.post("chats", &chat).await;
    }

    /// An update is there. One that has no `update_id` gets one.
    pub(crate) async fn injects(&self, update: &Value) {
        self.pushes_many(&update.to_string()).await;
    }

    /// Updates are there, byte for byte: one JSON value, or an array of several.
    pub(crate) async fn pushes_many(&self, json: &str) {
        self.request("POST", &format!("/sim/{}/updates", self.bot), json.to_owned()).await;
    }

    /// The next calls that match are answered with a fault. The bot is this one unless it says otherwise.
    pub(crate) async fn fault(&self, mut fault: Value) {
        fault.as_object_mut().unwrap().entry("bot").or_insert(json!(self.bot));
        self.request("POST", "/sim/faults", fault.to_string()).await;
    }

    /// How the bot stands: `pending`, …
    pub(crate) async fn state(&self) -> Value {
        self.get("state").await
    }

    /// Waits until the state satisfies `fact`.
    pub(crate) async fn expects_state(&self, fact: impl Fn(&Value) -> bool) -> Value {
        let state = process::eventually_answered(async || Some(self.state().await).filter(&fact)).await;
        match state {
            Some(state) => state,
            None => panic!("the state does not become as expected: {}", self.state().await),
        }
    }

    /// All calls of a method so far, or of all methods for the empty name.
    pub(crate) async fn calls(&self, method: &str) -> Vec<Call> {
        self.calls_since(0, method, Duration::ZERO).await
    }

    /// The polls so far.
    pub(crate) async fn polls(&self) -> Vec<Call> {
        calls(&self.get("calls?polls=1").await)
    }

    /// Waits for a call that satisfies `wanted`.
    pub(crate) async fn expects_call(&self, what: &str, wanted: impl Fn(&Call) -> bool) -> Call {
        self.expects_calls(what, 1, wanted).await.remove(0)
    }

    /// Waits for so many calls that satisfy `wanted`.
    pub(crate) async fn expects_calls(
        &self,
        what: &str,
        count: usize,
        wanted: impl Fn(&Call) -> bool,
    ) -> Vec<Call> {
        let deadline = Instant::now() + patience();
        let (mut since, mut found, mut seen) = (0, Vec::new(), Vec::new());
        while found.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let seen: Vec<_> =
                    seen.iter().map(|call: &Call| (&call.method, &call.params, call.status)).collect();
                panic!("only {} of {count} calls that are {what}, of these: {seen:#?}", found.len());
            }
            let news = self.calls_since(since, "", left).await;
            since = news.last().map_or(since, |call| call.n);
            found.extend(news.iter().filter(|call| wanted(call)).cloned());
            seen.extend(news);
        }
        found
    }

    /// Waits until the bot has sent this text to this chat.
    pub(crate) async fn expects_message(&self, chat: i64, text: &str) -> Call {
        let wanted = |call: &Call| call.is_message(chat) && call.text() == text && call.succeeded();
        self.expects_call(&format!("the message `{text}` to {chat}"), wanted).await
    }

    /// Waits until the bot has sent these texts to this chat, in this order, and no others in between.
    pub(crate) async fn expects_messages(&self, chat: i64, texts: &[&str]) {
        let wanted = |call: &Call| call.is_message(chat) && call.succeeded();
        let calls = self.expects_calls(&format!("messages to {chat}"), texts.len(), wanted).await;
        let seen: Vec<&str> = calls.iter().map(Call::text).collect();
        assert_eq!(seen, texts);
    }

    /// The texts that the bot has sent to this chat so far.
    pub(crate) async fn texts(&self, chat: i64) -> Vec<String> {
        let calls = self.calls("sendMessage").await;
        calls.iter().filter(|call| call.is_message(chat)).map(|call| call.text().to_owned()).collect()
    }

    async fn calls_since(&self, since: u64, method: &str, wait: Duration) -> Vec<Call> {
        let method = if method.is_empty() { String::new() } else { format!("&method={method}") };
        let query = format!("calls?since={since}&wait={}{method}", wait.as_secs_f64());
        calls(&self.get(&query).await)
    }

    /// What the control API answers to a GET of this path below the bot's.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.request("GET", &format!("/sim/{}/{path}", self.bot), String::new()).await
    }

    /// What the control API answers to a POST to this path below the bot's.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        self.request("POST", &format!("/sim/{}/{path}", self.bot), body.to_string()).await
    }

    /// Calls a method of the Bot API as somebody else who has the token.
    pub(crate) async fn method(&self, method: &str, params: &Value) -> Value {
        let url = format!("{}/bot{}/{method}", self.url, self.token());
        let request = self.http.post(url).header("content-type", "application/json").body(params.to_string());
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
    }

    /// The same, byte for byte.
    pub(crate) async fn get_text(&self, path: &str) -> String {
        self.request_text("GET", &format!("/sim/{}/{path}", self.bot), String::new()).await
    }

    async fn request(&self, method: &str, path: &str, body: String) -> Value {
        serde_json::from_str(&self.request_text(method, path, body).await).unwrap()
    }

    async fn request_text(&self, method: &str, path: &str, body: String) -> String {
        let url = format!("{}{path}", self.url);
        let request = match method {
            "GET" => self.http.get(url),
            _ => self.http.post(url).header("content-type", "application/json").body(body),
        };
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "the simulator answers {path} with {status}: {text}");
        text
    }
}

impl Call {
    fn is_message(&self, chat: i64) -> bool {
        self.method == "sendMessage" && self.chat() == Some(chat)
    }

    /// Whether it was answered well.
    pub(crate) fn succeeded(&self) -> bool {
        self.status == 200 && self.answer["ok"] == true
    }

    /// The chat it is for, by number.
    pub(crate) fn chat(&self) -> Option<i64> {
        let chat = &self.params["chat_id"];
        chat.as_i64().or(chat.as_str().and_then(|text| text.parse().ok()))
    }

    /// Its text, or nothing.
    pub(crate) fn text(&self) -> &str {
        self.params["text"].as_str().unwrap_or_default()
    }
}

fn calls(answer: &Value) -> Vec<Call> {
    let read = |call: &Value| Call {
        n: call["n"].as_u64().unwrap(),
        method: call["method"].as_str().unwrap().to_owned(),
        params: call["params"].clone(),
        status: call["status"].as_u64().unwrap(),
        answer: call["answer"].clone(),
        at_ms: call["at_ms"].as_i64().unwrap(),
    };
    answer["calls"].as_array().unwrap().iter().map(read).collect()
}

fn client() -> reqwest::Client {
    // Needed though nothing here is encrypted; somebody else may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// The secret part of all tokens of this run: words that can be looked for wherever they must not be.
pub(crate) fn secret() -> &'static str {
    static SECRET: OnceLock<String> = OnceLock::new();
    SECRET.get_or_init(|| format!("TOP-SECRET_{:032x}", fastrand::u128(..)))
}
