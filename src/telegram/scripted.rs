//! A Telegram for tests that answers connections from a script, byte for byte, however wrong the bytes are.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::{Client, ClientConfig, Token};

/// The secret part of the token that tests use.
pub(crate) const SECRET: &str = "AAbbCCddEEffGGhhIIjjKK";

pub(crate) fn token() -> Token {
    format!("123:{SECRET}").parse().unwrap()
}

/// What the server does with one request. Each connection takes one request and ends.
pub(crate) enum Reply {
    /// These bytes, then the end of the connection.
    Bytes(String),
    /// Nothing, until the client goes away.
    Hold,
}

/// An answer with status line, length and body.
pub(crate) fn answer(status: u16, body: &str) -> Reply {
    answer_with(status, "", body)
}

/// The same with more header lines, each ended by `\r\n`.
pub(crate) fn answer_with(status: u16, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Bytes(format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    ))
}

/// An answer of the Bot API with this `result`.
pub(crate) fn result(json: &str) -> Reply {
    answer(200, &format!(r#"{{"ok":true,"result":{json}}}"#))
}

/// An error of the Bot API.
pub(crate) fn rejected(code: u16, description: &str) -> Reply {
    answer(code, &format!(r#"{{"ok":false,"error_code":{code},"description":"{description}"}}"#))
}

/// A running script. It ends with the runtime of the test.
pub(crate) struct Scripted {
    pub(crate) client: Client,
    requests: mpsc::Receiver<(String, String)>,
}

impl Scripted {
    /// Answers as `script` says, in order; past its end every request is held.
    pub(crate) async fn start(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::channel(100);
        tokio::spawn(async move {
            let mut script = script.into_iter();
            while let Ok((mut stream, _)) = listener.accept().await {
                let reply = script.next().unwrap_or(Reply::Hold);
                let sender = sender.clone();
                tokio::spawn(async move {
                    if let Some(request) = read_request(&mut stream).await {
                        sender.send(request).await.ok();
                    }
                    match reply {
                        Reply::Bytes(bytes) => stream.write_all(bytes.as_bytes()).await.unwrap(),
                        Reply::Hold => while stream.read(&mut [0]).await.is_ok_and(|n| n > 0) {},
                    }
                });
            }
        });
        Scripted { client: Client::new(ClientConfig::new(url, token())).unwrap(), requests }
    }

    /// The next request as method and body, waited for.
    pub(crate) async fn request(&mut self) -> (String, String) {
        let next = tokio::time::timeout(std::time::Duration::from_secs(20), self.requests.recv());
        next.await.expect("a request within 20 s").unwrap()
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_ascii_lowercase()
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ").map(|length| length.parse().unwrap()));
            if body.len() >= length.unwrap_or(0) {
                let path = head.split(' ').nth(1)?;
                return Some((path.rsplit('/').next()?.to_owned(), body.to_owned()));
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
