//! Sending: any method, in order per chat, at the pace that Telegram allows.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::remote::{Remote, RemoteProcess};
use crate::support::{ANN, BOB, Gateway, Telegram, worker};

/// Long enough for what must not come to have come.
const A_WHILE: Duration = Duration::from_millis(150);

/// A gateway whose worker serves Ann's chat and has just got an update.
async fn at_work(telegram: &Telegram) -> (Gateway, Remote, RemoteProcess) {
    let remote = Remote::new();
    let gateway = Gateway::with(&remote.worker).start(telegram).await;
    telegram.says(ANN, "hi").await;
    let mut process = remote.starts_with_hello("").await;
    process.reads().await;
    (gateway, remote, process)
}

#[tokio::test]
async fn any_method_can_be_called_also_one_that_nobody_knows() {
    let telegram = Telegram::start().await;
    let (_gateway, _remote, mut process) = at_work(&telegram).await;
    for (send, method, params) in [
        (json!({"type":"telegram.send_dice","emoji":"🎲"}), "sendDice", json!({"chat_id":ANN,"emoji":"🎲"})),
        (json!({"type":"telegram.SENDMESSAGE","text":"a"}), "sendMessage", json!({"chat_id":ANN,"text":"a"})),
        (json!({"type":"telegram.sendMessage","text":"b"}), "sendMessage", json!({"chat_id":ANN,"text":"b"})),
        (json!({"type":"telegram.get_me"}), "getMe", json!({})),
        (json!({"type":"telegram.get_chat"}), "getChat", json!({"chat_id":ANN})),
        (json!({"type":"telegram.send_hologram","size":1}), "sendHologram", json!({"chat_id":ANN,"size":1})),
        (json!({"type":"telegram.beam_up","who":"Scotty"}), "beamUp", json!({"who":"Scotty"})),
        (
            json!({"type":"telegram.call","method":"send_message","params":{"text":"c","reply_markup":null}}),
            "sendMessage",
            json!({"chat_id":ANN,"text":"c"}),
        ),
        (
            json!({"type":"telegram.send_message","text":"d","chat_id":BOB}),
            "sendMessage",
            json!({"text":"d","chat_id":BOB}),
        ),
        (json!({"type":"telegram.set_chat_menu_button"}), "setChatMenuButton", json!({})),
        (
            json!({"type":"telegram.edit_message_text","inline_message_id":"x","text":"e"}),
            "editMessageText",
            json!({"inline_message_id":"x","text":"e"}),
        ),
        (
            json!({"type":"telegram.edit_message_text","message_id":1,"text":"e"}),
            "editMessageText",
            json!({"chat_id":ANN,"message_id":1,"text":"e"}),
        ),
        (
            json!({"type":"telegram.send_message","text":"f","parse_mode":null,"deep":{"null":null}}),
            "sendMessage",
            json!({"chat_id":ANN,"text":"f","deep":{"null":null}}),
        ),
    ] {
        let mut asked = send.clone();
        asked["request_id"] = json!(method);
        process.writes(&asked.to_string()).await;
        assert_eq!(process.reads().await["request_id"], method);
        let call = telegram.calls("").await.pop().unwrap();
        assert_eq!((call.method.as_str(), &call.params), (method, &params), "{send}");
    }
}

#[tokio::test]
async fn parameters_reach_telegram_as_they_were_written() {
    let telegram = Telegram::start().await;
    let (_gateway, _remote, mut process) = at_work(&telegram).await;
    let params = r#""latitude":52.5200080,"longitude":1.3405e+1,"heading":1.50,"extra":{"n":12345678901234567890,"s":"\ud83d"}"#;
    process.writes(&format!(r#"{{"type":"telegram.send_location",{params}}}"#)).await;
    // As text: what is parsed would not show it.
    let answer = telegram.get_text("calls?method=sendLocation&wait=30").await;
    assert!(answer.contains(params), "{answer}");
}

#[tokio::test]
async fn an_answer_bears_its_request_id_byte_for_byte() {
    let telegram = Telegram::start().await;
    let (_gateway, _remote, mut process) = at_work(&telegram).await;
    for id in [
        "1",
        "1.50",
        "1e5",
        r#""\ud83d é \u00e9""#,
        r#"{"a" : [1.0,null] ,"b":{}}"#,
        "false",
        "12345678901234567890123",
    ] {
        process.writes(&format!(r#"{{"type":"telegram.get_me","request_id":{id}}}"#)).await;
        let line = process.reads_line().await.unwrap();
        let begin = format!(r#"{{"type":"telegram.response","request_id":{id},"ok":true,"result":{{"#);
        assert!(line.starts_with(&begin), "{line}");
    }
}

#[tokio::test]
async fn only_who_asks_is_answered() {
    let telegram = Telegram::start().await;
    let (gateway, remote, mut process) = at_work(&telegram).await;
    telegram.says(BOB, "hi").await;
    let mut other = remote.starts_with_hello("").await;
    other.reads().await;
    process.writes(r#"{"type":"telegram.send_message","text":"","request_id":null}"#).await;
    process.writes(r#"{"type":"telegram.send_message","text":"x","request_id":"mine"}"#).await;
    assert_eq!(process.reads().await["request_id"], "mine");
    assert_eq!(other.reads_within(A_WHILE).await, None);
    assert!(gateway.expects_log("a send failed").await.contains("message text is empty"));
}

#[tokio::test]
async fn telegrams_refusals_are_handed_on_in_its_own_words() {
    let telegram = Telegram::start().await;
    let (_gateway, _remote, mut process) = at_work(&telegram).await;
    let body = r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded","parameters":{"migrate_to_chat_id":-1001,"new":1.50}}"#;
    telegram.fault(json!({"method":"sendMessage","status":400,"body":body})).await;
    process.writes(r#"{"type":"telegram.send_message","text":"x","request_id":1}"#).await;
    let line = process.reads_line().await.unwrap();
    assert_eq!(line, format!(r#"{{"type":"telegram.response","request_id":1,{}"#, &body[1..]));
    process.writes(r#"{"type":"telegram.send_message","text":"x","chat_id":987,"request_id":2}"#).await;
    let response = process.reads().await;
    assert_eq!(
        (&response["error_code"], &response["description"]),
        (&json!(400), &json!("Bad Request: chat not found"))
    );
    assert_eq!(response["fault"], Value::Null);
}

#[tokio::test]
async fn what_would_break_the_gateway_is_refused_and_what_is_no_method_is_invalid() {
    let telegram = Telegram::start().await;
    let (gateway, _remote, mut process) = at_work(&telegram).await;
    for (method, fault, code) in [
        ("get_updates", "refused", 403),
        ("setWebhook", "refused", 403),
        ("DELETE_WEBHOOK", "refused", 403),
        ("log_out", "refused", 403),
        ("close", "refused", 403),
        ("../getMe", "invalid", 400),
        ("send message", "invalid", 400),
        ("getMe?x=1", "invalid", 400),
        ("sendé", "invalid", 400),
        ("", "invalid", 400),
    ] {
        for send in [
            json!({"type":format!("telegram.{method}"),"request_id":method}),
            json!({"type":"telegram.call","method":method,"request_id":method}),
        ] {
            process.writes(&send.to_string()).await;
            let response = process.reads().await;
            assert_eq!(
                (&response["fault"], &response["error_code"]),
                (&json!(fault), &json!(code)),
                "{send}"
            );
            assert!(response["description"].as_str().unwrap().starts_with("asgigram: "), "{response}");
        }
    }
    for send in [
        json!({"type":"telegram.call","params":{},"request_id":1}),
        json!({"type":"telegram.call","method":"getMe","params":[],"request_id":1}),
        json!({"type":"telegram.call","method":7,"request_id":1}),
        json!({"type":"telegram.ack","update_id":"x","request_id":1}),
        json!({"type":"nothing known","request_id":1}),
        json!({"request_id":1}),
    ] {
        process.writes(&send.to_string()).await;
        let response = process.reads().await;
        assert_eq!((&response["fault"], &response["request_id"]), (&json!("invalid"), &json!(1)), "{send}");
    }
    process.writes(r#"{"type":"telegram.get_me","request_id":"and on"}"#).await;
    assert_eq!(process.reads().await["ok"], true);
    let methods: BTreeSet<String> = telegram.calls("").await.into_iter().map(|call| call.method).collect();
    assert_eq!(methods.into_iter().collect::<Vec<_>>(), ["getMe", "getWebhookInfo"]);
    drop(gateway);
}

#[tokio::test]
async fn the_scope_of_a_user_has_no_chat_to_send_to() {
    let telegram = Telegram::start().await;
    telegram.knows_user(BOB, "Bob").await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).start(&telegram).await;
    telegram
        .injects(
            &json!({"inline_query":{"id":"7","from":{"id":BOB,"first_name":"Bob"},"query":"","offset":""}}),
        )
        .await;
    let mut process = remote.starts_with_hello("").await;
    process.reads().await;
    process.writes(r#"{"type":"telegram.send_message","text":"x","request_id":1}"#).await;
    assert_eq!(process.reads().await["fault"], "invalid");
    process
        .writes(
            r#"{"type":"telegram.answer_inline_query","inline_query_id":"7","results":[],"request_id":2}"#,
        )
        .await;
    assert_eq!(process.reads().await["ok"], true);
}

#[tokio::test]
async fn a_business_scope_speaks_through_its_connection() {
    let telegram = Telegram::start().await;
    let remote = Remote::new();
    let _gateway = Gateway::with(&remote.worker).start(&telegram).await;
    let message = json!({"business_connection_id":"Xk3","message_id":1,"date":1,"chat":{"id":ANN,"type":"private"},"text":"hi"});
    telegram.injects(&json!({"business_message": message})).await;
    let mut process = remote.starts_with_hello("").await;
    process.reads().await;
    process.sends("for the shop").await;
    let call = telegram.expects_call("a message", |call| call.method == "sendMessage").await;
    assert_eq!(call.params, json!({"chat_id":ANN,"business_connection_id":"Xk3","text":"for the shop"}));
}

#[tokio::test]
async fn a_held_chat_keeps_its_order_and_holds_up_no_other() {
    let telegram = Telegram::start().await;
    telegram.knows_user(BOB, "Bob").await;
    let (gateway, _remote, mut process) = at_work(&telegram).await;
    telegram.fault(json!({"method":"sendMessage","chat_id":ANN,"retry_after":1})).await;
    for n in 1..=3 {
        process.sends(&n.to_string()).await;
        process.writes(&format!(r#"{{"type":"telegram.send_message","chat_id":{BOB},"text":"b{n}"}}"#)).await;
    }
    telegram.expects_messages(BOB, &["b1", "b2", "b3"]).await;
    telegram.expects_messages(ANN, &["1", "2", "3"]).await;
    let calls = telegram.calls("sendMessage").await;
    let of = |chat| calls.iter().filter(move |call| call.chat() == Some(chat)).collect::<Vec<_>>();
    let (ann, bob) = (of(ANN), of(BOB));
    assert_eq!((ann[0].status, ann[0].text(), ann[1].status, ann[1].text()), (429, "1", 200, "1"));
    assert!(ann[1].at_ms - ann[0].at_ms >= 1000, "held for {} ms", ann[1].at_ms - ann[0].at_ms);
    assert!(bob[2].at_ms < ann[1].at_ms, "Bob's chat was held too");
    gateway.expects_log("has to wait").await;
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let telegram = Telegram::start().await;
    let gateway = Gateway::with(&worker::mode("ack-echo")).start(&telegram).await;
    let faults = [
        json!({"status": 500}),
        json!({"status": 502, "body": "<html><h1>Bad Gateway</h1></html>"}),
        json!({"status": 200, "body": ""}),
        json!({"status": 200, "body": "{\"ok\":tr"}),
        json!({"cut": true, "perform": false}),
        json!({"close": true}),
    ];
    for (user, mut fault) in (100..).zip(faults.clone()) {
        fault["method"] = json!("sendMessage");
        fault["chat_id"] = json!(user);
        telegram.fault(fault).await;
        telegram.says(user, "through all weathers").await;
    }
    for (user, fault) in (100..).zip(&faults) {
        let tries = telegram.expects_calls("two tries", 2, |call| call.chat() == Some(user)).await;
        assert!(tries[1].succeeded(), "{fault}");
    }
    assert_eq!(gateway.log_lines("has to wait").len(), faults.len(), "{}", gateway.log());
}

#[tokio::test]
async fn who_wants_no_second_try_gets_none() {
    let telegram = Telegram::start().await;
    let (_gateway, _remote, mut process) = at_work(&telegram).await;
    telegram.fault(json!({"method":"sendMessage","close":true})).await;
    process
        .writes(r#"{"type":"telegram.send_message","text":"once at most","retry":false,"request_id":1}"#)
        .await;
    let response = process.reads().await;
    assert_eq!((&response["fault"], &response["error_code"]), (&json!("unknown"), &json!(504)));
    assert_eq!(telegram.texts(ANN).await.len(), 1);
}

#[tokio::test]
async fn a_worker_that_leaves_its_answers_unread_has_a_thousand_of_them_and_no_more() {
    let telegram = Telegram::start().await;
    let (_gateway, remote, mut process) = at_work(&telegram).await;
    let asked = 1200;
    for n in 0..asked {
        process.writes(&format!(r#"{{"type":"telegram.get_me","request_id":{n}}}"#)).await;
    }
    telegram.expects_calls("getMe", 1000, |call| call.method == "getMe").await;
    // Another scope is served meanwhile.
    telegram.says(BOB, "hi").await;
    let mut other = remote.starts_with_hello("").await;
    other.reads().await;
    other.writes(r#"{"type":"telegram.send_message","text":"not held up","request_id":1}"#).await;
    other.reads().await;
    let open = telegram.calls("getMe").await.len();
    assert!(open < asked, "{open}");
    let mut answered = BTreeSet::new();
    for _ in 0..asked {
        answered.insert(process.reads().await["request_id"].as_u64().unwrap());
    }
    assert_eq!(answered.len(), asked);
}

#[tokio::test]
async fn a_chat_that_is_held_makes_only_its_own_sender_wait() {
    let telegram = Telegram::start().await;
    let bot = worker::mode("flood").arg(ANN.to_string());
    let mut gateway = Gateway::with(&bot).arg("--drain=100ms").arg("--grace=500ms").start(&telegram).await;
    telegram.fault(json!({"method":"sendChatAction","retry_after":3600,"count":9})).await;
    telegram.says(ANN, "go").await;
    gateway.expects_log("has to wait").await;
    for n in 0..5 {
        telegram.says(BOB, &n.to_string()).await;
    }
    telegram.expects_messages(BOB, &["0", "1", "2", "3", "4"]).await;
    // The lane of the chat has a bound, so the memory of the gateway has one.
    assert!(gateway.peak_memory() < 200_000, "{} KiB", gateway.peak_memory());
    assert!(gateway.stop().await.success());
    gateway.expects_log("stopped with sends that Telegram did not take").await;
}
