//! What comes before the first poll: who the bot is, whether a webhook is in the way, and what waits at Telegram.
//!
//! Only here is a bad token fatal: a process that never worked should say so and end, one that did should wait.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::announce::Announcer;
use super::verdict::{Trouble, log_webhook, verdict};
use super::{End, Pace, Poller, Wait};
use crate::telegram::{Answer, ApiError, Client, split};

/// How long one of these calls may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// Who the bot is, by getMe.
#[derive(Clone, Debug)]
pub struct Bot {
    /// Its user id.
    pub id: i64,
    /// Its name without `@`. Every bot has one; absent only from an odd server.
    pub username: Option<String>,
    /// All that Telegram says of it: the object `User`, byte for byte.
    pub raw: Box<RawValue>,
}

/// Why the bot could not be identified, where no waiting helps.
#[derive(Debug, thiserror::Error)]
pub enum IdentifyError {
    /// Telegram knows no such bot.
    #[error("telegram does not accept this token: {0}")]
    BadToken(ApiError),
    /// Any other refusal that will not pass.
    #[error("cannot ask telegram who this bot is: {0}")]
    Refused(ApiError),
    /// The answer was no user.
    #[error("the answer of telegram to getMe is not understood: {0}")]
    Odd(serde_json::Error),
}

/// Asks Telegram who the bot is, again and again while the network or Telegram is in trouble; to stop it, drop it.
///
/// # Errors
/// [`IdentifyError::BadToken`] for 401, 404 and 421.
pub async fn identify(client: &Client) -> Result<Bot, IdentifyError> {
    identify_at(client, Pace::default()).await
}

pub(super) async fn identify_at(client: &Client, pace: Pace) -> Result<Bot, IdentifyError> {
    let mut announcer = Announcer::default();
    let mut failures: u32 = 0;
    loop {
        let error = match call(client, "getMe", b"{}").await {
            Ok(answer) => return bot(answer),
            Err(error) => error,
        };
        let (trouble, wait) = verdict(&error);
        // A bot that is logged out comes back by itself.
        let logged_out = matches!(error, ApiError::Rejected { code: 400, .. }) && trouble == Trouble::Bot;
        if trouble == Trouble::Bot && !logged_out {
            return Err(IdentifyError::BadToken(error));
        }
        if !error.is_passing() && !logged_out {
            return Err(IdentifyError::Refused(error));
        }
        if announcer.is_due(trouble, Instant::now()) {
            trouble.log(&error);
        }
        let backoff = pace.after_failure(failures, fastrand::f64());
        tokio::time::sleep(match wait {
            Wait::AtLeast(asked) => asked.max(backoff),
            Wait::Backoff | Wait::OtherPoller => backoff,
        })
        .await;
        failures = failures.saturating_add(1);
    }
}

fn bot(answer: Answer) -> Result<Bot, IdentifyError> {
    #[derive(Deserialize)]
    struct User {
        id: i64,
        username: Option<String>,
    }
    let user: User = serde_json::from_str(answer.result.get()).map_err(IdentifyError::Odd)?;
    Ok(Bot { id: user.id, username: user.username, raw: answer.result })
}

/// What getWebhookInfo says, as far as it matters here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct WebhookInfo {
    url: String,
    pending_update_count: u64,
}

impl Poller {
    /// Clears the way for the first poll, as far as it was asked to.
    pub(super) async fn start(&mut self) -> Result<(), End> {
        let answer = self.insist("getWebhookInfo", b"{}").await?;
        let info: WebhookInfo = serde_json::from_str(answer.result.get()).unwrap_or_default();
        let waiting = info.pending_update_count;
        let mut dropped = false;
        if info.url.is_empty() {
            tracing::info!(waiting, "updates wait at Telegram");
        } else if self.config.delete_webhook {
            dropped = self.config.drop_pending;
            let params: &[u8] = match dropped {
                true => br#"{"drop_pending_updates":true}"#,
                false => b"{}",
            };
            self.insist("deleteWebhook", params).await?;
            tracing::warn!(host = host(&info.url), waiting, "removed the webhook of this bot");
        } else {
            self.announcer.is_due(Trouble::Webhook, Instant::now());
            self.config.health.set_trouble(Some(Trouble::Webhook.text()));
            log_webhook(host(&info.url));
        }
        if self.config.drop_pending {
            if !dropped {
                self.skip_pending().await?;
            }
            tracing::warn!(
                dropped = waiting,
                "dropped the updates that waited at Telegram, as --drop-pending says"
            );
        }
        Ok(())
    }

    /// A negative offset makes Telegram forget all but the last update; the first poll then confirms that one. An update
    /// that arrives in between has a later id and is kept.
    async fn skip_pending(&mut self) -> Result<(), End> {
        loop {
            match self.get_updates(-1, 1, Duration::ZERO).await? {
                Ok(answer) => {
                    let last = split(&answer.result).ok().and_then(|batch| batch.next_offset);
                    self.next = last.unwrap_or(0);
                    self.works_again();
                    return Ok(());
                }
                Err(error) => self.trouble(&error).await?,
            }
        }
    }

    /// Calls a method until it succeeds.
    async fn insist(&mut self, method: &str, params: &'static [u8]) -> Result<Answer, End> {
        loop {
            match self.unless_stopped(call(&self.client, method, params)).await? {
                Ok(answer) => {
                    self.works_again();
                    return Ok(answer);
                }
                Err(error) => self.trouble(&error).await?,
            }
        }
    }
}

async fn call(client: &Client, method: &str, params: &'static [u8]) -> Result<Answer, ApiError> {
    client.call(method, Bytes::from_static(params), DEADLINE).await
}

/// The host of a webhook's URL: the rest often holds the token or another secret.
fn host(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telegram::scripted::{Scripted, answer, rejected, result};

    fn hasty() -> Pace {
        let short = Duration::from_millis(1);
        Pace { first: short, longest: short, other_poller: short, full: short, idle: short }
    }

    #[tokio::test]
    async fn the_bot_is_identified_once_telegram_can_be_reached() {
        let user = r#"{"id": 123, "is_bot":true,"first_name":"\ud83d","username":"a_bot"}"#;
        let script = vec![answer(502, "<html>"), rejected(400, "Logged out"), result(user)];
        let server = Scripted::start(script).await;
        let bot = identify_at(&server.client, hasty()).await.unwrap();
        assert_eq!((bot.id, bot.username.as_deref()), (123, Some("a_bot")));
        assert_eq!(bot.raw.get(), user);
    }

    #[tokio::test]
    async fn a_bad_token_is_fatal() {
        for (code, description) in [
            (401, "Unauthorized"),
            (404, "Not Found"),
            (421, "Misdirected Request: unallowed token specified"),
        ] {
            let server = Scripted::start(vec![rejected(code, description)]).await;
            let error = identify_at(&server.client, hasty()).await.unwrap_err();
            assert!(matches!(error, IdentifyError::BadToken(_)), "{error}");
        }
        let server = Scripted::start(vec![result("true")]).await;
        let error = identify_at(&server.client, hasty()).await.unwrap_err();
        assert!(matches!(error, IdentifyError::Odd(_)), "{error}");
    }

    #[test]
    fn of_a_webhook_only_the_host_is_shown() {
        for (url, shown) in [
            ("https://example.org/bot123:secret", "example.org"),
            ("https://user:word@example.org:8443?x", "example.org:8443"),
            ("", ""),
        ] {
            assert_eq!(host(url), shown);
        }
    }
}
