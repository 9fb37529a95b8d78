//! Deletions that lie side by side are told as one.
//!
//! Pure: deleted segments and times in, ranges out. Knows neither events nor the store.

use std::time::Duration;

use tokio::time::Instant;

use crate::base::Timestamp;
use crate::store::edges::SEAM_MICROS;
use crate::store::{DeletedSegment, Reason};

/// A sweep is over when nothing was deleted for so long.
const PAUSE: Duration = Duration::from_secs(1);

/// A sweep that takes longer is told in parts.
const PART: Duration = Duration::from_secs(60);

/// Ranges that grow at a time; the oldest is told first.
const RANGES_MAX: usize = 256;

/// Segments of one camera that lie side by side and were deleted for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) camera: String,
    pub(super) reason: Reason,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) segments: i64,
    pub(super) bytes: u64,
}

/// What was deleted and not yet told.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    ranges: Vec<Range>,
    /// Of the first and the last segment among them.
    times: Option<(Instant, Instant)>,
}

impl Deletions {
    /// Adds a segment. Gives what must be told now for want of room.
    pub(super) fn add(&mut self, one: DeletedSegment, now: Instant) -> Option<Range> {
        self.times = Some((self.times.map_or(now, |(first, _)| first), now));
        let near = |a: Timestamp, b: Timestamp| a.micros_since(b).abs() < SEAM_MICROS;
        let beside = |range: &&mut Range| {
            range.camera == one.camera
                && range.reason == one.reason
                && (near(range.end, one.start) || near(range.start, one.end))
        };
        if let Some(range) = self.ranges.iter_mut().rev().find(beside) {
            range.start = range.start.min(one.start);
            range.end = range.end.max(one.end);
            range.segments += 1;
            range.bytes += one.bytes;
            return None;
        }
        let DeletedSegment { camera, start, end, bytes, reason, .. } = one;
        self.ranges.push(Range { camera, reason, start, end, segments: 1, bytes });
        (self.ranges.len() > RANGES_MAX).then(|| self.ranges.remove(0))
    }

    /// What can be told: a sweep is over, or takes long.
    pub(super) fn ready(&mut self, now: Instant) -> Vec<Range> {
        let is_due = |(first, last)| now - last >= PAUSE || now - first >= PART;
        if self.times.is_some_and(is_due) { self.all() } else { Vec::new() }
    }

    /// All of it.
    pub(super) fn all(&mut self) -> Vec<Range> {
        self.times = None;
        std::mem::take(&mut self.ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Limit;
    use crate::store::holds::Rank;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_763_800_000_000 + seconds * 1000)
    }

    fn deleted(camera: &str, start: i64, end: i64, reason: Reason) -> DeletedSegment {
        let camera = camera.into();
        DeletedSegment { camera, sequence: 0, start: at(start), end: at(end), bytes: 10, reason }
    }

    #[test]
    fn neighbours_of_one_camera_and_reason_are_one() {
        let mut deletions = Deletions::default();
        let start = Instant::now();
        for one in [
            deleted("gate", 0, 60, Reason::Expired),
            deleted("yard", 0, 60, Reason::Expired),
            deleted("gate", 60, 120, Reason::Expired),
            deleted("gate", 120, 180, Reason::Room(Limit::Floor, Rank::Continuous)),
            deleted("gate", 200, 260, Reason::Expired),
            deleted("gate", 180, 200, Reason::Expired),
        ] {
            assert_eq!(deletions.add(one, start), None);
        }
        assert!(deletions.ready(start).is_empty(), "the sweep may go on");
        let told: Vec<_> = deletions
            .ready(start + PAUSE)
            .into_iter()
            .map(|range| {
                let second = |time: Timestamp| time.micros_since(at(0)) / 1_000_000;
                (range.camera, second(range.start), second(range.end), range.segments, range.bytes)
            })
            .collect();
        let gate = |start, end, segments, bytes| ("gate".to_owned(), start, end, segments, bytes);
        assert_eq!(
            told,
            [
                gate(0, 120, 2, 20),
                ("yard".to_owned(), 0, 60, 1, 10),
                gate(120, 180, 1, 10),
                gate(180, 260, 2, 20)
            ]
        );
        assert!(deletions.ready(start + PART).is_empty(), "told once");
    }

    #[test]
    fn a_long_sweep_is_told_in_parts_and_never_grows() {
        let mut deletions = Deletions::default();
        let start = Instant::now();
        for second in 0..60 {
            let now = start + Duration::from_millis(999 * second);
            let from = i64::try_from(second).unwrap() * 60;
            deletions.add(deleted("gate", from, from + 60, Reason::Expired), now);
            assert!(deletions.ready(now).is_empty(), "{second}");
        }
        assert_eq!(deletions.ready(start + PART).len(), 1);
        let apart = |n: i64| deleted("gate", n * 100, n * 100 + 60, Reason::Expired);
        let told = (0..300).filter_map(|n| deletions.add(apart(n), start)).count();
        assert_eq!((told, deletions.all().len()), (300 - RANGES_MAX, RANGES_MAX));
    }
}
