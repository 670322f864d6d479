//! What a failed poll means: whose trouble it is, and how long to stay away.
//!
//! Pure but for the log lines, which say what happened and what a person can do.

use std::time::Duration;

use crate::telegram::ApiError;

/// The troubles that people should hear of in different words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A webhook is active: Telegram sends updates elsewhere.
    Webhook,
    /// Another program polls the same bot.
    OtherPoller,
    /// Telegram does not know the bot any more, or it is logged out.
    Bot,
    /// Telegram wants to be asked less often.
    TooOften,
    /// Anything else: the network, Telegram itself, something in between.
    Unreachable,
}

/// How long to wait before the next poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// The growing wait after failures.
    Backoff,
    /// The fixed wait in favour of the other program.
    OtherPoller,
    /// As long as Telegram said, or the growing wait if that is longer.
    AtLeast(Duration),
}

/// Nothing here ends the process: while it runs, a bot that Telegram does not know is waited for too.
pub(super) fn verdict(error: &ApiError) -> (Trouble, Wait) {
    if error.speaks_of_the_bot() {
        return (Trouble::Bot, Wait::Backoff);
    }
    match error {
        ApiError::Rejected { code: 409, description, .. }
            if description.to_ascii_lowercase().contains("webhook") =>
        {
            (Trouble::Webhook, Wait::Backoff)
        }
        ApiError::Rejected { code: 409, .. } => (Trouble::OtherPoller, Wait::OtherPoller),
        ApiError::Rejected { code: 429, retry_after, .. } => {
            let asked = Duration::from_secs(retry_after.unwrap_or(0));
            (Trouble::TooOften, Wait::AtLeast(asked))
        }
        _ => (Trouble::Unreachable, Wait::Backoff),
    }
}

impl Trouble {
    /// In a few words, for the readiness page.
    pub(super) fn text(self) -> &'static str {
        match self {
            Trouble::Webhook => "a webhook is active",
            Trouble::OtherPoller => "another program polls this bot",
            Trouble::Bot => "telegram does not accept this bot's token",
            Trouble::TooOften => "telegram asks to wait",
            Trouble::Unreachable => "telegram cannot be reached",
        }
    }

    /// The line for people.
    pub(super) fn log(self, error: &ApiError) {
        match self {
            Trouble::Webhook => log_webhook(&error.to_string()),
            Trouble::OtherPoller => tracing::warn!(
                %error,
                help = "stop the other program, or give this one a bot of its own",
                "another program polls this bot: updates may be handled twice"
            ),
            Trouble::Bot => tracing::error!(
                %error,
                help = "if the token was revoked, start again with the new one; after a logOut wait ten minutes",
                "telegram does not accept this bot any more: no updates come until it does"
            ),
            Trouble::TooOften => tracing::warn!(%error, "telegram asks to wait before the next poll"),
            Trouble::Unreachable => {
                tracing::warn!(%error, help = error.help(), "no good answer from Telegram, trying again");
            }
        }
    }
}

/// The line about a webhook; `evidence` is its host or Telegram's error.
pub(super) fn log_webhook(evidence: &str) {
    tracing::error!(
        evidence,
        help = "start with --delete-webhook to remove it, or stop the program that set it",
        "no updates come: a webhook is active for this bot"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telegram::TransportFault;

    #[test]
    fn every_error_has_its_verdict() {
        let seconds = Duration::from_secs;
        for (code, description, trouble, wait) in [
            (
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
                Trouble::Webhook,
                Wait::Backoff,
            ),
            (409, "Conflict: terminated by setWebhook request", Trouble::Webhook, Wait::Backoff),
            (
                409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                Trouble::OtherPoller,
                Wait::OtherPoller,
            ),
            (401, "Unauthorized", Trouble::Bot, Wait::Backoff),
            (404, "Not Found", Trouble::Bot, Wait::Backoff),
            (421, "Misdirected Request: unallowed token specified", Trouble::Bot, Wait::Backoff),
            (400, "Logged out", Trouble::Bot, Wait::Backoff),
            (429, "Too Many Requests", Trouble::TooOften, Wait::AtLeast(seconds(0))),
            (400, "Bad Request: whatever", Trouble::Unreachable, Wait::Backoff),
            (500, "Internal Server Error: restart", Trouble::Unreachable, Wait::Backoff),
        ] {
            let found = verdict(&ApiError::rejected(code, description));
            assert_eq!(found, (trouble, wait), "{description}");
        }
        let mut slow_down = ApiError::rejected(429, "Too Many Requests: retry after 40");
        if let ApiError::Rejected { retry_after, .. } = &mut slow_down {
            *retry_after = Some(40);
        }
        assert_eq!(verdict(&slow_down).1, Wait::AtLeast(seconds(40)));
        for error in [
            ApiError::NotTelegram { status: 409, head: "<html>".to_owned() },
            ApiError::TooLong { status: 200, max: 1 },
            ApiError::Transport {
                maybe_delivered: true,
                fault: TransportFault::Broken,
                detail: String::new(),
            },
        ] {
            assert_eq!(verdict(&error), (Trouble::Unreachable, Wait::Backoff), "{error}");
        }
    }
}
