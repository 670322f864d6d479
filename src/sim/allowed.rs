//! Which kinds of update a bot wants: `allowed_updates`, sticky until it is given anew. Pure.

use super::facts::facts;

/// A bot's choice, as a bit per known kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowed {
    mask: u64,
}

impl Default for Allowed {
    /// All kinds but chat_member, message_reaction and message_reaction_count.
    fn default() -> Allowed {
        let kinds = facts().update_kinds.iter().enumerate();
        let mask = kinds.filter(|(_, kind)| kind.default_on).fold(0, |mask, (bit, _)| mask | 1 << bit);
        Allowed { mask }
    }
}

impl Allowed {
    /// Applies the parameter: no JSON, no array or an element that is no string keeps the old setting; an empty list
    /// or one of unknown names only is the default again.
    pub(crate) fn set(&mut self, parameter: &str) {
        let Ok(names) = serde_json::from_str::<Vec<String>>(parameter) else {
            return;
        };
        let chosen = facts().update_kinds.iter().enumerate();
        let chosen =
            chosen.filter(|(_, kind)| names.iter().any(|name| name.eq_ignore_ascii_case(&kind.name)));
        let mask = chosen.fold(0, |mask, (bit, _)| mask | 1 << bit);
        *self = if mask == 0 { Allowed::default() } else { Allowed { mask } };
    }

    /// Whether an update of that kind is created at all. Kinds nobody knows are.
    pub(crate) fn has(&self, kind: &str) -> bool {
        match facts().update_kinds.iter().position(|known| known.name == kind) {
            Some(bit) => self.mask & 1 << bit != 0,
            None => true,
        }
    }

    /// The chosen names.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let kinds = facts().update_kinds.iter().enumerate();
        kinds.filter(|(bit, _)| self.mask & 1 << bit != 0).map(|(_, kind)| kind.name.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sticky_and_reset() {
        let mut allowed = Allowed::default();
        assert!(allowed.has("message") && !allowed.has("chat_member") && allowed.has("kind_of_next_year"));
        allowed.set(r#"["CHAT_member","nonsense"]"#);
        assert_eq!(allowed.names(), ["chat_member"]);
        for keeps in ["", "null", "{}", "[1]", "not json"] {
            allowed.set(keeps);
            assert_eq!(allowed.names(), ["chat_member"], "{keeps}");
        }
        for resets in ["[]", r#"["nonsense"]"#] {
            allowed.set(r#"["poll"]"#);
            allowed.set(resets);
            assert_eq!(allowed, Allowed::default());
        }
    }
}
