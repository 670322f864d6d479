//! The gateway over TLS: with an authority of one's own, over HTTP/1.1 and over HTTP/2, and with one nobody knows.
//!
//! Telegram is `asgigram sim` behind a proxy that speaks TLS with only one of the two protocols and counts.

mod authority;
#[path = "../oracles/process.rs"]
mod process;
mod proxy;
#[expect(dead_code, reason = "the bots of other libraries need more of it")]
#[path = "../oracles/telegram.rs"]
mod telegram;

use std::path::PathBuf;

use authority::Authority;
use process::{PATIENCE, Process};
use proxy::Proxy;
use rustix::process::Signal;
use telegram::{SECRET, Telegram};

/// A gateway whose worker is the echo in shell.
fn gateway(api_url: &str, variables: &[(&str, &str)]) -> Process {
    let token = Telegram::token();
    let variables = [&[("TELEGRAM_BOT_TOKEN", &*token)], variables].concat();
    let arguments = ["-v", "--api-url", api_url, "--", "sh", "clients/shell/echo.sh"];
    Process::start(env!("CARGO_BIN_EXE_asgigram"), &arguments, &variables)
}

/// A folder with the authority's certificate in it.
fn folder(authority: &Authority) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("the system's folder for temporary files can be written");
    let path = folder.path().join("ca.pem");
    authority.write(&path);
    (folder, path)
}

#[tokio::test]
async fn an_echo_over_http_1_1() {
    let counts = echo("http/1.1").await;
    assert_eq!(counts.agreed.keys().collect::<Vec<_>>(), ["http/1.1"]);
    assert_eq!(counts.requests.keys().collect::<Vec<_>>(), ["HTTP/1.1"]);
}

#[tokio::test]
async fn an_echo_over_http_2() {
    let counts = echo("h2").await;
    assert_eq!(counts.agreed.keys().collect::<Vec<_>>(), ["h2"]);
    assert_eq!(counts.requests.keys().collect::<Vec<_>>(), ["HTTP/2.0"]);
}

/// Has a message echoed through a proxy that speaks only `protocol`.
async fn echo(protocol: &str) -> proxy::Counts {
    let authority = Authority::new("our own");
    let (_folder, certificate) = folder(&authority);
    let mut telegram = Telegram::start().await;
    let proxy = Proxy::start(authority.server(protocol), &telegram.url).await;
    let certificate = certificate.to_str().expect("the path is UTF-8");
    let gateway = gateway(&proxy.url(), &[("SSL_CERT_FILE", certificate)]);

    telegram.says("over TLS 🔒").await;
    assert_eq!(telegram.shows("message").await["message"]["text"], "over TLS 🔒");

    gateway.signal(Signal::TERM);
    assert_eq!(gateway.end().await, Some(0));
    assert_eq!(telegram.state().await["pending"], 0, "what was handled is confirmed");
    assert!(!gateway.printed().contains(SECRET), "the token was printed");
    let counts = proxy.counts();
    assert_eq!(counts.refused, 0);
    // getMe, getWebhookInfo, a poll with the message, one after it, and the echo.
    assert!(counts.requests.values().sum::<u32>() >= 5, "{counts:?}");
    telegram.stop().await;
    counts
}

#[tokio::test]
async fn without_ssl_cert_file_an_unknown_authority_is_named_as_the_trouble() {
    is_told_of_an_unknown_authority(None).await;
}

#[tokio::test]
async fn with_an_ssl_cert_file_of_another_authority_it_is_named_too() {
    is_told_of_an_unknown_authority(Some(Authority::new("another"))).await;
}

/// `known` is the only authority that the gateway knows; the system's, if it is `None`.
async fn is_told_of_an_unknown_authority(known: Option<Authority>) {
    let telegram = Telegram::start().await;
    let proxy = Proxy::start(Authority::new("unknown").server("h2"), &telegram.url).await;
    let folder = known.as_ref().map(folder);
    let path = folder.as_ref().map(|(_, path)| path.to_str().expect("the path is UTF-8"));
    let variables: Vec<_> = path.map(|path| ("SSL_CERT_FILE", path)).into_iter().collect();
    let gateway = gateway(&proxy.url(), &variables);

    let told = |line: &&String| line.contains("signed by an authority that this machine does not know");
    let line = gateway.until("it says what is wrong", |seen| seen.stderr.iter().find(told).cloned()).await;
    assert!(line.contains("trying again"), "{line}");
    let told = |line: &&String| line.starts_with("help: ") && line.contains("SSL_CERT_FILE");
    let help = gateway.until("it says what to do", |seen| seen.stderr.iter().find(told).cloned()).await;
    assert!(help.contains("(PEM)"), "{help}");
    // The network's troubles pass, and a person may mend the certificate meanwhile.
    tokio::time::timeout(PATIENCE, proxy.refused(2)).await.expect("it tries again");
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.end().await, Some(0), "a gateway that is told to stop before it could begin is done");
    assert!(!gateway.printed().contains(SECRET), "the token was printed");
    let counts = proxy.counts();
    assert!(counts.requests.is_empty(), "no request, and so no token, went to a stranger: {counts:?}");
    telegram.stop().await;
}
