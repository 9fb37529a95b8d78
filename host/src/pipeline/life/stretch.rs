//! Where continuous video begins and ends: news of files in, a start or an end out.
//!
//! Pure: times come as arguments. A stretch is what follows on in one epoch without a gap, as
//! lists show it. Knows neither events nor the store.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::base::Timestamp;
use crate::store::{ClosedSegment, Grown, StoredGap};

/// What becomes of a camera's continuous video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It begins: its first video is on the medium.
    Started {
        /// Its first moment.
        at: Timestamp,
        /// It is recorded because a plugin is down.
        fail_open: bool,
    },
    /// It has ended, and all its files are complete, or as complete as they will be.
    Stopped(Stopped),
}

/// A stretch that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stopped {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    /// Complete files and their size.
    pub(super) segments: i64,
    pub(super) bytes: u64,
    pub(super) reason: String,
}

/// One camera's continuous video.
#[derive(Debug)]
pub(super) struct Continuous {
    /// Without a file for so long, nothing continues the last one.
    patience: Duration,
    stretch: Option<Stretch>,
    /// The newest file of the stretch before: late news of it begin nothing.
    before: Option<u64>,
}

#[derive(Debug)]
struct Stretch {
    start: Timestamp,
    end: Timestamp,
    epoch: u32,
    /// The newest file.
    sequence: u64,
    /// Files that may still grow.
    open: BTreeSet<u64>,
    /// A gap that began in it.
    gap: Option<String>,
    /// When it was last heard of.
    heard: Instant,
    segments: i64,
    bytes: u64,
    /// News were missed: where it reaches to is not known.
    is_unsure: bool,
}

impl Continuous {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, stretch: None, before: None }
    }

    /// A file has grown.
    pub(super) fn grown(&mut self, grown: &Grown, now: Instant) -> Vec<Change> {
        let is_old = self.before.is_some_and(|before| grown.sequence <= before);
        if is_old || (!grown.continuous && !grown.fail_open) {
            return Vec::new();
        }
        let mut changes = Vec::new();
        if let Some(stretch) = &mut self.stretch {
            if grown.sequence <= stretch.sequence {
                stretch.end = stretch.end.max(grown.end);
                stretch.heard = now;
                return changes;
            }
            match stretch.break_before(grown) {
                None => {
                    stretch.sequence = grown.sequence;
                    stretch.end = stretch.end.max(grown.end);
                    stretch.heard = now;
                    stretch.is_unsure = false;
                    stretch.open.insert(grown.sequence);
                    return changes;
                }
                Some(reason) => changes.extend(self.stop(reason)),
            }
        }
        self.stretch = Some(Stretch {
            start: grown.start,
            end: grown.end,
            epoch: grown.epoch,
            sequence: grown.sequence,
            open: BTreeSet::from([grown.sequence]),
            gap: None,
            heard: now,
            segments: 0,
            bytes: 0,
            is_unsure: false,
        });
        changes.push(Change::Started { at: grown.start, fail_open: !grown.continuous });
        changes
    }

    /// A file is complete.
    pub(super) fn closed(&mut self, closed: &ClosedSegment, now: Instant) -> Vec<Change> {
        let Some(stretch) = &mut self.stretch else { return Vec::new() };
        if stretch.open.remove(&closed.sequence) {
            stretch.end = stretch.end.max(closed.end);
            stretch.segments += 1;
            stretch.bytes += closed.bytes;
            stretch.heard = now;
        }
        self.tick(now)
    }

    /// A gap began or ended.
    pub(super) fn gap(&mut self, gap: &StoredGap, now: Instant) -> Vec<Change> {
        if let Some(stretch) = &mut self.stretch
            && gap.end.is_none()
            && gap.start > stretch.start
        {
            stretch.gap.get_or_insert_with(|| gap.reason.clone());
        }
        self.tick(now)
    }

    /// Does what time alone asks for.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Change> {
        let Some(stretch) = &self.stretch else { return Vec::new() };
        let is_late = now.saturating_duration_since(stretch.heard) >= self.patience;
        let reason = match &stretch.gap {
            Some(gap) if stretch.open.is_empty() || is_late => gap.clone(),
            None if stretch.open.is_empty() && is_late => "not-wanted".into(),
            _ => return Vec::new(),
        };
        self.stop(reason).into_iter().collect()
    }

    /// News were missed: what comes next continues what there is, as far as is known.
    pub(super) fn missed(&mut self) {
        if let Some(stretch) = &mut self.stretch {
            stretch.is_unsure = true;
            stretch.open.retain(|sequence| *sequence == stretch.sequence);
        }
    }

    /// Nothing more will come.
    pub(super) fn stop(&mut self, reason: String) -> Option<Change> {
        let Stretch { start, end, sequence, segments, bytes, .. } = self.stretch.take()?;
        self.before = Some(sequence);
        Some(Change::Stopped(Stopped { start, end, segments, bytes, reason }))
    }
}

impl Stretch {
    /// Why a newer file does not continue this.
    fn break_before(&self, next: &Grown) -> Option<String> {
        if let Some(gap) = &self.gap {
            return Some(gap.clone());
        }
        if next.epoch != self.epoch {
            return Some("clock-stepped".into());
        }
        let apart = next.start.micros_since(self.end).abs();
        (!self.is_unsure && apart >= crate::store::edges::SEAM_MICROS).then(|| "gap".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_763_800_000_000 + seconds * 1000)
    }

    /// What is said of the video, in order, at these seconds.
    enum News {
        Grown(u64, i64, i64),
        Stepped(u64, i64, i64),
        Closed(u64, i64, i64),
        Gap(i64),
        Wait(u64),
    }

    fn check(name: &str, news: &[News], expected: &[&str]) {
        let mut continuous = Continuous::new(Duration::from_secs(10));
        let mut now = Instant::now();
        let mut said = Vec::new();
        for one in news {
            let changes = match *one {
                News::Grown(sequence, start, end) | News::Stepped(sequence, start, end) => {
                    let epoch = u32::from(matches!(one, News::Stepped(..)));
                    let (start, end) = (at(start), at(end));
                    let camera = "gate".into();
                    let fail_open = false;
                    let grown =
                        Grown { camera, sequence, epoch, start, end, continuous: true, fail_open };
                    continuous.grown(&grown, now)
                }
                News::Closed(sequence, start, end) => continuous.closed(
                    &ClosedSegment {
                        camera: "gate".into(),
                        sequence,
                        epoch: 0,
                        start: at(start),
                        end: at(end),
                        bytes: 10,
                        gap_before: false,
                        continuous: true,
                        fail_open: false,
                    },
                    now,
                ),
                News::Gap(start) => {
                    let (reason, detail) = ("offline".to_owned(), String::new());
                    let camera = "gate".into();
                    let gap = StoredGap { camera, start: at(start), end: None, reason, detail };
                    continuous.gap(&gap, now)
                }
                News::Wait(seconds) => {
                    now += Duration::from_secs(seconds);
                    continuous.tick(now)
                }
            };
            said.extend(changes.into_iter().map(|change| match change {
                Change::Started { at: start, .. } => {
                    format!("started {}", start.micros_since(at(0)) / 1_000_000)
                }
                Change::Stopped(stopped) => format!(
                    "{} {}-{}: {} of {} bytes",
                    stopped.reason,
                    stopped.start.micros_since(at(0)) / 1_000_000,
                    stopped.end.micros_since(at(0)) / 1_000_000,
                    stopped.segments,
                    stopped.bytes
                ),
            }));
        }
        assert_eq!(said, expected, "{name}");
    }

    #[test]
    fn a_stretch_is_what_follows_on() {
        use News::{Closed, Gap, Grown, Stepped, Wait};
        check("one file", &[Grown(1, 0, 1), Grown(1, 0, 9), Wait(9)], &["started 0"]);
        check(
            "the next file comes before the last is complete",
            &[Grown(1, 0, 60), Grown(2, 60, 61), Closed(1, 0, 60), Wait(9)],
            &["started 0"],
        );
        check(
            "the next file comes after the last is complete",
            &[Grown(1, 0, 60), Closed(1, 0, 60), Wait(3), Grown(2, 60, 61)],
            &["started 0"],
        );
        check(
            "a gap, and the file is complete later",
            &[Grown(1, 0, 5), Gap(7), Wait(2), Closed(1, 0, 7), Grown(2, 30, 31)],
            &["started 0", "offline 0-7: 1 of 10 bytes", "started 30"],
        );
        check(
            "a short gap ends a stretch too",
            &[Grown(1, 0, 7), Gap(7), Grown(2, 7, 8), Closed(1, 0, 7)],
            &["started 0", "offline 0-7: 0 of 0 bytes", "started 7"],
        );
        check(
            "a gap whose file is never completed",
            &[Grown(1, 0, 5), Gap(7), Wait(9), Wait(1)],
            &["started 0", "offline 0-5: 0 of 0 bytes"],
        );
        check(
            "a gap, and late news of a file that is complete",
            &[Grown(1, 0, 5), Gap(7), Closed(1, 0, 7), Grown(1, 0, 7), Grown(2, 30, 31)],
            &["started 0", "offline 0-7: 1 of 10 bytes", "started 30"],
        );
        check(
            "a hole that nobody told of",
            &[Grown(1, 0, 5), Grown(2, 9, 10)],
            &["started 0", "gap 0-5: 0 of 0 bytes", "started 9"],
        );
        check(
            "the clock steps",
            &[Grown(1, 0, 5), Stepped(2, 5, 6)],
            &["started 0", "clock-stepped 0-5: 0 of 0 bytes", "started 5"],
        );
        check(
            "it is not wanted any more",
            &[Grown(1, 0, 5), Closed(1, 0, 6), Wait(9), Wait(1)],
            &["started 0", "not-wanted 0-6: 1 of 10 bytes"],
        );
        check("a gap before all video", &[Gap(0), Grown(1, 3, 4), Wait(5)], &["started 3"]);
    }
}
