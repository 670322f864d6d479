//! Load: many chats at once, none lost, none out of order, none held up by another.

use std::collections::{BTreeMap, HashMap};

use crate::support::worker::Worker;
use crate::support::{Gateway, Telegram, scale, worker};

/// A plain worker in shell without a child, which would be most of the work. In the chat SLEEPER it sleeps instead.
fn echo(sleeper: i64) -> Worker {
    worker::sh(&format!(
        r#"
[ "$ASGIGRAM_CHAT_ID" = {sleeper} ] && exec sleep 3600
while IFS= read -r line; do
  case $line in
  *'"text":"'*)
    text=${{line#*'"text":"'}}
    printf '%s\n' '{{"type":"telegram.send_message","text":"'"${{text%%'"'*}}"'"}}'
    ;;
  esac
done
"#
    ))
}

/// Puts so many updates into the queue of Telegram, those of the chats mixed, and returns the texts of each.
async fn fill(telegram: &Telegram, chats: usize, updates: usize) -> BTreeMap<i64, Vec<String>> {
    let mut texts: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    let all: Vec<String> = (0..updates)
        .map(|n| {
            let chat = (n % chats) as i64 + 1;
            let text = format!("{chat}/{n}");
            texts.entry(chat).or_default().push(text.clone());
            let chat = format!(r#"{{"id":{chat},"type":"private","first_name":"User"}}"#);
            format!(
                r#"{{"update_id":{},"message":{{"message_id":{n},"date":1,"chat":{chat},"text":"{text}"}}}}"#,
                n + 1
            )
        })
        .collect();
    telegram.pushes_many(&format!("[{}]", all.join(","))).await;
    texts
}

async fn every_chat_is_answered_in_order(telegram: &Telegram, texts: &BTreeMap<i64, Vec<String>>) {
    let expected: usize = texts.values().map(Vec::len).sum();
    let answers = telegram.expects_calls("answers", expected, |call| call.method == "sendMessage").await;
    let mut seen: HashMap<i64, Vec<String>> = HashMap::new();
    for answer in answers {
        seen.entry(answer.chat().unwrap()).or_default().push(answer.text().to_owned());
    }
    for (chat, texts) in texts {
        assert_eq!(seen.get(chat), Some(texts), "chat {chat}");
    }
}

#[tokio::test]
async fn many_chats_are_served_at_once_and_one_that_sleeps_holds_up_no_other() {
    let telegram = Telegram::start().await;
    let (chats, updates) = (scale(200, 1000), scale(4000, 20_000));
    let mut texts = fill(&telegram, chats, updates).await;
    let sleeper = 7;
    let owed = texts.remove(&sleeper).unwrap().len();
    // All but the sleeper must have the time to end by themselves: only then is their last update settled.
    let grace = format!("--grace={}s", scale(3, 20));
    let plan = Gateway::plain(&echo(sleeper)).arg("-m").arg((chats + 1).to_string());
    let plan = plan.arg(format!("--max-workers={}", chats + 1)).arg("--drain=100ms").arg(grace);
    let mut gateway = plan.start(&telegram).await;
    every_chat_is_answered_in_order(&telegram, &texts).await;
    assert!(gateway.stop().await.success());
    assert!(gateway.log().contains(&format!("unsettled={owed}")), "{}", gateway.log());
    assert!(
        gateway.log().contains(&format!("processes={chats}")),
        "no process was started twice: {}",
        gateway.log()
    );
}

#[tokio::test]
async fn many_chats_take_turns_on_few_processes() {
    let telegram = Telegram::start().await;
    let texts = fill(&telegram, scale(60, 500), scale(600, 5000)).await;
    let mut gateway = Gateway::plain(&echo(0)).arg("--max-workers=20").start(&telegram).await;
    every_chat_is_answered_in_order(&telegram, &texts).await;
    assert!(gateway.workers().len() <= 20);
    assert!(gateway.stop().await.success());
    assert!(!gateway.log().contains("unsettled"), "{}", gateway.log());
}

#[tokio::test]
async fn a_low_limit_of_open_files_makes_it_slower_and_no_worse() {
    let telegram = Telegram::start().await;
    let texts = fill(&telegram, scale(30, 200), scale(120, 2000)).await;
    let plan = Gateway::plain(&echo(0)).under(&["prlimit", "--nofile=256:256"]);
    let mut gateway = plan.start(&telegram).await;
    let warning = gateway.expects_log("the limit of open files allows").await;
    assert!(warning.contains("processes at once"), "{warning}");
    every_chat_is_answered_in_order(&telegram, &texts).await;
    assert!(gateway.stop().await.success());
    assert!(!gateway.log().contains("unsettled"), "{}", gateway.log());
}

#[tokio::test]
async fn a_machine_without_room_for_processes_is_waited_for() {
    let telegram = Telegram::start().await;
    let texts = fill(&telegram, 12, 24).await;
    // Every process of ours counts against the limit of the user, so it cannot be known beforehand where it bites:
    // what can be is that 96 descriptors are less than what the gateway believes it has for itself.
    let plan = Gateway::plain(&echo(0)).under(&["prlimit", "--nofile=96:96"]);
    let mut gateway = plan.start(&telegram).await;
    every_chat_is_answered_in_order(&telegram, &texts).await;
    assert!(gateway.stop().await.success());
}
