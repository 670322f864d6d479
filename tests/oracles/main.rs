//! Bots of other people's libraries talk to the simulator: what they understand, a Bot API server says.
//!
//! They are the echo bots of the libraries' own documentation, with only the address of the Bot API changed. The
//! libraries live in a virtual environment: `ASGIGRAM_TEST_VENV` names it (`tests/run` makes it), else one is made below
//! the target folder on first use. They are never skipped.

mod process;
mod telegram;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use process::{PATIENCE, Process};
use rustix::process::Signal;
use serde_json::{Value, json};
use telegram::Telegram;

/// A library's bot, and what it says where the libraries differ.
struct Bot {
    script: &'static str,
    greeting: &'static str,
    greeting_entity: &'static str,
}

const AIOGRAM: Bot = Bot { script: "aiogram_bot.py", greeting: "Hello, Ann!", greeting_entity: "bold" };
const PYTHON_TELEGRAM_BOT: Bot =
    Bot { script: "python_telegram_bot.py", greeting: "Hi Ann!", greeting_entity: "text_mention" };

#[tokio::test]
async fn aiogram_talks_and_stops_on_sigterm() {
    talks(AIOGRAM, Signal::TERM).await;
}

#[tokio::test]
async fn aiogram_talks_and_stops_on_sigint() {
    talks(AIOGRAM, Signal::INT).await;
}

#[tokio::test]
async fn python_telegram_bot_talks_and_stops_on_sigterm() {
    talks(PYTHON_TELEGRAM_BOT, Signal::TERM).await;
}

#[tokio::test]
async fn python_telegram_bot_talks_and_stops_on_sigint() {
    talks(PYTHON_TELEGRAM_BOT, Signal::INT).await;
}

async fn talks(bot: Bot, stop: Signal) {
    let python = venv().join("bin/python");
    let script = format!("tests/oracles/{}", bot.script);
    let mut telegram = Telegram::start().await;
    let variables = [("BOT_TOKEN", &*Telegram::token()), ("BOT_API_URL", &*telegram.url)];
    let process = Process::start(python.to_str().expect("the path is UTF-8"), &[&script], &variables);

    waits_for_updates(&telegram).await;
    telegram.says("/start").await;
    let greeting = telegram.shows("message").await["message"].take();
    assert_eq!(greeting["text"], bot.greeting);
    assert_eq!(greeting["entities"][0]["type"], bot.greeting_entity, "{greeting}");

    let odd = "good  morning 🌍 <b>&amp; \"\\n\"\nsecond line";
    telegram.says(odd).await;
    let echo = telegram.shows("message").await;
    assert_eq!(echo["message"]["text"], odd);
    assert_eq!(echo["message"].get("entities"), None, "{echo}");

    telegram.says("/choose").await;
    let question = telegram.shows("message").await["message"].take();
    assert_eq!(texts(&question), json!([["Option 1", "Option 2"], ["Option 3"]]));
    telegram.presses(&question["message_id"], 1, 0).await;
    telegram.shows("callback_answer").await;
    let edit = telegram.shows("edit").await["message"].take();
    assert_eq!((&edit["text"], &edit["message_id"]), (&json!("Selected option: 3"), &question["message_id"]));
    assert_eq!(edit.get("reply_markup"), None, "an edit without a keyboard takes it away: {edit}");

    let polls = telegram.polls(0, 0.0).await;
    let brought = |poll: &&Value| poll["answer"]["result"].as_array().is_some_and(|list| !list.is_empty());
    assert_eq!(polls.iter().filter(brought).count(), 4, "each update came once: {polls:#?}");
    assert!(polls.iter().filter(brought).all(|poll| poll["status"] == 200), "{polls:#?}");

    process.signal(stop);
    assert_eq!(process.end().await, Some(0));
    assert_eq!(telegram.state().await["pending"], 0, "what was handled is confirmed");
    telegram.stop().await;
}

/// Waits until the bot's poll is held open: what it gets then, it got by long polling.
async fn waits_for_updates(telegram: &Telegram) {
    let mut answered = 0;
    let parked = async {
        while telegram.state().await["parked"] != 1 {
            // An answered poll is when it may have changed.
            answered += telegram.polls(answered, 0.1).await.len() as u64;
        }
    };
    tokio::time::timeout(PATIENCE, parked).await.expect("the bot polls, and the poll is held open");
}

/// The texts on a message's buttons, row by row.
fn texts(message: &Value) -> Value {
    let rows = message["reply_markup"]["inline_keyboard"].as_array().expect("there is a keyboard");
    let texts = |row: &Value| -> Value {
        row.as_array().into_iter().flatten().map(|button| button["text"].clone()).collect()
    };
    rows.iter().map(texts).collect()
}

/// The virtual environment with the libraries; made if nobody has.
fn venv() -> &'static Path {
    static VENV: OnceLock<PathBuf> = OnceLock::new();
    VENV.get_or_init(|| {
        if let Some(given) = std::env::var_os("ASGIGRAM_TEST_VENV") {
            let given = PathBuf::from(given);
            assert!(
                given.join("bin/python").exists(),
                "ASGIGRAM_TEST_VENV names no venv: {}",
                given.display()
            );
            return given;
        }
        let target =
            Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's folder is below another");
        let folder = target.join("oracles-venv");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/prepare.py");
        #[expect(clippy::disallowed_methods, reason = "tests start programs as people do")]
        let made = std::process::Command::new("python3").arg(script).arg(&folder).output();
        let made = made.expect("there is a program `python3` (help: apt-get install python3-venv)");
        let (out, err) = (String::from_utf8_lossy(&made.stdout), String::from_utf8_lossy(&made.stderr));
        assert!(made.status.success(), "{out}\n{err}");
        folder
    })
}
