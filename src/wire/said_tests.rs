//! What the parser of worker lines understands, as tables.

use super::*;

fn sent(line: &str) -> String {
    match parse(line.as_bytes()) {
        Ok(Said::Send(send)) => {
            let params: Vec<String> =
                send.params.iter().map(|(key, value)| format!("{key}={}", value.get())).collect();
            let id = send.request_id.map(|id| format!(" #{}", id.get())).unwrap_or_default();
            format!("{}({}){id}{}", send.method, params.join(","), if send.retry { "" } else { " once" })
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn sends_keep_their_parameters_as_written() {
    assert_eq!(
        sent(r#"{"type":"telegram.send_message","text":"\ud83d","chat_id":42,"n":1.50,"reply_markup":null}"#),
        r#"send_message(text="\ud83d",chat_id=42,n=1.50)"#
    );
    assert_eq!(sent(r#"{"request_id":[1, "a"],"type":"telegram.get_me"}"#), r#"get_me() #[1, "a"]"#);
    assert_eq!(
        sent(r#"{"type":"telegram.send_poll","poll_type":"quiz","retry":false}"#),
        r#"send_poll(type="quiz") once"#
    );
    assert_eq!(
        sent(
            r#"{"type":"telegram.call","method":"sendPoll","params":{"type":"quiz","x":null},"request_id":7}"#
        ),
        r#"sendPoll(type="quiz") #7"#
    );
    assert_eq!(sent(r#"{"type":"telegram.call","method":"getMe"}"#), "getMe()");
}

#[test]
fn acks_and_nacks() {
    let said = |line: &str| format!("{:?}", parse(line.as_bytes()).unwrap());
    assert_eq!(said(r#"{"type":"telegram.ack","update_id":5}"#), "Ack { update_id: 5, through: false }");
    assert_eq!(
        said(r#"{"type":"telegram.ack","update_id":5,"through":true}"#),
        "Ack { update_id: 5, through: true }"
    );
    assert_eq!(said(r#"{"type":"telegram.nack","update_id":5}"#), "Nack { update_id: 5, retry: Failed }");
    assert_eq!(
        said(r#"{"type":"telegram.nack","update_id":5,"retry_after":1e9}"#),
        "Nack { update_id: 5, retry: After(86400s) }"
    );
    assert_eq!(
        said(r#"{"type":"telegram.nack","update_id":5,"retry_after":-3}"#),
        "Nack { update_id: 5, retry: After(0ns) }"
    );
    assert_eq!(
        said(r#"{"type":"telegram.nack","update_id":5,"dead":true}"#),
        "Nack { update_id: 5, retry: Never }"
    );
}

#[test]
fn hello_has_defaults_and_bounds() {
    let Ok(Said::Hello(hello)) = parse(br#"{"type":"gateway.hello"}"#) else { panic!("not a hello") };
    assert_eq!((hello.protocol, hello.acks, hello.window, hello.idle), (1, false, 1, true));
    let Ok(Said::Hello(hello)) = parse(br#"{"type":"gateway.hello","acks":1,"window":"x","idle":false}"#)
    else {
        panic!("not a hello")
    };
    assert_eq!(
        (hello.acks, hello.window, hello.idle, hello.unusable),
        (false, 1, false, vec!["acks", "window"])
    );
    let line =
        br#"{"type":"gateway.hello","acks":true,"window":100000,"updates":["message"],"later":{"x":1}}"#;
    let Ok(Said::Hello(hello)) = parse(line) else { panic!("not a hello") };
    assert_eq!((hello.acks, hello.window, hello.updates), (true, 100, Some(vec!["message".to_owned()])));
}

#[test]
fn what_is_not_understood_is_named() {
    let error = |line: &[u8]| parse(line).unwrap_err().to_string();
    for stray in [&b"hello world"[..], b"[1]", b"17", b"{\"type\":", b"{} {}", b"\xff\xfe", b"\"x\""] {
        assert_eq!(error(stray), "not a JSON object", "{stray:?}");
    }
    assert_eq!(error(b"{}"), "no `type` that is a string");
    assert_eq!(error(br#"{"type":7}"#), "no `type` that is a string");
    assert_eq!(error(br#"{"type":"http.response.start"}"#), "unknown type `http.response.start`");
    assert!(error(br#"{"type":"telegram.ack"}"#).starts_with("`telegram.ack`: missing field `update_id`"));
    assert!(
        error(br#"{"type":"telegram.call","method":"getMe","params":[]}"#)
            .contains("`params` is not an object")
    );
}

#[test]
fn events_that_come_back_mean_nothing() {
    for echo in [r#"{"type":"telegram","chat":{}}"#, r#"{"type":"telegram.disconnect","reason":"idle"}"#] {
        assert!(matches!(parse(echo.as_bytes()), Ok(Said::Echo)), "{echo}");
    }
}

proptest::proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn nothing_that_looks_like_a_line_panics(line in r#"\{"type":"(telegram\.(ack|nack|call|send)|gateway\.hello)",".*":.*\}"#) {
        let _ = parse(line.as_bytes());
    }
}
