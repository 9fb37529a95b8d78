//! The machine's files on a disk of a chosen size: every byte is counted, and there are none left
//! when it is full. Files can be made impossible to remove.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::super::fs::{Disk, File, Fs, Hold, Lock, Source, Space, Unlinked};

/// Clones show the same disk.
#[derive(Clone)]
pub(in super::super) struct Narrow(Arc<Mutex<State>>);

struct State {
    total: u64,
    /// What others have on it.
    others: u64,
    sizes: BTreeMap<PathBuf, u64>,
    /// The least that was free after something was written.
    least: u64,
    stuck: Vec<PathBuf>,
}

impl State {
    fn free(&self) -> u64 {
        self.total.saturating_sub(self.others).saturating_sub(self.sizes.values().sum())
    }

    fn take(&mut self, path: &Path, bytes: u64) -> io::Result<()> {
        if bytes > self.free() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        *self.sizes.entry(path.to_owned()).or_default() += bytes;
        self.least = self.least.min(self.free());
        Ok(())
    }
}

struct NarrowFile {
    file: Arc<dyn File>,
    path: PathBuf,
    disk: Narrow,
}

impl Narrow {
    pub(in super::super) fn new(total: u64) -> Self {
        let (sizes, stuck) = (BTreeMap::new(), Vec::new());
        Self(Arc::new(Mutex::new(State { total, others: 0, sizes, least: u64::MAX, stuck })))
    }

    /// Somebody else has so many bytes on it.
    pub(in super::super) fn set_others(&self, bytes: u64) {
        self.0.lock().unwrap().others = bytes;
    }

    pub(in super::super) fn free(&self) -> u64 {
        self.0.lock().unwrap().free()
    }

    /// How much would be free without any video.
    pub(in super::super) fn free_without_video(&self) -> u64 {
        let state = self.0.lock().unwrap();
        let videos =
            state.sizes.iter().filter(|(path, _)| path.extension().is_some_and(|it| it == "mp4"));
        state.free() + videos.map(|(_, size)| size).sum::<u64>()
    }

    /// The least that was free since this was asked last.
    pub(in super::super) fn least(&self) -> u64 {
        std::mem::replace(&mut self.0.lock().unwrap().least, u64::MAX)
    }

    /// These files, by the end of their path, can't be removed.
    pub(in super::super) fn set_stuck(&self, stuck: Vec<PathBuf>) {
        self.0.lock().unwrap().stuck = stuck;
    }

    fn file(&self, path: &Path, file: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(NarrowFile { file, path: path.to_owned(), disk: self.clone() })
    }

    fn check(&self, path: &Path) -> io::Result<()> {
        match self.0.lock().unwrap().stuck.iter().any(|stuck| path.ends_with(stuck)) {
            true => Err(io::Error::other("stuck on purpose")),
            false => Ok(()),
        }
    }
}

impl File for NarrowFile {
    fn append(&self, data: &[u8]) -> io::Result<()> {
        self.disk.0.lock().unwrap().take(&self.path, data.len() as u64)?;
        self.file.append(data)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.truncate(length)?;
        self.disk.0.lock().unwrap().sizes.insert(self.path.clone(), length);
        Ok(())
    }
}

impl Fs for Narrow {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(self.file(path, Disk.create(path)?))
    }

    fn allocate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        self.0.lock().unwrap().take(path, bytes)?;
        // Only its size matters.
        Disk.create(path)?.truncate(bytes)
    }

    fn reopen(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(self.file(path, Disk.reopen(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Source>> {
        Disk.open(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Disk.read(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        Disk.create_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        Disk.sync_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)?;
        let mut state = self.0.lock().unwrap();
        let size = state.sizes.remove(from).unwrap_or(0);
        state.sizes.insert(to.to_owned(), size);
        Ok(())
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.check(path)?;
        Disk.unlink(path)?;
        self.0.lock().unwrap().sizes.remove(path);
        Ok(())
    }

    fn unlink_unless_held(&self, path: &Path) -> io::Result<Unlinked> {
        self.check(path)?;
        let unlinked = Disk.unlink_unless_held(path)?;
        if unlinked == Unlinked::Gone {
            self.0.lock().unwrap().sizes.remove(path);
        }
        Ok(unlinked)
    }

    fn hold(&self, path: &Path) -> io::Result<Option<Hold>> {
        Disk.hold(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        Disk.remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        Disk.list(path)
    }

    fn length(&self, path: &Path) -> io::Result<Option<u64>> {
        Disk.length(path)
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        let state = self.0.lock().unwrap();
        Ok(Space { free: state.free(), total: state.total })
    }

    fn lock(&self, path: &Path, note: &str) -> io::Result<Lock> {
        Disk.lock(path, note)
    }

    fn is_locked(&self, path: &Path) -> io::Result<bool> {
        Disk.is_locked(path)
    }
}
