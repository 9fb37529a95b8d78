//! One writer and one sync thread for each place that is recorded to, so that a disk that hangs
//! holds up no camera but its own.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

use super::mailbox::Mailbox;
use super::places::PlaceId;
use super::syncer;
use super::writer::{self, Letter, Writer};
use crate::base::Result;

/// The doors to the writers.
pub(super) struct Writers(Vec<(PlaceId, Arc<Mailbox<Letter>>)>);

/// Their threads.
#[derive(Default)]
pub(super) struct Threads {
    writers: Vec<JoinHandle<()>>,
    /// Their other ends are gone once the writers have ended. Taken once.
    pub(super) written: Option<Vec<Receiver<()>>>,
    syncs: Vec<JoinHandle<()>>,
}

impl Writers {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the machine has no thread to give.
    pub(super) fn start(writers: impl Iterator<Item = Writer>) -> Result<(Self, Threads)> {
        let (mut doors, mut written) = (Vec::new(), Vec::new());
        let mut threads = Threads::default();
        for writer in writers {
            doors.push((writer.place.id, writer.mailbox.clone()));
            threads.syncs.push(syncer::start(
                writer.fs.clone(),
                writer.rounds.clone(),
                writer.mailbox.clone(),
                writer.metrics.clone(),
            )?);
            let (thread, end) = writer::start(writer)?;
            threads.writers.push(thread);
            written.push(end);
        }
        threads.written = Some(written);
        Ok((Self(doors), threads))
    }

    /// The door to the writer of a place.
    pub(super) fn of(&self, place: PlaceId) -> Option<&Arc<Mailbox<Letter>>> {
        self.0.iter().find(|(id, _)| *id == place).map(|(_, mailbox)| mailbox)
    }

    /// Tells all of them the same.
    pub(super) fn tell(&self, letter: fn() -> Letter) {
        for (_, mailbox) in &self.0 {
            // An ended writer has nothing left to stop.
            let _ = mailbox.post(letter());
        }
    }
}

impl Threads {
    /// Waits for the writers. One that panicked has said so.
    pub(super) fn join_writers(&mut self) {
        for writer in self.writers.drain(..) {
            let _ = writer.join();
        }
    }

    /// Waits for the sync threads.
    pub(super) fn join_syncs(&mut self) {
        for sync in self.syncs.drain(..) {
            let _ = sync.join();
        }
    }
}
