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
const PHASES_MAX: usize = 500_000;

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

/// The events of a camera in `[from, to)`, and whether there were too many to be looked at.
pub(super) fn events(
    c: &Connection,
    camera: &str,
    from: Timestamp,
    to: Timestamp,
    resolution: i64,
) -> Read<(Vec<EventMark>, bool)> {
    let mut marks = Marks { resolution, ..Marks::default() };
    let mut seen = 0;
    history::phases(c, camera, from, to, |phase| {
        seen += 1;
        if seen > PHASES_MAX {
            return ControlFlow::Break(());
        }
        marks.add(phase);
        ControlFlow::Continue(())
    })?;
    Ok((marks.all, seen > PHASES_MAX))
}

/// Marks in the making.
#[derive(Default)]
struct Marks {
    resolution: i64,
    all: Vec<EventMark>,
    /// By origin and kind: the last one.
    last: HashMap<(String, String), usize>,
}

impl Marks {
    fn add(&mut self, phase: Phased) {
        // Who does not renew an event in time has ended it.
        let near = match phase.begins {
            true => self.resolution,
            false => self.resolution.max(SILENCE),
        };
        let key = (phase.origin, phase.kind);
        if let Some(mark) = self.last.get(&key).and_then(|at| self.all.get_mut(*at)) {
            let heard = mark.end.unwrap_or(mark.start);
            if phase.time.micros_since(heard) < near {
                mark.count += u64::from(phase.begins);
                if phase.time > mark.start || !phase.instant {
                    mark.end = Some(heard.max(phase.time));
                }
                return;
            }
        }
        let (origin, kind) = key.clone();
        self.last.insert(key, self.all.len());
        self.all.push(EventMark {
            kind,
            origin,
            start: phase.time,
            end: None,
            // One that began before is there all the same.
            count: 1,
            sequence: phase.sequence,
        });
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
