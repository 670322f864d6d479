//! Workers: programs in real languages, given to the gateway as its command.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tempfile::TempDir;

use super::process;

/// A command for the gateway, with the folder that holds its files.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) command: Vec<String>,
    folder: Arc<TempDir>,
}

impl Worker {
    /// Its own folder, for what it leaves to the test.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The same with further arguments.
    pub(crate) fn arg(mut self, arg: impl Into<String>) -> Worker {
        self.command.push(arg.into());
        self
    }

    /// What it has recorded in the file of this name in its folder: whole lines, without their ends.
    pub(crate) fn recorded(&self, name: &str) -> Vec<String> {
        let bytes = fs::read(self.folder().join(name)).unwrap_or_default();
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |end| &bytes[..end]);
        String::from_utf8(whole.to_vec()).unwrap().split('\n').map(str::to_owned).collect::<Vec<_>>()
    }

    /// Waits until it has recorded `count` lines that contain `words`, and returns those.
    pub(crate) async fn records(&self, name: &str, words: &str, count: usize) -> Vec<String> {
        let with = || -> Vec<String> {
            self.recorded(name).into_iter().filter(|line| line.contains(words)).collect()
        };
        let found = process::eventually(|| Some(with()).filter(|lines| lines.len() >= count)).await;
        found.unwrap_or_else(|| {
            panic!(
                "only {} of {count} lines with `{words}` in {name}: {:#?}",
                with().len(),
                self.recorded(name)
            )
        })
    }
}

/// Any command, as it is.
pub(crate) fn command(words: &[&str]) -> Worker {
    Worker {
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        folder: Arc::new(tempfile::tempdir().unwrap()),
    }
}

/// A shell script.
pub(crate) fn sh(source: &str) -> Worker {
    script("sh", source)
}

/// A Python program.
pub(crate) fn python(source: &str) -> Worker {
    script(python3(), source)
}

/// A JavaScript program.
pub(crate) fn node(source: &str) -> Worker {
    script("node", source)
}

/// A program in a file of this project, run by `interpreter`.
pub(crate) fn file(interpreter: &str, path: &str) -> Worker {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    command(&[interpreter, path.to_str().unwrap()])
}

/// The worker of many modes, `tests/workers/worker.py`, in one of them. It records into its folder.
pub(crate) fn mode(mode: &str) -> Worker {
    let worker = file(python3(), "tests/workers/worker.py");
    let folder = worker.folder().to_str().unwrap().to_owned();
    worker.arg(folder).arg(mode)
}

/// The source in a file of the worker's folder, run by `interpreter`.
pub(crate) fn script(interpreter: &str, source: &str) -> Worker {
    let worker = command(&[interpreter]);
    let path = worker.folder().join("program");
    fs::write(&path, source).unwrap();
    worker.arg(path.to_str().unwrap())
}

/// The Python that `python3` means, without the wrappers that some machines put before it: they take long to start.
pub(crate) fn python3() -> &'static str {
    static FOUND: OnceLock<String> = OnceLock::new();
    FOUND.get_or_init(|| {
        let output = process::command("python3").args(["-c", "import sys; print(sys.executable)"]).output();
        String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
    })
}
