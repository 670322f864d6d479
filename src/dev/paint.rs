//! Colours, where there are any, and text that cannot move a cursor.
//!
//! Pure. Owns the escape sequences (ECMA-48, "SGR"); nothing that a bot or a worker wrote gets to the terminal past
//! [`safe`].

/// How something looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Bold,
    Dim,
    Italic,
    Underline,
    Strike,
    /// The bot's name.
    Bot,
    /// Code, and what is pressed.
    Code,
    Warning,
    Failure,
    Good,
}

impl Style {
    fn number(self) -> &'static str {
        match self {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Italic => "3",
            Style::Underline => "4",
            Style::Strike => "9",
            Style::Bot => "1;36",
            Style::Code => "36",
            Style::Warning => "33",
            Style::Failure => "31",
            Style::Good => "32",
        }
    }
}

/// Paints, or leaves text as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paint {
    /// Whether there are colours.
    pub(super) colours: bool,
}

impl Paint {
    /// The text in these styles, line by line: a style never reaches over the end of a line.
    pub(super) fn all(self, styles: &[Style], text: &str) -> String {
        if !self.colours || styles.is_empty() || text.is_empty() {
            return text.to_owned();
        }
        let numbers: Vec<&str> = styles.iter().map(|style| style.number()).collect();
        let begin = format!("\x1b[{}m", numbers.join(";"));
        let lines: Vec<String> = text
            .split('\n')
            .map(|line| if line.is_empty() { String::new() } else { format!("{begin}{line}\x1b[0m") })
            .collect();
        lines.join("\n")
    }

    /// The text in this style.
    pub(super) fn one(self, style: Style, text: &str) -> String {
        self.all(&[style], text)
    }
}

/// The text with everything made visible that a terminal would obey; line ends and tabs stay.
pub(super) fn safe(text: &str) -> String {
    let obeyed = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
    if !text.contains(obeyed) {
        return text.to_owned();
    }
    let show =
        |letter: char| if obeyed(letter) { letter.escape_unicode().to_string() } else { letter.into() };
    text.replace("\r\n", "\n").chars().map(show).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_ends_with_its_line_and_is_left_out_without_colours() {
        let (on, off) = (Paint { colours: true }, Paint { colours: false });
        assert_eq!(on.one(Style::Dim, "a\n\nb"), "\x1b[2ma\x1b[0m\n\n\x1b[2mb\x1b[0m");
        assert_eq!(on.all(&[Style::Bold, Style::Italic], "x"), "\x1b[1;3mx\x1b[0m");
        assert_eq!(off.one(Style::Dim, "a"), "a");
    }

    #[test]
    fn nobody_moves_the_cursor() {
        assert_eq!(safe("a\x1b[2Jb\r\nc\td\u{9b}"), "a\\u{1b}[2Jb\nc\td\\u{9b}");
        assert_eq!(safe("plain é 😀\n"), "plain é 😀\n");
    }
}
