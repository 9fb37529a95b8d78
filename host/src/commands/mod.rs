//! One command of the command line a file: arguments in, work, output.

mod check;
mod demo;
mod host;
mod output;
mod people;
mod plugin;
mod preroll;
mod sizes;
mod probe;
mod recordings;
mod reload;
mod replay;
mod run;
mod simulate;
mod state;
mod trigger;

use std::process::ExitCode;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::base::Result;
use crate::base::clock::Clock;
use crate::cli::{Cli, Command};

/// What every command gets from the process.
#[derive(Clone)]
pub struct Process {
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Cancelled by SIGINT and SIGTERM.
    pub shutdown: CancellationToken,
}

/// Does what the arguments say.
///
/// # Errors
/// What went wrong, for people; the process ends with exit code 1.
pub async fn execute(cli: Cli, process: Process) -> Result<ExitCode> {
    let done = match cli.command {
        Command::Recordings(arguments) => return recordings::execute(&arguments, &process).await,
        Command::Plugin(arguments) => return plugin::execute(arguments, process).await,
        Command::Run(arguments) => run::run(arguments, process).await,
        Command::Check(arguments) => check::check(arguments).await,
        Command::Simulate(arguments) => simulate::simulate(arguments, process).await,
        Command::Demo(arguments) => demo::demo(arguments, process).await,
        Command::Replay(arguments) => replay::replay(&arguments, &process).await,
        Command::Trigger(arguments) => trigger::trigger(arguments).await,
        Command::Reload(arguments) => reload::reload(arguments).await,
        Command::User(arguments) => people::user(arguments, &process).await,
        Command::Token(arguments) => people::token(&arguments, &process),
    };
    done.map(|()| ExitCode::SUCCESS)
}
