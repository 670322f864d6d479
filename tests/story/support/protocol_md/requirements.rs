//! Reads the requirements of `protocol.md`: one sentence each, with an id that is never used twice.

use std::collections::HashMap;

use super::{Fault, fault};

/// A sentence with an id, `G-1` or `W-1`.
#[derive(Debug, PartialEq)]
pub(crate) struct Requirement {
    pub(crate) line: usize,
    pub(crate) id: String,
    pub(crate) sentence: String,
}

/// All requirements of the document, in order: list items that begin with `**G-n**` or `**W-n**`, with the lines that
/// continue them. An id that occurs twice is a fault, and so is a sentence that lacks its subject or its BCP-14 word.
pub(crate) fn requirements(document: &str) -> Result<Vec<Requirement>, Fault> {
    let mut found: Vec<Requirement> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut open = false;
    for (line, text) in (1..).zip(document.lines()) {
        if let Some((id, sentence)) = text.strip_prefix("- **").and_then(|rest| rest.split_once("** ")) {
            let number = id.strip_prefix("G-").or(id.strip_prefix("W-")).unwrap_or("");
            open = number.parse::<u32>().is_ok();
            if open {
                if let Some(first) = seen.insert(id.to_owned(), line) {
                    return fault(line, format!("`{id}` is already on line {first}"));
                }
                found.push(Requirement { line, id: id.to_owned(), sentence: sentence.to_owned() });
            }
        } else if let (true, Some(more), Some(last)) = (open, text.strip_prefix("  "), found.last_mut()) {
            last.sentence.push(' ');
            last.sentence.push_str(more.trim());
        } else {
            open = false;
        }
    }
    for Requirement { line, id, sentence } in &found {
        let subject = if id.starts_with('G') { "The gateway " } else { "A worker " };
        if !sentence.starts_with(subject) {
            return fault(*line, format!("`{id}` must begin with `{}`", subject.trim()));
        }
        if !["MUST", "SHOULD", "MAY"].iter().any(|word| sentence.contains(word)) {
            return fault(*line, format!("`{id}` has no BCP-14 word"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_read_over_its_lines() {
        let document =
            "- **G-1** The gateway MUST a\n  b.\n- **x** no\n  id\n\n- **W-2** A worker MAY c.\nafter\n";
        let requirement = |line, id: &str, sentence: &str| Requirement {
            line,
            id: id.to_owned(),
            sentence: sentence.to_owned(),
        };
        assert_eq!(
            requirements(document),
            Ok(vec![
                requirement(1, "G-1", "The gateway MUST a b."),
                requirement(6, "W-2", "A worker MAY c."),
            ])
        );
    }

    #[test]
    fn faults_are_named_with_their_line() {
        for (document, expected) in [
            (
                "- **G-1** The gateway MUST a.\n- **G-1** The gateway MUST b.\n",
                "protocol.md:2: `G-1` is already on line 1",
            ),
            ("- **W-1** The gateway MUST a.\n", "protocol.md:1: `W-1` must begin with `A worker`"),
            ("\n- **G-7** The gateway does a.\n", "protocol.md:2: `G-7` has no BCP-14 word"),
        ] {
            assert_eq!(requirements(document).unwrap_err().to_string(), expected);
        }
    }
}
