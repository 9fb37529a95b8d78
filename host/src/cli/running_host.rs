//! Which running host a command asks: arguments that several have.

use std::path::PathBuf;

use clap::Args;

/// A running host: by its configuration, or by its address.
#[derive(Args, Debug)]
pub struct RunningHost {
    /// The running host's configuration: where it listens, and its token
    #[arg(long, conflicts_with = "host", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The running host's address; its token is taken from WARDLINE_TOKEN
    #[arg(long, default_value = "http://127.0.0.1:8086", value_name = "URL")]
    pub host: String,
}
