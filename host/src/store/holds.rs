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

/// Why a segment is kept as continuous video; the reason that keeps it longest counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Continuous {
    /// As the camera is configured now.
    pub configured: bool,
    /// As policies answered: the longest of their answers.
    pub answered: Option<Timestamp>,
}

impl Continuous {
    /// Only spans and pins hold it.
    pub const NO: Self = Self { configured: false, answered: None };
    /// As the camera is configured now.
    pub const CONFIGURED: Self = Self { configured: true, answered: None };

    /// As policies answered, and not as configured.
    pub fn answered(until: Timestamp) -> Self {
        Self { configured: false, answered: Some(until) }
    }

    /// When the hold of a segment that ended at `end` is over, on a camera with `camera_keep`.
    pub fn until(self, end: Timestamp, camera_keep: Option<Duration>) -> Until {
        let configured =
            if self.configured { Until::after(end, camera_keep) } else { Until::NEVER };
        configured.max(self.answered.map_or(Until::NEVER, Until::At))
    }
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

/// What holds a segment beside itself.
#[derive(Clone, Copy, Debug)]
pub struct Holders<'a> {
    /// Spans of its camera; there may be some that don't touch it.
    pub spans: &'a [Span],
    /// A pin touches it.
    pub pinned: bool,
    /// How long the camera is configured to keep; `None`: no limit by age.
    pub camera_keep: Option<Duration>,
}

/// What a segment is kept as, the least first: in this order segments go when room is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Nothing keeps it.
    Expired,
    /// Continuous video, or a span may still come for it.
    Continuous,
    /// A span keeps it.
    Span,
    /// A person does.
    Pinned,
}

impl Segment {
    /// When its hold as continuous video ends.
    pub fn continuous_until(&self, camera_keep: Option<Duration>) -> Until {
        self.continuous.until(self.end, camera_keep)
    }

    /// When its last span's hold ends.
    pub fn spans_until(&self, holders: &Holders<'_>) -> Until {
        let holding = holders.spans.iter().filter(|span| span.touches(self.start, self.end));
        holding.map(|span| span.until(holders.camera_keep)).max().unwrap_or(Until::NEVER)
    }

    /// The first moment at which nothing keeps it.
    pub fn kept_until(&self, holders: &Holders<'_>) -> Until {
        if holders.pinned {
            return Until::Forever;
        }
        self.continuous_until(holders.camera_keep)
            .max(self.spans_until(holders))
            .max(Until::At(self.closed_at + GRACE))
    }

    /// What it is kept as at `now`.
    pub fn rank(&self, holders: &Holders<'_>, now: Timestamp) -> Rank {
        if holders.pinned {
            Rank::Pinned
        } else if !self.spans_until(holders).is_over(now) {
            Rank::Span
        } else if !self.kept_until(holders).is_over(now) {
            Rank::Continuous
        } else {
            Rank::Expired
        }
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
        let no = Continuous::NO;
        let configured = Continuous::CONFIGURED;
        let answered = |seconds| Continuous::answered(at(seconds));
        let both = |seconds| Continuous { configured: true, ..answered(seconds) };
        for (name, continuous, spans, expected) in [
            ("nothing", no, vec![], until(1181)),
            ("configured", configured, vec![], until(1560)),
            ("answered", answered(1300), vec![], until(1300)),
            ("answered no", answered(1060), vec![], until(1181)),
            ("answered less than configured", both(1300), vec![], until(1560)),
            ("answered more than configured", both(1900), vec![], until(1900)),
            ("span", no, vec![span(900, 1001, keep(700))], until(1701)),
            ("span as camera", no, vec![span(1059, 1100, None)], until(1600)),
            ("span before", no, vec![span(900, 1000, keep(700))], until(1181)),
            ("span after", no, vec![span(1060, 1100, keep(700))], until(1181)),
            ("withdrawn", no, vec![span(1010, 1010, keep(700))], until(1181)),
            ("no hold", no, vec![span(1010, 9000, keep(0))], until(1181)),
            (
                "longest",
                configured,
                vec![span(1010, 1020, keep(9)), span(1010, 1020, keep(5000))],
                until(6020),
            ),
        ] {
            let segment = segment(continuous);
            let holders = Holders { spans: &spans, pinned: false, camera_keep: keep(500) };
            assert_eq!(segment.kept_until(&holders), expected, "{name}");
            let pinned = Holders { pinned: true, ..holders };
            assert_eq!(segment.kept_until(&pinned), Until::Forever, "{name}, pinned");
        }
        let holders = Holders { spans: &[], pinned: false, camera_keep: None };
        assert_eq!(segment(configured).kept_until(&holders), Until::Forever);
    }

    /// Segment [1000, 1060), closed at 1061.
    fn segment(continuous: Continuous) -> Segment {
        Segment { start: at(1000), end: at(1060), continuous, closed_at: at(1061) }
    }

    #[test]
    fn the_strongest_hold_that_runs_is_the_rank() {
        let keep = Some(Duration::from_secs(500));
        let spans = [Span { start: at(1000), end: at(1010), keep: None }];
        for (now, spanned, pinned, rank) in [
            (1100, false, false, Rank::Continuous),
            (1509, true, false, Rank::Span),
            (1510, true, false, Rank::Continuous),
            (1559, false, false, Rank::Continuous),
            (1560, true, false, Rank::Expired),
            (9000, true, true, Rank::Pinned),
        ] {
            let spans = if spanned { &spans[..] } else { &[] };
            let holders = Holders { spans, pinned, camera_keep: keep };
            assert_eq!(segment(Continuous::CONFIGURED).rank(&holders, at(now)), rank, "{now}");
        }
    }
}
