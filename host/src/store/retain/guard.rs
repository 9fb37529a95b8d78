//! The guard of age against a clock that jumps: what is deleted by age is judged by a time that is
//! *behind* by as much as the clock has jumped ahead, until the new time has stood for a day in
//! which the host ran, or a person confirms it.
//!
//! Pure: readings of both clocks in, how far behind out. Knows neither index nor event.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::{Timestamp, time};

/// The wall clock has jumped when it parts from the monotonic one by more.
const STEP: Duration = Duration::from_secs(600);
/// A new time is believed when the host has run for so long since.
const STANDS: Duration = Duration::from_secs(86_400);
/// Jumps that are remembered apart; the oldest two become one.
const JUMPS_MAX: usize = 32;

/// One jump of the wall clock, less what later ones took back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Jump {
    /// Microseconds; ahead is positive.
    by: i64,
    /// Microseconds for which the host ran since.
    stood: i64,
}

/// What is remembered across starts.
///
/// All jumps are in one direction: one in the other takes back the newest first. What is taken back
/// beyond that is remembered too, so that a clock that was wrong (after a boot in 1970) may come
/// back to the time that was believed before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Guard {
    jumps: Vec<Jump>,
    /// When the guard began, by the clock of then; `None` while there is none.
    since: Option<Timestamp>,
    /// What the clock showed when a person confirmed it, until the host has run since.
    confirmed: Option<Timestamp>,
}

/// That age is guarded, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Guarded {
    /// Since when, by the clock of then.
    pub since: Timestamp,
    /// By how much age is judged behind the clock.
    #[serde(rename = "behind_ms", with = "millis")]
    #[schema(value_type = u64)]
    pub behind: Duration,
    /// It ends by itself when the host has run for so much longer.
    #[serde(rename = "left_ms", with = "millis")]
    #[schema(value_type = u64)]
    pub left: Duration,
}

impl Guard {
    /// Time has gone on: the wall clock by `wall` microseconds, the monotonic one by `ran`, in
    /// which the host ran. `now` is what the wall clock shows.
    pub(in super::super) fn pass(&mut self, wall: i64, ran: Duration, now: Timestamp) {
        let ran_micros = time::micros(ran);
        for jump in &mut self.jumps {
            jump.stood = jump.stood.saturating_add(ran_micros);
        }
        self.jumps.retain(|jump| jump.stood < time::micros(STANDS));
        let parted = wall.saturating_sub(ran_micros);
        if parted.unsigned_abs() > STEP.as_micros() as u64 {
            self.jump(parted);
        }
        self.since = self.behind().map(|_| self.since.unwrap_or(now));
    }

    /// The host did not run from `alive` to `now`, by the clock: how long that really was, only the
    /// clock says. Unless a person confirmed it meanwhile.
    pub(in super::super) fn resume(&mut self, alive: Option<Timestamp>, now: Timestamp) {
        if let Some(known) = self.confirmed.or(alive) {
            self.pass(now.micros_since(known), Duration::ZERO, now);
        }
        self.confirmed = None;
    }

    /// A person says that the time is right: `now`.
    pub(in super::super) fn confirm(&mut self, now: Timestamp) {
        *self = Self { confirmed: Some(now), ..Self::default() };
    }

    /// The host runs: from here on, what it notes each minute is the time that is known.
    pub(in super::super) fn run(&mut self) {
        self.confirmed = None;
    }

    /// As it is to be remembered.
    pub(in super::super) fn note(&self) -> String {
        serde_json::to_string(self).expect("a struct of numbers")
    }

    /// As it was remembered; what can't be read is as if nothing was.
    pub(in super::super) fn remembered(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    fn jump(&mut self, mut by: i64) {
        while let Some(last) = self.jumps.last_mut().filter(|last| (last.by > 0) != (by > 0)) {
            let taken = last.by.saturating_abs().min(by.saturating_abs()) * by.signum();
            (last.by, by) = (last.by + taken, by - taken);
            if by == 0 {
                break;
            }
            self.jumps.pop();
        }
        // What is left of jumps is too little to be one.
        let counts = |by: i64| by.unsigned_abs() > STEP.as_micros() as u64;
        self.jumps.retain(|jump| counts(jump.by));
        if counts(by) {
            self.jumps.push(Jump { by, stood: 0 });
        }
        if self.jumps.len() > JUMPS_MAX {
            let first = self.jumps.remove(0);
            self.jumps[0].by = self.jumps[0].by.saturating_add(first.by);
        }
    }

    /// How far behind the clock age is judged.
    fn behind(&self) -> Option<Duration> {
        let sum = self.jumps.iter().fold(0_i64, |sum, jump| sum.saturating_add(jump.by));
        u64::try_from(sum).ok().filter(|sum| *sum > 0).map(Duration::from_micros)
    }

    /// The time by which age is judged when the clock shows `wall`.
    pub(in super::super) fn age(&self, wall: Timestamp) -> Timestamp {
        self.behind().map_or(wall, |behind| wall - behind)
    }

    /// What to tell of it.
    pub(in super::super) fn guarded(&self) -> Option<Guarded> {
        let newest = self.jumps.last()?.stood;
        let stood = Duration::from_micros(u64::try_from(newest).unwrap_or(0));
        Some(Guarded {
            since: self.since?,
            behind: self.behind()?,
            left: STANDS.saturating_sub(stood),
        })
    }
}

mod millis {
    //! A length as whole milliseconds.

    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(length: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prop_assert, prop_assert_eq, proptest};

    use super::*;

    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;

    fn seconds(count: i64) -> Duration {
        Duration::from_secs(count.unsigned_abs())
    }

    /// What happens to the clocks, in seconds.
    #[derive(Clone, Copy, Debug)]
    enum Then {
        /// Both go on, and the host runs.
        Run(i64),
        /// The wall clock is set.
        Set(i64),
        /// The host is down; the clock goes on by so much.
        Down(i64),
        Confirm,
    }
    use Then::{Confirm, Down, Run, Set};

    fn behind(steps: &[Then]) -> i64 {
        let mut guard = Guard::default();
        let mut wall = Timestamp::from_micros(60 * YEAR * 1_000_000);
        for step in steps {
            match *step {
                Run(length) => {
                    // By the minute, as the host notes it.
                    for _ in 0..length / MINUTE {
                        wall = wall + seconds(MINUTE);
                        guard.pass(MINUTE * 1_000_000, seconds(MINUTE), wall);
                    }
                }
                Set(by) => {
                    wall = wall.offset(by * 1_000_000);
                    guard.pass(by * 1_000_000, Duration::ZERO, wall);
                }
                Down(length) => {
                    let (text, alive) = (guard.note(), wall);
                    wall = wall.offset(length * 1_000_000);
                    guard = Guard::remembered(Some(&text));
                    guard.resume(Some(alive), wall);
                }
                Confirm => guard.confirm(wall),
            }
        }
        let behind = wall.since(guard.age(wall)).as_secs().cast_signed();
        assert_eq!(guard.guarded().is_some(), behind > 0, "{steps:?}");
        behind
    }

    #[test]
    fn age_is_behind_until_the_new_time_has_stood() {
        for (name, steps, expected) in [
            ("nothing", &[Run(DAY)][..], 0),
            ("a little", &[Set(10 * MINUTE)], 0),
            ("an hour ahead", &[Set(HOUR)], HOUR),
            ("an hour ahead and back", &[Set(HOUR), Run(HOUR), Set(-HOUR)], 0),
            ("an hour back", &[Set(-HOUR)], 0),
            ("an hour back and ahead", &[Set(-HOUR), Run(HOUR), Set(HOUR)], 0),
            ("a year ahead", &[Set(YEAR), Run(DAY - MINUTE)], YEAR),
            ("it stood", &[Set(YEAR), Run(DAY)], 0),
            ("a year ahead and back", &[Set(YEAR), Run(HOUR), Set(-YEAR)], 0),
            ("a part of it back", &[Set(YEAR), Run(HOUR), Set(-DAY)], YEAR - DAY),
            ("nearly all of it back", &[Set(YEAR), Set(-YEAR + MINUTE)], 0),
            ("ahead, stood, back and ahead", &[Set(YEAR), Run(DAY), Set(-YEAR), Set(YEAR)], 0),
            ("back, stood, ahead", &[Set(-YEAR), Run(DAY), Set(YEAR)], YEAR),
            ("it boots in 1970, and is set", &[Down(-56 * YEAR), Run(HOUR), Set(56 * YEAR)], 0),
            (
                "it boots in 1970 after two weeks, and is set",
                &[Down(-56 * YEAR), Set(56 * YEAR + 14 * DAY)],
                14 * DAY,
            ),
            ("down for two weeks", &[Down(14 * DAY), Run(DAY - MINUTE)], 14 * DAY),
            ("down for two weeks, a day ago", &[Down(14 * DAY), Run(DAY)], 0),
            ("started again", &[Down(5 * MINUTE)], 0),
            ("starts do not hasten it", &[Set(YEAR), Run(HOUR), Down(5 * MINUTE)], YEAR),
            ("nor lose it", &[Set(YEAR), Run(12 * HOUR), Down(5 * MINUTE), Run(12 * HOUR)], 0),
            (
                "every night off: at most what was off in a day of running",
                &[
                    Down(16 * HOUR),
                    Run(8 * HOUR),
                    Down(16 * HOUR),
                    Run(8 * HOUR),
                    Down(16 * HOUR),
                    Run(8 * HOUR),
                    Down(16 * HOUR),
                    Run(8 * HOUR),
                    Down(16 * HOUR),
                ],
                48 * HOUR,
            ),
            ("confirmed", &[Set(YEAR), Confirm, Run(MINUTE)], 0),
            ("confirmed while it is down", &[Down(-DAY), Confirm, Down(0)], 0),
            ("confirmed too early", &[Set(YEAR), Confirm, Set(YEAR)], YEAR),
        ] {
            assert_eq!(behind(steps), expected, "{name}");
        }
    }

    proptest! {
        /// However the clock jumps, age never runs ahead of what the host ran since the time
        /// that is believed, and comes to the clock's time in a day.
        #[test]
        fn age_goes_no_faster_than_the_host_runs(jumps in vec(-3 * YEAR..3 * YEAR, 1..40)) {
            let mut guard = Guard::default();
            let mut wall = Timestamp::from_micros(60 * YEAR * 1_000_000);
            let mut most = wall;
            for by in jumps {
                wall = wall.offset((by + MINUTE) * 1_000_000);
                guard.pass((by + MINUTE) * 1_000_000, seconds(MINUTE), wall);
                most = most + seconds(MINUTE + 600);
                prop_assert!(guard.age(wall) <= most);
                prop_assert!(guard.jumps.len() <= JUMPS_MAX);
            }
            guard.pass(DAY * 1_000_000, seconds(DAY), wall + seconds(DAY));
            prop_assert_eq!(guard, Guard::default());
        }
    }
}
