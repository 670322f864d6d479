//! A text with its entities, for a terminal: in colours as it would look, without them as one would write it.
//!
//! Pure. Offsets and lengths count UTF-16 code units (Bot API, "MessageEntity").

use serde_json::Value;

use super::paint::{Paint, Style, safe};

/// A stretch of text with a format, in UTF-16 code units.
struct Stretch<'a> {
    from: usize,
    to: usize,
    kind: &'a str,
    url: Option<&'a str>,
}

/// The text of a message, `text` or `caption`, with its entities.
pub(super) fn formatted(text: &str, entities: &Value, paint: Paint) -> String {
    let stretches = stretches(entities);
    if stretches.is_empty() {
        return safe(text);
    }
    let mut out = String::new();
    let mut run = String::new();
    let mut at = 0;
    for letter in text.chars() {
        if stretches.iter().any(|stretch| stretch.from == at || stretch.to == at) {
            out.push_str(&painted(&run, &stretches, at, paint));
            run.clear();
            out.push_str(&marks(&stretches, at, paint));
        }
        run.push(letter);
        at += letter.len_utf16();
    }
    out.push_str(&painted(&run, &stretches, at, paint));
    out.push_str(&marks(&stretches, at, paint));
    out
}

fn stretches(entities: &Value) -> Vec<Stretch<'_>> {
    let number = |entity: &Value, key: &str| usize::try_from(entity[key].as_u64()?).ok();
    let list = entities.as_array().into_iter().flatten();
    list.filter_map(|entity| {
        let kind = entity["type"].as_str()?;
        let from = number(entity, "offset")?;
        let to = from.checked_add(number(entity, "length")?)?;
        let stretch = Stretch { from, to, kind, url: entity["url"].as_str() };
        (to > from && (style(kind).is_some() || marker(kind).is_some())).then_some(stretch)
    })
    .collect()
}

/// The text that ends at `end`, in the styles of the stretches it lies in.
fn painted(run: &str, stretches: &[Stretch<'_>], end: usize, paint: Paint) -> String {
    let around = stretches.iter().filter(|stretch| stretch.from < end && end <= stretch.to);
    let styles: Vec<Style> = around.filter_map(|stretch| style(stretch.kind)).collect();
    paint.all(&styles, &safe(run))
}

/// What stands between two letters: the ends of formats, inner ones first, then the beginnings of others.
fn marks(stretches: &[Stretch<'_>], at: usize, paint: Paint) -> String {
    let mark = |stretch: &Stretch<'_>| match stretch.kind {
        // These look the same in colour, or have no colour.
        "spoiler" | "blockquote" | "expandable_blockquote" => marker(stretch.kind),
        _ if paint.colours => None,
        kind => marker(kind),
    };
    let mut out = String::new();
    let mut ending: Vec<&Stretch<'_>> = stretches.iter().filter(|stretch| stretch.to == at).collect();
    ending.sort_by_key(|stretch| std::cmp::Reverse(stretch.from));
    for stretch in ending {
        out.push_str(mark(stretch).map_or("", |(_, close)| close));
        if let Some(url) = stretch.url {
            out.push_str(&paint.one(Style::Dim, &format!(" ({})", safe(url))));
        }
    }
    let mut beginning: Vec<&Stretch<'_>> = stretches.iter().filter(|stretch| stretch.from == at).collect();
    beginning.sort_by_key(|stretch| std::cmp::Reverse(stretch.to));
    for stretch in beginning {
        out.push_str(mark(stretch).map_or("", |(open, _)| open));
    }
    out
}

fn style(kind: &str) -> Option<Style> {
    Some(match kind {
        "bold" => Style::Bold,
        "italic" => Style::Italic,
        "underline" | "text_link" => Style::Underline,
        "strikethrough" => Style::Strike,
        "code" | "pre" => Style::Code,
        "spoiler" => Style::Dim,
        _ => return None,
    })
}

fn marker(kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        "bold" => ("*", "*"),
        "italic" => ("_", "_"),
        "underline" => ("__", "__"),
        "strikethrough" => ("~", "~"),
        "code" => ("`", "`"),
        "pre" => ("```\n", "\n```"),
        "spoiler" => ("||", "||"),
        "text_link" => ("", ""),
        "blockquote" | "expandable_blockquote" => ("> ", ""),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const OFF: Paint = Paint { colours: false };
    const ON: Paint = Paint { colours: true };

    #[test]
    fn formats_are_readable_without_colours() {
        let entities = json!([{"type": "bold", "offset": 0, "length": 5}, {"type": "code", "offset": 9, "length": 1},
            {"type": "text_link", "offset": 11, "length": 4, "url": "https://a.b"}, {"type": "url", "offset": 0, "length": 1}]);
        assert_eq!(formatted("Hello 😀 x docs", &entities, OFF), "*Hello* 😀 `x` docs (https://a.b)");
    }

    #[test]
    fn formats_nest_and_touch() {
        let entities = json!([{"type": "bold", "offset": 0, "length": 4}, {"type": "italic", "offset": 2, "length": 2},
            {"type": "spoiler", "offset": 4, "length": 1}]);
        assert_eq!(formatted("abcdef", &entities, OFF), "*ab_cd_*||e||f");
        assert_eq!(
            formatted("abcdef", &entities, ON),
            "\x1b[1mab\x1b[0m\x1b[1;3mcd\x1b[0m||\x1b[2me\x1b[0m||f"
        );
    }

    #[test]
    fn odd_entities_do_no_harm() {
        let odd = json!([{"type": "bold", "offset": 1, "length": 99}, {"type": "bold", "offset": 18446744073709551615u64,
            "length": 1}, {"type": "bold", "offset": 0, "length": 0}, 5, {"type": 7}]);
        assert_eq!(formatted("a\x1bb", &odd, OFF), "a*\\u{1b}b");
        assert_eq!(formatted("abc", &Value::Null, OFF), "abc");
    }

    proptest::proptest! {
        #[test]
        fn no_text_and_no_entity_is_too_odd(text: String, offset in 0u64..20, length in 0u64..20) {
            let entities = json!([{"type": "pre", "offset": offset, "length": length}]);
            proptest::prop_assert!(!formatted(&text, &entities, OFF).contains('\x1b'));
        }
    }
}
