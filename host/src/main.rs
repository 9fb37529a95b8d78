//! The program: arguments, logs, signals and runtime; then hands over. No logic.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use wardline::base::clock::System;
use wardline::base::{Error, Result};
use wardline::cli::{Cli, Command};
use wardline::commands::{self, Process};

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_logs(&cli);
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            // When standard error is closed too, the exit code has to say it.
            let _ = writeln!(std::io::stderr(), "error: {}", error.chain());
            ExitCode::FAILURE
        }
    }
}

/// Commands that go on for long tell what happens; others only what goes wrong.
fn start_logs(cli: &Cli) {
    let usual = match cli.command {
        // What libraries follow step by step is for RUST_LOG only.
        Command::Run(_) | Command::Simulate(_) => "warn,wardline=info",
        _ => "warn",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        logs.init();
    } else {
        logs.json().init();
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::stop("start the runtime").with(error))?;
    runtime.block_on(async {
        let shutdown = CancellationToken::new();
        let process = Process { clock: Arc::new(System), shutdown: shutdown.clone() };
        let mut work = std::pin::pin!(commands::execute(cli, process));
        tokio::select! {
            biased;
            ended = &mut work => return ended,
            heard = termination() => heard?,
        }
        shutdown.cancel();
        work.await
    })
}

/// Waits for SIGINT or SIGTERM.
async fn termination() -> Result<()> {
    let listen = |kind| signal(kind).map_err(|error| Error::stop("listen for signals").with(error));
    let (mut interrupt, mut terminate) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => tracing::info!("ending: SIGINT"),
        _ = terminate.recv() => tracing::info!("ending: SIGTERM"),
    }
    Ok(())
}
