//! The store -> what people and players look at.
//!
//! Takes times and names, gives lists, playlists and bytes. Reads beside the recorder, which must
//! never wait for it: all reading goes through [`View::read`] and [`View::work`], a few at a time.
//! Knows no HTTP.

pub mod playlist;
pub mod media;
pub mod library;
pub mod files;
pub mod exports;
#[cfg(test)]
mod tests;
pub mod events;
pub mod live;
pub mod pictures;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::live::Live;
use self::pictures::Pictures;
use crate::base::clock::Clock;
use crate::base::{Error, Result};
use crate::store::Reader;
use crate::store::fs::Fs;

/// Reads at a time. They share disks with the recorder, and each may hold some MiB.
const READS_MAX: usize = 8;

/// How long a read waits for its turn. Whoever looks has asked for something else by then.
const TURN: Duration = Duration::from_secs(10);

/// One store, to be looked at. Shared by all who look.
pub struct View {
    root: PathBuf,
    files: Arc<dyn Fs>,
    clock: Arc<dyn Clock>,
    turns: Semaphore,
    growing: media::Scans,
    /// Readers of the index that nobody uses now: at most [`READS_MAX`], each with its prepared
    /// statements. `None` once the view is [closed](Self::close). Never held across an await.
    idle: Mutex<Option<Vec<Reader>>>,
    closed: CancellationToken,
}

/// What is looked at beside recordings. Clones share it.
#[derive(Clone)]
pub struct Looks {
    /// What cameras send now.
    pub live: Live,
    /// Pictures of moments.
    pub pictures: Pictures,
}

impl View {
    /// The store at `root`, whose index is opened with the first read.
    pub fn new(root: &Path, files: Arc<dyn Fs>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let (turns, idle) = (Semaphore::new(READS_MAX), Mutex::new(Some(Vec::new())));
        let (growing, closed) = (media::Scans::default(), CancellationToken::new());
        Arc::new(Self { root: root.to_owned(), files, clock, turns, growing, idle, closed })
    }

    /// Where the store is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What reads its files.
    pub fn files(&self) -> &Arc<dyn Fs> {
        &self.files
    }

    /// Wall time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Reads the index, and files, on a thread that may wait for the disk. A reader must be done in
    /// short steps: what is open in the index can't be folded back.
    ///
    /// # Errors
    /// Those of `look`; `Retry` where too many others read, or the host is ending; and when the
    /// index can't be opened.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        look: impl FnOnce(&Reader) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let view = self.clone();
        self.work(move || {
            let reader = view.reader()?;
            let seen = look(&reader);
            view.keep(reader);
            seen
        })
        .await
    }

    /// Does what may wait for the disk or takes long, within the same bound as reads.
    ///
    /// # Errors
    /// Those of `work`, and `Retry` where too many others read.
    pub async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = tokio::time::timeout(TURN, self.turns.acquire()).await;
        let turn = turn.map_err(|_| Error::retry("too many look at recordings: try again"))?;
        // Goes with the work: who asked may be gone before it is done.
        turn.expect("the semaphore is never closed").forget();
        let view = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _turn = Turn(&view.turns);
            work()
        });
        done.await.map_err(|error| Error::bug("look at recordings").with(error))?
    }

    /// Lets go of the index: the host is ending, and who closes it last folds it back.
    pub fn close(&self) {
        self.lock().take();
        self.closed.cancel();
    }

    /// Ends when the view is [closed](Self::close): what goes on for ever ends then, too.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }

    fn reader(&self) -> Result<Reader> {
        let idle = match &mut *self.lock() {
            Some(idle) => idle.pop(),
            None => return Err(Error::retry("the host is ending")),
        };
        let failed = |error| Error::retry("open the store's index").with(error);
        idle.map_or_else(|| Reader::open(&self.root).map_err(failed), Ok)
    }

    fn keep(&self, reader: Reader) {
        if let Some(idle) = &mut *self.lock() {
            idle.push(reader);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Vec<Reader>>> {
        self.idle.lock().expect("no panic under this lock")
    }
}

/// Gives a turn back, also where the work panics.
struct Turn<'a>(&'a Semaphore);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}
