//! How long a segment is kept: the arithmetic of holds, as functions of values.
//!
//! A segment is kept while at least one hold on it runs, and for a short grace after it was
//! closed, because a span for it may still come. Must not know SQL, files or the time of day.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::base::Timestamp;

/// A segment without any hold is kept so long after it was closed: a policy may answer late.
pub const GRACE: Duration = Duration::from_secs(120);

/// When a hold ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// Then.
    At(Timestamp),
    /// Not by age.
    Forever,
}

impl Until {
    /// No hold at all.
    pub const NEVER: Self = Self::At(Timestamp::ZERO);

    /// `keep` after `end`; for ever without `keep`.
    pub fn after(end: Timestamp, keep: Option<Duration>) -> Self {
        keep.map_or(Self::Forever, |keep| Self::At(end + keep))
    }

    /// The hold is over at `now`.
    pub fn is_over(self, now: Timestamp) -> bool {
        self <= Self::At(now)
    }
}

impl Serialize for Until {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::At(time) => time.serialize(serializer),
            Self::Forever => serializer.serialize_str("forever"),
        }
    }
}

/// Whether a segment is kept as continuous video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuous {
    /// Only spans hold it.
    No,
    /// As the camera is configured now.
    Configured,
    /// As a policy answered.
    Answered(Timestamp),
}

/// What the arithmetic needs of a closed segment.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Its first moment.
    pub start: Timestamp,
    /// The moment after its last.
    pub end: Timestamp,
    /// Its hold as continuous video.
    pub continuous: Continuous,
    /// When it was closed, by the host's clock.
    pub closed_at: Timestamp,
}

/// What the arithmetic needs of a span.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Asked start.
    pub start: Timestamp,
    /// Asked end.
    pub end: Timestamp,
    /// `None`: as the camera is configured.
    pub keep: Option<Duration>,
}

impl Span {
    /// When its hold ends, on a camera with `camera_keep`.
    pub fn until(&self, camera_keep: Option<Duration>) -> Until {
        if self.end <= self.start || self.keep == Some(Duration::ZERO) {
            return Until::NEVER;
        }
        Until::after(self.end, self.keep.or(camera_keep))
    }

    /// It asks for video in `[start, end)`.
    pub fn touches(&self, start: Timestamp, end: Timestamp) -> bool {
        self.start < end && start < self.end
    }
}

impl Segment {
    /// When its hold as continuous video ends.
    pub fn continuous_until(&self, camera_keep: Option<Duration>) -> Until {
        match self.continuous {
            Continuous::No => Until::NEVER,
            Continuous::Configured => Until::after(self.end, camera_keep),
            Continuous::Answered(until) => Until::At(until),
        }
    }

    /// When its last span's hold ends; `spans` may hold others that don't touch it.
    pub fn spans_until(&self, spans: &[Span], camera_keep: Option<Duration>) -> Until {
        let holding = spans.iter().filter(|span| span.touches(self.start, self.end));
        holding.map(|span| span.until(camera_keep)).max().unwrap_or(Until::NEVER)
    }

    /// The first moment at which nothing keeps it.
    pub fn kept_until(&self, spans: &[Span], camera_keep: Option<Duration>) -> Until {
        self.continuous_until(camera_keep)
            .max(self.spans_until(spans, camera_keep))
            .max(Until::At(self.closed_at + GRACE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn the_longest_hold_counts() {
        let keep = |seconds| Some(Duration::from_secs(seconds));
        let span = |start, end, keep| Span { start: at(start), end: at(end), keep };
        let until = |seconds| Until::At(at(seconds));
        // Segment [1000, 1060), closed at 1061: grace until 1181; camera keeps 500 s.
        for (name, continuous, spans, expected) in [
            ("nothing", Continuous::No, vec![], until(1181)),
            ("configured", Continuous::Configured, vec![], until(1560)),
            ("answered", Continuous::Answered(at(1300)), vec![], until(1300)),
            ("answered no", Continuous::Answered(at(1060)), vec![], until(1181)),
            ("span", Continuous::No, vec![span(900, 1001, keep(700))], until(1701)),
            ("span as camera", Continuous::No, vec![span(1059, 1100, None)], until(1600)),
            ("span before", Continuous::No, vec![span(900, 1000, keep(700))], until(1181)),
            ("span after", Continuous::No, vec![span(1060, 1100, keep(700))], until(1181)),
            ("withdrawn", Continuous::No, vec![span(1010, 1010, keep(700))], until(1181)),
            ("no hold", Continuous::No, vec![span(1010, 9000, keep(0))], until(1181)),
            (
                "longest",
                Continuous::Configured,
                vec![span(1010, 1020, keep(9)), span(1010, 1020, keep(5000))],
                until(6020),
            ),
        ] {
            let segment =
                Segment { start: at(1000), end: at(1060), continuous, closed_at: at(1061) };
            assert_eq!(segment.kept_until(&spans, keep(500)), expected, "{name}");
        }
        let segment = Segment {
            start: at(0),
            end: at(1),
            continuous: Continuous::Configured,
            closed_at: at(1),
        };
        assert_eq!(segment.kept_until(&[], None), Until::Forever);
    }
}
