//! A [`Medium`] as a file layer, with somebody who looks at it before each change.

use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::super::fs::{File, Fs, Lock, Source, Space};
use super::medium::Medium;

/// Sees the medium as it is just before something about it changes.
type Watcher = Box<dyn FnMut(&Medium) + Send>;

/// Clones show the same medium.
#[derive(Clone)]
pub(in super::super) struct Layer {
    root: PathBuf,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    medium: Medium,
    watcher: Option<Watcher>,
}

struct OpenFile {
    layer: Layer,
    id: u64,
}

impl Layer {
    /// The medium seen at `root`: where the store's other files are, those that are real.
    pub(in super::super) fn new(root: &Path, medium: Medium) -> Self {
        let inner = Inner { medium, watcher: None };
        Self { root: root.to_owned(), inner: Arc::new(Mutex::new(inner)) }
    }

    /// From now on `watcher` is called; nobody, with `None`.
    pub(in super::super) fn watch(&self, watcher: Option<Watcher>) {
        self.inner.lock().unwrap().watcher = watcher;
    }

    /// Shows the medium as it is now to the watcher.
    pub(in super::super) fn show(&self) {
        drop(self.change());
    }

    fn change(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap();
        let Inner { medium, watcher } = &mut *inner;
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
        self.layer.change().medium.sync(self.id);
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
        self.change().medium.sync_folder(&self.names(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change().medium.rename(&self.names(from), &self.names(to))
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.change().medium.remove(&self.names(path), false)
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
        Ok(Space { free: 50 << 30, total: 100 << 30 })
    }

    fn lock(&self, _: &Path, _: &str) -> io::Result<Lock> {
        Ok(Lock::Held(Box::new(())))
    }
}
