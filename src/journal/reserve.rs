//! Room on the disk that is kept for the worst hour: when the disk is full, what is owed can still be settled.
//!
//! Owns the file `reserve`. It is given up as a whole and taken back as a whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::place::own_file;

/// Enough for the log of the database to be written out and begun anew, again and again.
const BYTES: u64 = 8 << 20;

#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    held: bool,
}

impl Reserve {
    /// Takes the reserve, or goes without it on a full disk.
    pub(super) fn new(folder: &Path) -> Self {
        let mut reserve = Reserve { path: folder.join("reserve"), held: false };
        reserve.take();
        reserve
    }

    /// Whether the room is kept, if need be taken back now.
    pub(super) fn take(&mut self) -> bool {
        if !self.held {
            self.held = allocate(&self.path).is_ok();
            if !self.held {
                let _ = fs::remove_file(&self.path);
            }
        }
        self.held
    }

    /// Gives the room away. Returns whether there was any.
    pub(super) fn give_up(&mut self) -> bool {
        let _ = fs::remove_file(&self.path);
        std::mem::take(&mut self.held)
    }

    /// Whether it is the disk that has no room, by writing to it.
    pub(super) fn disk_is_full(&self) -> bool {
        let probe = self.path.with_file_name("probe");
        let written = File::create(&probe).and_then(|mut file| file.write_all(&[0; 1 << 16]));
        let _ = fs::remove_file(&probe);
        written.is_err_and(|error| {
            use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
            matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
        })
    }
}

/// Allocates blocks for the whole file; where the file system has no call for that, by writing.
fn allocate(path: &Path) -> io::Result<()> {
    let mut file = own_file(path)?;
    #[cfg(target_os = "linux")]
    match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, BYTES) {
        Ok(()) => return Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
        Err(error) => return Err(error.into()),
    }
    let zeros = vec![0; 1 << 20];
    for _ in 0..BYTES >> 20 {
        file.write_all(&zeros)?;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn the_room_is_really_taken_and_really_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let mut reserve = Reserve::new(folder.path());
        let path = folder.path().join("reserve");
        assert!(fs::metadata(&path).unwrap().blocks() * 512 >= BYTES);
        assert!(reserve.give_up() && !path.exists());
        assert!(!reserve.give_up());
        assert!(reserve.take() && path.exists());
        assert!(!reserve.disk_is_full());
    }
}
