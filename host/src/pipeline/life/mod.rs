//! Signs of life: what happens to recordings and store becomes events (`recording.*`, `store.*`).
//!
//! Takes the store's news, which nobody waits to give, and gives events to the bus, which stores
//! them and shows them to no policy. [`Gather`] folds news and never waits; [`Teller`] waits for
//! the index. Spans are told from the index alone, each step with a mark in its row, so that
//! neither a lag nor a restart loses or doubles one.

mod deletions;
mod gather;
mod room;
mod say;
mod spans;
mod stretch;
mod teller;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::mpsc;

use crate::base::Timestamp;
use crate::base::clock::Clock;
use crate::events::{Bus, Event};
use crate::store::{Action, DeletedSegment, Recovered, Store, StoredGap};
use deletions::Deletions;
use gather::Gather;
use spans::Newest;
use teller::Teller;

/// What waits to be told. A flood beyond it is counted, not kept.
const QUEUE: usize = 1024;

/// What is to be told.
enum Saying {
    /// An event of a camera, or of the host as a whole.
    Event { camera: String, event: Event },
    /// A gap began or ended.
    Gap(StoredGap),
    /// News of these cameras were missed, from this time on.
    CatchUp { cameras: Vec<String>, since: Timestamp },
}

/// The newest file of each camera; guards nothing else.
type Files = Arc<Mutex<BTreeMap<String, Heard>>>;

/// A file that was heard of.
#[derive(Clone)]
struct Heard {
    newest: Newest,
    /// When it last grew.
    at: tokio::time::Instant,
}

/// The way to tell something without waiting.
#[derive(Clone)]
pub(super) struct Voice(mpsc::Sender<Saying>);

impl Voice {
    /// Tells an event. When too many wait already it is dropped with a log line.
    pub(super) fn say(&self, camera: &str, event: Event) {
        self.send(Saying::Event { camera: camera.into(), event });
    }

    fn send(&self, saying: Saying) {
        if let Err(mpsc::error::TrySendError::Full(saying)) = self.0.try_send(saying) {
            let what = match saying {
                Saying::Event { event, .. } => event.kind,
                Saying::Gap(_) => "recording.gap".into(),
                Saying::CatchUp { .. } => "what was missed".into(),
            };
            tracing::warn!(what, "too many signs of life wait for the index: dropped");
        }
    }
}

/// Both halves, and a voice for others. To be made before the first camera is added to the store.
/// Without anything on the disk for `patience`, nothing is on its way.
pub(super) fn signs(
    store: &Arc<Store>,
    bus: &Bus,
    clock: &Arc<dyn Clock>,
    recovered: &Recovered,
    patience: Duration,
) -> (Gather, Teller, Voice) {
    let (sender, queue) = mpsc::channel(QUEUE);
    let voice = Voice(sender);
    let now = clock.wall();
    let completed = recovered.repairs.iter().filter(|repair| repair.action == Action::Deleted);
    completed.for_each(|repair| voice.say(&repair.camera, say::completed(repair, now)));
    let files = Files::default();
    let gather = Gather::new(store, clock.clone(), voice.clone(), files.clone(), patience);
    let teller = Teller::new(store.clone(), bus.clone(), clock.clone(), queue, files);
    (gather, teller, voice)
}

/// The events of deletions that were made without a host, with their cameras.
pub(crate) fn deletion_events(
    deleted: &mut Receiver<DeletedSegment>,
    now: Timestamp,
) -> Vec<(String, Event)> {
    let (mut deletions, mut ranges, mut missed) = (Deletions::default(), Vec::new(), 0);
    loop {
        match deleted.try_recv() {
            Ok(one) => ranges.extend(deletions.add(one, tokio::time::Instant::now())),
            Err(TryRecvError::Lagged(more)) => missed += more,
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    ranges.extend(deletions.all());
    let told = ranges.into_iter().zip(1..);
    let told = told.map(|(range, number)| {
        let event = say::deleted(&range, now, number);
        (range.camera, event)
    });
    let missed = (missed > 0).then(|| (String::new(), say::missed_deletions(missed, now)));
    told.chain(missed).collect()
}

#[cfg(test)]
impl Voice {
    /// A voice, and what hears its events.
    pub(super) fn listened() -> (Self, Listener) {
        let (sender, queue) = mpsc::channel(QUEUE);
        (Self(sender), Listener(queue))
    }
}

/// Hears a voice, in place of the index.
#[cfg(test)]
pub(super) struct Listener(mpsc::Receiver<Saying>);

#[cfg(test)]
impl Listener {
    /// The next event.
    pub(super) async fn recv(&mut self) -> Option<Event> {
        match self.0.recv().await? {
            Saying::Event { event, .. } => Some(event),
            Saying::Gap(gap) => panic!("{gap:?}"),
            Saying::CatchUp { .. } => panic!("nothing was missed"),
        }
    }
}
