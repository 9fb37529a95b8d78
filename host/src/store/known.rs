//! Which stores this machine has seen, noted outside of them: a disk that is not mounted leaves an
//! empty directory, which looks like a place for a new store.
//!
//! Takes the directory for such notes; keeps one small file there, path to store. Nothing depends
//! on it but the refusal: where it can't be kept, that is said once.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::fs::Fs;
use super::layout;
use crate::base::{Error, Result};

const FILE: &str = "stores.json";

/// The file's content.
#[derive(Default, Serialize, Deserialize)]
struct Known {
    /// Absolute path of a store's root -> the store's own name.
    stores: BTreeMap<String, String>,
}

/// Checks that what was at `root` is there.
///
/// # Errors
/// Refuses when a store was there and no marker is there now. Another store than before is only
/// told in the log.
pub(super) fn check(fs: &dyn Fs, notes: &Path, root: &Path) -> Result<()> {
    let known = read(fs, notes);
    let Some(before) = known.stores.get(&key(root)) else { return Ok(()) };
    let shown = root.display();
    match layout::marker(fs, root)? {
        Some(marker) if marker.store == *before => Ok(()),
        Some(marker) => {
            tracing::warn!(before, now = marker.store, "another store than before is at {shown}");
            Ok(())
        }
        None => Err(Error::refuse(format!(
            "the store {before} was at {shown}, and nothing of it is there now: mount its disk; \
             or, to begin a new store there, type `wardline recordings init {shown}`"
        ))),
    }
}

/// Notes that the store `id` is at `root`.
pub(super) fn remember(fs: &dyn Fs, notes: &Path, root: &Path, id: &str) {
    let mut known = read(fs, notes);
    if known.stores.insert(key(root), id.to_owned()).is_some_and(|before| before == id) {
        return;
    }
    let text = serde_json::to_vec_pretty(&known).expect("a map of strings");
    let write = || {
        make_folders(fs, notes)?;
        layout::replace(fs, notes, FILE, &text)
    };
    if let Err(error) = write() {
        tracing::warn!(
            %error,
            "can't note in {} that a store is at {}: if its disk is missing at a start, that goes \
             unnoticed",
            notes.display(),
            root.display()
        );
    }
}

fn read(fs: &dyn Fs, notes: &Path) -> Known {
    let path = notes.join(FILE);
    let found = match fs.read(&path) {
        Ok(text) => serde_json::from_slice(&text).map_err(io::Error::from),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Known::default()),
        Err(error) => Err(error),
    };
    found.unwrap_or_else(|error| {
        tracing::warn!(%error, "can't read {}: what it knew of stores is lost", path.display());
        Known::default()
    })
}

fn key(root: &Path) -> String {
    std::path::absolute(root).unwrap_or_else(|_| root.to_owned()).to_string_lossy().into_owned()
}

fn make_folders(fs: &dyn Fs, folder: &Path) -> io::Result<()> {
    let missing = |at: &&Path| !at.as_os_str().is_empty() && matches!(fs.length(at), Ok(None));
    let missing: Vec<&Path> = folder.ancestors().take_while(missing).collect();
    missing.into_iter().rev().try_for_each(|at| fs.create_dir(at))
}

#[cfg(test)]
mod tests {
    use super::super::fs::Disk;
    use super::*;

    #[test]
    fn what_was_there_is_missed() {
        let folder = tempfile::tempdir().unwrap();
        let (notes, root) = (folder.path().join("var/state"), folder.path().join("rec"));
        check(&Disk, &notes, &root).unwrap();
        std::fs::create_dir(&root).unwrap();
        let id = layout::identify(&Disk, &root).unwrap();
        remember(&Disk, &notes, &root, &id);
        check(&Disk, &notes, &root).unwrap();
        std::fs::rename(&root, folder.path().join("unmounted")).unwrap();
        for make in [false, true] {
            if make {
                std::fs::create_dir(&root).unwrap();
            }
            let refused = check(&Disk, &notes, &root).unwrap_err().chain();
            for part in [&id, "mount", "recordings init", &root.display().to_string()] {
                assert!(refused.contains(part), "{refused}");
            }
        }
        let other = layout::identify(&Disk, &root).unwrap();
        check(&Disk, &notes, &root).unwrap();
        remember(&Disk, &notes, &root, &other);
        std::fs::remove_dir_all(&root).unwrap();
        assert!(check(&Disk, &notes, &root).unwrap_err().chain().contains(&other));
    }

    #[test]
    fn notes_that_can_not_be_kept_cost_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"").unwrap();
        for notes in [file.join("below"), folder.path().join("damaged")] {
            let _ = std::fs::create_dir(&notes);
            let _ = std::fs::write(notes.join(FILE), b"{\"stores\": 7}");
            let root = folder.path().join("rec");
            check(&Disk, &notes, &root).unwrap();
            remember(&Disk, &notes, &root, "one");
        }
        let text = std::fs::read_to_string(folder.path().join("damaged").join(FILE)).unwrap();
        assert!(text.contains("\"one\""), "{text}");
    }
}
