//! The thread that waits for the medium, so that the one that writes need not.
//!
//! Takes rounds: files, then directories. Gives what came of each, with how long it took. Knows
//! no segment beyond its key.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::Instant;

use super::fs::{File, Fs};
use super::mailbox::{Mailbox, Taken};
use super::writer::{Key, Letter};
use crate::base::metrics::Metrics;
use crate::base::{Error, Result};

/// What to bring to the medium, in this order.
pub(super) struct Round {
    pub(super) files: Vec<Dirty>,
    /// Directories with new entries.
    pub(super) folders: BTreeSet<PathBuf>,
}

/// A file with bytes that are not yet on the medium.
pub(super) struct Dirty {
    pub(super) key: Key,
    pub(super) file: Arc<dyn File>,
    /// Bytes written when the round was put together.
    pub(super) written: u64,
}

/// What came of a round.
pub(super) struct Synced {
    pub(super) files: Vec<(Key, u64, io::Result<()>)>,
    pub(super) folders: BTreeSet<PathBuf>,
    /// What came of the directories, as a whole.
    pub(super) placed: io::Result<()>,
    pub(super) took: Duration,
}

/// Starts the thread. It ends when `rounds` is closed.
pub(super) fn start(
    fs: Arc<dyn Fs>,
    rounds: Arc<Mailbox<Round>>,
    writer: Arc<Mailbox<Letter>>,
    metrics: Metrics,
) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("sync".into())
        .spawn(move || {
            let mut taken = Vec::new();
            while rounds.take(&mut taken, 1, None) != Taken::Closed {
                for round in taken.drain(..) {
                    let synced = run(&*fs, round);
                    metrics.sync_seconds.observe(synced.took.as_secs_f64());
                    // A writer that is gone has no use for it.
                    let _ = writer.post(Letter::Synced(synced));
                }
            }
        })
        .map_err(|error| Error::stop("can't start the sync thread").with(error))
}

fn run(fs: &dyn Fs, round: Round) -> Synced {
    let began = Instant::now();
    let files = round
        .files
        .into_iter()
        .map(|dirty| (dirty.key, dirty.written, dirty.file.sync_data()))
        .collect();
    let placed = round.folders.iter().try_for_each(|folder| fs.sync_dir(folder));
    Synced { files, folders: round.folders, placed, took: began.elapsed() }
}
