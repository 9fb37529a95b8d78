//! Arguments of `wardline plugin status`.

use clap::Args;

use super::RunningHost;

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
    /// Which host
    #[command(flatten)]
    pub host: RunningHost,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}
