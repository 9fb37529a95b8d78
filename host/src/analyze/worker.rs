//! What makes one camera's pictures, on a lane: decodes for all who are awake, scales once for equal
//! wishes, and hands out what is due, to those first that others come after.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;

use super::pictures::{Frame, Subscription};
use crate::base::Timestamp;
use crate::base::metrics::{self, Metrics};
use crate::decode::{self, DecodeError, Due, Feed, Picture, Request, Scaler};
use crate::ingest::{Item, VideoUnit};
use crate::wasm::{Pace, PictureRequest};

/// A thinned wish for every picture begins to count from this rate.
const EVERY_FPS: f32 = 30.0;

/// So many errors without a picture between them, and analyzers are blind.
const FAILURES_MAX: u32 = 10;

struct Wish {
    subscription: Arc<Subscription>,
    due: Due,
    thinning: u32,
    /// It wanted the last picture.
    awake: bool,
    /// How often it woke: each time it has missed something.
    wakes: u64,
}

impl Wish {
    fn new(subscription: Arc<Subscription>) -> Self {
        let due = Due::new(pace(&subscription.request, 1));
        Self { due, subscription, thinning: 1, awake: false, wakes: 0 }
    }

    /// Notes whether pictures of this time are wanted; whether that has changed.
    fn look(&mut self, time: Timestamp) -> bool {
        let awake = self.subscription.until.contains(time);
        let changed = awake != self.awake;
        self.wakes += u64::from(changed && awake);
        self.awake = awake;
        changed
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

pub(super) struct Worker {
    camera: String,
    pictures: Counter,
    errors: Counter,
    drops: Counter,
    wishes: Vec<Wish>,
    makers: Vec<Maker>,
    feed: Feed,
    ready: Vec<Picture>,
    pub(super) breaks: u64,
    /// Errors since the last picture.
    failures: u32,
    /// Why no picture comes.
    pub(super) blind: Option<String>,
}

impl Worker {
    pub(super) fn new(camera: &str, metrics: &Metrics) -> Self {
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

    pub(super) fn subscribe(&mut self, subscriptions: &[Arc<Subscription>]) {
        let live = subscriptions.iter().filter(|one| !one.mailbox.is_closed()).cloned();
        let mut old = std::mem::take(&mut self.wishes);
        for subscription in live {
            let known = old.iter().position(|old| Arc::ptr_eq(&old.subscription, &subscription));
            let wish = known.map(|at| old.swap_remove(at));
            self.wishes.push(wish.unwrap_or_else(|| Wish::new(subscription)));
        }
        self.wishes.sort_by_key(|wish| wish.subscription.turn.depth);
        self.makers.clear();
        self.set_pace();
    }

    /// For these it is decoded. Who is only tried must not cost the others pictures, and is shown
    /// what there is; unless there are no others.
    fn served(&self) -> impl Iterator<Item = &Wish> {
        let only_tried = self.wishes.iter().all(|wish| wish.subscription.tried);
        self.wishes.iter().filter(move |wish| only_tried || !wish.subscription.tried)
    }

    /// As fast as the fastest of those who are awake.
    fn set_pace(&mut self) {
        let awake = self.served().filter(|wish| wish.awake);
        let paces = awake.map(|wish| pace(&wish.subscription.request, 1));
        if let Some(fastest) = paces.reduce(decode::Pace::or) {
            self.feed.set_pace(fastest);
        }
    }

    /// Sees who wants pictures of this time on.
    fn look(&mut self, time: Timestamp) {
        let changes = self.wishes.iter_mut().map(|wish| wish.look(time));
        if changes.fold(false, |any, changed| any | changed) {
            self.set_pace();
        }
    }

    /// Nobody wants a picture of these: nothing is decoded.
    pub(super) fn is_idle(&mut self, batch: &[Item]) -> bool {
        self.wishes.retain(|wish| !wish.subscription.mailbox.is_closed());
        // Units stand in decoding order: the earliest of them, so that no last picture is lost.
        let times = batch.iter().filter_map(|item| match item {
            Item::Video(unit) => Some(unit.time),
            _ => None,
        });
        if let Some(time) = times.min() {
            self.look(time);
        }
        !self.served().any(|wish| wish.awake)
    }

    /// Lets units go by. What comes after them does not continue what came before.
    pub(super) fn skip(&mut self, batch: &[Item]) {
        if !batch.is_empty() {
            self.feed.interrupt(&mut self.ready);
            self.ready.clear();
        }
    }

    pub(super) fn take(&mut self, item: Item) {
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
        self.look(picture.time);
        for index in 0..self.wishes.len() {
            if !self.wishes[index].awake || !self.wishes[index].is_due(picture) {
                continue;
            }
            let request = convert(&self.wishes[index].subscription.request);
            let mut frame = match made.iter().find(|(other, _)| *other == request) {
                Some((_, frame)) => frame.clone(),
                None => {
                    let frame = self.make(request, picture);
                    made.push((request, frame.clone()));
                    frame
                }
            };
            let wish = &self.wishes[index];
            // Another number after each sleep; so many breaks and wakes no stream has.
            frame.breaks = frame.breaks.wrapping_add(wish.wakes << 48);
            wish.subscription.turn.progress.give(frame.time);
            frame.whole = wish.subscription.looks_closer.then(|| picture.image.clone());
            if wish.subscription.mailbox.put(frame) && !wish.subscription.tried {
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
            whole: None,
        }
    }
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
