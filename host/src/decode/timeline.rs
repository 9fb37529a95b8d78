//! Remembers what units said of their pictures until these leave the decoder, and counts them.
//!
//! Takes units in decoding order and times in presentation order. Knows no decoder.

use crate::base::Timestamp;
use crate::ingest::packet::VideoUnit;

/// Units whose pictures are awaited at most: far more than any reordering, so that a decoder that
/// swallows units costs no memory.
const AWAITED_MAX: usize = 256;

struct Seen {
    pts: i64,
    time: Timestamp,
    key: bool,
}

/// What the stream said of a picture.
pub(super) struct Shown {
    pub(super) sequence: u64,
    pub(super) time: Timestamp,
    pub(super) key: bool,
}

/// Remembers what units said of the pictures that are still inside the decoder.
#[derive(Default)]
pub(super) struct Timeline {
    /// Sorted by presentation time.
    awaited: Vec<Seen>,
    /// Pictures of the stream up to the last one given.
    sequence: u64,
    last_pts: Option<i64>,
}

impl Timeline {
    /// Takes the next unit in decoding order, whether it is decoded or not.
    pub(super) fn see(&mut self, unit: &VideoUnit) {
        if self.last_pts.is_some_and(|last| unit.pts <= last) {
            self.sequence += 1;
            return;
        }
        if self.awaited.len() == AWAITED_MAX {
            self.awaited.remove(0);
            self.sequence += 1;
        }
        let place = self.awaited.partition_point(|seen| seen.pts <= unit.pts);
        let seen = Seen { pts: unit.pts, time: unit.time, key: unit.access.is_key() };
        self.awaited.insert(place, seen);
    }

    /// The picture of this time is the next to be shown; none if no unit had it.
    pub(super) fn show(&mut self, pts: i64) -> Option<Shown> {
        let end = self.awaited.partition_point(|seen| seen.pts <= pts);
        let seen = self.awaited.drain(..end).next_back().filter(|seen| seen.pts == pts);
        self.sequence += u64::try_from(end).unwrap_or(u64::MAX);
        self.last_pts = Some(pts);
        let seen = seen?;
        Some(Shown { sequence: self.sequence - 1, time: seen.time, key: seen.key })
    }

    /// Times may start anew.
    pub(super) fn interrupt(&mut self) {
        self.sequence += u64::try_from(self.awaited.len()).unwrap_or(u64::MAX);
        self.awaited.clear();
        self.last_pts = None;
    }
}
