//! How an index that was made anew takes the place of the old one, so that whenever that is cut off,
//! one of the two is found.
//!
//! Files and names only: knows nothing of what is in them.

use std::io;
use std::path::{Path, PathBuf};

use super::fs::Fs;
use super::layout;
use crate::base::{Error, Result, Timestamp};

/// Completes an exchange that was cut off once the new index was whole: the old one may have lost its
/// log by then. Gives where the old one is kept, where there was one.
///
/// # Errors
/// As the filesystem says. What is half done is completed by the next call.
pub(super) fn finish(fs: &dyn Fs, root: &Path, now: Timestamp) -> Result<Option<PathBuf>> {
    let (rebuilt, index) = (layout::index_rebuilt(root), layout::index(root));
    let before = layout::index_before(root, now);
    let replace = || {
        if fs.length(&rebuilt)?.is_none() {
            return Ok(None);
        }
        let had = fs.length(&index)?.is_some();
        // The log first: beside another index it would be taken for that one's.
        for end in ["-wal", "-shm", ""] {
            if fs.length(&with(&index, end))?.is_some() {
                fs.rename(&with(&index, end), &with(&before, end))?;
            }
        }
        fs.rename(&rebuilt, &index)?;
        fs.sync_dir(root)?;
        Ok(had.then_some(before.clone()))
    };
    replace().map_err(|error: io::Error| {
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
    let name_it = || {
        fs.reopen(&part)?.sync_data()?;
        fs.rename(&part, &rebuilt)?;
        fs.sync_dir(root)
    };
    name_it().map_err(|error: io::Error| {
        Error::stop(format!("name the new index of {}", root.display())).with(error)
    })?;
    finish(fs, root, now)
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Removes an index that nobody uses, with its logs.
///
/// # Errors
/// As the filesystem says.
pub(super) fn remove(fs: &dyn Fs, path: &Path) -> Result<()> {
    for end in ["", "-wal", "-shm", "-journal"] {
        match fs.unlink(&with(path, end)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::stop(format!("remove {}", path.display())).with(error));
            }
            _ => {}
        }
    }
    Ok(())
}
