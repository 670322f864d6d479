//! Workers that do what the test says, line by line: real processes, each led over a Unix socket.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixListener;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::patience;
use super::worker::{self, Worker};

/// Where the processes of a command report.
pub(crate) struct Remote {
    /// The command.
    pub(crate) worker: Worker,
    listener: UnixListener,
}

/// One process. Dropping it lets the process end with 0.
pub(crate) struct RemoteProcess {
    /// The name of its scope, from its environment.
    pub(crate) scope: String,
    pub(crate) pid: u32,
    lines: Lines<BufReader<OwnedReadHalf>>,
    orders: OwnedWriteHalf,
}

impl Remote {
    /// A command of which no process has started.
    pub(crate) fn new() -> Remote {
        let worker = worker::mode("remote");
        let socket = worker.folder().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        Remote { worker: worker.arg(socket.to_str().unwrap()), listener }
    }

    /// Waits for the next process to start.
    pub(crate) async fn starts(&self) -> RemoteProcess {
        self.starts_within(patience()).await.expect("no process starts in time")
    }

    /// The next process that starts within this time.
    pub(crate) async fn starts_within(&self, time: Duration) -> Option<RemoteProcess> {
        let (stream, _) = tokio::time::timeout(time, self.listener.accept()).await.ok()?.unwrap();
        let (read, orders) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let first = lines.next_line().await.unwrap().unwrap();
        let words: Vec<&str> = first.split(' ').collect();
        let (scope, pid) = (words[1].to_owned(), words[2].parse().unwrap());
        Some(RemoteProcess { scope, pid, lines, orders })
    }

    /// Waits for the next process, has it read its scope line and say an acking hello with these further keys.
    pub(crate) async fn starts_with_hello(&self, more: &str) -> RemoteProcess {
        let mut process = self.starts().await;
        assert_eq!(process.reads().await["type"], "telegram");
        process.writes(&format!(r#"{{"type":"gateway.hello","acks":true{more}}}"#)).await;
        process
    }
}

impl RemoteProcess {
    /// Reads the next line of its stdin.
    pub(crate) async fn reads(&mut self) -> Value {
        let line = self.reads_line().await.expect("the input has ended");
        serde_json::from_str(&line).unwrap()
    }

    /// Reads the next line of its stdin, as it is; `None` at the end of the input.
    pub(crate) async fn reads_line(&mut self) -> Option<String> {
        self.order("read").await;
        self.answer().await
    }

    /// Reads the next line if one comes within this time.
    pub(crate) async fn reads_within(&mut self, time: Duration) -> Option<Value> {
        self.order(&format!("wait {}", time.as_secs_f64())).await;
        let line = self.answer().await?;
        Some(serde_json::from_str(&line).unwrap())
    }

    /// Writes a line to its stdout.
    pub(crate) async fn writes(&mut self, line: &str) {
        self.order(&format!("write {line}")).await;
    }

    /// Acknowledges an update.
    pub(crate) async fn acks(&mut self, update: &Value) {
        self.writes(&format!(r#"{{"type":"telegram.ack","update_id":{}}}"#, update["update_id"])).await;
    }

    /// Sends a text to its chat.
    pub(crate) async fn sends(&mut self, text: &str) {
        self.writes(&format!(r#"{{"type":"telegram.send_message","text":"{text}"}}"#)).await;
    }

    /// Ends with this status.
    pub(crate) async fn exits(mut self, status: u8) {
        self.order(&format!("exit {status}")).await;
        // The socket ends with the process.
        let _ = tokio::time::timeout(patience(), self.lines.next_line()).await;
    }

    async fn order(&mut self, order: &str) {
        self.orders.write_all(format!("{order}\n").as_bytes()).await.unwrap();
    }

    async fn answer(&mut self) -> Option<String> {
        let answer = tokio::time::timeout(patience(), self.lines.next_line()).await;
        let answer =
            answer.expect("the worker is given no line in time").unwrap().expect("the worker is gone");
        answer.strip_prefix("line ").map(str::to_owned)
    }
}
