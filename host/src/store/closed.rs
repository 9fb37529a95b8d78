//! Closed rows, as the writer sees them: the last step of a file, and what is said after it.
//!
//! A part of the writer's thread. A row that the index does not take is offered again when it takes
//! rows again; until then it is unfinished, and would be repaired by a start.

use super::index::row::{Flags, Segment};
use super::index::{edit, failed};
use super::news::{ClosedSegment, News};
use super::recording::Stage;
use super::writer::{Key, Letter, State};
use crate::base::Result;

/// So many files wait at most for an index that takes other rows and not theirs.
const UNCLOSED_MAX: usize = 256;

impl State {
    pub(super) fn record_closed(&mut self, key: Key) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        recording.stage = Stage::Closing;
        recording.file = None;
        let closing = recording.closing(self.writer.clock.wall());
        let mailbox = self.writer.mailbox.clone();
        self.writer.indexer.post(
            move |c| edit::close(c, key.0, key.1, &closing).map_err(failed("close a segment")),
            move |result| drop(mailbox.post(Letter::Closed { key, result })),
        );
    }

    pub(super) fn row_closed(&mut self, key: Key, result: Result<Option<Segment>>) {
        let Some(recording) = self.recordings.remove(&key) else { return };
        match result {
            Ok(Some(segment)) => {
                recording.camera.segments.inc();
                let closed = ClosedSegment {
                    camera: segment.camera,
                    sequence: segment.sequence,
                    epoch: segment.epoch,
                    start: segment.start,
                    end: segment.end,
                    bytes: segment.bytes,
                    gap_before: segment.flags.has(Flags::GAP_BEFORE),
                    continuous: recording.start.continuous,
                    fail_open: recording.start.fail_open,
                };
                // Nobody may be listening.
                let _ = self.writer.news.send(News::Closed(closed.clone()));
                let _ = self.writer.closed.send(closed);
            }
            Ok(None) => tracing::error!(
                camera = recording.camera.name,
                sequence = key.1,
                "the row of a segment is gone: this is a bug, please report it"
            ),
            Err(error) => {
                self.alarm(&error);
                // Of more than that the rows stay unfinished, for the next start.
                if self.unclosed.len() < UNCLOSED_MAX {
                    self.unclosed.insert(key, recording);
                }
            }
        }
    }

    /// Offers the index once more the closed rows that it did not take: it has just taken another
    /// row, or nothing will come after this.
    pub(super) fn close_again(&mut self) {
        for (key, recording) in std::mem::take(&mut self.unclosed) {
            self.recordings.insert(key, recording);
            self.record_closed(key);
        }
    }
}
