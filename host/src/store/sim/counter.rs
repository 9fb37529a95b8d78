//! The machine's files with every write counted, and thrown away where only the count matters.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::fs::{Disk, File, Fs, Hold, Lock, Source, Space, Unlinked};

/// What was done so far.
#[derive(Default)]
pub(in super::super) struct Counts {
    pub(in super::super) files: AtomicU64,
    pub(in super::super) writes: AtomicU64,
    pub(in super::super) bytes: AtomicU64,
}

/// The layer.
pub(in super::super) struct Counter {
    pub(in super::super) counts: Arc<Counts>,
    /// Files of segments stay empty.
    pub(in super::super) is_hollow: bool,
}

struct Counted {
    file: Arc<dyn File>,
    counts: Arc<Counts>,
    is_hollow: bool,
}

impl File for Counted {
    fn append(&self, data: &[u8]) -> io::Result<()> {
        self.counts.writes.fetch_add(1, Ordering::Relaxed);
        self.counts.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
        if self.is_hollow { Ok(()) } else { self.file.append(data) }
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.is_hollow { Ok(()) } else { self.file.sync_data() }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.truncate(length)
    }
}

impl Fs for Counter {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = Disk.create(path)?;
        if path.extension().is_none_or(|extension| extension != "mp4") {
            return Ok(file);
        }
        self.counts.files.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(Counted { file, counts: self.counts.clone(), is_hollow: self.is_hollow }))
    }

    fn allocate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        Disk.allocate(path, bytes)
    }

    fn reopen(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Disk.reopen(path)
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
        Disk.rename(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        Disk.unlink(path)
    }

    fn unlink_unless_held(&self, path: &Path) -> io::Result<Unlinked> {
        Disk.unlink_unless_held(path)
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
