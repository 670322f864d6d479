//! When the process is to stop: signals, or whoever runs the gateway as a part.
//!
//! Owns the signal handlers. The first signal asks, the second hurries; what that means the gateway knows.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The requests to stop so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// How many.
    pub count: u32,
    /// The number of the last signal; 0 if it was none.
    pub signal: u8,
}

/// A handle to the requests; clones share them.
#[derive(Clone, Debug)]
pub struct Shutdown {
    requests: watch::Sender<Requests>,
}

impl Shutdown {
    /// Stops only when [`request`](Self::request)ed.
    pub fn manual() -> Self {
        Shutdown { requests: watch::Sender::new(Requests::default()) }
    }

    /// Stops on SIGINT, SIGTERM and SIGHUP. Handlers, never a blocked mask: workers would inherit that.
    pub fn on_signals() -> io::Result<Self> {
        let shutdown = Shutdown::manual();
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            let mut signals = signal(kind)?;
            let shutdown = shutdown.clone();
            let number = u8::try_from(kind.as_raw_value()).unwrap_or_default();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    shutdown.request(number);
                }
            });
        }
        Ok(shutdown)
    }

    /// Asks to stop; `signal` is the number of the signal that asks, or 0.
    pub fn request(&self, signal: u8) {
        self.requests.send_modify(|requests| *requests = Requests { count: requests.count + 1, signal });
    }

    /// Waits until there were so many requests.
    pub async fn requested(&self, count: u32) -> Requests {
        let mut requests = self.requests.subscribe();
        let found = requests.wait_for(|requests| requests.count >= count).await.map(|requests| *requests);
        match found {
            Ok(requests) => requests,
            // This handle holds a sender, so the channel is open.
            Err(_) => std::future::pending().await,
        }
    }
}
