//! Writing JSON in a fixed key order, without building trees.
//! Telegram's answers keep their keys in an order people are used to, and a load test makes a great many of them.
//! Pure text; it trusts `raw` values to be JSON.

use std::fmt::Write;

/// One JSON object under construction: `Object::new().number("id", 7).text("name", "x").finish()`.
#[derive(Debug)]
pub(crate) struct Object {
    out: String,
}

impl Object {
    pub(crate) fn new() -> Object {
        Object { out: String::from("{") }
    }

    /// Adds a member whose value is already JSON.
    pub(crate) fn raw(mut self, key: &str, json: &str) -> Object {
        self.key(key);
        self.out.push_str(json);
        self
    }

    pub(crate) fn text(mut self, key: &str, value: &str) -> Object {
        self.key(key);
        push_text(&mut self.out, value);
        self
    }

    pub(crate) fn number(mut self, key: &str, value: i64) -> Object {
        self.key(key);
        let _ = write!(self.out, "{value}");
        self
    }

    pub(crate) fn flag(mut self, key: &str, value: bool) -> Object {
        self.key(key);
        self.out.push_str(if value { "true" } else { "false" });
        self
    }

    /// Adds the member only if there is a value.
    pub(crate) fn raw_if(self, key: &str, json: Option<&str>) -> Object {
        match json {
            Some(json) => self.raw(key, json),
            None => self,
        }
    }

    /// Adds the member only if there is a value.
    pub(crate) fn text_if(self, key: &str, value: Option<&str>) -> Object {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    /// Adds the member only if there is a value.
    pub(crate) fn number_if(self, key: &str, value: Option<i64>) -> Object {
        match value {
            Some(value) => self.number(key, value),
            None => self,
        }
    }

    /// Adds ready-made members, `"a":1,"b":2` without braces; nothing if empty.
    pub(crate) fn members(mut self, members: &str) -> Object {
        if !members.is_empty() {
            if self.out.len() > 1 {
                self.out.push(',');
            }
            self.out.push_str(members);
        }
        self
    }

    pub(crate) fn finish(mut self) -> String {
        self.out.push('}');
        self.out
    }

    fn key(&mut self, key: &str) {
        if self.out.len() > 1 {
            self.out.push(',');
        }
        push_text(&mut self.out, key);
        self.out.push(':');
    }
}

/// Appends `value` as a JSON string.
pub(crate) fn push_text(out: &mut String, value: &str) {
    if value.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        // Writing a str cannot fail: it has no map keys and no foreign Serialize.
        out.push_str(&serde_json::to_string(value).unwrap_or_default());
    } else {
        out.push('"');
        out.push_str(value);
        out.push('"');
    }
}

/// `value` as a JSON string.
pub(crate) fn quote(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    push_text(&mut out, value);
    out
}

/// A JSON array of ready-made JSON values.
pub(crate) fn array<I, S>(items: I) -> String
where
    I: IntoIterator<Item = S>,
    S: AsRef<str>,
{
    let mut out = String::from("[");
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(item.as_ref());
    }
    out.push(']');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_escapes() {
        let json = Object::new()
            .number("b", -2)
            .text("a", "say \"hi\"\n\u{1}")
            .raw_if("none", None)
            .flag("yes", true)
            .members("\"x\":[1]")
            .finish();
        assert_eq!(json, r#"{"b":-2,"a":"say \"hi\"\n\u0001","yes":true,"x":[1]}"#);
        assert_eq!(Object::new().members("").finish(), "{}");
        assert_eq!(array(["1", "2"]), "[1,2]");
        assert_eq!(quote("é"), "\"é\"");
    }

    proptest::proptest! {
        #[test]
        fn any_text_round_trips(value: String) {
            let back: String = serde_json::from_str(&quote(&value)).unwrap();
            proptest::prop_assert_eq!(back, value);
        }
    }
}
