//! Where the journal is: which folder, and whether what lies there survives the machine.
//!
//! Owns that choice and the making of the folder. It reads no environment.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::OpenError;

/// The database in a journal's folder.
pub(super) const DATABASE: &str = "journal.db";

/// Where updates wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In memory: they survive the crash of a worker, not that of the gateway.
    Memory,
    /// In a folder of one bot: it holds `journal.db`, `lock` and `reserve`.
    Folder(PathBuf),
}

impl Place {
    /// What `--journal` says: `memory`, else a folder (made if it is not there). Without it, a folder for the bot among
    /// the user's state (XDG Base Directory Specification): `state_home` is XDG_STATE_HOME, `home` is HOME.
    pub fn choose(
        option: Option<&Path>,
        bot_id: i64,
        state_home: Option<OsString>,
        home: Option<OsString>,
    ) -> Result<Place, OpenError> {
        match option {
            Some(word) if word == Path::new("memory") => return Ok(Place::Memory),
            Some(folder) => return Ok(Place::Folder(folder.to_owned())),
            None => {}
        }
        Ok(Place::Folder(Place::above_bots(state_home, home)?.join(bot_id.to_string())))
    }

    /// The folder that holds those of the bots, among the user's state.
    pub fn above_bots(state_home: Option<OsString>, home: Option<OsString>) -> Result<PathBuf, OpenError> {
        let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute(state_home).or_else(|| absolute(home).map(|home| home.join(".local/state")));
        Ok(state.ok_or(OpenError::NoHome)?.join("asgigram"))
    }

    /// The bots that have a journal in `above`, by id. A folder that cannot be read has none.
    pub fn bots(above: &Path) -> Vec<i64> {
        let entries = fs::read_dir(above).into_iter().flatten().flatten();
        let named = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i64>().ok());
        let mut bots: Vec<i64> =
            named.filter(|bot| above.join(bot.to_string()).join(DATABASE).is_file()).collect();
        bots.sort_unstable();
        bots
    }
}

/// Makes the folder, for nobody but this user, unless it is there: then its mode is left alone.
pub(super) fn make(folder: &Path) -> Result<(), OpenError> {
    if folder.metadata().is_ok_and(|found| !found.is_dir()) {
        return Err(OpenError::NotAFolder { path: folder.to_owned() });
    }
    let missing = folder.ancestors().take_while(|above| !above.exists()).count();
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|cause| not_writable(folder, cause))?;
    // The names of new folders are on disk only when those that hold them are.
    for holder in folder.ancestors().skip(1).take(missing).filter(|holder| !holder.as_os_str().is_empty()) {
        let _ = File::open(holder).and_then(|holder| holder.sync_all());
    }
    Ok(())
}

pub(super) fn not_writable(folder: &Path, cause: io::Error) -> OpenError {
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            OpenError::NoRoom { folder: folder.to_owned() }
        }
        _ => OpenError::NotWritable { folder: folder.to_owned(), cause },
    }
}

/// Opens a file of the journal for reading and writing; makes it, for nobody but this user, if it is not there.
pub(super) fn own_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// What to say of the folder's file system, if it does not keep what is written to it as a disk does (statfs(2)).
pub(super) fn caveat(folder: &Path) -> Option<&'static str> {
    #[cfg(target_os = "linux")]
    {
        let kind = rustix::fs::statfs(folder).ok()?.f_type as u64;
        match kind & 0xffff_ffff {
            0x0102_1994 | 0x8584_58f6 => {
                Some("the journal's folder is in memory: it does not survive the machine")
            }
            0x794c_7630 => Some("the journal's folder is part of the container: it does not survive it"),
            0x6969 | 0x517b | 0xff53_4d42 | 0xfe53_4d42 => {
                Some("the journal's folder is on the network: locks and syncing are often broken there")
            }
            _ => None,
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(option: Option<&str>, state_home: Option<&str>, home: Option<&str>) -> Option<Place> {
        let (state_home, home) = (state_home.map(OsString::from), home.map(OsString::from));
        Place::choose(option.map(Path::new), 7, state_home, home).ok()
    }

    #[test]
    fn the_option_comes_first_then_the_state_then_the_home() {
        let folder = |path: &str| Some(Place::Folder(path.into()));
        assert_eq!(chosen(Some("memory"), Some("/s"), Some("/h")), Some(Place::Memory));
        assert_eq!(chosen(Some("there"), Some("/s"), Some("/h")), folder("there"));
        assert_eq!(chosen(None, Some("/s"), Some("/h")), folder("/s/asgigram/7"));
        assert_eq!(chosen(None, None, Some("/h")), folder("/h/.local/state/asgigram/7"));
        assert_eq!(chosen(None, Some("relative"), Some("/h")), folder("/h/.local/state/asgigram/7"));
        assert_eq!(chosen(None, Some(""), None), None);
    }

    #[test]
    fn a_new_folder_is_for_nobody_else_and_an_old_one_is_left_alone() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("a/b");
        make(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        make(&folder).unwrap();
        assert_eq!(mode(&folder), 0o755);
        fs::write(above.path().join("file"), "").unwrap();
        assert!(matches!(make(&above.path().join("file")), Err(OpenError::NotAFolder { .. })));
    }
}
