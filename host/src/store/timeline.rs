//! A stretch of a camera's time line, as a page draws it: what is recorded, what is missing and
//! why, what was asked for, what happened. Reads narrow rows only, no fragment map and no file.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::edges::SEAM_MICROS;
use super::index::read::{self, StoredGap};
use super::index::{failed, pins, spans};
use super::marks::{self, EventMark, Motion};
use super::pins::Pin;
use super::query::Reader;
use crate::base::{Error, Result, Timestamp, time};
use crate::policy::Span;

/// Marks of one kind that an answer has at most: a wider resolution gives fewer.
pub const MARKS_MAX: usize = 10_000;

/// What there is of a camera between two times. Of each kind in order of (epoch, start).
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Timeline {
    /// Video, in complete files.
    pub recorded: Vec<Recorded>,
    /// Since when the files are written that are not complete.
    pub growing: Vec<Timestamp>,
    /// Missing video.
    pub gaps: Vec<StoredGap>,
    /// What was asked for.
    pub spans: Vec<Asked>,
    /// What a person wants kept.
    pub pins: Vec<Pin>,
    /// What happened.
    pub events: Vec<EventMark>,
    /// How strongly there was motion.
    pub motion: Motion,
    /// There were more than [`MARKS_MAX`] of some kind, or events that were not looked at: what is
    /// before this may lack some.
    pub truncated: Option<Timestamp>,
}

/// Video without a break that would be seen at the resolution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Recorded {
    /// Counts steps of the host's clock: times of different epochs may overlap.
    pub epoch: u32,
    /// Its first moment.
    pub start: Timestamp,
    /// The moment after its last.
    pub end: Timestamp,
    /// Files.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Spans of one policy that would not be told apart at the resolution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Asked {
    /// Who asked.
    pub policy: String,
    /// Asked start of the first.
    pub start: Timestamp,
    /// Asked end of the last.
    pub end: Timestamp,
    /// How many they are.
    pub count: u64,
    /// The first one's id, and its label.
    pub id: String,
    /// For people.
    pub label: String,
}

impl Reader {
    /// Stretches of video of a camera without a break, in order of (epoch, start), that touch
    /// `[from, to)`; of files that are complete. An unknown camera has none.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn recorded(&self, camera: &str, from: Timestamp, to: Timestamp) -> Result<Vec<Recorded>> {
        let c = &self.connection;
        let mut recorded = Vec::new();
        let mut list = || match spans::camera_id(c, camera)? {
            Some(id) => read::times(c, id, from, to, |next| join(&mut recorded, next, 0)),
            None => Ok(()),
        };
        list().map_err(failed("list what is recorded"))?;
        Ok(recorded)
    }

    /// The first moment at or after `at` of which there is video in a complete file.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn next_video(&self, camera: &str, at: Timestamp) -> Result<Option<Timestamp>> {
        let c = &self.connection;
        let find = || match spans::camera_id(c, camera)? {
            Some(id) => read::next_video(c, id, at),
            None => Ok(None),
        };
        find().map_err(failed("look for video"))
    }

    /// The time line of a camera in `[from, to)`. What is shorter than `resolution`, or less than
    /// that from its neighbour, is not told apart. An unknown camera has an empty one.
    ///
    /// # Errors
    /// Refuses a stretch that ends before it begins; or when the index can't be read.
    pub fn timeline(
        &self,
        camera: &str,
        from: Timestamp,
        to: Timestamp,
        resolution: Duration,
    ) -> Result<Timeline> {
        if to < from {
            return Err(Error::refuse(format!("`{from}` is not before `{to}`")));
        }
        let c = &self.connection;
        let step = marks::step(from, to, resolution);
        let resolution = time::micros(resolution);
        let mut line = Timeline::default();
        let mut list = || {
            // Events may be about a camera that was never recorded.
            (line.events, line.truncated) =
                marks::events(c, camera, from, to, resolution, marks::PHASES_MAX)?;
            line.motion = marks::motion(c, camera, from, to, step)?;
            let Some(id) = spans::camera_id(c, camera)? else { return Ok(()) };
            read::times(c, id, from, to, |next| join(&mut line.recorded, next, resolution))?;
            let open = read::open(c, id)?.into_iter().map(|segment| segment.start);
            line.growing = open.filter(|start| *start < to).collect();
            line.gaps = read::gaps(c, id, from, to)?;
            line.gaps
                .retain(|gap| gap.end.is_none_or(|end| end.micros_since(gap.start) >= resolution));
            let asked = spans::touching(c, id, from, to)?.into_iter().map(|stored| stored.span);
            line.spans = together(asked.filter(|span| span.start < span.end), resolution);
            line.pins = pins::touching(c, id, from, to)?;
            Ok(())
        };
        list().map_err(failed("read a time line"))?;
        let Timeline { recorded, gaps, spans, pins, events, truncated, .. } = &mut line;
        *truncated = (*truncated)
            .max(newest(recorded, |one| one.end))
            .max(newest(gaps, |one| one.end.unwrap_or(to)))
            .max(newest(spans, |one| one.end))
            .max(newest(pins, |one| one.end))
            .max(newest(events, |one| one.end.unwrap_or(one.start).offset(1)));
        Ok(line)
    }
}

/// Leaves the last [`MARKS_MAX`] of a list. With more, gives when the last of the others has ended.
fn newest<T>(list: &mut Vec<T>, end: impl Fn(&T) -> Timestamp) -> Option<Timestamp> {
    let others = list.len().saturating_sub(MARKS_MAX);
    list.drain(..others).map(|one| end(&one)).max()
}

/// Adds video, to the stretch before it where no break between them would be seen.
pub(crate) fn join(recorded: &mut Vec<Recorded>, next: Recorded, resolution: i64) {
    let seam = resolution.max(SEAM_MICROS);
    match recorded.last_mut() {
        Some(last)
            if last.epoch == next.epoch && next.start.micros_since(last.end).abs() < seam =>
        {
            last.end = last.end.max(next.end);
            last.segments += next.segments;
            last.bytes += next.bytes;
        }
        _ => recorded.push(next),
    }
}

/// Spans of a policy that lie over each other, or less than `resolution` apart, become one mark.
fn together(spans: impl Iterator<Item = Span>, resolution: i64) -> Vec<Asked> {
    let mut all: Vec<Asked> = Vec::new();
    let mut last_of: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for span in spans {
        let Span { id, policy, start, end, label, .. } = span;
        let last = last_of.get(&policy).and_then(|at| all.get_mut(*at));
        match last {
            Some(last) if resolution > 0 && start.micros_since(last.end) < resolution => {
                last.end = last.end.max(end);
                last.count += 1;
            }
            _ => {
                last_of.insert(policy.clone(), all.len());
                all.push(Asked { policy, start, end, count: 1, id, label });
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn what_would_not_be_seen_is_joined() {
        for (resolution, expected) in
            [(0, vec![(0, 0, 20), (0, 25, 30), (1, 3, 9)]), (10, vec![(0, 0, 30), (1, 3, 9)])]
        {
            let mut recorded = Vec::new();
            for (epoch, start, end) in [(0, 0, 10), (0, 10, 20), (0, 25, 30), (1, 3, 9)] {
                let (start, end) = (at(start), at(end));
                let next = Recorded { epoch, start, end, segments: 1, bytes: 5 };
                join(&mut recorded, next, resolution * 1_000_000);
            }
            let found: Vec<_> =
                recorded.iter().map(|one| (one.epoch, one.start, one.end)).collect();
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(epoch, start, end)| (epoch, at(start), at(end)))
                .collect();
            assert_eq!(found, expected, "{resolution} s");
            assert_eq!(recorded.iter().map(|one| one.bytes).sum::<u64>(), 20);
        }
    }

    #[test]
    fn of_too_many_the_last_stay() {
        let mut few: Vec<i64> = (0..MARKS_MAX as i64).collect();
        assert_eq!((newest(&mut few, |one| at(*one)), few.len()), (None, MARKS_MAX));
        let mut many: Vec<i64> = (0..MARKS_MAX as i64 + 3).collect();
        assert_eq!(newest(&mut many, |one| at(*one)), Some(at(2)));
        assert_eq!((many[0], many.len()), (3, MARKS_MAX));
    }

    #[test]
    fn spans_of_one_policy_are_one_mark() {
        let span = |policy: &str, start, end| Span {
            id: format!("{policy}{start}"),
            camera: "gate".into(),
            policy: policy.into(),
            start: at(start),
            end: at(end),
            keep: None,
            label: String::new(),
            because: vec![],
            correlation: None,
        };
        let spans = [span("a", 0, 10), span("b", 5, 8), span("a", 12, 20), span("a", 60, 61)];
        let marks = |seconds: i64| {
            let all = together(spans.iter().cloned(), seconds * 1_000_000);
            all.into_iter().map(|one| (one.id, one.end, one.count)).collect::<Vec<_>>()
        };
        assert_eq!(marks(0).len(), 4);
        let joined =
            [("a0".to_owned(), at(20), 2), ("b5".into(), at(8), 1), ("a60".into(), at(61), 1)];
        assert_eq!(marks(5), joined);
    }
}
