//! The part of the path after `/bot`: which bot is meant, or Telegram's words for a bad token. Pure.

use super::answer::Failure;

/// Longest token the server looks at, in bytes.
const MAX_TOKEN: usize = 80;
/// Shortest secret part that can be a bot's.
const MIN_SECRET: usize = 24;

/// The bot's number in a token `<number>:<secret>`.
///
/// # Errors
/// 401 `Unauthorized: invalid token specified` for what is no token at all, 421 for a number that is none, and 401
/// `Unauthorized` for a secret no bot can have.
pub(crate) fn bot_id(token: &str) -> Result<i64, Failure> {
    let invalid = || Failure::new(401, "Unauthorized: invalid token specified");
    let (number, secret) = token.split_once(':').ok_or_else(invalid)?;
    if token.starts_with('0') || token.len() > MAX_TOKEN || number.is_empty() {
        return Err(invalid());
    }
    let misdirected = || Failure::new(421, "Misdirected Request: unallowed token specified");
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(misdirected());
    }
    let id = number.parse::<i64>().map_err(|_| misdirected())?;
    if id >= 1 << 52 {
        return Err(misdirected());
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if secret.len() < MIN_SECRET || !secret.bytes().all(plain) {
        return Err(Failure::new(401, "Unauthorized"));
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_their_refusals() {
        let secret = "AAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(bot_id(&format!("42:{secret}")), Ok(42));
        for (token, code) in [
            (String::new(), 401),
            ("42".to_owned(), 401),
            (format!("042:{secret}"), 401),
            (format!("42:{}", "A".repeat(90)), 401),
            (format!("x2:{secret}"), 421),
            (format!("99999999999999999999:{secret}"), 421),
            ("42:short".to_owned(), 401),
            (format!("42:{secret}!"), 401),
        ] {
            assert_eq!(bot_id(&token).unwrap_err().code, code, "{token}");
        }
    }
}
