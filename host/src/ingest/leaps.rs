//! Whether the times of a stream go on: a camera that sets its clock, or starts its encoder anew, may
//! go on sending under times that have nothing to do with those before.
//!
//! Pure. A packet can be late, and is never early: what comes earlier than any of late has leapt ahead.

use std::time::Duration;

use tokio::time::Instant;

use super::timeline;
use crate::base::time::micros;

/// Pictures are put in order over less than this.
const BACK_MICROS: i64 = 3_000_000;

/// So much further than the clock went, from one unit to the next, and earlier than any of late.
const AHEAD_MICROS: i64 = 2_000_000;

/// A stream may begin with what was kept for it, an old key frame and then what is new.
const BEGINNING: Duration = Duration::from_secs(10);

/// Clocks drift: units of so long count.
const WINDOW: Duration = Duration::from_secs(60);

/// The times of one stream of a session.
#[derive(Debug, Default)]
pub(super) struct Leaps(Option<Seen>);

#[derive(Debug)]
struct Seen {
    began: Instant,
    last: Instant,
    media: i64,
    /// The latest media time.
    latest: i64,
    window: Instant,
    /// The smallest (arrival - media) in this window and in the one before.
    least: i64,
    least_before: i64,
}

impl Leaps {
    /// Takes a unit in. Gives by how much, in microseconds, its media time is off where it does not go
    /// on from those before; from then on that one is the first.
    pub(super) fn take(&mut self, media: i64, at: Instant) -> Option<i64> {
        let media = timeline::sane(media);
        let leap = self.0.as_mut().and_then(|seen| seen.take(media, at));
        if leap.is_some() || self.0.is_none() {
            self.0 = Some(Seen {
                began: at,
                last: at,
                media,
                latest: media,
                window: at,
                least: -media,
                least_before: -media,
            });
        }
        leap
    }
}

impl Seen {
    fn take(&mut self, media: i64, at: Instant) -> Option<i64> {
        let since = |then: Instant| micros(at.saturating_duration_since(then));
        let off = media - self.media - since(self.last);
        let late = since(self.began) - media;
        let is_early = late < self.least.min(self.least_before) - AHEAD_MICROS;
        let is_ahead = off > AHEAD_MICROS && is_early && since(self.began) > micros(BEGINNING);
        if is_ahead || media < self.latest - BACK_MICROS {
            return Some(off);
        }
        if at.saturating_duration_since(self.window) >= WINDOW {
            (self.window, self.least_before, self.least) = (at, self.least, late);
        }
        self.least = self.least.min(late);
        (self.last, self.media, self.latest) = (at, media, self.latest.max(media));
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    const SECOND: i64 = 1_000_000;

    /// Units, each with what goes by before it and by how much its media time goes on, in
    /// microseconds; gives the leaps.
    fn leaps(units: impl IntoIterator<Item = (i64, i64)>) -> Vec<i64> {
        let (mut leaps, mut at, mut media) = (Leaps::default(), Instant::now(), 70 * SECOND);
        let take = |(passed, moved): (i64, i64)| {
            at += Duration::from_micros(passed.unsigned_abs());
            media += moved;
            leaps.take(media, at)
        };
        units.into_iter().filter_map(take).collect()
    }

    fn even(seconds: i64) -> impl Iterator<Item = (i64, i64)> {
        (0..seconds * 25).map(|_| (40_000, 40_000))
    }

    #[test]
    fn times_that_do_not_go_on_are_seen() {
        let then = |unit| leaps(even(20).chain([unit]).chain(even(20)));
        for (name, unit, expected) in [
            ("nothing", (40_000, 40_000), vec![]),
            ("five minutes ahead", (40_000, 300 * SECOND), vec![300 * SECOND - 40_000]),
            ("back", (40_000, -4 * SECOND), vec![-4 * SECOND - 40_000]),
            ("put in order", (40_000, -SECOND), vec![]),
            ("a pause of the camera", (30 * SECOND, 40_000), vec![]),
            ("what was lost on the way", (30 * SECOND, 30 * SECOND), vec![]),
        ] {
            assert_eq!(then(unit), expected, "{name}");
        }
    }

    #[test]
    fn what_was_held_back_does_not_leap() {
        // Ten seconds on the way, of which two were kept, and the camera threw the rest away.
        let kept = [(10 * SECOND, 40_000)].into_iter().chain((0..50).map(|_| (0, 40_000)));
        let held = even(20).chain(kept).chain([(40_000, 8 * SECOND)]).chain(even(20));
        assert!(leaps(held).is_empty());
        // A relay begins with the last key frame.
        assert!(leaps([(0, 0), (0, 4 * SECOND)].into_iter().chain(even(20))).is_empty());
        // Clocks that drift by a thousandth, either way, for half an hour.
        for moved in [39_960, 40_040] {
            assert!(leaps((0..45_000).map(|_| (40_000, moved))).is_empty());
        }
        let late = (0..45_000).map(|_| (40_000, 39_960)).chain([(40_000, 5 * SECOND)]);
        assert_eq!(leaps(late).len(), 1, "the drift hides no leap");
    }

    proptest! {
        #[test]
        fn packets_that_are_late_do_not_leap(late in vec(0_i64..2_000_000, 1..400)) {
            let (mut sent, mut arrived) = (0, 0);
            let units = late.into_iter().map(|late| {
                sent += 40_000;
                // In the order in which they were sent.
                let before = arrived;
                arrived = before.max(sent + late);
                (arrived - before, 40_000)
            });
            prop_assert!(leaps(units).is_empty());
        }
    }
}
