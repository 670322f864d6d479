//! The signals that the guardian gets, as something one thread can wait for together with the gateway's end.
//!
//! Owns the handlers (signal-hook: they write to a pipe, which is all that a handler may safely do, and unlike a blocked
//! mask they are not inherited by the gateway, nor through it by workers; tokio stands on the same registry). It sends
//! nothing.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::Signal;
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

use crate::shutdown;

/// The handlers. Equal signals that come faster than they are taken count once, as in the system itself.
pub(super) struct Signals {
    delivery: SignalDelivery<UnixStream, SignalOnly>,
    /// What is passed on, and as what.
    table: Vec<(Signal, Signal)>,
}

impl Signals {
    /// From now on signals are kept for [`wait`](Self::wait).
    pub(super) fn open() -> io::Result<Signals> {
        // Those that a terminal sends reach the gateway as well, which has to be deaf to them: they come from here alone,
        // as another signal, so that each counts once.
        let hangup = if shutdown::has_terminal() { Signal::TERM } else { Signal::HUP };
        let table = vec![
            (Signal::TERM, Signal::TERM),
            (Signal::INT, Signal::TERM),
            (Signal::HUP, hangup),
            // Ends the gateway with no further ado, and this process shall not go before it.
            (Signal::QUIT, Signal::QUIT),
        ];
        let (read, write) = UnixStream::pair()?;
        let numbers = table.iter().map(|(signal, _)| signal.as_raw()).chain([Signal::CHILD.as_raw()]);
        let delivery = SignalDelivery::with_pipe(read, write, SignalOnly, numbers)?;
        Ok(Signals { delivery, table })
    }

    /// Waits for a signal, also that of a child's end, or for `end` to become readable. Returns what is to be passed on,
    /// and as what.
    pub(super) fn wait(&mut self, end: &OwnedFd) -> Vec<(Signal, Signal)> {
        let mut ready =
            [PollFd::new(self.delivery.get_read(), PollFlags::IN), PollFd::new(end, PollFlags::IN)];
        // Interrupted by a signal: that is what is waited for.
        let _ = poll(&mut ready, None);
        let came: Vec<i32> = self.delivery.pending().collect();
        self.table.iter().filter(|(signal, _)| came.contains(&signal.as_raw())).copied().collect()
    }
}
