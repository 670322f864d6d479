//! Plays a script: does what its people do, and checks what the bot does.
//!
//! Owns the bot's events that no step has looked at. It stops at the first that is not as expected.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Stage;
use super::cast::{FIRST_USER, Press};
use super::happening::{Happening, Kind};
use super::matching::{Wanted, cut};
use super::paint::{Paint, Style, safe};
use super::script::{Action, Script, Step};
use super::show::Look;
use crate::exit::{Exit, Fatal};
use crate::sim::ActError;

/// How long nothing is waited for, if a step does not say.
const NOTHING_FOR: Duration = Duration::from_secs(1);
/// How many events may wait for a step that looks at them; the oldest is forgotten first.
const MAX_UNSEEN: usize = 10_000;
/// How many of these a report shows.
const SHOWN: usize = 5;

/// The play so far.
struct Play {
    /// Who acted last, and where.
    user: String,
    chat: i64,
    unseen: VecDeque<Happening>,
}

/// How a step ended that was not as expected.
enum Ending {
    /// What was expected and what came, in words.
    Mismatch(String),
    Stopped,
    Fatal(Fatal),
}

impl From<ActError> for Ending {
    fn from(error: ActError) -> Ending {
        Ending::Mismatch(format!("this cannot be done: {error}"))
    }
}

/// Plays the script. `quiet` leaves out a line for each step.
pub(super) async fn run(stage: &mut Stage, script: &Script, quiet: bool) -> Result<Exit, Fatal> {
    let begun = Instant::now();
    let chat = stage.chat(FIRST_USER, None).map_err(|error| Fatal::new(Exit::Failed, error))?;
    let mut play = Play { user: FIRST_USER.to_owned(), chat, unseen: VecDeque::new() };
    let paint = stage.paint;
    let mut checks = 0;
    for step in &script.steps {
        let ended = play.step(stage, step).await;
        let words = safe(&step.words(&play.user));
        let place = format!("{}:{}", script.name, step.line);
        match ended {
            Ok(()) => {
                checks += usize::from(matches!(step.action, Action::Expect(_) | Action::ExpectNothing));
                if !quiet {
                    let ok = paint.one(Style::Good, "ok");
                    stage.screen.show(format!("{ok} {place}: {words}")).await;
                }
            }
            Err(Ending::Mismatch(why)) => {
                let failed = paint.one(Style::Failure, "FAILED");
                let report = play.report(stage, &why);
                stage.screen.show(format!("{failed} {place}: {words}\n{report}")).await;
                return Ok(Exit::Failed);
            }
            Err(Ending::Stopped) => {
                stage.screen.show(format!("stopped at {place}: {words}")).await;
                return Ok(Exit::Failed);
            }
            Err(Ending::Fatal(fatal)) => return Err(fatal),
        }
    }
    let (steps, time) = (script.steps.len(), begun.elapsed().as_secs_f64());
    let checks = if checks == 1 { "1 check".to_owned() } else { format!("{checks} checks") };
    stage
        .screen
        .show(format!("{}: all as expected ({steps} steps, {checks}, {time:.1} s)", script.name))
        .await;
    Ok(Exit::Done)
}

impl Play {
    async fn step(&mut self, stage: &mut Stage, step: &Step) -> Result<(), Ending> {
        let acts = matches!(step.action, Action::Says(_) | Action::Presses(_) | Action::Edits(_));
        let chat = match (&step.user, &step.chat) {
            (None, None) if !acts => self.chat,
            (user, group) => stage.chat(user.as_ref().unwrap_or(&self.user), group.as_deref())?,
        };
        if acts {
            if let Some(user) = &step.user {
                self.user.clone_from(user);
            }
            self.chat = chat;
        }
        let user = stage.chat(&self.user, None)?;
        let deadline = |usual: Duration| Instant::now() + step.within.unwrap_or(usual);
        match &step.action {
            Action::Says(text) => stage.cast.says(user, chat, text)?,
            Action::Edits(text) => {
                if !stage.cast.edits(user, chat, text)? {
                    return Err(Ending::Mismatch(format!("{} has not said anything there yet", self.user)));
                }
            }
            Action::Update(json) => drop(stage.cast.update(json)?),
            Action::Presses(label) => {
                let deadline = deadline(stage.timeout);
                while let Press::Missing(why) = stage.cast.presses(user, chat, label, false)? {
                    if !self.more(stage, deadline).await? {
                        return Err(Ending::Mismatch(why));
                    }
                }
            }
            Action::Expect(wanted) => {
                let deadline = deadline(stage.timeout);
                let waited = step.within.unwrap_or(stage.timeout);
                let came = loop {
                    if let Some(came) = self.take(chat, wanted.kind()) {
                        break came;
                    }
                    if !self.more(stage, deadline).await? {
                        let kind = wanted.kind().name().replace('_', " ");
                        return Err(Ending::Mismatch(format!("no {kind} came within {waited:?}")));
                    }
                };
                check(wanted, &came, stage.paint)?;
            }
            Action::ExpectNothing => {
                let deadline = deadline(NOTHING_FOR);
                loop {
                    let visible = [Kind::Message, Kind::Edit, Kind::Delete];
                    if let Some(came) = visible.into_iter().find_map(|kind| self.take(chat, kind)) {
                        return Err(Ending::Mismatch(format!("came\n  {}", told(&came, stage.paint))));
                    }
                    if !self.more(stage, deadline).await? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Waits for what the bot does next; `false` if the time is over.
    async fn more(&mut self, stage: &mut Stage, deadline: Instant) -> Result<bool, Ending> {
        tokio::select! {
            biased;
            _ = stage.shutdown.requested(1) => Err(Ending::Stopped),
            happenings = stage.feed.next() => {
                for happening in happenings {
                    stage.cast.saw(&happening);
                    if self.unseen.len() == MAX_UNSEEN {
                        self.unseen.pop_front();
                    }
                    self.unseen.push_back(happening);
                }
                Ok(true)
            }
            ended = super::ended(&mut stage.gateway) => Err(Ending::Fatal(stage.gateway_ended(ended))),
            () = sleep_until(deadline) => Ok(false),
        }
    }

    /// The first event of this kind in this chat that no step has looked at. What is in no chat is everywhere.
    fn take(&mut self, chat: i64, kind: Kind) -> Option<Happening> {
        let here = |seen: &Happening| seen.kind == kind && (seen.chat == chat || seen.chat == 0);
        self.unseen.iter().position(here).and_then(|at| self.unseen.remove(at))
    }

    /// What is wrong, what else the bot did, and what its processes said last.
    fn report(&self, stage: &Stage, why: &str) -> String {
        let mut out = vec![why.to_owned()];
        if !self.unseen.is_empty() {
            out.push("The bot also did this, which no line has looked at:".to_owned());
            let shown = self.unseen.iter().take(SHOWN).map(|happening| {
                let elsewhere = Some(happening.chat).filter(|chat| *chat != self.chat);
                let elsewhere = elsewhere.and_then(|chat| stage.whereabouts.elsewhere(chat));
                let look = Look { paint: stage.paint, elsewhere: elsewhere.as_deref() };
                format!("  {}", look.lines(happening).replace('\n', "\n  "))
            });
            out.extend(shown);
            if self.unseen.len() > SHOWN {
                out.push(format!("  … and {} more", self.unseen.len() - SHOWN));
            }
        }
        let words = stage.last_words.lines();
        if !words.is_empty() {
            out.push("Last on the bot's stderr:".to_owned());
            out.extend(words.iter().map(|line| format!("  | {}", cut(line, 200))));
        }
        out.join("\n").lines().map(|line| format!("  {line}\n")).collect::<String>().trim_end().to_owned()
    }
}

fn check(wanted: &Wanted, came: &Happening, paint: Paint) -> Result<(), Ending> {
    let differences = wanted.differences(&came.value);
    if differences.is_empty() {
        return Ok(());
    }
    let differences = differences.join("\n");
    Err(Ending::Mismatch(format!(
        "came\n  {}\ndiffers in\n  {}",
        told(came, paint),
        differences.replace('\n', "\n  ")
    )))
}

fn told(came: &Happening, paint: Paint) -> String {
    Look { paint, elsewhere: None }.lines(came).replace('\n', "\n  ")
}
