//! Arguments of `wardline plugin reload`.

use clap::Args;

use super::RunningHost;

/// `wardline plugin reload`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline plugin reload motion
  wardline plugin reload motion --config wardline.toml
  WARDLINE_TOKEN=... wardline plugin reload motion --host http://10.0.0.2:8086

The new version is tried beside the one in charge, takes over between two calls, and goes again
if it fails within half a minute. No recording notices. Also lifts a quarantine.
Files are watched anyway: this is for those who can't wait, and for what was rolled back.")]
pub struct ReloadPlugin {
    /// The plugin's name in the configuration
    pub plugin: String,
    /// Which host
    #[command(flatten)]
    pub host: RunningHost,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}
