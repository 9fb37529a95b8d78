//! The one thread that makes pictures: of lowest priority, so that it takes only what recording and
//! analysis leave. A strip is made cell by cell, and single pictures go first in between.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

use super::strip::Strip;
use super::work::Worker;
use super::{Desk, Refusal, Slot, Wish};
use crate::base::{Error, Result};

/// Starts it; it ends when nobody can send wishes any more.
pub(super) fn start(wishes: Receiver<Arc<Slot>>, desk: Arc<Desk>, worker: Worker) -> Result<()> {
    let lane = Lane { wishes, desk, worker, strips: VecDeque::new() };
    std::thread::Builder::new()
        .name("pictures".into())
        .spawn(move || {
            // Linux counts niceness by thread. Where it can't be set, pictures are made all the same.
            let _ = rustix::process::nice(10);
            lane.run();
        })
        .map_err(|error| Error::retry("start the thread pictures").with(error))?;
    Ok(())
}

struct Lane {
    wishes: Receiver<Arc<Slot>>,
    desk: Arc<Desk>,
    worker: Worker,
    /// Those under way; no more than there are slots.
    strips: VecDeque<(Arc<Slot>, Strip)>,
}

impl Lane {
    fn run(mut self) {
        loop {
            match self.wishes.try_recv() {
                Ok(slot) => self.take(slot),
                Err(TryRecvError::Empty) if !self.strips.is_empty() => self.go_on(),
                Err(TryRecvError::Empty) => {
                    self.worker.rest();
                    let Ok(slot) = self.wishes.recv() else { return };
                    self.take(slot);
                }
                Err(TryRecvError::Disconnected) => return,
            }
        }
    }

    fn take(&mut self, slot: Arc<Slot>) {
        if self.desk.is_given_up(&slot) {
            return;
        }
        if let Some(strip) = Strip::of(&slot.wish) {
            self.strips.push_back((slot, strip));
            return;
        }
        let answer = guarded(|| match &slot.wish {
            Wish::Event { sequence, width, regions } => {
                self.worker.event(*sequence, *width, *regions)
            }
            Wish::Moment { camera, at, width } => self.worker.moment(camera, *at, *width),
            Wish::Strip { .. } => Err(Refusal::NoVideo),
        });
        self.desk.answer(&slot, answer);
    }

    /// One cell of the oldest strip.
    fn go_on(&mut self) {
        let Some((slot, mut strip)) = self.strips.pop_front() else { return };
        if self.desk.is_given_up(&slot) {
            return;
        }
        match guarded(|| strip.step(&mut self.worker)) {
            Ok(false) => self.strips.push_front((slot, strip)),
            Ok(true) => {
                self.desk.answer(&slot, guarded(|| strip.picture(&mut self.worker)));
            }
            Err(refusal) => self.desk.answer(&slot, Err(refusal)),
        }
    }
}

/// A panic is a bug of ours, and costs one picture.
fn guarded<T>(
    work: impl FnOnce() -> std::result::Result<T, Refusal>,
) -> std::result::Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Refusal::Failed("the host failed on this picture: please report it".into()))
    })
}
