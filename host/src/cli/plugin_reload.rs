//! Arguments of `wardline plugin reload`.

use std::path::PathBuf;

use clap::Args;

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
