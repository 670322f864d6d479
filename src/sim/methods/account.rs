//! Methods about the bot itself and its webhook, getChat and getFile.

use crate::sim::allowed::Allowed;
use crate::sim::answer::{Failure, Outcome, Success, done};
use crate::sim::bot::{Webhook, username};
use crate::sim::chats::ChatKind;
use crate::sim::json::{Object, array, quote};

use super::Call;

/// How long a bot that logged out stays out: what Telegram's documentation promises for the cloud.
const LOGGED_OUT_MS: i64 = 600_000;

/// Largest file a bot can download.
const MAX_DOWNLOAD: usize = 20 << 20;

pub(super) fn get_me(call: &mut Call<'_>) -> Outcome {
    let me = Object::new()
        .number("id", call.bot_id)
        .flag("is_bot", true)
        .text("first_name", "Sim Bot")
        .text("username", &username(call.bot_id))
        .flag("can_join_groups", true)
        .flag("can_read_all_group_messages", true)
        .flag("supports_inline_queries", true)
        .flag("can_connect_to_business", false)
        .flag("has_main_web_app", false)
        .flag("has_topics_enabled", false)
        .flag("allows_users_to_create_topics", false);
    done(me.finish())
}

pub(super) fn set_webhook(call: &mut Call<'_>) -> Outcome {
    let params = call.params;
    let url = params.text("url");
    if url.is_empty() {
        return delete_webhook(call);
    }
    let just_set = call.state.webhook_set_ms.is_some_and(|set_ms| call.now_ms - set_ms < 1000);
    let webhook = Webhook {
        url: check_url(url)?,
        has_certificate: params.file("certificate").is_some(),
        max_connections: if params.some_text("max_connections").is_some() {
            params.int("max_connections").clamp(1, 100)
        } else {
            40
        },
        ip_address: params.text("ip_address").to_owned(),
        secret_token: check_secret(params.text("secret_token"))?.to_owned(),
    };
    if let Some(file) = params.file("certificate").filter(|file| file.bytes.len() > 3 << 20) {
        return Err(Failure::bad(format!("certificate size is too big ({} bytes)", file.bytes.len())));
    }
    let before = call.state.allowed;
    call.state.allowed.set(params.text("allowed_updates"));
    if params.flag("drop_pending_updates") {
        call.state.queue.clear();
    }
    if webhook == call.state.webhook && before == call.state.allowed {
        return Ok(Success { result: "true".to_owned(), description: Some("Webhook is already set") });
    }
    if just_set && call.state.webhook.url != webhook.url {
        return Err(Failure::too_many(1));
    }
    call.state.webhook = webhook;
    call.state.webhook_set_ms = Some(call.now_ms);
    call.state.terminate_poll(Failure::new(409, "Conflict: terminated by setWebhook request"));
    Ok(Success { result: "true".to_owned(), description: Some("Webhook was set") })
}

fn check_secret(secret: &str) -> Result<&str, Failure> {
    if secret.len() > 256 {
        return Err(Failure::bad("secret token is too long"));
    }
    if !secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
        return Err(Failure::bad("secret token contains unallowed characters"));
    }
    Ok(secret)
}

fn check_url(url: &str) -> Result<String, Failure> {
    let bad = |why: &str| Err(Failure::bad(format!("bad webhook: {why}")));
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => ("http".to_owned(), url),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() || url.contains(char::is_whitespace) || !matches!(scheme.as_str(), "http" | "https") {
        return Err(Failure::bad("invalid webhook URL specified"));
    }
    if scheme != "https" {
        return bad("An HTTPS URL must be provided for webhook");
    }
    match host.rsplit_once(':') {
        Some((_, port)) if !matches!(port, "80" | "88" | "443" | "8443") && !port.ends_with(']') => {
            bad("Webhook can be set up only on ports 80, 88, 443 or 8443")
        }
        _ => Ok(url.to_owned()),
    }
}

pub(super) fn delete_webhook(call: &mut Call<'_>) -> Outcome {
    if call.params.flag("drop_pending_updates") {
        call.state.queue.clear();
    }
    let was_set = !call.state.webhook.url.is_empty();
    call.state.webhook = Webhook::default();
    call.state.webhook_set_ms = None;
    let description = if was_set { "Webhook was deleted" } else { "Webhook is already deleted" };
    Ok(Success { result: "true".to_owned(), description: Some(description) })
}

pub(super) fn get_webhook_info(call: &mut Call<'_>) -> Outcome {
    let state = &call.state;
    let webhook = &state.webhook;
    let count = i64::try_from(state.queue.len()).unwrap_or(i64::MAX);
    let mut info = Object::new()
        .text("url", &webhook.url)
        .flag("has_custom_certificate", webhook.has_certificate)
        .number("pending_update_count", count);
    if !webhook.url.is_empty() {
        info = info.number("max_connections", i64::from(webhook.max_connections));
        info = info.text_if("ip_address", Some(webhook.ip_address.as_str()).filter(|ip| !ip.is_empty()));
    }
    if state.allowed != Allowed::default() {
        info = info.raw("allowed_updates", &array(state.allowed.names().into_iter().map(quote)));
    }
    done(info.finish())
}

pub(super) fn log_out(call: &mut Call<'_>) -> Outcome {
    call.state.queue.clear();
    call.state.logged_out_until_ms = Some(call.now_ms + LOGGED_OUT_MS);
    call.state.terminate_poll(Failure::new(400, "Logged out"));
    done("true")
}

/// Always works: the simulator is younger than its bots' ten minutes, and the next call starts the bot again.
pub(super) fn close(call: &mut Call<'_>) -> Outcome {
    call.state.terminate_poll(Failure::new(500, "Internal Server Error: restart"));
    done("true")
}

pub(super) fn get_chat(call: &mut Call<'_>) -> Outcome {
    let chat = call.state.chats.find(call.params.text("chat_id"))?;
    let mut full = chat.object();
    if let (ChatKind::Private, Some(name)) = (chat.kind, chat.username.as_deref()) {
        full = full.raw("active_usernames", &array([quote(name)]));
    }
    let gifts = r#"{"unlimited_gifts":false,"limited_gifts":false,"unique_gifts":false,"premium_subscription":false,"gifts_from_channels":false}"#;
    done(
        full.number("accent_color_id", chat.id.rem_euclid(7))
            .number("max_reaction_count", 11)
            .raw("accepted_gift_types", gifts)
            .finish(),
    )
}

pub(super) fn get_file(call: &mut Call<'_>) -> Outcome {
    let id = call.params.some_text("file_id").ok_or_else(|| Failure::bad("file_id not specified"))?;
    match call.state.files.about(id) {
        None => Err(Failure::bad("invalid file_id")),
        Some((_, size)) if size > MAX_DOWNLOAD => Err(Failure::bad("file is too big")),
        Some((about, _)) => done(about),
    }
}
