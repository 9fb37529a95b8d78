//! A file layer that fails on purpose, for tests: the machine's files, with every changing
//! operation counted and the chosen ones refused.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};

use super::fs::{Disk, File, Fs, FsKind, Hold, Lock, Source, Space, Unlinked};

/// Which operations fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The nth, counted from 1.
    Once(usize),
    /// The nth and all after it.
    From(usize),
}

struct Plan {
    fault: Fault,
    stalls: bool,
    count: usize,
    hit: bool,
    space: Option<Space>,
    magic: u32,
    unreadable: Vec<PathBuf>,
}

/// Clones share the count.
#[derive(Clone)]
pub(crate) struct Faulty(Arc<Mutex<Plan>>, Arc<Condvar>);

impl Faulty {
    pub(crate) fn new(fault: Fault) -> Self {
        let plan = Plan {
            fault,
            stalls: false,
            count: 0,
            hit: false,
            space: None,
            magic: 0,
            unreadable: Vec::new(),
        };
        Self(Arc::new(Mutex::new(plan)), Arc::default())
    }

    /// From here on, counted anew.
    pub(crate) fn set(&self, fault: Fault) {
        let mut plan = self.0.lock().unwrap();
        (plan.fault, plan.count) = (fault, 0);
    }

    /// While it stalls, operations do not come back.
    pub(crate) fn set_stalls(&self, stalls: bool) {
        self.0.lock().unwrap().stalls = stalls;
        self.1.notify_all();
    }

    /// The filesystem says that it has so many bytes free, of 100 GiB.
    pub(super) fn set_free(&self, bytes: u64) {
        self.set_space(Space { free: bytes, total: 100 << 30 });
    }

    /// The filesystem says that it has so much room.
    pub(super) fn set_space(&self, space: Space) {
        self.0.lock().unwrap().space = Some(space);
    }

    /// The filesystem says that it is of this kind.
    pub(super) fn set_magic(&self, magic: u32) {
        self.0.lock().unwrap().magic = magic;
    }

    /// These files, by the end of their path, can't be opened for reading.
    pub(super) fn set_unreadable(&self, files: Vec<PathBuf>) {
        self.0.lock().unwrap().unreadable = files;
    }

    /// An operation has failed.
    pub(super) fn was_hit(&self) -> bool {
        self.0.lock().unwrap().hit
    }

    fn step(&self) -> io::Result<()> {
        let mut plan = self.1.wait_while(self.0.lock().unwrap(), |plan| plan.stalls).unwrap();
        plan.count += 1;
        let fails = match plan.fault {
            Fault::None => false,
            Fault::Once(n) => plan.count == n,
            Fault::From(n) => plan.count >= n,
        };
        plan.hit |= fails;
        if fails { Err(io::Error::other("failed on purpose")) } else { Ok(()) }
    }
}

struct FaultyFile {
    file: Arc<dyn File>,
    faults: Faulty,
}

impl File for FaultyFile {
    fn append(&self, data: &[u8]) -> io::Result<()> {
        self.faults.step().inspect_err(|_| {
            // A full disk takes a part.
            self.file.append(&data[..data.len() / 2]).unwrap();
        })?;
        self.file.append(data)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.faults.step()?;
        self.file.sync_data()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.faults.step()?;
        self.file.truncate(length)
    }
}

impl Fs for Faulty {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.step()?;
        Ok(Arc::new(FaultyFile { file: Disk.create(path)?, faults: self.clone() }))
    }

    fn allocate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        self.step()?;
        Disk.allocate(path, bytes)
    }

    fn reopen(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.step()?;
        Ok(Arc::new(FaultyFile { file: Disk.reopen(path)?, faults: self.clone() }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Source>> {
        self.step()?;
        if self.0.lock().unwrap().unreadable.iter().any(|file| path.ends_with(file)) {
            return Err(io::Error::other("a bad sector, on purpose"));
        }
        Disk.open(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.step()?;
        Disk.read(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        Disk.create_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        Disk.sync_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        Disk.rename(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        Disk.unlink(path)
    }

    fn unlink_unless_held(&self, path: &Path) -> io::Result<Unlinked> {
        self.step()?;
        Disk.unlink_unless_held(path)
    }

    fn hold(&self, path: &Path) -> io::Result<Option<Hold>> {
        self.step()?;
        Disk.hold(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        Disk.remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.step()?;
        Disk.list(path)
    }

    fn length(&self, path: &Path) -> io::Result<Option<u64>> {
        self.step()?;
        Disk.length(path)
    }

    fn kind(&self, _: &Path) -> io::Result<FsKind> {
        Ok(FsKind { magic: self.0.lock().unwrap().magic, read_only: false })
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        match self.0.lock().unwrap().space {
            Some(space) => Ok(space),
            None => Disk.space(path),
        }
    }

    fn lock(&self, path: &Path, note: &str) -> io::Result<Lock> {
        self.step()?;
        Disk.lock(path, note)
    }

    fn is_locked(&self, path: &Path) -> io::Result<bool> {
        self.step()?;
        Disk.is_locked(path)
    }
}
