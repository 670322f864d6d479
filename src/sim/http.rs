//! The Bot API over HTTP: paths, verbs and headers as Telegram's server has them, and the faults ordered for a call.
//! Owns the way from a request to an answer; what a method does is `methods.rs`'s affair.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, Method as Verb, Request, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use tokio_util::sync::CancellationToken;

use super::Sim;
use super::answer::{Answer, Failure};
use super::bot::Bot;
use super::connection::Breaker;
use super::facts::facts;
use super::faults::Fault;
use super::params::{Params, percent_decode};
use super::upload::read_params;
use super::{methods, poll, token};

/// How long a cut body's first half gets to reach the client before the connection is closed.
const CUT_PAUSE: Duration = Duration::from_millis(20);

/// Answers everything that is not the control API.
pub(crate) async fn handle(
    State(sim): State<Sim>,
    Extension(stop): Extension<CancellationToken>,
    ConnectInfo(breaker): ConnectInfo<Breaker>,
    request: Request<Body>,
) -> Response {
    let path = percent_decode(request.uri().path().as_bytes(), false);
    if request.method() != Verb::GET && request.method() != Verb::POST {
        return respond(Answer::empty(501), false);
    }
    if let Some(rest) = path.strip_prefix("/file/bot") {
        return respond(download(&sim, rest), false);
    }
    let Some((token, method)) = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/')) else {
        return respond(Failure::new(404, "Not Found").into(), false);
    };
    // The test data centre is another world with the same rules; here it is the same world.
    let method = method.strip_prefix("test/").unwrap_or(method);
    let bot = match token::bot_id(token).and_then(|id| sim.bot(id)) {
        Ok(bot) => bot,
        Err(failure) => return respond(failure.into(), false),
    };
    let params = match read_params(request).await {
        Ok(params) => params,
        Err(answer) => return respond(answer, false),
    };
    let method = if method.is_empty() { params.text("method") } else { method }.to_owned();
    let fault = sim.take_fault(bot.id, &method, params.text("chat_id"));
    // A task of its own: what was begun is finished and recorded, whether the client stays or not.
    let call = answer_call(sim, bot, method, params, fault.clone(), stop);
    let Ok(answer) = tokio::spawn(call).await else {
        return respond(Failure::new(500, "Internal Server Error: restart").into(), false);
    };
    if fault.as_ref().is_some_and(|fault| fault.close) {
        breaker.trip();
    }
    respond(answer, fault.is_some_and(|fault| fault.cut))
}

/// The bytes of a file, for `<token>/<file_path>`.
fn download(sim: &Sim, rest: &str) -> Answer {
    let bot = |token| token::bot_id(token).and_then(|id| sim.bot(id));
    match rest.split_once('/').map(|(token, path)| (bot(token), path)) {
        Some((Err(failure), _)) => failure.into(),
        Some((Ok(bot), path)) => match bot.state().files.download(path) {
            Some(body) => {
                Answer { body, content_type: "application/octet-stream", ..Answer::json(200, String::new()) }
            }
            None => Failure::new(404, "Not Found").into(),
        },
        None => Failure::new(404, "Not Found").into(),
    }
}

/// Performs a call with what was ordered for it, and records it.
async fn answer_call(
    sim: Sim,
    bot: Arc<Bot>,
    method: String,
    params: Params,
    fault: Option<Fault>,
    stop: CancellationToken,
) -> Answer {
    let known = facts().method(&method);
    let name = known.map_or(method.as_str(), |known| known.name.as_str());
    if let Some(delay_ms) = fault.as_ref().map(|fault| fault.delay_ms).filter(|&delay_ms| delay_ms > 0) {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(delay_ms)) => {}
            () = stop.cancelled() => {}
        }
    }
    let mut answer = if fault.as_ref().is_none_or(Fault::performs) {
        let outcome = if name == "getUpdates" {
            poll::get_updates(bot.clone(), sim.clock(), &params, &stop).await
        } else {
            methods::perform(&bot, known, &params, sim.clock().now_ms())
        };
        outcome.into()
    } else {
        Answer::json(200, String::new())
    };
    let mut status = answer.status;
    if let Some(fault) = &fault {
        answer = fault.answer().unwrap_or(answer);
        status = if fault.close { 0 } else { answer.status };
        if fault.pretty {
            answer.body = pretty(&answer.body);
        }
    }
    let params = params.to_json();
    bot.log().call(name, params, status, answer.body.clone(), sim.clock().now_ms());
    bot.log_bell.notify_waiters();
    answer
}

/// The same JSON over many lines; what is no JSON stays.
fn pretty(body: &Bytes) -> Bytes {
    let value = serde_json::from_slice::<serde_json::Value>(body).ok();
    match value.and_then(|value| serde_json::to_string_pretty(&value).ok()) {
        Some(text) => text.into(),
        None => body.clone(),
    }
}

/// The HTTP response for an answer; with `cut`, half of its body and then the end of the connection.
pub(crate) fn respond(answer: Answer, cut: bool) -> Response {
    let length = HeaderValue::from(answer.body.len());
    let body = if cut {
        let half = answer.body.slice(..answer.body.len() / 2);
        Body::from_stream(stream::unfold(Some(half), |half| async {
            match half {
                Some(half) => Some((Ok(half), None)),
                None => {
                    tokio::time::sleep(CUT_PAUSE).await;
                    Some((Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted)), None))
                }
            }
        }))
    } else {
        Body::from(answer.body)
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.insert(header::CONTENT_LENGTH, length);
    let connection = if answer.close { "close" } else { "keep-alive" };
    headers.insert(header::CONNECTION, HeaderValue::from_static(connection));
    if let Some(seconds) = answer.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
