//! `wardline recordings pin`: keeps a stretch of video until it is unpinned.

use super::super::{Process, output};
use super::keeper::Keeper;
use super::named;
use crate::base::Result;
use crate::cli::PinArguments;

pub(super) async fn pin(arguments: &PinArguments, process: &Process) -> Result<()> {
    let what = named(&arguments.what, process)?;
    let keeper = Keeper::of(&arguments.whose, process).await?;
    let pinned = keeper.pin(what, arguments.label.clone()).await;
    keeper.end().await;
    let pin = pinned?;
    if arguments.whose.json {
        return output::json(&pin);
    }
    output::line(format!("pin {}: camera {} from {} to {}", pin.id, pin.camera, pin.start, pin.end))
}
