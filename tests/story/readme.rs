//! Every example of the README, as it stands there.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use crate::support::gateway::Gateway;
use crate::support::process;
use crate::support::telegram::Telegram;
use crate::support::worker;

const README: &str = include_str!("../../README.md");
const ANN: i64 = 42;

/// A fenced block: its tag, and its lines.
fn blocks(tag: &str) -> Vec<String> {
    let mut parts = README.split("```");
    parts.next();
    let fenced = parts.step_by(2).filter_map(|block| block.split_once('\n'));
    let found: Vec<String> = fenced.filter(|(of, _)| *of == tag).map(|(_, text)| text.to_owned()).collect();
    assert!(!found.is_empty(), "the README has no block `{tag}`");
    found
}

/// The commands of all `console` blocks; what they print stands beside them.
fn commands() -> Vec<String> {
    let lines = blocks("console").concat();
    let commands = lines.lines().filter_map(|line| line.strip_prefix("$ "));
    commands.map(str::to_owned).collect()
}

async fn echoes(worker: &worker::Worker) {
    let telegram = Telegram::start().await;
    let _gateway = Gateway::with(worker).start(&telegram).await;
    telegram.says(ANN, "hi").await;
    telegram.expects_message(ANN, "hi").await;
}

#[tokio::test]
async fn the_bot_in_python_answers() {
    for source in blocks("python") {
        echoes(&worker::python(&source)).await;
    }
}

#[tokio::test]
async fn the_bot_in_shell_answers() {
    for source in blocks("sh") {
        echoes(&worker::sh(&source)).await;
    }
}

#[tokio::test]
async fn the_asgi_app_is_hosted_as_it_is() {
    let app = blocks("python app").remove(0);
    let words = app.lines().next().unwrap().split_once("asgigram TOKEN ").unwrap().1;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bot.py"), &app).unwrap();
    let telegram = Telegram::start().await;
    let gateway =
        Gateway::run(&[words]).env("PYTHONPATH", folder.path()).env("XDG_CACHE_HOME", folder.path());
    let _gateway = gateway.start(&telegram).await;
    telegram.says(ANN, "hi").await;
    telegram.expects_message(ANN, "hi").await;
}

#[test]
fn the_first_command_is_a_chat_with_a_bot() {
    let command = commands().remove(0);
    let args = command.strip_prefix("cargo run --release -- ").expect("the first command runs the program");
    let mut dev = process::command(process::ASGIGRAM);
    dev.args(args.split(' ')).current_dir(env!("CARGO_MANIFEST_DIR"));
    let mut dev = dev.stdin(std::process::Stdio::piped()).spawn().unwrap();
    dev.stdin.take().unwrap().write_all(b"hi\n").unwrap();
    let said = dev.wait_with_output().unwrap();
    assert!(said.status.success());
    assert!(String::from_utf8_lossy(&said.stdout).contains("bot: hi"), "{said:?}");
}

#[test]
fn the_second_command_is_what_guards_the_house() {
    let guard = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/run")).unwrap();
    let command = commands().remove(1);
    assert!(guard.lines().last().unwrap().ends_with(command.trim_start_matches("./")), "{command}");
}

#[test]
fn the_program_can_be_tried_alone() {
    let (_, rest) = README.split_once("Try the program alone: `").unwrap();
    let (command, _) = rest.split_once("`\n").unwrap();
    let mut sh = process::command("sh");
    let said = sh.args(["-c", command]).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let answer: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!((&answer["type"], &answer["text"]), (&"telegram.send_message".into(), &"hi".into()));
}

#[tokio::test]
async fn the_real_thing_runs_with_a_token_in_the_environment() {
    let command = commands().into_iter().find(|command| command.starts_with("asgigram -- ")).unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let example = format!("{}/{}", env!("CARGO_MANIFEST_DIR"), words.last().unwrap());
    let telegram = Telegram::start().await;
    let _gateway = Gateway::run(&["--", words[1], &example]).start(&telegram).await;
    telegram.says(ANN, "out in the world").await;
    telegram.expects_message(ANN, "out in the world").await;
}

#[tokio::test]
async fn the_simulator_does_what_curl_asks_of_it() {
    let telegram = Telegram::start().await;
    let curls: Vec<String> = commands().into_iter().filter(|command| command.starts_with("curl ")).collect();
    assert_eq!(curls.len(), 2);
    for curl in curls {
        let words: Vec<&str> = curl.split(' ').map(|word| word.trim_matches('\'')).collect();
        let path = words.last().unwrap().split_once("/sim/1000/").unwrap().1;
        if let ["curl", "-d", body, _] = words[..] {
            let answer = telegram.post(path, &serde_json::from_str(body).unwrap()).await;
            assert_eq!(answer["ok"], true, "{answer}");
            telegram.method("sendMessage", &serde_json::json!({"chat_id": ANN, "text": "hello"})).await;
        } else {
            let answer = telegram.get(path).await;
            assert_eq!(answer["calls"][0]["method"], "sendMessage", "{answer}");
        }
    }
}
