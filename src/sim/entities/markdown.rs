//! The old `Markdown` parse mode: no nesting, four marks. Pure.

use super::scan::Scan;
use super::{Entity, Formatted, link, quote};

/// Parses it, or says in Telegram's words what is wrong.
pub(super) fn parse(text: &str) -> Result<Formatted, String> {
    let mut scan = Scan::new(text);
    let mut entities = Vec::new();
    while !scan.is_done() {
        let mark = scan.peek(0);
        if mark == b'\\' && matches!(scan.peek(1), b'_' | b'*' | b'`' | b'[') {
            scan.at += 1;
            scan.copy();
        } else if matches!(mark, b'_' | b'*' | b'`' | b'[') {
            entities.extend(entity(&mut scan)?);
        } else {
            scan.copy();
        }
    }
    Ok(Formatted { text: scan.finish(), entities })
}

fn entity(scan: &mut Scan<'_>) -> Result<Option<Entity>, String> {
    let begin = scan.at;
    let mark = scan.peek(0);
    let fenced = scan.starts_with(b"```");
    scan.at += if fenced { 3 } else { 1 };
    let language = if fenced { scan.skip_fence_head() } else { None };
    let end: &[u8] = match mark {
        b'[' => b"]",
        b'`' if fenced => b"```",
        b'`' => b"`",
        b'_' => b"_",
        _ => b"*",
    };
    let (offset, written) = (scan.utf16, scan.written());
    while !scan.is_done() && !scan.starts_with(end) {
        scan.copy();
    }
    if scan.is_done() {
        return Err(format!("Can't find end of the entity starting at byte offset {begin}"));
    }
    scan.at += end.len();
    let url = match mark {
        b'[' if scan.peek(0) == b'(' => {
            let begin = scan.at + 1;
            scan.skip_until(|byte| byte == b')');
            let url = scan.read_since(begin);
            scan.at += 1;
            url
        }
        b'[' => scan.written_since(written),
        _ => String::new(),
    };
    if scan.utf16 == offset {
        return Ok(None);
    }
    let made = |kind: &str, extra| Some(Entity::new(kind, offset, scan.utf16, extra));
    Ok(match mark {
        b'_' => made("italic", None),
        b'*' => made("bold", None),
        b'[' => link(&url).and_then(|(kind, extra)| made(kind, Some(extra))),
        _ if fenced => made("pre", language.map(|name| ("language", quote(&name)))),
        _ => made("code", None),
    })
}
