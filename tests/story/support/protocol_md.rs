//! Reads the fenced examples of `protocol.md`, so that tests can run what the text shows.
//!
//! Owns the convention described there under "Conformance": which tags a fence may have and what a step of a transcript
//! is; below it, when a line that was seen matches a line that is shown, and what a requirement looks like. It starts
//! nothing and knows nothing of the gateway's own types: the text is the reference and the program is what is tested.
//! Whatever breaks the convention is a [`Fault`] with its line, so no example is ever passed over in silence.

pub(crate) mod matching;
pub(crate) mod requirements;
pub(crate) mod step;

use std::fmt;

use serde_json::Value;

use step::{Step, step};

/// One fenced example. Line numbers are those of the document, counted from 1.
#[derive(Debug, PartialEq)]
pub(crate) enum Example {
    /// Lines that the gateway writes.
    GatewayLines(Vec<Line>),
    /// Lines that a worker writes.
    WorkerLines(Vec<Line>),
    /// Steps of one scope, in order.
    Transcript(Vec<Step>),
    /// A whole worker.
    Program(Program),
}

/// A line of JSON: as the text has it, and as it is understood.
#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) value: Value,
}

/// A whole worker and what it does.
#[derive(Debug, PartialEq)]
pub(crate) struct Program {
    pub(crate) line: usize,
    pub(crate) language: Language,
    /// The source with its first line, the `expects:` comment.
    pub(crate) source: String,
    pub(crate) expects: Expects,
}

/// The languages of programs, by the tag of their fence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Language {
    Sh,
    Bash,
    Perl,
    Python,
    JavaScript,
}

impl Language {
    /// The program that runs a source file given as its only argument.
    pub(crate) fn interpreter(self) -> &'static str {
        match self {
            Language::Sh => "sh",
            Language::Bash => "bash",
            Language::Perl => "perl",
            Language::Python => "python3",
            Language::JavaScript => "node",
        }
    }
}

/// `expects: SAID → ANSWERED`: a user says the first text, the bot sends the second.
#[derive(Debug, PartialEq)]
pub(crate) struct Expects {
    pub(crate) said: String,
    pub(crate) answered: String,
}

/// What in the document breaks the convention, and where.
#[derive(Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "protocol.md:{}: {}", self.line, self.message)
    }
}

impl std::error::Error for Fault {}

fn fault<T>(line: usize, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { line, message: message.into() })
}

/// All examples of the document, in order. `text` fences are pictures and left out; any other tag that the convention
/// does not name is a fault.
pub(crate) fn examples(document: &str) -> Result<Vec<Example>, Fault> {
    let mut found = Vec::new();
    for block in blocks(document)? {
        let language = match block.tag {
            "text" => continue,
            "jsonl gateway" => {
                found.push(Example::GatewayLines(lines(&block)?));
                continue;
            }
            "jsonl worker" => {
                found.push(Example::WorkerLines(lines(&block)?));
                continue;
            }
            "transcript" => {
                let steps: Result<_, _> = block.body.iter().map(|(line, text)| step(*line, text)).collect();
                found.push(Example::Transcript(steps?));
                continue;
            }
            "sh" => Language::Sh,
            "bash" => Language::Bash,
            "perl" => Language::Perl,
            "python" => Language::Python,
            "js" => Language::JavaScript,
            tag => return fault(block.line, format!("a fence may not have the tag `{tag}`")),
        };
        found.push(Example::Program(program(&block, language)?));
    }
    Ok(found)
}

struct Block<'a> {
    line: usize,
    tag: &'a str,
    body: Vec<(usize, &'a str)>,
}

fn blocks(document: &str) -> Result<Vec<Block<'_>>, Fault> {
    let mut found = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (line, text) in (1..).zip(document.lines()) {
        match (text.strip_prefix("```"), open.take()) {
            (Some(""), Some(block)) => found.push(block),
            (Some(tag), None) => open = Some(Block { line, tag, body: Vec::new() }),
            (Some(_), Some(block)) => {
                return fault(line, format!("the fence of line {} is still open", block.line));
            }
            (None, Some(mut block)) => {
                block.body.push((line, text));
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    match open {
        Some(block) => fault(block.line, "this fence is never closed"),
        None => Ok(found),
    }
}

fn lines(block: &Block<'_>) -> Result<Vec<Line>, Fault> {
    block.body.iter().map(|(line, text)| json(*line, text)).collect()
}

fn json(line: usize, text: &str) -> Result<Line, Fault> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() => Ok(Line { line, text: text.to_owned(), value }),
        Ok(_) => fault(line, "not a JSON object"),
        Err(error) => fault(line, format!("not JSON: {error}")),
    }
}

fn program(block: &Block<'_>, language: Language) -> Result<Program, Fault> {
    let first = block.body.first().map_or("", |(_, text)| *text);
    let comment = first.strip_prefix("# ").or(first.strip_prefix("// "));
    let Some((said, answered)) = comment
        .and_then(|comment| comment.strip_prefix("expects: "))
        .and_then(|expected| expected.split_once(" → "))
    else {
        return fault(block.line + 1, "a program begins with the comment `expects: SAID → ANSWERED`");
    };
    Ok(Program {
        line: block.line,
        language,
        source: block.body.iter().map(|(_, text)| format!("{text}\n")).collect(),
        expects: Expects { said: said.to_owned(), answered: answered.to_owned() },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::requirements::requirements;
    use super::*;

    #[test]
    fn lines_of_both_sides_are_read_with_their_place() {
        let document = "# A\n\n```jsonl gateway\n{\"a\":1}\n{\"b\": 2}\n```\n```jsonl worker\n{}\n```\n";
        let line = |line, text: &str, value| Line { line, text: text.to_owned(), value };
        let gateway = vec![line(4, "{\"a\":1}", json!({"a":1})), line(5, "{\"b\": 2}", json!({"b":2}))];
        let worker = vec![line(8, "{}", json!({}))];
        assert_eq!(
            examples(document),
            Ok(vec![Example::GatewayLines(gateway), Example::WorkerLines(worker)])
        );
    }

    #[test]
    fn a_program_names_its_language_and_what_it_does() {
        let document = "```js\n// expects: hi there → HI\ncode();\n```\n";
        let program = Program {
            line: 1,
            language: Language::JavaScript,
            source: "// expects: hi there → HI\ncode();\n".to_owned(),
            expects: Expects { said: "hi there".to_owned(), answered: "HI".to_owned() },
        };
        assert_eq!(program.language.interpreter(), "node");
        assert_eq!(examples(document), Ok(vec![Example::Program(program)]));
        for (tag, interpreter) in [("sh", "sh"), ("bash", "bash"), ("perl", "perl"), ("python", "python3")] {
            let found = examples(&format!("```{tag}\n# expects: a → b\n```\n"));
            assert!(
                matches!(&found.as_deref(), Ok([Example::Program(p)]) if p.language.interpreter() == interpreter),
                "{tag}: {found:?}"
            );
        }
    }

    #[test]
    fn pictures_are_left_out() {
        assert_eq!(examples("```text\n{ not json\n```\n"), Ok(vec![]));
    }

    #[test]
    fn what_breaks_the_convention_is_named_with_its_line() {
        for (document, expected) in [
            ("\n```\n```\n", "protocol.md:2: a fence may not have the tag ``"),
            ("```json\n{}\n```\n", "protocol.md:1: a fence may not have the tag `json`"),
            ("\n```text\n", "protocol.md:2: this fence is never closed"),
            ("```text\n```text\n", "protocol.md:2: the fence of line 1 is still open"),
            ("```jsonl worker\n[]\n```\n", "protocol.md:2: not a JSON object"),
            ("```transcript\nG: {\n```\n", "protocol.md:2: not JSON: "),
            ("```transcript\nX: {}\n```\n", "protocol.md:2: a step begins with "),
            ("```transcript\nT: {}\n```\n", "protocol.md:2: a `T:` step is "),
            ("```transcript\n! it rains\n```\n", "protocol.md:2: `it rains` is nothing that can happen"),
            (
                "```transcript\n! the worker exits with x\n```\n",
                "protocol.md:2: `the worker exits with x` is ",
            ),
            ("```sh\necho\n```\n", "protocol.md:2: a program begins with the comment "),
        ] {
            let fault = examples(document).unwrap_err().to_string();
            assert!(fault.starts_with(expected), "{document:?} gave {fault}");
        }
    }

    #[test]
    fn the_document_itself_keeps_the_convention() {
        let document = include_str!("../../../protocol.md");
        let found = examples(document).unwrap();
        let count = |wanted: fn(&Example) -> bool| found.iter().filter(|example| wanted(example)).count();
        assert!(count(|example| matches!(example, Example::Transcript(_))) >= 5);
        assert!(count(|example| matches!(example, Example::Program(_))) >= 5);
        for id in ["G-1", "W-1"] {
            assert!(requirements(document).unwrap().iter().any(|found| found.id == id), "{id}");
        }
    }
}
