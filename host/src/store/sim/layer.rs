//! A [`Medium`] as a file layer, with somebody who looks at it before each change, and a door
//! before it that can be shut: a disk that hangs.

use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::super::fs::{File, Fs, Hold, Lock, Source, Space, Unlinked};
use super::medium::Medium;

/// Sees the medium as it is just before something about it changes.
type Watcher = Box<dyn FnMut(&Medium) + Send>;

/// Which calls do not come back while the door is shut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Shut {
    #[default]
    Nothing,
    Changes,
    Syncs,
}

/// Whoever calls passes here first.
#[derive(Default)]
struct Door {
    state: Mutex<Doorway>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default)]
struct Doorway {
    shut: Shut,
    /// Stand before it.
    waiting: usize,
    /// So many syncs of files are still to fail.
    failing: usize,
    /// So many syncs were let in.
    syncs: usize,
}

impl Door {
    fn pass(&self, kind: Shut) {
        let mut state = self.state.lock().unwrap();
        if state.shut == kind {
            state.waiting += 1;
            self.changed.notify_all();
            state = self.changed.wait_while(state, |state| state.shut == kind).unwrap();
            state.waiting -= 1;
        }
        state.syncs += usize::from(kind == Shut::Syncs);
        self.changed.notify_all();
    }

    fn wait(&self, until: impl Fn(&Doorway) -> bool) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |state| !until(state)).unwrap());
    }
}

/// Clones show the same medium.
#[derive(Clone)]
pub(in super::super) struct Layer {
    root: PathBuf,
    inner: Arc<Mutex<Inner>>,
    door: Arc<Door>,
}

struct Inner {
    medium: Medium,
    watcher: Option<Watcher>,
    /// Files whose sync failed.
    failed: Vec<u64>,
    retried: usize,
    space: Space,
}

struct OpenFile {
    layer: Layer,
    id: u64,
}

impl Layer {
    /// The medium seen at `root`: where the store's other files are, those that are real.
    pub(in super::super) fn new(root: &Path, medium: Medium) -> Self {
        let space = Space { free: 50 << 30, total: 100 << 30 };
        let inner = Inner { medium, watcher: None, failed: Vec::new(), retried: 0, space };
        Self { root: root.to_owned(), inner: Arc::new(Mutex::new(inner)), door: Arc::default() }
    }

    /// It says that it has so much room.
    pub(in super::super) fn set_space(&self, space: Space) {
        self.inner.lock().unwrap().space = space;
    }

    /// From now on `watcher` is called; nobody, with `None`.
    pub(in super::super) fn watch(&self, watcher: Option<Watcher>) {
        self.inner.lock().unwrap().watcher = watcher;
    }

    /// Shuts the door for some calls, or opens it.
    pub(in super::super) fn shut(&self, shut: Shut) {
        self.door.state.lock().unwrap().shut = shut;
        self.door.changed.notify_all();
    }

    /// Returns when somebody stands before the shut door.
    pub(in super::super) fn wait_for_somebody(&self) {
        self.door.wait(|state| state.waiting > 0);
    }

    /// Returns when something has been synced.
    pub(in super::super) fn wait_for_a_sync(&self) {
        self.door.wait(|state| state.syncs > 0);
    }

    /// The next sync of a file fails.
    pub(in super::super) fn fail_a_sync(&self) {
        self.door.state.lock().unwrap().failing = 1;
    }

    /// Files whose sync was tried again after it had failed.
    pub(in super::super) fn retried_syncs(&self) -> usize {
        self.inner.lock().unwrap().retried
    }

    /// Shows the medium as it is now to the watcher.
    pub(in super::super) fn show(&self) {
        drop(self.enter());
    }

    fn change(&self) -> MutexGuard<'_, Inner> {
        self.door.pass(Shut::Changes);
        self.enter()
    }

    fn enter(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap();
        let Inner { medium, watcher, .. } = &mut *inner;
        if let Some(watcher) = watcher {
            watcher(medium);
        }
        inner
    }

    fn look<T>(&self, path: &Path, with: impl FnOnce(&Medium, u64) -> T) -> io::Result<T> {
        let path = self.names(path);
        let inner = self.inner.lock().unwrap();
        let id = inner.medium.find(&path).ok_or(io::ErrorKind::NotFound)?;
        Ok(with(&inner.medium, id))
    }

    fn names(&self, path: &Path) -> Vec<String> {
        let below = path.strip_prefix(&self.root).expect("a path of the store");
        below.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
    }

    fn file(&self, id: u64) -> Arc<dyn File> {
        Arc::new(OpenFile { layer: self.clone(), id })
    }
}

impl File for OpenFile {
    fn append(&self, data: &[u8]) -> io::Result<()> {
        self.layer.change().medium.append(self.id, data);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.layer.door.pass(Shut::Syncs);
        let mut inner = self.layer.enter();
        inner.retried += usize::from(inner.failed.contains(&self.id));
        let failing = std::mem::take(&mut self.layer.door.state.lock().unwrap().failing);
        if failing > 0 {
            inner.failed.push(self.id);
            return Err(io::Error::other("failed on purpose"));
        }
        inner.medium.sync(self.id);
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.layer.change().medium.truncate(self.id, length as usize);
        Ok(())
    }
}

impl Fs for Layer {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let id = self.change().medium.make(&self.names(path), false)?;
        Ok(self.file(id))
    }

    fn allocate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let id = self.change().medium.make(&self.names(path), false)?;
        let file = self.file(id);
        file.append(&vec![0; bytes as usize])?;
        file.sync_data()
    }

    fn reopen(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let id = self.look(path, |_, id| id)?;
        Ok(self.file(id))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Source>> {
        Ok(Box::new(Cursor::new(self.read(path)?)))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.look(path, |medium, id| medium.content(id).to_vec())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.change().medium.make(&self.names(path), true).map(drop)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.door.pass(Shut::Syncs);
        self.enter().medium.sync_folder(&self.names(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change().medium.rename(&self.names(from), &self.names(to))
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.change().medium.remove(&self.names(path), false)
    }

    fn unlink_unless_held(&self, path: &Path) -> io::Result<Unlinked> {
        match self.unlink(path) {
            Ok(()) => Ok(Unlinked::Gone),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Unlinked::NotThere),
            Err(error) => Err(error),
        }
    }

    fn hold(&self, _: &Path) -> io::Result<Option<Hold>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.change().medium.remove(&self.names(path), true)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.inner.lock().unwrap().medium.names(&self.names(path))
    }

    fn length(&self, path: &Path) -> io::Result<Option<u64>> {
        match self.look(path, |medium, id| medium.content(id).len() as u64) {
            Ok(length) => Ok(Some(length)),
            Err(_) => Ok(None),
        }
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        Ok(self.inner.lock().unwrap().space)
    }

    fn lock(&self, _: &Path, _: &str) -> io::Result<Lock> {
        Ok(Lock::Held(Box::new(())))
    }

    fn is_locked(&self, _: &Path) -> io::Result<bool> {
        Ok(false)
    }
}
