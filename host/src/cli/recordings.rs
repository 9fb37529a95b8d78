//! Arguments of `wardline recordings`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Export;

/// `wardline recordings`.
#[derive(Debug, Subcommand)]
pub enum Recordings {
    /// List continuous video (CVR) and event recordings (EVR); also beside a running host
    List(List),
    /// Write a range of a camera, or an event recording, into a file for any player
    Export(Export),
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
