//! A row of small pictures at even steps: what a person sees while dragging along the time line.

use std::sync::Arc;

use super::cache::Key;
use super::canvas::Canvas;
use super::find::Moment;
use super::work::{Shown, Worker, tag};
use super::{Answer, Picture, Refusal, Wish};
use crate::base::Timestamp;
use crate::record::keys::Pick;

/// Without any video, cells have the shape of most cameras.
const SHAPE: (u32, u32) = (16, 9);

/// A picture may be so far from the moment of its cell, or half a step. In microseconds.
const NEAR: i64 = 10_000_000;

/// What is so long past is on the disk, if it is anywhere. In microseconds.
const PAST: i64 = 60_000_000;

/// A strip that is being made.
pub(super) struct Strip {
    camera: String,
    from: Timestamp,
    step: i64,
    count: u32,
    width: u32,
    cells: Vec<Option<Arc<Canvas>>>,
    shown: Shown,
    settled: bool,
}

impl Strip {
    /// For a wish that is one.
    pub(super) fn of(wish: &Wish) -> Option<Self> {
        let Wish::Strip { camera, from, step, count, width } = wish else { return None };
        Some(Self {
            camera: camera.clone(),
            from: *from,
            step: *step,
            count: *count,
            width: *width,
            cells: Vec::new(),
            shown: Vec::new(),
            settled: true,
        })
    }

    /// Makes the next cell; says whether that was the last.
    pub(super) fn step(&mut self, worker: &mut Worker) -> Result<bool, Refusal> {
        let number = i64::try_from(self.cells.len()).unwrap_or(i64::MAX);
        let at = self.from.offset(self.step.saturating_mul(number));
        let moment = Moment { at, pick: Pick::Nearest, around: self.step / 2 };
        let past = worker.now().micros_since(at) > PAST.saturating_add(self.step);
        let frame = worker.find(&self.camera, moment)?;
        // Of a file without key frames for long, the nearest may be far.
        let near = |time: Timestamp| time.micros_since(at).abs() <= moment.around.max(NEAR);
        let frame = frame.filter(|frame| near(frame.time));
        self.settled &= past && frame.as_ref().is_none_or(|frame| frame.settled);
        self.shown.push(frame.as_ref().map(|frame| frame.id.clone()));
        let height = self.height();
        let cell = frame.map(|frame| worker.cell(frame, self.width, height)).transpose();
        match cell {
            Ok(cell) => self.cells.push(cell),
            // What does not decode is as black as what is not there.
            Err(Refusal::Undecodable(_)) => self.cells.push(None),
            Err(refusal) => return Err(refusal),
        }
        Ok(self.cells.len() >= self.count as usize)
    }

    fn height(&self) -> Option<u32> {
        self.cells.iter().flatten().next().map(|cell| cell.height)
    }

    /// All cells side by side.
    pub(super) fn picture(self, worker: &mut Worker) -> Answer {
        let height = self.height().unwrap_or((self.width * SHAPE.1 / SHAPE.0).max(2));
        let key = Key::Strip { cells: self.shown, width: self.width };
        let tag = tag(&key);
        let jpeg = worker.jpeg(key, || {
            let mut canvas = Canvas::black(self.width * self.count, height);
            for (cell, left) in self.cells.iter().zip((0..).step_by(self.width as usize)) {
                if let Some(cell) = cell {
                    canvas.put(cell, left);
                }
            }
            Ok(canvas)
        })?;
        Ok(Picture { camera: self.camera, jpeg, time: self.from, tag, settled: self.settled })
    }
}
