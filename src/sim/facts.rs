//! The Bot API as data: every method with its parameters and results, every update kind with its lifetime, every
//! object a result can hold. Parsed once from two files that were computed from Telegram's own documentation.
//! Read-only.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// One method.
#[derive(Debug, Deserialize)]
pub(crate) struct Method {
    pub(crate) name: String,
    /// Types of the result, e.g. `["Message","Boolean"]`.
    pub(crate) returns: Vec<String>,
    /// `(name, types, required)`.
    pub(crate) params: Vec<(String, Vec<String>, bool)>,
}

impl Method {
    /// Whether the method has a parameter of that name.
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.params.iter().any(|(known, ..)| known == name)
    }
}

/// One kind of update.
#[derive(Debug, Deserialize)]
pub(crate) struct UpdateKind {
    pub(crate) name: String,
    /// How long the server keeps it.
    pub(crate) ttl_seconds: i64,
    /// Whether it is delivered when `allowed_updates` was never set.
    pub(crate) default_on: bool,
}

/// One object: its fields `(name, types, required)`, or what it can be.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Shape {
    pub(crate) fields: Vec<(String, Vec<String>, bool)>,
    pub(crate) subtypes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct MethodFile {
    version: String,
    update_kinds: Vec<UpdateKind>,
    methods: Vec<Method>,
}

/// All facts.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The version they are of, e.g. `Bot API 10.3`.
    pub(crate) version: String,
    pub(crate) update_kinds: Vec<UpdateKind>,
    methods: HashMap<String, Method>,
    types: HashMap<String, Shape>,
}

/// Old names the server still takes.
const ALIASES: [(&str, &str); 3] = [
    ("kickchatmember", "banchatmember"),
    ("getchatmemberscount", "getchatmembercount"),
    ("setstickersetthumb", "setstickersetthumbnail"),
];

static FACTS: LazyLock<Facts> = LazyLock::new(|| {
    let file: MethodFile = serde_json::from_str(include_str!("facts/methods.json"))
        .expect("the embedded file is checked by a test");
    let types = serde_json::from_str(include_str!("facts/types.json"))
        .expect("the embedded file is checked by a test");
    let methods = file.methods.into_iter().map(|method| (method.name.to_ascii_lowercase(), method)).collect();
    Facts { version: file.version, update_kinds: file.update_kinds, methods, types }
});

/// The facts.
pub(crate) fn facts() -> &'static Facts {
    &FACTS
}

impl Facts {
    /// The method of that name, in any case, also by an old name.
    pub(crate) fn method(&self, name: &str) -> Option<&Method> {
        let name = name.to_ascii_lowercase();
        let name = ALIASES.iter().find(|(old, _)| *old == name).map_or(name.as_str(), |(_, new)| new);
        self.methods.get(name)
    }

    /// The shape of an object, `None` for scalars and arrays.
    pub(crate) fn shape(&self, name: &str) -> Option<&Shape> {
        self.types.get(name)
    }

    /// Seconds an update of this kind is kept; a day for kinds nobody knows.
    pub(crate) fn ttl_seconds(&self, kind: &str) -> i64 {
        self.update_kinds.iter().find(|known| known.name == kind).map_or(86_400, |known| known.ttl_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_hold_what_is_needed() {
        let facts = facts();
        assert_eq!((facts.methods.len(), facts.update_kinds.len()), (185, 27));
        assert_eq!(facts.method("SENDmessage").unwrap().name, "sendMessage");
        assert_eq!(facts.method("kickChatMember").unwrap().name, "banChatMember");
        assert_eq!(facts.ttl_seconds("inline_query"), 30);
        for method in facts.methods.values() {
            for result in &method.returns {
                let base = result.trim_start_matches("Array of ");
                let scalar = matches!(base, "Boolean" | "String" | "Integer");
                assert!(scalar || facts.shape(base).is_some(), "{base} of {}", method.name);
            }
        }
    }
}
