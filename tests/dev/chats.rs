//! A chat whose lines come from a pipe.

use std::io::{BufRead, BufReader, Write};

use rustix::process::{Pid, Signal, kill_process};

use super::runs::{BOT, dev, end, run};

#[test]
fn a_conversation_from_a_pipe_is_played_line_by_line_and_ends_when_the_bot_is_quiet() {
    let run = run(&BOT, "hello\ntwice\n:as bob\nhi\n:chat team\n/start\n:quit\nnever");
    let expected = "ann: hello\nbot: hello\nann: twice\nbot: one\nbot: two\nYou are bob, in a private chat with the bot.\n\
                    bob: hi\nbot: hi\nYou are bob in team.\nbob in team: /start\n";
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.starts_with(expected), "{}", run.stdout);
    assert!(!run.stdout.contains("never"), "{}", run.stdout);
    assert!(run.stderr.contains("| goodbye"), "workers get their disconnect: {}", run.stderr);
}

#[test]
fn the_last_line_needs_no_end_and_its_answer_is_waited_for() {
    let run = run(&BOT, "hello");
    assert_eq!((run.stdout.as_str(), run.code), ("ann: hello\nbot: hello\n", Some(0)), "{}", run.stderr);
}

#[test]
fn buttons_are_pressed_messages_edited_and_odd_commands_explained() {
    let run = run(&BOT, "keyboard\n:press 2\n:edit yes\n:raw {\n:press\n:huh\n");
    assert_eq!(run.code, Some(0), "{run:?}");
    let lines = [
        "bot: Tea?\n     [1 Yes] [2 No]\nann presses 2\nbot: No\n",
        "ann edits: yes\n",
        "bot: now yes\n",
        "! the body is not JSON: ",
        "! `:press` needs a button",
        "! there is no command `:huh`",
    ];
    for line in lines {
        assert!(run.stdout.contains(line), "{line}: {}", run.stdout);
    }
}

#[test]
fn any_update_can_be_given_to_the_bot() {
    // `hello` tells when the bot is there to answer.
    let run = run(&BOT, "hello\n:raw {\"poll\":{\"id\":\"5\"}}\nhello\n");
    assert!(run.stdout.contains("1 update given to the bot\n"), "{}", run.stdout);
    assert!(run.stdout.contains("bot: poll 5\n"), "{}", run.stdout);
}

#[test]
fn what_the_bot_writes_is_readable_and_cannot_act_on_the_terminal() {
    let run = run(&BOT, "rich\n");
    assert!(run.stdout.contains("bot is typing…\n"), "{}", run.stdout);
    assert!(run.stdout.contains("bot: (to “rich”) *bold*\n     \\u{1b}[2J\n"), "{}", run.stdout);
    assert!(!run.stdout.contains('\x1b') && !run.stderr.contains('\x1b'), "no colours in a pipe");
}

#[test]
fn a_call_that_telegram_refuses_is_shown_to_who_wrote_it() {
    let run = run(&BOT, "refused\n");
    let refused = "ann: refused\n! Telegram refused sendMessage: Bad Request: message text is empty\n";
    assert_eq!((run.stdout.as_str(), run.code), (refused, Some(0)), "{}", run.stderr);
}

#[test]
fn a_bot_that_does_not_answer_ends_no_chat_but_is_told_of() {
    let run = run(&["--timeout", "1s", "--", "python3", "worker.py"], "silence\n");
    let silence = "ann: silence\n(no further answer came within 1s)\n";
    assert_eq!((run.stdout.as_str(), run.code), (silence, Some(0)), "{}", run.stderr);
}

#[test]
fn a_command_that_dies_at_start_says_why() {
    let run = run(&["--timeout", "4s", "--", "python3", "-c", "import no_such_module"], "hello\n");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stderr.contains("| ModuleNotFoundError: No module named 'no_such_module'"), "{}", run.stderr);
    assert!(run.stderr.contains("! The bot's process died (exit status: 1)."), "{}", run.stderr);
    assert!(!run.stderr.contains("help: "), "{}", run.stderr);
}

#[test]
fn a_command_that_ends_without_a_word_says_so() {
    let run = run(&["--timeout", "1s", "--", "true"], "hello\n");
    let told = "! The bot's process ended before it read anything (exit status: 0; nothing on stderr).";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

#[test]
fn quiet_leaves_out_the_log() {
    let run = run(&["-qq", "--timeout", "1s", "--", "python3", "-c", "import no_such_module"], "hello\n");
    assert_eq!((run.stderr.as_str(), run.code), ("", Some(0)));
}

#[test]
fn a_command_line_that_cannot_be_used_starts_nothing() {
    let nothing = run(&[], "");
    assert_eq!(nothing.code, Some(2));
    assert!(nothing.stderr.contains("error: no program\nhelp: "), "{}", nothing.stderr);
    let odd = run(&["echo.py", "--", "no-such-program-anywhere"], "");
    assert_eq!((odd.code, odd.stdout.as_str()), (Some(2), ""));
    assert!(odd.stderr.contains("error: `echo.py` is not MODULE:ATTR"), "{}", odd.stderr);
    assert!(
        odd.stderr.contains("error: cannot find the program `no-such-program-anywhere`"),
        "{}",
        odd.stderr
    );
}

#[test]
fn a_signal_ends_it_cleanly() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut child = dev(&BOT).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"hello\n").unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("bot: hello") {
            assert!(stdout.read_line(&mut line).unwrap() > 0, "{line}");
        }
        kill_process(Pid::from_child(&child), signal).unwrap();
        let run = end(child);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(run.stderr.contains("| goodbye"), "{}", run.stderr);
    }
}
