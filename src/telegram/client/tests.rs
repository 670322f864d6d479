//! The client against servers that misbehave.

use super::super::TransportFault;
use super::super::scripted::{Reply, SECRET, Scripted, answer, answer_with, rejected, result, token};
use super::*;

const DEADLINE: Duration = Duration::from_secs(20);

async fn call(reply: Reply) -> Result<Answer, ApiError> {
    let server = Scripted::start(vec![reply]).await;
    let answer = server.client.call("getMe", Bytes::from_static(b"{}"), DEADLINE).await;
    if let Err(error) = &answer {
        let shown = format!("{error} {error:?} {:?}", server.client);
        assert!(!shown.contains(SECRET) && !shown.contains("http://"), "{shown}");
    }
    answer
}

#[tokio::test]
async fn a_call_sends_its_params_and_brings_the_result_unchanged() {
    let mut server = Scripted::start(vec![result("{ \"id\": 1 }")]).await;
    let params = Bytes::from_static(br#"{"chat_id":42, "text":"\ud83d"}"#);
    let answer = server.client.call("sendMessage", params, DEADLINE).await.unwrap();
    assert_eq!(answer.result.get(), "{ \"id\": 1 }");
    let (method, body) = server.request().await;
    assert_eq!((method.as_str(), body.as_str()), ("sendMessage", r#"{"chat_id":42, "text":"\ud83d"}"#));
}

#[tokio::test]
async fn a_poll_says_all_its_parameters() {
    let mut server = Scripted::start(vec![result("[]")]).await;
    let kinds = ["message".to_owned()];
    let poll = Poll { offset: 7, limit: 100, timeout: Duration::from_secs(50), allowed_updates: &kinds };
    server.client.get_updates(&poll).await.unwrap();
    let (_, body) = server.request().await;
    assert_eq!(body, r#"{"offset":7,"limit":100,"timeout":50,"allowed_updates":["message"]}"#);
}

#[tokio::test]
async fn errors_of_telegram_are_typed() {
    let error = call(rejected(403, "Forbidden: bot was blocked by the user")).await.unwrap_err();
    assert!(matches!(error, ApiError::Rejected { code: 403, .. }), "{error}");
}

#[tokio::test]
async fn a_429_may_say_its_time_in_the_header_alone() {
    let error = call(answer_with(429, "Retry-After: 35\r\n", "")).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(35));
}

#[tokio::test]
async fn html_and_empty_bodies_are_survived() {
    let error = call(answer(502, "<html>\n<b>Bad Gateway</b></html>")).await.unwrap_err();
    assert!(error.is_passing());
    assert_eq!(
        error.to_string(),
        r"the answer (HTTP status 502) is not from the Bot API: `<html>\n<b>Bad Gateway</b></html>`"
    );
    let error = call(answer(413, "")).await.unwrap_err();
    assert!(!error.is_passing(), "{error}");
}

#[tokio::test]
async fn a_page_that_quotes_the_url_does_not_leak_the_token() {
    let page = format!("{} /bot123:{SECRET}/getMe was not found", "x".repeat(150));
    let error = call(answer(404, &page)).await.unwrap_err();
    assert!(error.to_string().contains("<secret>"), "{error}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let error = call(answer_with(302, "Location: http://127.0.0.1:1/\r\n", "")).await.unwrap_err();
    assert!(matches!(error, ApiError::NotTelegram { status: 302, .. }), "{error}");
}

#[tokio::test]
async fn a_cut_body_may_have_been_delivered() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok\":true,\"res";
    let error = call(Reply::Bytes(cut.to_owned())).await.unwrap_err();
    assert!(error.maybe_delivered() && error.is_passing(), "{error}");
    assert!(matches!(error, ApiError::Transport { fault: TransportFault::Broken, .. }), "{error}");
    let cut = "HTTP/1.1 502 X\r\nContent-Length: 100\r\n\r\n<html>";
    let error = call(Reply::Bytes(cut.to_owned())).await.unwrap_err();
    assert!(matches!(error, ApiError::NotTelegram { status: 502, .. }), "{error}");
}

#[tokio::test]
async fn a_closed_connection_may_have_delivered() {
    let error = call(Reply::Bytes(String::new())).await.unwrap_err();
    assert!(error.maybe_delivered() && error.is_passing(), "{error}");
}

#[tokio::test]
async fn a_deadline_ends_a_call_that_is_never_answered() {
    let server = Scripted::start(Vec::new()).await;
    let call = server.client.call("getMe", Bytes::from_static(b"{}"), Duration::from_millis(50));
    let error = call.await.unwrap_err();
    assert!(matches!(error, ApiError::Transport { fault: TransportFault::Timeout, .. }), "{error}");
    assert!(error.maybe_delivered());
}

#[tokio::test]
async fn a_refused_connection_delivered_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(ClientConfig::new(url, token())).unwrap();
    let error = client.call("getMe", Bytes::from_static(b"{}"), DEADLINE).await.unwrap_err();
    assert!(error.to_string().contains("Connection refused"), "{error}");
    assert!(!error.maybe_delivered() && error.help().is_some());
}

#[tokio::test]
async fn an_answer_past_the_bound_is_not_read() {
    let server = Scripted::start(vec![result(&format!("\"{}\"", "x".repeat(2000)))]).await;
    let mut shared = Arc::try_unwrap(server.client.shared).expect("the only handle");
    shared.max_answer = 1000;
    let client = Client { shared: Arc::new(shared) };
    let error = client.call("getMe", Bytes::from_static(b"{}"), DEADLINE).await.unwrap_err();
    assert!(matches!(error, ApiError::TooLong { max: 1000, .. }), "{error}");
}

#[tokio::test]
async fn a_name_that_is_no_method_never_gets_into_a_url() {
    let server = Scripted::start(Vec::new()).await;
    let error = server.client.call("../x", Bytes::new(), DEADLINE).await.unwrap_err();
    assert!(matches!(error, ApiError::Rejected { code: 400, .. }), "{error}");
}

#[tokio::test]
async fn an_unknown_authority_is_named_as_such() {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.ok();
    });
    let client = Client::new(ClientConfig::new(format!("https://localhost:{port}"), token())).unwrap();
    let error = client.call("getMe", Bytes::from_static(b"{}"), DEADLINE).await.unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains("signed by an authority that this machine does not know"), "{shown}");
    assert!(!error.maybe_delivered());
    assert!(error.help().is_some_and(|help| help.contains("SSL_CERT_FILE")), "{shown}");
}
