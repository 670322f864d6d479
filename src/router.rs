//! The table of live scopes: which scope has a process, and which has to wait for one.
//!
//! Owns the table and the limit of live processes. Updates never pass through here, only the names of scopes: what is
//! owed is found in the journal. It never touches a worker; scopes do.

mod slots;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::key::ScopeKey;
use crate::scope::{self, Carry, Ended, Live, Order, Reason, Standing, Surroundings};
use slots::Slots;

/// When the machine has no room for a process, nothing is started for so long.
const PAUSE: Duration = Duration::from_millis(250);
/// And so often at most a person is told.
const COMPLAINT_EVERY: Duration = Duration::from_secs(60);

/// The router.
#[derive(Debug)]
pub struct Router {
    around: Surroundings,
    /// The most processes that live at once.
    max_live: usize,
    live: DashMap<ScopeKey, Arc<Live>>,
    slots: Slots,
    tasks: JoinSet<Ended>,
    names: HashMap<Id, ScopeKey>,
    /// How many scopes are ending to make place for others.
    evicting: usize,
    paused_until: Option<Instant>,
    complained: Option<Instant>,
    /// Somebody waits for a place: scopes then tell when they can be done without.
    pressed: Arc<AtomicBool>,
    freed: Arc<Notify>,
}

impl Router {
    /// A router that lets `max_live` processes live at once.
    pub fn new(around: Surroundings, max_live: usize) -> Self {
        Router {
            around,
            max_live,
            live: DashMap::new(),
            slots: Slots::default(),
            tasks: JoinSet::new(),
            names: HashMap::new(),
            evicting: 0,
            paused_until: None,
            complained: None,
            pressed: Arc::default(),
            freed: Arc::default(),
        }
    }

    /// Serves the scopes that `arrivals` names, until `orders` says otherwise and no scope is left. Scopes started then
    /// are none, and the journal keeps what is owed to them.
    pub async fn run(
        mut self,
        mut arrivals: mpsc::Receiver<Vec<ScopeKey>>,
        mut orders: watch::Receiver<Order>,
    ) {
        loop {
            let order = *orders.borrow_and_update();
            if order == Order::Serve {
                self.start_and_evict();
            } else {
                self.live.iter().for_each(|live| live.order(order));
                if self.tasks.is_empty() {
                    return;
                }
            }
            let wake_at = [self.slots.wake_at(), self.paused_until].into_iter().flatten().min();
            tokio::select! {
                Ok(()) = orders.changed() => {}
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended).await,
                Some(keys) = arrivals.recv() => keys.iter().for_each(|key| self.owed(key)),
                () = self.freed.notified() => {}
                () = async { tokio::time::sleep_until(wake_at.expect("checked")).await }, if wake_at.is_some() => {
                    self.slots.wake(Instant::now());
                    self.paused_until = self.paused_until.filter(|until| *until > Instant::now());
                }
            }
        }
    }

    fn owed(&mut self, key: &ScopeKey) {
        match self.live.get(key) {
            Some(live) => live.wake(),
            None => self.slots.owed(key),
        }
    }

    fn start_and_evict(&mut self) {
        while self.paused_until.is_none() && self.tasks.len() < self.max_live {
            let Some((key, carry)) = self.slots.next() else { break };
            self.start(key, carry);
        }
        let needed = match self.paused_until {
            Some(_) => 1,
            None => self.slots.waiting(),
        };
        self.pressed.store(needed > 0, Ordering::Relaxed);
        if needed > self.evicting {
            self.evict(needed - self.evicting);
        }
    }

    fn start(&mut self, key: ScopeKey, carry: Carry) {
        let live = Arc::new(Live::new());
        let (pressed, freed) = (self.pressed.clone(), self.freed.clone());
        let told = move || {
            if pressed.load(Ordering::Relaxed) {
                freed.notify_one();
            }
        };
        let scope = scope::run(self.around.clone(), key.clone(), carry, live.clone(), told);
        let task = self.tasks.spawn(scope);
        self.names.insert(task.id(), key.clone());
        self.live.insert(key, live);
    }

    /// Ends up to `count` processes that can be done without: the idle before those that only wait, and of these the
    /// least recently used first.
    fn evict(&mut self, count: usize) {
        let mut dispensable: Vec<(Standing, Instant, Arc<Live>)> = self
            .live
            .iter()
            .map(|live| (live.standing(), live.last_line(), live.value().clone()))
            .filter(|(standing, ..)| *standing < Standing::Busy)
            .collect();
        dispensable.sort_by_key(|(standing, last_line, _)| (*standing, *last_line));
        for (_, _, live) in dispensable.into_iter().take(count) {
            live.order(Order::End(Reason::Evicted));
            self.evicting += 1;
        }
    }

    async fn ended(&mut self, ended: Result<(Id, Ended), JoinError>) {
        let (id, ended) = match ended {
            Ok((id, ended)) => (id, Some(ended)),
            Err(error) => {
                tracing::error!("a scope's task failed: {error}");
                (error.id(), None)
            }
        };
        let Some(key) = self.names.remove(&id) else { return };
        let evicted = self.live.remove(&key).is_some_and(|(_, live)| live.was_evicted());
        self.evicting -= usize::from(evicted);
        let now = Instant::now();
        if ended.as_ref().is_some_and(|ended| ended.machine_is_full) {
            self.complain(now);
            self.paused_until = Some(now + PAUSE);
        }
        let carry = ended.map_or_else(Carry::default, |ended| ended.carry);
        let owed = self.around.journal.owed(&key, None, 1).await;
        if owed.is_ok_and(|owed| !owed.is_empty()) {
            self.slots.still_owed(key, carry, now);
        }
    }

    fn complain(&mut self, now: Instant) {
        if self.complained.is_some_and(|last| now < last + COMPLAINT_EVERY) {
            return;
        }
        self.complained = Some(now);
        tracing::warn!(
            live = self.tasks.len(),
            waiting = self.slots.waiting() + 1,
            help = "raise the limits of open files and processes (`ulimit -n`, `ulimit -u`), or lower --max-workers",
            "the machine has no room for another worker: scopes wait"
        );
    }
}
