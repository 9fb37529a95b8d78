//! Segment, Event, Span -> disk: files, the index, how long things are kept, and what start-up
//! repairs. `DESIGN.md` beside this file says what is promised and in which order things commit.
//!
//! Takes what `record` hands over through its `Sink`, events and spans; gives what lists, pages
//! and plugins ask. Must not know cameras' protocols, codecs or plugins.

pub mod fs;
pub mod layout;
mod mailbox;
mod index;
pub mod ground;
mod known;
mod places;
pub mod edges;
pub mod holds;
pub(crate) mod seal;
pub mod answers;
pub mod pins;
mod settings;
mod news;
mod condition;
mod telling;
mod records;
mod end;
mod leave;
mod recording;
mod writer;
mod refusal;
mod rounds;
mod closed;
mod syncer;
mod writers;
mod sink;
mod recover;
mod running;
mod retain;
mod moves;
mod mover;
mod journal;
mod scrub;
mod survey;
mod account;
mod exchange;
mod rebuild;
pub mod check;
mod opening;
mod merge;
pub mod kept;
mod whereabouts;
pub mod query;
mod facts;
mod find;
mod overview;
mod listing;
pub(crate) mod history;
pub(crate) mod playable;
pub mod footage;
pub mod timeline;
pub mod marks;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
#[cfg(test)]
pub(crate) mod faulty;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;

pub use answers::{Answer, Judge, Page, Policy, Unjudged};
pub use index::events::{EventFilter, NewEvent, Outcome, StoredEvent};
pub use index::{read::StoredGap, row::State};
pub use listing::{FilePage, Listed};
pub use mover::Moved;
pub use news::{
    ClosedSegment, DeletedSegment, Grown, Health, Limit, News, Reason, Room, Told, UntoldSpan,
};
pub use opening::init;
pub use overview::{StoredCamera, StoredFormat};
pub use pins::{Deletion, Extent, Named, Pin, Remained, Why};
pub use places::{MAIN_NAME, PlaceId, PlaceStatus};
pub use query::{Filter, Reader, Recording};
pub use rebuild::{Rebuilt, Remark, rebuild};
pub use records::Records;
pub use recover::{Action, Recovered, Repair};
pub use retain::guard::Guarded;
pub use retain::plan;
pub use retain::sweep::Swept;
pub use settings::{
    CHECK_RATE, CameraSettings, EVENT_KEEP, FreeFloor, Moving, PlaceConfig, Resume, SYNC_INTERVAL,
    StoreConfig,
};
pub use sink::{Backlog, CameraSink};
pub use telling::Mark;
pub use whereabouts::StoredPlace;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{broadcast, oneshot, watch};

use crate::base::clock::Clock;
use crate::base::metrics::Metrics;
use crate::base::{Error, Result, Timestamp};
use crate::policy::Span;
use condition::Condition;
use end::Threads;
use fs::Fs;
use index::thread::Indexer;
use index::{edit, failed, spans};
use journal::drain::{self, Journal};
use leave::Stay;
use mailbox::Mailbox;
use mover::Mover;
use places::{Place, Places};
use retain::age::Age;
use retain::ballast::Ballast;
use retain::load::Cameras;
use retain::sweep::{self, Request, Sweeper};
use sink::Camera;
use writer::Writer;
use writers::Writers;

/// Closed segments that a slow subscriber may be behind; the index has them all.
const CLOSED_QUEUE: usize = 256;
/// Deleted segments that a subscriber may be behind: a sweep may delete thousands at once.
const DELETED_QUEUE: usize = 2048;
/// News that a subscriber may be behind.
const NEWS_QUEUE: usize = 1024;

/// A store that is being written. One per root, machine-wide.
pub struct Store {
    id: String,
    config: StoreConfig,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    indexer: Indexer,
    places: Arc<Places>,
    cameras: Arc<Cameras>,
    writers: Writers,
    requests: Arc<Mailbox<Request>>,
    moves: Arc<Mailbox<mover::Request>>,
    closed: broadcast::Sender<ClosedSegment>,
    deleted: broadcast::Sender<DeletedSegment>,
    news: broadcast::Sender<News>,
    room: watch::Sender<Option<Room>>,
    age: Arc<Age>,
    condition: Condition,
    /// Taken once, by what ends the store; guards nothing else.
    threads: Mutex<Option<Threads>>,
    opened_at: Timestamp,
    /// Cameras that have been asked for: the time away is shown once for each time.
    known: Mutex<BTreeMap<String, Stay>>,
    /// When the host ran last before this.
    alive: Option<Timestamp>,
}

impl Store {
    /// Opens the store at `config.path`, makes it where there is none, repairs what a crash left
    /// behind, and starts its threads. Blocks for as long as that takes.
    ///
    /// # Errors
    /// Refuses a store that is in use, or of a later version; stops when it can't be written.
    pub fn open(
        config: StoreConfig,
        fs: Arc<dyn Fs>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> Result<(Self, Recovered)> {
        let opened = clock.moment();
        let opening::Ready { id, places, locks, connection, recovered, guard, alive } =
            opening::ready(&config, &*fs, opened.1)?;
        let places = Arc::new(places);
        let (condition, cameras) = (Condition::default(), Arc::new(Cameras::default()));
        let ballast = Arc::new(Ballast::of(fs.clone(), places.main(), condition.clone()));
        let relief = ballast.clone();
        let (indexer, index) =
            Indexer::start(connection, metrics.clone(), move || relief.relieve())?;
        let (requests, moves) = (Arc::new(Mailbox::default()), Arc::new(Mailbox::default()));
        let closed = broadcast::Sender::new(CLOSED_QUEUE);
        let deleted = broadcast::Sender::new(DELETED_QUEUE);
        let (news, room) = (broadcast::Sender::new(NEWS_QUEUE), watch::Sender::new(None));
        let age = Arc::new(Age::new(clock.clone(), guard, opened, config.visit));
        let sweeper = Sweeper {
            fs: fs.clone(),
            places: places.clone(),
            cameras: cameras.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            indexer: indexer.clone(),
            ballast,
            deleted: deleted.clone(),
            condition: condition.clone(),
            room: room.clone(),
            age: age.clone(),
            event_keep: config.event_keep,
            visit: config.visit,
        };
        let writer = |place: &Arc<Place>| {
            let door = requests.clone();
            Writer::beside(&sweeper, door, place, (&closed, &news), config.sync_interval)
        };
        let journal = drain::start(Journal::beside(&sweeper, &config.path))?;
        let recorded = places.iter().filter(|place| place.configured);
        let (writers, threads) = Writers::start(recorded.map(writer))?;
        let mover = mover::start(Mover::beside(&sweeper, moves.clone()))?;
        let scrub = scrub::beside(&sweeper, &config, &id, &news)?;
        let sweep = sweep::start(sweeper, requests.clone())?;
        let threads = Threads { writers: threads, sweep, mover, scrub, journal, index, locks };
        let store = Self {
            id,
            config,
            clock,
            metrics,
            indexer,
            places,
            cameras,
            writers,
            requests,
            moves,
            closed,
            deleted,
            news,
            room,
            age,
            condition,
            threads: Mutex::new(Some(threads)),
            opened_at: opened.1,
            known: Mutex::default(),
            alive,
        };
        Ok((store, recovered))
    }

    /// The store's own name (a UUID), which stays when it is moved.
    pub fn store_id(&self) -> &str {
        &self.id
    }

    /// When it was opened, by the clock of then.
    pub fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// Its root directory.
    pub fn path(&self) -> &std::path::Path {
        &self.config.path
    }

    /// A camera's way to the disk, and the sequence of its next segment. The time since the host
    /// last ran, or since the camera left, is shown as a gap of it. Blocks for a commit.
    ///
    /// # Errors
    /// Refuses a name that can't be a directory's, and a place of another store.
    pub fn camera(&self, name: &str, settings: CameraSettings) -> Result<(CameraSink, Resume)> {
        layout::check_camera(name)?;
        let writer = self.writers.of(settings.place).cloned().ok_or_else(|| {
            Error::refuse(format!("camera {name}: nothing is recorded to its store any more"))
        })?;
        let wanted = name.to_owned();
        let away = self.away(name);
        let known = self.indexer.ask_blocking(move |c| {
            let add = || {
                let camera = edit::camera(c, &wanted, settings.keep, settings.size_max)?;
                let gaps = away.map(|away| edit::stopped(c, camera.id, away));
                Ok((camera, gaps.transpose()?.unwrap_or_default()))
            };
            add().map_err(failed("add a camera"))
        })?;
        let (known, gaps) = known;
        for gap in gaps {
            // Nobody may be listening.
            let _ = self.news.send(News::Gap(gap));
        }
        let mut camera = Camera::new(known.id, name, settings, &self.metrics);
        let stay = Stay::Here(camera.watch());
        self.known.lock().expect("no panic under this lock").insert(name.into(), stay);
        let camera = Arc::new(camera);
        self.cameras.add(&camera);
        let sink = CameraSink::new(camera, writer, self.indexer.clone(), self.news.clone());
        let edit::Camera { next_sequence, epoch, end, .. } = known;
        Ok((sink, Resume { next_sequence, epoch, end }))
    }

    /// Stores an event. Durable when this returns; gives its sequence.
    ///
    /// # Errors
    /// When the index can't be written.
    pub async fn event(&self, event: NewEvent) -> Result<u64> {
        self.enter(event).await
    }

    /// As [`event`](Self::event), but on its way when this returns: events have the order of these
    /// calls. Who calls bounds how many are on their way.
    pub fn enter(&self, event: NewEvent) -> impl Future<Output = Result<u64>> + Send + use<> {
        let (sender, stored) = oneshot::channel();
        let insert = move |c: &index::Connection| index::events::insert(c, &event);
        let insert = move |c: &_| insert(c).map_err(failed("store an event"));
        // Who asked may have gone.
        self.indexer.post(insert, move |result| drop(sender.send(result)));
        async { stored.await.map_err(|_| Error::retry("the store has been shut down"))? }
    }

    /// Stores a span, or replaces the one with its id. Durable when this returns.
    ///
    /// # Errors
    /// Refuses a span of an unknown camera, and one that is sealed.
    pub async fn span(&self, span: Span) -> Result<()> {
        let now = self.clock.wall();
        self.indexer.ask(move |c| spans::put(c, &span, now)).await
    }

    /// How many accepted events of each kind a camera had in `[start, end)`.
    ///
    /// # Errors
    /// When the index can't be read.
    pub async fn tally(
        &self,
        camera: &str,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<(String, u32)>> {
        let camera = camera.to_owned();
        self.indexer
            .ask(move |c| {
                index::events::tally(c, &camera, start, end).map_err(failed("count events"))
            })
            .await
    }

    /// The start of the oldest video of a camera, on disk or being written.
    ///
    /// # Errors
    /// When the index can't be read.
    pub async fn earliest(&self, camera: &str) -> Result<Option<Timestamp>> {
        let camera = camera.to_owned();
        self.indexer
            .ask(move |c| {
                index::retain::earliest(c, &camera).map_err(failed("find the oldest video"))
            })
            .await
    }

    /// Whether the disk takes what it is given, and changes of that.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.condition.subscribe()
    }

    /// Deletes now what nothing keeps, rather than within the minute.
    ///
    /// # Errors
    /// When a file can't be deleted, or the index can't be written.
    pub async fn sweep_now(&self) -> Result<Swept> {
        let (sender, receiver) = oneshot::channel();
        let ended = || Error::retry("the store has been shut down");
        self.requests.post(Request::Sweep(sender)).map_err(|_| ended())?;
        receiver.await.map_err(|_| ended())?
    }

    /// Moves now what is old enough, rather than within seconds.
    ///
    /// # Errors
    /// When a segment can't be moved; it stays where it is.
    pub async fn move_now(&self) -> Result<Moved> {
        let (sender, receiver) = oneshot::channel();
        let ended = || Error::retry("the store has been shut down");
        self.moves.post(sender).map_err(|_| ended())?;
        receiver.await.map_err(|_| ended())?
    }

    /// The place of that name, to be recorded to; `main` is the one with the index.
    pub fn place(&self, name: &str) -> Option<PlaceId> {
        self.places.named(name).filter(|place| place.configured).map(|place| place.id)
    }

    /// How each place is.
    pub fn places(&self) -> Vec<PlaceStatus> {
        self.places.iter().map(|place| place.status(&self.condition)).collect()
    }
}
