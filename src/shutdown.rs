//! When the process is to stop: signals, the loss of the guardian, or whoever runs the gateway as a part.
//!
//! Owns the signal handlers of the gateway. The first signal asks, the second hurries; what that means the gateway knows.

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
    /// The guardian is gone: nobody but the gateway can end the workers now.
    pub unguarded: bool,
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
        Shutdown::listening(&[SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()])
    }

    /// The same in a process that has a guardian. What a terminal sends to both of them does nothing here: the guardian
    /// passes it on as SIGTERM, and so it counts once.
    pub fn on_signals_of_guardian() -> io::Result<Self> {
        // Handlers that do nothing: to ignore a signal is inherited by workers. They stay when the stream is dropped.
        let _ = signal(SignalKind::interrupt())?;
        if has_terminal() {
            let _ = signal(SignalKind::hangup())?;
            Shutdown::listening(&[SignalKind::terminate()])
        } else {
            Shutdown::listening(&[SignalKind::terminate(), SignalKind::hangup()])
        }
    }

    fn listening(kinds: &[SignalKind]) -> io::Result<Self> {
        let shutdown = Shutdown::manual();
        for kind in kinds {
            let mut signals = signal(*kind)?;
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
        self.requests.send_modify(|requests| {
            requests.count = requests.count.saturating_add(1);
            requests.signal = signal;
        });
    }

    /// Asks to stop at once because the guardian is gone.
    pub fn unguarded(&self) {
        self.requests.send_modify(|requests| {
            requests.count = u32::MAX;
            requests.unguarded = true;
        });
    }

    /// The requests so far.
    pub fn so_far(&self) -> Requests {
        *self.requests.borrow()
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

/// Whether a terminal controls this process: then SIGHUP says that it is gone.
pub fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}
