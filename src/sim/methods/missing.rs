//! What Telegram says about a required parameter that is not there. Pure.

use crate::sim::answer::Failure;

/// The failure for the absence of a parameter.
pub(super) fn missing(name: &str) -> Failure {
    let text = match name {
        "chat_id" => "chat_id is empty",
        "text" => "message text is empty",
        "message_id" => "message identifier is not specified",
        "message_ids" => "message identifiers are not specified",
        "user_id" => "invalid user_id specified",
        "file_id" => "file_id not specified",
        "latitude" => "latitude is empty",
        "longitude" => "longitude is empty",
        "action" => "wrong parameter action in request",
        "video_note" => "there is no video note in the request",
        "live_photo" => "there is no live photo in the request",
        "photo" | "document" | "audio" | "video" | "animation" | "voice" | "sticker" => {
            return Failure::bad(format!("there is no {name} in the request"));
        }
        "guest_query_id" | "web_app_query_id" | "chat_join_request_query_id" => {
            "query is too old and response timeout expired or query ID is invalid"
        }
        _ => return Failure::bad(format!("parameter \"{name}\" is required")),
    };
    Failure::bad(text)
}

/// What a method calls the message its `message_id` means, for `<this> not found`.
pub(super) fn target_name(method: &str) -> Option<&'static str> {
    Some(match method {
        "editMessageMedia"
        | "editMessageLiveLocation"
        | "stopMessageLiveLocation"
        | "editMessageChecklist" => "message to edit",
        "setMessageReaction" => "message to react",
        "pinChatMessage" => "message to pin",
        "unpinChatMessage" => "message to unpin",
        "stopPoll" => "message with poll to stop",
        "setGameScore" | "getGameHighScores" => "message to set game score",
        _ => return None,
    })
}
