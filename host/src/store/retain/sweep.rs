//! The thread that deletes: what no hold keeps, and, when room is needed, what is kept least.
//!
//! This file has the thread, and what goes by age; `pressure` has the limits, `deletion` how files
//! go. Decides nothing about holds: `holds` does, inside the claim.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{broadcast, oneshot, watch};
use tokio::time::Instant;

use super::super::condition::{Condition, Task};
use super::super::fs::Fs;
use super::super::index::retain::{self, Ages};
use super::super::index::row::Segment;
use super::super::index::thread::Indexer;
use super::super::index::{events, failed, spans};
use super::super::mailbox::{Mailbox, Taken};
use super::super::news::{DeletedSegment, Reason, Room};
use super::super::places::{Place, PlaceId, Places};
use super::age::Age;
use super::ballast::Ballast;
use super::cursor::Cursors;
use super::guard::Guarded;
use super::intents::Intent;
use super::load::Cameras;
use crate::base::clock::Clock;
use crate::base::metrics::Metrics;
use crate::base::{Error, Result};

/// The limits are looked at so often.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// Age is looked at so often.
const AGE_PERIOD: Duration = Duration::from_secs(60);
/// Rows in one claim, so that events do not wait long behind it.
const CLAIM: u32 = 256;
/// Claims by age between two looks at the limits.
const CLAIMS: usize = 8;

/// What came of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Segments deleted.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl std::ops::AddAssign for Swept {
    fn add_assign(&mut self, other: Self) {
        self.segments += other.segments;
        self.bytes += other.bytes;
    }
}

/// What the thread is asked for.
pub(in super::super) enum Request {
    /// To look at the limits now.
    Look,
    /// A sweep now; told what came of it.
    Sweep(oneshot::Sender<Result<Swept>>),
    /// Segments gone, whatever holds them; told what came of it.
    Delete(Vec<Segment>, oneshot::Sender<Result<Swept>>),
    /// A person says that the clock is right; told what was guarded until then.
    Confirm(oneshot::Sender<Result<Option<Guarded>>>),
}

/// What the thread stands on.
pub(in super::super) struct Sweeper {
    pub(in super::super) fs: Arc<dyn Fs>,
    pub(in super::super) places: Arc<Places>,
    pub(in super::super) cameras: Arc<Cameras>,
    pub(in super::super) clock: Arc<dyn Clock>,
    pub(in super::super) metrics: Metrics,
    pub(in super::super) indexer: Indexer,
    pub(in super::super) ballast: Arc<Ballast>,
    pub(in super::super) deleted: broadcast::Sender<DeletedSegment>,
    pub(in super::super) condition: Condition,
    pub(in super::super) room: watch::Sender<Option<Room>>,
    pub(in super::super) age: Arc<Age>,
    pub(in super::super) event_keep: Duration,
    /// Opened for a person's wish: nothing goes by itself, and time does not pass.
    pub(in super::super) visit: bool,
}

/// Starts the thread. It ends when `requests` is closed.
pub(in super::super) fn start(
    sweeper: Sweeper,
    requests: Arc<Mailbox<Request>>,
) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("sweep".into())
        .spawn(move || run(State::new(&sweeper), &requests))
        .map_err(|error| Error::stop("can't start the sweep thread").with(error))
}

/// The sweeper at work.
pub(in super::super) struct State<'a> {
    pub(in super::super) sweeper: &'a Sweeper,
    next_age: Instant,
    /// A sweep by age has more to do.
    is_behind: bool,
    /// Segments that could not go, and until when they are passed over.
    pub(in super::super) passed: HashMap<i64, Instant>,
    pub(in super::super) cursors: Cursors,
    /// Deletions of which the index does not know yet.
    pub(in super::super) unknown: Vec<Intent>,
    /// Segments of those.
    pub(in super::super) gone: HashSet<i64>,
    /// What was freed in each place since it was measured.
    pub(in super::super) freed: HashMap<PlaceId, u64>,
    /// When a limit was last kept in a way that a person should know of: of each place, and what.
    pub(in super::super) alarmed: HashMap<(PlaceId, Task), Instant>,
    well: bool,
}

fn run(mut state: State<'_>, requests: &Mailbox<Request>) {
    let mut letters = Vec::new();
    loop {
        let wait = if state.is_behind { Duration::ZERO } else { LOOK_PERIOD };
        match requests.take(&mut letters, 1, Some(wait)) {
            Taken::Closed => return,
            Taken::Some => letters.drain(..).for_each(|request| state.answer(request)),
            Taken::Nothing => {}
        }
        state.turn();
    }
}

impl<'a> State<'a> {
    fn new(sweeper: &'a Sweeper) -> Self {
        Self {
            sweeper,
            next_age: Instant::now() + AGE_PERIOD,
            is_behind: false,
            passed: HashMap::new(),
            cursors: Cursors::default(),
            unknown: Vec::new(),
            gone: HashSet::new(),
            freed: HashMap::new(),
            alarmed: HashMap::new(),
            well: true,
        }
    }

    fn answer(&mut self, request: Request) {
        // Who asked may have gone.
        match request {
            Request::Look => {}
            Request::Sweep(done) => drop(done.send(self.sweep_all())),
            Request::Delete(segments, done) => drop(done.send(self.delete_named(segments))),
            Request::Confirm(done) => drop(done.send(self.confirm())),
        }
    }

    fn turn(&mut self) {
        if self.sweeper.visit {
            return;
        }
        let mut result = self.look().map(drop);
        let now = Instant::now();
        if now >= self.next_age || self.is_behind {
            self.next_age = now + AGE_PERIOD;
            let swept = self.sweep_age();
            self.is_behind = matches!(swept, Ok((_, true)));
            result = result.and(swept.map(drop));
        }
        if let Err(error) = &result {
            self.sweeper.metrics.store_errors.inc();
            if self.well {
                tracing::error!(error = error.chain(), "retention does not work");
            }
        }
        self.well = result.is_ok();
    }

    fn confirm(&self) -> Result<Option<Guarded>> {
        let (before, text) = self.sweeper.age.confirm();
        self.sweeper
            .indexer
            .ask_blocking(move |c| retain::set_guard(c, &text).map_err(failed("note the time")))?;
        Ok(before)
    }

    /// The moments by which age is judged now.
    pub(in super::super) fn ages(&self) -> Ages {
        let now = self.sweeper.age.read().guarded;
        Ages { now, events_since: now - self.sweeper.event_keep }
    }

    /// Deletes everything that nothing keeps, and what limits are over.
    fn sweep_all(&mut self) -> Result<Swept> {
        let mut all = Swept::default();
        let aged = loop {
            match self.sweep_age() {
                Ok((swept, more)) => {
                    all += swept;
                    if !more {
                        break Ok(());
                    }
                }
                Err(error) => break Err(error),
            }
        };
        // What age can't do does not keep the limits from being kept.
        if !self.sweeper.visit {
            all += self.look()?;
        }
        aged.map(|()| all)
    }

    /// Deletes what nothing keeps; with more than is done in one go, the second value is true.
    fn sweep_age(&mut self) -> Result<(Swept, bool)> {
        let (ages, indexer) = (self.ages(), &self.sweeper.indexer);
        self.recheck()?;
        let (mut all, mut more) = (Swept::default(), false);
        // What lies on a disk that is not there waits until it is.
        let places: Vec<_> = self.sweeper.places.iter().cloned().collect();
        for place in places.iter().filter(|place| place.check(&*self.sweeper.fs).is_ok()) {
            let (swept, left) = self.sweep_place(place, CLAIMS)?;
            all += swept;
            more |= left;
        }
        let note = (!self.sweeper.visit).then(|| self.sweeper.age.note());
        while indexer.ask_blocking(move |c| {
            let before = ages.events_since;
            let old = events::expire(c, before, CLAIM * 2).map_err(failed("delete events"))?;
            let gaps = retain::expire_gaps(c, before, CLAIM).map_err(failed("delete gaps"))?;
            let spans = spans::expire(c, ages.now, CLAIM).map_err(failed("delete spans"))?;
            Ok(old + gaps + spans > 0)
        })? {}
        if let Some((now, text)) = note {
            indexer.ask_blocking(move |c| {
                let noted = retain::set_alive(c, now).and_then(|()| retain::set_guard(c, &text));
                noted.map_err(failed("note the time"))
            })?;
        }
        Ok((all, more))
    }

    /// Deletes those of `segments` that are still there, whatever holds them but pins. They are
    /// claimed here, so that nothing comes between a claim and who carries it out.
    fn delete_named(&mut self, segments: Vec<Segment>) -> Result<Swept> {
        let claim = |c: &_| retain::claim_all(c, segments).map_err(failed("claim segments"));
        let (claimed, moving) = self.sweeper.indexer.ask_blocking(claim)?;
        let (swept, result) = self.delete(claimed, Reason::Person);
        result?;
        if moving == 0 {
            return Ok(swept);
        }
        Err(Error::retry(format!(
            "{moving} segments are just being moved to another store: ask again in a moment"
        )))
    }

    /// Marks what is to be looked at because what keeps it has changed.
    pub(in super::super) fn recheck(&self) -> Result<()> {
        let some = |c: &_| retain::recheck_some(c).map_err(failed("look at segments again"));
        while self.sweeper.indexer.ask_blocking(some)? {}
        Ok(())
    }

    /// As [`Self::sweep_age`], of one place, in at most so many claims.
    pub(in super::super) fn sweep_place(
        &mut self,
        place: &Place,
        claims: usize,
    ) -> Result<(Swept, bool)> {
        let (id, mut all) = (place.id, Swept::default());
        for _ in 0..claims {
            let ages = self.ages();
            let claim = move |c: &_| retain::claim_due(c, id, ages, CLAIM);
            let claim = move |c: &_| claim(c).map_err(failed("claim segments"));
            let due = self.sweeper.indexer.ask_blocking(claim)?;
            due.lowest.into_iter().for_each(|id| self.cursors.lower(id));
            let (swept, result) = self.delete(due.claimed, Reason::Expired);
            all += swept;
            result?;
            if !due.more {
                return Ok((all, false));
            }
        }
        Ok((all, true))
    }
}
