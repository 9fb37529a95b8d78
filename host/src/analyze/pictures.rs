//! One camera's pictures: decoded once, scaled once for equal wishes, handed to who is due.
//!
//! The task takes packets off the edge ingest -> decode; the work itself runs on a lane.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::watch;

use super::mailbox;
use super::pace::Pacer;
use crate::base::Timestamp;
use crate::base::metrics::{self, Metrics};
use crate::decode::{self, Decoder, EncodedUnit, Thrift};
use crate::ingest::packet::VIDEO_TICKS;
use crate::ingest::queue;
use crate::ingest::{Item, VideoParameters, VideoUnit};
use crate::wasm::{Lane, Pace, PictureRequest};

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
    pub pixels: Arc<[u8]>,
}

/// What one analyzer wants, and where it gets it.
#[derive(Debug)]
pub struct Subscription {
    /// Format, size and pace.
    pub request: PictureRequest,
    /// Divides the wished rate while the analyzer can't keep up; at least 1.
    pub thinning: Arc<AtomicU32>,
    /// Depth one, newest wins.
    pub mailbox: mailbox::Sender<Frame>,
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
    /// Where decoding runs.
    pub lane: Lane,
    /// Figures.
    pub metrics: Metrics,
}

impl Pictures {
    /// Decodes until the packets end.
    pub async fn run(mut self) {
        let mut worker = Worker::new(&self.camera, self.metrics.clone());
        while let Some(first) = self.packets.recv().await {
            let mut batch = vec![first];
            while batch.len() < 64
                && let Some(next) = self.packets.try_recv()
            {
                batch.push(next);
            }
            self.tell_parameters(&batch);
            if self.wishes.has_changed().unwrap_or(false) {
                worker.subscribe(&self.wishes.borrow_and_update());
            }
            worker = self
                .lane
                .run(move || {
                    for item in batch {
                        worker.take(item);
                    }
                    worker
                })
                .await;
        }
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

struct Wish {
    subscription: Arc<Subscription>,
    pacer: Pacer,
    thinning: u32,
}

/// A unit that went into the decoder and has not come out yet.
struct Pending {
    pts: i64,
    time: Timestamp,
    sequence: u64,
}

struct Worker {
    camera: String,
    metrics: Metrics,
    wishes: Vec<Wish>,
    thrift: Thrift,
    decoder: Option<Box<dyn Decoder>>,
    parameters: Option<Arc<VideoParameters>>,
    /// Said once for each set of parameters.
    unsupported: bool,
    pending: VecDeque<Pending>,
    sequence: u64,
    breaks: u64,
}

impl Worker {
    fn new(camera: &str, metrics: Metrics) -> Self {
        Self {
            camera: camera.into(),
            metrics,
            wishes: Vec::new(),
            thrift: Thrift::default(),
            decoder: None,
            parameters: None,
            unsupported: false,
            pending: VecDeque::new(),
            sequence: 0,
            breaks: 0,
        }
    }

    fn subscribe(&mut self, subscriptions: &[Arc<Subscription>]) {
        self.wishes = subscriptions
            .iter()
            .map(|subscription| Wish {
                subscription: subscription.clone(),
                pacer: pacer(&subscription.request, 1),
                thinning: 1,
            })
            .collect();
        self.thrift = Thrift::for_paces(subscriptions.iter().map(|s| pace(&s.request)));
    }

    fn take(&mut self, item: Item) {
        match item {
            Item::Video(unit) => self.decode(&unit),
            Item::Gap(_) => self.forget(),
            Item::Audio(_) => {}
        }
    }

    /// The stream is broken: what comes next begins at a key frame.
    fn forget(&mut self) {
        self.decoder = None;
        self.pending.clear();
        self.breaks += 1;
        self.thrift.reset();
    }

    fn decode(&mut self, unit: &VideoUnit) {
        self.sequence += 1;
        self.wishes.retain(|wish| !wish.subscription.mailbox.is_closed());
        if self.parameters.as_ref().is_none_or(|known| **known != *unit.parameters) {
            self.forget();
            self.parameters = Some(unit.parameters.clone());
            self.unsupported = false;
        }
        if unit.damaged {
            self.forget();
        }
        if self.wishes.is_empty() || self.unsupported {
            self.decoder = None;
            return;
        }
        if !self.thrift.wants(unit.access, unit.pts) {
            return;
        }
        if self.decoder.is_none() && !(unit.access.is_key() && self.open(unit)) {
            return;
        }
        let Some(decoder) = &mut self.decoder else { return };
        self.pending.push_back(Pending {
            pts: unit.pts,
            time: unit.time,
            sequence: self.sequence,
        });
        let encoded = EncodedUnit {
            data: &unit.data,
            pts: unit.pts,
            random_access: unit.access.is_key(),
            disposable: unit.access == crate::ingest::Access::Disposable,
        };
        match decoder.decode(&encoded) {
            Ok(pictures) => pictures.into_iter().for_each(|picture| self.hand_out(&picture)),
            Err(error) => self.fail(&error),
        }
    }

    fn open(&mut self, unit: &VideoUnit) -> bool {
        match decode::open(&unit.parameters) {
            Ok(decoder) => self.decoder = Some(decoder),
            Err(error) => self.fail(&error),
        }
        self.decoder.is_some()
    }

    /// Resumes at the next key frame.
    fn fail(&mut self, error: &decode::DecodeError) {
        let labels = metrics::Camera { camera: self.camera.clone() };
        self.metrics.decode_errors.get_or_create(&labels).inc();
        if error.is_unsupported() {
            self.unsupported = true;
            tracing::warn!(
                camera = self.camera,
                "can't analyse this camera's video, recording goes on: {error}"
            );
        } else {
            tracing::debug!(camera = self.camera, "decoding resumes at the next key frame: {error}");
        }
        self.forget();
    }

    fn hand_out(&mut self, picture: &decode::Picture) {
        let labels = metrics::Camera { camera: self.camera.clone() };
        self.metrics.pictures.get_or_create(&labels).inc();
        let Some(at) = self.pending.iter().position(|pending| pending.pts == picture.pts) else {
            return;
        };
        let pending = self.pending.remove(at).expect("position is inside");
        // What a decoder swallowed never comes: forget it once much later pictures have come.
        while self.pending.len() > 64 {
            self.pending.pop_front();
        }
        let mut scaled: Vec<(usize, decode::Scaled)> = Vec::new();
        for index in 0..self.wishes.len() {
            if !self.wishes[index].is_due(picture) {
                continue;
            }
            let request = &self.wishes[index].subscription.request;
            let same = scaled
                .iter()
                .position(|(other, _)| self.wishes[*other].subscription.request.same_picture(request));
            let frame = match same {
                Some(same) => scaled[same].1.clone(),
                None => {
                    let new = decode::scale(picture, &request.into());
                    scaled.push((index, new.clone()));
                    new
                }
            };
            let replaced = self.wishes[index].subscription.mailbox.put(Frame {
                sequence: pending.sequence,
                time: pending.time,
                width: frame.width,
                height: frame.height,
                key: picture.key,
                breaks: self.breaks,
                pixels: frame.pixels,
            });
            if replaced {
                let edge = metrics::Edge { camera: self.camera.clone(), edge: "analyze" };
                self.metrics.drops.get_or_create(&edge).inc();
            }
        }
    }
}

impl Wish {
    fn is_due(&mut self, picture: &decode::Picture) -> bool {
        let thinning = self.subscription.thinning.load(Ordering::Relaxed).max(1);
        if thinning != self.thinning {
            self.thinning = thinning;
            self.pacer = pacer(&self.subscription.request, thinning);
        }
        match self.subscription.request.pace {
            Pace::KeyFrames => picture.key,
            Pace::Every | Pace::Fps(_) => self.pacer.due(picture.pts),
        }
    }
}

/// A thinned `every` counts as 30 a second.
fn pacer(request: &PictureRequest, thinning: u32) -> Pacer {
    let fps = match request.pace {
        Pace::Fps(fps) => fps,
        Pace::Every | Pace::KeyFrames if thinning == 1 => 0.0,
        Pace::Every | Pace::KeyFrames => 30.0,
    };
    let thinned = if fps > 0.0 { (fps / thinning as f32).max(fps.min(1.0)) } else { 0.0 };
    Pacer::new(thinned, VIDEO_TICKS)
}

fn pace(request: &PictureRequest) -> decode::Pace {
    match request.pace {
        Pace::Every => decode::Pace::Every,
        Pace::KeyFrames => decode::Pace::KeyFrames,
        Pace::Fps(fps) => decode::Pace::Fps(fps),
    }
}
