//! A reverse proxy that puts TLS before a server, as one stands before Telegram, and counts what was spoken.
//!
//! Owns the listener on `localhost`; dropped, it is closed. It changes nothing in requests and answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::telegram::plain_http;

/// More than any test sends.
const MAX_BODY: usize = 1 << 20;

/// What came, counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Handshakes that the client broke off.
    pub(crate) refused: u32,
    /// Connections by the protocol that the handshake agreed on.
    pub(crate) agreed: BTreeMap<String, u32>,
    /// Requests by the version of HTTP in which they came.
    pub(crate) requests: BTreeMap<String, u32>,
}

/// A running proxy.
pub(crate) struct Proxy {
    address: SocketAddr,
    counts: watch::Receiver<Counts>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Starts it before the server at `upstream`, an `http://` address.
    pub(crate) async fn start(config: ServerConfig, upstream: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("the listener is bound");
        let (counter, counts) = watch::channel(Counts::default());
        let app = forwarding(upstream.to_owned(), counter.clone());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, acceptor.clone(), app.clone(), counter.clone()));
            }
        });
        Proxy { address, counts, _tasks: tasks }
    }

    /// Where it listens, as a URL.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// What came so far.
    pub(crate) fn counts(&self) -> Counts {
        self.counts.borrow().clone()
    }

    /// Waits until so many handshakes were broken off.
    pub(crate) async fn refused(&self, count: u32) {
        let mut counts = self.counts.clone();
        counts.wait_for(|counts| counts.refused >= count).await.expect("the proxy runs");
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, app: Router, counter: watch::Sender<Counts>) {
    let Ok(stream) = acceptor.accept(stream).await else {
        counter.send_modify(|counts| counts.refused += 1);
        return;
    };
    let agreed =
        String::from_utf8_lossy(stream.get_ref().1.alpn_protocol().unwrap_or(b"nothing")).into_owned();
    counter.send_modify(|counts| *counts.agreed.entry(agreed.clone()).or_default() += 1);
    let server = auto::Builder::new(TokioExecutor::new());
    let server = if agreed == "h2" { server.http2_only() } else { server.http1_only() };
    // A connection that ends with an error is the client's to report.
    let _ = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app)).await;
}

fn forwarding(upstream: String, counter: watch::Sender<Counts>) -> Router {
    let http = plain_http();
    Router::new().fallback(move |request: Request| {
        let version = format!("{:?}", request.version());
        counter.send_modify(|counts| *counts.requests.entry(version).or_default() += 1);
        forward(http.clone(), upstream.clone(), request)
    })
}

async fn forward(http: reqwest::Client, upstream: String, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let mut onward = http.request(head.method, format!("{upstream}{}", head.uri.path())).body(body);
    if let Some(kind) = head.headers.get("content-type") {
        onward = onward.header("content-type", kind);
    }
    let Ok(answer) = onward.send().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let (status, headers) = (answer.status(), answer.headers().clone());
    match answer.bytes().await {
        Ok(body) => {
            let kind = headers.get("content-type").cloned();
            let mut response = (status, Body::from(body)).into_response();
            response.headers_mut().extend(kind.map(|kind| (axum::http::header::CONTENT_TYPE, kind)));
            response
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
