//! The world that a plugin's folder `wit/` describes.

use std::path::Path;

use wit_parser::{Resolve, WorldId};

/// Reads `wit/`, which has one world of the author's own beside the contract in `wit/deps/`.
///
/// # Errors
/// It cannot be read, or has no world or several.
pub(crate) fn world(folder: &Path) -> Result<(Resolve, WorldId), String> {
    let path = folder.join("wit");
    let fail = |error: &dyn std::fmt::Display| {
        format!("read the world of the plugin in {}: {error}", path.display())
    };
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&path).map_err(|error| fail(&format!("{error:#}")))?;
    let world =
        resolve.select_world(&[package], None).map_err(|error| fail(&format!("{error:#}")))?;
    Ok((resolve, world))
}

/// The name of that world.
pub(crate) fn world_name(folder: &Path) -> Result<String, String> {
    let (resolve, world) = world(folder)?;
    Ok(resolve.worlds[world].name.clone())
}
