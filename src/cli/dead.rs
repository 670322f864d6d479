//! `asgigram dead`: the updates that were given up, and what a person does with them.
//!
//! Owns the words of its options and answers, and the choice of the journal. It needs no token and no gateway, and
//! changes nothing but dead letters.

mod letter;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};

use crate::exit::{Exit, Fatal};
use crate::journal::{DeadLetters, OpenError, Place, Refused, Selection};
use crate::key::ScopeKey;

/// How long a running gateway may take to do what it is asked, before that is said.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many letters are read at a time.
const PAGE: usize = 100;

pub(super) const AFTER_HELP: &str = "Examples:
  $ asgigram dead list                              what was given up in the last 30 days
  $ asgigram dead show 501                          one of them, with its whole event
  $ asgigram dead retry 501                         deliver it again, now that the program is mended
  $ asgigram dead retry --all --scope chat:42       all of one chat
  $ asgigram dead drop --all                        forget them
  $ asgigram dead list --json | jq .event           for programs: an object a line";

/// Options of `asgigram dead`.
#[derive(Debug, Args)]
pub(super) struct Dead {
    #[command(subcommand)]
    act: Act,
    /// The bot whose journal it is, by the number before the colon of its token
    ///
    /// Needed only if several bots have a journal in the usual place, asgigram/<bot id> in $XDG_STATE_HOME or
    /// ~/.local/state.
    #[arg(long, value_name = "ID", global = true, conflicts_with = "of_journal")]
    bot: Option<i64>,
    /// The folder of the journal, if the gateway was given one
    ///
    /// Without it and --bot it is what ASGIGRAM_JOURNAL says, as for the gateway.
    // Not called `journal`: an argument for all subcommands would take over the value of the gateway's of that name.
    #[arg(id = "of_journal", long = "journal", value_name = "PATH", global = true)]
    journal: Option<PathBuf>,
    /// Print JSON, an object a line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// List what was given up, the newest last
    List,
    /// Show one with its whole event
    Show {
        /// Its update_id, as the list has it
        #[arg(value_name = "UPDATE_ID", allow_negative_numbers = true)]
        update_id: i64,
    },
    /// Have them delivered again
    ///
    /// Each is a new update at the end of its chat, with all attempts before it, and does not expire. A running gateway
    /// does it within a second, otherwise the next one that is started.
    Retry(Which),
    /// Drop them for good
    Drop(Which),
}

#[derive(Debug, Args)]
struct Which {
    /// Their update_ids, as the list has them
    #[arg(
        value_name = "UPDATE_ID",
        required_unless_present = "all",
        conflicts_with = "all",
        allow_negative_numbers = true
    )]
    update_ids: Vec<i64>,
    /// All of them
    #[arg(long)]
    all: bool,
    /// Only those of this chat or user, such as `chat:42`
    #[arg(long, value_name = "SCOPE", requires = "all", conflicts_with = "update_ids")]
    scope: Option<ScopeKey>,
}

impl Which {
    fn selection(self) -> Selection {
        match self.all {
            true => Selection::All { scope: self.scope },
            false => Selection::Updates(self.update_ids.into_iter().collect()),
        }
    }
}

impl Dead {
    /// Does it.
    pub(super) fn run(self) -> Result<Exit, Fatal> {
        let folder = folder(self.bot, self.journal.as_deref())?;
        let letters = DeadLetters::open(&folder).map_err(unusable)?;
        match self.act {
            Act::List => list(&letters, self.json),
            Act::Show { update_id } => {
                let found = letters.of_update(update_id).map_err(refused)?;
                let show = if self.json { letter::line } else { letter::whole };
                print(&found.iter().map(show).collect::<String>())
            }
            Act::Retry(which) => {
                let count = letters.retry(&which.selection()).map_err(refused)?;
                if self.json {
                    return print(&format!("{{\"retried\":{count}}}\n"));
                }
                print(&format!("{}{}\n", some(count), when(&letters, count).map_err(unusable)?))
            }
            Act::Drop(which) => {
                let count = letters.drop_letters(&which.selection()).map_err(refused)?;
                match self.json {
                    true => print(&format!("{{\"dropped\":{count}}}\n")),
                    false => print(&format!("{} dropped\n", some(count))),
                }
            }
        }
    }
}

fn list(letters: &DeadLetters, json: bool) -> Result<Exit, Fatal> {
    let (mut after, mut rows) = (None, Vec::new());
    loop {
        let page = letters.page(after, PAGE).map_err(unusable)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        match json {
            true => print(&page.iter().map(letter::line).collect::<String>())?,
            false => {
                rows.extend(page.iter().map(letter::row));
                Exit::Done
            }
        };
    }
    match json {
        true => Ok(Exit::Done),
        false if rows.is_empty() => print("no dead letters\n"),
        false => print(&letter::table(&rows)),
    }
}

/// When what was asked for is done; waits a moment for a running gateway to do it.
fn when(letters: &DeadLetters, count: usize) -> Result<&'static str, OpenError> {
    if count == 0 {
        return Ok(" to try again");
    }
    if !letters.gateway_runs() {
        return Ok(" will be delivered again when the gateway is started");
    }
    let deadline = Instant::now() + PATIENCE;
    while letters.to_be_tried()? > 0 {
        if Instant::now() >= deadline {
            return Ok(
                " will be delivered again: the gateway has not got to it yet, and its log may say why",
            );
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(" handed to the gateway, to be delivered again")
}

fn some(count: usize) -> String {
    match count {
        0 => "no dead letter".to_owned(),
        1 => "1 dead letter".to_owned(),
        many => format!("{many} dead letters"),
    }
}

/// The folder of the journal that is meant.
fn folder(bot: Option<i64>, journal: Option<&Path>) -> Result<PathBuf, Fatal> {
    let (state_home, home) = (std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"));
    let variable = std::env::var_os("ASGIGRAM_JOURNAL").filter(|value| !value.is_empty()).map(PathBuf::from);
    match journal.or(variable.as_deref().filter(|_| bot.is_none())) {
        Some(word) if word == Path::new("memory") => {
            let what = anyhow::anyhow!("a journal in memory keeps no dead letters");
            return Err(Fatal::new(Exit::Usage, what).with_help("its gateway writes them to the log, whole"));
        }
        Some(folder) => return Ok(folder.to_owned()),
        None => {}
    }
    let above = Place::above_bots(state_home, home).map_err(unusable)?;
    let bots = bot.map_or_else(|| Place::bots(&above), |bot| vec![bot]);
    match bots[..] {
        [bot] => Ok(above.join(bot.to_string())),
        [] => Err(unusable(OpenError::Missing { folder: above })),
        _ => {
            let named: Vec<String> = bots.iter().map(i64::to_string).collect();
            let what =
                anyhow::anyhow!("several bots have a journal in `{}`: {}", above.display(), named.join(", "));
            Err(Fatal::new(Exit::Usage, what).with_help("choose one with --bot ID"))
        }
    }
}

/// Whoever reads may have seen enough.
fn print(text: &str) -> Result<Exit, Fatal> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Fatal::new(Exit::Failed, error)),
        _ => Ok(Exit::Done),
    }
}

fn unusable(error: OpenError) -> Fatal {
    let help = error.help();
    Fatal::new(Exit::Journal, error).with_help(help)
}

fn refused(error: Refused) -> Fatal {
    let help = match error {
        Refused::Journal(error) => return unusable(error),
        Refused::Unknown(_) => "`asgigram dead list` shows what there is. Nothing was changed",
        Refused::NoUpdate(_) => "`asgigram dead show` prints what came. Nothing was changed",
    };
    Fatal::new(Exit::Failed, error).with_help(help)
}
