//! Ends what is left of workers: descendants that left the process group, of one worker or of a whole run.
//!
//! Owns the passes: look, kill, wait, until a look finds nobody. It kills only whom its caller finds, and each of them
//! through a descriptor that is checked to be that very process.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getppid, kill_process, pidfd_send_signal};

use super::processes::{self, Mark, Process};
use super::sys;

/// A process that outlives SIGKILL for so long is in an uninterruptible wait: it is given up.
const PATIENCE: Duration = Duration::from_secs(2);
/// Of so many processes the end is waited for at once, a descriptor each; the others are met in the next pass.
const WAITED_FOR: usize = 64;

/// What was left, and what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remains {
    /// How many living processes were found, and killed.
    pub killed: usize,
    /// How many of them have not ended.
    pub left: usize,
}

/// Ends what a worker that is over has left outside of its process group. Such a process was adopted by `guardian`, our
/// parent, so in the normal case one read shows that there is none. Without a guardian nobody can tell: nothing is done.
pub(super) async fn end_of_worker(mark: String, guardian: Option<u32>) -> Remains {
    let Some(guardian) = guardian.filter(|guardian| is_parent(*guardian)) else { return Remains::default() };
    let own = std::process::id();
    if processes::listed_children(guardian).is_some_and(|pids| pids.iter().all(|pid| *pid == own)) {
        return Remains::default();
    }
    let adopted = move || processes::children(guardian).into_iter().filter(move |child| child.pid != own);
    let mark = Mark::Worker(mark);
    let ended = tokio::task::spawn_blocking(move || {
        end(|| {
            let with_descendants = |root: Process| {
                let below = if root.over { Vec::new() } else { processes::descendants(root.pid) };
                std::iter::once(root).chain(below)
            };
            // Who is about to end cannot show its mark: its children are adopted when it has ended.
            adopted().filter(|child| child.over || mark.is_on(*child)).flat_map(with_descendants).collect()
        })
    });
    ended.await.unwrap_or_default()
}

/// Ends all workers of a run, when this gateway has lost its guardian: all that carries the run's name, and all that
/// descends from this process. It must have become a subreaper before. May take seconds.
pub fn end_of_run(run: &str) -> Remains {
    let mark = Mark::Run(run.to_owned());
    end(|| {
        let mut found = processes::descendants(std::process::id());
        found.extend(processes::all().filter(|process| !process.over && mark.is_on(*process)));
        found
    })
}

/// Ends all that descends from this process, but for the trees of the children in `spared`. It must be a subreaper, and
/// `reap` must take the status of those that have ended. Each child that leads a process group is killed with its group.
pub fn end_of_descendants(spared: &[(u32, u64)], mut reap: impl FnMut()) -> Remains {
    end(|| {
        reap();
        let mut roots = processes::children(std::process::id());
        roots.retain(|child| !spared.contains(&(child.pid, child.start)));
        let below: Vec<Process> = roots.iter().flat_map(|root| processes::descendants(root.pid)).collect();
        for leader in roots.iter().filter(|root| root.group == root.pid) {
            // Not reaped yet, so the id is still its own.
            sys::kill_group(leader.pid);
        }
        roots.extend(below);
        roots
    })
}

/// The children of this process: their ids, and the times of their start, since ids are used again.
pub fn children_of_this_process() -> Vec<(u32, u64)> {
    let children = processes::children(std::process::id());
    children.into_iter().map(|child| (child.pid, child.start)).collect()
}

/// Whether our parent has this id.
pub fn is_parent(pid: u32) -> bool {
    getppid().is_some_and(|parent| i64::from(parent.as_raw_nonzero().get()) == i64::from(pid))
}

/// Kills whom `find` finds and waits for their end, again and again until it finds nobody new, for [`PATIENCE`] at most.
/// Those that are over already are waited for and not counted.
fn end(mut find: impl FnMut() -> Vec<Process>) -> Remains {
    let deadline = Instant::now() + PATIENCE;
    // By id and time of start. Who has ended may still be seen, as a zombie.
    let (mut killed, mut ended) = (BTreeSet::new(), BTreeSet::new());
    loop {
        let mut found = find();
        found.retain(|process| !ended.contains(&(process.pid, process.start)));
        if found.is_empty() || Instant::now() >= deadline {
            return Remains { killed: killed.len(), left: found.len() };
        }
        let mut waiting = Vec::new();
        for process in found {
            let name = (process.pid, process.start);
            if !process.over {
                killed.insert(name);
            }
            match hold(process) {
                Ok(pidfd) => {
                    if !process.over {
                        let _ = pidfd_send_signal(&pidfd, Signal::KILL);
                    }
                    if waiting.len() < WAITED_FOR {
                        waiting.push((name, pidfd));
                    }
                }
                Err(Errno::SRCH) => {
                    ended.insert(name);
                }
                // No descriptor to be had: by the id, which was right a moment ago.
                Err(_) => {
                    if let (false, Ok(pid)) = (process.over, sys::pid_of(process.pid)) {
                        let _ = kill_process(pid, Signal::KILL);
                    }
                }
            }
        }
        for (name, pidfd) in waiting {
            if ends(&pidfd, deadline) {
                ended.insert(name);
            }
        }
    }
}

/// A descriptor of this very process.
fn hold(process: Process) -> Result<OwnedFd, Errno> {
    let pidfd =
        sys::pidfd(process.pid).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::SRCH))?;
    let same = processes::look(process.pid).is_some_and(|now| now.start == process.start);
    if same { Ok(pidfd) } else { Err(Errno::SRCH) }
}

/// Waits for the end of a process; `false` if it does not come in time.
fn ends(pidfd: &OwnedFd, deadline: Instant) -> bool {
    loop {
        let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
        let Ok(timeout) = Timespec::try_from(left) else { return false };
        match poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return true,
            Err(_) => return false,
        }
    }
}
