//! The `MarkdownV2` parse mode: nesting, and every reserved character must be escaped. Pure.

use super::scan::Scan;
use super::{Entity, Formatted, link, quote};

/// Characters that mean something, or must be escaped.
const RESERVED: &[u8] = b"_*[]()~`>#+-=|{}.!\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bold,
    Italic,
    Underline,
    Strikethrough,
    Spoiler,
    Code,
    Pre,
    PreCode,
    TextUrl,
    CustomEmoji,
    BlockQuote,
}

#[derive(Debug)]
struct Open {
    kind: Kind,
    language: Option<String>,
    offset: usize,
    byte_offset: usize,
    written: usize,
}

/// Parses it, or says in Telegram's words what is wrong.
pub(super) fn parse(text: &str) -> Result<Formatted, String> {
    let mut scan = Scan::new(text);
    let mut entities = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut quoting = false;
    while !scan.is_done() {
        if scan.peek(0) == b'\\' && (1..=126).contains(&scan.peek(1)) {
            scan.at += 1;
            scan.copy();
            continue;
        }
        let mark = scan.peek(0);
        let inside = open.last().map(|entity| entity.kind);
        let verbatim = matches!(inside, Some(Kind::Code | Kind::Pre | Kind::PreCode));
        let reserved = if verbatim { mark == b'`' } else { RESERVED.contains(&mark) };
        if !reserved {
            scan.copy();
        } else if inside.is_some_and(|kind| ends(kind, quoting, &scan)) {
            close(&mut scan, &mut open, &mut entities, &mut quoting)?;
        } else if let Some(entity) = begin(&mut scan, &mut quoting)? {
            open.push(entity);
        }
    }
    if quoting && open.last().is_some_and(|entity| entity.kind == Kind::BlockQuote) {
        let offset = open.pop().map_or(0, |entity| entity.offset);
        if scan.utf16 > offset {
            entities.push(Entity::new("blockquote", offset, scan.utf16, None));
        }
    }
    match open.last() {
        Some(entity) => Err(unfinished(entity)),
        None => Ok(Formatted { text: scan.finish(), entities }),
    }
}

fn unfinished(entity: &Open) -> String {
    format!("Can't find end of {:?} entity at byte offset {}", entity.kind, entity.byte_offset)
}

/// Whether the present mark ends the innermost entity.
fn ends(kind: Kind, quoting: bool, scan: &Scan<'_>) -> bool {
    if quoting && scan.peek(0) == b'\n' && scan.peek(1) != b'>' {
        return true;
    }
    match kind {
        Kind::Bold => scan.peek(0) == b'*',
        Kind::Italic => scan.peek(0) == b'_' && scan.peek(1) != b'_',
        Kind::Underline => scan.starts_with(b"__"),
        Kind::Strikethrough => scan.peek(0) == b'~',
        Kind::Spoiler => scan.starts_with(b"||"),
        Kind::Code => scan.peek(0) == b'`',
        Kind::Pre | Kind::PreCode => scan.starts_with(b"```"),
        Kind::TextUrl | Kind::CustomEmoji => scan.peek(0) == b']',
        Kind::BlockQuote => false,
    }
}

/// Opens an entity; a line break outside of quotations opens none.
fn begin(scan: &mut Scan<'_>, quoting: &mut bool) -> Result<Option<Open>, String> {
    let mark = scan.peek(0);
    let byte_offset = scan.at;
    let mut language = None;
    let (kind, width) = match mark {
        b'_' if scan.peek(1) == b'_' => (Kind::Underline, 2),
        b'_' => (Kind::Italic, 1),
        b'*' => (Kind::Bold, 1),
        b'~' => (Kind::Strikethrough, 1),
        b'|' if scan.peek(1) == b'|' => (Kind::Spoiler, 2),
        b'[' => (Kind::TextUrl, 1),
        b'!' if scan.peek(1) == b'[' => (Kind::CustomEmoji, 2),
        b'`' if scan.starts_with(b"```") => {
            scan.at += 3;
            language = scan.skip_fence_head();
            (if language.is_some() { Kind::PreCode } else { Kind::Pre }, 0)
        }
        b'`' => (Kind::Code, 1),
        b'>' if scan.at == 0 => (Kind::BlockQuote, 1),
        b'\n' => {
            scan.copy();
            if scan.peek(0) != b'>' {
                return Ok(None);
            }
            scan.at += 1;
            if *quoting {
                return Ok(None);
            }
            (Kind::BlockQuote, 0)
        }
        other => {
            let other = char::from(other);
            return Err(format!(
                "Character '{other}' is reserved and must be escaped with the preceding '\\'"
            ));
        }
    };
    *quoting |= kind == Kind::BlockQuote;
    scan.at += width;
    Ok(Some(Open { kind, language, offset: scan.utf16, byte_offset, written: scan.written() }))
}

/// Closes the innermost entity.
fn close(
    scan: &mut Scan<'_>,
    open: &mut Vec<Open>,
    entities: &mut Vec<Entity>,
    quoting: &mut bool,
) -> Result<(), String> {
    let Some(entity) = open.pop() else { return Ok(()) };
    if scan.peek(0) == b'\n' && entity.kind != Kind::BlockQuote {
        return Err(unfinished(&entity));
    }
    let end = scan.utf16;
    let mut made = |kind: &str, end: usize, extra| {
        if end > entity.offset {
            entities.push(Entity::new(kind, entity.offset, end, extra));
        }
    };
    let (kind, width) = match entity.kind {
        Kind::Bold => ("bold", 1),
        Kind::Italic => ("italic", 1),
        Kind::Underline => ("underline", 2),
        Kind::Strikethrough => ("strikethrough", 1),
        Kind::Spoiler => ("spoiler", 2),
        Kind::Code => ("code", 1),
        Kind::Pre | Kind::PreCode => ("pre", 3),
        Kind::BlockQuote => {
            *quoting = false;
            scan.copy();
            made("blockquote", scan.utf16, None);
            return Ok(());
        }
        Kind::TextUrl => {
            let url = match target(scan, "a URL")? {
                Some(url) => url,
                None => scan.written_since(entity.written),
            };
            if let Some((kind, extra)) = link(&url) {
                made(kind, end, Some(extra));
            }
            return Ok(());
        }
        Kind::CustomEmoji => {
            let url = target(scan, "a custom emoji URL")?;
            let url = url.ok_or("Custom emoji entity must contain a tg://emoji URL")?;
            let id = url.strip_prefix("tg://emoji?id=").filter(|id| id.parse::<i64>().is_ok());
            let id = id.ok_or("Custom emoji URL must have an emoji identifier")?;
            made("custom_emoji", end, Some(("custom_emoji_id", quote(id))));
            return Ok(());
        }
    };
    scan.at += width;
    made(kind, end, entity.language.as_deref().map(|name| ("language", quote(name))));
    Ok(())
}

/// The address in parentheses after `]`, with its escapes undone; `None` if there is none.
fn target(scan: &mut Scan<'_>, what: &str) -> Result<Option<String>, String> {
    scan.at += 1;
    if scan.peek(0) != b'(' {
        return Ok(None);
    }
    scan.at += 1;
    let begin = scan.at;
    let mut url = Vec::new();
    while !scan.is_done() && scan.peek(0) != b')' {
        if scan.peek(0) == b'\\' && (1..=126).contains(&scan.peek(1)) {
            scan.at += 1;
        }
        url.push(scan.peek(0));
        scan.at += 1;
    }
    if scan.is_done() {
        return Err(format!("Can't find end of {what} at byte offset {begin}"));
    }
    scan.at += 1;
    Ok(Some(String::from_utf8_lossy(&url).into_owned()))
}
