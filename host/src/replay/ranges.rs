//! Stretches of time as sets: union, difference, length. Pure.

use serde::Serialize;

use super::Segment;
use crate::base::Timestamp;

/// `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Range {
    /// Inclusive.
    pub start: Timestamp,
    /// Exclusive.
    pub end: Timestamp,
}

impl Range {
    /// What of it lies within `[start, end)`; `None`: nothing.
    pub fn within(self, start: Timestamp, end: Timestamp) -> Option<Self> {
        let cut = Self { start: self.start.max(start), end: self.end.min(end) };
        (cut.start < cut.end).then_some(cut)
    }
}

/// Stretches that neither touch nor overlap, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Ranges(Vec<Range>);

impl Ranges {
    /// All of what is given, once.
    pub fn union(ranges: impl IntoIterator<Item = Range>) -> Self {
        let mut all: Vec<Range> =
            ranges.into_iter().filter(|range| range.start < range.end).collect();
        all.sort();
        let mut merged: Vec<Range> = Vec::new();
        for next in all {
            match merged.last_mut() {
                Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
                _ => merged.push(next),
            }
        }
        Self(merged)
    }

    /// What is in this and not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        let mut holes = other.0.iter().peekable();
        for range in &self.0 {
            let mut start = range.start;
            while holes.next_if(|hole| hole.end <= range.start).is_some() {}
            while let Some(hole) = holes.peek().filter(|hole| hole.start < range.end) {
                if start < hole.start {
                    left.push(Range { start, end: hole.start });
                }
                start = start.max(hole.end);
                if hole.end > range.end {
                    break;
                }
                holes.next();
            }
            if start < range.end {
                left.push(Range { start, end: range.end });
            }
        }
        Self(left)
    }

    /// Within `[start, end)`.
    #[must_use]
    pub fn within(&self, start: Timestamp, end: Timestamp) -> Self {
        Self(self.0.iter().filter_map(|range| range.within(start, end)).collect())
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Range> {
        self.0.iter()
    }

    /// There is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Of all together.
    pub fn seconds(&self) -> f64 {
        let micros: i64 = self.0.iter().map(|range| range.end.micros_since(range.start)).sum();
        micros as f64 / 1e6
    }

    /// It has a part of `[start, end)`.
    pub fn touch(&self, start: Timestamp, end: Timestamp) -> bool {
        let first = self.0.partition_point(|range| range.end <= start);
        self.0.get(first).is_some_and(|range| range.start < end)
    }

    /// How much of it was recorded: bytes, by the mean rate of each segment, and seconds.
    pub fn recorded(&self, segments: &[Segment]) -> (u64, f64) {
        let (mut bytes, mut seconds) = (0.0, 0.0);
        for segment in segments {
            let length = segment.end.micros_since(segment.start);
            let part = self.within(segment.start, segment.end).seconds();
            if length > 0 && part > 0.0 {
                bytes += segment.bytes as f64 * part * 1e6 / length as f64;
                seconds += part;
            }
        }
        (bytes.round() as u64, seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[(i64, i64)]) -> Ranges {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        Ranges::union(ranges.iter().map(|(start, end)| Range { start: at(*start), end: at(*end) }))
    }

    #[test]
    fn sets_of_time() {
        for (one, other, left) in [
            (&[(0, 10)][..], &[][..], &[(0, 10)][..]),
            (&[(0, 10)], &[(0, 10)], &[]),
            (&[(0, 10)], &[(2, 3), (4, 5)], &[(0, 2), (3, 4), (5, 10)]),
            (&[(0, 10), (20, 30)], &[(5, 25)], &[(0, 5), (25, 30)]),
            (&[(0, 10), (20, 30)], &[(-5, 2), (8, 40)], &[(2, 8)]),
            (&[(0, 4), (6, 9)], &[(0, 1), (3, 7), (8, 9)], &[(1, 3), (7, 8)]),
            (&[(5, 8), (0, 5), (7, 9)], &[(20, 30)], &[(0, 9)]),
        ] {
            // Moved, since times do not go below 1970.
            let moved = |set: &[(i64, i64)]| -> Vec<(i64, i64)> {
                set.iter().map(|(start, end)| (start + 100, end + 100)).collect()
            };
            let (one, other) = (set(&moved(one)), set(&moved(other)));
            assert_eq!(one.without(&other), set(&moved(left)), "{one:?} without {other:?}");
        }
        assert_eq!(set(&[(0, 4), (6, 9)]).seconds(), 7.0);
        assert!(set(&[(0, 4), (6, 9)]).touch(Timestamp::from_millis(3999), Timestamp::MAX));
        assert!(!set(&[(0, 4)]).touch(Timestamp::from_millis(4000), Timestamp::from_millis(9000)));
    }
}
