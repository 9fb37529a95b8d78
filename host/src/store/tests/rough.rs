//! A file layer that loses power: what was not synced is gone, in files and directories, after a
//! given number of changes. It can also spoil what is copied, and run full.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::super::fs::{Disk, File, Fs, Hold, Lock, Source, Space, Unlinked};

/// How a change of a directory is undone.
enum Undo {
    Remove,
    RemoveFolder,
    MakeFolder,
    /// Back from where it is now.
    Restore(PathBuf),
}

#[derive(Default)]
struct State {
    /// Changes until the power is gone.
    left: Option<usize>,
    /// Changes so far.
    done: usize,
    /// Not synced: the directory, the path, how it is undone.
    entries: Vec<(PathBuf, PathBuf, Undo)>,
    /// Files with bytes that were not synced.
    dirty: Vec<PathBuf>,
    /// Where removed files wait for the sync of their directory.
    attic: Option<tempfile::TempDir>,
    /// The first byte of each copy is wrong.
    spoils: bool,
    /// Bytes that copies may still take.
    room: Option<usize>,
}

/// Clones share the state.
#[derive(Clone, Default)]
pub(super) struct Rough(Arc<Mutex<State>>);

impl Rough {
    /// The power goes after so many more changes.
    pub(super) fn after(changes: usize) -> Self {
        let state = State { left: Some(changes), ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Whether copies are spoiled from here on.
    pub(super) fn spoil(&self, spoils: bool) {
        self.0.lock().unwrap().spoils = spoils;
    }

    /// How many bytes copies may take from here on.
    pub(super) fn set_room(&self, bytes: Option<usize>) {
        self.0.lock().unwrap().room = bytes;
    }

    /// Changes so far.
    pub(super) fn done(&self) -> usize {
        self.0.lock().unwrap().done
    }

    /// Leaves on the disk what would be there after the power was gone.
    pub(super) fn cut_power(&self) {
        let mut state = self.0.lock().unwrap();
        for path in state.dirty.drain(..) {
            if path.exists() {
                std::fs::File::options().write(true).open(path).unwrap().set_len(0).unwrap();
            }
        }
        for (_, path, undo) in state.entries.drain(..).rev() {
            match undo {
                Undo::Remove => std::fs::remove_file(path).unwrap(),
                // With what was synced in it.
                Undo::RemoveFolder => std::fs::remove_dir_all(path).unwrap(),
                Undo::MakeFolder => std::fs::create_dir(path).unwrap(),
                Undo::Restore(from) => std::fs::rename(from, path).unwrap(),
            }
        }
    }

    fn step(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if state.left == Some(0) {
            return Err(io::Error::other("no power"));
        }
        state.left = state.left.map(|left| left - 1);
        state.done += 1;
        Ok(())
    }

    fn note(&self, path: &Path, undo: Undo) {
        let folder = path.parent().unwrap().to_owned();
        self.0.lock().unwrap().entries.push((folder, path.to_owned(), undo));
    }
}

struct RoughFile {
    file: Arc<dyn File>,
    path: PathBuf,
    rough: Rough,
}

impl File for RoughFile {
    fn append(&self, data: &[u8]) -> io::Result<()> {
        self.rough.step()?;
        let mut data = data.to_vec();
        let mut state = self.rough.0.lock().unwrap();
        if self.path.extension().is_some_and(|end| end == "part") {
            if let Some(room) = &mut state.room {
                let fits = data.len().min(*room);
                *room -= fits;
                if fits < data.len() {
                    self.file.append(&data[..fits])?;
                    return Err(io::ErrorKind::StorageFull.into());
                }
            }
            data[0] ^= u8::from(state.spoils);
        }
        state.dirty.push(self.path.clone());
        self.file.append(&data)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.rough.step()?;
        self.rough.0.lock().unwrap().dirty.retain(|path| *path != self.path);
        self.file.sync_data()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.rough.step()?;
        self.file.truncate(length)
    }
}

impl Fs for Rough {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.step()?;
        let file = Disk.create(path)?;
        self.note(path, Undo::Remove);
        Ok(Arc::new(RoughFile { file, path: path.to_owned(), rough: self.clone() }))
    }

    fn allocate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        Disk.allocate(path, bytes)
    }

    fn reopen(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = Disk.reopen(path)?;
        Ok(Arc::new(RoughFile { file, path: path.to_owned(), rough: self.clone() }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Source>> {
        Disk.open(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Disk.read(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        Disk.create_dir(path)?;
        self.note(path, Undo::RemoveFolder);
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        self.0.lock().unwrap().entries.retain(|(folder, ..)| folder != path);
        Disk.sync_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        Disk.rename(from, to)?;
        let mut state = self.0.lock().unwrap();
        state.dirty.iter_mut().filter(|path| *path == from).for_each(|path| *path = to.into());
        drop(state);
        self.note(from, Undo::Restore(to.into()));
        Ok(())
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        if !path.exists() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let kept = {
            let mut state = self.0.lock().unwrap();
            let number = state.done.to_string();
            state.attic.get_or_insert_with(|| tempfile::tempdir().unwrap()).path().join(number)
        };
        Disk.rename(path, &kept)?;
        self.note(path, Undo::Restore(kept));
        Ok(())
    }

    fn unlink_unless_held(&self, path: &Path) -> io::Result<Unlinked> {
        match self.unlink(path) {
            Ok(()) => Ok(Unlinked::Gone),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Unlinked::NotThere),
            Err(error) => Err(error),
        }
    }

    fn hold(&self, path: &Path) -> io::Result<Option<Hold>> {
        Disk.hold(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        Disk.remove_dir(path)?;
        self.note(path, Undo::MakeFolder);
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        Disk.list(path)
    }

    fn length(&self, path: &Path) -> io::Result<Option<u64>> {
        Disk.length(path)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        Disk.space(path)
    }

    fn lock(&self, path: &Path, note: &str) -> io::Result<Lock> {
        Disk.lock(path, note)
    }

    fn is_locked(&self, path: &Path) -> io::Result<bool> {
        Disk.is_locked(path)
    }
}
