//! Answers to users' queries: known for as long as Telegram keeps them, then too old.

use crate::sim::answer::{Failure, Outcome, done};
use crate::sim::bot::Query;
use crate::sim::json::Object;
use crate::sim::log::EventKind;

use super::Call;

/// Longest text of an answer to a button, in characters.
const MAX_ANSWER: usize = 200;

pub(super) fn answer_callback_query(call: &mut Call<'_>) -> Outcome {
    let id = call.params.text("callback_query_id");
    let text = call.params.some_text("text");
    if text.is_some_and(|text| text.chars().count() > MAX_ANSWER) {
        return Err(Failure::bad("MESSAGE_TOO_LONG"));
    }
    let query = known(call, id)?;
    let shown = Object::new().text("callback_query_id", id).number("user", query.user);
    let shown = shown.text_if("text", text).text_if("url", call.params.some_text("url"));
    let shown = if call.params.has("show_alert") {
        shown.flag("show_alert", call.params.flag("show_alert"))
    } else {
        shown
    };
    call.show(EventKind::CallbackAnswer, query.chat.unwrap_or(0), shown);
    done("true")
}

/// Answers an inline, shipping or checkout query.
pub(super) fn answer_other(call: &mut Call<'_>, id_param: &str) -> Outcome {
    if id_param == "inline_query_id" {
        let results = call.params.json("results").filter(serde_json::Value::is_array);
        let results = results.ok_or_else(|| Failure::bad("expected an Array of inline query results"))?;
        if results.as_array().is_some_and(|list| list.len() > 50) {
            return Err(Failure::bad("too many inline query results specified"));
        }
    } else if !call.params.flag("ok") && call.params.text("error_message").is_empty() {
        return Err(Failure::bad("parameter \"error_message\" is required"));
    }
    known(call, call.params.text(id_param))?;
    done("true")
}

fn known(call: &Call<'_>, id: &str) -> Result<Query, Failure> {
    let query = call.state.queries.get(id).filter(|query| query.expires_at_ms > call.now_ms);
    let too_old = "query is too old and response timeout expired or query ID is invalid";
    query.copied().ok_or_else(|| Failure::bad(too_old))
}
