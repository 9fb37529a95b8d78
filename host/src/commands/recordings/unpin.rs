//! `wardline recordings unpin`: lets go of what was pinned.

use serde_json::json;

use super::super::{Process, output};
use super::keeper::Keeper;
use super::range;
use crate::base::Result;
use crate::cli::UnpinArguments;
use crate::store::Named;

pub(super) async fn unpin(arguments: &UnpinArguments, process: &Process) -> Result<()> {
    let first = &arguments.first;
    let what = match (&arguments.from, &arguments.to) {
        (Some(from), Some(to)) => range(first, from, to, arguments.tz.as_deref(), process)?,
        _ => Named::Id(first.clone()),
    };
    let keeper = Keeper::of(&arguments.whose, process).await?;
    let gone = keeper.unpin(what).await;
    keeper.end().await;
    let gone = gone?;
    if arguments.whose.json {
        return output::json(&json!({ "unpinned": gone }));
    }
    for pin in gone {
        let (id, camera) = (pin.id, pin.camera);
        output::line(format!("unpinned {id}: camera {camera} from {} to {}", pin.start, pin.end))?;
    }
    Ok(())
}
