//! One camera's pictures: decoded once, scaled once for equal wishes, handed to who is due.
//!
//! The task takes packets off the edge ingest -> decode; the work itself runs on a lane.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use tokio::sync::watch;

use super::gate::Until;
use super::mailbox;
use super::order::Progress;
use super::worker::Worker;
use crate::base::metrics::Metrics;
use crate::base::{Kind, Timestamp};
use crate::decode::Image;
use crate::ingest::{GapReason, Item, VideoParameters, queue};
use crate::wasm::standing::{Standing, Teller};
use crate::wasm::{Lane, PictureRequest};

/// Packets that travel to the lane at a time.
const BATCH_MAX: usize = 64;

/// A picture as an analyzer wished it.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Counts every picture of the stream, seen or not.
    pub sequence: u64,
    /// Media time.
    pub time: Timestamp,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Decoded from a key frame.
    pub key: bool,
    /// Counts breaks of the stream: another number than last time means a gap.
    pub breaks: u64,
    /// Tightly packed, shared by all who wished the same.
    pub pixels: Arc<Vec<u8>>,
    /// The picture as it was decoded, for who may look closer.
    pub whole: Option<Arc<Image>>,
}

/// What one analyzer wants, and where it gets it.
#[derive(Debug)]
pub struct Subscription {
    /// Format, size and pace.
    pub request: PictureRequest,
    /// It may look closer: frames come with the whole picture.
    pub looks_closer: bool,
    /// Divides the wished rate while the analyzer can't keep up; at least 1.
    pub thinning: Arc<AtomicU32>,
    /// Depth one, newest wins.
    pub mailbox: mailbox::Sender<Frame>,
    /// Nothing is decoded for it after this.
    pub until: Until,
    /// Where it stands among the camera's analyzers.
    pub turn: Turn,
    /// It is only tried: where others are shown pictures, nothing is decoded for it alone.
    pub tried: bool,
}

/// An analyzer's place among those that come after one another.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// So many stand before it: these get each picture first.
    pub depth: usize,
    /// How far it has come.
    pub progress: Progress,
}

/// All wishes of one camera; changed by its analyzers.
pub type Wishes = watch::Sender<Vec<Arc<Subscription>>>;

/// What one camera's pictures need.
pub struct Pictures {
    /// The camera.
    pub camera: String,
    /// Packets of the stream that is analysed.
    pub packets: queue::Receiver,
    /// The present wishes.
    pub wishes: watch::Receiver<Vec<Arc<Subscription>>>,
    /// Tells analyzers what the stream is, once it is known.
    pub video: watch::Sender<Option<Arc<VideoParameters>>>,
    /// Says whether analyzers can see at all: if not, nobody judges the camera.
    pub sight: Teller,
    /// The stream is not the recorded one: video may be recorded while it is away.
    pub is_second: bool,
    /// Where decoding runs.
    pub lane: Lane,
    /// Figures.
    pub metrics: Metrics,
}

impl Pictures {
    /// Decodes until the packets end.
    pub async fn run(mut self) {
        let mut worker = Worker::new(&self.camera, &self.metrics);
        let mut lost = 0;
        if !self.is_second {
            self.sight.send_replace(Standing::Waiting);
        }
        while let Some(first) = self.packets.recv().await {
            let mut batch = vec![first];
            while batch.len() < BATCH_MAX
                && let Some(next) = self.packets.try_recv()
            {
                batch.push(next);
            }
            self.tell_parameters(&batch);
            if self.wishes.has_changed().unwrap_or(false) {
                worker.subscribe(&self.wishes.borrow_and_update());
            }
            let sign = last_sign(&batch);
            if worker.is_idle(&batch) {
                worker.skip(&batch);
                self.tell_sight(&worker, sign);
                continue;
            }
            let job =
                move |worker: &mut Worker| batch.into_iter().for_each(|item| worker.take(item));
            worker = match self.lane.with(worker, job).await {
                Ok((worker, ())) => worker,
                Err(error) => {
                    tracing::error!(camera = self.camera, "decode: {}", error.chain());
                    if error.kind() == Kind::Stop {
                        return;
                    }
                    lost += 1;
                    let mut fresh = Worker::new(&self.camera, &self.metrics);
                    // Another number than any before: analyzers hear of the gap.
                    fresh.breaks = lost << 32;
                    fresh.subscribe(&self.wishes.borrow_and_update());
                    fresh
                }
            };
            self.tell_sight(&worker, sign);
        }
    }

    fn tell_sight(&self, worker: &Worker, sign: Option<Sign>) {
        let standing = match (sign, &worker.blind) {
            (None, _) => return,
            (Some(Sign::Away(why)), _) if self.is_second => {
                Standing::Down { reason: format!("the stream for analysis is away: {why}") }
            }
            // Where nothing is recorded either, nobody has to judge.
            (Some(Sign::Away(_)), _) => Standing::Waiting,
            (Some(Sign::There), None) => Standing::Running,
            (Some(Sign::There), Some(why)) => Standing::Down { reason: why.clone() },
        };
        self.sight.send_if_modified(|old| {
            let changed = *old != standing;
            *old = standing;
            changed
        });
    }

    fn tell_parameters(&self, batch: &[Item]) {
        for item in batch {
            let Item::Video(unit) = item else { continue };
            self.video.send_if_modified(|known| {
                let changed = known.as_ref() != Some(&unit.parameters);
                if changed {
                    *known = Some(unit.parameters.clone());
                }
                changed
            });
        }
    }
}

/// What the packets say of their stream.
enum Sign {
    There,
    Away(String),
}

fn last_sign(batch: &[Item]) -> Option<Sign> {
    batch.iter().rev().find_map(|item| match item {
        Item::Video(_) => Some(Sign::There),
        Item::Gap(gap) if is_absence(gap.reason) => Some(Sign::Away(gap.detail.clone())),
        Item::Gap(_) | Item::Audio(_) => None,
    })
}

fn is_absence(reason: GapReason) -> bool {
    matches!(reason, GapReason::Offline | GapReason::Silent | GapReason::Ended)
}
