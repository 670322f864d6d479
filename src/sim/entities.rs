//! Formatted text: from what a bot sends (a parse mode, or a list of entities) to text and entities as Telegram
//! stores them, with offsets in UTF-16 units and links, mentions and commands found in the text.
//! Pure. The three markups are in `entities/`.

mod detect;
mod html;
mod markdown;
mod markdown_v2;
mod scan;

use super::answer::Failure;
use super::json::{Object, array, quote};
use super::params::Params;

/// Largest raw text of a call, in bytes.
const MAX_RAW: usize = 1 << 15;

/// Most entities found in a text; the rest of the text has none.
const MAX_FOUND: usize = 100;

/// A stretch of text with a meaning.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entity {
    /// Telegram's name of the type.
    pub(crate) kind: String,
    /// Where it starts, in UTF-16 units.
    pub(crate) offset: usize,
    /// How long it is, in UTF-16 units.
    pub(crate) length: usize,
    /// One more member, as key and JSON: `url`, `language`, `user`, `custom_emoji_id`.
    pub(crate) extra: Option<(&'static str, String)>,
}

impl Entity {
    fn new(kind: &str, offset: usize, end: usize, extra: Option<(&'static str, String)>) -> Entity {
        Entity { kind: kind.to_owned(), offset, length: end.saturating_sub(offset), extra }
    }

    fn json(&self) -> String {
        let number = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        let object =
            Object::new().number("offset", number(self.offset)).number("length", number(self.length));
        let object = object.text("type", &self.kind);
        match &self.extra {
            Some((key, json)) => object.raw(key, json).finish(),
            None => object.finish(),
        }
    }

    /// Outer entities of the same stretch come first, in Telegram's order.
    fn rank(&self) -> u8 {
        match self.kind.as_str() {
            "blockquote" | "expandable_blockquote" => 0,
            "pre" => 10,
            "code" => 20,
            "text_link" | "text_mention" => 49,
            "bold" => 90,
            "italic" => 91,
            "underline" => 92,
            "strikethrough" => 93,
            "spoiler" => 94,
            "custom_emoji" => 99,
            _ => 50,
        }
    }
}

/// Text with its entities.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Formatted {
    pub(crate) text: String,
    pub(crate) entities: Vec<Entity>,
}

impl Formatted {
    /// What a person typed: no markup, but commands, mentions and links are found.
    pub(crate) fn typed(text: &str) -> Formatted {
        Formatted { text: text.to_owned(), entities: Vec::new() }.fixed()
    }

    /// Adds it to a message's object under the given keys.
    pub(crate) fn write(&self, object: Object, text_key: &str, entities_key: &str) -> Object {
        let object = object.text(text_key, &self.text);
        if self.entities.is_empty() {
            return object;
        }
        object.raw(entities_key, &array(self.entities.iter().map(Entity::json)))
    }

    /// Trims the text as the server does, clips the entities to it, and adds those found in the text.
    fn fixed(mut self) -> Formatted {
        let kept = self.text.trim_end_matches(|letter: char| letter.is_whitespace() || letter == '\0').len();
        self.text.truncate(kept);
        self.entities.sort_by_key(|entity| entity.offset);
        let first = self.entities.first().map_or(usize::MAX, |entity| entity.offset);
        let blank = self.text.bytes().take_while(|&byte| byte == b' ' || byte == b'\n').count().min(first);
        self.text.drain(..blank);
        let length = utf16_len(&self.text);
        for entity in &mut self.entities {
            entity.offset -= blank;
            entity.length = entity.length.min(length.saturating_sub(entity.offset));
        }
        self.entities.retain(|entity| entity.length > 0);
        let found = detect::find(&self.text);
        let opaque = |known: &Entity, new: &Entity| {
            let apart = new.offset + new.length <= known.offset || known.offset + known.length <= new.offset;
            !apart
                && matches!(
                    known.kind.as_str(),
                    "pre" | "code" | "text_link" | "text_mention" | "custom_emoji"
                )
        };
        let crosses = |known: &Entity, new: &Entity| {
            let (end, known_end) = (new.offset + new.length, known.offset + known.length);
            let apart = end <= known.offset || known_end <= new.offset;
            let within = new.offset >= known.offset && end <= known_end;
            let around = new.offset <= known.offset && end >= known_end;
            !(apart || within || around)
        };
        for new in found.into_iter().take(MAX_FOUND) {
            if !self.entities.iter().any(|known| opaque(known, &new) || crosses(known, &new)) {
                self.entities.push(new);
            }
        }
        self.entities.sort_by_key(|entity| (entity.offset, usize::MAX - entity.length, entity.rank()));
        self
    }
}

/// The formatted text of a call, from the parameters of the given names.
///
/// # Errors
/// `text is too long` in its raw form, an unknown parse mode, or what the markup's parser does not like.
pub(crate) fn formatted(
    params: &Params,
    text: &str,
    parse_mode: &str,
    entities: &str,
) -> Result<Formatted, Failure> {
    parse(params.text(text), params.text(parse_mode), params.json(entities))
}

/// As [`formatted`], from values.
pub(crate) fn parse(
    text: &str,
    parse_mode: &str,
    entities: Option<serde_json::Value>,
) -> Result<Formatted, Failure> {
    if text.len() > MAX_RAW {
        return Err(Failure::bad("text is too long"));
    }
    let mode = parse_mode.to_ascii_lowercase();
    let parsed = match mode.as_str() {
        _ if text.is_empty() => return Ok(Formatted::default()),
        "" | "none" => Ok(Formatted { text: text.to_owned(), entities: listed(entities)? }),
        "html" => html::parse(text),
        "markdown" => markdown::parse(text),
        "markdownv2" => markdown_v2::parse(text),
        _ => return Err(Failure::bad("unsupported parse_mode")),
    };
    let parsed = parsed.map_err(|why| Failure::bad(format!("can't parse entities: {why}")))?;
    Ok(parsed.fixed())
}

/// Entities given as a list. What is no list counts as none.
fn listed(list: Option<serde_json::Value>) -> Result<Vec<Entity>, Failure> {
    let fault = |why: &str| Failure::bad(format!("can't parse MessageEntity: {why}"));
    let Some(serde_json::Value::Array(list)) = list else {
        return Ok(Vec::new());
    };
    let mut entities = Vec::new();
    for item in list.iter().take(100) {
        let item = item.as_object().ok_or_else(|| fault("expected an Object"))?;
        let number = |key: &str| {
            let value = item.get(key).ok_or_else(|| fault(&format!("Can't find field \"{key}\"")))?;
            let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
            let number = number.ok_or_else(|| fault(&format!("Field \"{key}\" must be of type Number")))?;
            Ok(usize::try_from(number.min(1 << 20)).unwrap_or(0))
        };
        let (offset, length) = (number("offset")?, number("length")?);
        let kind = item.get("type").ok_or_else(|| fault("Can't find field \"type\""))?;
        let kind = kind.as_str().ok_or_else(|| fault("Field \"type\" must be of type String"))?;
        let member = |key: &'static str| item.get(key).map(|value| (key, value.to_string()));
        let extra = match kind {
            "text_link" => member("url"),
            "text_mention" => member("user"),
            "pre" => member("language"),
            "custom_emoji" => member("custom_emoji_id"),
            // Those found in the text are found again; a sender cannot set them.
            "mention" | "hashtag" | "cashtag" | "bot_command" | "url" | "email" | "phone_number" => continue,
            _ => None,
        };
        entities.push(Entity { kind: kind.to_owned(), offset, length, extra });
    }
    Ok(entities)
}

/// Length of a text in UTF-16 units, which is what entities count in.
pub(crate) fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// What a link in a markup becomes: a mention of a user, a link, or nothing if it is no address.
fn link(url: &str) -> Option<(&'static str, (&'static str, String))> {
    let url = url.trim();
    let lower = url.to_ascii_lowercase();
    if let Some(id) = lower.strip_prefix("tg://user?id=").and_then(|id| id.parse::<i64>().ok()) {
        let user = Object::new().number("id", id).flag("is_bot", false);
        return Some(("text_mention", ("user", user.text("first_name", &format!("User {id}")).finish())));
    }
    let (scheme, rest) = match lower.split_once("://") {
        Some((scheme @ ("http" | "https" | "tg" | "ton" | "tonsite"), rest)) => (scheme, rest),
        Some(_) => return None,
        None => ("", lower.as_str()),
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let web = matches!(scheme, "" | "http" | "https");
    let named = host.contains('.') && !host.starts_with('.') && !host.ends_with('.');
    if host.is_empty() || host.contains(char::is_whitespace) || web && !named {
        return None;
    }
    let whole = if scheme.is_empty() { format!("http://{url}") } else { url.to_owned() };
    let whole = if web && host.len() == rest.len() { whole + "/" } else { whole };
    Some(("text_link", ("url", quote(&whole))))
}

#[cfg(test)]
mod tests;
