//! Scripts: a conversation as JSON lines, read whole and checked before anything starts.
//!
//! Owns the format (see [`super`]) and its faults. It plays nothing.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::matching::{self, Wanted};

/// The largest script, in bytes.
const MAX_SCRIPT: u64 = 16 << 20;

/// A script that can be played.
#[derive(Debug)]
pub struct Script {
    /// What it is called in messages: the path as given, `stdin` for `-`.
    pub name: String,
    /// Its steps.
    pub(super) steps: Vec<Step>,
}

/// A line of a script.
#[derive(Debug, PartialEq)]
pub(super) struct Step {
    /// The number of the line, from 1.
    pub(super) line: usize,
    /// What is to be done.
    pub(super) action: Action,
    /// Who acts, or in whose private chat something is expected.
    pub(super) user: Option<String>,
    /// The title of a group.
    pub(super) chat: Option<String>,
    /// How long it may take.
    pub(super) within: Option<Duration>,
}

/// What a step does.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    Says(String),
    Presses(String),
    Edits(String),
    /// A raw update, byte for byte.
    Update(String),
    Expect(Wanted),
    ExpectNothing,
}

/// A line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "expected a JSON object")]
struct Line {
    user: Option<String>,
    chat: Option<String>,
    says: Option<String>,
    presses: Option<String>,
    edits: Option<String>,
    update: Option<Box<RawValue>>,
    expect: Option<Value>,
    expect_nothing: Option<bool>,
    within: Option<String>,
}

/// Reads the script at `path`; `-` is stdin.
///
/// # Errors
/// A message for each fault, with `file:line`.
pub fn load(path: &Path) -> Result<Script, Vec<String>> {
    let from_stdin = path.as_os_str() == "-";
    let name = if from_stdin { "stdin".to_owned() } else { path.display().to_string() };
    let unreadable = |error: std::io::Error| vec![format!("cannot read the script `{name}`: {error}")];
    let reader: Box<dyn Read> = match from_stdin {
        true => Box::new(std::io::stdin()),
        false => Box::new(std::fs::File::open(path).map_err(unreadable)?),
    };
    let mut text = String::new();
    let length = reader.take(MAX_SCRIPT + 1).read_to_string(&mut text).map_err(unreadable)?;
    if length as u64 > MAX_SCRIPT {
        return Err(vec![format!("the script `{name}` is longer than 16 MiB")]);
    }
    parse(&name, &text)
}

/// Parses a script.
///
/// # Errors
/// A message for each bad line.
pub(super) fn parse(name: &str, text: &str) -> Result<Script, Vec<String>> {
    let mut steps = Vec::new();
    let mut faults = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim().trim_start_matches('\u{feff}');
        if line.is_empty() || line.starts_with("//") || line.starts_with('#') {
            continue;
        }
        match step(index + 1, line) {
            Ok(step) => steps.push(step),
            Err(fault) => faults.push(format!("{name}:{}: {fault}", index + 1)),
        }
    }
    if steps.is_empty() && faults.is_empty() {
        faults.push(format!("the script `{name}` has no steps"));
    }
    if faults.is_empty() { Ok(Script { name: name.to_owned(), steps }) } else { Err(faults) }
}

fn step(number: usize, line: &str) -> Result<Step, String> {
    let line: Line = serde_json::from_str(line).map_err(|error| {
        let said = error.to_string();
        let what = said.rfind(" at line ").map_or(said.as_str(), |at| &said[..at]);
        let kind = if error.is_data() { "" } else { "not JSON: " };
        format!("{kind}{what} (column {})", error.column())
    })?;
    let mut actions = Vec::new();
    actions.extend(line.says.map(|text| spoken("says", text, Action::Says)));
    actions.extend(line.presses.map(|label| spoken("presses", label, Action::Presses)));
    actions.extend(line.edits.map(|text| spoken("edits", text, Action::Edits)));
    actions.extend(line.update.map(|update| raw(&update)));
    actions.extend(line.expect.map(|wanted| Wanted::new(wanted).map(Action::Expect)));
    actions.extend(line.expect_nothing.map(|nothing| match nothing {
        true => Ok(Action::ExpectNothing),
        false => Err("`expect_nothing` is `true` or left out".to_owned()),
    }));
    let many = actions.len();
    let action = match actions.pop() {
        Some(action) if many == 1 => action?,
        _ => {
            return Err(
                "a step has one of `says`, `presses`, `edits`, `update`, `expect`, `expect_nothing`".into()
            );
        }
    };
    let waits = matches!(action, Action::Presses(_) | Action::Expect(_) | Action::ExpectNothing);
    let within = match line.within {
        Some(_) if !waits => return Err("`within` goes with `expect`, `expect_nothing` or `presses`".into()),
        Some(text) => {
            Some(humantime::parse_duration(&text).map_err(|_| {
                format!("`{text}` is no duration for `within`: write one like `2s` or `500ms`")
            })?)
        }
        None => None,
    };
    for (key, name) in [("user", &line.user), ("chat", &line.chat)] {
        if name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            return Err(format!("`{key}` is empty"));
        }
    }
    Ok(Step { line: number, action, user: line.user, chat: line.chat, within })
}

fn spoken(key: &str, text: String, action: fn(String) -> Action) -> Result<Action, String> {
    if text.trim().is_empty() { Err(format!("`{key}` is empty")) } else { Ok(action(text)) }
}

fn raw(update: &RawValue) -> Result<Action, String> {
    if update.get().starts_with('{') {
        Ok(Action::Update(update.get().to_owned()))
    } else {
        Err("`update` is an object: an Update of the Bot API, with or without `update_id`".into())
    }
}

impl Step {
    /// The step in words, for the progress.
    pub(super) fn words(&self, user: &str) -> String {
        let place = self.chat.as_ref().map(|title| format!(" in {title}")).unwrap_or_default();
        let whose = match (&self.chat, &self.user) {
            (None, Some(user)) => format!(" for {user}"),
            _ => place.clone(),
        };
        let quoted = |text: &str| matching::shown(&Value::from(text));
        match &self.action {
            Action::Says(text) => format!("{user}{place} says {}", quoted(text)),
            Action::Presses(label) => format!("{user}{place} presses {}", quoted(label)),
            Action::Edits(text) => format!("{user}{place} edits: {}", quoted(text)),
            Action::Update(update) => format!("update {}", matching::cut(update, 60)),
            Action::Expect(wanted) => format!("expected{whose}: {}", matching::cut(&wanted.to_string(), 100)),
            Action::ExpectNothing => format!("expected{whose}: nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        parse("a.jsonl", text).map(|_| ()).unwrap_err()
    }

    #[test]
    fn a_conversation_is_read() {
        let script = parse(
            "a.jsonl",
            "// hello\n# this too\n\n{\"user\":\"ann\",\"says\":\"hi\",\"chat\":\"team\"}\r\n{\"expect\":\"hi\",\"within\":\"2s\"}\n\
             {\"presses\":\"Yes\"}\n{\"update\":{\"b\":1,  \"a\":2}}\n{\"expect_nothing\":true}",
        )
        .unwrap();
        let lines: Vec<usize> = script.steps.iter().map(|step| step.line).collect();
        assert_eq!(lines, [4, 5, 6, 7, 8]);
        assert_eq!(script.steps[0].chat.as_deref(), Some("team"));
        assert_eq!(script.steps[0].words("ann"), "ann in team says \"hi\"");
        assert_eq!(script.steps[1].within, Some(Duration::from_secs(2)));
        assert_eq!(script.steps[3].action, Action::Update("{\"b\":1,  \"a\":2}".into()));
        assert_eq!(script.steps[4].words("ann"), "expected: nothing");
    }

    #[test]
    fn every_bad_line_is_reported_with_its_number() {
        let faults = faults(
            "{\"user\":\"ann\"}\n{\"says\":\"hi\"}\nhello\n{\"sayz\":1}\n{\"says\":\"a\",\"edits\":\"b\"}\n{\"says\":\" \"}\n\
             {\"expect\":5}\n{\"expect\":\"a\",\"within\":\"2\"}\n{\"says\":\"a\",\"within\":\"2s\"}\n{\"update\":[]}\n\
             {\"expect_nothing\":false}\n{\"expect\":{\"kind\":\"massage\"}}\n{\"user\":\"\",\"says\":\"x\"}",
        );
        let numbers: Vec<&str> = faults.iter().map(|fault| fault.split(':').nth(1).unwrap()).collect();
        assert_eq!(numbers, ["1", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13"], "{faults:#?}");
        assert!(faults[0].contains("one of `says`"), "{}", faults[0]);
        assert!(
            faults[2].contains("unknown field `sayz`") && faults[2].contains("(column 7)"),
            "{}",
            faults[2]
        );
        assert!(!faults[2].contains("at line"), "{}", faults[2]);
        assert_eq!(faults[1], "a.jsonl:3: not JSON: expected value (column 1)");
    }

    #[test]
    fn a_script_without_steps_checks_nothing() {
        assert_eq!(faults("// soon\n"), ["the script `a.jsonl` has no steps"]);
    }
}
