//! The house rules that a machine can keep: over all files, not over what they do.
//!
//! Each rule is a function from texts to offences, so that samples can show that it catches what it is for. All
//! offences are reported at once, as `path:line: what`.

mod code;
mod floors;
mod forms;
mod papers;

use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What is made and not kept.
const NOT_OURS: [&str; 5] = [".git", "target", "__pycache__", "node_modules", ".venv"];

/// A file of the repository.
struct File {
    /// From the root, with `/`.
    path: String,
    text: String,
    bytes: usize,
}

impl File {
    fn is(&self, extensions: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
    }
}

/// All files of the repository; what is not text is empty.
fn files() -> Vec<File> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(ROOT).to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the repository can be read") {
            let path = entry.expect("the repository can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if NOT_OURS.contains(&name.as_ref()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap_or_default();
            let path =
                path.strip_prefix(ROOT).expect("it was found below the root").to_string_lossy().into_owned();
            files.push(File { path, bytes: bytes.len(), text: String::from_utf8(bytes).unwrap_or_default() });
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(files.iter().any(|file| file.path == "src/main.rs"), "this is not our repository");
    files
}

fn report(offences: impl IntoIterator<Item = String>) {
    let offences: Vec<String> = offences.into_iter().collect();
    assert!(offences.is_empty(), "{} offences:\n{}\n", offences.len(), offences.join("\n"));
}

#[test]
fn files_have_the_form_of_the_house() {
    report(files().iter().flat_map(forms::offences));
}

#[test]
fn modules_import_only_from_floors_below() {
    report(files().iter().flat_map(|file| floors::offences(&file.path, &file.text)));
}

#[test]
fn the_readme_has_every_option_of_the_help_and_no_other() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap_or_default();
    let helps =
        [vec!["--help"], vec!["sim", "--help"], vec!["dev", "--help"], vec!["dead", "retry", "--help"]]
            .map(papers::help);
    report(papers::readme_offences(&readme, &helps));
}

#[test]
fn the_changelog_tells_of_this_version() {
    let changelog = fs::read_to_string(Path::new(ROOT).join("CHANGELOG.md")).unwrap_or_default();
    report(papers::changelog_offence(&changelog, env!("CARGO_PKG_VERSION")));
}
