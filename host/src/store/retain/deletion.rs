//! How files go: unlinked after the claim, their row after them.
//!
//! A part of the sweep thread. A file that is being read, or that the disk does not let go of, is
//! given back to those that may go, and passed over for a while.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use super::super::condition::Task;
use super::super::fs::Unlinked;
use super::super::index::row::Segment;
use super::super::index::{edit, failed, retain};
use super::super::layout;
use super::super::news::{DeletedSegment, Reason};
use super::super::places::PlaceId;
use super::intents::{self, Intent};
use super::sweep::{State, Swept};
use crate::base::metrics;
use crate::base::{Error, Result};

/// A segment that could not go is looked at again after so long.
const AGAIN: Duration = Duration::from_secs(60);

/// What became of files that were to go.
#[derive(Default)]
struct Outcome {
    swept: Swept,
    gone: Vec<Segment>,
    /// Still there: being read, or not to be removed.
    left: Vec<i64>,
    /// The root of its place, and the path below it.
    files: Vec<(PathBuf, PathBuf)>,
    failure: Option<(PlaceId, Error)>,
}

impl State<'_> {
    /// Deletes claimed segments. What can't be deleted is no more claimed.
    pub(in super::super) fn delete(
        &mut self,
        claimed: Vec<Segment>,
        reason: Reason,
    ) -> (Swept, Result<()>) {
        if claimed.is_empty() {
            return (Swept::default(), Ok(()));
        }
        let mut outcome = Outcome::default();
        for segment in claimed {
            self.unlink(segment, reason, &mut outcome);
        }
        self.tell(&outcome, reason);
        let Outcome { swept, gone, left, files, failure } = outcome;
        let settled = self.settle(&files).map_err(|error| {
            // A power cut could bring the files back: their rows stay, claimed.
            Error::retry("sync directories after deleting").with(error)
        });
        let gone = if settled.is_ok() { gone } else { Vec::new() };
        let intents: Vec<Intent> = gone.iter().map(Intent::of).collect();
        let again = self.ages().now + AGAIN;
        let known = self.sweeper.indexer.ask_blocking(move |c| {
            gone.iter()
                .try_for_each(|segment| edit::remove(c, segment.id))
                .map_err(failed("forget segments"))?;
            left.iter()
                .try_for_each(|id| retain::release(c, *id, again))
                .map_err(failed("keep segments that could not go"))
        });
        if known.is_err() {
            // They are claimed, so that a start completes it; the index may take it before.
            self.unknown.extend(intents);
        }
        (swept, failure.map_or(Ok(()), |(_, error)| Err(error)).and(settled).and(known))
    }

    /// Deletes segments that could not be claimed, because the index takes nothing: the file goes
    /// first, the row when it can.
    pub(in super::super) fn delete_unclaimed(
        &mut self,
        chosen: Vec<Segment>,
        reason: Reason,
    ) -> (Swept, Result<()>) {
        let mut outcome = Outcome::default();
        let (fs, root) = (&self.sweeper.fs, &self.sweeper.places.main().root);
        for segment in chosen {
            let (id, intent) = (segment.id, Intent::of(&segment));
            let noted = intents::append(&**fs, root, &intent).is_ok();
            let before = outcome.gone.len();
            self.unlink(segment, reason, &mut outcome);
            if outcome.gone.len() > before {
                if !noted {
                    // The first file that goes makes room for the line; if even that fails, the
                    // row is found by a check.
                    let _ = intents::append(&**fs, root, &intent);
                }
                self.unknown.push(intent);
                self.gone.insert(id);
            }
        }
        if self.unknown.is_empty() {
            // Nothing went: the lines must not be taken for done by a later start.
            let _ = intents::clear(&**fs, root);
        }
        self.tell(&outcome, reason);
        let settled = self.settle(&outcome.files);
        let settled = settled.map_err(|error| Error::retry("sync directories").with(error));
        let failure = outcome.failure.map_or(Ok(()), |(_, error)| Err(error));
        (outcome.swept, failure.and(settled))
    }

    /// Tells the index of deletions that it could not take down, as soon as it can.
    pub(in super::super) fn reconcile(&mut self) {
        if self.unknown.is_empty() {
            return;
        }
        let known = self.unknown.clone();
        let sweeper = self.sweeper;
        if sweeper.indexer.ask_blocking(move |c| intents::forget(c, &known)).is_ok() {
            self.unknown.clear();
            self.gone.clear();
            // What stays there is read at the next start, and finds no rows.
            let _ = intents::clear(&*sweeper.fs, &sweeper.places.main().root);
        }
    }

    fn unlink(&mut self, segment: Segment, reason: Reason, outcome: &mut Outcome) {
        let (fs, file) =
            (&self.sweeper.fs, layout::segment(&segment.camera, segment.start, segment.sequence));
        let unlinked = self.sweeper.places.get(segment.place).and_then(|place| {
            match fs.unlink_unless_held(&place.root.join(&file)) {
                // It is not gone if its disk is.
                Ok(Unlinked::NotThere) => place.check(&**fs).map(|()| (place, Unlinked::NotThere)),
                Ok(unlinked) => Ok((place, unlinked)),
                Err(error) => {
                    Err(Error::retry(format!("delete segment {}", file.display())).with(error))
                }
            }
        });
        match unlinked {
            Ok((place, Unlinked::Gone | Unlinked::NotThere)) => {
                outcome.files.push((place.root.clone(), file));
                outcome.swept += Swept { segments: 1, bytes: segment.bytes };
                *self.freed.entry(segment.place).or_default() += segment.bytes;
                self.announce(&segment, reason);
                outcome.gone.push(segment);
                return;
            }
            Ok((_, Unlinked::Held)) => {}
            Err(error) => outcome.failure = Some((segment.place, error)),
        }
        self.passed.insert(segment.id, self.sweeper.clock.moment().0 + AGAIN);
        outcome.left.push(segment.id);
    }

    fn tell(&self, outcome: &Outcome, reason: Reason) {
        let mut counts: HashMap<&str, (u64, u64)> = HashMap::new();
        for segment in &outcome.gone {
            let count = counts.entry(&segment.camera).or_default();
            *count = (count.0 + 1, count.1 + segment.bytes);
        }
        for (camera, (segments, bytes)) in counts {
            tracing::info!(camera, segments, bytes, %reason, "deleted");
        }
        let condition = &self.sweeper.condition;
        for place in outcome.gone.iter().map(|segment| segment.place).collect::<BTreeSet<_>>() {
            condition.works(place, Task::Release);
        }
        if let Some((place, error)) = &outcome.failure {
            condition.fails(*place, Task::Release, error.chain());
        }
    }

    /// Brings to the medium that `files`, each with the root of its place, are gone; then removes
    /// the directories that they left empty.
    fn settle(&self, files: &[(PathBuf, PathBuf)]) -> std::io::Result<()> {
        let fs = &self.sweeper.fs;
        let parent = |(root, file): &(PathBuf, PathBuf)| Some(root.join(file.parent()?));
        for folder in files.iter().filter_map(parent).collect::<BTreeSet<_>>() {
            match fs.sync_dir(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        for (root, file) in files {
            layout::remove_empty_parents(&**fs, root, file);
        }
        Ok(())
    }

    fn announce(&self, segment: &Segment, reason: Reason) {
        let label = metrics::Camera { camera: segment.camera.clone() };
        self.sweeper.metrics.deleted_segments.get_or_create(&label).inc();
        // Nobody may be listening.
        let _ = self.sweeper.deleted.send(DeletedSegment {
            camera: segment.camera.clone(),
            sequence: segment.sequence,
            start: segment.start,
            end: segment.end,
            bytes: segment.bytes,
            reason,
        });
    }
}
