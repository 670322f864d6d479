//! What the system says of processes: who is whose child, and who carries a worker's mark (proc(5)).
//!
//! Owns nothing and changes nothing. An id is a process only together with the time of its start: ids are used again.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// The variable that marks a worker and, by inheritance, all that it starts: `<run>.<n>`.
pub(super) const VARIABLE: &str = "ASGIGRAM_WORKER";
/// More of an environment is not looked at; Linux gives a process 6 MiB for arguments and environment at most.
const MAX_ENVIRONMENT: u64 = 8 << 20;

/// A process, as it was when it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// In clock ticks since the machine started.
    pub(super) start: u64,
    pub(super) parent: u32,
    pub(super) group: u32,
    /// It is a zombie or about to be one: it has no memory any more, and no environment. Not so while threads go on
    /// that have outlived the first one.
    pub(super) over: bool,
}

/// Whose processes are meant.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    /// Those of one worker, `<run>.<n>`.
    Worker(String),
    /// Those of all workers of a run of the gateway.
    Run(String),
}

/// The process with this id, if there is one.
pub(super) fn look(pid: u32) -> Option<Process> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// All processes that can be seen.
pub(super) fn all() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(look)
}

/// The ids of the children of a process, its adopted ones too, from the list that the kernel keeps (`CONFIG_PROC_CHILDREN`).
/// `None` if there is no list that may be read.
pub(super) fn listed_children(pid: u32) -> Option<Vec<u32>> {
    let own = Path::new("/proc").join(pid.to_string()).join("task");
    let mut found = Vec::new();
    // A child belongs to the thread that started it.
    for task in fs::read_dir(own).ok()?.flatten() {
        match fs::read_to_string(task.path().join("children")) {
            Ok(list) => found.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok())),
            Err(_) if !task.path().exists() => {}
            Err(_) => return None,
        }
    }
    Some(found)
}

/// The children of a process, its adopted ones too: those of the list, or by a look at everybody where there is none.
pub(super) fn children(pid: u32) -> Vec<Process> {
    match listed_children(pid) {
        Some(pids) => pids.into_iter().filter_map(look).filter(|child| child.parent == pid).collect(),
        None => all().filter(|process| process.parent == pid).collect(),
    }
}

/// All that descends from a process, parents before their children. A tree that changes meanwhile may hide a part.
pub(super) fn descendants(pid: u32) -> Vec<Process> {
    let mut found = children(pid);
    let mut next = 0;
    while let Some(process) = found.get(next) {
        let below = children(process.pid);
        // What was adopted in between shows up in two places.
        for process in below {
            if !found.contains(&process) {
                found.push(process);
            }
        }
        next += 1;
    }
    found
}

impl Mark {
    /// Whether a process carries the mark. One whose environment may not be read carries none.
    pub(super) fn is_on(&self, process: Process) -> bool {
        let tasks = Path::new("/proc").join(process.pid.to_string()).join("task");
        // All threads share one environment, but that of a thread that is over cannot be read.
        let tasks = fs::read_dir(tasks).into_iter().flatten().flatten();
        let mut environments = tasks.filter_map(|task| environment(&task.path().join("environ")));
        environments.next().is_some_and(|environment| self.is_among(&environment))
    }

    fn is_among(&self, environment: &[u8]) -> bool {
        let values = environment.split(|byte| *byte == 0).filter_map(|variable| {
            variable.strip_prefix(VARIABLE.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
        });
        let mut values = values.filter_map(|value| std::str::from_utf8(value).ok());
        values.any(|value| match self {
            Mark::Worker(mark) => value == mark,
            Mark::Run(run) => value.strip_prefix(run.as_str()).is_some_and(|rest| rest.starts_with('.')),
        })
    }
}

/// `None` if it may not be read, or is empty.
fn environment(path: &Path) -> Option<Vec<u8>> {
    let mut environment = Vec::new();
    File::open(path).ok()?.take(MAX_ENVIRONMENT).read_to_end(&mut environment).ok()?;
    Some(environment).filter(|environment| !environment.is_empty())
}

/// Reads `/proc/<pid>/stat`. The name of the program stands in parentheses and may hold anything.
fn parse(pid: u32, stat: &str) -> Option<Process> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let id = |at: usize| number(at).and_then(|id| u32::try_from(id).ok());
    let no_memory = number(20)? == 0 || fields[0].starts_with(['Z', 'X']);
    let alone = number(17)? <= 1;
    Some(Process { pid, start: number(19)?, parent: id(1)?, group: id(2)?, over: no_memory && alone })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_sees_itself_and_its_parent() {
        let own = look(std::process::id()).unwrap();
        assert!(!own.over && own.start > 0);
        assert!(children(own.parent).contains(&own));
        assert!(all().any(|process| process == own));
    }

    #[test]
    fn a_program_may_have_any_name() {
        let rest = "S 7 8 8 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 555 4096 1";
        let found = parse(9, &format!("9 (a) Z (b)) {rest}\n"));
        assert_eq!(found, Some(Process { pid: 9, start: 555, parent: 7, group: 8, over: false }));
        assert!(parse(9, &format!("9 (x) {}", rest.replacen('S', "Z", 1))).is_some_and(|found| found.over));
        assert!(
            parse(9, &format!("9 (x) {}", rest.replace(" 4096 ", " 0 "))).is_some_and(|found| found.over)
        );
        assert_eq!(parse(9, "9 (x) S 7"), None);
        assert_eq!(parse(9, ""), None);
    }

    #[test]
    fn a_mark_is_a_whole_value() {
        let environment = b"A=ASGIGRAM_WORKER=ab.2\0ASGIGRAM_WORKER=ab.12\0\xff=\xff\0";
        let on = |mark: Mark| mark.is_among(environment);
        assert!(on(Mark::Worker("ab.12".into())) && on(Mark::Run("ab".into())));
        assert!(!on(Mark::Worker("ab.1".into())) && !on(Mark::Worker("ab.2".into())));
        assert!(!on(Mark::Run("a".into())) && !on(Mark::Run("ab.1".into())));
        assert!(!Mark::Run("ab".into()).is_among(b""));
    }
}
