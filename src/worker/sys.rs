//! The calls of Linux that a worker needs: pipes of one page, what is unread in a pipe, process groups, pidfds, limits.
//!
//! Owns nothing; each function is one system call with its meaning in words. Everything else in `worker` is portable.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use tokio::io::unix::AsyncFd;

use rustix::process::{Pid, Resource, Rlimit, Signal};

/// Makes a pipe hold one page, so that it is writable only when all in it has been read (pipe(7), `F_SETPIPE_SZ`).
pub(super) fn shrink_pipe(fd: impl AsFd) -> io::Result<()> {
    rustix::pipe::fcntl_setpipe_size(fd, 4096)?;
    Ok(())
}

/// How many bytes in the pipe nobody has read (`FIONREAD`, also on its write end, also when the reader is gone).
pub(super) fn unread(fd: impl AsFd) -> io::Result<u64> {
    Ok(rustix::io::ioctl_fionread(fd)?)
}

/// One write to a non-blocking pipe.
pub(super) fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::io::write(fd, bytes)?)
}

/// One read from a non-blocking pipe; an error if nothing is there now.
pub(super) fn read(fd: impl AsFd, into: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::io::read(fd, into)?)
}

/// Makes reads and writes return instead of waiting.
pub(super) fn set_nonblocking(fd: impl AsFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    rustix::fs::fcntl_setfl(&fd, flags | rustix::fs::OFlags::NONBLOCK)?;
    Ok(())
}

/// A descriptor that becomes readable when the process ends, and does not reap it (pidfd_open(2)).
pub(crate) fn pidfd(pid: u32) -> io::Result<OwnedFd> {
    let pid = pid_of(pid)?;
    Ok(rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())?)
}

/// Asks a process group to end: TERM, and CONT for members that are stopped.
pub(super) fn terminate_group(pgid: u32) {
    if let Ok(pgid) = pid_of(pgid) {
        // A group that is already empty is what we want.
        let _ = rustix::process::kill_process_group(pgid, Signal::TERM);
        let _ = rustix::process::kill_process_group(pgid, Signal::CONT);
    }
}

/// Kills a process group. Its leader must not be reaped yet: the zombie keeps the id from being given to others.
pub(super) fn kill_group(pgid: u32) {
    if let Ok(pgid) = pid_of(pgid) {
        let _ = rustix::process::kill_process_group(pgid, Signal::KILL);
    }
}

/// Raises our limit of open files to the hard limit. Returns what it was, to be put back on workers, and what it is now.
/// `None` if there is no limit.
pub fn raise_open_file_limit() -> Option<(u64, u64)> {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let before = limit.current?;
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match rustix::process::setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum.map(|now| (before, now)),
        Err(_) => Some((before, before)),
    }
}

/// Puts the soft limit of open files of another process to `soft`, best effort: programs that use select(2) break when
/// it is high.
pub(super) fn lower_open_file_limit(pid: u32, soft: u64) {
    if let Ok(pid) = pid_of(pid) {
        let hard = rustix::process::getrlimit(Resource::Nofile).maximum;
        let limit = Rlimit { current: Some(soft), maximum: hard };
        let _ = rustix::process::prlimit(Some(pid), Resource::Nofile, limit);
    }
}

/// Has the runtime watch a descriptor.
#[expect(
    deprecated,
    reason = "an `OwnedFd` owns its descriptor, which is all that the unsafe successor asks for"
)]
pub(crate) fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(fd)
}

pub(super) fn pid_of(pid: u32) -> io::Result<Pid> {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
}
