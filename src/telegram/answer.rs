//! The body of an answer: a result, Telegram's own error, or something that is not Telegram at all.
//!
//! Pure. It reads the few members of the envelope and leaves the result as it came; what proxies and web servers put in
//! Telegram's place (HTML, nothing, half of it) becomes an error that quotes how it began.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::ApiError;

/// What Telegram answered to a call that succeeded.
#[derive(Debug)]
pub struct Answer {
    /// The member `result`, byte for byte: any JSON value, often a bare `true`.
    pub result: Box<RawValue>,
}

/// How many characters of a body that is not Telegram's are quoted.
const HEAD: usize = 200;

/// The envelope of every answer (Bot API, "Making requests"). All members are raw, so that text is never decoded.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    ok: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error_code: Option<&'a RawValue>,
    #[serde(borrow)]
    description: Option<&'a RawValue>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

/// Reads a whole body. `retry_after` is the header of that name, which counts where the body does not say it.
pub(super) fn read(status: u16, retry_after: Option<u64>, body: &[u8]) -> Result<Answer, ApiError> {
    // Only what is not UTF-8 is copied: one bad byte must not make a batch of updates unreadable for ever.
    let body = String::from_utf8_lossy(body);
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(&body) else {
        return Err(not_telegram(status, retry_after, &body));
    };
    match envelope.ok.map(RawValue::get) {
        Some("true") if (200..300).contains(&status) => match envelope.result {
            Some(result) => Ok(Answer { result: result.to_owned() }),
            None => Err(not_telegram(status, retry_after, &body)),
        },
        Some("false") => {
            let code = envelope.error_code.and_then(number).unwrap_or(status);
            if code < 300 {
                return Err(not_telegram(status, retry_after, &body));
            }
            let parameters = envelope.parameters.map(RawValue::get).unwrap_or_default();
            let known: Parameters = serde_json::from_str(parameters).unwrap_or_default();
            Err(ApiError::Rejected {
                code,
                description: envelope.description.map(text).unwrap_or_default(),
                retry_after: known.retry_after.or(retry_after),
                migrate_to_chat_id: known.migrate_to_chat_id,
                parameters: envelope.parameters.map(RawValue::to_owned),
            })
        }
        _ => Err(not_telegram(status, retry_after, &body)),
    }
}

/// `null` is a result too, though serde takes it for a missing member.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// What to make of a body that is not Telegram's. A 429 is a 429 whoever says it. The quotation is still raw and long:
/// [`head`] cuts it, once the token has been taken out (a cut could leave half of one).
pub(super) fn not_telegram(status: u16, retry_after: Option<u64>, body: &str) -> ApiError {
    if status == 429 {
        return ApiError::Rejected {
            code: 429,
            description: match retry_after {
                Some(seconds) => format!("Too Many Requests: retry after {seconds}"),
                None => "Too Many Requests".to_owned(),
            },
            retry_after,
            migrate_to_chat_id: None,
            parameters: None,
        };
    }
    ApiError::NotTelegram { status, head: body.chars().take(10 * HEAD).collect() }
}

/// The beginning of a body for a log line: at most 200 characters, control characters escaped.
pub(super) fn head(body: &str) -> String {
    let mut head = String::new();
    for character in body.trim().chars().take(HEAD) {
        match character.is_control() {
            true => head.extend(character.escape_default()),
            false => head.push(character),
        }
    }
    head
}

fn number(value: &RawValue) -> Option<u16> {
    serde_json::from_str(value.get()).ok()
}

/// The text of a string; one that cannot be decoded (a lone surrogate) stays as it was written.
fn text(value: &RawValue) -> String {
    serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_result_keeps_its_bytes() {
        for result in ["true", "null", r#"{ "b":1.50, "text":"\ud83d" }"#, "[1,\n2]", "\"x\""] {
            let body = format!(r#"{{"ok":true,"result":{result},"description":"Webhook was set"}}"#);
            assert_eq!(read(200, None, body.as_bytes()).unwrap().result.get(), result);
        }
    }

    #[test]
    fn telegrams_errors_are_typed() {
        let body = br#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded",
            "parameters":{"migrate_to_chat_id":-100123}}"#;
        let error = read(400, None, body).unwrap_err();
        let ApiError::Rejected { code, migrate_to_chat_id, parameters, .. } = error else {
            panic!("{error}");
        };
        assert_eq!((code, migrate_to_chat_id), (400, Some(-100_123)));
        assert_eq!(parameters.unwrap().get(), r#"{"migrate_to_chat_id":-100123}"#);
    }

    #[test]
    fn retry_after_comes_from_the_body_then_from_the_header() {
        let retry_after = |body: &str, header| match read(429, header, body.as_bytes()) {
            Err(ApiError::Rejected { code: 429, retry_after, .. }) => retry_after,
            other => panic!("{other:?}"),
        };
        let said = r#"{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":35}}"#;
        assert_eq!(retry_after(said, Some(7)), Some(35));
        assert_eq!(retry_after(r#"{"ok":false,"error_code":429}"#, Some(7)), Some(7));
        assert_eq!(retry_after("<html>slow down</html>", Some(7)), Some(7));
        assert_eq!(retry_after("", None), None);
    }

    #[test]
    fn what_is_not_telegram_is_quoted() {
        for (status, body) in [
            (200, ""),
            (502, "<html>Bad Gateway</html>"),
            (200, r#"{"ok":true,"result":[{"#),
            (200, r#"{"hello":1}"#),
            (200, r#"{"ok":true}"#),
            (500, r#"{"ok":true,"result":1}"#),
            (200, r#"{"ok":false}"#),
            (200, "[]"),
        ] {
            let error = read(status, None, body.as_bytes()).unwrap_err();
            assert!(matches!(error, ApiError::NotTelegram { status: said, .. } if said == status), "{body}");
        }
        assert_eq!(head(" a\u{1b}[31m\nb "), r"a\u{1b}[31m\nb");
        assert_eq!(head(&"é".repeat(500)).chars().count(), 200);
    }

    #[test]
    fn a_byte_that_is_not_utf8_does_not_lose_the_rest() {
        let body = b"{\"ok\":true,\"result\":\"a\xffb\"}";
        assert_eq!(read(200, None, body).unwrap().result.get(), "\"a\u{fffd}b\"");
    }

    proptest! {
        #[test]
        fn no_body_panics(status in 100u16..600, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(status, None, &body);
        }
    }
}
