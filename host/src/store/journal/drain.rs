//! The thread that brings to the journal what the index noted.
//!
//! Reads beside the index thread, appends, syncs, and then lets the index forget: a crash between
//! two steps repeats lines. Recording never waits for it; where the disk refuses, what is noted
//! waits in the index, one entry a thing. Old files go once what still counts of them stands in a
//! newer one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::super::condition::{Condition, Task};
use super::super::fs::{File, Fs};
use super::super::index::thread::Indexer;
use super::super::index::{self, Connection, failed, outbox};
use super::super::layout;
use super::super::places::PlaceId;
use super::super::retain::sweep::Sweeper;
use super::{Key, Note, files};
use crate::base::clock::Clock;
use crate::base::metrics::Metrics;
use crate::base::{Error, Result};

/// What was noted is looked for so often.
const PERIOD: Duration = Duration::from_secs(2);
/// Notes in one write and sync.
const BATCH: u32 = 512;
/// Keys in one piece of work of the index, so that events do not wait long behind it.
const RENOTED: usize = 64;
/// A file of the journal is condensed when it is so old.
const AGE: Duration = Duration::from_secs(30 * 86_400);

/// What the thread stands on.
pub(in super::super) struct Journal {
    pub(in super::super) fs: Arc<dyn Fs>,
    pub(in super::super) root: PathBuf,
    pub(in super::super) clock: Arc<dyn Clock>,
    pub(in super::super) metrics: Metrics,
    pub(in super::super) indexer: Indexer,
    pub(in super::super) condition: Condition,
}

impl Journal {
    /// One that stands on the same as the sweeper.
    pub(in super::super) fn beside(sweeper: &Sweeper, root: &Path) -> Self {
        Self {
            fs: sweeper.fs.clone(),
            root: root.to_owned(),
            clock: sweeper.clock.clone(),
            metrics: sweeper.metrics.clone(),
            indexer: sweeper.indexer.clone(),
            condition: sweeper.condition.clone(),
        }
    }
}

/// How the thread is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum End {
    /// With everything that is noted in the journal.
    Complete,
    /// As a power cut would end it.
    Abandoned,
}

/// The thread, and the way to end it.
pub(in super::super) struct Drain {
    end: SyncSender<End>,
    thread: JoinHandle<()>,
}

impl Drain {
    /// Ends the thread and waits for that.
    pub(in super::super) fn end(self, how: End) {
        // A thread that panicked has said so.
        let _ = self.end.send(how);
        let _ = self.thread.join();
    }
}

/// Starts the thread.
///
/// # Errors
/// When the index can't be read, or the machine has no thread to give.
pub(in super::super) fn start(journal: Journal) -> Result<Drain> {
    let connection = index::open_read_only(&layout::index(&journal.root))?;
    let (end, ending) = sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("journal".into())
        .spawn(move || run(&journal, &connection, &ending))
        .map_err(|error| Error::stop("can't start the journal thread").with(error))?;
    Ok(Drain { end, thread })
}

fn run(journal: &Journal, connection: &Connection, ending: &Receiver<End>) {
    let mut state = State { journal, connection, open: None, condensed: None, seq: 0 };
    loop {
        match ending.recv_timeout(PERIOD) {
            Err(RecvTimeoutError::Timeout) => {
                let done = state.drain().and_then(|()| state.condense());
                state.tell(done);
            }
            Ok(End::Complete) => {
                let done = state.drain();
                return state.tell(done);
            }
            Ok(End::Abandoned) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The thread at work.
struct State<'a> {
    journal: &'a Journal,
    connection: &'a Connection,
    /// The file of the day, by its name.
    open: Option<(String, Arc<dyn File>)>,
    /// The day on which old files were looked for last.
    condensed: Option<String>,
    /// Up to here the outbox stands in the journal, whether or not the index knows already.
    seq: i64,
}

impl State<'_> {
    /// Brings everything to the journal that is noted.
    fn drain(&mut self) -> Result<()> {
        loop {
            let pending = outbox::pending(self.connection, self.seq, BATCH)
                .map_err(failed("read what is for the journal"))?;
            let Some(seq) = pending.seq else { return Ok(()) };
            if !pending.notes.is_empty() {
                let lines: String = pending.notes.iter().map(Note::line).collect();
                // Another handle next time: what was not synced may be lost and is written again.
                self.append(&lines).inspect_err(|_| self.open = None)?;
            }
            self.seq = seq;
            self.journal
                .indexer
                .post_idle(move |c| outbox::remove(c, seq).map_err(failed("clear the outbox")));
        }
    }

    fn append(&mut self, lines: &str) -> Result<()> {
        let day = self.day()?;
        let path = layout::journal(&self.journal.root).join(&day);
        let write = || {
            let file = match &self.open {
                Some((open, file)) if *open == day => file.clone(),
                _ => self.file(&path)?,
            };
            file.append(lines.as_bytes())?;
            file.sync_data()?;
            Ok(file)
        };
        let file = write().map_err(|error: io::Error| {
            Error::retry(format!("write the journal {}", path.display())).with(error)
        })?;
        self.open = Some((day, file));
        Ok(())
    }

    /// The name of the file to write to. What was said last must stand last: where the clock was
    /// ahead, and while it is behind, that is the newest there is.
    fn day(&self) -> Result<String> {
        let today = files::day(self.journal.clock.wall());
        if let Some((open, _)) = &self.open {
            return Ok(today.max(open.clone()));
        }
        let days = files::days(&*self.journal.fs, &self.journal.root)?;
        let newest = days.last().and_then(|path| path.file_name()).unwrap_or_default();
        Ok(today.max(newest.to_string_lossy().into_owned()))
    }

    /// The file of a day, made where it is missing. What a crash left of a last line is ended.
    fn file(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let Journal { fs, root, .. } = self.journal;
        if fs.length(path)?.is_some() {
            let file = fs.reopen(path)?;
            file.append(b"\n")?;
            return Ok(file);
        }
        let folder = layout::journal(root);
        if fs.length(&folder)?.is_none() {
            fs.create_dir(&folder)?;
            fs.sync_dir(root)?;
        }
        let file = fs.create(path)?;
        fs.sync_dir(&folder)?;
        Ok(file)
    }

    /// Once a day: what counts of an old file is noted again, then the file goes.
    fn condense(&mut self) -> Result<()> {
        let now = self.journal.clock.wall();
        let today = files::day(now);
        if self.condensed.as_deref() == Some(today.as_str()) {
            return Ok(());
        }
        let oldest = files::day(now - AGE);
        for path in files::days(&*self.journal.fs, &self.journal.root)? {
            if path.file_name().is_some_and(|name| *name.to_string_lossy() < *oldest) {
                self.renote(&path)?;
                self.drain()?;
                let removed = self.journal.fs.unlink(&path);
                removed.map_err(|error| {
                    Error::retry(format!("remove the old journal {}", path.display())).with(error)
                })?;
            }
        }
        self.condensed = Some(today);
        Ok(())
    }

    fn renote(&self, path: &Path) -> Result<()> {
        let mut keys: Vec<Key> = Vec::new();
        let flush = |keys: &mut Vec<Key>| {
            let keys = std::mem::take(keys);
            self.journal.indexer.ask_blocking(move |c| {
                keys.iter()
                    .try_for_each(|key| outbox::renote(c, key))
                    .map_err(failed("note once more"))
            })
        };
        files::read(&*self.journal.fs, path, |note| {
            keys.extend(note.key());
            if keys.len() >= RENOTED { flush(&mut keys) } else { Ok(()) }
        })?;
        flush(&mut keys)
    }

    /// An alarm where it fails, and its end where it works again.
    fn tell(&self, done: Result<()>) {
        let Journal { condition, metrics, .. } = self.journal;
        match done {
            Ok(()) => {
                if condition.works(PlaceId::MAIN, Task::Note) {
                    tracing::info!("the journal is written again");
                }
            }
            Err(error) => {
                metrics.store_errors.inc();
                if condition.fails(PlaceId::MAIN, Task::Note, error.chain()) {
                    tracing::error!(
                        error = error.chain(),
                        "the journal can't be written: recording goes on, and the index keeps what \
                         is to be written"
                    );
                }
            }
        }
    }
}
