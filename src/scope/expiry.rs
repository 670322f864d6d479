//! What waiting does to an update: some are questions that nobody can answer any more.
//!
//! Pure. Owns the times (Bot API; how long Telegram takes an answer). An act of a user is never dropped for its age.

use std::time::Duration;

/// What an update is after it has waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// As good as new.
    Fresh,
    /// An act that is to be handled, but whose answer Telegram does not take any more.
    Late,
    /// A question that cannot be answered any more.
    Expired,
}

/// What an update of this kind is after it has waited for `age` at the gateway.
pub(super) fn freshness(kind: &str, age: Duration) -> Freshness {
    let (seconds, after) = match kind {
        "inline_query" => (30, Freshness::Expired),
        "shipping_query" | "pre_checkout_query" => (150, Freshness::Expired),
        "callback_query" => (150, Freshness::Late),
        "chosen_inline_result" => (600, Freshness::Late),
        _ => return Freshness::Fresh,
    };
    if age > Duration::from_secs(seconds) { after } else { Freshness::Fresh }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_expire_and_acts_become_late() {
        for (kind, age, expected) in [
            ("message", 86_400, Freshness::Fresh),
            ("inline_query", 30, Freshness::Fresh),
            ("inline_query", 31, Freshness::Expired),
            ("shipping_query", 151, Freshness::Expired),
            ("pre_checkout_query", 151, Freshness::Expired),
            ("callback_query", 150, Freshness::Fresh),
            ("callback_query", 151, Freshness::Late),
            ("chosen_inline_result", 601, Freshness::Late),
        ] {
            assert_eq!(freshness(kind, Duration::from_secs(age)), expected, "{kind} after {age} s");
        }
    }
}
