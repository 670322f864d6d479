//! What is printed, in order: the conversation on stdout, the log on stderr.
//!
//! Owns both streams while it lives. A thread writes, so that a terminal that is stopped (Ctrl-S) holds up nobody but
//! the conversation. Where a person types, everything goes through [`Terminal`], which keeps what is typed in sight.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::terminal::Terminal;

/// How many lines may wait. When it is full the conversation waits, and lines of the log are counted and left out.
const WAITING: usize = 1000;
/// How long the end waits for what is to be written.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// A cheap handle; clones write to the same screen.
#[derive(Clone, Debug)]
pub(super) struct Screen {
    lines: mpsc::Sender<Line>,
    left_out: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Line {
    Chat(String),
    Log(String),
    End(oneshot::Sender<()>),
}

impl Screen {
    /// Starts the thread. `terminal` is where a person types, if one does, and `log_too` whether the log goes there.
    pub(super) fn start(terminal: Option<Terminal>, log_too: bool) -> io::Result<Screen> {
        let (lines, waiting) = mpsc::channel(WAITING);
        let left_out = Arc::new(AtomicU64::new(0));
        let counted = left_out.clone();
        std::thread::Builder::new()
            .name("screen".into())
            .spawn(move || write_all(waiting, &counted, terminal.as_ref(), log_too))?;
        Ok(Screen { lines, left_out })
    }

    /// Prints a part of the conversation.
    pub(super) async fn show(&self, text: impl Into<String>) {
        let _ = self.lines.send(Line::Chat(text.into())).await;
    }

    /// Prints a part of the log.
    pub(super) fn log(&self, text: String) {
        if self.lines.try_send(Line::Log(text)).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all is written that was printed so far.
    pub(super) async fn end(&self) {
        let (done, written) = oneshot::channel();
        if self.lines.send(Line::End(done)).await.is_ok() {
            let _ = tokio::time::timeout(LAST_WRITE, written).await;
        }
    }
}

fn write_all(
    mut waiting: mpsc::Receiver<Line>,
    left_out: &AtomicU64,
    terminal: Option<&Terminal>,
    log_too: bool,
) {
    while let Some(line) = waiting.blocking_recv() {
        let missing = left_out.swap(0, Ordering::Relaxed);
        if missing > 0 {
            let _ = writeln!(io::stderr(), "({missing} lines of the log were left out)");
        }
        match (line, terminal) {
            (Line::Chat(text), Some(terminal)) => terminal.print(&text),
            (Line::Log(text), Some(terminal)) if log_too => terminal.print(&text),
            (Line::Chat(text), None) => {
                let mut stdout = io::stdout().lock();
                let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
            }
            (Line::Log(text), _) => {
                let _ = writeln!(io::stderr(), "{text}");
            }
            (Line::End(done), _) => {
                let _ = done.send(());
            }
        }
    }
}
