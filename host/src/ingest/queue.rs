//! The bounded edges out of ingest: to record and to decode.
//!
//! Sending never waits, so a socket is never blocked by a slow stage. What does not fit is dropped
//! in whole groups of pictures, is counted, and is told to the receiver as a [`Gap`]: after such a
//! gap the next video unit is always a key frame. Bounded by bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::packet::{Gap, GapReason, Item};
use crate::base::metrics::{Camera, Edge, Metrics};

/// What gives way when an edge is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest group, up to the next key frame: as much as possible is kept. For the recorder.
    DropOldestGroup,
    /// All before the newest key frame; without one, all, and what comes until the next. For the
    /// decoder, which is better served by a fresh picture.
    SkipToKey,
}

/// What an edge is, for its figures and its bound.
#[derive(Clone, Debug)]
pub struct Options {
    /// The camera's name.
    pub camera: String,
    /// The stage that receives: `record` or `decode`.
    pub edge: &'static str,
    /// The most bytes that wait.
    pub bytes_max: usize,
    /// What gives way.
    pub when_full: WhenFull,
}

/// What people read about a gap that a full edge made.
const OVERLOAD: &str = "the host could not keep up";

/// Makes an edge.
pub fn channel(options: Options, metrics: &Metrics) -> (Sender, Receiver) {
    let label = Edge { camera: options.camera.clone(), edge: options.edge };
    let drops = metrics.drops.get_or_create(&label).clone();
    let gaps = match options.when_full {
        WhenFull::DropOldestGroup => {
            let label = Camera { camera: options.camera.clone() };
            Some(metrics.gaps.get_or_create(&label).clone())
        }
        WhenFull::SkipToKey => None,
    };
    let shared = Arc::new(Shared {
        queue: Mutex::new(Queue::new(options.bytes_max, options.when_full)),
        filled: Notify::new(),
        emptied: Notify::new(),
    });
    let told = None;
    (Sender { shared: shared.clone(), options, drops, gaps, told }, Receiver { shared })
}

struct Shared {
    /// Guards the items that wait and whether the other end is there; never held across an await.
    queue: Mutex<Queue>,
    filled: Notify,
    emptied: Notify,
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Queue) -> T) -> T {
        // Nothing panics under this lock; if it did, the queue would still be in order.
        work(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The end that ingest holds. Dropping it ends the edge once it is empty.
pub struct Sender {
    shared: Arc<Shared>,
    options: Options,
    drops: Counter,
    /// Interruptions of the recording; what the decoder misses is none.
    gaps: Option<Counter>,
    /// When a drop was last written to the log.
    told: Option<Instant>,
}

impl Sender {
    /// Puts `item` at the end, at once. What that displaces is counted and logged.
    pub fn send(&mut self, item: Item) {
        let (dropped, gaps, was_empty) = self.shared.with(|queue| {
            let was_empty = queue.items.is_empty();
            (queue.push(item), std::mem::take(&mut queue.gaps_made), was_empty)
        });
        if was_empty {
            self.shared.filled.notify_one();
        }
        if let Some(counter) = &self.gaps {
            counter.inc_by(gaps);
        }
        if dropped > 0 {
            self.tell(dropped);
        }
    }

    /// The switch of this edge.
    pub fn switch(&self) -> Switch {
        Switch(self.shared.clone())
    }

    /// Waits until half of the bytes have gone. For sources that can wait: files played as fast
    /// as possible.
    pub async fn room(&self) {
        loop {
            let emptied = self.shared.emptied.notified();
            if self.shared.with(|queue| queue.bytes * 2 <= queue.bytes_max || queue.closed) {
                return;
            }
            emptied.await;
        }
    }

    fn tell(&mut self, dropped: u64) {
        const EVERY: Duration = Duration::from_secs(10);
        self.drops.inc_by(dropped);
        let now = Instant::now();
        if self.told.is_none_or(|told| now - told >= EVERY) {
            self.told = Some(now);
            let Options { camera, edge, .. } = &self.options;
            tracing::warn!(camera, edge, total = self.drops.get(), "too slow: units are dropped");
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.shared.with(|queue| queue.closed = true);
        self.shared.filled.notify_one();
    }
}

/// Turns an edge off, which then costs nothing, and on again: what is sent meanwhile goes nowhere.
/// Begins on. Cheap to clone.
#[derive(Clone)]
pub struct Switch(Arc<Shared>);

impl Switch {
    /// On: begins with the next key frame, after a gap. Off: what waits goes.
    pub fn turn(&self, on: bool) {
        self.0.with(|queue| queue.turn(on));
        self.0.filled.notify_one();
        self.0.emptied.notify_one();
    }
}

/// The end that the next stage holds.
pub struct Receiver {
    shared: Arc<Shared>,
}

impl Receiver {
    /// The next item; `None` once the sender is gone and all has been received. May be cancelled
    /// without loss.
    pub async fn recv(&mut self) -> Option<Item> {
        loop {
            let filled = self.shared.filled.notified();
            match self.shared.with(|queue| (queue.pop(), queue.closed)) {
                (Some(item), _) => {
                    self.shared.emptied.notify_one();
                    return Some(item);
                }
                (None, true) => return None,
                (None, false) => filled.await,
            }
        }
    }

    /// The next item if there is one now: empties a batch after [`Receiver::recv`].
    pub fn try_recv(&mut self) -> Option<Item> {
        let item = self.shared.with(Queue::pop);
        if item.is_some() {
            self.shared.emptied.notify_one();
        }
        item
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.with(|queue| queue.closed = true);
        self.shared.emptied.notify_one();
    }
}

/// The items that wait. Pure.
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    bytes_max: usize,
    when_full: WhenFull,
    /// Units were dropped at the end: so is what comes, until a key frame.
    awaits_key: bool,
    /// Gaps that were put in, not yet counted.
    gaps_made: u64,
    /// Nobody wants anything.
    off: bool,
    /// It was turned on, and no key frame has come since: what does not fit is no loss.
    fresh: bool,
    closed: bool,
}

impl Queue {
    fn new(bytes_max: usize, when_full: WhenFull) -> Self {
        let items = VecDeque::new();
        let (bytes, gaps_made) = (0, 0);
        let (awaits_key, off, fresh, closed) = (false, false, false, false);
        Self { items, bytes, bytes_max, when_full, awaits_key, gaps_made, off, fresh, closed }
    }

    fn turn(&mut self, on: bool) {
        if self.off != on {
            return;
        }
        self.off = !on;
        self.items.clear();
        (self.bytes, self.awaits_key, self.fresh) = (0, true, on);
        if on {
            let detail = "nobody wanted to see it".into();
            self.items.push_back(Item::Gap(Gap { reason: GapReason::Overload, detail }));
        }
    }

    /// Gives the number of video units and audio frames that were dropped.
    fn push(&mut self, item: Item) -> u64 {
        if self.closed || self.off {
            return 0;
        }
        match &item {
            Item::Video(unit) if unit.access.is_key() => {
                (self.awaits_key, self.fresh) = (false, false);
            }
            Item::Gap(_) => {
                // One interruption needs one gap: the first says why.
                if !matches!(self.items.back(), Some(Item::Gap(_))) {
                    self.items.push_back(item);
                }
                return 0;
            }
            _ if self.awaits_key => return u64::from(!self.fresh),
            _ => {}
        }
        let mut dropped = 0;
        while self.bytes + cost(&item) > self.bytes_max && !self.items.is_empty() {
            match self.drop_one_group() {
                0 => break,
                units => dropped += units,
            }
        }
        // What was dropped may have been the start of this item's group.
        if dropped > 0 && !is_key(&item) && !self.has_start() {
            self.awaits_key = true;
            return dropped + 1;
        }
        self.bytes += cost(&item);
        self.items.push_back(item);
        dropped
    }

    fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.bytes -= cost(&item);
        Some(item)
    }

    /// Drops from the front up to a key frame or a gap, and leaves a gap there.
    fn drop_one_group(&mut self) -> u64 {
        let later = 1 + usize::from(matches!(self.items.front(), Some(Item::Gap(_))));
        let end = match self.when_full {
            WhenFull::DropOldestGroup => {
                self.items.iter().skip(later).position(starts_anew).map(|at| later + at)
            }
            WhenFull::SkipToKey => self.items.iter().rposition(is_key).filter(|&at| at >= later),
        };
        let end = end.unwrap_or(self.items.len());
        let mut gap = None;
        let mut dropped = 0;
        for item in self.items.drain(..end) {
            match item {
                Item::Gap(first) => gap = gap.or(Some(first)),
                Item::Video(_) | Item::Audio(_) => dropped += 1,
            }
        }
        while let Some(Item::Gap(next)) =
            self.items.pop_front_if(|item| matches!(item, Item::Gap(_)))
        {
            gap = gap.or(Some(next));
        }
        let gap = gap.unwrap_or_else(|| {
            self.gaps_made += 1;
            Gap { reason: GapReason::Overload, detail: OVERLOAD.into() }
        });
        self.items.push_front(Item::Gap(gap));
        self.bytes = self.items.iter().map(cost).sum();
        dropped
    }

    /// A unit that was pushed now would follow a key frame in the queue.
    fn has_start(&self) -> bool {
        let last_gap = self.items.iter().rposition(|item| matches!(item, Item::Gap(_)));
        self.items.iter().skip(last_gap.map_or(0, |at| at + 1)).any(is_key)
    }
}

fn is_key(item: &Item) -> bool {
    matches!(item, Item::Video(unit) if unit.access.is_key())
}

/// Needs nothing that was before it.
fn starts_anew(item: &Item) -> bool {
    is_key(item) || matches!(item, Item::Gap(_))
}

/// Bytes that an item takes, with what surrounds its data. A gap is free: there are never more
/// than there are groups.
pub(super) fn cost(item: &Item) -> usize {
    match item {
        Item::Video(unit) => unit.data.len() + size_of::<Item>(),
        Item::Audio(frame) => frame.data.len() + size_of::<Item>(),
        Item::Gap(_) => 0,
    }
}

#[cfg(test)]
pub(super) mod tests;
