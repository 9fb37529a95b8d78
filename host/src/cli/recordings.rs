//! Arguments of `wardline recordings`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `wardline recordings`.
#[derive(Debug, Subcommand)]
pub enum Recordings {
    /// List continuous video (CVR) and event recordings (EVR); also beside a running host
    List(List),
    /// List events: what happened, and what became of recordings and store
    Events(Events),
}

/// `wardline recordings list`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline recordings list wardline.toml
  wardline recordings list /var/lib/wardline --camera gate --since 2h
  wardline recordings list wardline.toml --since 2026-11-20 --until 2026-11-21 --tz Europe/Berlin
  wardline recordings list wardline.toml --json | jq '.recordings[] | select(.kind == \"EVR\")'")]
pub struct List {
    /// A configuration, or a store's directory
    #[arg(default_value = "wardline.toml")]
    pub source: PathBuf,
    /// Only this camera
    #[arg(long)]
    pub camera: Option<String>,
    /// From this time on: a date, a date with time, or how long ago (`2h`)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Before this time: a date, a date with time, or how long ago (`30m`)
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// The time zone of what is read and shown; the system's if not given
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Print one JSON document; times are UTC
    #[arg(long)]
    pub json: bool,
}

/// `wardline recordings events`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline recordings events
  wardline recordings events --source wardline.toml --camera gate --since 2h
  wardline recordings events --source /var/lib/wardline --kind 'recording.*'
  wardline recordings events --kind 'store.*' --since 1d --json | jq '.events[].event'

Also beside a running host. Events are in order of receipt; --since and --until are about when they
happened. Patterns know * (any text) and ? (any character).")]
pub struct Events {
    /// A configuration, or a store's directory
    #[arg(long, default_value = "wardline.toml", value_name = "CONFIG or DIRECTORY")]
    pub source: PathBuf,
    /// Only of this camera
    #[arg(long)]
    pub camera: Option<String>,
    /// From this time on: a date, a date with time, or how long ago (`2h`)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Before this time: a date, a date with time, or how long ago (`30m`)
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only of kinds that match this pattern
    #[arg(long, value_name = "PATTERN")]
    pub kind: Option<String>,
    /// The time zone of what is read and shown; the system's if not given
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Print one JSON document; times are UTC
    #[arg(long)]
    pub json: bool,
}
