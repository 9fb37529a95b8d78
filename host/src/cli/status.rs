//! Arguments of `wardline plugin status`.

use std::path::PathBuf;

use clap::Args;

/// `wardline plugin status`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline plugin status
  wardline plugin status motion --config wardline.toml
  wardline plugin status --json | jq '.[] | select(.state != \"running\")'

Times are processor time of a call. Calls, overruns and faults count from the host's start.")]
pub struct Status {
    /// Only this plugin
    pub plugin: Option<String>,
    /// The running host's configuration: where it listens, and its token
    #[arg(long, conflicts_with = "host", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The running host's address; its token is taken from WARDLINE_TOKEN
    #[arg(long, default_value = "http://127.0.0.1:8086", value_name = "URL")]
    pub host: String,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}
