//! The HTTP client: one for the long poll and one for all other calls, so that neither waits for the other.
//!
//! Owns connections, deadlines of single calls and the bound on answers. It retries nothing, keeps no order and no
//! pace, follows no redirect, and hands no URL to anybody.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, redirect};
use serde::Serialize;

use super::address::Address;
use super::answer;
use super::transport;
use super::{Answer, ApiError, ClientError, Token};

/// How long a connection may take to be made, TLS and proxy included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What a long poll may take beyond its own timeout before it counts as lost.
const POLL_MARGIN: Duration = Duration::from_secs(15);
/// How many idle connections are kept for sends over HTTP/1.1 (a local server; the cloud speaks HTTP/2).
const IDLE_SENDS: usize = 256;

/// What a client needs to know.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Where the Bot API is, such as `https://api.telegram.org`: http or https, with a path prefix if need be.
    pub api_url: String,
    /// Whose calls these are.
    pub token: Token,
    /// The most bytes of an answer, after decompression; a longer one is [`ApiError::TooLong`]. Telegram cuts its
    /// batches of updates at 4 MiB.
    pub max_answer: usize,
}

impl ClientConfig {
    /// With answers of at most 64 MiB.
    pub fn new(api_url: impl Into<String>, token: Token) -> Self {
        ClientConfig { api_url: api_url.into(), token, max_answer: 64 << 20 }
    }

    /// Whether the URL can be one of the Bot API.
    pub fn check(&self) -> Result<(), ClientError> {
        Address::new(&self.api_url, &self.token).map(|_| ())
    }
}

/// A cheap handle; clones share the connections.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    token: Token,
    address: Address,
    max_answer: usize,
    polls: reqwest::Client,
    sends: reqwest::Client,
}

/// The parameters of getUpdates.
#[derive(Clone, Debug)]
pub struct Poll<'a> {
    /// The first update wanted; all before it are confirmed. 0 confirms nothing.
    pub offset: i64,
    /// At most so many updates, 1 to 100.
    pub limit: u8,
    /// How long Telegram may wait for the first update; whole seconds, at most 50.
    pub timeout: Duration,
    /// The kinds that Telegram shall queue from now on. An empty list means Telegram's default kinds.
    pub allowed_updates: &'a [String],
}

impl Client {
    /// Checks the URL and sets up both HTTP clients. It connects nowhere yet. Proxies are those of the environment, but
    /// none for a loopback address; certificate authorities are the system's, or those of SSL_CERT_FILE/SSL_CERT_DIR.
    pub fn new(config: ClientConfig) -> Result<Client, ClientError> {
        let address = Address::new(&config.api_url, &config.token)?;
        // An error only says that a provider was installed before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let polls = http_client(&address, 2)?;
        let sends = http_client(&address, IDLE_SENDS)?;
        Ok(Client {
            shared: Arc::new(Shared {
                token: config.token,
                address,
                max_answer: config.max_answer,
                polls,
                sends,
            }),
        })
    }

    /// The bot's own user id.
    pub fn bot_id(&self) -> i64 {
        self.shared.token.bot_id()
    }

    /// Calls a method. `params` is a JSON object, sent as it is; `deadline` is for all of it, the answer included.
    pub async fn call(&self, method: &str, params: Bytes, deadline: Duration) -> Result<Answer, ApiError> {
        let request = self.request(&self.shared.sends, method, params)?;
        self.answer(request, deadline).await
    }

    /// Asks for updates, over a connection of its own. It gives up 15 s after the poll's own timeout.
    pub async fn get_updates(&self, poll: &Poll<'_>) -> Result<Answer, ApiError> {
        #[derive(Serialize)]
        struct Params<'a> {
            offset: i64,
            limit: u8,
            timeout: u64,
            allowed_updates: &'a [String],
        }
        let params = serde_json::to_vec(&Params {
            offset: poll.offset,
            limit: poll.limit,
            timeout: poll.timeout.as_secs(),
            allowed_updates: poll.allowed_updates,
        })
        .expect("numbers and strings can be written as JSON");
        let request = self.request(&self.shared.polls, "getUpdates", params.into())?;
        self.answer(request, poll.timeout + POLL_MARGIN).await
    }

    fn request(
        &self,
        http: &reqwest::Client,
        method: &str,
        params: Bytes,
    ) -> Result<RequestBuilder, ApiError> {
        let url = self.shared.address.method(method).ok_or_else(|| {
            refused("asgigram: the name of a method is made of letters, digits and `_`".to_owned())
        })?;
        Ok(http.post(url).header(CONTENT_TYPE, "application/json").body(params))
    }

    async fn answer(&self, request: RequestBuilder, deadline: Duration) -> Result<Answer, ApiError> {
        let response = request.timeout(deadline).send().await.map_err(|error| self.fault(error))?;
        self.read(response).await.map_err(|error| self.redacted(error))
    }

    async fn read(&self, mut response: Response) -> Result<Answer, ApiError> {
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let max = self.shared.max_answer;
        let mut body = Vec::with_capacity(response.content_length().unwrap_or(0).min(1 << 20) as usize);
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > max => {
                    return Err(ApiError::TooLong { status, max });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return answer::read(status, retry_after, &body),
                // The status came, so the request was seen, and an error says so itself.
                Err(_) if status >= 400 => {
                    return Err(answer::not_telegram(status, retry_after, &String::from_utf8_lossy(&body)));
                }
                Err(error) => return Err(self.fault(error)),
            }
        }
    }

    fn fault(&self, error: reqwest::Error) -> ApiError {
        self.redacted(transport::fault(error))
    }

    /// Takes the token out of what others wrote: web servers like to quote the path they were asked for.
    fn redacted(&self, error: ApiError) -> ApiError {
        let redact = |text| self.shared.token.redact(text);
        match error {
            ApiError::NotTelegram { status, head } => {
                ApiError::NotTelegram { status, head: answer::head(&redact(head)) }
            }
            ApiError::Transport { maybe_delivered, fault, detail } => {
                ApiError::Transport { maybe_delivered, fault, detail: redact(detail) }
            }
            other => other,
        }
    }
}

fn http_client(address: &Address, idle_connections: usize) -> Result<reqwest::Client, ClientError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("asgigram/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        // A network that went away without a word is noticed in half a minute, not at the next deadline.
        .tcp_keepalive(Duration::from_secs(15))
        .tcp_keepalive_interval(Duration::from_secs(5))
        .tcp_keepalive_retries(3)
        .http2_keep_alive_interval(Duration::from_secs(15))
        .http2_keep_alive_timeout(Duration::from_secs(15))
        .http2_adaptive_window(true)
        .pool_idle_timeout(Duration::from_secs(90))
        .pool_max_idle_per_host(idle_connections);
    if address.is_loopback {
        builder = builder.no_proxy();
    }
    if !address.is_https {
        // No certificate is ever looked at, so a machine without any will do, and none is read from disk.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| ClientError::Setup { cause: transport::causes(&error) })
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

fn refused(description: String) -> ApiError {
    ApiError::Rejected {
        code: 400,
        description,
        retry_after: None,
        migrate_to_chat_id: None,
        parameters: None,
    }
}

#[cfg(test)]
mod tests;
