//! The world that a plugin's folder `wit/` describes.

use std::path::Path;

use wit_parser::Resolve;

/// The name of the author's own world, which stands in `wit/` beside the contract in `wit/deps/`.
///
/// # Errors
/// It cannot be read, or there is no world or several.
pub(crate) fn world_name(folder: &Path) -> Result<String, String> {
    let path = folder.join("wit");
    let mut resolve = Resolve::default();
    resolve
        .push_dir(&path)
        .and_then(|(package, _)| resolve.select_world(&[package], None))
        .map(|world| resolve.worlds[world].name.clone())
        .map_err(|error| format!("read the world of the plugin in {}: {error:#}", path.display()))
}
