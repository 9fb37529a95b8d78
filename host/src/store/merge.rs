//! Segments that follow on from one another are one stretch of continuous video.
//!
//! Pure. Takes segments in order of (epoch, sequence) and gaps, gives stretches.

use super::edges::SEAM_MICROS;
use super::holds::Continuous;
use super::index::read::StoredGap;
use super::index::row::Segment;
use super::query::Found;
use crate::base::Timestamp;

/// Continuous video without a break.
pub(super) struct Stretch<'a> {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) segments: Vec<&'a Found>,
}

/// Merges neighbours of the same epoch less than half a second apart with no gap between.
pub(super) fn stretches<'a>(found: &'a [Found], gaps: &[StoredGap]) -> Vec<Stretch<'a>> {
    let mut all: Vec<Stretch<'a>> = Vec::new();
    for next in found.iter().filter(|found| is_continuous(&found.segment)) {
        let segment = &next.segment;
        if let Some(last) = all.last_mut()
            && let Some(before) = last.segments.last()
            && before.segment.epoch == segment.epoch
            && segment.start.micros_since(last.end).abs() < SEAM_MICROS
            && !gaps.iter().any(|gap| between(gap, &before.segment, segment))
        {
            last.end = last.end.max(segment.end);
            last.segments.push(next);
        } else {
            all.push(Stretch { start: segment.start, end: segment.end, segments: vec![next] });
        }
    }
    all
}

/// The gap lies on the seam of the two.
fn between(gap: &StoredGap, before: &Segment, after: &Segment) -> bool {
    let near = |one: Timestamp, other: Timestamp| one.micros_since(other).abs() < SEAM_MICROS;
    near(gap.start, before.end) && gap.end.is_some_and(|end| near(end, after.start))
}

/// A segment that is listed as continuous video.
fn is_continuous(segment: &Segment) -> bool {
    let Continuous { configured, answered } = segment.continuous;
    configured || answered.is_some_and(|until| until > segment.end)
}
