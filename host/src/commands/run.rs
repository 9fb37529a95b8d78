//! `wardline run`: records until the process is told to end.

use super::Process;
use crate::base::Result;
use crate::cli::Run;
use crate::{config, pipeline};

pub(super) async fn run(arguments: Run, process: Process) -> Result<()> {
    let config = config::load(&arguments.config)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    pipeline::run(config, process.clock, process.shutdown).await
}
