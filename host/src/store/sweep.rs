//! The thread that deletes: what no hold keeps, and, when the disk runs full, what is kept least.
//!
//! Claims rows, unlinks files, removes rows, in that order. Decides nothing about holds: `holds`
//! does, inside the claim.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{broadcast, oneshot, watch};
use tokio::time::Instant;

use super::condition::Condition;
use super::fs::{Fs, Unlinked};
use super::index::retain::{self, Pressure};
use super::index::row::Segment;
use super::index::thread::Indexer;
use super::index::{edit, events, failed, spans};
use super::layout;
use super::mailbox::{Mailbox, Taken};
use super::news::{DeletedSegment, Reason, Room};
use super::places::{Place, Places};
use crate::base::clock::Clock;
use crate::base::metrics::{self, Metrics};
use crate::base::{Error, Result, Timestamp};

/// The floor is compared with the free space so often.
const FLOOR_PERIOD: Duration = Duration::from_secs(1);
/// Age is looked at so often.
const AGE_PERIOD: Duration = Duration::from_secs(60);
/// Rows in one claim, so that events do not wait long behind it.
const CLAIM: u32 = 64;
/// Claims under pressure before the free space is measured again.
const ROUNDS: usize = 64;

/// A segment that somebody reads is looked at again after so long.
const HELD: Duration = Duration::from_secs(60);

/// What came of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Segments deleted.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// What the thread is asked for.
pub(super) enum Request {
    /// A sweep now; told what came of it.
    Sweep(oneshot::Sender<Result<Swept>>),
    /// The files of claimed segments gone.
    Delete { claimed: Vec<Segment>, reason: Reason, done: oneshot::Sender<Result<Swept>> },
}

/// What the thread stands on.
pub(super) struct Sweeper {
    pub(super) fs: Arc<dyn Fs>,
    pub(super) places: Arc<Places>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    pub(super) indexer: Indexer,
    pub(super) deleted: broadcast::Sender<DeletedSegment>,
    pub(super) condition: Condition,
    pub(super) room: watch::Sender<Option<Room>>,
    pub(super) event_keep: Duration,
}

/// Starts the thread. It ends when `requests` is closed.
pub(super) fn start(sweeper: Sweeper, requests: Arc<Mailbox<Request>>) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("sweep".into())
        .spawn(move || run(&sweeper, &requests))
        .map_err(|error| Error::stop("can't start the sweep thread").with(error))
}

fn run(sweeper: &Sweeper, requests: &Mailbox<Request>) {
    let mut letters = Vec::new();
    let mut next_age = Instant::now() + AGE_PERIOD;
    let mut well = true;
    loop {
        match requests.take(&mut letters, 1, Some(FLOOR_PERIOD)) {
            Taken::Closed => return,
            Taken::Some => {
                for request in letters.drain(..) {
                    // Who asked may have gone.
                    let _ = match request {
                        Request::Sweep(done) => done.send(sweeper.sweep()),
                        Request::Delete { claimed, reason, done } => {
                            let mut swept = Swept::default();
                            let result = sweeper.delete(claimed, reason, &mut swept);
                            done.send(result.map(|()| swept))
                        }
                    };
                }
            }
            Taken::Nothing => {}
        }
        let Sweeper { fs, places, indexer, condition, metrics, .. } = sweeper;
        let looked = places.look(&**fs, indexer, condition, metrics);
        let mut result = looked.and(sweeper.keep_floors());
        if Instant::now() >= next_age {
            next_age = Instant::now() + AGE_PERIOD;
            result = result.and(sweeper.sweep().map(drop));
        }
        if let Err(error) = &result {
            sweeper.metrics.store_errors.inc();
            if well {
                tracing::error!(error = error.chain(), "retention does not work");
            }
        }
        well = result.is_ok();
    }
}

impl Sweeper {
    /// Deletes everything that nothing keeps.
    fn sweep(&self) -> Result<Swept> {
        let now = self.clock.wall();
        let before = now - self.event_keep;
        let mut swept = Swept::default();
        // What lies on a disk that is not there waits until it is.
        for place in self.places.iter().filter(|place| place.check(&*self.fs).is_ok()) {
            self.sweep_place(place, now, &mut swept)?;
        }
        while self.indexer.ask_blocking(move |c| {
            let old = events::expire(c, before, CLAIM * 8).map_err(failed("delete events"))?;
            let gaps = retain::expire_gaps(c, before, CLAIM).map_err(failed("delete gaps"))?;
            let spans = spans::expire(c, now, CLAIM).map_err(failed("delete spans"))?;
            retain::set_alive(c, now).map_err(failed("note the time"))?;
            Ok(old + gaps + spans > 0)
        })? {}
        Ok(swept)
    }

    fn sweep_place(&self, place: &Place, now: Timestamp, swept: &mut Swept) -> Result<()> {
        let (id, before) = (place.id, now - self.event_keep);
        loop {
            let claim = move |c: &_| retain::claim_due(c, id, now, before, CLAIM);
            let (claimed, more) =
                self.indexer.ask_blocking(move |c| claim(c).map_err(failed("claim segments")))?;
            self.delete(claimed, Reason::Expired, swept)?;
            if !more {
                return Ok(());
            }
        }
    }

    fn keep_floors(&self) -> Result<()> {
        let above = |room: &Room| i128::from(room.free) - i128::from(room.floor);
        let tightest = self.places.iter().filter_map(|place| place.room()).min_by_key(above);
        self.room.send_replace(tightest);
        // A place that fails does not keep the others from their floors.
        self.places.iter().map(|place| self.keep_floor(place)).fold(Ok(()), Result::and)
    }

    /// Deletes until the floor is free again, or nothing is left to delete.
    fn keep_floor(&self, place: &Place) -> Result<()> {
        let mut lacking = self.lacking(place)?;
        if lacking == 0 {
            return Ok(());
        }
        self.sweep_place(place, self.clock.wall(), &mut Swept::default())?;
        for (pressure, reason) in
            [(Pressure::Continuous, Reason::FullContinuous), (Pressure::Spans, Reason::FullSpan)]
        {
            for _ in 0..ROUNDS {
                lacking = self.lacking(place)?;
                if lacking == 0 {
                    return Ok(());
                }
                let (id, now) = (place.id, self.clock.wall());
                let claimed = self.indexer.ask_blocking(move |c| {
                    retain::claim_oldest(c, id, now, pressure, lacking)
                        .map_err(failed("claim segments"))
                })?;
                if claimed.is_empty() {
                    break;
                }
                self.delete(claimed, reason, &mut Swept::default())?;
            }
        }
        Err(Error::retry(format!(
            "store {}: {lacking} bytes under its free-space floor with nothing left to delete: \
             free space, or lower the floor",
            place.root.display()
        )))
    }

    /// How many bytes the floor lacks.
    fn lacking(&self, place: &Place) -> Result<u64> {
        let space = place.measure(&*self.fs)?;
        Ok(place.floor.bytes(space).saturating_sub(space.free))
    }

    fn delete(&self, claimed: Vec<Segment>, reason: Reason, swept: &mut Swept) -> Result<()> {
        let mut gone = Vec::with_capacity(claimed.len());
        let mut held = Vec::new();
        let mut failure = None;
        let mut counts: HashMap<&str, (u64, u64)> = HashMap::new();
        let mut files = Vec::new();
        for segment in &claimed {
            let place = self.places.get(segment.place)?;
            let file = layout::segment(&segment.camera, segment.start, segment.sequence);
            let failed =
                |error| Error::retry(format!("delete segment {}", file.display())).with(error);
            let unlinked = match self.fs.unlink_unless_held(&place.root.join(&file)) {
                // It is not gone if its disk is.
                Ok(Unlinked::NotThere) => place.check(&*self.fs).map(|()| Unlinked::NotThere),
                unlinked => unlinked.map_err(failed),
            };
            match unlinked {
                Ok(Unlinked::Gone | Unlinked::NotThere) => {}
                Ok(Unlinked::Held) => {
                    held.push(segment.id);
                    continue;
                }
                Err(error) => {
                    // The claim stands: the next start completes it.
                    failure = Some(error);
                    continue;
                }
            }
            files.push((place.root.clone(), file));
            gone.push(segment.id);
            swept.segments += 1;
            swept.bytes += segment.bytes;
            let count = counts.entry(&segment.camera).or_default();
            *count = (count.0 + 1, count.1 + segment.bytes);
            self.announce(segment, reason);
        }
        for (camera, (segments, bytes)) in counts {
            tracing::info!(camera, segments, bytes, %reason, "deleted");
        }
        if let Err(error) = self.settle(&files) {
            // A power cut could bring the files back: their rows stay, claimed.
            failure = Some(Error::retry("sync directories after deleting").with(error));
            gone.clear();
        }
        let again = self.clock.wall() + HELD;
        self.indexer.ask_blocking(move |c| {
            gone.iter()
                .try_for_each(|id| edit::remove(c, *id))
                .map_err(failed("forget segments"))?;
            held.iter()
                .try_for_each(|id| retain::release(c, *id, again))
                .map_err(failed("keep segments that are being read"))
        })?;
        failure.map_or(Ok(()), Err)
    }

    /// Brings to the medium that `files`, each with the root of its place, are gone; then removes
    /// the directories that they left empty.
    fn settle(&self, files: &[(PathBuf, PathBuf)]) -> std::io::Result<()> {
        let parent = |(root, file): &(PathBuf, PathBuf)| Some(root.join(file.parent()?));
        for folder in files.iter().filter_map(parent).collect::<BTreeSet<_>>() {
            match self.fs.sync_dir(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        for (root, file) in files {
            layout::remove_empty_parents(&*self.fs, root, file);
        }
        Ok(())
    }

    fn announce(&self, segment: &Segment, reason: Reason) {
        let label = metrics::Camera { camera: segment.camera.clone() };
        self.metrics.deleted_segments.get_or_create(&label).inc();
        // Nobody may be listening.
        let _ = self.deleted.send(DeletedSegment {
            camera: segment.camera.clone(),
            sequence: segment.sequence,
            start: segment.start,
            end: segment.end,
            bytes: segment.bytes,
            reason,
        });
    }
}
