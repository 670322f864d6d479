//! A dead letter in print: a row of a table, a page, or a line of JSON.
//!
//! Pure. What came from others is made harmless for terminals; in JSON the event's own bytes stand as they came.

use std::fmt::Write;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::journal::DeadLetter;
use crate::wire::one_line;

/// A letter for programs.
#[derive(Serialize)]
struct Line<'a> {
    update_id: Option<i64>,
    scope: Option<&'a str>,
    kind: Option<&'a str>,
    attempts: u32,
    died: String,
    reason: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retry: bool,
    event: Box<RawValue>,
}

/// An object in one line, `retry` being there only if the letter is to be tried again.
pub(super) fn line(letter: &DeadLetter) -> String {
    let line = Line {
        update_id: letter.update_id,
        scope: letter.scope.as_deref(),
        kind: letter.kind.as_deref(),
        attempts: letter.attempts,
        died: humantime::format_rfc3339_millis(letter.died).to_string(),
        reason: &letter.reason,
        retry: letter.retry,
        event: event(&letter.payload),
    };
    // Numbers, texts and JSON are JSON.
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}

/// The payload; a text with it, if it is no JSON.
fn event(payload: &[u8]) -> Box<RawValue> {
    let text = String::from_utf8_lossy(payload);
    let raw = RawValue::from_string(one_line(&text).into_owned());
    raw.or_else(|_| serde_json::value::to_raw_value(&text)).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A letter on lines of its own.
pub(super) fn whole(letter: &DeadLetter) -> String {
    let [died, scope, kind, update_id, attempts, reason] = row(letter);
    let event = visible(event(&letter.payload).get());
    format!(
        "update_id  {update_id}\nscope      {scope}\nkind       {kind}\ndied       {died}\nattempts   {attempts}\n\
         reason     {reason}\nevent      {event}\n"
    )
}

/// The cells of a row.
pub(super) fn row(letter: &DeadLetter) -> [String; 6] {
    let or_none = |cell: &Option<String>| cell.as_deref().map_or("-".to_owned(), visible);
    let mut reason = visible(&letter.reason);
    if letter.retry {
        reason.push_str(" (to be tried again)");
    }
    [
        humantime::format_rfc3339_seconds(letter.died).to_string(),
        or_none(&letter.scope),
        or_none(&letter.kind),
        letter.update_id.map_or("-".to_owned(), |id| id.to_string()),
        letter.attempts.to_string(),
        reason,
    ]
}

/// Rows under their headings; the last column is as wide as it likes.
pub(super) fn table(rows: &[[String; 6]]) -> String {
    let headings = ["DIED", "SCOPE", "KIND", "UPDATE_ID", "ATTEMPTS", "REASON"].map(str::to_owned);
    let mut widths = [0; 5];
    for row in rows.iter().chain([&headings]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    let mut text = String::new();
    for row in [&headings].into_iter().chain(rows) {
        for (width, cell) in widths.iter().zip(row) {
            let _ = write!(text, "{cell:width$}  ");
        }
        let _ = writeln!(text, "{}", row[5]);
    }
    text
}

/// The text with everything escaped that a terminal would obey.
fn visible(text: &str) -> String {
    let show = |letter: char| match letter.is_control() {
        true => letter.escape_unicode().to_string(),
        false => letter.into(),
    };
    text.chars().map(show).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::journal::{DeadLetters, LetterId, OpenError};

    fn letter(payload: &str) -> DeadLetter {
        DeadLetter {
            id: LetterId::default(),
            update_id: Some(501),
            scope: Some("chat:42".into()),
            kind: Some("message".into()),
            attempts: 3,
            died: UNIX_EPOCH + Duration::from_millis(1_500),
            reason: "3 attempts \u{1b}[1mfailed".into(),
            payload: payload.into(),
            retry: false,
        }
    }

    #[test]
    fn the_event_stands_as_it_came_in_one_line() {
        let payload = "{\"text\":\"\\ud83d é\",\n \"n\":1.50}";
        let expected = concat!(
            r#"{"update_id":501,"scope":"chat:42","kind":"message","attempts":3,"died":"1970-01-01T00:00:01.500Z","#,
            r#""reason":"3 attempts \u001b[1mfailed","event":{"text":"\ud83d é","n":1.50}}"#,
            "\n"
        );
        assert_eq!(line(&letter(payload)), expected);
        assert!(line(&letter("no\njson")).ends_with("\"event\":\"no\\njson\"}\n"));
    }

    #[test]
    fn a_terminal_obeys_nothing_of_it() {
        let rows = [row(&letter("{}"))];
        let table = table(&rows);
        let expected = "DIED                  SCOPE    KIND     UPDATE_ID  ATTEMPTS  REASON\n\
                        1970-01-01T00:00:01Z  chat:42  message  501        3         3 attempts \\u{1b}[1mfailed\n";
        assert_eq!(table, expected);
        assert!(whole(&letter("{\"a\":\"\u{9b}\"}")).ends_with("event      {\"a\":\"\\u{9b}\"}\n"));
    }

    #[test]
    fn where_there_is_no_journal_none_is_made() {
        let folder = tempfile::tempdir().expect("there is room for tests");
        assert!(matches!(DeadLetters::open(folder.path()), Err(OpenError::Missing { .. })));
        assert_eq!(folder.path().read_dir().map(Iterator::count).ok(), Some(0));
    }
}
