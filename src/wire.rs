//! The protocol between gateway and worker, as protocol.md has it: lines in, lines out. Pure.
//!
//! Owns framing ([`LineSplitter`]), what a worker can say ([`Said`]) and every line a worker is told. It knows nothing of
//! processes, of HTTP or of what a Bot API method means.

mod event;
mod lines;
mod opening;
mod said;
mod tell;

pub use event::update_event;
pub use lines::{Frame, LineSplitter};
pub use opening::{Bot, Opening};
pub use said::{Hello, Misunderstood, Param, Retry, Said, SendEvent, parse, request_id};
pub use tell::{Fault, disconnect, fault_response, ok_response, rejected_response};

/// The protocol's version (protocol.md, "Versions and extensions").
pub const PROTOCOL: u32 = 1;

/// Whitespace between the tokens of a JSON text removed, so that it fits on one line. Strings keep every byte: a raw
/// newline inside one would not be JSON. A text without newlines is left as it is.
pub(crate) fn one_line(json: &str) -> std::borrow::Cow<'_, str> {
    if memchr::memchr2(b'\n', b'\r', json.as_bytes()).is_none() {
        return json.into();
    }
    let mut compact = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for character in json.chars() {
        if in_string {
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else if character.is_ascii_whitespace() {
            continue;
        } else {
            in_string = character == '"';
        }
        compact.push(character);
    }
    compact.into()
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn only_whitespace_between_tokens_goes() {
        assert_eq!(one_line("{\"a b\":\t1}"), "{\"a b\":\t1}");
        let pretty = "{\n  \"a b\" : \"c\\\" \\\\\",\r\n  \"d\": [ 1,\n 2 ]\n}";
        assert_eq!(one_line(pretty), r#"{"a b":"c\" \\","d":[1,2]}"#);
    }
}
