//! The handlers of the control API: read the request, do the act, write the answer.

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, State};
use axum::http::Request;
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::{MAX_BODY, refusal, reply, seconds, unless_stopped};
use crate::sim::Sim;
use crate::sim::acts::{ActError, Button, ChatSpec, Says};
use crate::sim::answer::Answer;
use crate::sim::facts::facts;
use crate::sim::faults::Fault;
use crate::sim::http::respond;
use crate::sim::json::{Object, array};
use crate::sim::watch::CallsWanted;

async fn text(request: Request<Body>) -> Result<String, ActError> {
    let bytes = to_bytes(request.into_body(), MAX_BODY).await;
    let bytes =
        bytes.map_err(|_| ActError(format!("the body is longer than {MAX_BODY} bytes or was cut")))?;
    String::from_utf8(bytes.into()).map_err(|_| ActError("the body is not UTF-8".to_owned()))
}

async fn body<T: DeserializeOwned>(request: Request<Body>) -> Result<T, ActError> {
    let text = text(request).await?;
    let text = if text.trim().is_empty() { "{}" } else { text.as_str() };
    serde_json::from_str(text).map_err(|why| ActError(format!("the body is not what is expected: {why}")))
}

fn ok() -> Object {
    Object::new().flag("ok", true)
}

pub(super) async fn unknown() -> Response {
    refusal(404, "there is no such route; see GET /sim")
}

pub(super) async fn about(State(sim): State<Sim>) -> Response {
    let mut bots: Vec<i64> = sim.world.bots.iter().map(|entry| *entry.key()).collect();
    bots.sort_unstable();
    let about = ok()
        .text("version", env!("CARGO_PKG_VERSION"))
        .text("bot_api", &facts().version)
        .raw("bots", &array(bots.iter().map(i64::to_string)))
        .number("now", sim.clock().now_ms().div_euclid(1000));
    reply(Ok(about))
}

pub(super) async fn faults(State(sim): State<Sim>, request: Request<Body>) -> Response {
    reply(async { Ok(ok().raw("faults", &sim.add_fault(body::<Fault>(request).await?)?)) }.await)
}

#[derive(Deserialize)]
pub(super) struct Advance {
    advance: f64,
}

pub(super) async fn clock(State(sim): State<Sim>, request: Request<Body>) -> Response {
    let advance = body::<Advance>(request).await;
    reply(advance.map(|by| ok().number("now", sim.advance_clock(by.advance))))
}

pub(super) async fn updates(
    State(sim): State<Sim>,
    Path(bot): Path<i64>,
    request: Request<Body>,
) -> Response {
    let ids = async { sim.push_updates(bot, &text(request).await?) }.await;
    reply(ids.map(|ids| ok().raw("update_ids", &array(ids.iter().map(i64::to_string)))))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct FileQuery {
    filename: String,
}

/// Puts a file there for the bot to download: the body is its content, `filename` of the query gives its extension.
pub(super) async fn file(
    State(sim): State<Sim>,
    Path((bot, id)): Path<(i64, String)>,
    Query(query): Query<FileQuery>,
    request: Request<Body>,
) -> Response {
    let stored = async {
        let bytes = to_bytes(request.into_body(), MAX_BODY).await;
        let bytes =
            bytes.map_err(|_| ActError(format!("the file is longer than {MAX_BODY} bytes or was cut")))?;
        sim.put_file(bot, &id, &query.filename, bytes)?;
        Ok(ok())
    };
    reply(stored.await)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct UserBody {
    first_name: Option<String>,
    username: Option<String>,
    /// See [`ChatSpec::access`].
    access: Option<String>,
}

pub(super) async fn user(
    State(sim): State<Sim>,
    Path((bot, user)): Path<(i64, i64)>,
    request: Request<Body>,
) -> Response {
    let made = async {
        let body = body::<UserBody>(request).await?;
        let json = sim.set_user(bot, user, body.first_name.as_deref(), body.username.as_deref())?;
        if let Some(access) = &body.access {
            sim.set_chat(bot, &ChatSpec { id: Some(user), access: Some(access), ..ChatSpec::default() })?;
        }
        Ok(ok().raw("result", &json))
    };
    reply(made.await)
}

#[derive(Deserialize)]
pub(super) struct SaysBody {
    text: String,
    #[serde(default)]
    first_name: Option<String>,
    #[serde(default)]
    chat: Option<i64>,
    #[serde(default)]
    reply_to: Option<i64>,
}

pub(super) async fn says(
    State(sim): State<Sim>,
    Path((bot, user)): Path<(i64, i64)>,
    request: Request<Body>,
) -> Response {
    let said = async {
        let SaysBody { text, first_name, chat, reply_to } = body(request).await?;
        let says = Says { first_name: first_name.as_deref(), chat, reply_to, text: &text };
        Ok(ok().raw("result", &sim.user_says(bot, user, &says)?))
    };
    reply(said.await)
}

#[derive(Deserialize)]
pub(super) struct EditBody {
    #[serde(default)]
    chat: Option<i64>,
    message_id: i64,
    text: String,
}

pub(super) async fn edits(
    State(sim): State<Sim>,
    Path((bot, user)): Path<(i64, i64)>,
    request: Request<Body>,
) -> Response {
    let edited = async {
        let EditBody { chat, message_id, text } = body(request).await?;
        Ok(ok().raw("result", &sim.user_edits(bot, user, chat, message_id, &text)?))
    };
    reply(edited.await)
}

#[derive(Deserialize)]
pub(super) struct PressBody {
    #[serde(default)]
    chat: Option<i64>,
    message_id: i64,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    button: Option<(usize, usize)>,
}

pub(super) async fn press(
    State(sim): State<Sim>,
    Path((bot, user)): Path<(i64, i64)>,
    request: Request<Body>,
) -> Response {
    let pressed = async {
        let PressBody { chat, message_id, data, button } = body(request).await?;
        let button = match (&data, button) {
            (Some(data), _) => Button::Data(data),
            (None, Some((row, column))) => Button::At { row, column },
            (None, None) => return Err(ActError("either `data` or `button` must be given".to_owned())),
        };
        let id = sim.press(bot, user, chat, message_id, button)?;
        Ok(ok().text("id", &id).raw("result", &Object::new().text("id", &id).finish()))
    };
    reply(pressed.await)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ChatBody {
    id: Option<i64>,
    #[serde(rename = "type")]
    kind: Option<String>,
    title: Option<String>,
    username: Option<String>,
    access: Option<String>,
    migrated_to: Option<i64>,
}

pub(super) async fn chat(State(sim): State<Sim>, Path(bot): Path<i64>, request: Request<Body>) -> Response {
    let made = async {
        let body = body::<ChatBody>(request).await?;
        let spec = ChatSpec {
            id: body.id,
            kind: body.kind.as_deref(),
            title: body.title.as_deref(),
            username: body.username.as_deref(),
            access: body.access.as_deref(),
            migrated_to: body.migrated_to,
        };
        Ok(ok().raw("result", &sim.set_chat(bot, &spec)?))
    };
    reply(made.await)
}

pub(super) async fn messages(State(sim): State<Sim>, Path((bot, chat)): Path<(i64, i64)>) -> Response {
    let messages = array(sim.messages(bot, chat));
    reply(Ok(ok().raw("messages", &messages).raw("result", &messages)))
}

pub(super) async fn state(State(sim): State<Sim>, Path(bot): Path<i64>) -> Response {
    match sim.bot_state(bot) {
        Ok(json) => respond(Answer::json(200, json), false),
        Err(why) => refusal(400, &why.0),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    since: u64,
    method: Option<String>,
    polls: u8,
    wait: Option<f64>,
}

pub(super) async fn calls(
    State(sim): State<Sim>,
    Extension(stop): Extension<CancellationToken>,
    Path(bot): Path<i64>,
    Query(query): Query<Wanted>,
) -> Response {
    let wait = seconds(query.wait);
    let wanted = CallsWanted { since: query.since, method: query.method, polls: query.polls != 0, wait };
    match unless_stopped(&stop, sim.calls(bot, &wanted)).await {
        Some(Ok(found)) => {
            let next = i64::try_from(found.next).unwrap_or(i64::MAX);
            let calls = array(found.calls.iter().map(|call| call.json()));
            reply(Ok(Object::new().raw("calls", &calls).number("next", next)))
        }
        Some(Err(why)) => refusal(400, &why.0),
        None => refusal(503, "the simulator is stopping"),
    }
}

pub(super) async fn events(
    State(sim): State<Sim>,
    Extension(stop): Extension<CancellationToken>,
    Path(bot): Path<i64>,
    Query(query): Query<Wanted>,
) -> Response {
    match unless_stopped(&stop, sim.events(bot, query.since, seconds(query.wait))).await {
        Some(Ok(found)) => {
            let next = i64::try_from(found.next).unwrap_or(i64::MAX);
            let events = array(found.events.iter().map(|event| &event.json));
            reply(Ok(Object::new().raw("events", &events).number("next", next)))
        }
        Some(Err(why)) => refusal(400, &why.0),
        None => refusal(503, "the simulator is stopping"),
    }
}
