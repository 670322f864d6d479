//! The rules of delivery, as sequences that would break them.

use super::*;
use crate::scope::event::End;
use crate::wire::Retry;

/// A scope on paper: the rows of its journal, and what was done so far.
struct Paper {
    state: State,
    acks: bool,
    now: Instant,
    journal: Vec<Owed>,
    done: Vec<String>,
}

impl Paper {
    fn new(acks: bool, updates: i64) -> Self {
        Self::with(acks, (1..=updates).map(|n| owed(n as u64, n)).collect(), Carry::default())
    }

    fn with(acks: bool, journal: Vec<Owed>, carry: Carry) -> Self {
        let rules = Rules {
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_secs(4),
            max_attempts: 3,
            idle_timeout: Duration::from_secs(900),
            handle_timeout: Duration::from_secs(600),
        };
        let now = Instant::now();
        let mut paper = Paper {
            state: State::new(rules, carry, now, SystemTime::now()),
            acks,
            now,
            journal,
            done: Vec::new(),
        };
        paper.on(Event::Tick);
        paper
    }

    /// Feeds an event and performs the actions; loads are answered at once.
    fn on(&mut self, event: Event) -> &mut Self {
        let mut actions: VecDeque<Action> = self.state.handle(event, self.acks, self.now).into();
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Load { after, limit } => {
                    let newer = self.journal.iter().filter(|owed| after.is_none_or(|after| owed.row > after));
                    let rows: Vec<Owed> = newer.take(limit).cloned().collect();
                    let more = rows.len() == limit;
                    actions.extend(self.state.handle(Event::Loaded { rows, more }, self.acks, self.now));
                }
                Action::Deliver(delivery) => {
                    let late = if delivery.late { " late" } else { "" };
                    let Owed { update_id, taken, .. } = delivery.owed;
                    self.done.push(format!("deliver {update_id}#{}{late}", taken + 1));
                }
                Action::Settle(row) => self.forget(row, "settle"),
                Action::Expire(row) => self.forget(row, "expire"),
                Action::Bury { owed, reason } => self.forget(owed.row, &format!("bury ({reason})")),
                Action::GiveBack { row, failed } => {
                    let owed = self.journal.iter_mut().find(|owed| owed.row == row).unwrap();
                    owed.taken += 1;
                    owed.failed += u32::from(failed);
                    let word = if failed { "fail" } else { "return" };
                    self.done.push(format!("{word} {}", owed.update_id));
                }
                Action::Ignore { update_id } => self.done.push(format!("ignore {update_id}")),
            }
        }
        self
    }

    fn forget(&mut self, row: Row, word: &str) {
        let at = self.journal.iter().position(|owed| owed.row == row).unwrap();
        self.done.push(format!("{word} {}", self.journal.remove(at).update_id));
    }

    fn ack(&mut self, update_id: i64) -> &mut Self {
        self.on(Event::Ack { update_id, through: false })
    }

    fn says_something(&mut self) -> &mut Self {
        self.state.line_went(self.now);
        self
    }

    fn ends(&mut self) -> &mut Self {
        self.state.ending(false);
        self
    }

    fn exits(&mut self, clean: bool, events_taken: u64) -> &mut Self {
        self.on(Event::Gone(End { clean, events_taken, wrote: true, blameless: false }))
    }

    fn after(&mut self, seconds: u64) -> &mut Self {
        self.now += Duration::from_secs(seconds);
        self.on(Event::Tick)
    }

    fn done(&mut self) -> String {
        std::mem::take(&mut self.done).join(", ")
    }

    /// The next process of the same scope, when its hold is over.
    fn again(self) -> Self {
        let carry = self.state.carry();
        let mut next = Self::with(self.acks, self.journal, carry);
        next.now = carry.hold_until.unwrap_or(next.now);
        next.on(Event::Tick);
        next
    }
}

fn owed(row: u64, update_id: i64) -> Owed {
    let arrived = SystemTime::now();
    Owed {
        row: Row(row),
        update_id,
        kind: "message".into(),
        payload: "{}".into(),
        taken: 0,
        failed: 0,
        arrived,
        retried: false,
    }
}

#[test]
fn with_acks_the_next_comes_on_the_ack() {
    let mut scope = Paper::new(true, 3);
    assert_eq!(scope.done(), "deliver 1#1");
    assert_eq!(scope.on(Event::Read(1)).after(3600).done(), "");
    assert_eq!(scope.ack(1).done(), "settle 1, deliver 2#1");
    assert_eq!(scope.ack(1).ack(77).done(), "ignore 1, ignore 77");
    assert_eq!(scope.ack(2).ack(3).done(), "settle 2, deliver 3#1, settle 3");
    assert!(scope.state.has_nothing_unsettled());
}

#[test]
fn a_window_takes_several_and_through_settles_all_before() {
    let mut scope = Paper::new(true, 5);
    scope.state.introduced(3, true);
    assert_eq!(scope.on(Event::Tick).done(), "deliver 1#1, deliver 2#1, deliver 3#1");
    assert_eq!(scope.ack(2).done(), "settle 2, deliver 4#1");
    assert_eq!(
        scope.on(Event::Ack { update_id: 4, through: true }).done(),
        "settle 1, settle 3, settle 4, deliver 5#1"
    );
}

#[test]
fn without_acks_reading_the_next_line_settles_the_last() {
    let mut scope = Paper::new(false, 3);
    assert_eq!(scope.done(), "deliver 1#1");
    assert_eq!(scope.on(Event::Read(1)).done(), "deliver 2#1");
    assert_eq!(scope.on(Event::Read(2)).done(), "settle 1, deliver 3#1");
    assert_eq!(scope.on(Event::Read(3)).after(29).done(), "settle 2");
    assert_eq!(scope.after(1).done(), "settle 3");
}

#[test]
fn without_acks_a_clean_end_settles_what_was_read_and_nothing_else() {
    let mut scope = Paper::new(false, 2);
    scope.on(Event::Read(1));
    assert_eq!(scope.done(), "deliver 1#1, deliver 2#1");
    assert_eq!(scope.exits(true, 1).done(), "settle 1");
    let mut next = scope.again();
    assert_eq!(next.done(), "deliver 2#1");
    assert_eq!(next.exits(false, 1).done(), "fail 2");
}

#[test]
fn a_program_that_never_reads_has_answered_by_writing() {
    let mut fortune = Paper::new(false, 1);
    assert_eq!(fortune.exits(true, 0).done(), "deliver 1#1, settle 1");
    let mut silent = Paper::new(false, 1);
    assert_eq!(
        silent.on(Event::Gone(End { clean: true, events_taken: 0, wrote: false, blameless: false })).done(),
        "deliver 1#1"
    );
    assert!(silent.state.carry().hold_until.is_some(), "or it would be started again without end");
}

#[test]
fn a_death_at_start_charges_nothing_and_waits_longer_each_time() {
    let mut scope = Paper::new(true, 1);
    let mut waits = Vec::new();
    for _ in 0..4 {
        scope.exits(false, 0);
        waits.push((scope.state.carry().hold_until.unwrap() - scope.now).as_secs());
        scope = scope.again();
    }
    assert_eq!(waits, [1, 2, 4, 4]);
    assert_eq!(scope.done(), "deliver 1#1");
}

#[test]
fn the_third_death_with_an_update_in_flight_gives_it_up_and_the_scope_goes_on() {
    let mut scope = Paper::new(true, 2);
    for attempt in 1..=2 {
        assert_eq!(scope.exits(false, 1).done(), format!("deliver 1#{attempt}, fail 1"));
        scope = scope.again();
    }
    assert_eq!(scope.exits(false, 1).done(), "deliver 1#3, fail 1, bury (3 attempts failed) 1");
    scope = scope.again();
    assert_eq!(scope.ack(2).done(), "deliver 2#1, settle 2");
    assert_eq!(scope.state.carry().failures, 0);
}

#[test]
fn several_in_flight_are_charged_to_nobody_and_come_one_at_a_time() {
    let mut scope = Paper::new(true, 4);
    scope.state.introduced(3, true);
    scope.on(Event::Tick);
    assert_eq!(scope.exits(false, 2).done(), "deliver 1#1, deliver 2#1, deliver 3#1, return 1, return 2");
    let mut next = scope.again();
    next.state.introduced(3, true);
    assert_eq!(next.on(Event::Tick).done(), "deliver 1#2");
    assert_eq!(next.ack(1).done(), "settle 1, deliver 2#2");
    assert_eq!(next.ack(2).done(), "settle 2, deliver 3#1, deliver 4#1");
}

#[test]
fn what_we_end_is_charged_to_nobody() {
    let mut scope = Paper::new(true, 1);
    assert_eq!(scope.ends().exits(false, 2).done(), "deliver 1#1, return 1");
    assert_eq!(scope.state.carry(), Carry::default());
}

#[test]
fn goodbye_is_a_next_line() {
    let mut scope = Paper::new(false, 1);
    scope.on(Event::Read(1)).ends();
    assert_eq!(scope.exits(false, 2).done(), "deliver 1#1, settle 1");
}

#[test]
fn nacks_postpone_fail_or_give_up() {
    let mut scope = Paper::new(true, 2);
    scope.on(Event::Nack { update_id: 1, retry: Retry::After(Duration::from_secs(60)) });
    assert_eq!(scope.done(), "deliver 1#1, return 1");
    assert_eq!(scope.after(59).done(), "", "the order of the scope is kept: nothing overtakes");
    assert_eq!(scope.after(1).done(), "deliver 1#2");
    scope.on(Event::Nack { update_id: 1, retry: Retry::Failed });
    assert_eq!(scope.after(1).done(), "fail 1, deliver 1#3");
    scope.on(Event::Nack { update_id: 1, retry: Retry::Never });
    assert_eq!(scope.done(), "bury (its worker gave it up) 1, deliver 2#1");
}

#[test]
fn an_idle_process_has_a_time_to_end() {
    let mut scope = Paper::new(true, 1);
    assert_eq!(scope.state.idle_at(), None);
    scope.after(5).says_something().ack(1);
    assert_eq!(scope.state.idle_at(), Some(scope.now + Duration::from_secs(900)));
    scope.state.introduced(1, false);
    assert_eq!(scope.state.idle_at(), None);
}

#[test]
fn a_worker_that_read_and_says_nothing_has_a_time_to_end_and_has_failed() {
    let mut scope = Paper::new(true, 1);
    assert_eq!(scope.state.timeout_at(), None, "it has not read it yet");
    scope.on(Event::Read(1));
    let timeout = Duration::from_secs(600);
    assert_eq!(scope.state.timeout_at(), Some(scope.now + timeout));
    scope.after(5).says_something();
    assert_eq!(scope.state.timeout_at(), Some(scope.now + timeout));
    scope.state.ending(true);
    assert_eq!(scope.exits(true, 2).done(), "deliver 1#1, fail 1");
    assert!(scope.state.carry().hold_until.is_some());
}

#[test]
fn a_question_that_waited_too_long_is_not_delivered_and_an_act_is_late() {
    let mut inline = owed(1, 1);
    inline.kind = "inline_query".into();
    let mut press = owed(2, 2);
    press.kind = "callback_query".into();
    let carry = Carry { hold_until: Some(Instant::now() + Duration::from_secs(200)), ..Carry::default() };
    let mut scope = Paper::with(true, vec![inline, press], carry);
    assert_eq!(scope.after(199).done(), "");
    assert_eq!(scope.after(2).done(), "expire 1, deliver 2#1 late");
}

#[test]
fn a_question_that_a_person_had_tried_again_is_delivered_however_old() {
    let mut inline = owed(1, 1);
    inline.kind = "inline_query".into();
    inline.arrived -= Duration::from_secs(86_400);
    inline.retried = true;
    let mut scope = Paper::with(true, vec![inline], Carry::default());
    assert_eq!(scope.on(Event::Tick).done(), "deliver 1#1 late");
}

proptest::proptest! {
    /// Whatever workers do, first deliveries come in order, a window is kept, and nothing is forgotten.
    #[test]
    fn nothing_is_lost_and_first_deliveries_are_in_order(
        acks in proptest::bool::ANY,
        window in 1usize..4,
        steps in proptest::collection::vec((0u8..6, 0u64..4), 0..60),
    ) {
        let mut scope = Paper::new(acks, 6);
        let mut log = Vec::new();
        for (step, n) in steps {
            scope.state.introduced(window, true);
            let front = scope.state.in_flight.front().map_or(99, |flight| flight.owed.update_id);
            match step {
                0 => { scope.ack(front); }
                1 => { let read = scope.state.lines; scope.on(Event::Read(read)); }
                2 => { scope.on(Event::Nack { update_id: front, retry: Retry::Failed }); }
                3 => { scope.after(n); }
                4 => { scope.ends(); }
                _ => {
                    let taken = scope.state.lines.saturating_sub(n);
                    scope.exits(n % 2 == 0, taken);
                    log.append(&mut scope.done);
                    scope = scope.again();
                }
            }
            let unread = scope.state.in_flight.iter().filter(|flight| flight.read.is_none()).count();
            let within = if acks { scope.state.in_flight.len() <= window } else { unread <= 1 };
            proptest::prop_assert!(within);
        }
        log.append(&mut scope.done);
        let ids = |prefix: &str| -> Vec<i64> {
            let of_prefix = log.iter().filter(|line| line.starts_with(prefix));
            of_prefix.filter_map(|line| line.rsplit(' ').next()?.split('#').next()?.parse().ok()).collect()
        };
        let mut first = Vec::new();
        for id in ids("deliver") {
            if !first.contains(&id) { first.push(id); }
        }
        proptest::prop_assert!(first.is_sorted());
        let mut ended = ids("settle");
        ended.extend(ids("bury"));
        ended.extend(scope.journal.iter().map(|owed| owed.update_id));
        ended.sort_unstable();
        proptest::prop_assert_eq!(ended, vec![1, 2, 3, 4, 5, 6]);
    }
}
