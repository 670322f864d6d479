//! What the papers say against what the program says.

use std::collections::BTreeSet;

/// Every program has them.
const SELF_EVIDENT: [&str; 2] = ["--help", "--version"];

/// What `asgigram` prints with these arguments.
pub(crate) fn help(arguments: Vec<&str>) -> String {
    #[expect(clippy::disallowed_methods, reason = "tests start the program as people do")]
    let printed = std::process::Command::new(env!("CARGO_BIN_EXE_asgigram")).args(&arguments).output();
    let printed = printed.expect("the program can be started");
    assert!(printed.status.success(), "`asgigram {}` fails", arguments.join(" "));
    String::from_utf8(printed.stdout).expect("the help is UTF-8")
}

/// Options of the first help text that the README's tables lack, and options of its tables that no help text has.
pub(crate) fn readme_offences(readme: &str, helps: &[String]) -> Vec<String> {
    let [first, ..] = helps else { return Vec::new() };
    let rows: Vec<(usize, &str)> =
        readme.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with('|')).collect();
    let named: BTreeSet<String> = rows.iter().flat_map(|(_, row)| options(first_cell(row))).collect();
    let helped = |help: &String| help.lines().flat_map(|line| options(entry(line))).collect::<BTreeSet<_>>();
    let known: BTreeSet<String> = helps.iter().flat_map(helped).collect();
    let mut offences = Vec::new();
    for option in helped(first).difference(&named).filter(|option| !SELF_EVIDENT.contains(&option.as_str())) {
        offences.push(format!("README.md:1: `{option}` of `asgigram --help` is in no table's first column"));
    }
    for (number, row) in rows {
        for option in options(first_cell(row)).filter(|option| !known.contains(option)) {
            offences.push(format!("README.md:{}: `{option}` is in a table, but in no `--help`", number + 1));
        }
    }
    offences
}

/// The part of a line of help that names an option: all of it, if it begins with one.
fn entry(line: &str) -> &str {
    let line = line.trim_start();
    if line.starts_with('-') { line.split("  ").next().unwrap_or_default() } else { "" }
}

fn first_cell(row: &str) -> &str {
    row.trim_start().trim_start_matches('|').split('|').next().unwrap_or_default()
}

/// The long options in a text.
fn options(text: &str) -> impl Iterator<Item = String> + '_ {
    let is_of_option = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-';
    text.split(move |sign| !is_of_option(sign))
        .filter(|word| {
            word.strip_prefix("--")
                .is_some_and(|name| name.starts_with(|sign: char| sign.is_ascii_lowercase()))
        })
        .map(str::to_owned)
}

/// An offence if the changelog has no section of this version with something in it.
pub(crate) fn changelog_offence(changelog: &str, version: &str) -> Option<String> {
    let mut lines = changelog.lines();
    let is_heading = |line: &str| {
        let title = line.strip_prefix("## ").unwrap_or_default().trim_start_matches(['[', 'v']);
        title
            .strip_prefix(version)
            .is_some_and(|rest| !rest.starts_with(|sign: char| sign == '.' || sign.is_alphanumeric()))
    };
    if !lines.any(is_heading) {
        return Some(format!(
            "CHANGELOG.md:1: there is no section `## {version}`, the version in Cargo.toml"
        ));
    }
    let entries =
        lines.take_while(|line| !line.starts_with("## ")).filter(|line| !line.trim().is_empty()).count();
    (entries == 0).then(|| format!("CHANGELOG.md:1: the section `## {version}` is empty"))
}

#[test]
fn a_readme_that_does_not_fit_the_help_is_caught() {
    let help = "Usage: asgigram [--made-up]\n\nOptions:\n  -m, --max-applications <N>\n          As --old-one did.\n\n      \
                --api-url <URL>  Where, not --there\n  -h, --help\n          Print help";
    let sim = "Options:\n      --listen <ADDRESS>\n";
    let helps = [help.to_owned(), sim.to_owned()];
    let good = "| option | |\n|---|---|\n| `-m`, `--max-applications N` | as --nothing |\n| `--api-url` | x |\n\
                | `-h, --help` | |\n| `--listen` | sim |\n";
    assert_eq!(readme_offences(good, &helps), Vec::<String>::new());
    let bad = "`--api-url` is good\n| `--max-applications` | `--help` |\n| `--help` | |\n| `--gone` | |\n";
    assert_eq!(
        readme_offences(bad, &helps),
        [
            "README.md:1: `--api-url` of `asgigram --help` is in no table's first column",
            "README.md:4: `--gone` is in a table, but in no `--help`",
        ]
    );
}

#[test]
fn a_version_without_an_entry_is_caught() {
    for (changelog, fits) in [
        ("# Changelog\n\n## 0.1.0\n\n- New.\n", true),
        ("## [0.1.0] - 2026-11-23\nNew.", true),
        ("## 0.1.0.1\n- x", false),
        ("## 0.1.0\n\n## 0.0.9\n- x", false),
        ("## 0.0.9\n- since 0.1.0", false),
        ("", false),
    ] {
        assert_eq!(changelog_offence(changelog, "0.1.0").is_none(), fits, "{changelog}");
    }
}
