//! The `HTML` parse mode: the few tags Telegram takes. Pure.

use super::scan::{Scan, is_space};
use super::{Entity, Formatted, link, quote};

/// All tags that may be opened.
const TAGS: [&str; 17] = [
    "a",
    "b",
    "strong",
    "i",
    "em",
    "s",
    "strike",
    "del",
    "u",
    "ins",
    "tg-spoiler",
    "tg-emoji",
    "span",
    "pre",
    "code",
    "blockquote",
    "tg-time",
];

#[derive(Debug)]
struct Open {
    tag: String,
    argument: String,
    offset: usize,
    written: usize,
}

/// Parses it, or says in Telegram's words what is wrong.
pub(super) fn parse(text: &str) -> Result<Formatted, String> {
    let mut scan = Scan::new(text);
    let mut entities: Vec<Entity> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    while !scan.is_done() {
        if scan.peek(0) == b'&' {
            match character(&mut scan) {
                Some(letter) => scan.put_char(letter),
                None => scan.copy(),
            }
        } else if scan.peek(0) != b'<' {
            scan.copy();
        } else if scan.peek(1) == b'/' {
            close(&mut scan, &mut open, &mut entities)?;
        } else {
            open.push(begin(&mut scan)?);
        }
    }
    match open.last() {
        Some(last) => Err(format!("Can't find end tag corresponding to start tag \"{}\"", last.tag)),
        None => Ok(Formatted { text: scan.finish(), entities }),
    }
}

/// Reads a character reference at `&`; `None`, with nothing read, if it is none.
fn character(scan: &mut Scan<'_>) -> Option<char> {
    let start = scan.at;
    scan.at += 1;
    let letter = if scan.peek(0) == b'#' {
        scan.at += 1;
        let hex = matches!(scan.peek(0), b'x' | b'X');
        scan.at += usize::from(hex);
        let begin = scan.at;
        scan.skip_until(|byte| if hex { !byte.is_ascii_hexdigit() } else { !byte.is_ascii_digit() });
        let code = u32::from_str_radix(&scan.read_since(begin), if hex { 16 } else { 10 }).ok();
        code.filter(|&code| code != 0).and_then(char::from_u32)
    } else {
        let begin = scan.at;
        scan.skip_until(|byte| !byte.is_ascii_alphabetic());
        match scan.read_since(begin).as_str() {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            _ => None,
        }
    };
    match letter {
        Some(_) => scan.at += usize::from(scan.peek(0) == b';'),
        None => scan.at = start,
    }
    letter
}

/// Reads a start tag with its attributes.
fn begin(scan: &mut Scan<'_>) -> Result<Open, String> {
    let start = scan.at;
    let unclosed = || format!("Unclosed start tag at byte offset {start}");
    scan.at += 1;
    scan.skip_until(|byte| is_space(byte) || byte == b'>');
    if scan.is_done() {
        return Err(unclosed());
    }
    let tag = scan.read_since(start + 1).to_ascii_lowercase();
    if !TAGS.contains(&tag.as_str()) {
        return Err(format!("Unsupported start tag \"{tag}\" at byte offset {start}"));
    }
    let mut argument = String::new();
    loop {
        scan.skip_until(|byte| !is_space(byte));
        if scan.is_done() {
            return Err(unclosed());
        }
        if scan.peek(0) == b'>' {
            break;
        }
        let name_at = scan.at;
        scan.skip_until(|byte| is_space(byte) || byte == b'=' || byte == b'>');
        let name = scan.read_since(name_at);
        if name.is_empty() {
            return Err(format!("Empty attribute name in the tag \"{tag}\" at byte offset {start}"));
        }
        scan.skip_until(|byte| !is_space(byte));
        if scan.peek(0) != b'=' {
            if tag == "blockquote" && name == "expandable" {
                argument = "1".to_owned();
                continue;
            }
            let what = "Expected equal sign in declaration of an attribute of the tag";
            return Err(format!("{what} \"{tag}\" at byte offset {start}"));
        }
        scan.at += 1;
        let value = attribute_value(scan)?;
        if scan.is_done() {
            return Err(unclosed());
        }
        match (tag.as_str(), name.as_str()) {
            ("a", "href") | ("tg-emoji", "emoji-id") => argument = value,
            ("code", "class") => argument = value.strip_prefix("language-").unwrap_or(&argument).to_owned(),
            ("span", "class") => argument = value.strip_prefix("tg-").unwrap_or(&argument).to_owned(),
            ("blockquote", "expandable") => argument = "1".to_owned(),
            _ => {}
        }
    }
    scan.at += 1;
    if tag == "span" && argument != "spoiler" {
        return Err(format!("Tag \"span\" must have class \"tg-spoiler\" at byte offset {start}"));
    }
    Ok(Open { tag, argument, offset: scan.utf16, written: scan.written() })
}

/// Reads an attribute's value: quoted, or a bare word.
fn attribute_value(scan: &mut Scan<'_>) -> Result<String, String> {
    scan.skip_until(|byte| !is_space(byte));
    let start = scan.at;
    let end = scan.peek(0);
    if end != b'"' && end != b'\'' {
        scan.skip_until(|byte| !(byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-'));
        if !scan.is_done() && !is_space(scan.peek(0)) && scan.peek(0) != b'>' {
            return Err(format!("Unexpected end of name token at byte offset {start}"));
        }
        return Ok(scan.read_since(start).to_ascii_lowercase());
    }
    scan.at += 1;
    let mut value = Vec::new();
    while !scan.is_done() && scan.peek(0) != end {
        match if scan.peek(0) == b'&' { character(scan) } else { None } {
            Some(letter) => {
                let mut bytes = [0; 4];
                value.extend_from_slice(letter.encode_utf8(&mut bytes).as_bytes());
            }
            None => {
                value.push(scan.peek(0));
                scan.at += 1;
            }
        }
    }
    scan.at += usize::from(!scan.is_done());
    Ok(String::from_utf8_lossy(&value).into_owned())
}

/// Reads an end tag and makes the entity it ends.
fn close(scan: &mut Scan<'_>, open: &mut Vec<Open>, entities: &mut Vec<Entity>) -> Result<(), String> {
    let start = scan.at;
    let Some(opened) = open.pop() else {
        return Err(format!("Unexpected end tag at byte offset {start}"));
    };
    scan.at += 2;
    scan.skip_until(|byte| is_space(byte) || byte == b'>');
    let name = scan.read_since(start + 2);
    scan.skip_until(|byte| !is_space(byte));
    if scan.peek(0) != b'>' {
        return Err(format!("Unclosed end tag at byte offset {start}"));
    }
    scan.at += 1;
    let tag = &opened.tag;
    if !name.is_empty() && name != *tag {
        return Err(format!(
            "Unmatched end tag at byte offset {start}, expected \"</{tag}>\", found \"</{name}>\""
        ));
    }
    if scan.utf16 > opened.offset {
        make(scan, &opened, entities)?;
    }
    Ok(())
}

fn make(scan: &Scan<'_>, opened: &Open, entities: &mut Vec<Entity>) -> Result<(), String> {
    let (offset, end) = (opened.offset, scan.utf16);
    let whole = |entity: &Entity| entity.offset == offset && entity.offset + entity.length == end;
    let inner = entities.last_mut().filter(|entity| whole(entity));
    let language = |name: &str| Some(("language", quote(name))).filter(|_| !name.is_empty());
    let (kind, extra) = match opened.tag.as_str() {
        "b" | "strong" => ("bold", None),
        "i" | "em" => ("italic", None),
        "s" | "strike" | "del" => ("strikethrough", None),
        "u" | "ins" => ("underline", None),
        "tg-spoiler" | "span" => ("spoiler", None),
        "blockquote" if opened.argument.is_empty() => ("blockquote", None),
        "blockquote" => ("expandable_blockquote", None),
        "tg-emoji" => {
            if opened.argument.parse::<i64>().is_err() {
                return Err("Invalid custom emoji identifier specified".to_owned());
            }
            ("custom_emoji", Some(("custom_emoji_id", quote(&opened.argument))))
        }
        "a" => {
            let shown =
                if opened.argument.is_empty() { scan.written_since(opened.written) } else { String::new() };
            let url = if opened.argument.is_empty() { &shown } else { &opened.argument };
            let Some((kind, extra)) = link(url) else {
                return Ok(());
            };
            (kind, Some(extra))
        }
        // `<pre><code class="language-x">` either way round is one entity with a language.
        "pre" => match inner {
            Some(code) if code.kind == "code" => {
                code.kind = "pre".to_owned();
                return Ok(());
            }
            _ => ("pre", None),
        },
        "code" => match inner {
            Some(pre) if pre.kind == "pre" && !opened.argument.is_empty() => {
                pre.extra = language(&opened.argument);
                return Ok(());
            }
            _ => ("code", language(&opened.argument)),
        },
        _ => return Ok(()),
    };
    entities.push(Entity::new(kind, offset, end, extra));
    Ok(())
}
