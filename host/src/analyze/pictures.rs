//! One camera's pictures: decoded once, scaled once for equal wishes, handed to who is due.
//!
//! The task takes packets off the edge ingest -> decode; the work itself runs on a lane.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use prometheus_client::metrics::counter::Counter;
use tokio::sync::watch;

use super::mailbox;
use crate::base::metrics::{self, Metrics};
use crate::base::{Kind, Timestamp};
use crate::decode::{self, DecodeError, Due, Feed, Picture, Request, Scaler};
use crate::ingest::{GapReason, Item, VideoParameters, VideoUnit, queue};
use crate::wasm::standing::{Standing, Teller};
use crate::wasm::{Lane, Pace, PictureRequest};

/// Packets that travel to the lane at a time.
const BATCH_MAX: usize = 64;

/// A thinned wish for every picture begins to count from this rate.
const EVERY_FPS: f32 = 30.0;

/// So many errors without a picture between them, and analyzers are blind.
const FAILURES_MAX: u32 = 10;

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
            if worker.is_idle() {
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

struct Wish {
    subscription: Arc<Subscription>,
    due: Due,
    thinning: u32,
}

impl Wish {
    fn new(subscription: Arc<Subscription>) -> Self {
        Self { due: Due::new(pace(&subscription.request, 1)), subscription, thinning: 1 }
    }

    fn is_due(&mut self, picture: &Picture) -> bool {
        let thinning = self.subscription.thinning.load(Ordering::Relaxed).max(1);
        if thinning != self.thinning {
            self.thinning = thinning;
            self.due = Due::new(pace(&self.subscription.request, thinning));
        }
        self.due.is_due(picture.pts, picture.key)
    }
}

/// Makes the pictures of one request, for all who wish the same.
struct Maker {
    request: Request,
    scaler: Scaler,
    /// The size of the last picture, to make room for the next one at once.
    bytes: usize,
}

struct Worker {
    camera: String,
    pictures: Counter,
    errors: Counter,
    drops: Counter,
    wishes: Vec<Wish>,
    makers: Vec<Maker>,
    feed: Feed,
    ready: Vec<Picture>,
    breaks: u64,
    /// Errors since the last picture.
    failures: u32,
    /// Why no picture comes.
    blind: Option<String>,
}

impl Worker {
    fn new(camera: &str, metrics: &Metrics) -> Self {
        let labels = metrics::Camera { camera: camera.into() };
        let edge = metrics::Edge { camera: camera.into(), edge: "analyze" };
        Self {
            camera: camera.into(),
            pictures: metrics.pictures.get_or_create(&labels).clone(),
            errors: metrics.decode_errors.get_or_create(&labels).clone(),
            drops: metrics.drops.get_or_create(&edge).clone(),
            wishes: Vec::new(),
            makers: Vec::new(),
            feed: Feed::new(decode::Pace::KeyFrames),
            ready: Vec::new(),
            breaks: 0,
            failures: 0,
            blind: None,
        }
    }

    fn subscribe(&mut self, subscriptions: &[Arc<Subscription>]) {
        let live = subscriptions.iter().filter(|one| !one.mailbox.is_closed()).cloned();
        self.wishes = live.map(Wish::new).collect();
        self.makers.clear();
        let paces = self.wishes.iter().map(|wish| pace(&wish.subscription.request, 1));
        if let Some(fastest) = paces.reduce(decode::Pace::or) {
            self.feed.set_pace(fastest);
        }
    }

    /// Nobody wants a picture: nothing is decoded.
    fn is_idle(&mut self) -> bool {
        self.wishes.retain(|wish| !wish.subscription.mailbox.is_closed());
        self.wishes.is_empty()
    }

    /// Lets units go by. What comes after them does not continue what came before.
    fn skip(&mut self, batch: &[Item]) {
        if !batch.is_empty() {
            self.feed.interrupt(&mut self.ready);
            self.ready.clear();
        }
    }

    fn take(&mut self, item: Item) {
        match item {
            Item::Video(unit) => self.decode(&unit),
            Item::Gap(_) => self.feed.interrupt(&mut self.ready),
            Item::Audio(_) => {}
        }
        for picture in std::mem::take(&mut self.ready) {
            self.hand_out(&picture);
        }
    }

    fn decode(&mut self, unit: &VideoUnit) {
        let Err(error) = self.feed.push(unit, &mut self.ready) else { return };
        self.errors.inc();
        self.failures = self.failures.saturating_add(1);
        if matches!(error, DecodeError::Unsupported(_)) || self.failures >= FAILURES_MAX {
            self.blind = Some(format!("no picture can be decoded: {error}"));
        }
        match error {
            DecodeError::Unsupported(_) => tracing::warn!(
                camera = self.camera,
                "can't analyse this camera's video, recording goes on: {error}"
            ),
            DecodeError::Damaged(_) => tracing::debug!(camera = self.camera, "{error}"),
        }
    }

    fn hand_out(&mut self, picture: &Picture) {
        self.pictures.inc();
        (self.failures, self.blind) = (0, None);
        self.breaks += u64::from(picture.gap);
        let mut made: Vec<(Request, Frame)> = Vec::new();
        for index in 0..self.wishes.len() {
            if !self.wishes[index].is_due(picture) {
                continue;
            }
            let request = convert(&self.wishes[index].subscription.request);
            let frame = match made.iter().find(|(other, _)| *other == request) {
                Some((_, frame)) => frame.clone(),
                None => {
                    let frame = self.make(request, picture);
                    made.push((request, frame.clone()));
                    frame
                }
            };
            if self.wishes[index].subscription.mailbox.put(frame) {
                self.drops.inc();
            }
        }
    }

    fn make(&mut self, request: Request, picture: &Picture) -> Frame {
        let known = self.makers.iter().position(|maker| maker.request == request);
        let at = known.unwrap_or_else(|| {
            self.makers.push(Maker { request, scaler: Scaler::new(request), bytes: 0 });
            self.makers.len() - 1
        });
        let maker = &mut self.makers[at];
        let mut pixels = Vec::with_capacity(maker.bytes);
        let (width, height) = maker.scaler.scale(&picture.image, &mut pixels);
        maker.bytes = pixels.len();
        Frame {
            sequence: picture.sequence,
            time: picture.time,
            width,
            height,
            key: picture.key,
            breaks: self.breaks,
            pixels: Arc::new(pixels),
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

fn pace(request: &PictureRequest, thinning: u32) -> decode::Pace {
    let thinned = |fps: f32| decode::Pace::AtMost((fps / thinning as f32).max(fps.min(1.0)));
    match request.pace {
        Pace::KeyFrames => decode::Pace::KeyFrames,
        Pace::Every if thinning == 1 => decode::Pace::Every,
        Pace::Every => thinned(EVERY_FPS),
        Pace::Fps(fps) => thinned(fps),
    }
}

fn convert(request: &PictureRequest) -> Request {
    Request {
        format: request.format,
        width_max: request.max_width,
        height_max: request.max_height,
        fit: request.fit,
    }
}
