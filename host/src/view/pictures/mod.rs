//! Pictures of moments, as JPEG: of what is recorded, and of what comes now.
//!
//! ```text
//! wish --bounded--> lane: one thread of lowest priority --> find -> decode -> scale -> JPEG, cached
//! ```
//!
//! Only key frames are decoded, each by itself, by the same decoders as for analysis. Equal wishes
//! share one answer; what was made is kept within a bound of bytes. Where too many wait, a wish is
//! refused at once. Knows no HTTP.

mod cache;
mod canvas;
mod find;
mod lane;
mod strip;
mod work;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::watch;

use self::work::Worker;
use super::live::Live;
use crate::base::clock::Clock;
use crate::base::{Result, Timestamp};
use crate::store::fs::Fs;

/// Wishes that wait or are worked at, strips and pictures; more are refused. About as many as the
/// lane does in two seconds.
const WISHES_MAX: usize = 64;

/// Cells of a strip.
pub const CELLS_MAX: u32 = 60;

/// Width of a cell, in pixels.
pub const CELL_WIDTH_MAX: u32 = 320;

/// Width of a picture that is asked for, in pixels. It is never wider than its video.
pub const WIDTH_MAX: u32 = 8192;

/// The least width of both.
pub const WIDTH_MIN: u32 = 16;

/// A picture that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wish {
    /// The key frame that is shown at a moment.
    Moment {
        /// Of this camera.
        camera: String,
        /// `None`: the newest there is.
        at: Option<Timestamp>,
        /// At most so wide; `None`: as its video.
        width: Option<u32>,
    },
    /// A row of cells, each the picture nearest to its moment within half a step.
    Strip {
        /// Of this camera.
        camera: String,
        /// The moment of the first cell.
        from: Timestamp,
        /// From one to the next, in microseconds.
        step: i64,
        /// How many; at most [`CELLS_MAX`].
        count: u32,
        /// Of each, in pixels; at most [`CELL_WIDTH_MAX`].
        width: u32,
    },
    /// The key frame nearest to an event.
    Event {
        /// The event's number in the store.
        sequence: u64,
        /// At most so wide; `None`: as its video.
        width: Option<u32>,
        /// With what the event marks in it.
        regions: bool,
    },
}

/// A picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The camera that it is of.
    pub camera: String,
    /// JPEG.
    pub jpeg: Bytes,
    /// When it was taken; of a strip, the moment of its first cell.
    pub time: Timestamp,
    /// Pictures with the same tag are equal.
    pub tag: u64,
    /// The same wish will have the same answer for as long as the video is there.
    pub settled: bool,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no video of that moment, or no such event.
    NoVideo,
    /// Too many wait; try again.
    Busy,
    /// The video can't be decoded; why.
    Undecodable(String),
    /// The index or the disk can't be read; why.
    Failed(String),
}

type Answer = std::result::Result<Picture, Refusal>;

/// Makes pictures. Clones share the lane and the cache.
#[derive(Clone)]
pub struct Pictures {
    desk: Arc<Desk>,
    /// Dropping the last one ends the lane.
    lane: SyncSender<Arc<Slot>>,
}

/// The wishes that are under way.
#[derive(Default)]
struct Desk {
    /// Never held across an await or a step of work.
    slots: Mutex<HashMap<Wish, Arc<Slot>>>,
}

/// One wish, and those who wait for its answer.
struct Slot {
    wish: Wish,
    waiting: AtomicUsize,
    answer: watch::Sender<Option<Answer>>,
}

impl Pictures {
    /// Of the store at `root`, and of what `live` shows; keeps at most `bytes` of what was made.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn start(
        root: &Path,
        fs: Arc<dyn Fs>,
        clock: Arc<dyn Clock>,
        live: Live,
        bytes: usize,
    ) -> Result<Self> {
        let desk = Arc::<Desk>::default();
        let (lane, wishes) = sync_channel(WISHES_MAX);
        lane::start(wishes, desk.clone(), Worker::new(root, fs, clock, live, bytes))?;
        Ok(Self { desk, lane })
    }

    /// The picture of a wish, whose numbers are taken to be within their bounds.
    ///
    /// # Errors
    /// There is no video, too many wait, or it can't be made.
    pub async fn get(&self, wish: Wish) -> Answer {
        let slot = self.desk.join(bounded(wish), &self.lane)?;
        let waiting = Waiting(slot);
        let mut answer = waiting.0.answer.subscribe();
        let ended = || Refusal::Failed("pictures are made no more: the host ends".into());
        let answered = answer.wait_for(Option::is_some).await.map_err(|_| ended())?;
        answered.clone().unwrap_or_else(|| Err(ended()))
    }
}

fn bounded(mut wish: Wish) -> Wish {
    match &mut wish {
        Wish::Moment { width, .. } | Wish::Event { width, .. } => {
            *width = width.map(|width| width.clamp(WIDTH_MIN, WIDTH_MAX));
        }
        Wish::Strip { step, count, width, .. } => {
            *step = (*step).max(1);
            *count = (*count).clamp(1, CELLS_MAX);
            *width = (*width).clamp(WIDTH_MIN, CELL_WIDTH_MAX);
        }
    }
    wish
}

impl Desk {
    /// The slot of a wish, which goes to the lane where it is new.
    fn join(
        &self,
        wish: Wish,
        lane: &SyncSender<Arc<Slot>>,
    ) -> std::result::Result<Arc<Slot>, Refusal> {
        let mut slots = self.slots.lock().expect("no panic under this lock");
        if let Some(slot) = slots.get(&wish) {
            slot.waiting.fetch_add(1, Ordering::Relaxed);
            return Ok(slot.clone());
        }
        if slots.len() >= WISHES_MAX {
            return Err(Refusal::Busy);
        }
        let (answer, waiting) = (watch::channel(None).0, AtomicUsize::new(1));
        let slot = Arc::new(Slot { wish: wish.clone(), waiting, answer });
        lane.try_send(slot.clone()).map_err(|_| Refusal::Busy)?;
        slots.insert(wish, slot.clone());
        Ok(slot)
    }

    /// Takes a slot off where nobody waits any more; says whether it is so.
    fn is_given_up(&self, slot: &Slot) -> bool {
        let mut slots = self.slots.lock().expect("no panic under this lock");
        let given_up = slot.waiting.load(Ordering::Relaxed) == 0;
        if given_up {
            slots.remove(&slot.wish);
        }
        given_up
    }

    fn answer(&self, slot: &Slot, answer: Answer) {
        self.slots.lock().expect("no panic under this lock").remove(&slot.wish);
        slot.answer.send_replace(Some(answer));
    }
}

/// That somebody waits for a slot's answer.
struct Waiting(Arc<Slot>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
