//! Faults to order: the next so many calls that match are answered as a test wants them.
//! Pure; `http.rs` performs what a fault says.

use serde::Deserialize;

use super::answer::{Answer, Failure};
use super::json::{Object, array};
use super::poll::OTHER_POLL;

/// Most faults waiting at once; further ones are refused.
const MAX_FAULTS: usize = 1000;
/// Longest delay, in milliseconds; more is cut to it.
const MAX_DELAY_MS: u64 = 600_000;

/// What happens to the next `count` calls that match. All that is not given matches every call, or changes nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// Only calls of this bot.
    pub bot: Option<i64>,
    /// Only calls of this method, in any case.
    pub method: Option<String>,
    /// Only calls with this `chat_id`.
    pub chat_id: Option<i64>,
    /// How many calls; 1 if not given. 0 removes the waiting faults for the same bot, method and chat, or all if none
    /// of the three is given.
    pub count: Option<u64>,
    /// Answer with this HTTP status; 429 if only `retry_after` is given.
    pub status: Option<u16>,
    /// Seconds for a 429: `parameters.retry_after` and the `Retry-After` header.
    pub retry_after: Option<u64>,
    /// The words of an error; if not given, what Telegram says with that status.
    pub description: Option<String>,
    /// Answer with exactly this body; HTML if it starts with `<`, otherwise called JSON.
    pub body: Option<String>,
    /// Wait this long before anything is done.
    pub delay_ms: u64,
    /// Send half of the body and close the connection.
    pub cut: bool,
    /// Close the connection without an answer.
    pub close: bool,
    /// Pretty-print the answer over many lines.
    pub pretty: bool,
    /// Whether the call is performed all the same; if not given, it is when neither `status`, `body`, `retry_after`
    /// nor `close` is.
    pub perform: Option<bool>,
}

impl Fault {
    fn matches(&self, bot: i64, method: &str, chat_id: &str) -> bool {
        self.bot.is_none_or(|wanted| wanted == bot)
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.chat_id.is_none_or(|wanted| wanted.to_string() == chat_id)
    }

    /// Whether the call is carried out.
    pub(crate) fn performs(&self) -> bool {
        let replaced = self.close || self.made_up();
        self.perform.unwrap_or(!replaced)
    }

    fn made_up(&self) -> bool {
        self.status.is_some() || self.body.is_some() || self.retry_after.is_some()
    }

    /// The answer that stands in for the method's own.
    pub(crate) fn answer(&self) -> Option<Answer> {
        if !self.made_up() {
            return None;
        }
        let default = if self.retry_after.is_some() { 429 } else { 200 };
        let status = self.status.unwrap_or(default).clamp(200, 599);
        if let Some(body) = &self.body {
            let content_type = if body.starts_with('<') { "text/html" } else { "application/json" };
            let answer = Answer::json(status, body.clone());
            return Some(Answer { content_type, retry_after: self.retry_after, ..answer });
        }
        Some(if status == 429 {
            Failure::too_many(self.retry_after.unwrap_or(1)).into()
        } else if status < 300 {
            Answer::json(status, r#"{"ok":true,"result":true}"#.to_owned())
        } else {
            let words = self.description.clone().unwrap_or_else(|| usual_words(status));
            Failure { retry_after: self.retry_after, ..Failure::new(status, words) }.into()
        })
    }

    fn json(&self) -> String {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let mut object = Object::new()
            .number_if("bot", self.bot)
            .text_if("method", self.method.as_deref())
            .number_if("chat_id", self.chat_id)
            .number("count", number(self.count.unwrap_or(1)))
            .number_if("status", self.status.map(i64::from))
            .number_if("retry_after", self.retry_after.map(number))
            .text_if("description", self.description.as_deref())
            .text_if("body", self.body.as_deref());
        if self.delay_ms > 0 {
            object = object.number("delay_ms", number(self.delay_ms));
        }
        for (name, set) in [("cut", self.cut), ("close", self.close), ("pretty", self.pretty)] {
            if set {
                object = object.flag(name, true);
            }
        }
        object.finish()
    }
}

/// What most often comes with a status.
fn usual_words(status: u16) -> String {
    let words = match status {
        403 => "Forbidden: bot was blocked by the user",
        409 => OTHER_POLL,
        500 => "Internal Server Error: restart",
        _ => {
            let code = axum::http::StatusCode::from_u16(status).ok();
            code.and_then(|code| code.canonical_reason()).unwrap_or("Error")
        }
    };
    words.to_owned()
}

/// The waiting faults, in the order they were ordered.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    list: Vec<Fault>,
}

impl Faults {
    /// Adds a fault, or removes some (`count` 0).
    ///
    /// # Errors
    /// If there are too many.
    pub(crate) fn add(&mut self, mut fault: Fault) -> Result<(), String> {
        if fault.count == Some(0) {
            let all = fault.bot.is_none() && fault.method.is_none() && fault.chat_id.is_none();
            self.list.retain(|old| {
                !(all || (old.bot == fault.bot && old.method == fault.method && old.chat_id == fault.chat_id))
            });
            return Ok(());
        }
        if self.list.len() >= MAX_FAULTS {
            return Err(format!("there are {MAX_FAULTS} faults waiting already"));
        }
        fault.delay_ms = fault.delay_ms.min(MAX_DELAY_MS);
        self.list.push(fault);
        Ok(())
    }

    /// The fault this call meets, if any: the first that matches, which is used up by one.
    pub(crate) fn take(&mut self, bot: i64, method: &str, chat_id: &str) -> Option<Fault> {
        let at = self.list.iter().position(|fault| fault.matches(bot, method, chat_id))?;
        let fault = self.list.get_mut(at)?;
        let left = fault.count.unwrap_or(1) - 1;
        fault.count = Some(left);
        let taken = fault.clone();
        if left == 0 {
            self.list.remove(at);
        }
        Some(taken)
    }

    /// The waiting faults as a JSON array.
    pub(crate) fn json(&self) -> String {
        array(self.list.iter().map(Fault::json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> Fault {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn faults_are_used_up_by_calls_that_match() {
        let mut faults = Faults::default();
        faults
            .add(fault(
                r#"{"bot":1,"method":"sendmessage","chat_id":7,"count":2,"status":429,"retry_after":3}"#,
            ))
            .unwrap();
        assert!(faults.take(1, "sendMessage", "8").is_none());
        assert!(faults.take(2, "sendMessage", "7").is_none());
        let taken = faults.take(1, "sendMessage", "7").unwrap();
        assert!(!taken.performs());
        assert_eq!(taken.answer().unwrap().retry_after, Some(3));
        assert!(faults.json().contains(r#""count":1"#));
        assert!(faults.take(1, "sendMessage", "7").is_some());
        assert_eq!(faults.json(), "[]");
    }

    #[test]
    fn answers() {
        for (json, status, body) in [
            (r#"{"status":502}"#, 502, r#"{"ok":false,"error_code":502,"description":"Bad Gateway"}"#),
            (r#"{"status":502,"body":"<html>"}"#, 502, "<html>"),
            (r#"{"body":""}"#, 200, ""),
            (
                r#"{"status":400,"description":"x"}"#,
                400,
                r#"{"ok":false,"error_code":400,"description":"x"}"#,
            ),
        ] {
            let answer = fault(json).answer().unwrap();
            assert_eq!((answer.status, answer.body.as_ref()), (status, body.as_bytes()));
        }
        assert!(fault(r#"{"cut":true}"#).performs() && !fault(r#"{"close":true}"#).performs());
        assert!(fault(r#"{"close":true,"perform":true}"#).performs());
        assert!(serde_json::from_str::<Fault>(r#"{"stauts":1}"#).is_err());
    }

    #[test]
    fn zero_clears() {
        let mut faults = Faults::default();
        faults.add(fault(r#"{"bot":1,"status":500}"#)).unwrap();
        faults.add(fault(r#"{"bot":2,"status":500}"#)).unwrap();
        faults.add(fault(r#"{"bot":1,"count":0}"#)).unwrap();
        assert!(faults.json().contains(r#""bot":2"#) && !faults.json().contains(r#""bot":1"#));
        faults.add(fault(r#"{"count":0}"#)).unwrap();
        assert_eq!(faults.json(), "[]");
    }
}
