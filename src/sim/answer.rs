//! What a call is answered with: Telegram's success and error bodies, and the rare answer that is neither.
//! Pure: turns a method's outcome into status, headers and bytes. The HTTP status always equals `error_code`.

use std::borrow::Cow;

use bytes::Bytes;

use super::json::Object;

/// What a method that worked returns.
#[derive(Debug)]
pub(crate) struct Success {
    /// The JSON of `result`.
    pub(crate) result: String,
    /// Only setWebhook and deleteWebhook say something beside their result.
    pub(crate) description: Option<&'static str>,
}

/// A refusal, with the words Telegram uses for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    pub(crate) description: Cow<'static, str>,
    /// `parameters.retry_after`, and the `Retry-After` header.
    pub(crate) retry_after: Option<u64>,
    /// `parameters.migrate_to_chat_id`.
    pub(crate) migrate_to: Option<i64>,
}

/// The outcome of a method.
pub(crate) type Outcome = Result<Success, Failure>;

/// A method's success with `result` as its JSON.
pub(crate) fn done(result: impl Into<String>) -> Outcome {
    Ok(Success { result: result.into(), description: None })
}

impl Failure {
    /// Any status with a description that is used as it stands.
    pub(crate) fn new(code: u16, description: impl Into<Cow<'static, str>>) -> Failure {
        Failure { code, description: description.into(), retry_after: None, migrate_to: None }
    }

    /// 400 `Bad Request: …`, with the first letter lowered as the server lowers it: unless the second character is
    /// upper case or `_`, as in `BUTTON_DATA_INVALID`.
    pub(crate) fn bad(text: impl AsRef<str>) -> Failure {
        let text = text.as_ref();
        let keep = text.chars().nth(1).is_some_and(|second| second.is_ascii_uppercase() || second == '_');
        let mut description = format!("Bad Request: {text}");
        if let Some(first) = description.get_mut(13..14).filter(|_| !keep) {
            first.make_ascii_lowercase();
        }
        Failure::new(400, description)
    }

    /// 429 with its number of seconds.
    pub(crate) fn too_many(retry_after: u64) -> Failure {
        Failure {
            retry_after: Some(retry_after),
            ..Failure::new(429, format!("Too Many Requests: retry after {retry_after}"))
        }
    }
}

/// An HTTP answer, ready to be sent and recorded.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    pub(crate) retry_after: Option<u64>,
    pub(crate) content_type: &'static str,
    /// Whether the connection ends with this answer.
    pub(crate) close: bool,
}

impl Answer {
    /// The empty body by which the server answers what it could not parse; the connection is closed.
    pub(crate) fn empty(status: u16) -> Answer {
        Answer { status, body: Bytes::new(), retry_after: None, content_type: "text/plain", close: true }
    }

    /// Any JSON body.
    pub(crate) fn json(status: u16, body: String) -> Answer {
        Answer {
            status,
            body: body.into(),
            retry_after: None,
            content_type: "application/json",
            close: false,
        }
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Answer {
        let body = Object::new().flag("ok", false).number("error_code", i64::from(failure.code));
        let body = body.text("description", &failure.description);
        let seconds = failure.retry_after.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX));
        let body = match (seconds, failure.migrate_to) {
            (None, None) => body,
            (seconds, chat) => {
                let parameters =
                    Object::new().number_if("retry_after", seconds).number_if("migrate_to_chat_id", chat);
                body.raw("parameters", &parameters.finish())
            }
        };
        Answer { retry_after: failure.retry_after, ..Answer::json(failure.code, body.finish()) }
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Answer {
        match outcome {
            Ok(success) => {
                let body = Object::new().flag("ok", true).raw("result", &success.result);
                Answer::json(200, body.text_if("description", success.description).finish())
            }
            Err(failure) => failure.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_wire_form() {
        let answer = Answer::from(Failure::too_many(35));
        assert_eq!((answer.status, answer.retry_after), (429, Some(35)));
        assert_eq!(
            answer.body,
            r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}"#
        );
        assert_eq!(Answer::from(done("true")).body, r#"{"ok":true,"result":true}"#);
    }

    #[test]
    fn descriptions_are_lowered_like_the_server_does() {
        assert_eq!(Failure::bad("Chat not found").description, "Bad Request: chat not found");
        assert_eq!(Failure::bad("BUTTON_DATA_INVALID").description, "Bad Request: BUTTON_DATA_INVALID");
        assert_eq!(Failure::bad("").description, "Bad Request: ");
    }
}
