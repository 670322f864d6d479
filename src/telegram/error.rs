//! What can go wrong with a call, in the words that callers branch on.
//!
//! No variant holds a URL or the token. Whether to try again, and when, is the caller's decision; the predicates here
//! only say what an error speaks of.

use serde_json::value::RawValue;

/// A call that brought no result.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Telegram's own error: `ok:false`, with all that it says.
    #[error("telegram answered {code}: {description}")]
    Rejected {
        /// `error_code`, which equals the HTTP status.
        code: u16,
        /// `description`, empty if there was none.
        description: String,
        /// Seconds, from `parameters` or else from the `Retry-After` header.
        retry_after: Option<u64>,
        /// The supergroup that the chat has become, from `parameters`.
        migrate_to_chat_id: Option<i64>,
        /// `parameters` as they came.
        parameters: Option<Box<RawValue>>,
    },
    /// An answer that is not from the Bot API: HTML of a proxy, an empty body, a body that was cut, or of another
    /// shape.
    #[error("the answer (HTTP status {status}) is not from the Bot API: {}", quoted(head))]
    NotTelegram {
        /// The HTTP status.
        status: u16,
        /// How it begins: at most 200 characters, control characters escaped.
        head: String,
    },
    /// An answer longer than the client takes. It was not read to its end.
    #[error("the answer (HTTP status {status}) is longer than {max} bytes")]
    TooLong {
        /// The HTTP status.
        status: u16,
        /// The most bytes that are taken.
        max: usize,
    },
    /// No answer came, or only a part of it.
    #[error("{detail}")]
    Transport {
        /// Whether the request may have reached Telegram: `false` only if it surely was not sent.
        maybe_delivered: bool,
        /// What broke.
        fault: TransportFault,
        /// The causes, for people.
        detail: String,
    },
}

/// What broke on the way to Telegram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportFault {
    /// The host's name could not be resolved.
    Dns,
    /// Nobody listens there, or the way there is blocked.
    Connect,
    /// The server's certificate was not accepted.
    Certificate,
    /// The deadline of the call or of its connection passed.
    Timeout,
    /// The connection broke.
    Broken,
}

fn quoted(head: &str) -> String {
    match head.is_empty() {
        true => "it is empty".to_owned(),
        false => format!("`{head}`"),
    }
}

impl ApiError {
    /// Whether the same call may succeed later: 429, 5xx, and all that is not Telegram's word on this very request.
    pub fn is_passing(&self) -> bool {
        match self {
            ApiError::Rejected { code, .. } => *code == 429 || *code >= 500,
            // Statuses by which HTTP servers refuse this request, whoever they are (the Bot API server itself does so
            // with an empty body).
            ApiError::NotTelegram { status, .. } => {
                !matches!(status, 400 | 411 | 413 | 414 | 415 | 431 | 501 | 505)
            }
            ApiError::TooLong { .. } => false,
            ApiError::Transport { .. } => true,
        }
    }

    /// Whether the error is about the bot as a whole, so that no other call would fare better: 401, 421, 404
    /// `Not Found` (an unknown method has a longer text), 400 `Logged out`.
    pub fn speaks_of_the_bot(&self) -> bool {
        match self {
            ApiError::Rejected { code, description, .. } => match code {
                401 | 421 => true,
                404 => description == "Not Found",
                400 => description == "Logged out",
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether the call may have had its effect all the same.
    pub fn maybe_delivered(&self) -> bool {
        match self {
            ApiError::Rejected { code, .. } => *code >= 500,
            ApiError::NotTelegram { status, .. } | ApiError::TooLong { status, .. } => {
                *status < 400 || *status >= 500
            }
            ApiError::Transport { maybe_delivered, .. } => *maybe_delivered,
        }
    }

    /// How long Telegram wants to be left alone, in seconds.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            ApiError::Rejected { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What a person can do, where a person can do something; without the leading `help: `.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            ApiError::Transport { fault, .. } => match fault {
                TransportFault::Dns => {
                    Some("check the host in the API URL, and that this machine can resolve names (DNS)")
                }
                TransportFault::Connect => Some(
                    "check the host and port in the API URL, the firewall, and HTTPS_PROXY if you need a proxy",
                ),
                TransportFault::Certificate => Some(
                    "put the certificate of your proxy's or server's authority (PEM) into a file and name it in \
                     SSL_CERT_FILE, which then replaces the system's list; check the clock too",
                ),
                TransportFault::Timeout | TransportFault::Broken => None,
            },
            ApiError::NotTelegram { .. } => Some("check that the API URL is that of a Bot API server"),
            ApiError::Rejected { .. } | ApiError::TooLong { .. } => None,
        }
    }
}

#[cfg(test)]
impl ApiError {
    /// An error of Telegram's, for tests.
    pub(crate) fn rejected(code: u16, description: &str) -> Self {
        ApiError::Rejected {
            code,
            description: description.to_owned(),
            retry_after: None,
            migrate_to_chat_id: None,
            parameters: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_and_what_speaks_of_the_bot() {
        for (code, description, passing, of_the_bot) in [
            (400, "Bad Request: chat not found", false, false),
            (400, "Logged out", false, true),
            (401, "Unauthorized", false, true),
            (403, "Forbidden: bot was blocked by the user", false, false),
            (404, "Not Found", false, true),
            (404, "Not Found: method not found", false, false),
            (409, "Conflict: terminated by other getUpdates request", false, false),
            (421, "Misdirected Request: unallowed token specified", false, true),
            (429, "Too Many Requests: retry after 5", true, false),
            (500, "Internal Server Error: restart", true, false),
            (502, "Bad Gateway", true, false),
        ] {
            let error = ApiError::rejected(code, description);
            assert_eq!((error.is_passing(), error.speaks_of_the_bot()), (passing, of_the_bot), "{error}");
        }
    }

    #[test]
    fn a_web_servers_refusal_of_the_request_does_not_pass() {
        for (status, passing, maybe) in [
            (200, true, true),
            (301, true, true),
            (403, true, false),
            (404, true, false),
            (413, false, false),
            (502, true, true),
        ] {
            let error = ApiError::NotTelegram { status, head: String::new() };
            assert_eq!((error.is_passing(), error.maybe_delivered()), (passing, maybe), "{status}");
        }
    }
}
