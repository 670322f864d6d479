//! Who may import whom: the floors of the house.

use super::code::{Source, Token};

/// From the ground up. A module imports only from floors below its own, and from itself.
const FLOORS: [&[&str]; 11] = [
    &["exit", "key", "logging", "metrics", "telegram", "wire"],
    &["polls"],
    &["journal"],
    &["outbox", "poller", "worker"],
    &["scope"],
    &["router"],
    &["client", "config", "shutdown", "sim"],
    &["guardian"],
    &["gateway"],
    &["dev"],
    &["cli"],
];
/// They import nothing of ours: what they say of the rest is said independently.
const ALONE: [&str; 1] = ["sim"];

/// The imports of a file that go where they must not.
pub(crate) fn offences(path: &str, text: &str) -> Vec<String> {
    let Some(inside) = path.strip_prefix("src/").and_then(|path| path.strip_suffix(".rs")) else {
        return Vec::new();
    };
    // The roots only name the modules, and hand over.
    if ["lib", "main"].contains(&inside) {
        return Vec::new();
    }
    let module: Vec<&str> = inside.split('/').collect();
    let own = module[0];
    let Some(own_floor) = floor(own) else {
        return vec![format!(
            "{path}:1: the module `{own}` has no floor: give it one in tests/tidy/floors.rs"
        )];
    };
    let mut offences = Vec::new();
    for Token { text: name, line } in imports(text, module.len()) {
        let allowed = match floor(name) {
            _ if name == own => true,
            Some(floor) => floor < own_floor && !ALONE.contains(&own),
            None => false,
        };
        if !allowed {
            let code = text.lines().nth(line - 1).unwrap_or_default().trim();
            offences.push(format!("{path}:{line}: `{own}` must not import `{name}`: {code}"));
        }
    }
    offences
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// The modules at the root that a file names: behind `crate::`, with or without braces, and behind as many `super::` as
/// lead to the root. `depth` is how far below the root the file's own module is.
fn imports(text: &str, depth: usize) -> Vec<Token<'_>> {
    let tokens = Source::new(text).tokens;
    let is = |at: usize, wanted: &str| tokens.get(at).is_some_and(|token: &Token<'_>| token.text == wanted);
    let mut found = Vec::new();
    // How deep in braces each module inside the file begins.
    let (mut braces, mut inner) = (0_usize, Vec::new());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text {
            "{" => {
                braces += 1;
                if at >= 2 && is(at - 2, "mod") {
                    inner.push(braces);
                }
            }
            "}" => {
                if inner.last() == Some(&braces) {
                    inner.pop();
                }
                braces = braces.saturating_sub(1);
            }
            "crate" if is(at + 1, "::") => found.extend(named(&tokens[at + 2..])),
            "super" => {
                let mut steps = 1;
                while is(at + 1, "::") && is(at + 2, "super") {
                    steps += 1;
                    at += 2;
                }
                if steps >= depth + inner.len() && is(at + 1, "::") {
                    found.extend(named(&tokens[at + 2..]));
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The first names of what follows `crate::`: one, or those of a group.
fn named<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let Some(first) = tokens.first() else { return Vec::new() };
    if first.text != "{" {
        return vec![first.clone()];
    }
    let mut names = Vec::new();
    let mut depth = 0;
    for (before, token) in tokens.iter().zip(&tokens[1..]) {
        match before.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && ["{", ","].contains(&before.text) && token.text != "}" {
            names.push(token.clone());
        }
    }
    names
}

#[test]
fn imports_that_point_up_or_sideways_are_caught() {
    for (path, text, offenders) in [
        ("src/wire.rs", "use crate::key::ScopeKey;", vec!["key"]),
        ("src/polls.rs", "use crate::key::ScopeKey;", vec![]),
        (
            "src/outbox.rs",
            "use crate::{\n  telegram::{Client, wire},\n  worker, router::*,\n};",
            vec!["worker", "router"],
        ),
        (
            "src/outbox/lanes.rs",
            "use super::retry; use super::super::telegram; use crate::outbox::x;",
            vec![],
        ),
        ("src/outbox/lanes.rs", "fn f() { super::super::gateway::run() }", vec!["gateway"]),
        (
            "src/key.rs",
            "mod tests { use super::*; use super::super::scope; } fn f() { super::cli::g() }",
            vec!["scope", "cli"],
        ),
        ("src/key.rs", "mod tests { mod deeper { use super::super::Key; } }", vec![]),
        (
            "src/scope/live.rs",
            "/// See [`crate::router`].\nfn f() { let x = \"crate::cli\"; crate::worker::start() }",
            vec![],
        ),
        ("src/scope.rs", "use crate::nowhere::X;", vec!["nowhere"]),
        ("src/poller.rs", "use crate::journal::J; use crate::wire::W;", vec![]),
        ("src/journal.rs", "use crate::worker::W;", vec!["worker"]),
        ("src/sim/http.rs", "use crate::sim::Sim; use crate::exit::Exit;", vec!["exit"]),
        ("src/gateway.rs", "use crate::config::Config; use crate::cli;", vec!["cli"]),
        ("src/main.rs", "fn main() { asgigram::cli::main() }", vec![]),
        ("tests/x.rs", "use crate::anything;", vec![]),
    ] {
        let found = offences(path, text);
        assert_eq!(found.len(), offenders.len(), "{path}: {text}\n{found:?}");
        for (offence, name) in found.iter().zip(offenders) {
            assert!(offence.contains(&format!("must not import `{name}`: ")), "{offence}");
        }
    }
    assert_eq!(
        offences("src/outbox.rs", "//! x\n\nuse crate::scope::Y;"),
        ["src/outbox.rs:3: `outbox` must not import `scope`: use crate::scope::Y;"]
    );
    assert!(offences("src/newcomer/part.rs", "")[0].contains("has no floor"));
}
