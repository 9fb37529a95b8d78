//! The file calls of the store, and of the whole crate: two traits, and the machine's own files
//! behind them.
//!
//! Takes paths and bytes, gives `io::Result`s. Must not know what a camera, a segment or a row
//! is. Tests put a file layer that fails on purpose behind the same traits.

use std::any::Any;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Recordings can be read by the group, and by nobody else.
const FILE_MODE: u32 = 0o640;
/// The same for directories.
const DIR_MODE: u32 = 0o750;

/// A file that grows at its end. Shared between the thread that writes and the one that syncs.
pub trait File: Send + Sync {
    /// Adds all of `data` at the end. On an error, part of it may have been added.
    fn append(&self, data: &[u8]) -> io::Result<()>;
    /// Returns when everything appended so far is on the medium. After an error nothing may be
    /// assumed of what was not synced before, and the call must not be repeated.
    fn sync_data(&self) -> io::Result<()>;
    /// Cuts the file to `length` bytes.
    fn truncate(&self, length: u64) -> io::Result<()>;
}

/// Something that is read from anywhere.
pub trait Source: Read + Seek + Send {}
impl<T: Read + Seek + Send> Source for T {}

/// Room on a filesystem, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What an unprivileged writer can still use.
    pub free: u64,
    /// The size of the filesystem.
    pub total: u64,
}

/// What a filesystem says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FsKind {
    /// The number of its kind, as `statfs(2)` gives it; 0 where it has none.
    pub magic: u32,
    /// Nothing can be written to it.
    pub read_only: bool,
}

/// What came of asking for a lock.
pub enum Lock {
    /// It is ours until this value is dropped.
    Held(Box<dyn Any + Send + Sync>),
    /// Somebody else has it; the text is what they left in the file.
    Taken(String),
}

/// A file that is being read and must stay, for other processes too, until this is dropped.
pub struct Hold {
    _lock: Box<dyn Any + Send + Sync>,
}

/// What became of a file that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlinked {
    /// It is gone.
    Gone,
    /// There was none.
    NotThere,
    /// Somebody has a [`Hold`] on it: it stays.
    Held,
}

/// A filesystem.
pub trait Fs: Send + Sync + 'static {
    /// A new file, mode 0640. An existing one is an error.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// A new file, mode 0640, of `bytes` that are really taken from the filesystem. An existing one
    /// is an error.
    fn allocate(&self, path: &Path, bytes: u64) -> io::Result<()>;
    /// An existing file, to go on at its end.
    fn reopen(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// An existing file, to be read.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Source>>;
    /// As [`Self::open`], to be read from the medium rather than from memory, where the
    /// filesystem can tell them apart. What was not synced before may come from memory.
    fn open_cold(&self, path: &Path) -> io::Result<Box<dyn Source>> {
        self.open(path)
    }
    /// Everything in a small file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// A new directory, mode 0750; its parent exists. An existing one is an error.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Returns when the entries of a directory are on the medium.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Gives a file another name in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn unlink(&self, path: &Path) -> io::Result<()>;
    /// Removes a file, unless somebody has a [`Hold`] on it. Does not wait.
    fn unlink_unless_held(&self, path: &Path) -> io::Result<Unlinked>;
    /// Holds a file against [`Self::unlink_unless_held`] in this and every other process; `None`
    /// where there is no such file (any more). The hold is the reader's: the process may only
    /// have the right to read.
    fn hold(&self, path: &Path) -> io::Result<Option<Hold>>;
    /// Removes a directory. One that is not empty is an error.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, in no order.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// The size of a file; `None` where there is nothing.
    fn length(&self, path: &Path) -> io::Result<Option<u64>>;
    /// The path without links and dots.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }
    /// The kind of the filesystem that holds `path`, which is there. A layer has none.
    fn kind(&self, path: &Path) -> io::Result<FsKind> {
        let _ = path;
        Ok(FsKind { magic: 0, read_only: false })
    }
    /// Room on the filesystem that holds `path`.
    fn space(&self, path: &Path) -> io::Result<Space>;
    /// Asks for the one lock on a file, which is made where it is missing. The holder's `note` is
    /// left in it.
    fn lock(&self, path: &Path, note: &str) -> io::Result<Lock>;
    /// Whether somebody has the lock on a file. Does not take it, and leaves no note.
    fn is_locked(&self, path: &Path) -> io::Result<bool>;
}

/// The machine's own files.
pub struct Disk;

/// A lock file while it is locked.
struct HeldLock(fs::File);

impl Drop for HeldLock {
    /// Closing alone would leave the lock with a child process that was forked meanwhile and has
    /// not come to its `exec` yet.
    fn drop(&mut self) {
        // What can't be unlocked is unlocked by the end of the process.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

impl File for fs::File {
    fn append(&self, data: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.write_all(data)
    }

    fn sync_data(&self) -> io::Result<()> {
        fs::File::sync_data(self)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// What root makes in somebody's directory is theirs, or their host could not write it.
pub(super) fn belong(path: &Path) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let owner = path.parent().and_then(|folder| fs::metadata(folder).ok());
    if let Some(owner) = owner.filter(|owner| owner.uid() != 0) {
        let _ = std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid()));
    }
}

fn open_if_there(path: &Path) -> io::Result<Option<fs::File>> {
    match fs::File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Fs for Disk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut options = OpenOptions::new();
        options.append(true).create_new(true).mode(FILE_MODE);
        let file = options.open(path)?;
        belong(path);
        Ok(Arc::new(file))
    }

    fn allocate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create_new(true).mode(FILE_MODE).open(path)?;
        belong(path);
        let flags = rustix::fs::FallocateFlags::empty();
        match rustix::fs::fallocate(&file, flags, 0, bytes) {
            // Such a filesystem gives room for what is written.
            Err(Errno::OPNOTSUPP) => {
                io::copy(&mut io::repeat(1).take(bytes), &mut file)?;
            }
            allocated => allocated?,
        }
        file.sync_all()
    }

    fn reopen(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(OpenOptions::new().append(true).open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Source>> {
        Ok(Box::new(io::BufReader::new(fs::File::open(path)?)))
    }

    fn open_cold(&self, path: &Path) -> io::Result<Box<dyn Source>> {
        let file = fs::File::open(path)?;
        // Advice: a filesystem that has its own mind still gives the right bytes.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        Ok(Box::new(file))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(DIR_MODE).create(path)?;
        belong(path);
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn unlink_unless_held(&self, path: &Path) -> io::Result<Unlinked> {
        let Some(file) = open_if_there(path)? else { return Ok(Unlinked::NotThere) };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(Unlinked::Held),
            // A filesystem without locks has nobody who holds.
            Err(Errno::NOTSUP | Errno::NOLCK | Errno::NOSYS) => {}
            Err(errno) => return Err(errno.into()),
        }
        let _lock = HeldLock(file);
        fs::remove_file(path)?;
        Ok(Unlinked::Gone)
    }

    fn hold(&self, path: &Path) -> io::Result<Option<Hold>> {
        let Some(file) = open_if_there(path)? else { return Ok(None) };
        // Waits at most for an `unlink` that has begun.
        flock(&file, FlockOperation::LockShared)?;
        if rustix::fs::fstat(&file)?.st_nlink == 0 {
            return Ok(None);
        }
        Ok(Some(Hold { _lock: Box::new(HeldLock(file)) }))
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(path)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn length(&self, path: &Path) -> io::Result<Option<u64>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn kind(&self, path: &Path) -> io::Result<FsKind> {
        // As wide as the machine's words, and signed on some: all numbers have 32 bits.
        let magic = rustix::fs::statfs(path)?.f_type as u32;
        let flags = rustix::fs::statvfs(path)?.f_flag;
        let read_only = flags.contains(rustix::fs::StatVfsMountFlags::RDONLY);
        Ok(FsKind { magic, read_only })
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let figures = rustix::fs::statvfs(path)?;
        let block = figures.f_frsize.max(1);
        Ok(Space {
            free: figures.f_bavail.saturating_mul(block),
            total: figures.f_blocks.saturating_mul(block),
        })
    }

    fn lock(&self, path: &Path, note: &str) -> io::Result<Lock> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
        let mut file = options.open(path)?;
        belong(path);
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                // A full disk takes no note: the lock holds all the same.
                let _ = file.set_len(0).and_then(|()| file.write_all(note.as_bytes()));
                Ok(Lock::Held(Box::new(HeldLock(file))))
            }
            Err(Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                // A holder that is just starting may not have left its note yet.
                let _ = file.take(256).read_to_string(&mut holder);
                Ok(Lock::Taken(holder.trim().to_owned()))
            }
            Err(errno) => Err(errno.into()),
        }
    }

    fn is_locked(&self, path: &Path) -> io::Result<bool> {
        let Some(file) = open_if_there(path)? else { return Ok(false) };
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => {
                drop(HeldLock(file));
                Ok(false)
            }
            Err(Errno::WOULDBLOCK) => Ok(true),
            Err(errno) => Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn files_are_private_to_owner_and_group() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let file = Disk.create(&path).unwrap();
        file.append(b"one").unwrap();
        file.append(b"two").unwrap();
        file.truncate(4).unwrap();
        file.append(b"!").unwrap();
        assert_eq!(Disk.read(&path).unwrap(), b"onet!");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, FILE_MODE);
        assert!(Disk.create(&path).is_err(), "a file is never written over");
        assert_eq!(Disk.length(&path).unwrap(), Some(5));
        assert_eq!(Disk.length(&folder.path().join("b")).unwrap(), None);
    }

    #[test]
    fn what_is_allocated_is_taken_from_the_filesystem() {
        use std::os::unix::fs::MetadataExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        Disk.allocate(&path, 1 << 20).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.len(), metadata.mode() & 0o777), (1 << 20, FILE_MODE));
        assert!(metadata.blocks() * 512 >= 1 << 20);
        assert!(Disk.allocate(&path, 1).is_err(), "it is there");
    }

    #[test]
    fn a_lock_has_one_holder_and_says_who() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = Disk.lock(&path, "17").unwrap();
        assert!(matches!(Disk.lock(&path, "18").unwrap(), Lock::Taken(note) if note == "17"));
        assert!(Disk.is_locked(&path).unwrap());
        drop(held);
        assert!(!Disk.is_locked(&path).unwrap());
        assert!(matches!(Disk.lock(&path, "18").unwrap(), Lock::Held(_)));
    }

    #[test]
    fn a_file_that_is_held_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert!(Disk.hold(&path).unwrap().is_none());
        assert_eq!(Disk.unlink_unless_held(&path).unwrap(), Unlinked::NotThere);
        Disk.create(&path).unwrap();
        let holds = [Disk.hold(&path).unwrap(), Disk.hold(&path).unwrap()];
        for hold in holds {
            assert_eq!(Disk.unlink_unless_held(&path).unwrap(), Unlinked::Held);
            drop(hold.unwrap());
        }
        assert_eq!(Disk.unlink_unless_held(&path).unwrap(), Unlinked::Gone);
        assert_eq!(Disk.length(&path).unwrap(), None);
    }
}
