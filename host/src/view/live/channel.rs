//! The one task behind all viewers of a stream: takes its items off the tap, makes pieces of them
//! once, and goes when nobody looks any more.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::run::{Run, Viewer};
use super::shelf::Shelf;
use super::{Shared, Stream};
use crate::base::metrics::{Camera, Edge, Metrics};
use crate::ingest::tap::Tap;
use crate::record::live::{Muxer, Said};

/// A channel goes when nobody has looked for so long: a page that is loaded again, and a player that
/// fetches segments now and then, find it as it was.
const IDLE: Duration = Duration::from_secs(20);

/// How often that is looked at.
const IDLE_LOOK: Duration = Duration::from_secs(5);

/// A stream that somebody looks at.
pub(super) struct Channel {
    /// Never held across an await.
    state: Mutex<State>,
    /// Changes with every piece, and with runs.
    changed: watch::Sender<()>,
    viewers: AtomicUsize,
    shown: Gauge,
    skipped: Counter,
    stop: CancellationToken,
}

struct State {
    /// Runs and segments are counted from here: no two channels of a host give them one number.
    first: u64,
    runs: u64,
    run: Option<Arc<Run>>,
    /// For those who want HLS; `None`: nobody has asked.
    shelf: Option<Shelf>,
    /// When somebody came or went last.
    touched: Instant,
}

impl Channel {
    pub(super) fn new(
        camera: &str,
        metrics: &Metrics,
        first: u64,
        stop: CancellationToken,
    ) -> Self {
        let edge = Edge { camera: camera.to_owned(), edge: "view" };
        let label = Camera { camera: camera.to_owned() };
        let (runs, touched) = (first, Instant::now());
        let state = State { first, runs, run: None, shelf: None, touched };
        Self {
            state: Mutex::new(state),
            changed: watch::channel(()).0,
            viewers: AtomicUsize::new(0),
            shown: metrics.viewers.get_or_create(&label).clone(),
            skipped: metrics.drops.get_or_create(&edge).clone(),
            stop,
        }
    }

    /// Ends its task, and what viewers see.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Somebody looks.
    pub(super) fn touch(&self) {
        self.with(|state| state.touched = Instant::now());
    }

    pub(super) fn is_idle(&self) -> bool {
        self.viewers.load(Ordering::Acquire) == 0
            && self.with(|state| state.touched.elapsed() >= IDLE)
    }

    /// A viewer, as soon as there is something to see; `None`: the channel has ended.
    pub(super) async fn viewer(self: &Arc<Self>) -> Option<Viewer> {
        // Counted from now on, so that the channel stays.
        let presence = Presence::new(self);
        let found = self.when(|state| {
            let run = state.run.as_ref()?;
            Some((run.clone(), run.start()?))
        });
        let (run, start) = found.await?;
        Some(Viewer::new(run, start, self.skipped.clone(), presence))
    }

    /// The playlist, as soon as there is something in it; `None`: the channel has ended.
    pub(super) async fn playlist(&self, stream: Stream) -> Option<String> {
        self.when(|state| {
            let (run, first) = (state.run.as_ref(), state.first);
            state.shelf.get_or_insert_with(|| Shelf::new(first, run)).playlist(stream)
        })
        .await
    }

    /// The head of that run.
    pub(super) fn head(&self, run: u64) -> Option<Bytes> {
        self.with(|state| state.shelf.as_ref()?.head(run))
    }

    /// The pieces of that segment.
    pub(super) fn segment(&self, number: u64) -> Option<Vec<Bytes>> {
        self.with(|state| state.shelf.as_ref()?.segment(number))
    }

    /// Waits until `look` finds something.
    async fn when<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if let Some(found) = self.with(&mut look) {
                return Some(found);
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                result = changed.changed() => result.ok()?,
            }
        }
    }

    fn say(&self, said: &mut Vec<Said>) {
        if said.is_empty() {
            return;
        }
        self.with(|state| said.drain(..).for_each(|said| state.say(said)));
        self.changed.send_replace(());
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().expect("no panic under this lock"))
    }
}

impl State {
    fn say(&mut self, said: Said) {
        match said {
            Said::Begin(head) => {
                self.runs += 1;
                let run = Arc::new(Run::new(self.runs, head));
                if let Some(shelf) = &mut self.shelf {
                    shelf.begin(&run);
                }
                self.run = Some(run);
            }
            Said::Piece(piece) => {
                if let Some(shelf) = &mut self.shelf {
                    shelf.push(&piece);
                }
                if let Some(run) = &self.run {
                    run.push(piece);
                }
            }
            Said::End => {
                if let Some(shelf) = &mut self.shelf {
                    shelf.end();
                }
                if let Some(run) = self.run.take() {
                    run.end();
                }
            }
        }
    }
}

/// That a viewer is there.
pub(super) struct Presence(Arc<Channel>);

impl Presence {
    fn new(channel: &Arc<Channel>) -> Self {
        channel.viewers.fetch_add(1, Ordering::AcqRel);
        channel.shown.inc();
        Self(channel.clone())
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.shown.dec();
        self.0.touch();
        self.0.viewers.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Multiplies what comes off `tap`, until nobody looks or the channel is stopped.
pub(super) async fn run(
    channel: Arc<Channel>,
    tap: Tap,
    shared: Arc<Shared>,
    key: (String, Stream),
) {
    let mut looks = tokio::time::interval(IDLE_LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut packets = tap.follow();
    let (mut muxer, mut said) = (Muxer::default(), Vec::new());
    loop {
        tokio::select! {
            biased;
            () = channel.stop.cancelled() => break,
            _ = looks.tick() => {
                if shared.forget_idle(&key, &channel) {
                    break;
                }
            }
            item = packets.recv() => match item {
                Some(item) => muxer.take(item, &mut said),
                None => {
                    // The session's end; the next one feeds the same tap.
                    muxer.end(&mut said);
                    packets = tap.follow();
                }
            },
        }
        channel.say(&mut said);
    }
    muxer.end(&mut said);
    channel.say(&mut said);
    channel.stop();
    tap.release();
}
