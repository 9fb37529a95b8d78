//! `wardline reload`: tells a running host to read its configuration anew.

use serde_json::json;

use super::host::Destination;
use super::output;
use crate::base::{Error, Result};
use crate::cli::Reload;
use crate::serve::Reloaded;

pub(super) async fn reload(arguments: Reload) -> Result<()> {
    let host = Destination::named(&arguments.host)?;
    let done: Reloaded = host.post("/api/v1/config/reload", &json!({})).await?;
    if arguments.json {
        output::json(&done)?;
    } else {
        output::line(format!("cameras: {}", done.cameras))?;
        output::line(format!("plugins: {}", done.plugins))?;
    }
    if done.failed.is_empty() {
        return Ok(());
    }
    Err(Error::retry(done.failed.join("\n")))
}
