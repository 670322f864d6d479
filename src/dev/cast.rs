//! The people and the groups of a conversation, and what they do.
//!
//! Owns names: who has which id, what each said last, which keyboard is under which chat. Acts go to the simulator.

use std::collections::HashMap;

use serde_json::Value;

use super::happening::{Happening, Kind};
use crate::sim::{ActError, Button, ChatSpec, Says, Sim};

/// Who speaks where nobody is named.
pub(super) const FIRST_USER: &str = "ann";
/// The id of the first user; the others count on. Past the bot's own.
const FIRST_ID: i64 = 2001;

/// A button that can be pressed, in the order in which buttons are numbered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// What is written on it.
    pub(super) label: String,
    /// The data it sends; a key without sends nothing to the bot.
    pub(super) data: Option<String>,
}

/// What a press did, or why it did nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Press {
    /// The bot gets a callback query.
    Asked,
    /// It was a key of a reply keyboard, which sends its label as a message.
    Said,
    /// There is no such button (yet).
    Missing(String),
}

/// The cast.
#[derive(Debug)]
pub(super) struct Cast {
    sim: Sim,
    bot: i64,
    /// In the order in which they came.
    users: Vec<(String, i64)>,
    groups: Vec<(String, i64)>,
    /// The last message of a user in a chat.
    last_said: HashMap<(i64, i64), i64>,
    /// The labels of the reply keyboard that a chat shows.
    reply_keyboards: HashMap<i64, Vec<String>>,
}

impl Cast {
    /// Nobody yet.
    pub(super) fn new(sim: Sim, bot: i64) -> Cast {
        let (users, groups) = (Vec::new(), Vec::new());
        Cast { sim, bot, users, groups, last_said: HashMap::new(), reply_keyboards: HashMap::new() }
    }

    /// The user of that name, made on first use.
    pub(super) fn user(&mut self, name: &str) -> Result<i64, ActError> {
        if let Some((_, id)) = self.users.iter().find(|(known, _)| known == name) {
            return Ok(*id);
        }
        let id = (FIRST_ID..).nth(self.users.len()).unwrap_or(FIRST_ID);
        self.sim.set_user(self.bot, id, Some(name), None)?;
        self.users.push((name.to_owned(), id));
        Ok(id)
    }

    /// The group of that title, made on first use.
    pub(super) fn group(&mut self, title: &str) -> Result<i64, ActError> {
        if let Some((_, id)) = self.groups.iter().find(|(known, _)| known == title) {
            return Ok(*id);
        }
        let spec = ChatSpec { kind: Some("supergroup"), title: Some(title), ..ChatSpec::default() };
        let chat: Value = serde_json::from_str(&self.sim.set_chat(self.bot, &spec)?).unwrap_or_default();
        let id = chat["id"].as_i64().unwrap_or_default();
        self.groups.push((title.to_owned(), id));
        Ok(id)
    }

    /// The chat of a user, or of a group if one is named.
    pub(super) fn chat(&mut self, user: &str, group: Option<&str>) -> Result<i64, ActError> {
        match group {
            Some(title) => self.group(title),
            None => self.user(user),
        }
    }

    /// All users, in the order in which they came.
    pub(super) fn users(&self) -> &[(String, i64)] {
        &self.users
    }

    /// All groups.
    pub(super) fn groups(&self) -> &[(String, i64)] {
        &self.groups
    }

    /// Writes a message.
    pub(super) fn says(&mut self, user: i64, chat: i64, text: &str) -> Result<(), ActError> {
        let says = Says { chat: Some(chat), text, ..Says::default() };
        let message: Value =
            serde_json::from_str(&self.sim.user_says(self.bot, user, &says)?).unwrap_or_default();
        if let Some(id) = message["message_id"].as_i64() {
            self.last_said.insert((user, chat), id);
        }
        Ok(())
    }

    /// Edits the user's last message there; `false` if there is none.
    pub(super) fn edits(&self, user: i64, chat: i64, text: &str) -> Result<bool, ActError> {
        let Some(message) = self.last_said.get(&(user, chat)) else { return Ok(false) };
        self.sim.user_edits(self.bot, user, Some(chat), *message, text)?;
        Ok(true)
    }

    /// Presses the button with that label or data: of the latest inline keyboard in the chat that has it, else of the
    /// chat's reply keyboard. With `numbered` a number is the place of a button on the latest keyboard.
    pub(super) fn presses(
        &mut self,
        user: i64,
        chat: i64,
        wanted: &str,
        numbered: bool,
    ) -> Result<Press, ActError> {
        let messages = self.sim.messages(self.bot, chat);
        let keyboards = messages.iter().rev().filter_map(|message| {
            let message: Value = serde_json::from_str(message).ok()?;
            Some((message["message_id"].as_i64()?, keys(&message["reply_markup"])?))
        });
        let mut latest = true;
        for (message, keys) in keyboards {
            if let Some(key) = find(&keys, wanted, latest && numbered) {
                let Some(data) = &key.data else {
                    let why =
                        format!("the button `{}` sends nothing to the bot: it opens something", key.label);
                    return Ok(Press::Missing(why));
                };
                self.sim.press(self.bot, user, Some(chat), message, Button::Data(data))?;
                return Ok(Press::Asked);
            }
            latest = false;
        }
        let replies = self.reply_keyboards.get(&chat).cloned().unwrap_or_default();
        let replies: Vec<Key> = replies.into_iter().map(|label| Key { label, data: None }).collect();
        if let Some(key) = find(&replies, wanted, latest && numbered) {
            self.says(user, chat, &key.label)?;
            return Ok(Press::Said);
        }
        let none = latest && replies.is_empty();
        Ok(Press::Missing(match none {
            true => "there is no button here".to_owned(),
            false => format!("there is no button `{wanted}` here"),
        }))
    }

    /// A raw update, or an array of them.
    pub(super) fn update(&self, json: &str) -> Result<usize, ActError> {
        self.sim.push_updates(self.bot, json).map(|ids| ids.len())
    }

    /// Takes note of what the bot did: which reply keyboard a chat shows now.
    pub(super) fn saw(&mut self, happening: &Happening) {
        let keyboard = &happening.value["keyboard"];
        if happening.kind != Kind::Message {
            return;
        }
        if let Some(labels) = reply_labels(keyboard) {
            self.reply_keyboards.insert(happening.chat, labels);
        } else if keyboard["remove_keyboard"] == true {
            self.reply_keyboards.remove(&happening.chat);
        }
    }
}

/// The buttons of an inline keyboard, row by row; `None` if there is none.
pub(super) fn keys(markup: &Value) -> Option<Vec<Key>> {
    let rows = markup["inline_keyboard"].as_array()?;
    let keys: Vec<Key> = rows
        .iter()
        .flat_map(|row| row.as_array().into_iter().flatten())
        .map(|button| Key {
            label: button["text"].as_str().unwrap_or_default().to_owned(),
            data: button["callback_data"].as_str().map(str::to_owned),
        })
        .collect();
    (!keys.is_empty()).then_some(keys)
}

/// The labels of a reply keyboard, row by row.
pub(super) fn reply_labels(keyboard: &Value) -> Option<Vec<String>> {
    let rows = keyboard["keyboard"].as_array()?;
    let buttons = rows.iter().flat_map(|row| row.as_array().into_iter().flatten());
    let label = |button: &Value| button["text"].as_str().or(button.as_str()).unwrap_or_default().to_owned();
    Some(buttons.map(label).collect())
}

/// By label, then by label in any case, then by data, then by number.
fn find<'a>(keys: &'a [Key], wanted: &str, numbered: bool) -> Option<&'a Key> {
    let by = |matches: &dyn Fn(&Key) -> bool| keys.iter().find(|key| matches(key));
    let number = || wanted.parse::<usize>().ok()?.checked_sub(1).and_then(|index| keys.get(index));
    by(&|key| key.label == wanted)
        .or_else(|| by(&|key| key.label.to_lowercase() == wanted.to_lowercase()))
        .or_else(|| number().filter(|_| numbered))
        .or_else(|| by(&|key| key.data.as_deref() == Some(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::SimOptions;
    use serde_json::json;

    fn key(label: &str, data: &str) -> Key {
        Key { label: label.into(), data: Some(data.into()) }
    }

    #[test]
    fn a_button_is_found_by_what_a_person_would_call_it() {
        let keys = [key("Yes", "1"), key("No", "y"), key("3", "2")];
        let found = |wanted: &str| find(&keys, wanted, true).map(|key| key.label.as_str());
        assert_eq!(found("Yes"), Some("Yes"));
        assert_eq!(found("no"), Some("No"));
        assert_eq!(found("y"), Some("No"));
        assert_eq!(found("1"), Some("Yes"));
        assert_eq!(found("2"), Some("No"), "the number that is shown goes before hidden data");
        assert_eq!(found("3"), Some("3"));
        assert_eq!(found("4"), None);
        assert_eq!(find(&keys, "2", false).map(|key| key.label.as_str()), Some("3"));
    }

    #[test]
    fn people_and_groups_are_made_once() {
        let mut cast = Cast::new(Sim::new(SimOptions::default()), 1000);
        let (ann, bob) = (cast.user("ann").unwrap(), cast.user("bob").unwrap());
        assert_eq!(cast.user("ann").unwrap(), ann);
        assert_ne!(ann, bob);
        let team = cast.group("team").unwrap();
        assert_eq!(cast.chat("bob", Some("team")).unwrap(), team);
        assert_ne!(cast.group("other").unwrap(), team);
        assert!(!cast.edits(ann, ann, "x").unwrap());
        cast.says(ann, team, "hello").unwrap();
        assert!(cast.edits(ann, team, "x").unwrap());
        assert_eq!(
            cast.presses(ann, team, "1", true).unwrap(),
            Press::Missing("there is no button here".into())
        );
    }

    #[test]
    fn a_key_of_a_reply_keyboard_says_its_label() {
        let mut cast = Cast::new(Sim::new(SimOptions::default()), 1000);
        let ann = cast.user("ann").unwrap();
        let shown = |keyboard: Value| Happening {
            kind: Kind::Message,
            chat: ann,
            value: json!({"keyboard": keyboard, "message": {"text": "?"}}),
        };
        cast.saw(&shown(json!({"keyboard": [["Tea", {"text": "Coffee"}]]})));
        assert_eq!(cast.presses(ann, ann, "2", true).unwrap(), Press::Said);
        assert_eq!(
            cast.presses(ann, ann, "milk", true).unwrap(),
            Press::Missing("there is no button `milk` here".into())
        );
        cast.saw(&shown(json!({"remove_keyboard": true})));
        assert_eq!(
            cast.presses(ann, ann, "tea", true).unwrap(),
            Press::Missing("there is no button here".into())
        );
    }
}
