//! A chat: what a person types is played, and what the bot does is shown.
//!
//! Owns who and where the person is. A pipe is played like a person: a line when the bot has had its say about the one
//! before, or does not answer; at its end until the bot is quiet.

use std::time::Duration;

use tokio::time::Instant;

use super::Stage;
use super::cast::{FIRST_USER, Press};
use super::command::{self, Typed};
use super::input::{Input, Lines};
use super::paint::{Style, safe};
use super::quiet::Quiet;
use crate::exit::{Exit, Fatal};
use crate::sim::ActError;

/// After the end of a pipe, a bot that is never quiet is waited for so many times the usual patience.
const PATIENCE_AT_THE_END: u32 = 6;
/// How long an update that the gateway has not taken yet is waited for before another look.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The person's side of the chat.
struct Person {
    name: String,
    user: i64,
    group: Option<String>,
    chat: i64,
    quiet: Quiet,
    /// A button that a pipe wants to press and that is not there yet, and until when it may come.
    pressing: Option<(String, Instant)>,
    /// Somebody types, and sees what was typed.
    typed: bool,
    quits: bool,
}

/// Chats until the person quits, the pipe ends or a signal comes.
pub(super) async fn run(stage: &mut Stage, mut lines: Lines, command: &str) -> Result<Exit, Fatal> {
    let user = stage.chat(FIRST_USER, None).map_err(|error| Fatal::new(Exit::Failed, error))?;
    stage.whereabouts.go(user);
    let mut person = Person {
        name: FIRST_USER.to_owned(),
        user,
        group: None,
        chat: user,
        quiet: Quiet::new(stage.timeout, Instant::now()),
        pressing: None,
        typed: lines.typed,
        quits: false,
    };
    if lines.typed {
        greet(stage, command).await;
    }
    let mut asked = false;
    let mut at_end: Option<Instant> = None;
    while !person.quits {
        let now = Instant::now();
        if let Some(limit) = at_end {
            let quiet = now >= person.quiet.at() && stage.pending() == 0;
            if (quiet && person.pressing.is_none()) || now >= limit {
                if person.quiet.is_unanswered() {
                    stage.note(&format!("(no further answer came within {:?})", stage.timeout)).await;
                }
                break;
            }
        } else if !asked && person.pressing.is_none() && (lines.typed || now >= person.quiet.next_line_at()) {
            lines.ask(person.prompt());
            asked = true;
        }
        let wake = match (&person.pressing, at_end) {
            (Some((_, until)), _) => Some(*until),
            (None, Some(limit)) => Some(person.quiet.at().max(now + LOOK_AGAIN).min(limit)),
            (None, None) if asked => None,
            (None, None) => Some(person.quiet.next_line_at()),
        };
        tokio::select! {
            input = lines.next(), if asked => {
                asked = false;
                match input {
                    Input::Line(line) => person.typed(stage, &line).await,
                    Input::Unusable(why) => stage.note(&format!("! {why}")).await,
                    Input::End if lines.typed => break,
                    Input::End => at_end = Some(Instant::now() + stage.timeout * PATIENCE_AT_THE_END),
                }
            }
            happenings = stage.feed.next() => {
                happenings.iter().for_each(|happening| person.quiet.saw(happening, Instant::now()));
                stage.tell(happenings).await;
                person.press_again(stage).await;
            }
            () = async { tokio::time::sleep_until(wake.unwrap_or_else(Instant::now)).await }, if wake.is_some() => {
                person.press_again(stage).await;
            }
            _ = stage.shutdown.requested(1) => break,
            ended = super::ended(&mut stage.gateway) => return Err(stage.gateway_ended(ended)),
        }
    }
    Ok(Exit::Done)
}

async fn greet(stage: &Stage, command: &str) {
    let command = stage.paint.one(Style::Code, &safe(command));
    let name = stage.paint.one(Style::Bold, FIRST_USER);
    let text = format!(
        "A chat with your bot, {command}, in a Telegram of its own on this machine.\n\
         You are {name}. Type a message, or :help; Ctrl-D ends."
    );
    stage.screen.show(text).await;
}

impl Stage {
    async fn note(&self, text: &str) {
        self.screen.show(self.paint.one(Style::Dim, text)).await;
    }
}

impl Person {
    fn prompt(&self) -> String {
        format!("{}> ", safe(&self.here()))
    }

    fn here(&self) -> String {
        match &self.group {
            Some(title) => format!("{} in {title}", self.name),
            None => self.name.clone(),
        }
    }

    /// Does what was typed. What is impossible is said, and changes nothing.
    async fn typed(&mut self, stage: &mut Stage, line: &str) {
        if let Err(error) = self.does(stage, command::parse(line)).await {
            stage.note(&format!("! {error}")).await;
        }
    }

    async fn does(&mut self, stage: &mut Stage, typed: Typed) -> Result<(), ActError> {
        match typed {
            Typed::Nothing => {}
            Typed::Says(text) => {
                stage.cast.says(self.user, self.chat, &text)?;
                self.quiet.acted(self.chat, Instant::now());
                self.echo(stage, &format!(": {text}")).await;
            }
            Typed::Edit(text) => match stage.cast.edits(self.user, self.chat, &text)? {
                true => {
                    self.quiet.touched(Instant::now());
                    self.echo(stage, &format!(" edits: {text}")).await;
                }
                false => stage.note("! you have not said anything here yet").await,
            },
            Typed::Press(button) => {
                // Nobody presses what is not shown; a pipe may be faster than the bot.
                let patience = if self.typed { Duration::ZERO } else { stage.timeout };
                self.pressing = Some((button, Instant::now() + patience));
                self.press_again(stage).await;
            }
            Typed::Raw(json) => {
                let count = stage.cast.update(&json)?;
                self.quiet.touched(Instant::now());
                let plural = if count == 1 { "" } else { "s" };
                stage.note(&format!("{count} update{plural} given to the bot")).await;
            }
            Typed::As(name) => {
                let user = stage.chat(&name, None)?;
                (self.user, self.name) = (user, name);
                self.goes(stage, None).await?;
            }
            Typed::Chat(title) => self.goes(stage, title).await?,
            Typed::Users => stage.note(&list(stage.cast.users(), &self.name)).await,
            Typed::Chats => {
                let mut chats = vec![(format!("{} (private)", self.name), self.user)];
                chats.extend(stage.cast.groups().iter().cloned());
                let here = self.group.clone().unwrap_or_else(|| format!("{} (private)", self.name));
                stage.note(&list(&chats, &here)).await;
            }
            Typed::Help => stage.screen.show(command::HELP).await,
            Typed::Odd(why) => stage.note(&format!("! {why}")).await,
            Typed::Quit => self.quits = true,
        }
        Ok(())
    }

    async fn goes(&mut self, stage: &mut Stage, title: Option<String>) -> Result<(), ActError> {
        self.chat = stage.chat(&self.name.clone(), title.as_deref())?;
        self.group = title;
        stage.whereabouts.go(self.chat);
        let place = if self.group.is_some() { "" } else { ", in a private chat with the bot" };
        stage.note(&format!("You are {}{place}.", self.here())).await;
        Ok(())
    }

    /// Presses the button that is to be pressed, if it is there by now.
    async fn press_again(&mut self, stage: &mut Stage) {
        let Some((button, until)) = self.pressing.take() else { return };
        let pressed = stage.cast.presses(self.user, self.chat, &button, true);
        if matches!(pressed, Ok(Press::Missing(_))) && Instant::now() < until {
            self.pressing = Some((button, until));
            return;
        }
        self.echo(stage, &format!(" presses {button}")).await;
        match pressed {
            Ok(Press::Asked | Press::Said) => self.quiet.acted(self.chat, Instant::now()),
            Ok(Press::Missing(why)) => stage.note(&format!("! {why}")).await,
            Err(error) => stage.note(&format!("! {error}")).await,
        }
    }

    /// Shows what a pipe said; a person at a terminal has seen it.
    async fn echo(&self, stage: &Stage, what: &str) {
        if !self.typed {
            let name = stage.paint.one(Style::Bold, &safe(&self.here()));
            stage.screen.show(format!("{name}{}", safe(what))).await;
        }
    }
}

/// Names with their ids, one a line; the one where the person is has a star.
fn list(names: &[(String, i64)], here: &str) -> String {
    let lines: Vec<String> = names
        .iter()
        .map(|(name, id)| format!("{} {} ({id})", if name == here { "*" } else { " " }, safe(name)))
        .collect();
    lines.join("\n")
}
