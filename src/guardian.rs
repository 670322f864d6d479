//! The guardian: the parent of a gateway, which leaves no worker behind however the gateway ends.
//!
//! ```text
//! guardian ── gateway ── workers ── whatever they start
//!     └────── adopts what loses its parent
//! ```
//!
//! The program starts itself once more for the gateway, with the same arguments, environment and open files; what goes
//! wrong with the arguments is the gateway's to say. The guardian is one thread with no runtime. It passes signals on,
//! takes the status of every orphan, and ends, when the gateway has ended in any way, whatever descends from it. Its
//! exit code is the gateway's. It works as process 1 of a container.
//!
//! Owns the process of the gateway, and `waitpid(-1)`, which nobody else may call. It never starts the gateway anew,
//! reads no token, and copies neither the arguments nor the environment anywhere else.

mod signals;
mod ward;

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::ExitStatus;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};

use crate::exit::{Exit, Fatal};
use crate::logging::{self, Format};
use crate::worker;
use signals::Signals;
pub use ward::{VARIABLE, of_this_process, watch};

/// What the guardian is told: how to log.
#[derive(Clone, Copy, Debug)]
pub struct GuardianConfig {
    /// The form of the log.
    pub format: Format,
    /// As for [`logging::start`].
    pub verbosity: i8,
}

/// Starts the gateway as a child and serves it to its end. Returns the gateway's exit code, or 128 and the number of the
/// signal that ended it.
pub fn run(config: GuardianConfig) -> Result<Exit, Fatal> {
    // The token may be among our arguments: as in the gateway, nobody else shall read our memory.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let failed = |error: io::Error, what: &str| {
        Fatal::new(Exit::Failed, anyhow::Error::from(error).context(what.to_owned()))
            .with_help("--no-guardian runs the gateway without one")
    };
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|error| failed(error.into(), "the guardian cannot adopt orphans"))?;
    // A shell may have left us children, such as the `tee` of `> >(tee log)`: they are not of the gateway.
    let spared = worker::children_of_this_process();
    // Before the gateway starts: nothing that befalls it can be missed then.
    let mut signals =
        Signals::open().map_err(|error| failed(error, "the guardian cannot listen to signals"))?;
    let gateway = Gateway::start().map_err(|error| failed(error, "the guardian cannot start the gateway"))?;

    let (status, passed) = serve(&mut signals, &gateway);
    let remains = worker::end_of_descendants(&spared, || while reap().is_some() {});
    if remains.killed > 0 {
        logging::start(config.format, config.verbosity);
        tracing::warn!(
            "the gateway ended ({status}) and left {} processes of workers: killed{}",
            remains.killed,
            if remains.left > 0 { format!("; {} outlive SIGKILL", remains.left) } else { String::new() }
        );
    }
    Ok(exit(status, passed))
}

/// A signal, and what it was passed on as.
type Passed = (Signal, Signal);

/// Passes signals on and reaps until the gateway has ended. Returns its status, and the last signal passed on.
fn serve(signals: &mut Signals, gateway: &Gateway) -> (ExitStatus, Option<Passed>) {
    let mut last = None;
    loop {
        for (signal, passed_as) in signals.wait(&gateway.end) {
            // Not reaped yet, so the id is still its own.
            if kill_process(gateway.pid, passed_as).is_ok() {
                last = Some((signal, passed_as));
            }
        }
        while let Some((pid, status)) = reap() {
            if pid == gateway.pid {
                return (status, last);
            }
        }
    }
}

/// Takes the status of a child that has ended, if there is one.
fn reap() -> Option<(Pid, ExitStatus)> {
    loop {
        match wait(WaitOptions::NOHANG) {
            Err(Errno::INTR) => {}
            ended => {
                let (pid, status) = ended.ok().flatten()?;
                return Some((pid, ExitStatus::from_raw(status.as_raw())));
            }
        }
    }
}

/// The process of the gateway.
struct Gateway {
    pid: Pid,
    /// Readable when it has ended.
    end: OwnedFd,
}

impl Gateway {
    /// Starts it: this program with these arguments, this environment and the variable that names its guardian.
    fn start() -> io::Result<Gateway> {
        #[expect(clippy::disallowed_methods, reason = "the guardian starts the gateway, and nothing else")]
        let mut command = std::process::Command::new(std::env::current_exe()?);
        let mut arguments = std::env::args_os();
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        let child = command.args(arguments).env(VARIABLE, std::process::id().to_string()).spawn()?;
        // A handle that is dropped lets the process be.
        Ok(Gateway { pid: Pid::from_child(&child), end: worker::pidfd(child.id())? })
    }
}

/// The gateway's exit code. A signal that was passed on as another comes back as itself: ^C twice is 130, as without a
/// guardian.
fn exit(status: ExitStatus, last: Option<Passed>) -> Exit {
    let number = |number: i32| u8::try_from(number).unwrap_or_default();
    let exit = match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Gateway(number(code)),
        (None, signal) => Exit::Signal(number(signal.unwrap_or_default())),
    };
    match last {
        Some((signal, passed_as)) if exit.code() == Exit::Signal(number(passed_as.as_raw())).code() => {
            Exit::Signal(number(signal.as_raw()))
        }
        _ => exit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_the_gateways_and_signals_come_back_as_they_came() {
        let code = |raw: i32, last: Option<Passed>| exit(ExitStatus::from_raw(raw), last).code();
        assert_eq!((code(0, None), code(3 << 8, None)), (0, 3));
        assert_eq!((code(9, None), code(6 | 0x80, None)), (137, 134));
        let interrupt = Some((Signal::INT, Signal::TERM));
        assert_eq!((code(143 << 8, interrupt), code(15, interrupt)), (130, 130));
        assert_eq!((code(0, interrupt), code(1 << 8, interrupt), code(9, interrupt)), (0, 1, 137));
        assert_eq!(code(143 << 8, Some((Signal::TERM, Signal::TERM))), 143);
    }
}
