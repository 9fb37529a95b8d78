//! Arguments of `wardline plugin shadow` and `wardline plugin promote`.

use std::path::PathBuf;

use clap::Args;

/// `wardline plugin shadow`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline plugin shadow keep-next --config wardline.toml
  wardline plugin shadow keep-next --config wardline.toml --since 7d --json

A candidate is named by `shadow` of the plugin whose place it may take. It runs beside that one on
live video, and is neither heard nor obeyed. Reads the index, beside a running host or without one.")]
pub struct Shadow {
    /// The candidate's name
    pub name: String,
    /// The configuration, a TOML file
    #[arg(long, default_value = "wardline.toml", value_name = "FILE")]
    pub config: PathBuf,
    /// From then: how long ago (`24h`), a date or a time
    #[arg(long, default_value = "24h", value_name = "TIME")]
    pub since: String,
    /// The time zone of the times given and shown; this machine's if not given
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `wardline plugin promote`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline plugin promote keep-next --config wardline.toml
  wardline plugin promote keep-next --config wardline.toml --dry-run

Lets a candidate and the one in charge change places: in the configuration, `component`, `params`,
`grant` and `digest` of the two are exchanged, and all else stays as it was written. A running host is
told, and swaps the two while it records. What was in charge is the candidate then: promote it, and all
is as before.")]
pub struct Promote {
    /// The candidate's name
    pub name: String,
    /// The configuration, a TOML file
    #[arg(long, default_value = "wardline.toml", value_name = "FILE")]
    pub config: PathBuf,
    /// Where the running host is told, if not where the configuration says
    #[arg(long, value_name = "URL")]
    pub host: Option<String>,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}
