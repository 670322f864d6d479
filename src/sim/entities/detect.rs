//! Entities nobody marks: commands, mentions, hashtags, links and e-mail addresses in plain text. Pure.
//! Simpler than Telegram's: links are found by their scheme or `www.`, not by a list of top-level domains.

use super::{Entity, utf16_len};

/// All that is found, in order of appearance, none overlapping.
pub(super) fn find(text: &str) -> Vec<Entity> {
    let mut entities = Vec::new();
    if !text.contains(['/', '@', '#', '.']) {
        return entities;
    }
    let mut utf16 = 0;
    let mut before = ' ';
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let taken = match letter {
            '/' if !is_word(before) && !matches!(before, '/' | '<' | '>') => command(rest),
            '@' if !is_word(before) => name(rest, 4).map(|length| ("mention", length)),
            '#' if !is_word(before) => hashtag(rest),
            _ if !is_word(before) && !matches!(before, '.' | '-' | '@' | '/' | '#') => {
                url(rest).or_else(|| email(rest))
            }
            _ => None,
        };
        let (kind, length) = taken.unwrap_or(("", letter.len_utf8()));
        let (head, tail) = rest.split_at(length);
        let end = utf16 + utf16_len(head);
        if !kind.is_empty() {
            entities.push(Entity::new(kind, utf16, end, None));
        }
        utf16 = end;
        before = head.chars().next_back().unwrap_or(' ');
        rest = tail;
    }
    entities
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Length of `@name` with at least `least` letters.
fn name(text: &str, least: usize) -> Option<usize> {
    let rest = text.strip_prefix('@')?;
    let length = rest.bytes().take_while(|&byte| byte.is_ascii_alphanumeric() || byte == b'_').count();
    let ends = !rest.get(length..)?.chars().next().is_some_and(is_word);
    (ends && (least..=32).contains(&length)).then_some(length + 1)
}

fn command(text: &str) -> Option<(&'static str, usize)> {
    let rest = text.strip_prefix('/')?;
    let length = rest.bytes().take_while(|&byte| byte.is_ascii_alphanumeric() || byte == b'_').count();
    if !(1..=64).contains(&length) {
        return None;
    }
    let tail = rest.get(length..)?;
    let length = 1 + length + name(tail, 3).unwrap_or(0);
    let next = text.get(length..)?.chars().next().unwrap_or(' ');
    (!is_word(next) && !matches!(next, '/' | '<' | '>')).then_some(("bot_command", length))
}

fn hashtag(text: &str) -> Option<(&'static str, usize)> {
    let tag = text.strip_prefix('#')?;
    let end = tag.find(|letter| !is_word(letter)).unwrap_or(tag.len());
    let tag = tag.get(..end)?;
    let fits = tag.chars().any(char::is_alphabetic) && tag.chars().count() <= 256;
    fits.then_some(("hashtag", end + 1))
}

fn url(text: &str) -> Option<(&'static str, usize)> {
    let starts =
        |prefix: &str| text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    let scheme = ["https://", "http://", "tg://", "www."].into_iter().find(|scheme| starts(scheme))?;
    let end =
        text.find(|letter: char| letter.is_whitespace() || "<>\"«»".contains(letter)).unwrap_or(text.len());
    let whole = text.get(..end)?.trim_end_matches(['.', ',', ':', ';', '!', '?', '\'', ')', ']']);
    let host = whole.get(scheme.len()..)?.split(['/', '?', '#']).next()?;
    let named = scheme == "tg://" || host.contains('.') && !host.starts_with('.');
    (named && !host.is_empty()).then_some(("url", whole.len()))
}

fn email(text: &str) -> Option<(&'static str, usize)> {
    // An address is short: this bounds the look ahead at every word.
    let word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | '+');
    let at = text
        .char_indices()
        .take(65)
        .find(|&(_, letter)| !word(letter))
        .filter(|&(_, letter)| letter == '@')?
        .0;
    let host = text.get(at + 1..)?;
    let end = host.find(|letter: char| !word(letter)).unwrap_or(host.len());
    let host = host.get(..end)?.trim_end_matches(['.', '-']);
    let top = host.rsplit_once('.').is_some_and(|(name, top)| !name.is_empty() && top.len() > 1);
    (at > 0 && top).then_some(("email", at + 1 + host.len()))
}
