//! Scripts: the examples, and what is printed when the bot does not do what a script expects.

use std::collections::BTreeSet;
use std::path::Path;

use super::runs::{dev, finish, play, run};

/// Each script with the commands that must pass it.
const EXAMPLES: [(&str, &[&str]); 6] = [
    ("echo.jsonl", &["--", "python3", "echo.py"]),
    ("echo.jsonl", &["echo_asgi:application"]),
    ("echo.jsonl", &["--", "python3", "-m", "asgigram", "echo_asgi:application"]),
    ("echo.jsonl", &["--", "../shell/echo.sh"]),
    ("counter.jsonl", &["--", "python3", "counter.py"]),
    ("keyboard.jsonl", &["--", "python3", "keyboard.py"]),
];

#[test]
fn the_examples_do_what_their_scripts_say() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/examples");
    for (script, command) in EXAMPLES {
        let mut run = dev(&[&["--script", script, "--timeout", "20s"], command].concat());
        run.current_dir(&examples).env("PYTHONPATH", examples.join("../python"));
        let run = finish(run, "");
        assert_eq!(run.code, Some(0), "{script} {command:?}: {run:#?}");
        assert!(run.stdout.contains(&format!("{script}: all as expected (")), "{}", run.stdout);
    }
    let there = std::fs::read_dir(&examples).unwrap().map(|entry| entry.unwrap().file_name());
    let scripts: BTreeSet<String> = there
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".jsonl"))
        .collect();
    let played: BTreeSet<String> = EXAMPLES.iter().map(|(script, _)| (*script).to_owned()).collect();
    assert_eq!(scripts, played, "a script that nobody plays says nothing");
}

#[test]
fn all_that_a_script_can_say() {
    let run = play(
        r#"// what people do
{"says":"twice"}
{"expect":"one"}
{"expect":{"text":"two","chat":{"first_name":"ann"},"from":{"is_bot":true}}}
{"user":"ann","edits":"changed"}
{"expect":"now changed"}
# groups, others, and what is not a message
{"user":"bob","says":"keyboard","chat":"team"}
{"expect":{"text":"Tea?","keyboard":{"keyboard":[["Yes","No"]]}}}
{"presses":"yes","chat":"team"}
{"expect":"Yes"}
{"update":{"poll":{"id":"77"}}}
{"expect":"poll 77","user":"ann"}
{"user":"ann","says":"refused"}
{"expect":{"kind":"refused","method":"sendMessage","error_code":400}}
{"says":"rich"}
{"expect":{"kind":"chat_action","action":"typing"}}
{"expect":{"entities":[{"type":"bold","offset":0}],"reply_to_message":{"text":"rich"}}}
{"says":"silence"}
{"expect_nothing":true,"within":"200ms"}
"#,
    );
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert!(run.stdout.contains("stdin: all as expected (18 steps, 10 checks, "), "{}", run.stdout);
    assert_eq!(run.stdout.lines().filter(|line| line.starts_with("ok stdin:")).count(), 18, "{}", run.stdout);
}

#[test]
fn the_first_mismatch_ends_it_and_shows_what_came_instead() {
    let run = play("\n{\"says\":\"twice\"}\n{\"expect\":\"uno\"}\n{\"says\":\"never\"}\n");
    assert_eq!(run.code, Some(1), "{run:?}");
    let report = "FAILED stdin:3: expected: \"uno\"\n  came\n    bot: one\n  differs in\n    `text`\n      expected \"uno\"\n\
                  \x20         came \"one\"\n";
    assert!(run.stdout.contains(report), "{}", run.stdout);
    assert!(!run.stdout.contains("never") && !run.stdout.contains("all as expected"), "{}", run.stdout);
}

#[test]
fn a_message_that_does_not_come_is_told_with_what_happened_instead() {
    let run = play("{\"says\":\"refused\"}\n{\"says\":\"die\"}\n{\"expect\":\"x\",\"within\":\"1s\"}\n");
    assert_eq!(run.code, Some(1), "{run:?}");
    for part in [
        "FAILED stdin:3: expected: \"x\"\n  no message came within 1s\n",
        "    ! Telegram refused sendMessage: Bad Request: message text is empty\n",
        "  Last on the bot's stderr:\n",
        "    | ValueError: told to\n",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
}

#[test]
fn nothing_is_expected_too() {
    let run = play("{\"says\":\"hello\"}\n{\"expect_nothing\":true,\"within\":\"10s\"}\n");
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.stdout.contains("FAILED stdin:2: expected: nothing\n  came\n    bot: hello\n"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_button_that_is_not_there_is_a_mismatch() {
    let run = play("{\"says\":\"hello\"}\n{\"presses\":\"Yes\",\"within\":\"100ms\"}\n");
    assert_eq!(run.code, Some(1), "{run:?}");
    let report = "FAILED stdin:2: ann presses \"Yes\"\n  there is no button here\n";
    assert!(run.stdout.contains(report), "{}", run.stdout);
}

#[test]
fn bad_lines_are_all_reported_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let (script, started) = (folder.path().join("bad.jsonl"), folder.path().join("started"));
    std::fs::write(
        &script,
        "{\"says\":\"hi\"}\n{\"sais\":\"hi\"}\n\nexpect\n{\"expect\":{\"kind\":\"x\"}}\n",
    )
    .unwrap();
    let (script, started) = (script.to_str().unwrap(), started.to_str().unwrap());
    let run = run(&["--script", script, "--", "touch", started], "");
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run:?}");
    for line in [2, 4, 5] {
        assert!(run.stderr.contains(&format!("error: {script}:{line}: ")), "{line}: {}", run.stderr);
    }
    assert!(!Path::new(started).exists());
}

#[test]
fn a_script_that_cannot_be_read_or_is_empty_is_no_success() {
    let missing = run(&["--script", "no-such-file", "--", "cat"], "");
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains("error: cannot read the script `no-such-file`: "), "{}", missing.stderr);
    let empty = run(&["--script", "-", "--", "cat"], "// nothing yet\n");
    assert_eq!(empty.code, Some(2));
    assert!(empty.stderr.contains("error: the script `stdin` has no steps"), "{}", empty.stderr);
}

#[test]
fn quiet_prints_the_verdict_alone() {
    let run =
        run(&["-q", "--script", "-", "--", "python3", "worker.py"], "{\"says\":\"a\"}\n{\"expect\":\"a\"}");
    assert_eq!((run.code, run.stdout.lines().count(), run.stderr.as_str()), (Some(0), 1, ""), "{run:?}");
}
