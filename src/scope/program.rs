//! What all processes of the command have told about it so far.
//!
//! Owns that memory: whether the program acknowledges, and which update kinds it takes. Once said it holds for every
//! process, also for those that have not said it yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// A cheap handle; clones share the memory.
#[derive(Clone, Debug)]
pub struct Program {
    acks: Arc<AtomicBool>,
    /// The kinds it takes; `None` while it takes all.
    wanted: watch::Sender<Option<Arc<[String]>>>,
    /// The operator has named the kinds: what hello says of them changes nothing.
    fixed: bool,
}

impl Program {
    /// A program of which only the operator's word is known, if there is one.
    pub fn new(wanted: Option<Arc<[String]>>) -> Self {
        let fixed = wanted.is_some();
        Program { acks: Arc::default(), wanted: watch::Sender::new(wanted), fixed }
    }

    /// Whether its processes are held to acks.
    pub fn acks(&self) -> bool {
        self.acks.load(Ordering::Relaxed)
    }

    /// One of its processes said that it acknowledges, or did it.
    pub fn has_acked(&self) {
        self.acks.store(true, Ordering::Relaxed);
    }

    /// One of its processes named the kinds it takes.
    pub fn names_kinds(&self, kinds: Vec<String>) {
        if !self.fixed {
            self.wanted.send_if_modified(|wanted| {
                let news = wanted.as_deref() != Some(&kinds[..]);
                *wanted = Some(kinds.into());
                news
            });
        }
    }

    /// Whether it takes updates of this kind.
    pub fn takes(&self, kind: &str) -> bool {
        self.wanted.borrow().as_deref().is_none_or(|kinds| kinds.iter().any(|known| known == kind))
    }

    /// The kinds it takes, as they become known.
    pub fn wanted(&self) -> watch::Receiver<Option<Arc<[String]>>> {
        self.wanted.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hello_names_the_kinds_unless_the_operator_did() {
        let program = Program::new(None);
        assert!(program.takes("message") && program.takes("poll"));
        program.names_kinds(vec!["message".into()]);
        assert!(program.takes("message") && !program.takes("poll"));
        let program = Program::new(Some(Arc::from(["poll".to_owned()])));
        program.names_kinds(vec!["message".into()]);
        assert!(program.takes("poll") && !program.takes("message"));
    }
}
