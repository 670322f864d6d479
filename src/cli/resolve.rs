//! From options to a [`Config`]: finds the token and the program, and collects every fault of a command line.
//!
//! Owns those rules. It starts nothing; all faults are reported at once.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::options::{Run, Worker};
use crate::config::{Command, Config};
use crate::exit::{Exit, Fatal};
use crate::guardian;
use crate::journal::Place;
use crate::scope::Rules;
use crate::telegram::{ClientConfig, Token};
use crate::worker;

/// What is wrong with a command line.
#[derive(Debug, Default)]
pub(super) struct Faults {
    faults: Vec<(String, Option<String>)>,
}

impl Faults {
    fn add(&mut self, fault: impl Into<String>, help: Option<String>) {
        self.faults.push((fault.into(), help));
    }

    fn into_fatal(self) -> Fatal {
        let lines: Vec<String> = self
            .faults
            .into_iter()
            .map(|(fault, help)| match help {
                Some(help) => format!("{fault}\nhelp: {help}"),
                None => fault,
            })
            .collect();
        Fatal::new(Exit::Usage, anyhow::anyhow!(lines.join("\nerror: ")))
    }
}

/// What the words before `--` are: a token, an app, or neither.
#[derive(Debug, Default, PartialEq)]
struct Words {
    token: Option<String>,
    app: Option<String>,
    odd: Vec<String>,
}

/// The first word of the form of a token is the token; any other with a colon is MODULE:ATTR.
fn sort(words: &[String]) -> Words {
    let mut sorted = Words::default();
    for word in words {
        if sorted.token.is_none() && word.parse::<Token>().is_ok() {
            sorted.token = Some(word.clone());
        } else if sorted.app.is_none() && word.contains(':') {
            sorted.app = Some(word.clone());
        } else {
            sorted.odd.push(word.clone());
        }
    }
    sorted
}

/// The configuration of a gateway to Telegram.
pub(super) fn gateway(run: Run, option_variables: Vec<String>) -> Result<Config, Fatal> {
    let mut faults = Faults::default();
    let words = sort(&run.words);
    for odd in &words.odd {
        faults.add(
            format!("`{odd}` is neither a token nor MODULE:ATTR"),
            Some("a command goes behind `--`: asgigram [TOKEN] -- COMMAND…".to_owned()),
        );
    }
    let token = token(&words, run.token_file.as_deref(), &mut faults);
    let command = command(words.app.as_deref(), &run.program, &mut faults);
    if let Some(token) = &token
        && let Err(error) = ClientConfig::new(run.api_url.clone(), token.clone()).check()
    {
        faults.add(error.to_string(), None);
    }
    let journal = token.as_ref().and_then(|token| journal(run.journal.as_deref(), token, &mut faults));
    match (token, command, journal) {
        (Some(token), Some(command), Some(journal)) if faults.faults.is_empty() => Ok(Config {
            token,
            journal,
            journal_max: run.journal_max as u64,
            wait: run.wait,
            api_url: run.api_url,
            drop_pending: run.drop_pending,
            delete_webhook: run.delete_webhook,
            poll_timeout: run.poll_timeout.min(std::time::Duration::from_secs(50)),
            ..config(run.worker, command, option_variables)
        }),
        _ => Err(faults.into_fatal()),
    }
}

/// The configuration of a gateway to the simulator: `words` are an app, or nothing. `others` are faults found elsewhere.
pub(super) fn simulated(
    words: &[String],
    program: &[OsString],
    worker: Worker,
    option_variables: Vec<String>,
    others: Vec<String>,
) -> Result<Config, Fatal> {
    let mut faults = Faults::default();
    let words = sort(words);
    for odd in words.odd.iter().chain(&words.token) {
        faults.add(
            format!("`{odd}` is not MODULE:ATTR"),
            Some(
                "the simulator needs no token; a command goes behind `--`: asgigram dev -- COMMAND…"
                    .to_owned(),
            ),
        );
    }
    let command = command(words.app.as_deref(), program, &mut faults);
    others.into_iter().for_each(|fault| faults.add(fault, None));
    match command {
        Some(command) if faults.faults.is_empty() => Ok(config(worker, command, option_variables)),
        _ => Err(faults.into_fatal()),
    }
}

/// The rest, with what the simulator's gateway has in place of Telegram.
fn config(worker: Worker, command: Command, option_variables: Vec<String>) -> Config {
    Config {
        token: simulated_token(),
        api_url: String::new(),
        command,
        journal: Place::Memory,
        journal_max: 1 << 30,
        wait: false,
        max_live: usize::try_from(worker.max_workers.min(worker.max_applications)).unwrap_or(usize::MAX),
        rules: Rules {
            retry_min: worker.retry_delay.0,
            retry_max: worker.retry_delay.1,
            max_attempts: worker.max_attempts,
            idle_timeout: worker.idle_timeout,
            handle_timeout: worker.handle_timeout,
        },
        grace: worker.grace,
        drain: worker.drain,
        max_line: worker.max_line,
        updates: worker.updates,
        drop_pending: false,
        delete_webhook: false,
        poll_timeout: std::time::Duration::from_secs(50),
        option_variables,
        guardian: guardian::of_this_process(),
    }
}

/// The bot of the simulator. It is no secret: the simulator takes any token.
fn simulated_token() -> Token {
    "1000:simulated-bot-needs-no-secret".parse().expect("this is of the form of a token")
}

fn token(words: &Words, file: Option<&Path>, faults: &mut Faults) -> Option<Token> {
    let wrong = |what: &str| format!("{what} is not of the form of a bot's token, `123456:ABC-DEF…`");
    if let Some(token) = &words.token {
        return token.parse().ok();
    }
    if let Some(path) = file {
        return match std::fs::read_to_string(path) {
            Ok(text) => text.trim().parse().map_err(|_| {
                faults.add(wrong(&format!("what `{}` holds", path.display())), None);
            }),
            Err(error) => {
                faults.add(format!("cannot read the token file `{}`: {error}", path.display()), None);
                Err(())
            }
        }
        .ok();
    }
    match std::env::var("TELEGRAM_BOT_TOKEN") {
        Ok(token) if !token.trim().is_empty() => match token.trim().parse() {
            Ok(token) => Some(token),
            Err(_) => {
                faults.add(wrong("TELEGRAM_BOT_TOKEN"), Some("@BotFather shows it under /mybots".to_owned()));
                None
            }
        },
        _ => {
            let help =
                "set TELEGRAM_BOT_TOKEN, or name a file with --token-file; without a token: asgigram dev";
            faults.add("no token", Some(help.to_owned()));
            None
        }
    }
}

fn journal(option: Option<&Path>, token: &Token, faults: &mut Faults) -> Option<Place> {
    let (state_home, home) = (std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"));
    Place::choose(option, token.bot_id(), state_home, home)
        .map_err(|error| faults.add(error.to_string(), Some(error.help().to_owned())))
        .ok()
}

fn command(app: Option<&str>, program: &[OsString], faults: &mut Faults) -> Option<Command> {
    match (app, program.split_first()) {
        (Some(_), Some(_)) => {
            faults.add("both MODULE:ATTR and a COMMAND are given", Some("leave one of them out".to_owned()));
            None
        }
        (None, None) => {
            let help = "name what to run: `-- COMMAND…` for any program, MODULE:ATTR for an ASGI app";
            faults.add("no program", Some(help.to_owned()));
            None
        }
        (None, Some((program, args))) => {
            let program = found(program, faults)?;
            Some(Command { program, args: args.to_vec(), variables: Vec::new() })
        }
        (Some(app), None) => hosted(app, faults),
    }
}

/// The Python client as the command, which hosts the app.
fn hosted(app: &str, faults: &mut Faults) -> Option<Command> {
    let program = found(OsStr::new("python3"), faults)?;
    let client = crate::client::unpack(cache_folder().as_deref())
        .map_err(|error| faults.add(format!("cannot put the Python client on disk: {error}"), None))
        .ok()?;
    let mut path = client.into_os_string();
    if let Some(already) = std::env::var_os("PYTHONPATH").filter(|already| !already.is_empty()) {
        path.push(":");
        path.push(already);
    }
    Some(Command {
        program,
        args: ["-m", "asgigram", app].map(OsString::from).to_vec(),
        variables: vec![("PYTHONPATH", path.to_string_lossy().into_owned())],
    })
}

fn found(program: &OsStr, faults: &mut Faults) -> Option<PathBuf> {
    worker::resolve(program, std::env::var_os("PATH").as_deref())
        .map_err(|error| faults.add(error.to_string(), Some(error.help())))
        .ok()
}

/// The user's cache (XDG Base Directory Specification).
fn cache_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "123456:ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    #[test]
    fn a_token_is_known_by_its_form_and_anything_else_with_a_colon_is_an_app() {
        let sorted = |words: &[&str]| sort(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let both = Words { token: Some(TOKEN.into()), app: Some("bot:app".into()), odd: vec![] };
        assert_eq!(sorted(&[TOKEN, "bot:app"]), both);
        assert_eq!(sorted(&["bot:app", TOKEN]), both);
        assert_eq!(sorted(&["123:short"]).app.as_deref(), Some("123:short"));
        assert_eq!(sorted(&["python3", "bot.py"]).odd, ["python3", "bot.py"]);
    }

    #[test]
    fn all_faults_come_at_once() {
        let mut faults = Faults::default();
        token(&Words::default(), Some(Path::new("/nonexistent")), &mut faults);
        command(None, &["no-such-program-anywhere".into()], &mut faults);
        let fatal = faults.into_fatal();
        let text = fatal.to_string();
        assert_eq!(fatal.exit, Exit::Usage);
        assert!(text.contains("error: cannot read the token file `/nonexistent`"), "{text}");
        assert!(
            text.contains("\nerror: cannot find the program `no-such-program-anywhere`\nhelp: install it"),
            "{text}"
        );
    }
}
