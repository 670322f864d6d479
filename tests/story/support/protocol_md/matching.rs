//! When what was seen matches what `protocol.md` shows: the string `"…"` stands for any value, one that ends in `…` for
//! any string with that beginning.

use serde_json::Value;

/// Whether `seen` has all that `shown` has: objects may have further keys; arrays have the same length.
pub(crate) fn shows(shown: &Value, seen: &Value) -> bool {
    agree(shown, seen, true)
}

/// Whether `seen` is what `shown` is, but for the places that are left open by `…`.
pub(crate) fn equals(shown: &Value, seen: &Value) -> bool {
    agree(shown, seen, false)
}

fn agree(shown: &Value, seen: &Value, more_keys: bool) -> bool {
    match (shown, seen) {
        (Value::String(open), _) if open == "…" => true,
        (Value::String(shown), Value::String(seen)) => match shown.strip_suffix('…') {
            Some(beginning) => seen.starts_with(beginning),
            None => shown == seen,
        },
        (Value::Object(shown), Value::Object(seen)) => {
            (more_keys || shown.len() == seen.len())
                && shown
                    .iter()
                    .all(|(key, shown)| seen.get(key).is_some_and(|seen| agree(shown, seen, more_keys)))
        }
        (Value::Array(shown), Value::Array(seen)) => {
            shown.len() == seen.len()
                && shown.iter().zip(seen).all(|(shown, seen)| agree(shown, seen, more_keys))
        }
        _ => shown == seen,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_shown_line_may_have_further_keys_but_no_others() {
        let shown = json!({"ok":true,"result":{"chat":{"id":42}}});
        assert!(shows(&shown, &json!({"ok":true,"n":1,"result":{"chat":{"id":42,"type":"private"}}})));
        assert!(!shows(&shown, &json!({"ok":true,"result":{"chat":{"id":43}}})));
        assert!(!shows(&shown, &json!({"ok":true})));
        assert!(!shows(&json!([1]), &json!([1, 2])));
    }

    #[test]
    fn equal_means_every_key() {
        assert!(equals(&json!({"a":1,"b":[{"c":2}]}), &json!({"b":[{"c":2}],"a":1})));
        assert!(!equals(&json!({"a":1}), &json!({"a":1,"b":2})));
        assert!(!equals(&json!([{"a":1}]), &json!([{"a":1,"b":2}])));
    }

    #[test]
    fn an_ellipsis_is_an_open_place() {
        assert!(equals(&json!({"a":"…"}), &json!({"a":[1]})));
        assert!(equals(&json!("asgigram: …"), &json!("asgigram: no chat")));
        assert!(!equals(&json!("asgigram: …"), &json!("Bad Request")));
        assert!(!equals(&json!("asgigram: …"), &json!(7)));
        assert!(!shows(&json!({"a":"…"}), &json!({})));
    }
}
