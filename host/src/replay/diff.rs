//! What a replay would have kept, against what was really kept: more, lost, saved.
//!
//! Pure. Event recordings are compared by the time that spans ask for; room on the disk by whole
//! files and by how long each is kept.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::ranges::{Range, Ranges};
use super::report::{Holds, holds, spans_until, within};
use super::{Outcome, Segment};
use crate::base::Timestamp;
use crate::policy::Span;
use crate::store::holds::Until;
use crate::store::kept::Kept;

/// The difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    /// Asked for in the replay, and not then.
    pub more: Difference,
    /// Asked for then, and not in the replay.
    pub lost: Difference,
    /// Files that something keeps at the end of the range, and nothing would in the replay.
    pub saved: Difference,
    /// Files that nothing keeps at the end of the range, and something would in the replay.
    pub spent: Difference,
    /// Bytes times days for which they would be kept less, over all files that are there; negative:
    /// more.
    pub saved_byte_days: f64,
}

/// Stretches of video.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Of all together.
    pub seconds: f64,
    /// How much of that is on disk.
    pub recorded_seconds: f64,
    /// Of what is on disk; of a part of a file by its mean rate.
    pub bytes: u64,
    /// In order.
    pub ranges: Ranges,
}

impl Difference {
    fn of(ranges: Ranges, segments: &[Segment]) -> Self {
        let (bytes, recorded_seconds) = ranges.recorded(segments);
        Self { seconds: ranges.seconds(), recorded_seconds, bytes, ranges }
    }
}

/// What is compared.
pub struct Sides<'a> {
    /// The replay.
    pub outcome: &'a Outcome,
    /// What was really kept.
    pub kept: &'a Kept,
    /// The policies in whose place others judged, or the same: what others asked for stands on both
    /// sides.
    pub replaced: &'a BTreeSet<String>,
    /// How long the camera keeps what no policy speaks of.
    pub keep: Duration,
}

impl Diff {
    /// Of `[from, to)`.
    pub fn new(sides: &Sides<'_>, from: Timestamp, to: Timestamp) -> Self {
        let outcome = within(sides.outcome.clone(), from, to);
        let others = sides.kept.spans.iter().filter(|span| !sides.replaced.contains(&span.policy));
        let mut spans: Vec<Span> = others.cloned().collect();
        spans.extend(outcome.spans.iter().cloned());
        let asked = |spans: &[Span]| {
            let ranges = spans.iter().map(|span| Range { start: span.start, end: span.end });
            Ranges::union(ranges).within(from, to)
        };
        let (then, now) = (asked(&sides.kept.spans), asked(&spans));
        let segments = &outcome.segments;
        let untils = Untils::new(&outcome, &spans, sides);
        let whole = |ranges| Difference::of(ranges, segments);
        Self {
            more: whole(now.without(&then)),
            lost: whole(then.without(&now)),
            saved: whole(untils.at(to, |then, now| then && !now)),
            spent: whole(untils.at(to, |then, now| !then && now)),
            saved_byte_days: untils.byte_days(to),
        }
    }
}

/// Until when each segment is kept: then, and in the replay.
struct Untils<'a>(Vec<(&'a Segment, Until, Until)>);

impl<'a> Untils<'a> {
    fn new(outcome: &'a Outcome, spans: &[Span], sides: &Sides<'_>) -> Self {
        let now = holds(outcome, spans, sides.keep);
        let then = |segment: &Segment| {
            let file = sides.kept.files.iter().find(|file| file.sequence == segment.sequence);
            let continuous =
                file.map_or(Until::NEVER, |file| file.continuous_until(Some(sides.keep)));
            continuous.max(spans_until(&sides.kept.spans, segment, sides.keep))
        };
        // What was not recorded as continuous video would not be in the replay.
        let both = |(segment, now): (&'a Segment, Holds)| (segment, then(segment), now.until());
        Self(outcome.segments.iter().zip(now).map(both).collect())
    }

    /// Files whose being kept at `time`, then and in the replay, is as wanted.
    fn at(&self, time: Timestamp, wanted: impl Fn(bool, bool) -> bool) -> Ranges {
        let wanted =
            self.0.iter().filter(|(_, then, now)| wanted(!then.is_over(time), !now.is_over(time)));
        Ranges::union(wanted.map(|(segment, ..)| Range { start: segment.start, end: segment.end }))
    }

    fn byte_days(&self, from: Timestamp) -> f64 {
        let days = |until: &Until| match until {
            Until::At(time) => time.since(from).as_secs_f64() / 86_400.0,
            Until::Forever => f64::INFINITY,
        };
        let saved = self.0.iter().map(|(segment, then, now)| {
            if then == now { 0.0 } else { segment.bytes as f64 * (days(then) - days(now)) }
        });
        saved.sum()
    }
}
