//! The parameters of one call, from wherever they came: query, form, JSON or multipart.
//! The first occurrence of a name wins. Reading them is as lenient as the server is: `"12abc"` is 12, `"abc"` is 0.
//! Pure; multipart bodies are taken apart in `upload.rs`.

use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json::Object;

/// More parameters than this are ignored; no method has more than 40.
const MAX_PARAMS: usize = 1000;

/// A parameter as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    /// Text: from a form, or a JSON string.
    Text(String),
    /// The text of a JSON number, boolean, null, array or object.
    Json(String),
}

/// A file sent as a part of a multipart body.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    /// The part's name, what `attach://` refers to.
    pub(crate) name: String,
    pub(crate) filename: String,
    pub(crate) bytes: Bytes,
}

/// All parameters of a call, in order of appearance.
#[derive(Debug, Default)]
pub(crate) struct Params {
    list: Vec<(String, Value)>,
    pub(crate) files: Vec<Upload>,
}

impl Params {
    fn add(&mut self, name: String, value: Value) {
        if self.list.len() < MAX_PARAMS && !self.has(&name) {
            self.list.push((name, value));
        }
    }

    /// Adds a text parameter, unless one of that name is there already.
    pub(crate) fn add_text(&mut self, name: String, value: String) {
        self.add(name, Value::Text(value));
    }

    /// Adds what a query string or an urlencoded form holds.
    pub(crate) fn add_form(&mut self, form: &[u8]) {
        for pair in form.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
            let cut = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
            let value = pair.get(cut + 1..).unwrap_or_default();
            self.add_text(percent_decode(&pair[..cut], true), percent_decode(value, true));
        }
    }

    /// Adds the members of a JSON object. What is malformed is no error: the members read so far count.
    pub(crate) fn add_json(&mut self, body: &[u8]) {
        let mut reader = serde_json::Deserializer::from_slice(body);
        let _ = Members(self).deserialize(&mut reader);
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.list.iter().any(|(known, _)| known == name)
    }

    /// The text of a parameter; empty when it was not sent. A JSON null reads as `null`, as on the real server.
    pub(crate) fn text(&self, name: &str) -> &str {
        match self.list.iter().find(|(known, _)| known == name) {
            Some((_, Value::Text(text) | Value::Json(text))) => text,
            None => "",
        }
    }

    /// The text of a parameter that was sent and is not empty.
    pub(crate) fn some_text(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// A 64-bit number, leniently read.
    pub(crate) fn long(&self, name: &str) -> i64 {
        lenient_integer(self.text(name))
    }

    /// A 32-bit number, leniently read; it wraps as the server's does.
    pub(crate) fn int(&self, name: &str) -> i32 {
        self.long(name) as i32
    }

    /// A boolean: true only for `true`, `yes` and `1` in any case.
    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.text(name).trim().to_ascii_lowercase().as_str(), "true" | "yes" | "1")
    }

    /// A parameter parsed as JSON, `None` if it is not there or no JSON.
    pub(crate) fn json(&self, name: &str) -> Option<serde_json::Value> {
        serde_json::from_str(self.text(name)).ok()
    }

    /// The file for a direct parameter: `attach://part`, or a part under the parameter's own name.
    pub(crate) fn file(&self, name: &str) -> Option<&Upload> {
        let wanted = match self.some_text(name) {
            Some(text) => text.strip_prefix("attach://")?,
            None => name,
        };
        self.files.iter().find(|file| file.name == wanted)
    }

    /// The call as it is recorded: JSON values as they came, form values as strings, and files as
    /// `{"file":NAME,"size":BYTES}`.
    pub(crate) fn to_json(&self) -> String {
        let mut object = Object::new();
        for (name, value) in &self.list {
            object = match value {
                Value::Text(text) => object.text(name, text),
                Value::Json(json) => object.raw(name, json),
            };
        }
        for file in self.files.iter().filter(|file| !self.has(&file.name)) {
            let size = i64::try_from(file.bytes.len()).unwrap_or(i64::MAX);
            let about = Object::new().text("file", &file.filename).number("size", size).finish();
            object = object.raw(&file.name, &about);
        }
        object.finish()
    }
}

/// Reads the leading number of a text: an optional minus and digits; anything else ends it; it wraps on overflow.
pub(crate) fn lenient_integer(text: &str) -> i64 {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let number = digits
        .bytes()
        .take_while(u8::is_ascii_digit)
        .fold(0_i64, |number, digit| number.wrapping_mul(10).wrapping_add(i64::from(digit - b'0')));
    if negative { number.wrapping_neg() } else { number }
}

/// Undoes percent encoding, and `+` for a space in forms. A broken escape stays as it is; bad UTF-8 is replaced.
pub(crate) fn percent_decode(text: &[u8], form: bool) -> String {
    let hex = |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match (byte, hex(text.get(at)), hex(text.get(at + 1))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) if form => out.push(b' '),
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned())
}

/// Collects the members of an object into `Params`, keeping those read before a fault.
struct Members<'a>(&'a mut Params);

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of parameters")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let raw: &RawValue = map.next_value()?;
            let value = match serde_json::from_str::<String>(raw.get()) {
                Ok(text) => Value::Text(text),
                Err(_) => Value::Json(raw.get().to_owned()),
            };
            self.0.add(name, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_wins_and_the_query_comes_first() {
        let mut params = Params::default();
        params.add_form(b"chat_id=7&text=a%20b+c&chat_id=8&=&flag=YES");
        params.add_json(br#"{"text":"no","limit":"12abc","nested":{"a":[1, 2]},"none":null}"#);
        assert_eq!(params.text("text"), "a b c");
        assert_eq!((params.long("chat_id"), params.int("limit"), params.int("text")), (7, 12, 0));
        assert_eq!(params.text("nested"), r#"{"a":[1, 2]}"#);
        assert_eq!(params.text("none"), "null");
        assert!(params.flag("flag") && !params.flag("limit"));
        assert!(params.to_json().contains(r#""nested":{"a":[1, 2]},"none":null"#));
    }

    #[test]
    fn malformed_json_keeps_what_was_read() {
        let mut params = Params::default();
        params.add_json(br#"{"chat_id":5,"text":"hi","broken"#);
        assert_eq!((params.long("chat_id"), params.text("text")), (5, "hi"));
        for junk in [&b"[1,2]"[..], b"", b"7", b"\xff\xfe", b"{\"a\":\"\xff\"}"] {
            Params::default().add_json(junk);
        }
    }

    #[test]
    fn numbers_wrap_and_never_fail() {
        assert_eq!(lenient_integer("-12x"), -12);
        assert_eq!(lenient_integer(""), 0);
        let _ = lenient_integer("999999999999999999999999999");
        assert_eq!(percent_decode(b"%4", false), "%4");
        assert_eq!(percent_decode(b"%zz+", false), "%zz+");
    }

    proptest::proptest! {
        #[test]
        fn no_body_panics(body: Vec<u8>) {
            let mut params = Params::default();
            params.add_form(&body);
            params.add_json(&body);
            let recorded = params.to_json();
            proptest::prop_assert!(serde_json::from_str::<serde_json::Value>(&recorded).is_ok());
        }
    }
}
