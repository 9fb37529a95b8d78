//! What the writer does when the disk refuses, or is full: what is whole stays, the rest is a gap.
//!
//! A part of the writer's thread.

use super::condition::Task;
use super::index::{edit, failed};
use super::retain::gate::Passage;
use super::retain::sweep::Request;
use super::writer::{Cause, Key, State, Writer};
use crate::base::{Error, Timestamp};
use crate::ingest::GapReason;
use crate::record::GapMark;

impl State {
    /// A camera handed over more of a file than the disk kept.
    pub(super) fn tell_lost(&self, key: Key, start: Timestamp, end: Timestamp) {
        if start < end {
            let detail = "the disk lost what it had taken".to_owned();
            let mark = GapMark { start, end: Some(end), reason: GapReason::Disk, detail };
            self.writer
                .indexer
                .post(move |c| edit::gap(c, key.0, &mark).map_err(failed("store a gap")), |_| ());
        }
    }

    /// Asks whether `bytes` more would go below the floor. Has room made when it comes to that.
    pub(super) fn is_full(&self, bytes: u64) -> bool {
        let Writer { fs, place, condition, sweeper, .. } = &self.writer;
        match place.pass(&**fs, condition, bytes) {
            Ok(passage) => {
                if passage == Passage::ShutNow {
                    // After shutdown nobody makes room any more.
                    let _ = sweeper.post(Request::Look);
                }
                passage.is_shut()
            }
            // The write itself says what is wrong.
            Err(_) => false,
        }
    }

    /// A write failed: what is whole stays.
    pub(super) fn fail(&mut self, key: Key, what: &str, cause: impl Into<Cause>) {
        let Some(recording) = self.recordings.get(&key) else { return };
        let path = self.writer.place.root.join(&recording.path);
        let error = Error::retry(format!("{what} segment {}", path.display())).with(cause);
        self.alarm(&error);
        self.give_up(key);
    }

    /// Ends a file that can't go on: what is whole stays, if the disk lets us cut the rest off.
    pub(super) fn give_up(&mut self, key: Key) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        recording.refuse();
        let good = recording.written;
        let cut = if recording.file.is_some() { recording.cut(good) } else { Ok(false) };
        self.cut.insert(key, recording.reached());
        match cut {
            // The next round brings it to the medium.
            Ok(true) => {}
            Ok(false) => self.discard(key),
            Err(_) => self.leave(key),
        }
    }

    /// Removes a file without video, then its row.
    pub(super) fn discard(&mut self, key: Key) {
        let Some(recording) = self.recordings.remove(&key) else { return };
        let path = self.writer.place.root.join(&recording.path);
        let fs = &self.writer.fs;
        let gone = match (recording.file.is_some(), path.parent()) {
            (true, Some(folder)) => fs.unlink(&path).and_then(|()| fs.sync_dir(folder)),
            _ => Ok(()),
        };
        match gone {
            Ok(()) => self.writer.indexer.post(
                move |c| edit::forget(c, key.0, key.1).map_err(failed("forget a segment")),
                |_| (),
            ),
            Err(error) => {
                let what = format!("remove empty segment {}", path.display());
                self.alarm(&Error::retry(what).with(error));
            }
        }
    }

    /// The disk does not even let us cut: its row stays unfinished, for recovery.
    pub(super) fn leave(&mut self, key: Key) {
        if let Some(recording) = self.recordings.remove(&key) {
            tracing::warn!(
                camera = recording.camera.name,
                file = %recording.path.display(),
                "segment left as it is: the next start repairs it"
            );
        }
    }

    /// Counts an error, and says it once until the disk is well again.
    pub(super) fn alarm(&self, error: &Error) {
        self.writer.metrics.store_errors.inc();
        let condition = &self.writer.condition;
        if condition.fails(self.writer.place.id, Task::Record, error.chain()) {
            tracing::error!(
                store = %self.writer.place.root.display(),
                error = error.chain(),
                "the disk refuses: what can't be written is lost until it works again"
            );
        }
    }

    /// A file was brought to the medium. One that was opened before may be, though its place is gone.
    pub(super) fn healthy(&self) {
        if self.writer.condition.is_failing(self.writer.place.id, Task::Record)
            && self.writer.place.check(&*self.writer.fs).is_err()
        {
            return;
        }
        if self.writer.condition.works(self.writer.place.id, Task::Record) {
            tracing::info!(store = %self.writer.place.root.display(), "the disk works again");
        }
    }
}
