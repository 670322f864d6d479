//! What the router sees of a live scope, and what it tells it.
//!
//! Owns the few shared words between a scope's loop and the router. They are hints and orders, never the state itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// What the router wants of a scope. It only ever gets more urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// Deliver.
    Serve,
    /// Deliver nothing new, and end when nothing is in flight.
    Drain,
    /// End the worker, for this reason.
    End(Reason),
    /// Kill the worker.
    Kill,
}

/// Why a worker is ended (protocol.md, `telegram.disconnect`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It had nothing to do for long.
    Idle,
    /// Another scope needs its place.
    Evicted,
    /// It read an update and got no further.
    Timeout,
    /// The gateway stops.
    Shutdown,
}

impl Reason {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Idle => "idle",
            Reason::Evicted => "evicted",
            Reason::Timeout => "timeout",
            Reason::Shutdown => "shutdown",
        }
    }
}

/// Whether a worker can be done without, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing is owed to it.
    Idle = 0,
    /// Nothing is in flight; what is owed has to wait anyhow.
    Waiting = 1,
    /// It never acknowledges and has read all: it is perhaps done, and its end will tell.
    HasReadAll = 2,
    /// It is at work, or about to end.
    Busy = 3,
}

/// Where scopes ring for the router.
#[derive(Debug, Default)]
pub struct Bell {
    /// Somebody waits for a place: scopes then ring when they can be done without.
    pressed: AtomicBool,
    rung: Notify,
}

impl Bell {
    /// Says whether somebody waits for a place.
    pub fn press(&self, pressed: bool) {
        self.pressed.store(pressed, Ordering::Relaxed);
    }

    /// Waits until a scope rings. One ring is kept for a router that is not waiting.
    pub async fn rung(&self) {
        self.rung.notified().await;
    }

    pub(super) fn ring(&self) {
        self.rung.notify_one();
    }
}

/// A live scope, shared between its loop and the router.
#[derive(Debug)]
pub struct Live {
    bell: Arc<Bell>,
    wake: Notify,
    order: watch::Sender<Order>,
    standing: AtomicU8,
    /// Milliseconds between the birth of the scope and its last line either way.
    last_line: AtomicU64,
    born: Instant,
}

impl Live {
    /// A scope that begins now.
    pub fn new(bell: Arc<Bell>) -> Self {
        Live {
            bell,
            wake: Notify::new(),
            order: watch::Sender::new(Order::Serve),
            standing: AtomicU8::new(Standing::Busy as u8),
            last_line: AtomicU64::new(0),
            born: Instant::now(),
        }
    }

    /// The journal has more for this scope.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Gives an order, unless a more urgent one was given.
    pub fn order(&self, order: Order) {
        self.order.send_if_modified(|now| {
            let more_urgent = order > *now;
            *now = order.max(*now);
            more_urgent
        });
    }

    /// Whether the worker can be done without.
    pub fn standing(&self) -> Standing {
        if *self.order.borrow() > Order::Drain {
            return Standing::Busy;
        }
        match self.standing.load(Ordering::Relaxed) {
            0 => Standing::Idle,
            1 => Standing::Waiting,
            2 => Standing::HasReadAll,
            _ => Standing::Busy,
        }
    }

    /// Whether it was told to make place for another.
    pub fn was_evicted(&self) -> bool {
        *self.order.borrow() == Order::End(Reason::Evicted)
    }

    /// When a line last went either way.
    pub fn last_line(&self) -> Instant {
        self.born + std::time::Duration::from_millis(self.last_line.load(Ordering::Relaxed))
    }

    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    pub(super) fn orders(&self) -> watch::Receiver<Order> {
        self.order.subscribe()
    }

    pub(super) fn line_went(&self) {
        self.last_line.store(self.born.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Notes whether the worker can be done without, and rings if that has become easier and somebody waits for a place.
    pub(super) fn stands(&self, standing: Standing) {
        let before = self.standing.swap(standing as u8, Ordering::Relaxed);
        if before > standing as u8 && self.bell.pressed.load(Ordering::Relaxed) {
            self.bell.ring();
        }
    }

    /// Has the router look again.
    pub(super) fn ring(&self) {
        self.bell.ring();
    }
}
