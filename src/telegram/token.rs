//! The token of a bot: the one secret of the gateway.
//!
//! Owns its form and its hiding. It is shown by no `Debug` or `Display`, and an error about it never repeats it.

use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};

/// A well-formed token, `<bot id>:<secret>`. Whether Telegram knows it is another question.
#[derive(Clone)]
pub struct Token {
    bot_id: i64,
    text: SecretString,
}

/// Why a text is no token. It does not repeat the text, which may be one that was mistyped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not a bot token: a token is the bot's number, a colon, and at least 20 letters, digits, `_` or `-`\n\
     help: @BotFather shows the token of a bot under /mybots"
)]
pub struct TokenError;

/// The least length of the secret part.
const SECRET_MIN: usize = 20;

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let (number, secret) = text.split_once(':').ok_or(TokenError)?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let is_secret = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !is_number || secret.len() < SECRET_MIN || !secret.bytes().all(is_secret) {
            return Err(TokenError);
        }
        Ok(Token { bot_id: number.parse().map_err(|_| TokenError)?, text: text.into() })
    }
}

impl Token {
    /// The bot's own user id, which is the first part of its token.
    pub fn bot_id(&self) -> i64 {
        self.bot_id
    }

    /// The token itself, for building URLs and for what keeps it out of logs.
    pub(crate) fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// `text` without the secret part of the token. Web servers like to quote the path they were asked for.
    pub(crate) fn redact(&self, text: String) -> String {
        match self.expose().split_once(':') {
            Some((_, secret)) if text.contains(secret) => text.replace(secret, "<secret>"),
            _ => text,
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}:<secret>)", self.bot_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "AAbbCCddEEffGGhhIIjj_-";

    #[test]
    fn a_token_is_a_number_a_colon_and_a_secret() {
        let token: Token = format!("123:{SECRET}").parse().unwrap();
        assert_eq!(token.bot_id(), 123);
        assert_eq!(token.expose(), format!("123:{SECRET}"));
        for bad in [
            "",
            ":",
            "123",
            "123:short",
            "x12:AAbbCCddEEffGGhhIIjj",
            "123:AAbbCCddEEffGGhhII/../",
            "123:AAbbCCddEEffGGhhIIjj ",
            "-1:AAbbCCddEEffGGhhIIjj",
            "99999999999999999999:AAbbCCddEEffGGhhIIjj",
            "123:AAbb:CCddEEffGGhhIIjj",
        ] {
            assert!(bad.parse::<Token>().is_err(), "{bad}");
        }
    }

    #[test]
    fn it_shows_itself_nowhere() {
        let token: Token = format!("123:{SECRET}").parse().unwrap();
        assert_eq!(format!("{token:?}"), "Token(123:<secret>)");
        assert_eq!(
            token.redact(format!("/bot123%3A{SECRET}/getMe was not found")),
            "/bot123%3A<secret>/getMe was not found"
        );
        let mistyped = format!("{:?}", format!("12x3:{SECRET}").parse::<Token>());
        assert!(!mistyped.contains(SECRET));
    }
}
