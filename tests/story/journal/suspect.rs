//! The suspect: when everything fails in chat after chat, it is the program and not the updates.

use std::fs;

use serde_json::json;

use super::records::Records;
use crate::support::worker::Worker;
use crate::support::{Gateway, Telegram, worker};

/// So many chats, each with so many messages.
const CHATS: i64 = 30;
const MESSAGES: i64 = 2;

/// How the program is broken, until there is a file `mended`. Each process writes its end to `ends`; once there is a
/// file `watched` it is alone, or `overlaps` says that it is not.
fn broken(how: &str) -> Worker {
    let source = r#"
import json, os, sys
os.chdir(os.path.dirname(sys.argv[0]))
def append(name, text):
    with open(name, "a") as file:
        file.write(text + "\n")
def fail():
    if watched:
        os.rmdir("alone")
    append("ends", "one")
    print("ImportError: no module of that name", file=sys.stderr)
    sys.exit(1)
watched = False
if not os.path.exists("mended"):
    if os.path.exists("watched"):
        try:
            os.mkdir("alone")
            watched = True
        except FileExistsError:
            append("overlaps", "one")
    if HOW == "at start":
        fail()
print('{"type":"gateway.hello","acks":true}', flush=True)
for line in sys.stdin:
    event = json.loads(line)
    if "update_id" not in event:
        continue
    if not os.path.exists("mended"):
        fail()
    print(json.dumps({"type": "telegram.send_message", "text": event["text"]}))
    print(json.dumps({"type": "telegram.ack", "update_id": event["update_id"]}), flush=True)
"#;
    worker::python(&source.replace("HOW", &format!("{how:?}")))
}

/// Messages of all chats, those of the chats mixed.
async fn everybody_writes(telegram: &Telegram) {
    let messages = (0..MESSAGES * CHATS).map(|n| {
        let chat = json!({"id": n % CHATS + 1, "type": "private", "first_name": "User"});
        let message = json!({"message_id": n, "date": 1, "chat": chat, "text": (n / CHATS).to_string()});
        json!({"update_id": n + 1, "message": message}).to_string()
    });
    telegram.pushes_many(&format!("[{}]", messages.collect::<Vec<_>>().join(","))).await;
}

async fn everybody_is_answered_in_order(telegram: &Telegram) {
    let expected = (CHATS * MESSAGES) as usize;
    let answers = telegram.expects_calls("answers", expected, |call| call.method == "sendMessage").await;
    for chat in 1..=CHATS {
        let texts: Vec<&str> =
            answers.iter().filter(|call| call.chat() == Some(chat)).map(|call| call.text()).collect();
        assert_eq!(texts, ["0", "1"], "chat {chat}");
    }
}

async fn is_found_out_and_mended(how: &str) {
    let telegram = Telegram::start().await;
    let bot = broken(how);
    let mut gateway =
        Gateway::plain(&bot).arg("--retry-delay=50ms..50ms").arg("--max-attempts=4").start(&telegram).await;
    let records = Records::of(&gateway, &telegram);
    everybody_writes(&telegram).await;
    let said = gateway.expects_log("the program fails whatever it is given").await;
    assert!(said.contains("ImportError: no module of that name"), "{said}");
    assert!(bot.recorded("ends").len() >= 20);
    // Those that were running already come to their end.
    gateway.has_workers(0).await;
    fs::write(bot.folder().join("watched"), "").unwrap();
    let ends = bot.recorded("ends").len();
    bot.records("ends", "", ends + 2).await;
    let charged = records.value::<i64>("SELECT sum(failed) FROM updates");
    // More probes than there are attempts.
    bot.records("ends", "", ends + 10).await;
    assert_eq!(records.value::<i64>("SELECT sum(failed) FROM updates"), charged, "no update is charged");
    assert_eq!(bot.recorded("overlaps").concat(), "", "one process at a time");
    assert!(!gateway.log().contains("gave up"), "{}", gateway.log());
    assert_eq!(gateway.log_lines("the program fails whatever").len(), 1);

    fs::write(bot.folder().join("mended"), "").unwrap();
    everybody_is_answered_in_order(&telegram).await;
    gateway.expects_log("the program works again").await;
    records.has(0, "updates").await;
    assert!(gateway.stop().await.success());
    assert!(gateway.log().contains("given_up=0"), "{}", gateway.log());
}

#[tokio::test]
async fn a_program_that_dies_of_every_update_is_the_suspect_until_it_is_mended() {
    is_found_out_and_mended("after reading").await;
}

#[tokio::test]
async fn a_program_that_dies_as_it_starts_is_the_suspect_until_it_is_mended() {
    is_found_out_and_mended("at start").await;
}

#[tokio::test]
async fn a_program_that_is_gone_is_the_suspect_until_it_is_back() {
    use std::os::unix::fs::PermissionsExt;

    let telegram = Telegram::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    let program = "#!/bin/sh\nwhile IFS= read -r line; do case $line in *'\"text\":\"'*)
        text=${line##*'\"text\":\"'}; printf '{\"type\":\"telegram.send_message\",\"text\":\"%s\"}\\n' \"${text%%'\"'*}\"
    esac; done\n";
    let install = || {
        // In one step, so that nobody runs half of it.
        let new = folder.path().join("new");
        fs::write(&new, program).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(&new, &path).unwrap();
    };
    install();
    let bot = worker::command(&[path.to_str().unwrap()]);
    let mut gateway = Gateway::plain(&bot).arg("--retry-delay=50ms..50ms").start(&telegram).await;
    fs::remove_file(&path).unwrap();
    everybody_writes(&telegram).await;
    gateway.expects_log("the program fails whatever it is given").await;
    gateway.expects_log_lines("no worker: ", 25).await;
    install();
    everybody_is_answered_in_order(&telegram).await;
    gateway.expects_log("the program works again").await;
    assert!(gateway.stop().await.success());
    assert!(gateway.log().contains("given_up=0"), "{}", gateway.log());
}

#[tokio::test]
async fn two_chats_that_fail_are_no_suspicion() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("crash-after-read").arg("poison");
    let gateway = Gateway::with(&bot).arg("--max-attempts=15").start(&telegram).await;
    for chat in [1, 2] {
        telegram.says(chat, "poison").await;
        telegram.says(chat, "after").await;
    }
    for chat in [1, 2] {
        telegram.expects_message(chat, "after").await;
    }
    assert_eq!(gateway.expects_log_lines("15 attempts failed", 2).await.len(), 2);
    assert!(!gateway.log().contains("the program fails whatever"), "{}", gateway.log());
}
