//! Whether files have changed: by looking at their times and sizes.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

type Print = Vec<(PathBuf, Option<SystemTime>, u64)>;

/// Files and folders that are looked at.
pub(super) struct Watch {
    paths: Vec<PathBuf>,
    /// As they were when the last change was told.
    known: Print,
    /// As they were at the last look.
    last: Print,
}

impl Watch {
    /// What changes from now on is told.
    pub(super) fn new(paths: Vec<PathBuf>) -> Self {
        let known = print(&paths);
        Self { paths, last: known.clone(), known }
    }

    /// Whether something has changed, and did not go on changing since the last look: editors
    /// write in several steps.
    pub(super) fn settled_change(&mut self) -> bool {
        let now = print(&self.paths);
        let settled = now == self.last;
        self.last = now;
        if !settled || self.last == self.known {
            return false;
        }
        self.known.clone_from(&self.last);
        true
    }
}

fn print(paths: &[PathBuf]) -> Print {
    let mut print = Print::new();
    paths.iter().for_each(|path| add(path, &mut print));
    print.sort();
    print
}

fn add(path: &Path, print: &mut Print) {
    // What vanished between two looks is a change of its own.
    let Ok(metadata) = path.metadata() else { return };
    if !metadata.is_dir() {
        print.push((path.to_owned(), metadata.modified().ok(), metadata.len()));
        return;
    }
    let Ok(entries) = path.read_dir() else { return };
    for entry in entries.flatten() {
        // Python leaves it beside the sources that it ran.
        if entry.file_name() != "__pycache__" {
            add(&entry.path(), print);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_it_has_settled() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("src/plugin.c");
        std::fs::create_dir(folder.path().join("src")).unwrap();
        std::fs::write(&file, "a").unwrap();
        let mut watch = Watch::new(vec![folder.path().join("src")]);
        assert!(!watch.settled_change());
        std::fs::write(&file, "ab").unwrap();
        assert!(!watch.settled_change(), "it may go on");
        std::fs::write(&file, "abc").unwrap();
        assert!(!watch.settled_change(), "it went on");
        assert!(watch.settled_change());
        assert!(!watch.settled_change(), "told once");
        std::fs::create_dir(folder.path().join("src/__pycache__")).unwrap();
        std::fs::write(folder.path().join("src/__pycache__/a.pyc"), "a").unwrap();
        assert!(!watch.settled_change() && !watch.settled_change());
        std::fs::remove_file(&file).unwrap();
        assert!(!watch.settled_change() && watch.settled_change());
    }
}
