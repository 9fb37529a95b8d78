//! The thread that moves segments from one place to another when they are old enough.
//!
//! One file at a time: intent (row), copy, proof, row, removal of the source. Waits for the
//! medium and the index, and nothing that records waits for it. How files are copied is in
//! `moves`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::condition::{Condition, Task};
use super::fs::Fs;
use super::index::row::Segment;
use super::index::thread::Indexer;
use super::index::{failed, places as rows};
use super::mailbox::{Mailbox, Taken};
use super::moves::{self, Cleared, Copied};
use super::places::{Place, PlaceId, Places};
use super::retain::age::Age;
use super::retain::load::Cameras;
use super::retain::sweep::Sweeper;
use crate::base::clock::Clock;
use crate::base::metrics::{self, Metrics};
use crate::base::retry::Backoff;
use crate::base::{Error, Result, Timestamp};

/// What is due is looked for so often.
const PERIOD: Duration = Duration::from_secs(10);
/// Room is waited for so long, and made for so many segments at a time.
const ROOM_PERIOD: Duration = Duration::from_secs(1);
const ROOM_SEGMENTS: u32 = 16;
/// After so long it is told that there is none.
const ROOM_PATIENCE: Duration = Duration::from_secs(60);
/// A disk that refuses is asked again after at most so long.
const PATIENCE: Duration = Duration::from_secs(600);

/// What came of moving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Segments that have arrived in another place.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Asks to move now what is due, and is told what came of it.
pub(super) type Request = oneshot::Sender<Result<Moved>>;

/// What the thread stands on.
pub(super) struct Mover {
    pub(super) fs: Arc<dyn Fs>,
    pub(super) places: Arc<Places>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) age: Arc<Age>,
    pub(super) metrics: Metrics,
    pub(super) indexer: Indexer,
    pub(super) condition: Condition,
    pub(super) cameras: Arc<Cameras>,
    pub(super) requests: Arc<Mailbox<Request>>,
}

impl Mover {
    /// One that stands on the same as the sweeper.
    pub(super) fn beside(sweeper: &Sweeper, requests: Arc<Mailbox<Request>>) -> Self {
        Self {
            fs: sweeper.fs.clone(),
            places: sweeper.places.clone(),
            clock: sweeper.clock.clone(),
            age: sweeper.age.clone(),
            metrics: sweeper.metrics.clone(),
            indexer: sweeper.indexer.clone(),
            condition: sweeper.condition.clone(),
            cameras: sweeper.cameras.clone(),
            requests,
        }
    }
}

/// Starts the thread. It ends when the requests are closed.
pub(super) fn start(mover: Mover) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("mover".into())
        .spawn(move || run(&mover))
        .map_err(|error| Error::stop("can't start the mover thread").with(error))
}

fn run(mover: &Mover) {
    let mut state =
        State { mover, passed: BTreeMap::new(), waiting: BTreeMap::new(), coming: BTreeMap::new() };
    let mut backoff = Backoff::new(PERIOD, PATIENCE, 0);
    let mut letters = Vec::new();
    let mut wait = PERIOD;
    loop {
        match mover.requests.take(&mut letters, 1, Some(wait)) {
            Taken::Closed => return,
            Taken::Some => {
                for request in letters.drain(..) {
                    // Who asked may have gone.
                    let _ = request.send(state.pass());
                }
            }
            Taken::Nothing => match state.pass() {
                Ok(_) => {
                    backoff.reset();
                    wait = if state.waiting.is_empty() { PERIOD } else { ROOM_PERIOD };
                }
                Err(_) if !state.waiting.is_empty() => wait = PERIOD,
                Err(_) => wait = backoff.wait(),
            },
        }
    }
}

/// The mover at work.
struct State<'a> {
    mover: &'a Mover,
    /// A segment that can't be moved does not keep those after it: where to go on, by place.
    passed: BTreeMap<PlaceId, Timestamp>,
    /// Since when places wait for room in another, which its sweep makes.
    waiting: BTreeMap<PlaceId, Instant>,
    /// What waits to be moved, in bytes, by where it lies and where it is to go.
    coming: BTreeMap<(PlaceId, PlaceId), u64>,
}

impl State<'_> {
    /// Moves everything that is due, up to the first failure of each place.
    fn pass(&mut self) -> Result<Moved> {
        let mut moved = Moved::default();
        let mut result = self.clear_leftovers();
        for place in self.mover.places.iter().filter(|place| place.moving.is_some()) {
            let before = moved;
            let passed = self.pass_place(place, &mut moved);
            self.tell(place, &passed, before, moved);
            result = result.and(passed);
        }
        result.map(|()| moved)
    }

    fn tell(&self, place: &Place, result: &Result<()>, before: Moved, after: Moved) {
        let store = &place.name;
        if after != before {
            let (segments, bytes) = (after.segments - before.segments, after.bytes - before.bytes);
            tracing::info!(store, segments, bytes, "moved old segments to another store");
        }
        let condition = &self.mover.condition;
        match result {
            Ok(()) if condition.works(place.id, Task::Move) => {
                tracing::info!(store, "old segments move again");
            }
            Ok(()) => {}
            Err(error) => {
                self.mover.metrics.store_errors.inc();
                if condition.fails(place.id, Task::Move, error.chain()) {
                    let error = error.chain();
                    tracing::error!(store, error, "old segments don't move: they stay for now");
                }
            }
        }
    }

    /// Completes what an earlier pass had to leave: a source that somebody read, a copy that
    /// could not be removed.
    fn clear_leftovers(&self) -> Result<()> {
        let mover = self.mover;
        let moving =
            mover.indexer.ask_blocking(|c| rows::moving(c).map_err(failed("look for moves")))?;
        moving.iter().map(|segment| self.clear(segment)).fold(Ok(()), Result::and)
    }

    fn pass_place(&mut self, from: &Place, moved: &mut Moved) -> Result<()> {
        let mover = self.mover;
        let Some((to, age)) = mover.places.target(from) else { return Ok(()) };
        let skipped = self.passed.remove(&from.id);
        let mut after = skipped.unwrap_or(Timestamp::from_micros(i64::MIN));
        loop {
            if mover.requests.is_closed() {
                return Ok(());
            }
            let (id, before) = (from.id, self.now(from) - age);
            let due = mover.indexer.ask_blocking(move |c| {
                rows::oldest(c, id, after, before).map_err(failed("look for old segments"))
            })?;
            let Some(segment) = due else {
                self.ask_for_room(from, to, 0);
                self.waiting.remove(&from.id);
                break;
            };
            from.check(&*mover.fs)?;
            let space = to.measure(&*mover.fs)?;
            // What is being recorded there comes first.
            let reserve = mover.cameras.reserve(to.id).open;
            if !to.gate.fits(space, segment.bytes.saturating_add(reserve)) {
                // Its sweep makes room first.
                let coming = mover.indexer.ask_blocking(move |c| {
                    let bytes = rows::due_bytes(c, id, after, before, ROOM_SEGMENTS);
                    bytes.map_err(failed("look for old segments"))
                })?;
                self.ask_for_room(from, to, coming);
                return self.wait_for_room(from, to);
            }
            self.waiting.remove(&from.id);
            after = segment.start;
            if let Err(error) = self.relocate(from, to, segment, moved) {
                self.passed.insert(from.id, after);
                return Err(error);
            }
        }
        match skipped {
            None => Ok(()),
            Some(_) => Err(Error::retry("segments were left behind: they are tried again")),
        }
    }

    /// The time by which age is judged: a clock that has jumped ahead must not make all of a place
    /// due, for which its target would lose as much. Where a place has no room to wait in, it is
    /// what the clock shows: what does not move would be deleted.
    fn now(&self, from: &Place) -> Timestamp {
        let now = self.mover.age.read();
        if from.is_tight(&self.mover.cameras) { now.wall } else { now.guarded }
    }

    /// Has the sweep of `to` make room for so many bytes from here, beside those from elsewhere.
    fn ask_for_room(&mut self, from: &Place, to: &Place, bytes: u64) {
        self.coming.insert((from.id, to.id), bytes);
        let meant = self.coming.iter().filter(|((_, target), _)| *target == to.id);
        to.gate.set_coming(meant.map(|(_, bytes)| bytes).sum());
    }

    fn wait_for_room(&mut self, from: &Place, to: &Place) -> Result<()> {
        let now = self.mover.clock.moment().0;
        let since = *self.waiting.entry(from.id).or_insert(now);
        if now.saturating_duration_since(since) < ROOM_PATIENCE {
            return Ok(());
        }
        Err(Error::retry(format!(
            "store `{}` has had no room for the old segments of store `{}` for a minute: free space \
             there, or unpin what is not needed",
            to.name, from.name
        )))
    }

    fn relocate(
        &self,
        from: &Place,
        to: &Place,
        segment: Segment,
        moved: &mut Moved,
    ) -> Result<()> {
        let mover = self.mover;
        let (row, target) = (segment.clone(), to.id);
        let leave = move |c: &_| rows::leave(c, &row, target).map_err(failed("begin a move"));
        if !mover.indexer.ask_blocking(leave)? {
            return Ok(());
        }
        let copied = moves::copy(&*mover.fs, from, to, &segment, &|| mover.requests.is_closed());
        let half = Segment { moving: Some(to.id), ..segment.clone() };
        match copied {
            Ok(Copied::Whole) => {}
            Ok(Copied::Stopped) => return self.clear(&half),
            Err(error) => {
                // What can't be removed now is a leftover, and tried again.
                let _ = self.clear(&half);
                return Err(error);
            }
        }
        let row = segment.clone();
        let arrive = move |c: &_| rows::arrive(c, &row, target).map_err(failed("end a move"));
        if !mover.indexer.ask_blocking(arrive)? {
            return self.clear(&half);
        }
        moved.segments += 1;
        moved.bytes += segment.bytes;
        let label = metrics::Place { store: to.name.clone() };
        mover.metrics.moved_segments.get_or_create(&label).inc();
        self.clear(&Segment { place: to.id, moving: Some(from.id), ..segment })
    }

    /// Removes the further copy of a segment, and the note of it.
    fn clear(&self, segment: &Segment) -> Result<()> {
        let (mover, id) = (self.mover, segment.id);
        match moves::clear(&*mover.fs, &mover.places, segment)? {
            Cleared::Held => Ok(()),
            Cleared::Gone => mover
                .indexer
                .ask_blocking(move |c| rows::settle(c, id).map_err(failed("complete a move"))),
        }
    }
}
