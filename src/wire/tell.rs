//! What a worker is told besides updates: the answers to its requests, and goodbye.
//!
//! Owns the shape of `telegram.response` and `telegram.disconnect`. It never decides what is answered or why.

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use super::one_line;

/// Why the gateway itself did not get a request done (protocol.md, "Faults").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not a request that could be made.
    Invalid,
    /// A method that would break the gateway.
    Refused,
    /// The gateway stops; it was not sent.
    Closed,
    /// No answer came: it was perhaps delivered.
    Unknown,
}

impl Fault {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Invalid => "invalid",
            Fault::Refused => "refused",
            Fault::Closed => "closed",
            Fault::Unknown => "unknown",
        }
    }
}

/// The last line: why the gateway is done with this process.
pub fn disconnect(reason: &str) -> Bytes {
    format!("{{\"type\":\"telegram.disconnect\",\"reason\":\"{reason}\"}}\n").into()
}

/// A request that Telegram answered with `ok`; its result unchanged.
pub fn ok_response(request_id: &RawValue, result: &RawValue) -> Bytes {
    response(request_id, &format!("\"ok\":true,\"result\":{}", one_line(result.get())))
}

/// A request that Telegram refused, in Telegram's own words.
pub fn rejected_response(
    request_id: &RawValue,
    error_code: u16,
    description: &str,
    parameters: Option<&RawValue>,
) -> Bytes {
    let description = Value::from(description);
    let parameters =
        parameters.map(|raw| format!(",\"parameters\":{}", one_line(raw.get()))).unwrap_or_default();
    response(
        request_id,
        &format!("\"ok\":false,\"error_code\":{error_code},\"description\":{description}{parameters}"),
    )
}

/// A request that the gateway did not get done.
pub fn fault_response(request_id: &RawValue, fault: Fault, why: &str) -> Bytes {
    let error_code = match fault {
        Fault::Invalid => 400,
        Fault::Refused => 403,
        Fault::Closed => 410,
        Fault::Unknown => 504,
    };
    let description = Value::from(format!("asgigram: {why}"));
    response(
        request_id,
        &format!(
            "\"ok\":false,\"error_code\":{error_code},\"description\":{description},\"fault\":\"{}\"",
            fault.name()
        ),
    )
}

fn response(request_id: &RawValue, outcome: &str) -> Bytes {
    format!("{{\"type\":\"telegram.response\",\"request_id\":{},{outcome}}}\n", request_id.get()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn the_request_id_comes_back_byte_for_byte() {
        let line = ok_response(&raw(r#"{"a" : [1.0,"\ud83d"]}"#), &raw("{\n\"message_id\": 5\n}"));
        assert_eq!(
            line,
            "{\"type\":\"telegram.response\",\"request_id\":{\"a\" : [1.0,\"\\ud83d\"]},\"ok\":true,\"result\":{\"message_id\":5}}\n"
        );
    }

    #[test]
    fn errors_have_the_shape_of_telegrams() {
        let line = rejected_response(&raw("1"), 429, "Too Many Requests", Some(&raw(r#"{"retry_after":3}"#)));
        let value: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(
            (value["ok"].as_bool(), value["parameters"]["retry_after"].as_i64()),
            (Some(false), Some(3))
        );
        let line = fault_response(&raw("1"), Fault::Refused, "`getUpdates` is the gateway's own");
        let value: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!((value["fault"].as_str(), value["error_code"].as_i64()), (Some("refused"), Some(403)));
        assert_eq!(value["description"], "asgigram: `getUpdates` is the gateway's own");
    }
}
