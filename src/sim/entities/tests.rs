//! Tests of formatted text: every markup's entities and its words for what is wrong.

use super::*;

/// A text's entities as `kind@offset+length`, or the description of the failure.
fn outline(text: &str, mode: &str) -> String {
    match parse(text, mode, None) {
        Err(failure) => failure.description.into_owned(),
        Ok(formatted) => {
            let list = formatted.entities.iter().map(|entity| {
                let extra =
                    entity.extra.as_ref().map(|(key, json)| format!("[{key}={json}]")).unwrap_or_default();
                format!(" {}@{}+{}{extra}", entity.kind, entity.offset, entity.length)
            });
            format!("{}{}", formatted.text, list.collect::<String>())
        }
    }
}

#[test]
fn html() {
    for (text, expected) in [
        ("<b>😀x</b> <i>y</i>", "😀x y bold@0+3 italic@4+1"),
        ("<b>a<i>b</i></b>", "ab bold@0+2 italic@1+1"),
        ("1 &lt; 2 &amp;&#38; &#x41; &nope;", "1 < 2 && A &nope;"),
        ("<a href=\"example.com\">x</a>", "x text_link@0+1[url=\"http://example.com/\"]"),
        ("<a href='https://e.com/?a=1&amp;b=2'>x</a>", "x text_link@0+1[url=\"https://e.com/?a=1&b=2\"]"),
        ("<a href=\"nonsense\">x</a>", "x"),
        ("<pre><code class=\"language-rust\">x</code></pre>", "x pre@0+1[language=\"rust\"]"),
        ("<pre>x</pre><code>y</code>", "xy pre@0+1 code@1+1"),
        ("<span class=\"tg-spoiler\">x</span>", "x spoiler@0+1"),
        ("<blockquote expandable>x</blockquote>", "x expandable_blockquote@0+1"),
        ("<tg-emoji emoji-id=\"5\">😀</tg-emoji>", "😀 custom_emoji@0+2[custom_emoji_id=\"5\"]"),
        ("<b></b>x", "x"),
        ("<x>y</x>", "Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 0"),
        ("a <b", "Bad Request: can't parse entities: Unclosed start tag at byte offset 2"),
        (
            "<b>x</i>",
            "Bad Request: can't parse entities: Unmatched end tag at byte offset 4, expected \"</b>\", found \"</i>\"",
        ),
        ("x</b>", "Bad Request: can't parse entities: Unexpected end tag at byte offset 1"),
        ("<b>x", "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\""),
        (
            "<a href>x</a>",
            "Bad Request: can't parse entities: Expected equal sign in declaration of an attribute of \
          the tag \"a\" at byte offset 0",
        ),
    ] {
        assert_eq!(outline(text, "HTML"), expected, "{text}");
    }
}

#[test]
fn old_markdown() {
    for (text, expected) in [
        ("*b* _i_ `c`", "b i c bold@0+1 italic@2+1 code@4+1"),
        ("```rust\nx```", "x pre@0+1[language=\"rust\"]"),
        ("```\nx```", "x pre@0+1"),
        ("[x](http://e.com/a)", "x text_link@0+1[url=\"http://e.com/a\"]"),
        (
            "[x](tg://user?id=5)y",
            "xy text_mention@0+1[user={\"id\":5,\"is_bot\":false,\"first_name\":\"User 5\"}]",
        ),
        ("a\\_b **", "a_b"),
        ("é *b", "Bad Request: can't parse entities: Can't find end of the entity starting at byte offset 3"),
        ("```x", "Bad Request: can't parse entities: Can't find end of the entity starting at byte offset 0"),
    ] {
        assert_eq!(outline(text, "Markdown"), expected, "{text}");
    }
}

#[test]
fn markdown_v2() {
    for (text, expected) in [
        (
            "*b _i_* __u__ ~s~ ||p||",
            "b i u s p bold@0+3 italic@2+1 underline@4+1 strikethrough@6+1 spoiler@8+1",
        ),
        ("`a.b` ```py\nx.y```", "a.b x.y code@0+3 pre@4+3[language=\"py\"]"),
        ("[x](http://e.com/\\))", "x text_link@0+1[url=\"http://e.com/)\"]"),
        ("![😀](tg://emoji?id=5)", "😀 custom_emoji@0+2[custom_emoji_id=\"5\"]"),
        (">a\n>b\nc", "a\nb\nc blockquote@0+4"),
        ("a\\.", "a."),
        (
            "a.",
            "Bad Request: can't parse entities: Character '.' is reserved and must be escaped with the preceding '\\'",
        ),
        ("é*b", "Bad Request: can't parse entities: Can't find end of Bold entity at byte offset 2"),
        ("[x](e", "Bad Request: can't parse entities: Can't find end of a URL at byte offset 4"),
    ] {
        assert_eq!(outline(text, "MarkdownV2"), expected, "{text}");
    }
}

#[test]
fn found_in_plain_text() {
    for (text, expected) in [
        ("/start@sim_1_bot now", "/start@sim_1_bot now bot_command@0+16"),
        ("a/b //c /", "a/b //c /"),
        ("😀 @name #tag1 #1", "😀 @name #tag1 #1 mention@3+5 hashtag@9+5"),
        ("see https://e.com/a?b=1, ok", "see https://e.com/a?b=1, ok url@4+19"),
        ("to a.b@mail.org.", "to a.b@mail.org. email@3+12"),
        ("  \n hi \n", "hi"),
    ] {
        assert_eq!(outline(text, ""), expected, "{text}");
    }
}

#[test]
fn given_as_a_list() {
    let list = |json: &str| parse("hi you", "", serde_json::from_str(json).ok());
    let bold = list(r#"[{"type":"bold","offset":3,"length":99}]"#).unwrap();
    assert_eq!((bold.entities[0].offset, bold.entities[0].length), (3, 3));
    assert_eq!(
        list(r#"[{"type":"bold"}]"#).unwrap_err().description,
        "Bad Request: can't parse MessageEntity: Can't find field \"offset\""
    );
    assert!(list("{}").unwrap().entities.is_empty());
    assert_eq!(parse("x", "null", None).unwrap_err().description, "Bad Request: unsupported parse_mode");
}

proptest::proptest! {
    /// No text panics in any mode, and no entity leaves the text.
    #[test]
    fn any_text(text in "[a-c<>/&;\"= *_`~|\\[\\]()!>\n\\\\😀é.@#]{0,40}", mode in 0_usize..4) {
        if let Ok(formatted) = parse(&text, ["", "html", "markdown", "markdownv2"][mode], None) {
            let length = utf16_len(&formatted.text);
            for entity in &formatted.entities {
                proptest::prop_assert!(entity.length > 0 && entity.offset + entity.length <= length);
            }
        }
    }
}
