//! Reads the steps of a transcript of `protocol.md`.

use serde_json::Value;

use super::{Fault, Line, fault, json};

/// One line of a transcript.
#[derive(Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) line: usize,
    pub(crate) act: Act,
}

/// What a step of a transcript shows.
#[derive(Debug, PartialEq)]
pub(crate) enum Act {
    /// `U:` Telegram hands out this update.
    Update(Line),
    /// `G:` the worker reads a line that [`super::matching::shows`] this one.
    Gateway(Line),
    /// `W:` the worker writes this line.
    Worker(Line),
    /// `T:` Telegram receives this call, with parameters that [`super::matching::equals`] these.
    Telegram { method: String, params: Value },
    /// `!` something happens, or is seen to have happened.
    Happens(Happening),
}

/// What a `!` step can say.
#[derive(Debug, PartialEq)]
pub(crate) enum Happening {
    /// Act: the worker ends with this exit status.
    WorkerExits(u8),
    /// Fact: the worker has read the end of its input.
    WorkerInputEnds,
    /// Act: the worker writes this line, which is not one of the protocol.
    WorkerWrites(String),
    /// Fact: the gateway has started a process for the scope.
    ProcessStarts,
    /// Act: the gateway gets SIGTERM.
    GatewayToldToStop,
    /// Fact: the gateway has ended with this exit status.
    GatewayExits(u8),
}

/// Reads one line of a transcript.
pub(super) fn step(line: usize, text: &str) -> Result<Step, Fault> {
    let act = match text.split_once(' ') {
        Some(("U:", rest)) => Act::Update(json(line, rest)?),
        Some(("G:", rest)) => Act::Gateway(json(line, rest)?),
        Some(("W:", rest)) => Act::Worker(json(line, rest)?),
        Some(("T:", rest)) => {
            let Some((method, params)) = rest.split_once(' ') else {
                return fault(line, "a `T:` step is `T: method {parameters}`");
            };
            Act::Telegram { method: method.to_owned(), params: json(line, params)?.value }
        }
        Some(("!", rest)) => match happening(rest) {
            Some(happening) => Act::Happens(happening),
            None => return fault(line, format!("`{rest}` is nothing that can happen")),
        },
        _ => return fault(line, "a step begins with `U: `, `G: `, `W: `, `T: ` or `! `"),
    };
    Ok(Step { line, act })
}

fn happening(text: &str) -> Option<Happening> {
    match text {
        "the worker's input ends" => return Some(Happening::WorkerInputEnds),
        "a new process starts" => return Some(Happening::ProcessStarts),
        "the gateway is told to stop" => return Some(Happening::GatewayToldToStop),
        _ => {}
    }
    if let Some(written) = text.strip_prefix("the worker writes ") {
        return Some(Happening::WorkerWrites(written.to_owned()));
    }
    if let Some(status) = text.strip_prefix("the worker exits with ") {
        return status.parse().ok().map(Happening::WorkerExits);
    }
    let status = text.strip_prefix("the gateway exits with ")?;
    status.parse().ok().map(Happening::GatewayExits)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_step_is_read() {
        let steps = |text| step(9, text).map(|step| step.act);
        let line = |text: &str| super::json(9, text).unwrap();
        assert_eq!(steps(r#"U: {"update_id":1}"#), Ok(Act::Update(line(r#"{"update_id":1}"#))));
        assert_eq!(steps(r#"G: {"type":"x"}"#), Ok(Act::Gateway(line(r#"{"type":"x"}"#))));
        assert_eq!(steps(r#"W: {"type":"x"}"#), Ok(Act::Worker(line(r#"{"type":"x"}"#))));
        let call = Act::Telegram { method: "sendMessage".to_owned(), params: json!({"chat_id":42}) };
        assert_eq!(steps(r#"T: sendMessage {"chat_id":42}"#), Ok(call));
        for (text, happening) in [
            ("! the worker exits with 1", Happening::WorkerExits(1)),
            ("! the worker's input ends", Happening::WorkerInputEnds),
            ("! the worker writes not {json}", Happening::WorkerWrites("not {json}".to_owned())),
            ("! a new process starts", Happening::ProcessStarts),
            ("! the gateway is told to stop", Happening::GatewayToldToStop),
            ("! the gateway exits with 0", Happening::GatewayExits(0)),
        ] {
            assert_eq!(steps(text), Ok(Act::Happens(happening)), "{text}");
        }
    }
}
