//! What a process has printed so far, for those who wait for a line of it.

use std::io::Read;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::patience;

/// A growing text; clones share it.
#[derive(Clone)]
pub(crate) struct Log {
    bytes: Arc<Mutex<Vec<u8>>>,
    length: watch::Receiver<usize>,
}

impl Log {
    /// Reads the stream to its end, in a thread of its own.
    pub(crate) fn of(mut stream: impl Read + Send + 'static) -> Log {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (grown, length) = watch::channel(0);
        let log = Log { bytes: bytes.clone(), length };
        std::thread::spawn(move || {
            let mut chunk = [0; 8192];
            while let Ok(n @ 1..) = stream.read(&mut chunk) {
                let mut bytes = bytes.lock().unwrap();
                bytes.extend_from_slice(&chunk[..n]);
                grown.send_replace(bytes.len());
            }
        });
        log
    }

    /// All so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// All lines so far that contain `words`.
    pub(crate) fn lines_with(&self, words: &str) -> Vec<String> {
        self.text().lines().filter(|line| line.contains(words)).map(str::to_owned).collect()
    }

    /// Waits until it contains `words`, and returns the first line that does.
    pub(crate) async fn expects(&self, words: &str) -> String {
        self.expects_that(&format!("`{words}`"), |text| {
            text.lines().find(|line| line.contains(words)).map(str::to_owned)
        })
        .await
    }

    /// Waits until `found` finds something in it.
    pub(crate) async fn expects_that<T>(&self, what: &str, found: impl Fn(&str) -> Option<T>) -> T {
        let mut length = self.length.clone();
        let wait = async {
            loop {
                length.borrow_and_update();
                if let Some(found) = found(&self.text()) {
                    return Some(found);
                }
                if length.changed().await.is_err() {
                    return found(&self.text());
                }
            }
        };
        match tokio::time::timeout(patience(), wait).await {
            Ok(Some(found)) => found,
            Ok(None) => panic!("the log ended without {what}:\n{}", self.text()),
            Err(_) => panic!("no {what} in the log in time:\n{}", self.text()),
        }
    }

    /// Waits for the end of the stream.
    pub(crate) async fn ended(&self) {
        let mut length = self.length.clone();
        let _ = tokio::time::timeout(patience(), async { while length.changed().await.is_ok() {} }).await;
    }
}
