//! The lock of a journal's folder: one gateway at a time.
//!
//! Owns the file `lock`, in which the holder writes its pid. The lock belongs to the open file (flock(2)): whoever
//! shares the descriptor holds it too, and it is free when the last of them has ended. The file is never removed.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tokio::time::Instant;

use super::OpenError;
use super::place::{not_writable, own_file};

/// How long a newcomer waits for the holder, who is perhaps just stopping.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The lock, held.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock. If it is held: waits 5 s, or for ever if `wait`, and is then refused with the holder's pid.
    pub(super) async fn take(folder: &Path, wait: bool) -> Result<Self, OpenError> {
        Self::take_within(folder, (!wait).then_some(PATIENCE)).await
    }

    pub(super) async fn take_within(folder: &Path, patience: Option<Duration>) -> Result<Self, OpenError> {
        let mut file = own_file(&folder.join("lock")).map_err(|cause| not_writable(folder, cause))?;
        let deadline = patience.map(|patience| Instant::now() + patience);
        let mut said = false;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK | Errno::INTR) => {}
                Err(error) => return Err(not_writable(folder, error.into())),
            }
            let pid = holder(&mut file);
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(OpenError::Held { folder: folder.to_owned(), pid });
            }
            if !std::mem::replace(&mut said, true) {
                tracing::info!(folder = %folder.display(), holder = pid, "waiting for the gateway that has the journal");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        // Words for people. Without them the lock is as good.
        let _ = sign(&mut file);
        Ok(Lock { file })
    }
}

/// For whoever is to hold the lock too. It is closed in programs that are started.
impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time_and_the_next_waits_for_the_descriptor() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path(), false).await.unwrap();
        let second = Lock::take_within(folder.path(), Some(Duration::ZERO)).await;
        let held = second.unwrap_err();
        assert!(matches!(held, OpenError::Held { pid, .. } if pid == Some(std::process::id())), "{held}");
        // Another descriptor of the same open file keeps it.
        let shared = lock.as_fd().try_clone_to_owned().unwrap();
        drop(lock);
        assert!(Lock::take_within(folder.path(), Some(Duration::ZERO)).await.is_err());
        let path = folder.path().to_owned();
        let waiting = tokio::spawn(async move { Lock::take(&path, true).await });
        drop(shared);
        waiting.await.unwrap().unwrap();
    }
}
