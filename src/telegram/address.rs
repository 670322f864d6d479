//! Where the Bot API is: the URL a person gave, and the URLs made of it.
//!
//! Owns the one place where the token becomes part of a URL. It never opens a connection.

use std::fmt;
use std::sync::Arc;

use reqwest::Url;

use super::Token;

/// Why no client could be made. The text says what is wrong with the URL and never repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// It could not be read as a URL at all.
    #[error(
        "the API URL `{url}` is not a URL: {cause}\nhelp: it looks like `https://api.telegram.org` or `http://localhost:8081`"
    )]
    Malformed {
        /// What was given.
        url: String,
        /// What the parser said.
        cause: String,
    },
    /// It is neither http nor https.
    #[error("the API URL has the scheme `{scheme}`\nhelp: it must begin with `https://` or `http://`")]
    Scheme {
        /// What stands before `://`.
        scheme: String,
    },
    /// It has a part that the gateway would have to throw away.
    #[error(
        "the API URL has a {part}, which cannot be kept\nhelp: end it at the path; the gateway adds `/bot<token>/<method>` itself"
    )]
    Surplus {
        /// `query` or `fragment`.
        part: &'static str,
    },
    /// It already holds `/bot<token>`.
    #[error("the API URL already holds `/bot<token>`\nhelp: leave that part out; the gateway adds it itself")]
    HoldsToken,
    /// The HTTP client could not be set up; nearly always the system has no list of certificate authorities.
    #[error(
        "cannot set up the HTTP client: {cause}\nhelp: install the package ca-certificates, or name a PEM file in SSL_CERT_FILE"
    )]
    Setup {
        /// The chain of causes.
        cause: String,
    },
}

/// The URLs of one bot.
#[derive(Clone)]
pub(super) struct Address {
    /// `https://host/prefix/bot<token>/`
    methods: Arc<str>,
    pub(super) is_https: bool,
    pub(super) is_loopback: bool,
}

impl Address {
    pub(super) fn new(api_url: &str, token: &Token) -> Result<Self, ClientError> {
        let url = Url::parse(api_url.trim()).map_err(|cause| ClientError::Malformed {
            url: without_secrets(api_url),
            cause: cause.to_string(),
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ClientError::Scheme { scheme: url.scheme().to_owned() });
        }
        if url.query().is_some() || url.fragment().is_some() {
            let part = if url.query().is_some() { "query" } else { "fragment" };
            return Err(ClientError::Surplus { part });
        }
        let is_bot = |segment: &str| {
            segment
                .strip_prefix("bot")
                .is_some_and(|rest| rest.replace("%3A", ":").replace("%3a", ":").parse::<Token>().is_ok())
        };
        if url.path().split('/').any(is_bot) {
            return Err(ClientError::HoldsToken);
        }
        let base = url.as_str().trim_end_matches('/');
        Ok(Address {
            methods: format!("{base}/bot{}/", token.expose()).into(),
            is_https: url.scheme() == "https",
            is_loopback: is_loopback(&url),
        })
    }

    /// The URL of a method, or `None` if `method` is not letters, digits and `_`: nothing else ever gets into a URL.
    pub(super) fn method(&self, method: &str) -> Option<Url> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if method.is_empty() || !method.bytes().all(is_plain) {
            return None;
        }
        Url::parse(&format!("{}{method}", self.methods)).ok()
    }
}

/// Without the URL, since it holds the token.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").finish_non_exhaustive()
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A URL that cannot be parsed may still hold a token or a password.
fn without_secrets(url: &str) -> String {
    match url.contains('@') || url.split([':', '/']).any(|part| part.len() >= 30) {
        true => "<not shown: it may hold a secret>".to_owned(),
        false => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        "123:AAbbCCddEEffGGhhIIjj".parse().unwrap()
    }

    fn address(url: &str) -> Address {
        Address::new(url, &token()).unwrap()
    }

    #[test]
    fn a_path_prefix_and_a_final_slash_are_understood() {
        for (given, expected) in [
            ("https://api.telegram.org", "https://api.telegram.org/bot"),
            ("https://api.telegram.org/", "https://api.telegram.org/bot"),
            ("http://localhost:8081/api//", "http://localhost:8081/api/bot"),
        ] {
            let url = address(given).method("getMe").unwrap();
            assert_eq!(url.as_str(), format!("{expected}123:AAbbCCddEEffGGhhIIjj/getMe"));
        }
    }

    #[test]
    fn nothing_leads_out_of_the_bots_own_urls() {
        let address = address("http://h");
        for method in ["", "../getMe", "get Me", "getMe?x", "getMé"] {
            assert!(address.method(method).is_none(), "{method}");
        }
    }

    #[test]
    fn errors_say_what_is_wrong_and_hold_no_secret() {
        for (given, part) in [
            ("api.telegram.org", "is not a URL"),
            ("ftp://h", "scheme `ftp`"),
            ("localhost:8081", "scheme `localhost`"),
            ("http://h/?x=1", "a query"),
            ("http://h/#x", "a fragment"),
            ("http://h/bot123:AAbbCCddEEffGGhhIIjj", "already holds"),
            ("//h/bot123:AAbbCCddEEffGGhhIIjjKKllMMnnOO", "is not a URL"),
        ] {
            let text = Address::new(given, &token()).unwrap_err().to_string();
            assert!(text.contains(part) && text.contains("help: "), "{given}: {text}");
            assert!(!text.contains("AAbb"), "{text}");
        }
    }

    #[test]
    fn loopback_is_known_by_name_and_number() {
        for (url, expected) in [
            ("http://localhost:1", true),
            ("http://127.0.0.9:1", true),
            ("http://[::1]:1", true),
            ("http://10.0.0.1", false),
            ("https://api.telegram.org", false),
        ] {
            assert_eq!(address(url).is_loopback, expected, "{url}");
        }
    }
}
