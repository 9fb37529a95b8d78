//! How an index that was made anew takes the place of the old one, so that whenever that is cut off,
//! one of the two is found.
//!
//! Files and names only: knows nothing of what is in them.

use std::io;
use std::path::{Path, PathBuf};

use super::fs::Fs;
use super::layout;
use crate::base::{Error, Result, Timestamp};

/// Completes a rebuild that was cut off after its index was whole.
///
/// # Errors
/// As the filesystem says.
pub(super) fn finish(fs: &dyn Fs, root: &Path) -> Result<()> {
    let (rebuilt, index) = (layout::index_rebuilt(root), layout::index(root));
    let move_in = || {
        if fs.length(&rebuilt)?.is_some() && fs.length(&index)?.is_none() {
            fs.rename(&rebuilt, &index)?;
            fs.sync_dir(root)?;
        }
        Ok(())
    };
    move_in().map_err(|error: io::Error| {
        Error::stop(format!("put {} into its place", rebuilt.display())).with(error)
    })
}

/// The new index is whole: it takes the place of the old one, which stays under another name. Gives
/// that, where there was one.
///
/// # Errors
/// As the filesystem says. What is half done is completed by [`finish`].
pub(super) fn put_in_place(fs: &dyn Fs, root: &Path, now: Timestamp) -> Result<Option<PathBuf>> {
    let (part, rebuilt) = (layout::index_part(root), layout::index_rebuilt(root));
    let (index, before) = (layout::index(root), layout::index_before(root, now));
    let with = |path: &Path, end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let replace = || {
        fs.reopen(&part)?.sync_data()?;
        if fs.length(&rebuilt)?.is_some() {
            fs.unlink(&rebuilt)?;
        }
        fs.rename(&part, &rebuilt)?;
        fs.sync_dir(root)?;
        let had = fs.length(&index)?.is_some();
        // The log first: beside another index it would be taken for that one's.
        for end in ["-wal", "-shm"] {
            if fs.length(&with(&index, end))?.is_some() {
                fs.rename(&with(&index, end), &with(&before, end))?;
            }
        }
        if had {
            fs.rename(&index, &before)?;
        }
        fs.rename(&rebuilt, &index)?;
        fs.sync_dir(root)?;
        Ok(had.then_some(before.clone()))
    };
    replace().map_err(|error: io::Error| {
        Error::stop(format!("put the new index of {} into its place", root.display())).with(error)
    })
}

/// Removes an index that nobody uses, with its logs.
///
/// # Errors
/// As the filesystem says.
pub(super) fn remove(fs: &dyn Fs, path: &Path) -> Result<()> {
    for end in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        match fs.unlink(Path::new(&name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::stop(format!("remove {}", path.display())).with(error));
            }
            _ => {}
        }
    }
    Ok(())
}
