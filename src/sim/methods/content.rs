//! Messages that carry something else than text: what was asked for, with what the call says of it.

use crate::sim::answer::{Failure, Outcome, done};
use crate::sim::entities::{Formatted, parse};
use crate::sim::facts::{Method, facts};
use crate::sim::json::{Object, array, quote};
use crate::sim::markup::{Markup, reply_parameters};
use crate::sim::message::Content;
use crate::sim::params::Params;

use super::Call;
use super::send::{check_length, keep_pace, message_caption, replied, send, store};
use super::synthesis::{random_name, snake_case, value};

/// Most messages in an album.
const MAX_ALBUM: usize = 10;

/// A send… method other than sendMessage.
pub(super) fn send_other(call: &mut Call<'_>, method: &Method) -> Outcome {
    let caption = message_caption(call)?;
    let field = snake_case(method.name.strip_prefix("send").unwrap_or(&method.name));
    let members = members(call, &field, call.params);
    send(call, Content::Other { members, caption }, String::new())
}

/// The member of a message that holds its content, as JSON.
pub(super) fn members(call: &mut Call<'_>, field: &str, params: &Params) -> String {
    let shape = facts().shape("Message");
    let types = shape
        .and_then(|shape| shape.fields.iter().find(|(name, ..)| name == field))
        .map(|(_, types, _)| types);
    let Some(kind) = types.and_then(|types| types.first()) else {
        return String::new();
    };
    let json = match field {
        "poll" => poll(call, params),
        "photo" => format!("[{}]", file(call, params, field, "PhotoSize")),
        "audio" | "document" | "video" | "animation" | "voice" | "video_note" | "sticker" => {
            file(call, params, field, kind)
        }
        "dice" => {
            let emoji = params.some_text("emoji").unwrap_or("🎲");
            Object::new().text("emoji", emoji).number("value", fastrand::i64(1..=6)).finish()
        }
        _ => value(call, kind, 1),
    };
    format!("\"{field}\":{json}")
}

/// A file: by the id it was sent with, or under a new one.
fn file(call: &mut Call<'_>, params: &Params, param: &str, kind: &str) -> String {
    let given = params.text(param);
    let known = !given.is_empty() && !given.contains(['.', '/', ':']);
    let id = if known { given.to_owned() } else { random_name() };
    let mut object = Object::new().text("file_id", &id).text("file_unique_id", id.get(..12).unwrap_or(&id));
    if let Some(upload) = params.file(param) {
        call.state.files.put(&id, &upload.filename, upload.bytes.clone());
        if matches!(kind, "Document" | "Audio" | "Video" | "Animation") {
            object = object.text("file_name", &upload.filename);
        }
        object = object.number("file_size", i64::try_from(upload.bytes.len()).unwrap_or(0));
    }
    for size in ["width", "height", "length"] {
        let has = match kind {
            "PhotoSize" | "Video" | "Animation" | "Sticker" => size != "length",
            _ => kind == "VideoNote" && size == "length",
        };
        if has {
            object = object.number(size, params.long(size).max(1));
        }
    }
    if matches!(kind, "Audio" | "Video" | "Animation" | "Voice" | "VideoNote") {
        object = object.number("duration", params.long("duration"));
    }
    if kind == "Sticker" {
        object = object.text("type", "regular").flag("is_animated", false).flag("is_video", false);
    }
    object.finish()
}

fn poll(call: &Call<'_>, params: &Params) -> String {
    let options = params.json("options");
    let options =
        options.as_ref().and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let options = options.iter().enumerate().map(|(index, option)| {
        let text = option.as_str().or_else(|| option.get("text")?.as_str()).unwrap_or_default();
        Object::new()
            .text("persistent_id", &index.to_string())
            .text("text", text)
            .number("voter_count", 0)
            .finish()
    });
    let anonymous = !params.has("is_anonymous") || params.flag("is_anonymous");
    Object::new()
        .text("id", &(fastrand::u64(..) >> 1).to_string())
        .text("question", params.text("question"))
        .raw("options", &array(options))
        .number("total_voter_count", 0)
        .flag("is_closed", params.flag("is_closed"))
        .flag("is_anonymous", anonymous)
        .text("type", params.some_text("type").unwrap_or("regular"))
        .flag("allows_multiple_answers", params.flag("allows_multiple_answers"))
        .flag("allows_revoting", params.flag("allows_revoting"))
        .flag("members_only", params.flag("members_only"))
        .number("open_date", call.now())
        .finish()
}

/// An album: one message per item, all with one media_group_id.
pub(super) fn send_media_group(call: &mut Call<'_>) -> Outcome {
    let media = call.params.json("media");
    let media = media.as_ref().and_then(serde_json::Value::as_array);
    let media = media.ok_or_else(|| Failure::bad("expected an Array of InputMedia"))?;
    let items =
        media.iter().map(|item| input_media(call, item)).collect::<Result<Vec<Content>, Failure>>()?;
    let reply = reply_parameters(call.params)?;
    let chat = call.state.chats.writable(call.params.text("chat_id"))?.id;
    let reply_to = replied(call.state, chat, &reply)?;
    if items.is_empty() {
        return Err(Failure::bad("there are no messages to send"));
    }
    if items.len() > MAX_ALBUM {
        return Err(Failure::bad("too many messages to send as an album"));
    }
    items.iter().try_for_each(check_length)?;
    keep_pace(call, chat)?;
    let group = format!("\"media_group_id\":{}", quote(&(fastrand::u64(..) >> 1).to_string()));
    let sent: Vec<String> = items
        .into_iter()
        .map(|content| store(call, chat, content, reply_to.clone(), &Markup::None, group.clone()))
        .collect();
    done(array(sent))
}

/// The content an InputMedia object describes.
///
/// # Errors
/// What is wrong with it, in Telegram's words.
pub(super) fn input_media(call: &mut Call<'_>, item: &serde_json::Value) -> Result<Content, Failure> {
    let fault = |why: &str| Failure::bad(format!("can't parse InputMedia: {why}"));
    let text = |key: &str| item.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    let kind = text("type");
    if kind.is_empty() {
        return Err(fault("Can't find field \"type\""));
    }
    if !matches!(kind, "photo" | "video" | "audio" | "document" | "animation" | "live_photo") {
        return Err(fault(&format!("type \"{kind}\" is unsupported")));
    }
    if text("media").is_empty() {
        return Err(fault("media not found"));
    }
    let caption: Formatted =
        parse(text("caption"), text("parse_mode"), item.get("caption_entities").cloned())?;
    let mut params = Params::default();
    params.files.clone_from(&call.params.files);
    params.add_text(kind.to_owned(), text("media").to_owned());
    if let Some(name) = text("media").strip_prefix("attach://")
        && params.files.iter().all(|file| file.name != name)
    {
        return Err(fault("media not found"));
    }
    Ok(Content::Other { members: members(call, kind, &params), caption })
}
