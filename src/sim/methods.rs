//! The methods of the Bot API: from a call's name and parameters to its outcome.
//! Owns the table of stateful methods; all others go by their facts. getUpdates waits, so it is in `poll.rs`.

mod account;
mod content;
mod edit;
mod forward;
mod generic;
mod missing;
mod queries;
mod send;
mod synthesis;

use super::answer::{Failure, Outcome};
use super::bot::{Bot, State};
use super::facts::Method;
use super::json::Object;
use super::log::{EventKind, Log};
use super::params::Params;

/// One call at work: the bot's locked state, and what it makes visible.
pub(crate) struct Call<'a> {
    pub(crate) bot_id: i64,
    pub(crate) state: &'a mut State,
    pub(crate) params: &'a Params,
    pub(crate) now_ms: i64,
    events: Vec<(EventKind, i64, Object)>,
}

impl Call<'_> {
    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.now_ms.div_euclid(1000)
    }

    /// Notes something visible; it is logged once the call is done.
    pub(crate) fn show(&mut self, kind: EventKind, chat: i64, members: Object) {
        self.events.push((kind, chat, members));
    }
}

/// Performs a call of any method but getUpdates.
pub(crate) fn perform(bot: &Bot, method: Option<&Method>, params: &Params, now_ms: i64) -> Outcome {
    let mut state = bot.state();
    if let Some(until_ms) = state.logged_out_until_ms {
        if now_ms < until_ms {
            return Err(Failure::new(400, "Logged out"));
        }
        state.logged_out_until_ms = None;
    }
    let Some(method) = method else {
        return Err(Failure::new(404, "Not Found: method not found"));
    };
    let mut call = Call { bot_id: bot.id, state: &mut state, params, now_ms, events: Vec::new() };
    let outcome = dispatch(&mut call, method);
    let events = call.events;
    let rings = matches!(method.name.as_str(), "setWebhook" | "logOut" | "close");
    // The log is taken before the state is released, so that events keep the order of the calls.
    let mut log = bot.log();
    drop(state);
    log_events(&mut log, events);
    drop(log);
    if rings {
        bot.ring_updates();
    }
    outcome
}

fn log_events(log: &mut Log, events: Vec<(EventKind, i64, Object)>) {
    for (kind, chat, members) in events {
        log.event(kind, chat, members);
    }
}

fn dispatch(call: &mut Call<'_>, method: &Method) -> Outcome {
    match method.name.as_str() {
        "getMe" => account::get_me(call),
        "setWebhook" => account::set_webhook(call),
        "deleteWebhook" => account::delete_webhook(call),
        "getWebhookInfo" => account::get_webhook_info(call),
        "logOut" => account::log_out(call),
        "close" => account::close(call),
        "getChat" => account::get_chat(call),
        "getFile" => account::get_file(call),
        "sendMessage" => send::send_message(call),
        "sendChatAction" => send::send_chat_action(call),
        "sendMediaGroup" => content::send_media_group(call),
        "forwardMessage" => forward::one(call, forward::How::Forward),
        "copyMessage" => forward::one(call, forward::How::Copy),
        "forwardMessages" => forward::many(call, forward::How::Forward),
        "copyMessages" => forward::many(call, forward::How::Copy),
        "editMessageText" => edit::text(call),
        "editMessageCaption" => edit::caption(call),
        "editMessageMedia" => edit::media(call),
        "editMessageReplyMarkup" => edit::reply_markup(call),
        "deleteMessage" => edit::delete_message(call),
        "deleteMessages" => edit::delete_messages(call),
        "answerCallbackQuery" => queries::answer_callback_query(call),
        "answerInlineQuery" => queries::answer_other(call, "inline_query_id"),
        "answerShippingQuery" => queries::answer_other(call, "shipping_query_id"),
        "answerPreCheckoutQuery" => queries::answer_other(call, "pre_checkout_query_id"),
        _ => generic::by_facts(call, method),
    }
}
