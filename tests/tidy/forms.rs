//! What holds for a single file: its opening, its length, its size, and words that have no place in it.

use super::File;
use super::code::Source;

const MOST_LINES: usize = 400;
const MOST_BYTES: usize = 300_000;
/// Work that is not done; spelt in two halves, for this file is looked at too.
const UNDONE: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];
/// Ways to leave something out or to look for a bug, as tokens.
const LEFTOVERS: [&[&str]; 4] =
    [&["todo", "!"], &["unimplemented", "!"], &["dbg", "!"], &["#", "[", "ignore"]];
/// A test waits for a fact, with a deadline: a pause is too short on one machine and too long on the other.
const PAUSES: [&str; 3] = ["sleep", "sleep_until", "sleep_ms"];
/// Where a test may pause between two looks, and why nothing else will do.
const MAY_PAUSE: [(&str, &str); 2] = [
    ("tests/story/support/process.rs", "nobody sends news of /proc: it looks again, until a deadline"),
    ("tests/guardian/support.rs", "nobody sends news of /proc: it looks again, until a deadline"),
];

/// What is wrong with the form of a file.
pub(crate) fn offences(file: &File) -> Vec<String> {
    let path = &file.path;
    let mut offences = Vec::new();
    if file.bytes > MOST_BYTES && path != "Cargo.lock" {
        offences.push(format!("{path}:1: {} bytes; at most {MOST_BYTES}", file.bytes));
    }
    let lines = file.text.lines().count();
    if file.is(&["rs", "py"]) && lines > MOST_LINES {
        offences.push(format!("{path}:{lines}: {lines} lines; at most {MOST_LINES}: find the parts in it"));
    }
    if file.is(&["rs"]) {
        offences.extend(offences_of_rust(path, &file.text));
    } else if file.is(&["py", "sh", "js", "toml", "yml"]) {
        for (number, line) in file.text.lines().enumerate() {
            offences.extend(undone(path, number + 1, line));
        }
    }
    offences
}

fn offences_of_rust(path: &str, text: &str) -> Vec<String> {
    let mut offences = Vec::new();
    if !text.starts_with("//! ") {
        offences.push(format!("{path}:1: does not open with `//!` and what the file is for"));
    }
    let source = Source::new(text);
    for comment in &source.comments {
        offences.extend(undone(path, comment.line, comment.text));
    }
    for leftover in LEFTOVERS {
        let lines = source.lines_of(leftover).into_iter();
        offences.extend(lines.map(|line| format!("{path}:{line}: `{}`", leftover.concat())));
    }
    if path.starts_with("tests/") && !MAY_PAUSE.iter().any(|(allowed, _)| *allowed == path) {
        let pauses = source.tokens.iter().filter(|token| PAUSES.contains(&token.text));
        offences.extend(pauses.map(|token| {
            format!("{path}:{}: `{}` in a test: wait for a fact, with a deadline", token.line, token.text)
        }));
    }
    offences
}

fn undone(path: &str, line: usize, text: &str) -> Option<String> {
    let word = UNDONE.into_iter().find(|word| text.contains(word))?;
    Some(format!("{path}:{line}: `{word}`: do it, or open an issue"))
}

#[test]
fn offenders_are_caught() {
    let [later, broken] = UNDONE;
    let long = format!("//! x\n{}", "\n".repeat(MOST_LINES));
    for (path, text, offence) in [
        ("src/a.rs", "use x;\n//! late", Some(":1: does not open")),
        ("src/a.rs", &long, Some(":401: 401 lines")),
        ("a.py", &long, Some(":401: 401 lines")),
        ("src/a.rs", "//! x\n\nfn f() { todo!() }", Some(":3: `todo!`")),
        ("src/a.rs", "//! x\nfn f() { unimplemented ! () }", Some(":2: `unimplemented!`")),
        ("tests/a.rs", "//! x\nfn f() { dbg!(1) }", Some(":2: `dbg!`")),
        ("src/a.rs", "//! x\n#[test]\n#[ignore = \"slow\"]\nfn f() {}", Some(":3: `#[ignore`")),
        ("tests/a.rs", "//! x\nuse tokio::time::{self, sleep};", Some(":2: `sleep` in a test")),
        ("tests/a.rs", "//! x\nfn f() { std::thread::sleep(y) }", Some(":2: `sleep` in a test")),
        (MAY_PAUSE[0].0, "//! x\nfn f() { time::sleep(y) }", None),
        ("src/a.rs", &format!("//! x\n// {later}: more"), Some(&format!(":2: `{later}`"))),
        ("a.sh", &format!("#!/bin/sh\n# {broken}"), Some(&format!(":2: `{broken}`"))),
        ("src/a.rs", "//! x\nfn f() { time::sleep(y); let s = \"todo!() #[ignore] dbg!\"; }", None),
        ("tests/a.rs", "//! No sleep, no todo!\nfn ignore(sleeper: X) {}", None),
        ("a.md", &format!("{later} {long}"), None),
    ] {
        let file = File { path: path.to_owned(), text: text.to_owned(), bytes: text.len() };
        let found = offences(&file);
        match offence {
            None => assert!(found.is_empty(), "{found:?}"),
            Some(part) => {
                assert!(
                    found.len() == 1 && found[0].starts_with(&format!("{path}{part}")),
                    "{part}: {found:?}"
                );
            }
        }
    }
    let size = |path: &str| {
        offences(&File { path: path.to_owned(), text: String::new(), bytes: MOST_BYTES + 1 }).len()
    };
    assert_eq!((size("cat.png"), size("Cargo.lock")), (1, 0));
}
