//! A file that only takes room on the index's filesystem, and gives it when the index meets a full
//! disk.
//!
//! Made while there is room above the floor. Knows no index: who meets the full disk releases it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::condition::{Condition, Task};
use super::super::fs::{Fs, Space};
use super::super::layout;
use super::super::places::{Place, PlaceId};

/// Its size, and the part of its filesystem that it takes at most.
const BYTES: u64 = 32 << 20;
const PART: u64 = 64;
/// Released before the index meets a disk that is full: what it needs within a second or so.
const EMPTY: u64 = 4 << 20;

/// The ballast of a store.
pub(in super::super) struct Ballast {
    fs: Arc<dyn Fs>,
    root: PathBuf,
    path: PathBuf,
    condition: Condition,
    /// A store without a floor has no reserve of any kind.
    wanted: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Change {
    /// It is there again.
    Made,
    /// It gave its room.
    Released,
}

fn bytes(space: Space) -> u64 {
    (space.total / PART).min(BYTES)
}

/// There is next to nothing left.
pub(in super::super) fn is_empty(space: Space) -> bool {
    space.free < EMPTY.min(bytes(space))
}

/// Half as much again, so that it does not come and go.
fn wanted_above(size: u64) -> u64 {
    size + size / 2
}

/// Before there is an index: where the filesystem is full, the ballast of a host that ran before gives
/// its room, or the index could not even be opened. Says whether it did.
pub(in super::super) fn give_way(fs: &dyn Fs, root: &Path) -> bool {
    fs.space(root).is_ok_and(is_empty) && fs.unlink(&layout::ballast(root)).is_ok()
}

impl Ballast {
    pub(in super::super) fn of(fs: Arc<dyn Fs>, main: &Place, condition: Condition) -> Self {
        let (root, wanted) = (main.root.clone(), !main.gate.is_none());
        Self { fs, path: layout::ballast(&root), root, condition, wanted }
    }

    /// How much room it wants that is not free: none where it is there.
    pub(in super::super) fn lacking(&self, space: Space) -> u64 {
        let is_missing = self.wanted && matches!(self.fs.length(&self.path), Ok(None));
        if is_missing { wanted_above(bytes(space)) } else { 0 }
    }

    /// The index's filesystem is full.
    pub(in super::super) fn is_needed(&self) -> bool {
        self.fs.space(&self.root).is_ok_and(is_empty)
    }

    /// The index could not be written: gives it the room if that is why.
    pub(in super::super) fn relieve(&self) {
        if self.is_needed() {
            self.release();
        }
    }

    /// Looks after it. `above`: bytes that are free above the floor and what is to be kept free
    /// beside it.
    pub(in super::super) fn look(
        &self,
        space: Space,
        above: u64,
    ) -> std::io::Result<Option<Change>> {
        let (there, size) = (self.fs.length(&self.path)?, bytes(space));
        if !self.wanted {
            return there.map_or(Ok(()), |_| self.fs.unlink(&self.path)).map(|()| None);
        }
        if is_empty(space) {
            return Ok(self.release().then_some(Change::Released));
        }
        match there {
            None if above >= wanted_above(size) => self.make(size).map(|()| Some(Change::Made)),
            // The filesystem has another size than it had.
            Some(there) if there != size => self.fs.unlink(&self.path).map(|()| None),
            _ => Ok(None),
        }
    }

    fn make(&self, size: u64) -> std::io::Result<()> {
        self.fs.allocate(&self.path, size).inspect_err(|_| {
            // Half a ballast is none.
            let _ = self.fs.unlink(&self.path);
        })
    }

    /// Gives its room. Says whether there was any.
    pub(in super::super) fn release(&self) -> bool {
        if !self.wanted || self.fs.unlink(&self.path).is_err() {
            return false;
        }
        let words = "the disk of the index is full, and its reserve was given to it: free space";
        self.condition.fails(PlaceId::MAIN, Task::Index, words.into());
        tracing::error!(store = %self.root.display(), "the disk of the index is full: its reserve was released");
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fs::Disk;
    use super::*;

    #[test]
    fn it_comes_with_room_and_goes_without() {
        let folder = tempfile::tempdir().unwrap();
        let path = layout::ballast(folder.path());
        let root = folder.path().to_owned();
        let (fs, condition) = (Arc::new(Disk), Condition::default());
        let ballast = Ballast { fs, root, path: path.clone(), condition, wanted: true };
        let space = |free: u64| Space { free: free << 20, total: 128 << 20 };
        for (name, free, above, expected, size) in [
            ("room", 100, 3, Some(Change::Made), Some(2 << 20)),
            ("it is there", 50, 0, None, Some(2 << 20)),
            ("full", 1, 0, Some(Change::Released), None),
            ("still full", 1, 0, None, None),
            ("not quite enough", 60, 2, None, None),
            ("room again", 60, 3, Some(Change::Made), Some(2 << 20)),
        ] {
            assert_eq!(ballast.look(space(free), above << 20).unwrap(), expected, "{name}");
            assert_eq!(Disk.length(&path).unwrap(), size, "{name}");
        }
        assert_eq!(bytes(Space { free: 0, total: 1 << 50 }), BYTES);
        // Of a store that has no floor any more.
        let ballast = Ballast { wanted: false, ..ballast };
        assert_eq!(ballast.look(space(60), 60 << 20).unwrap(), None);
        assert_eq!(Disk.length(&path).unwrap(), None);
    }
}
