//! Events as marks on a time line: what would not be told apart at its resolution is one mark. And how
//! strongly there was motion, step by step.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::index::history::{self, Phased};
use super::index::{Connection, Read};
use crate::base::{Timestamp, time};

/// Phases of events that are looked at for one answer: a month of a busy camera.
pub(super) const PHASES_MAX: usize = 500_000;

/// An event that is not heard of for so long (10 s, twice the time in which it must be renewed) has ended.
const SILENCE: i64 = 10_000_000;

/// Steps of motion that an answer has at most.
const STEPS_MAX: i64 = 5_000;

/// The smallest step of motion, in microseconds.
const STEP_MIN: i64 = 1_000_000;

/// Events of one kind and origin that would not be told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventMark {
    /// What happened.
    #[schema(example = "motion")]
    pub kind: String,
    /// Who said it.
    pub origin: String,
    /// When the first of them began.
    pub start: Timestamp,
    /// When the last of them was heard of; `None`: it was one moment.
    pub end: Option<Timestamp>,
    /// How many they are.
    pub count: u64,
    /// Of the first that was heard of.
    pub sequence: u64,
}

/// How strongly there was motion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Motion {
    /// Where the first step begins.
    pub start: Timestamp,
    /// How long each is.
    #[schema(example = "10s")]
    pub step: String,
    /// Of each step the strongest, 0..1; up to the last that is not 0.
    pub values: Vec<f32>,
}

/// How long steps of motion are for a resolution, in microseconds: whole seconds.
pub(super) fn step(from: Timestamp, to: Timestamp, resolution: Duration) -> i64 {
    let least = to.micros_since(from) / STEPS_MAX + 1;
    let step = time::micros(resolution).max(least).max(STEP_MIN);
    step.saturating_add(STEP_MIN - 1) / STEP_MIN * STEP_MIN
}

/// The events of a camera in `[from, to)`, in order of their start; where they have more than `most`
/// phases, the newest, and since when they are all.
pub(super) fn events(
    c: &Connection,
    camera: &str,
    from: Timestamp,
    to: Timestamp,
    resolution: i64,
    most: usize,
) -> Read<(Vec<EventMark>, Option<Timestamp>)> {
    let mut marks = Marks { resolution, ..Marks::default() };
    let (mut seen, mut whole_since) = (0, None);
    history::phases(c, camera, from, to, |phase| {
        seen += 1;
        if seen > most {
            whole_since = Some(phase.time.offset(1));
            return ControlFlow::Break(());
        }
        marks.add(phase);
        ControlFlow::Continue(())
    })?;
    Ok((marks.done(), whole_since))
}

/// Marks in the making, from phases of which the newest comes first.
#[derive(Default)]
struct Marks {
    resolution: i64,
    all: Vec<Mark>,
    /// By origin and kind: the earliest one.
    earliest: HashMap<(String, String), usize>,
}

/// A mark, and what of its earliest phase decides whether it reaches further back.
struct Mark {
    mark: EventMark,
    /// That of its last phase.
    heard: Timestamp,
    begins: bool,
    instant: bool,
    /// An event goes on in it.
    lasts: bool,
}

impl Marks {
    fn add(&mut self, phase: Phased) {
        let Phased { sequence, kind, origin, begins, instant, time } = phase;
        let key = (origin, kind);
        if let Some(known) = self.earliest.get(&key).and_then(|at| self.all.get_mut(*at)) {
            // Who does not renew an event in time has ended it.
            let near = match known.begins {
                true => self.resolution,
                false => self.resolution.max(SILENCE),
            };
            if known.mark.start.micros_since(time) < near {
                known.mark.count += u64::from(known.begins);
                known.lasts |= !known.instant;
                (known.mark.start, known.mark.sequence) = (time, sequence);
                (known.begins, known.instant) = (begins, instant);
                return;
            }
        }
        let (origin, kind) = key.clone();
        self.earliest.insert(key, self.all.len());
        // One that began before is there all the same.
        let mark = EventMark { kind, origin, start: time, end: None, count: 1, sequence };
        self.all.push(Mark { mark, heard: time, begins, instant, lasts: false });
    }

    /// In order of their start.
    fn done(self) -> Vec<EventMark> {
        let done = |Mark { mark, heard, lasts, .. }: Mark| EventMark {
            end: (lasts || heard > mark.start).then_some(heard),
            ..mark
        };
        let mut all: Vec<EventMark> = self.all.into_iter().map(done).collect();
        all.sort_by_key(|mark| (mark.start, mark.sequence));
        all
    }
}

/// How strongly there was motion in `[from, to)`.
pub(super) fn motion(
    c: &Connection,
    camera: &str,
    from: Timestamp,
    to: Timestamp,
    step: i64,
) -> Read<Motion> {
    let mut values: Vec<f32> = Vec::new();
    history::motion(c, camera, from, to, |time, strength| {
        let at = usize::try_from(time.micros_since(from) / step.max(1)).unwrap_or(usize::MAX);
        if at > STEPS_MAX as usize {
            return;
        }
        if values.len() <= at {
            values.resize(at + 1, 0.0);
        }
        // Two digits are what can be drawn.
        let strength = (strength * 100.0).round() as f32 / 100.0;
        values[at] = values[at].max(strength);
    })?;
    Ok(Motion { start: from, step: format!("{}s", step / STEP_MIN), values })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::super::index;
    use super::super::tests::instant;
    use super::*;

    fn phase(sequence: u64, seconds: i64, begins: bool, instant: bool, kind: &str) -> Phased {
        let time = Timestamp::from_millis(seconds * 1000);
        let (kind, origin) = (kind.to_owned(), "motion".to_owned());
        Phased { sequence, kind, origin, begins, instant, time }
    }

    /// The same, read from the oldest on.
    fn forwards(phases: &[Phased], resolution: i64) -> Vec<EventMark> {
        let mut all: Vec<EventMark> = Vec::new();
        for phase in phases {
            let near = if phase.begins { resolution } else { resolution.max(SILENCE) };
            let last = all.iter_mut().rev().find(|mark| mark.kind == phase.kind);
            match last {
                Some(mark) if phase.time.micros_since(mark.end.unwrap_or(mark.start)) < near => {
                    mark.count += u64::from(phase.begins);
                    if phase.time > mark.start || !phase.instant {
                        mark.end = Some(phase.time);
                    }
                }
                _ => all.push(EventMark {
                    kind: phase.kind.clone(),
                    origin: phase.origin.clone(),
                    start: phase.time,
                    end: None,
                    count: 1,
                    sequence: phase.sequence,
                }),
            }
        }
        all
    }

    #[test]
    fn of_too_many_the_newest_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let c = index::open(&folder.path().join("index.sqlite")).unwrap();
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        for seconds in 0..10 {
            index::events::insert(&c, &instant("gate", "bell", at(seconds))).unwrap();
        }
        for (most, first) in [(10, 0), (4, 6)] {
            let (marks, since) = events(&c, "gate", at(0), at(20), 1, most).unwrap();
            let starts: Vec<_> = marks.iter().map(|mark| mark.start).collect();
            assert_eq!(starts, (first..10).map(at).collect::<Vec<_>>());
            assert_eq!(since, (most == 4).then(|| at(5).offset(1)));
        }
    }

    proptest! {
        #[test]
        fn marks_are_the_same_from_either_end(
            phases in vec((0_i64..20, any::<bool>(), any::<bool>(), any::<bool>()), 0..40),
            resolution in 0_i64..60,
        ) {
            let (mut now, mut all) = (0, Vec::new());
            for (sequence, (step, begins, instant, door)) in (1..).zip(phases) {
                now += step;
                let kind = if door { "door" } else { "motion" };
                all.push(phase(sequence, now, begins || instant, instant, kind));
            }
            let resolution = resolution * 1_000_000;
            let mut marks = Marks { resolution, ..Marks::default() };
            all.iter().rev().cloned().for_each(|phase| marks.add(phase));
            prop_assert_eq!(marks.done(), forwards(&all, resolution));
        }
    }
}
