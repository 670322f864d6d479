//! What a person typed: a message, or a command that begins with `:`.
//!
//! Pure. Owns the commands and their help.

/// A line of the person.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Nothing,
    Says(String),
    As(String),
    /// A group by its title, or back to the private chat.
    Chat(Option<String>),
    Press(String),
    Edit(String),
    Users,
    Chats,
    Raw(String),
    Help,
    Quit,
    /// A command that cannot be understood, and why.
    Odd(String),
}

/// What `:help` says.
pub(super) const HELP: &str = "\
What you type is sent to the bot as a message. A line that begins with `:` is a command:
  :press BUTTON   press a button by its number or label
  :edit TEXT      change your last message
  :as NAME        be another user, in a private chat of theirs
  :chat TITLE     go to a group, which is made if it is new; `:chat` goes back
  :users :chats   who and what there is
  :raw JSON       give the bot any update, such as {\"poll\":{…}}
  :quit           stop (so do Ctrl-D and Ctrl-C)
`::` at the start of a message stands for one colon.";

/// Reads a line.
pub(super) fn parse(line: &str) -> Typed {
    let line = line.trim_end();
    if line.trim().is_empty() {
        return Typed::Nothing;
    }
    let Some(rest) = line.strip_prefix(':') else { return Typed::Says(line.to_owned()) };
    if rest.starts_with(':') {
        return Typed::Says(rest.to_owned());
    }
    // `:)` and `:-(` are messages.
    if !rest.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Typed::Says(line.to_owned());
    }
    let (name, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let argument = argument.trim();
    let needed = |what: &str, make: fn(String) -> Typed| match argument {
        "" => Typed::Odd(format!("`:{name}` needs {what}, as in `:{name} {}`", example(name))),
        argument => make(argument.to_owned()),
    };
    match name {
        "as" => needed("a name", Typed::As),
        "chat" => Typed::Chat(Some(argument.to_owned()).filter(|title| !title.is_empty())),
        "press" => needed("a button", Typed::Press),
        "edit" => needed("a text", Typed::Edit),
        "raw" => needed("an update", Typed::Raw),
        "users" => Typed::Users,
        "chats" => Typed::Chats,
        "help" | "h" => Typed::Help,
        "quit" | "q" | "exit" => Typed::Quit,
        _ => Typed::Odd(format!(
            "there is no command `:{name}`; `:help` lists them, `::{name}` sends `:{name}`"
        )),
    }
}

fn example(name: &str) -> &'static str {
    match name {
        "as" => "bob",
        "press" => "1",
        "edit" => "what I meant",
        _ => "{\"message\":{…}}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_message_unless_it_is_a_command() {
        let says = |text: &str| Typed::Says(text.into());
        assert_eq!(parse("/start"), says("/start"));
        assert_eq!(parse("  indented  "), says("  indented"));
        assert_eq!(parse(":)"), says(":)"));
        assert_eq!(parse("::help"), says(":help"));
        assert_eq!(parse("   "), Typed::Nothing);
        assert_eq!(parse(":as bob"), Typed::As("bob".into()));
        assert_eq!(parse(":chat the team"), Typed::Chat(Some("the team".into())));
        assert_eq!(parse(":chat"), Typed::Chat(None));
        assert_eq!(parse(":press  Yes please "), Typed::Press("Yes please".into()));
        assert_eq!(parse(":q"), Typed::Quit);
        assert_eq!(parse(":press"), Typed::Odd("`:press` needs a button, as in `:press 1`".into()));
        assert!(matches!(parse(":foo"), Typed::Odd(why) if why.contains("`:foo`")));
    }

    #[test]
    fn every_command_in_the_help_is_one() {
        for word in HELP.split_whitespace().filter(|word| word.starts_with(':')) {
            let odd = matches!(parse(word), Typed::Odd(why) if why.contains("no command"));
            assert!(!odd, "{word}");
        }
    }
}
