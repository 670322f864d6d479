//! What the bot did, as a person at a terminal reads it.
//!
//! Pure: `(happening, where the person is) → lines`.

use serde_json::Value;

use super::formatted::formatted;
use super::happening::{Happening, Kind};
use super::matching::cut;
use super::paint::{Paint, Style, safe};

/// The most of a quoted message, in characters.
const QUOTED: usize = 40;
/// What is no content of a message.
const ABOUT: [&str; 16] = [
    "message_id",
    "from",
    "sender_chat",
    "chat",
    "date",
    "edit_date",
    "message_thread_id",
    "reply_to_message",
    "reply_markup",
    "text",
    "entities",
    "caption",
    "caption_entities",
    "business_connection_id",
    "is_topic_message",
    "show_caption_above_media",
];

/// How things are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<'a> {
    pub(super) paint: Paint,
    /// The name of the chat, if it is not the one that the person is in.
    pub(super) elsewhere: Option<&'a str>,
}

impl Look<'_> {
    /// What happened, in one line or more, without a line end.
    pub(super) fn lines(&self, happening: &Happening) -> String {
        let value = &happening.value;
        let message = &value["message"];
        match happening.kind {
            Kind::Message => self.message(message, &value["keyboard"], ""),
            Kind::Edit => self.message(message, &Value::Null, " edits"),
            Kind::Delete => self.note(&format!("bot deletes message {}", value["message_id"])),
            Kind::CallbackAnswer => self.callback_answer(value),
            Kind::ChatAction => self.note(&format!("bot is {}…", action(text_of(&value["action"])))),
            Kind::Refused => {
                let method = text_of(&value["method"]);
                let why = safe(text_of(&value["description"]));
                let line = format!("{}! Telegram refused {method}: {why}", self.place());
                self.paint.one(Style::Failure, &line)
            }
        }
    }

    fn message(&self, message: &Value, keyboard: &Value, verb: &str) -> String {
        let mut content: Vec<String> = Vec::new();
        let reply = &message["reply_to_message"];
        if reply.is_object() {
            content.push(self.paint.one(Style::Dim, &format!("(to {})", quoted(reply))));
        }
        content.extend(media(message));
        for (text, entities) in [("text", "entities"), ("caption", "caption_entities")] {
            if let Some(text) = message[text].as_str() {
                content.push(formatted(text, &message[entities], self.paint));
            }
        }
        let head = format!("{}{}:", self.place(), self.paint.one(Style::Bot, &format!("bot{verb}")));
        let indent = " ".repeat(self.place().chars().count() + "bot: ".len() + verb.len());
        let mut out = format!("{head} {}", content.join(" ").replace('\n', &format!("\n{indent}")));
        for row in self.rows(&message["reply_markup"], keyboard) {
            out.push('\n');
            out.push_str(&indent);
            out.push_str(&row);
        }
        out
    }

    /// The buttons, numbered as they can be pressed.
    fn rows(&self, markup: &Value, keyboard: &Value) -> Vec<String> {
        let mut number = 0;
        let rows = |rows: &Value| rows.as_array().cloned().unwrap_or_default();
        let inline = rows(&markup["inline_keyboard"]);
        let replies = rows(&keyboard["keyboard"]);
        let mut out: Vec<String> = inline
            .iter()
            .chain(&replies)
            .map(|row| {
                let buttons: Vec<String> = row
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|button| {
                        number += 1;
                        let label = safe(button["text"].as_str().or(button.as_str()).unwrap_or_default());
                        let link =
                            button["url"].as_str().map(|url| format!(" → {}", safe(url))).unwrap_or_default();
                        format!("[{} {label}{link}]", self.paint.one(Style::Code, &number.to_string()))
                    })
                    .collect();
                buttons.join(" ")
            })
            .collect();
        if keyboard["remove_keyboard"] == true {
            out.push(self.paint.one(Style::Dim, "(the keyboard is gone)"));
        }
        if keyboard["force_reply"] == true {
            out.push(self.paint.one(Style::Dim, "(a reply is asked for)"));
        }
        out
    }

    fn callback_answer(&self, value: &Value) -> String {
        let alert = if value["show_alert"] == true { "in a pop-up" } else { "in a notice" };
        match (value["text"].as_str().filter(|text| !text.is_empty()), value["url"].as_str()) {
            (Some(text), _) => {
                let name = self.paint.one(Style::Bot, "bot");
                format!("{}{name} {alert}: {}", self.place(), safe(text))
            }
            (None, Some(url)) => self.note(&format!("bot opens {}", safe(url))),
            (None, None) => self.note("bot has answered the button"),
        }
    }

    fn note(&self, text: &str) -> String {
        format!("{}{}", self.place(), self.paint.one(Style::Dim, text))
    }

    fn place(&self) -> String {
        self.elsewhere.map(|name| format!("[{}] ", safe(name))).unwrap_or_default()
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The beginning of a message, to know it by.
fn quoted(message: &Value) -> String {
    let text = message["text"].as_str().or(message["caption"].as_str());
    match text {
        Some(text) => format!("“{}”", cut(&safe(text).replace('\n', " "), QUOTED)),
        None => media(message).join(" "),
    }
}

/// What a message carries beside text: `[photo]`, `[document report.pdf]`.
fn media(message: &Value) -> Vec<String> {
    let members = message.as_object().into_iter().flatten();
    let mut found: Vec<String> = members
        .filter(|(key, _)| !ABOUT.contains(&key.as_str()))
        .map(|(key, value)| {
            let detail = ["file_name", "title", "question", "emoji", "first_name", "phone_number", "text"]
                .iter()
                .find_map(|detail| value[detail].as_str());
            let number = |key: &str| value[key].as_f64();
            let detail = match (detail, number("latitude"), number("longitude"), number("value")) {
                (Some(detail), .., Some(number)) => Some(format!("{} {number}", safe(detail))),
                (Some(detail), ..) => Some(safe(detail)),
                (None, Some(latitude), Some(longitude), _) => Some(format!("{latitude}, {longitude}")),
                _ => None,
            };
            let name = key.replace('_', " ");
            detail.map_or_else(|| format!("[{name}]"), |detail| format!("[{name} {}]", cut(&detail, 80)))
        })
        .collect();
    if let Some(options) = message["poll"]["options"].as_array() {
        found.extend(options.iter().map(|option| format!("\n- {}", safe(text_of(&option["text"])))));
    }
    found
}

fn action(name: &str) -> &str {
    match name {
        "typing" => "typing",
        "upload_photo" => "sending a photo",
        "record_video" | "record_video_note" => "recording a video",
        "upload_video" | "upload_video_note" => "sending a video",
        "record_voice" | "record_audio" => "recording a voice message",
        "upload_voice" | "upload_audio" => "sending a voice message",
        "upload_document" => "sending a file",
        "choose_sticker" => "choosing a sticker",
        "find_location" => "looking for a place",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(kind: Kind, value: Value, elsewhere: Option<&str>) -> String {
        let look = Look { paint: Paint { colours: false }, elsewhere };
        look.lines(&Happening { kind, chat: 7, value })
    }

    #[test]
    fn messages_are_shown_with_their_place_their_reply_and_their_buttons() {
        let message = json!({"message": {"message_id": 5, "chat": {"id": 7}, "date": 1, "text": "Sure?\nReally?",
            "reply_to_message": {"text": "delete all"}, "reply_markup": {"inline_keyboard":
            [[{"text": "Yes", "callback_data": "y"}, {"text": "No", "callback_data": "n"}], [{"text": "Docs", "url": "https://d"}]]}}});
        assert_eq!(
            shown(Kind::Message, message.clone(), None),
            "bot: (to “delete all”) Sure?\n     Really?\n     [1 Yes] [2 No]\n     [3 Docs → https://d]"
        );
        assert!(shown(Kind::Edit, message, Some("team")).starts_with("[team] bot edits: (to"));
    }

    #[test]
    fn media_are_named() {
        let of = |members: Value| {
            let mut message = json!({"message_id": 5, "date": 1});
            message.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            shown(Kind::Message, json!({"message": message}), None)
        };
        assert_eq!(of(json!({"photo": [{}], "caption": "a cat"})), "bot: [photo] a cat");
        assert_eq!(of(json!({"document": {"file_name": "a.pdf"}})), "bot: [document a.pdf]");
        assert_eq!(of(json!({"location": {"latitude": 1.5, "longitude": 2}})), "bot: [location 1.5, 2]");
        assert_eq!(of(json!({"dice": {"emoji": "🎲", "value": 4}})), "bot: [dice 🎲 4]");
        assert_eq!(
            of(json!({"poll": {"question": "Tea?", "options": [{"text": "Yes"}]}})),
            "bot: [poll Tea?] \n     - Yes"
        );
    }

    #[test]
    fn everything_else_is_a_short_line() {
        assert_eq!(shown(Kind::Delete, json!({"message_id": 3}), None), "bot deletes message 3");
        assert_eq!(shown(Kind::ChatAction, json!({"action": "typing"}), Some("bob")), "[bob] bot is typing…");
        assert_eq!(shown(Kind::CallbackAnswer, json!({"user": 1}), None), "bot has answered the button");
        assert_eq!(shown(Kind::CallbackAnswer, json!({"text": "Saved"}), None), "bot in a notice: Saved");
        assert_eq!(
            shown(Kind::CallbackAnswer, json!({"text": "No!", "show_alert": true}), None),
            "bot in a pop-up: No!"
        );
        let refused = json!({"method": "sendMessage", "description": "Bad Request: chat not found\x1b[2J"});
        assert_eq!(
            shown(Kind::Refused, refused, None),
            "! Telegram refused sendMessage: Bad Request: chat not found\\u{1b}[2J"
        );
        let keyboard =
            json!({"message": {"text": "?"}, "keyboard": {"keyboard": [["Tea", {"text": "Coffee"}]]}});
        assert_eq!(shown(Kind::Message, keyboard, None), "bot: ?\n     [1 Tea] [2 Coffee]");
    }
}
