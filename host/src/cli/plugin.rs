//! `wardline plugin`: arguments of its commands.

use clap::{Args, Subcommand};

/// `wardline plugin`.
#[derive(Debug, Subcommand)]
pub enum Plugin {
    /// Say what a plugin is and wants, without running it
    Inspect(Inspect),
}

/// `wardline plugin inspect`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline plugin inspect analyzer-motion
  wardline plugin inspect ./mine.wasm --json")]
pub struct Inspect {
    /// A .wasm file, or the name of a bundled plugin
    pub plugin: String,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}
