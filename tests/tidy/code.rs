//! Rust source taken apart as far as the rules need: names and signs, and comments, without what strings hold.

/// A name, a number, or a single sign; `::` is one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

/// A source file.
#[derive(Debug, Default)]
pub(crate) struct Source<'a> {
    pub(crate) tokens: Vec<Token<'a>>,
    pub(crate) comments: Vec<Token<'a>>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(text: &'a str) -> Source<'a> {
        let mut source = Source::default();
        let (mut at, mut line) = (0, 1);
        while let Some(first) = text[at..].chars().next() {
            let rest = &text[at..];
            let length = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                block_comment(rest)
            } else if let Some(length) = literal(rest) {
                length
            } else if is_of_name(first) {
                rest.find(|sign| !is_of_name(sign)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            let token = Token { text: &rest[..length], line };
            if rest.starts_with("//") || rest.starts_with("/*") {
                source.comments.push(token);
            } else if !first.is_whitespace() && literal(rest).is_none() {
                source.tokens.push(token);
            }
            line += rest[..length].matches('\n').count();
            at += length;
        }
        source
    }

    /// The lines where these tokens follow each other.
    pub(crate) fn lines_of(&self, wanted: &[&str]) -> Vec<usize> {
        let same = |window: &&[Token<'_>]| window.iter().zip(wanted).all(|(token, want)| token.text == *want);
        self.tokens.windows(wanted.len()).filter(same).map(|window| window[0].line).collect()
    }
}

fn is_of_name(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

/// The length of a comment that may hold others.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    text.len()
}

/// The length of the string or character with which the text begins.
fn literal(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r"].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| rest.trim_start_matches('#').starts_with(['"', '\'']))
    });
    let prefix = prefix.unwrap_or_default();
    let rest = &text[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let open = rest[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let inside = open.find(&end).unwrap_or(open.len());
        return Some((prefix.len() + hashes + 1 + inside + end.len()).min(text.len()));
    }
    let quote = rest.chars().next().filter(|sign| ['"', '\''].contains(sign))?;
    let mut signs = rest.char_indices().skip(1);
    if quote == '\'' {
        // A character is one sign or an escape; all else that begins so is a lifetime.
        let (_, first) = signs.next()?;
        if first != '\\' {
            let (at, last) = signs.next()?;
            return (last == '\'').then_some(prefix.len() + at + 1);
        }
        signs.next();
    }
    let mut escaped = false;
    for (at, sign) in signs {
        match sign {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if sign == quote => return Some(prefix.len() + at + 1),
            _ => {}
        }
    }
    Some(text.len())
}

#[test]
fn strings_and_comments_are_told_from_code() {
    let text = r##"//! a "quote
fn f<'a>(x: &'a str) /* b /* c */ d */ { g("} // e\"", b'\'', '"', r#"h " i"#, c::d) }
// j"##;
    let source = Source::new(text);
    let tokens: Vec<&str> = source.tokens.iter().map(|token| token.text).collect();
    let expected = "fn f < ' a > ( x : & ' a str ) { g ( , , , , c :: d ) }";
    assert_eq!(tokens.join(" "), expected);
    let comments: Vec<_> = source.comments.iter().map(|comment| (comment.text, comment.line)).collect();
    assert_eq!(comments, [("//! a \"quote", 1), ("/* b /* c */ d */", 2), ("// j", 3)]);
    assert_eq!(source.lines_of(&["c", "::", "d"]), [2]);
}
