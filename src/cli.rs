//! The command line: parses it and does what it asks for.
//!
//! Owns the commands. It checks all before anything starts, and turns every end into an exit code.

mod dead;
mod dev;
mod options;
mod resolve;
mod values;

use std::io::Write;

use clap::{CommandFactory, Parser};
use tokio_util::sync::CancellationToken;

use crate::exit::{Exit, Fatal};
use crate::guardian::GuardianConfig;
use crate::shutdown::Shutdown;
use crate::sim::{Sim, SimOptions};
use crate::{gateway, guardian, logging};
use options::{Cli, Subcommands};

/// Does what the command line asks for. Errors are printed; the exit code is returned.
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors, and go to stdout.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    match dispatch(cli) {
        Ok(exit) => exit,
        Err(fatal) => {
            logging::print(&fatal.to_string());
            fatal.exit
        }
    }
}

fn dispatch(cli: Cli) -> Result<Exit, Fatal> {
    match cli.command {
        None => {
            let log = cli.run.log;
            let guardian = cli.run.worker.guardian(log.log_format, log.verbosity());
            guarded(guardian, || run(cli.run))
        }
        Some(Subcommands::Dev(dev)) => guarded(dev.guardian(), || dev.run(option_variables())),
        Some(Subcommands::Sim(options)) => sim(options),
        Some(Subcommands::Dead(dead)) => dead.run(),
        Some(Subcommands::Completions { shell }) => {
            clap_complete::generate(shell, &mut Cli::command(), "asgigram", &mut std::io::stdout());
            Ok(Exit::Done)
        }
        Some(Subcommands::Man) => {
            let page = clap_mangen::Man::new(Cli::command());
            page.render(&mut std::io::stdout()).map_err(|error| Fatal::new(Exit::Failed, error))?;
            Ok(Exit::Done)
        }
    }
}

/// A command that runs a gateway. Its first process becomes the guardian, which starts the second.
fn guarded(
    config: Option<GuardianConfig>,
    gateway: impl FnOnce() -> Result<Exit, Fatal>,
) -> Result<Exit, Fatal> {
    match config {
        Some(config) if guardian::of_this_process().is_none() => guardian::run(config),
        _ => gateway(),
    }
}

/// The signals to a gateway.
fn shutdown() -> Result<Shutdown, Fatal> {
    let shutdown = match guardian::of_this_process() {
        Some(_) => Shutdown::on_signals_of_guardian(),
        None => Shutdown::on_signals(),
    };
    shutdown.map_err(|error| Fatal::new(Exit::Failed, error))
}

fn run(options: options::Run) -> Result<Exit, Fatal> {
    let log = options.log;
    let config = resolve::gateway(options, option_variables())?;
    logging::hide(config.token.expose());
    logging::start(log.log_format, log.verbosity());
    // Nobody else of the same user shall read the token from our memory (prctl(2), PR_SET_DUMPABLE).
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    runtime()?.block_on(async { gateway::run(config, shutdown()?).await })
}

fn sim(options: options::Sim) -> Result<Exit, Fatal> {
    logging::start(options.log.log_format, options.log.verbosity());
    runtime()?.block_on(async {
        let shutdown = Shutdown::on_signals().map_err(|error| Fatal::new(Exit::Failed, error))?;
        let listener = tokio::net::TcpListener::bind(options.listen).await.map_err(|error| {
            let what = anyhow::Error::from(error).context(format!("cannot listen on `{}`", options.listen));
            Fatal::new(Exit::Failed, what).with_help("`--listen 127.0.0.1:0` takes a free port")
        })?;
        let address = listener.local_addr().map_err(|error| Fatal::new(Exit::Failed, error))?;
        let mut stdout = std::io::stdout();
        let _ = writeln!(stdout, "listening on http://{address}").and_then(|()| stdout.flush());
        let stop = CancellationToken::new();
        let stopper = stop.clone();
        tokio::spawn(async move {
            shutdown.requested(1).await;
            stopper.cancel();
        });
        let served = Sim::new(SimOptions::default()).serve(listener, stop).await;
        served.map(|()| Exit::Done).map_err(|error| Fatal::new(Exit::Failed, error))
    })
}

/// The variables that set options, and the guardian's: they are the gateway's and not its workers'.
fn option_variables() -> Vec<String> {
    let root = Cli::command();
    let commands = std::iter::once(&root).chain(root.get_subcommands());
    let arguments = commands.flat_map(|command| command.get_arguments());
    let names = arguments.filter_map(|argument| Some(argument.get_env()?.to_string_lossy().into_owned()));
    names.chain([guardian::VARIABLE.to_owned()]).collect()
}

fn runtime() -> Result<tokio::runtime::Runtime, Fatal> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Fatal::new(Exit::Failed, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_hang_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_can_be_set_by_a_variable() {
        for argument in Cli::command().get_arguments().filter(|argument| argument.get_long().is_some()) {
            let name = argument.get_long().unwrap_or_default();
            let exempt = ["help", "version", "verbose", "quiet"].contains(&name);
            let variable = format!("ASGIGRAM_{}", name.replace('-', "_").to_uppercase());
            let set_by = argument.get_env().map(|name| name.to_string_lossy().into_owned());
            assert_eq!(set_by, (!exempt).then_some(variable), "--{name}");
        }
        assert!(option_variables().contains(&"ASGIGRAM_LISTEN".to_owned()));
    }
}
