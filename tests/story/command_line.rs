//! The command line: what is wrong is said at once, all of it, with the remedy.

use std::os::unix::fs::symlink;

use crate::support::telegram::secret;
use crate::support::{ANN, BOB, Gateway, Telegram, worker};

/// Runs the program to its end: exit code, stdout, stderr.
async fn outcome(words: &[&str]) -> (Option<i32>, String, String) {
    let mut process = Gateway::run(words).launch_alone();
    let status = process.exits().await;
    (status.code(), process.stdout(), process.log())
}

const TOKEN: &str = "123456:ABC-DEF_ghi0123456789jklmnopq";

#[tokio::test]
async fn all_faults_are_reported_at_once() {
    let (code, stdout, stderr) =
        outcome(&["--token-file=/nonexistent/token", "odd", "--", "no-such-program"]).await;
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    for said in [
        "error: `odd` is neither a token nor MODULE:ATTR\nhelp: a command goes behind `--`",
        "error: cannot read the token file `/nonexistent/token`: ",
        "error: cannot find the program `no-such-program`\nhelp: install it, or give its path (`./no-such-program`",
    ] {
        assert!(stderr.contains(said), "{said}\nis not in\n{stderr}");
    }
}

#[tokio::test]
async fn without_words_it_says_what_it_needs() {
    let (code, _, stderr) = outcome(&[]).await;
    assert_eq!(code, Some(2));
    for said in [
        "error: no token\nhelp: set TELEGRAM_BOT_TOKEN",
        "asgigram dev",
        "error: no program\nhelp: name what to run",
    ] {
        assert!(stderr.contains(said), "{said}\nis not in\n{stderr}");
    }
}

#[tokio::test]
async fn a_program_that_cannot_be_run_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("bot.py");
    std::fs::write(&script, "print()").unwrap();
    let script = script.to_str().unwrap();
    let (code, _, stderr) = outcome(&[TOKEN, "--", script]).await;
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains(&format!(
            "error: cannot run `{script}`: it is not executable\nhelp: `chmod +x {script}`"
        )),
        "{stderr}"
    );
    let (code, _, stderr) = outcome(&[TOKEN, "--", "./nowhere/bot"]).await;
    assert_eq!(code, Some(2));
    assert!(stderr.contains("error: cannot find the program `./nowhere/bot`\nhelp: "), "{stderr}");
    let (code, _, stderr) = outcome(&[TOKEN, "a:b", "--", "cat"]).await;
    assert_eq!(code, Some(2));
    assert!(stderr.contains("both MODULE:ATTR and a COMMAND"), "{stderr}");
}

#[tokio::test]
async fn a_token_that_is_none_is_not_repeated() {
    let mut gateway = Gateway::run(&["--", "cat"]).env("TELEGRAM_BOT_TOKEN", "nearly-a-token").launch_alone();
    assert_eq!(gateway.exits().await.code(), Some(2));
    let log = gateway.log();
    assert!(log.contains("TELEGRAM_BOT_TOKEN is not of the form") && log.contains("help: "), "{log}");
    assert!(!log.contains("nearly-a-token"), "{log}");
}

#[tokio::test]
async fn values_that_make_no_sense_are_refused_by_name() {
    for (option, said) in [
        ("--grace=soon", "write a duration like `30s`"),
        ("--retry-delay=60s..1s", "the shortest delay is longer than the longest"),
        ("--max-line=0", "write a size like `16MiB`"),
        ("--max-workers=0", "0 is not in"),
        ("--max-attempts=0", "0 is not in"),
        ("--api-url=ftp://example.org", "the API URL has the scheme `ftp`"),
        ("--no-such-option", "unexpected argument"),
    ] {
        let (code, _, stderr) = outcome(&[option, TOKEN, "--", "cat"]).await;
        assert_eq!(code, Some(2), "{option}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(said), "{option}: {stderr}");
    }
}

#[tokio::test]
async fn help_is_on_stdout_and_names_every_option_and_exit_code() {
    let (code, short, stderr) = outcome(&["-h"]).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let (_, long, _) = outcome(&["--help"]).await;
    for option in [
        "--token-file",
        "--api-url",
        "--drop-pending",
        "--delete-webhook",
        "--poll-timeout",
        "--updates",
        "--max-applications",
        "--max-workers",
        "--idle-timeout",
        "--max-attempts",
        "--retry-delay",
        "--grace",
        "--drain",
        "--max-line",
        "--verbose",
        "--quiet",
        "--log-format",
    ] {
        assert!(short.contains(option) && long.contains(option), "{option}");
    }
    assert!(short.lines().count() < long.lines().count());
    for words in ["Exit codes:", "ASGIGRAM_GRACE", "TELEGRAM_BOT_TOKEN", "dev", "sim"] {
        assert!(long.contains(words), "{words}");
    }
    let (code, version, _) = outcome(&["--version"]).await;
    assert_eq!((code, version.trim()), (Some(0), concat!("asgigram ", env!("CARGO_PKG_VERSION"))));
    for (words, said) in
        [(["completions", "bash"].as_slice(), "--idle-timeout"), (&["man"], "idle\\-timeout")]
    {
        let (code, stdout, _) = outcome(words).await;
        assert!(code == Some(0) && stdout.contains(said), "{words:?}: {stdout}");
    }
}

#[tokio::test]
async fn the_token_may_be_an_argument_or_in_a_file() {
    let telegram = Telegram::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{}\n", telegram.token())).unwrap();
    let url = format!("--api-url={}", telegram.url());
    let token = telegram.token();
    for given in [format!("--token-file={}", file.display()), token] {
        let mut gateway = Gateway::run(&[&given, "--", "cat"]).arg(&url).launch_alone();
        gateway.expects_log("ready").await;
        assert!(gateway.stop().await.success());
        assert!(!gateway.log().contains(secret()));
    }
}

#[tokio::test]
async fn options_may_be_variables_and_the_log_may_be_json() {
    let telegram = Telegram::start().await;
    let plan = Gateway::with(&worker::mode("goodbye"));
    let plan = plan.env("ASGIGRAM_IDLE_TIMEOUT", "30ms").env("ASGIGRAM_LOG_FORMAT", "json");
    let mut gateway = plan.start(&telegram).await;
    telegram.says(ANN, "hi").await;
    telegram.expects_messages(ANN, &["hi", "bye: idle"]).await;
    gateway.stop().await;
    for line in gateway.log().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
    }
}

/// Runs an ASGI app of the examples where python3 is the only program there is.
async fn hosted(app: &str, answers: [&str; 2]) {
    let telegram = Telegram::start().await;
    let folder = tempfile::tempdir().unwrap();
    symlink(worker::python3(), folder.path().join("python3")).unwrap();
    let cache = folder.path().join("cache");
    let plan = Gateway::run(&[app])
        .arg("--retry-delay=10ms..20ms")
        .env("PATH", folder.path())
        .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/clients/examples"))
        .env("XDG_CACHE_HOME", &cache);
    let mut gateway = plan.start(&telegram).await;
    telegram.says(ANN, "hello").await;
    telegram.expects_message(ANN, answers[0]).await;
    telegram.says(BOB, "hello").await;
    telegram.expects_message(BOB, answers[0]).await;
    telegram.says(ANN, "again").await;
    telegram.expects_messages(ANN, &answers).await;
    assert!(gateway.stop().await.success());
    let log = gateway.log();
    assert!(log.contains("settled=3") && !log.contains("WARN") && !log.contains("ERROR"), "{log}");
    assert!(cache.join("asgigram").is_dir(), "the client is in the cache");
}

#[tokio::test]
async fn an_asgi_app_is_hosted_with_nothing_but_python3() {
    hosted("echo_asgi:application", ["hello", "again"]).await;
}

#[tokio::test]
async fn an_app_written_for_the_first_asgigram_runs_unchanged() {
    hosted("original_asgi2:Application", ["1: hello", "2: again"]).await;
}

#[tokio::test]
async fn an_app_that_is_not_there_is_explained_and_loses_nothing() {
    let telegram = Telegram::start().await;
    let cache = tempfile::tempdir().unwrap();
    let plan = Gateway::run(&["no_such_module:app"]).arg("--retry-delay=10ms..20ms");
    let mut gateway = plan.env("XDG_CACHE_HOME", cache.path()).start(&telegram).await;
    telegram.says(ANN, "hello").await;
    gateway.expects_log_lines("a worker died", 4).await;
    assert!(gateway.log().contains("no_such_module"), "{}", gateway.log());
    gateway.stop().await;
    assert!(gateway.log().contains("unsettled=1"), "not given up: {}", gateway.log());
}
