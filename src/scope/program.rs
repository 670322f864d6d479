//! What all processes of the command have told about it so far.
//!
//! Owns that memory: whether the program acknowledges, and which update kinds it takes. Once said it holds for every
//! process, also for those that have not said it yet.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use super::suspicion::Suspicion;
use crate::key::ScopeKey;
use crate::telegram::UPDATE_KINDS;

/// A cheap handle; clones share the memory.
#[derive(Clone, Debug)]
pub struct Program {
    acks: Arc<AtomicBool>,
    /// Rung when it is learned that the program acknowledges.
    learned: Arc<Notify>,
    /// What Telegram is asked for.
    asked: watch::Sender<Arc<[String]>>,
    /// Nobody has named the kinds: all that comes is taken, also kinds that do not exist yet.
    takes_all: Arc<AtomicBool>,
    /// The operator has named them: what hello says of them changes nothing.
    fixed: bool,
    suspicion: Arc<Mutex<Suspicion>>,
    /// Something has failed since the last success. Most of the time nothing has, and then nobody needs the lock.
    has_failed: Arc<AtomicBool>,
}

impl Program {
    /// A program of which only the operator's word is known, if there is one.
    pub fn new(updates: Option<Vec<String>>) -> Self {
        let fixed = updates.is_some();
        let asked: Vec<String> = updates.unwrap_or_else(|| UPDATE_KINDS.map(str::to_owned).to_vec());
        Program {
            acks: Arc::default(),
            learned: Arc::default(),
            asked: watch::Sender::new(asked.into()),
            takes_all: Arc::new(AtomicBool::new(!fixed)),
            fixed,
            suspicion: Arc::default(),
            has_failed: Arc::default(),
        }
    }

    /// Whether its processes are held to acks.
    pub fn acks(&self) -> bool {
        self.acks.load(Ordering::Relaxed)
    }

    /// One of its processes said that it acknowledges, or did it.
    pub fn has_acked(&self) {
        if !self.acks.swap(true, Ordering::Relaxed) {
            self.learned.notify_one();
        }
    }

    /// Waits until it is learned that the program acknowledges.
    pub async fn learned_acks(&self) {
        self.learned.notified().await;
    }

    /// One of its processes named the kinds it takes.
    pub fn names_kinds(&self, named: Vec<String>) {
        if self.fixed {
            return;
        }
        self.asked.send_if_modified(|asked| {
            let news = **asked != *named;
            *asked = named.into();
            news
        });
        self.takes_all.store(false, Ordering::Relaxed);
    }

    /// One of its processes ended and had settled nothing. Returns whether that makes the program the suspect.
    pub fn failed(&self, scope: &ScopeKey) -> bool {
        let mut suspicion = self.suspicion.lock().unwrap_or_else(PoisonError::into_inner);
        let before = suspicion.is_raised();
        suspicion.failed(scope);
        self.has_failed.store(true, Ordering::Relaxed);
        !before && suspicion.is_raised()
    }

    /// An update was settled. Returns whether the program was the suspect until now.
    pub fn succeeded(&self) -> bool {
        if !self.has_failed.swap(false, Ordering::Relaxed) {
            return false;
        }
        let mut suspicion = self.suspicion.lock().unwrap_or_else(PoisonError::into_inner);
        let before = suspicion.is_raised();
        suspicion.succeeded();
        before
    }

    /// Whether the program itself is the suspect: nothing that fails now is the fault of an update.
    pub fn is_suspect(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
            && self.suspicion.lock().unwrap_or_else(PoisonError::into_inner).is_raised()
    }

    /// Whether it takes updates of this kind.
    pub fn takes(&self, kind: &str) -> bool {
        self.takes_all.load(Ordering::Relaxed) || self.asked.borrow().iter().any(|known| known == kind)
    }

    /// The kinds to ask Telegram for, as they become known.
    pub fn asked(&self) -> watch::Receiver<Arc<[String]>> {
        self.asked.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hello_names_the_kinds_unless_the_operator_did() {
        let program = Program::new(None);
        assert!(program.takes("message") && program.takes("not_invented_yet"));
        assert_eq!(program.asked().borrow().len(), 27);
        program.names_kinds(vec!["message".into()]);
        assert!(program.takes("message") && !program.takes("poll"));
        let program = Program::new(Some(vec!["poll".into()]));
        program.names_kinds(vec!["message".into()]);
        assert!(program.takes("poll") && !program.takes("message"));
    }
}
