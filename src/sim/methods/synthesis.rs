//! Results made up from the facts: every required field filled, with the call's own parameters where the names meet.
//! Pure but for the bot's state it looks users and chats up in.

use crate::sim::facts::{Shape, facts};
use crate::sim::json::{Object, quote};

use super::Call;

/// Deepest nesting of a made-up object; below it stands an empty object.
const MAX_DEPTH: usize = 6;

/// A made-up value of a type, as JSON.
pub(super) fn value(call: &Call<'_>, kind: &str, depth: usize) -> String {
    if let Some(item) = kind.strip_prefix("Array of ") {
        // Only arrays an object cannot do without hold something.
        return if depth > 0 && item == "PhotoSize" {
            format!("[{}]", value(call, item, depth + 1))
        } else {
            "[]".into()
        };
    }
    match kind {
        "Boolean" | "True" => "true".to_owned(),
        "Integer" => "1".to_owned(),
        "Float" => "0.0".to_owned(),
        "String" => quote(&random_name()),
        "User" => user(call),
        "Chat" => chat(call),
        _ => match facts().shape(kind) {
            Some(shape) if depth < MAX_DEPTH => object(call, kind, shape, depth),
            _ => "{}".to_owned(),
        },
    }
}

fn object(call: &Call<'_>, kind: &str, shape: &Shape, depth: usize) -> String {
    if let Some(subtype) = usual_subtype(kind).or_else(|| shape.subtypes.first().map(String::as_str)) {
        return value(call, subtype, depth);
    }
    let mut object = Object::new();
    for (name, types, _) in shape.fields.iter().filter(|(.., required)| *required) {
        let Some(first) = types.first() else { continue };
        let json = match (name.as_str(), first.as_str()) {
            ("type" | "status" | "source", "String") => quote(&discriminator(kind)),
            (_, "String") if call.params.has(name) => quote(call.params.text(name)),
            (_, "Integer") if call.params.has(name) => call.params.long(name).to_string(),
            (_, "Float") if call.params.has(name) => {
                call.params.text(name).parse::<f64>().unwrap_or(0.0).to_string()
            }
            ("date" | "add_date" | "last_synchronization_error_date", "Integer") => call.now().to_string(),
            ("total_voter_count", _) => "0".to_owned(),
            ("is_closed", _) => (call.params.has("message_id")).to_string(),
            ("invite_link", _) => quote(&format!("https://t.me/+{}", random_name())),
            _ => value(call, first, depth + 1),
        };
        object = object.raw(name, &json);
    }
    object.finish()
}

/// Of things that can be several things, the one that says least.
fn usual_subtype(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "ChatMember" => "ChatMemberMember",
        "MenuButton" => "MenuButtonDefault",
        _ => return None,
    })
}

/// The word by which a subtype names itself.
fn discriminator(kind: &str) -> String {
    match kind {
        "ChatMemberMember" => return "member".to_owned(),
        "ChatMemberOwner" => return "creator".to_owned(),
        "ChatMemberBanned" => return "kicked".to_owned(),
        "Poll" => return "regular".to_owned(),
        "Sticker" | "StickerSet" => return "regular".to_owned(),
        _ => {}
    }
    let bases = [
        "ChatMember",
        "MenuButton",
        "MessageOrigin",
        "ReactionType",
        "PaidMedia",
        "OwnedGift",
        "StoryAreaType",
    ];
    let rest = bases.iter().find_map(|base| kind.strip_prefix(base)).unwrap_or(kind);
    snake_case(rest)
}

/// `VideoNote` as `video_note`.
pub(super) fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// The user a call names by `user_id`, or the bot itself.
fn user(call: &Call<'_>) -> String {
    let id = call.params.long("user_id");
    if id == 0 || id == call.bot_id {
        return call.state.me.to_string();
    }
    match call.state.chats.user(id) {
        Some(user) => user.json.to_string(),
        None => Object::new()
            .number("id", id)
            .flag("is_bot", false)
            .text("first_name", &format!("User {id}"))
            .finish(),
    }
}

fn chat(call: &Call<'_>) -> String {
    match call.state.chats.find(call.params.text("chat_id")) {
        Ok(chat) => chat.json.to_string(),
        Err(_) => Object::new().number("id", call.bot_id).text("type", "private").finish(),
    }
}

/// A name nobody has: file ids, links, tokens.
pub(super) fn random_name() -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(24).collect()
}
