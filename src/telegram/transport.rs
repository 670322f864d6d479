//! What the HTTP library reports, told for people: which part broke and whether the request was sent.
//!
//! Owns the only place where a `reqwest::Error` becomes one of ours. Its own text holds the URL, and with it the token,
//! and hides the cause, so neither its `Display` nor its `Debug` is ever used.

use std::error::Error;
use std::io;

use super::{ApiError, TransportFault};

pub(super) fn fault(error: reqwest::Error) -> ApiError {
    let fault = kind(&error);
    let causes = causes(&error);
    let detail = match fault {
        TransportFault::Dns => format!("cannot resolve the host of the API URL: {causes}"),
        TransportFault::Connect if error.is_timeout() => {
            "cannot connect to Telegram: no reply in time".to_owned()
        }
        TransportFault::Connect => format!("cannot connect to Telegram: {causes}"),
        TransportFault::Certificate if causes.contains("UnknownIssuer") => format!(
            "the server's certificate is signed by an authority that this machine does not know ({causes})"
        ),
        TransportFault::Certificate => format!("the server's certificate is not accepted: {causes}"),
        TransportFault::Timeout => "no answer from Telegram in time".to_owned(),
        TransportFault::Broken => format!("the connection to Telegram broke: {causes}"),
    };
    ApiError::Transport { maybe_delivered: !(error.is_connect() || error.is_builder()), fault, detail }
}

fn kind(error: &reqwest::Error) -> TransportFault {
    if chain(error).any(is_certificate) {
        TransportFault::Certificate
    } else if error.is_dns() {
        TransportFault::Dns
    } else if error.is_connect() {
        TransportFault::Connect
    } else if error.is_timeout() {
        TransportFault::Timeout
    } else {
        TransportFault::Broken
    }
}

/// The TLS library's error travels inside `io::Error`s, whose `source` skips what they hold.
fn is_certificate(mut cause: &(dyn Error + 'static)) -> bool {
    while let Some(inner) = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        cause = inner;
    }
    matches!(cause.downcast_ref::<rustls::Error>(), Some(rustls::Error::InvalidCertificate(_)))
}

/// The errors below `error`, outermost first.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (**cause).source())
}

/// The texts of all causes, without those that say nothing or what the next one says again.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in chain(error) {
        let text = cause.to_string();
        let says_nothing =
            text.starts_with("client error (") || text == "dns error" || text == "error resolving DNS";
        if says_nothing || texts.iter().any(|said| said.contains(&text)) {
            continue;
        }
        texts.push(text);
    }
    match texts.is_empty() {
        true => "no cause is known".to_owned(),
        false => texts.join(": "),
    }
}
