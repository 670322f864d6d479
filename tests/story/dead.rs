//! Dead letters: what was given up is not gone, and a person decides what becomes of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::process::eventually_answered;
use crate::support::remote::{Remote, RemoteProcess};
use crate::support::{ANN, BOB, Gateway, Telegram, patience, worker};

/// Runs `asgigram dead` with these words in this state folder: exit code, stdout, stderr.
async fn dead(state: &Arc<TempDir>, words: &[&str]) -> (Option<i32>, String, String) {
    let mut process = Gateway::run(&[&["dead"], words].concat()).with_state(state.clone()).launch_alone();
    let status = process.exits().await;
    (status.code(), process.stdout(), process.log())
}

/// The letters as JSON, of which there are to be so many.
async fn letters(state: &Arc<TempDir>, count: usize) -> Vec<Value> {
    let list = eventually_answered(async || {
        let (code, stdout, stderr) = dead(state, &["list", "--json"]).await;
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
        let letters: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (letters.len() == count).then_some(letters)
    });
    list.await.unwrap_or_else(|| panic!("there are not {count} dead letters in time"))
}

/// Reads the next update and gives it up at once; its id.
async fn gives_up(process: &mut RemoteProcess) -> String {
    let update_id = process.reads().await["update_id"].to_string();
    process.writes(&format!(r#"{{"type":"telegram.nack","update_id":{update_id},"dead":true}}"#)).await;
    update_id
}

fn journal_of(state: &Arc<TempDir>, telegram: &Telegram) -> PathBuf {
    state.path().join("asgigram").join(telegram.bot().to_string())
}

#[tokio::test]
async fn what_keeps_failing_is_kept_whole_and_listed_beside_the_gateway() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("crash-after-read").arg("poison");
    let gateway = Gateway::with(&bot).start(&telegram).await;
    let state = gateway.state();
    telegram.says(ANN, "before").await;
    telegram.expects_message(ANN, "before").await;
    let (code, stdout, _) = dead(&state, &["list"]).await;
    assert_eq!((code, stdout.as_str()), (Some(0), "no dead letters\n"));
    telegram.says(ANN, "poison \\ud83d apple").await;
    let letter = letters(&state, 1).await.remove(0);
    let expected =
        json!({"scope": "chat:42", "kind": "message", "attempts": 3, "reason": "3 attempts failed"});
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&letter[key], value, "{letter}");
    }
    assert_eq!(letter["event"]["chat"]["id"], ANN, "{letter}");
    assert!(letter["event"]["text"].as_str().unwrap().ends_with("apple"), "{letter}");
    let died = letter["died"].as_str().unwrap();
    assert!(died.ends_with('Z') && died.len() == "2026-01-01T00:00:00.000Z".len(), "{died}");
    let update_id = letter["update_id"].to_string();
    let (_, table, _) = dead(&state, &["list"]).await;
    let rows: Vec<Vec<&str>> = table.lines().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["DIED", "SCOPE", "KIND", "UPDATE_ID", "ATTEMPTS", "REASON"]);
    assert_eq!(rows[1][1..], ["chat:42", "message", &update_id, "3", "3", "attempts", "failed"]);
    let (_, page, _) = dead(&state, &["show", &update_id]).await;
    assert!(page.contains("reason     3 attempts failed\nevent      {") && page.contains("apple"), "{page}");
    let (_, line, _) = dead(&state, &["show", &update_id, "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), letter);
}

#[tokio::test]
async fn a_retry_beside_the_gateway_is_delivered_within_a_second_at_the_end_of_its_chat() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let mut gateway = Gateway::with(&remote.worker).start(&telegram).await;
    let state = gateway.state();
    telegram.says(ANN, "first").await;
    let mut process = remote.starts_with_hello("").await;
    let update_id = gives_up(&mut process).await;
    letters(&state, 1).await;
    telegram.says(ANN, "second").await;
    let second = process.reads().await;
    assert_eq!(second["text"], "second");
    // The chat is busy: it waits its turn.
    let (code, said, stderr) = dead(&state, &["retry", &update_id]).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(said, "1 dead letter handed to the gateway, to be delivered again\n");
    process.acks(&second).await;
    let again = process.reads().await;
    assert_eq!(
        (&again["text"], again["update_id"].to_string(), &again["attempt"]),
        (&json!("first"), update_id.clone(), &json!(2))
    );
    process.acks(&again).await;
    assert!(letters(&state, 0).await.is_empty());
    // The chat has no process: one is started.
    telegram.says(BOB, "third").await;
    let mut process = remote.starts_with_hello("").await;
    gives_up(&mut process).await;
    process.exits(0).await;
    letters(&state, 1).await;
    let (code, said, _) = dead(&state, &["retry", "--all", "--scope=chat:43", "--json"]).await;
    let asked = Instant::now();
    assert_eq!((code, said.as_str()), (Some(0), "{\"retried\":1}\n"));
    let mut process = remote.starts_with_hello("").await;
    let again = process.reads().await;
    assert!(asked.elapsed() < patience() / 6, "{:?}", asked.elapsed());
    assert_eq!((&*process.scope, &again["text"]), ("chat:43", &json!("third")));
    process.acks(&again).await;
    gateway.expects_log("dead letters are tried again").await;
    drop(process);
    assert!(gateway.stop().await.success());
    assert!(letters(&state, 0).await.is_empty());
}

#[tokio::test]
async fn without_a_gateway_a_retry_waits_for_the_next_one() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let mut gateway = Gateway::with(&remote.worker).start(&telegram).await;
    let state = gateway.state();
    let mut ids = Vec::new();
    let mut process = None;
    for text in ["one", "two", "three"] {
        telegram.says(ANN, text).await;
        if process.is_none() {
            process = Some(remote.starts_with_hello("").await);
        }
        ids.push(gives_up(process.as_mut().unwrap()).await);
    }
    letters(&state, 3).await;
    gateway.kill();
    gateway.exits().await;
    drop((process, gateway));
    let journal = journal_of(&state, &telegram);
    let elsewhere = Arc::new(tempfile::tempdir().unwrap());
    let by_path = format!("--journal={}", journal.display());
    let (code, said, stderr) = dead(&elsewhere, &["retry", &by_path, &ids[2], &ids[0]]).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(said, "2 dead letters will be delivered again when the gateway is started\n");
    let (_, table, _) = dead(&state, &["list"]).await;
    assert_eq!(table.matches("(to be tried again)").count(), 2, "{table}");
    let by_bot = format!("--bot={}", telegram.bot());
    let (_, said, _) = dead(&state, &["drop", &by_bot, &ids[1]]).await;
    assert_eq!(said, "1 dead letter dropped\n");
    let gateway = Gateway::with(&remote.worker).with_state(state.clone()).start(&telegram).await;
    let mut process = remote.starts_with_hello("").await;
    for text in ["one", "three"] {
        let again = process.reads().await;
        assert_eq!(again["text"], text);
        process.acks(&again).await;
    }
    assert_eq!(process.reads_within(Duration::from_millis(150)).await, None);
    assert!(letters(&state, 0).await.is_empty());
    drop(gateway);
}

#[tokio::test]
async fn what_cannot_be_done_is_explained() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let gateway = Gateway::with(&remote.worker).start(&telegram).await;
    let state = gateway.state();
    for act in ["show", "retry", "drop"] {
        let (code, stdout, stderr) = dead(&state, &[act, "99"]).await;
        assert_eq!((code, stdout.as_str()), (Some(1), ""));
        assert!(
            stderr.starts_with("error: no dead letter has the update id 99\nhelp: `asgigram dead list`"),
            "{stderr}"
        );
    }
    let (code, _, stderr) = dead(&state, &["list", "--bot=7"]).await;
    let missing = format!(
        "error: there is no journal in `{}`\nhelp: name the bot",
        state.path().join("asgigram/7").display()
    );
    assert!(code == Some(4) && stderr.starts_with(&missing), "{stderr}");
    let (code, _, stderr) = dead(&Arc::new(tempfile::tempdir().unwrap()), &["list"]).await;
    assert!(code == Some(4) && stderr.contains("error: there is no journal in"), "{stderr}");
    let (code, _, stderr) = dead(&state, &["list", "--journal=memory"]).await;
    assert!(code == Some(2) && stderr.contains("keeps no dead letters\nhelp: "), "{stderr}");
    for words in [
        &["retry"][..],
        &["drop", "5", "--all"],
        &["retry", "5", "--scope=chat:42"],
        &["list", "--bot=1", "--journal=x"],
    ] {
        let (code, stdout, stderr) = dead(&state, words).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    }
    // The variable of the gateway's option counts, unless a bot is named.
    for (words, code) in
        [(&["dead", "list"][..], 4), (&["dead", "list", &format!("--bot={}", telegram.bot())], 0)]
    {
        let plan = Gateway::run(words).with_state(state.clone()).env("ASGIGRAM_JOURNAL", "/nonexistent");
        let mut process = plan.launch_alone();
        assert_eq!(process.exits().await.code(), Some(code), "{words:?}: {}", process.log());
    }
    // With two bots there is no telling which is meant.
    let other = state.path().join("asgigram/8");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("journal.db"), "this is no database, whoever may have written it").unwrap();
    let (code, _, stderr) = dead(&state, &["list"]).await;
    let both = format!(": 8, {}\nhelp: choose one with --bot ID", telegram.bot());
    assert!(code == Some(2) && stderr.contains(&both), "{stderr}");
    let (code, _, stderr) = dead(&state, &["list", "--bot=8"]).await;
    assert!(
        code == Some(4) && stderr.contains("journal.db` is damaged") && stderr.contains("\nhelp: "),
        "{stderr}"
    );
}
