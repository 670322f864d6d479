//! Tests over HTTP: a served simulator, and a client that knows nothing of it.

mod control;
mod faults;
mod polling;
mod requests;
mod sending;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Sim, SimOptions};

const TOKEN: &str = "42:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A served simulator; it stops when dropped.
struct Server {
    sim: Sim,
    base: String,
    client: reqwest::Client,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Server {
    async fn start() -> Server {
        Server::with(SimOptions { first_update_id: Some(100), ..SimOptions::default() }).await
    }

    async fn with(options: SimOptions) -> Server {
        rustls::crypto::ring::default_provider().install_default().ok();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let sim = Sim::new(options);
        let (stop, served) = (CancellationToken::new(), sim.clone());
        let token = stop.clone();
        let served = tokio::spawn(async move { served.serve(listener, token).await });
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Server { sim, base, client, stop, served }
    }

    fn url(&self, method: &str) -> String {
        format!("{}/bot{TOKEN}/{method}", self.base)
    }

    /// A call with JSON parameters: its status and its body.
    async fn call(&self, method: &str, params: Value) -> (u16, Value) {
        post(&self.client, self.url(method), params).await
    }

    /// A call that must work: its result.
    async fn works(&self, method: &str, params: Value) -> Value {
        let (status, body) = self.call(method, params).await;
        assert_eq!(status, 200, "{method}: {body}");
        body["result"].clone()
    }

    /// A call that must fail: its description.
    async fn fails(&self, method: &str, params: Value) -> String {
        let (status, body) = self.call(method, params).await;
        assert_eq!(body["error_code"], status, "{method}: {body}");
        assert_eq!(body["ok"], false);
        body["description"].as_str().unwrap().to_owned()
    }

    /// A POST to the control API.
    async fn control(&self, path: &str, body: Value) -> (u16, Value) {
        post(&self.client, format!("{}/sim{path}", self.base), body).await
    }

    /// A GET of the control API.
    async fn read(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}/sim{path}", self.base)).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// User 7 says something in the private chat: its message id.
    async fn says(&self, text: &str) -> i64 {
        let (status, body) =
            self.control("/42/users/7/messages", json!({"text": text, "first_name": "Ann"})).await;
        assert_eq!(status, 200, "{body}");
        body["result"]["message_id"].as_i64().unwrap()
    }

    /// The ids of the updates a getUpdates call gives.
    async fn poll(&self, params: Value) -> Vec<i64> {
        let list = self.works("getUpdates", params).await;
        list.as_array().unwrap().iter().map(|update| update["update_id"].as_i64().unwrap()).collect()
    }

    /// Waits until a poll is parked, or none is.
    async fn until_parked(&self, parked: i64) {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        while self.read("/42/state").await["parked"] != parked {
            assert!(tokio::time::Instant::now() < deadline, "no poll got to `parked` {parked}");
            tokio::task::yield_now().await;
        }
    }
}

async fn post(client: &reqwest::Client, url: String, body: Value) -> (u16, Value) {
    let request = client.post(url).header("content-type", "application/json").body(body.to_string());
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}
