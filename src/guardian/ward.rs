//! The gateway's side: whether it has a guardian, and what becomes of it without.
//!
//! Owns the watch over the parent process. What is done when it is lost is the gateway's.

use std::io;

use rustix::io::Errno;
use rustix::process::{getpid, set_child_subreaper};

use crate::shutdown::Shutdown;
use crate::worker;

/// The variable by which the guardian tells the gateway its process id. No worker gets it.
pub const VARIABLE: &str = "ASGIGRAM_GUARDIAN";

/// The guardian that started this process, if one did.
pub fn of_this_process() -> Option<u32> {
    std::env::var(VARIABLE).ok()?.parse().ok()
}

/// From now on `shutdown` is told when the guardian is gone; this process then adopts orphans in its place.
///
/// # Errors
/// The guardian lives but cannot be watched: no descriptors are left.
pub fn watch(guardian: u32, shutdown: Shutdown) -> io::Result<()> {
    let lost = move || {
        let _ = set_child_subreaper(Some(getpid()));
        shutdown.unguarded();
    };
    let pidfd = match worker::pidfd(guardian) {
        Ok(pidfd) => pidfd,
        Err(error) if Errno::from_io_error(&error) == Some(Errno::SRCH) => {
            lost();
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    // Asked only now: had it died before, the descriptor could be that of another with the same id.
    if !worker::is_parent(guardian) {
        lost();
        return Ok(());
    }
    let pidfd = worker::watch(pidfd)?;
    tokio::spawn(async move {
        let _ = pidfd.readable().await;
        lost();
    });
    Ok(())
}
