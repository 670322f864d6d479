//! The control API under `/sim`: JSON in and out, thin wrappers over what [`Sim`] can do.
//!
//! | route | does |
//! |---|---|
//! | `GET /sim` | version, bots, time |
//! | `POST /sim/faults`, `/sim/clock` | orders a [`Fault`](super::Fault); `{"advance":SECONDS}` |
//! | `POST /sim/{bot}/updates` | puts raw updates in the queue |
//! | `POST /sim/{bot}/users/{id}` | makes or renames a user: `first_name`, `username`, `access` |
//! | `POST /sim/{bot}/users/{id}/messages`, `/edits`, `/callbacks` | a user writes, edits, presses a button |
//! | `POST /sim/{bot}/chats`, `GET …/chats/{id}/messages` | makes or changes a chat; what is in it |
//! | `POST /sim/{bot}/files/{file_id}?filename=` | a file for the bot to download |
//! | `GET /sim/{bot}/calls?since=&method=&wait=&polls=1` | the calls the bot made |
//! | `GET /sim/{bot}/events?since=&wait=` | what the bot made visible |
//! | `GET /sim/{bot}/state` | the queue: pending, confirmed, allowed_updates, parked |
//!
//! Errors are `{"ok":false,"error":"…"}` with status 400; foreign pages get 403 (see `guard.rs`).

mod routes;

use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use tokio_util::sync::CancellationToken;

use super::Sim;
use super::acts::ActError;
use super::answer::Answer;
use super::guard::{host_is_ours, origin_is_ours};
use super::http::respond;
use super::json::Object;

/// Largest body of the control API, in bytes.
const MAX_BODY: usize = 64 << 20;

/// All routes under `/sim`.
pub(super) fn routes(sim: &Sim) -> Router<Sim> {
    Router::new()
        .route("/", get(routes::about))
        .route("/faults", post(routes::faults))
        .route("/clock", post(routes::clock))
        .route("/{bot}/updates", post(routes::updates))
        .route("/{bot}/users/{user}", post(routes::user))
        .route("/{bot}/users/{user}/messages", post(routes::says))
        .route("/{bot}/users/{user}/edits", post(routes::edits))
        .route("/{bot}/users/{user}/callbacks", post(routes::press))
        .route("/{bot}/chats", post(routes::chat))
        .route("/{bot}/chats/{chat}/messages", get(routes::messages))
        .route("/{bot}/files/{id}", post(routes::file))
        .route("/{bot}/calls", get(routes::calls))
        .route("/{bot}/events", get(routes::events))
        .route("/{bot}/state", get(routes::state))
        .fallback(routes::unknown)
        .layer(from_fn_with_state(sim.clone(), check_sender))
}

/// Refuses what a page of another site makes a browser send.
async fn check_sender(State(sim): State<Sim>, request: Request, next: Next) -> Response {
    match fault_of_sender(&sim, request.method(), request.headers()) {
        Some(why) => refusal(403, why),
        None => in_json(next.run(request).await).await,
    }
}

/// Gives what the router refuses by itself (a number that is none, a wrong verb) the form of all other refusals.
async fn in_json(response: Response) -> Response {
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if json || !response.status().is_client_error() {
        return response;
    }
    let status = response.status();
    let text = to_bytes(response.into_body(), 4096).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let why = if text.is_empty() { status.canonical_reason().unwrap_or("refused") } else { &text };
    refusal(status.as_u16(), why)
}

fn fault_of_sender(sim: &Sim, method: &Method, headers: &HeaderMap) -> Option<&'static str> {
    let header = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let (host, origin) = (header(header::HOST), header(header::ORIGIN));
    if !host_is_ours(host, &sim.world.options.hosts) {
        return Some("the Host header names another machine");
    }
    let reads = matches!(*method, Method::GET | Method::HEAD);
    (!reads && !origin_is_ours(origin, host)).then_some("the Origin header names another site")
}

fn refusal(status: u16, why: &str) -> Response {
    respond(Answer::json(status, Object::new().flag("ok", false).text("error", why).finish()), false)
}

/// The response for what an act gave: members to stand after `"ok":true`, or why not.
fn reply(outcome: Result<Object, ActError>) -> Response {
    match outcome {
        Ok(body) => respond(Answer::json(200, body.finish()), false),
        Err(why) => refusal(400, &why.0),
    }
}

/// Ends early when the simulator stops, so that nobody's long poll holds it up.
async fn unless_stopped<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = stop.cancelled() => None,
    }
}

/// Seconds of a `wait` parameter.
fn seconds(wait: Option<f64>) -> Duration {
    Duration::try_from_secs_f64(wait.unwrap_or(0.0).max(0.0)).unwrap_or(Duration::MAX)
}
