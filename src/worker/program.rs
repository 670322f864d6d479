//! Finds the program of a command, once, before anything starts.
//!
//! Owns the search of PATH and its errors. It never runs anything.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// Why a command cannot be run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// Nothing of that name.
    #[error("cannot find the program `{0}`")]
    NotFound(String),
    /// It is there, but cannot be executed.
    #[error("cannot run `{0}`: it is not executable")]
    NotExecutable(String),
}

impl ProgramError {
    /// What a person can do about it.
    pub fn help(&self) -> String {
        match self {
            ProgramError::NotFound(name) if name.contains('/') => {
                "the path is taken from the current directory".into()
            }
            ProgramError::NotFound(name) => {
                format!("install it, or give its path (`./{name}` for a file in the current directory)")
            }
            ProgramError::NotExecutable(name) => {
                format!("`chmod +x {name}`, or name its interpreter: `-- python3 {name}`")
            }
        }
    }
}

/// The absolute path of `program`: as given if it has a `/`, else the first executable of that name in `path` (the
/// value of PATH). Absolute, so that starting it needs no search in a half-made child.
pub fn resolve(program: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, ProgramError> {
    let name = program.to_string_lossy().into_owned();
    if program.as_encoded_bytes().contains(&b'/') {
        let found = std::path::absolute(program).map_err(|_| ProgramError::NotFound(name.clone()))?;
        return match (found.is_file(), executable(&found)) {
            (true, true) => Ok(found),
            (true, false) => Err(ProgramError::NotExecutable(name)),
            (false, _) => Err(ProgramError::NotFound(name)),
        };
    }
    let directories = std::env::split_paths(path.unwrap_or(OsStr::new("/usr/local/bin:/usr/bin:/bin")));
    let mut found = Err(ProgramError::NotFound(name.clone()));
    if program.is_empty() {
        return found;
    }
    for candidate in directories.filter_map(|directory| std::path::absolute(directory.join(program)).ok()) {
        if candidate.is_file() {
            if executable(&candidate) {
                return Ok(candidate);
            }
            found = Err(ProgramError::NotExecutable(candidate.display().to_string()));
        }
    }
    found
}

fn executable(path: &Path) -> bool {
    access(path, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_like_a_shell_finds_them() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bot");
        std::fs::write(&file, "#!/bin/sh\n").unwrap();
        let path = directory.path().as_os_str();
        let not_executable = ProgramError::NotExecutable(file.display().to_string());
        assert_eq!(resolve("bot".as_ref(), Some(path)), Err(not_executable));
        assert_eq!(resolve("bat".as_ref(), Some(path)), Err(ProgramError::NotFound("bat".into())));
        assert_eq!(resolve("".as_ref(), Some(path)), Err(ProgramError::NotFound("".into())));
        let sh = resolve("sh".as_ref(), Some("/nonexistent:/bin".as_ref())).unwrap();
        assert_eq!(sh, Path::new("/bin/sh"));
        assert_eq!(resolve(sh.as_os_str(), None), Ok(sh));
        assert_eq!(resolve(path, None), Err(ProgramError::NotFound(path.to_string_lossy().into_owned())));
    }
}
