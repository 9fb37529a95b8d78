//! The edge ingest -> live: what comes now, for those who look at it while it comes.
//!
//! Takes the same items as the recorder, whether anything of them is recorded or not; keeps the
//! newest group of pictures, and gives it and what follows to one follower, who multiplies it.
//! While there is no follower that is all: no work is done. Sending never waits: a follower that is
//! too slow loses whole groups, as on every edge out of ingest.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::packet::{AudioParameters, Item, VideoParameters, VideoUnit};
use super::queue::{self, Receiver, Sender, WhenFull};
use crate::base::limits::{LIVE_GROUP_BYTES, LIVE_QUEUE_BYTES};
use crate::base::metrics::Metrics;

/// One stream, as it is looked at.
#[derive(Clone)]
pub struct Tap {
    shared: Arc<Shared>,
}

/// The end of a tap that ingest holds. Dropping it ends what follows; the tap can be fed again by
/// another one.
pub struct Inlet {
    shared: Arc<Shared>,
}

struct Shared {
    /// The stream's name, for the figures of the edge.
    name: String,
    metrics: Metrics,
    /// Never held across an await, and only for as long as an item is put into a queue.
    state: Mutex<State>,
    /// Somebody follows.
    wanted: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    /// The newest key frame and what came after it; empty until there is one, and while a group
    /// has more bytes than are kept.
    group: Vec<Item>,
    bytes: usize,
    /// Of the session in hand.
    video: Option<Arc<VideoParameters>>,
    audio: Option<Arc<AudioParameters>>,
    follower: Option<Sender>,
}

impl Tap {
    /// For a stream of that name, such as `gate` or `gate/analysis`.
    pub fn new(name: &str, metrics: &Metrics) -> Self {
        let shared = Shared {
            name: name.to_owned(),
            metrics: metrics.clone(),
            state: Mutex::default(),
            wanted: watch::channel(false).0,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The end for ingest.
    pub fn inlet(&self) -> Inlet {
        Inlet { shared: self.shared.clone() }
    }

    /// The newest group, and what comes after it. One follows at a time: who followed before gets
    /// nothing any more. Ends when ingest does.
    pub fn follow(&self) -> Receiver {
        let options = queue::Options {
            camera: self.shared.name.clone(),
            edge: "live",
            bytes_max: LIVE_QUEUE_BYTES,
            when_full: WhenFull::SkipToKey,
        };
        let (mut sender, receiver) = queue::channel(options, &self.shared.metrics);
        self.shared.with(|state| {
            state.group.iter().for_each(|item| sender.send(item.clone()));
            state.follower = Some(sender);
        });
        self.shared.wanted.send_replace(true);
        receiver
    }

    /// Nobody follows any more.
    pub fn release(&self) {
        self.shared.with(|state| state.follower = None);
        self.shared.wanted.send_replace(false);
    }

    /// Whether somebody follows, and changes of that.
    pub fn wanted(&self) -> watch::Receiver<bool> {
        self.shared.wanted.subscribe()
    }

    /// The newest key frame; none while the camera is away.
    pub fn newest_key(&self) -> Option<VideoUnit> {
        self.shared.with(|state| match state.group.first() {
            Some(Item::Video(unit)) => Some(unit.clone()),
            _ => None,
        })
    }

    /// The video of the session in hand; none while the camera is away.
    pub fn video(&self) -> Option<Arc<VideoParameters>> {
        self.shared.with(|state| state.video.clone())
    }

    /// The audio of the session in hand; none while none has come.
    pub fn audio(&self) -> Option<Arc<AudioParameters>> {
        self.shared.with(|state| state.audio.clone())
    }
}

impl Inlet {
    /// Shows what comes.
    pub fn show(&self, item: &Item) {
        self.shared.with(|state| state.show(item));
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.shared.with(|state| *state = State::default());
    }
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // Nothing panics under this lock; if it did, the state would still be in order.
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn show(&mut self, item: &Item) {
        match item {
            Item::Gap(_) => {
                self.clear();
                (self.video, self.audio) = (None, None);
            }
            Item::Video(unit) => {
                if self.video.as_ref().is_none_or(|video| !Arc::ptr_eq(video, &unit.parameters)) {
                    self.video = Some(unit.parameters.clone());
                }
                if unit.access.is_key() {
                    self.clear();
                    self.keep(item);
                } else if !self.group.is_empty() {
                    self.keep(item);
                }
            }
            Item::Audio(frame) => {
                self.audio = Some(frame.parameters.clone());
                if !self.group.is_empty() {
                    self.keep(item);
                }
            }
        }
        if let Some(follower) = &mut self.follower {
            follower.send(item.clone());
        }
    }

    fn keep(&mut self, item: &Item) {
        self.bytes += queue::cost(item);
        self.group.push(item.clone());
        if self.bytes > LIVE_GROUP_BYTES {
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.group.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::queue::tests::{audio, text, video};
    use super::*;
    use crate::ingest::{Access, Gap, GapReason};

    fn gap() -> Item {
        Item::Gap(Gap { reason: GapReason::Offline, detail: String::new() })
    }

    fn tap() -> (Tap, Inlet) {
        let tap = Tap::new("gate", &Metrics::default());
        let inlet = tap.inlet();
        (tap, inlet)
    }

    fn show(inlet: &Inlet, items: &str) {
        for (number, kind) in (0..).zip(items.split_whitespace()) {
            inlet.show(&match kind {
                "K" => video(number, Access::Key, 100),
                "p" => video(number, Access::Reference, 100),
                "a" => audio(number),
                "L" => video(number, Access::Reference, LIVE_GROUP_BYTES),
                _ => gap(),
            });
        }
    }

    fn waiting(receiver: &mut Receiver) -> String {
        let items = std::iter::from_fn(|| receiver.try_recv());
        items.map(|item| text(&item)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_follower_begins_with_the_newest_group() {
        for (before, after, expected) in [
            ("K p a K a p", "p K", "K3 a4 p5 p0 K1"),
            ("p p", "p K p", "p0 K1 p2"),
            ("K p gap", "K", "K0"),
            ("K p gap p", "K", "K0"),
            // A group too large to be kept: from the next key frame on.
            ("K L p", "p K p", "p0 K1 p2"),
        ] {
            let (tap, inlet) = tap();
            show(&inlet, before);
            let mut receiver = tap.follow();
            show(&inlet, after);
            assert_eq!(waiting(&mut receiver), expected, "{before} | {after}");
        }
    }

    #[tokio::test]
    async fn the_end_of_ingest_is_the_followers_end() {
        let (tap, inlet) = tap();
        show(&inlet, "K a");
        assert!(tap.video().is_some() && tap.audio().is_some() && tap.newest_key().is_some());
        let mut receiver = tap.follow();
        drop(inlet);
        assert_eq!(waiting(&mut receiver), "K0 a1");
        assert!(receiver.recv().await.is_none());
        assert!(tap.video().is_none() && tap.newest_key().is_none());
    }

    #[test]
    fn what_nobody_follows_goes_nowhere() {
        let (tap, inlet) = tap();
        let wanted = tap.wanted();
        let receiver = tap.follow();
        assert!(*wanted.borrow());
        let mut second = tap.follow();
        show(&inlet, "K p");
        assert_eq!(waiting(&mut second), "K0 p1");
        drop((receiver, second));
        tap.release();
        show(&inlet, "p");
        assert!(!*wanted.borrow());
        assert_eq!(waiting(&mut tap.follow()), "K0 p1 p0");
    }
}
