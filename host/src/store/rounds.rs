//! Sync rounds, as the writer sees them: when one is due, what it takes along, and what its
//! outcome means for each file.
//!
//! A part of the writer's thread. A sync that failed is never tried again.

use std::time::Duration;

use tokio::time::Instant;

use super::index::{edit, failed};
use super::news::News;
use super::recording::{Recording, Stage};
use super::syncer::{Dirty, Round, Synced};
use super::writer::{Key, State};
use crate::base::Error;

/// A round that took long is followed by so many times its length before the next.
const STRETCH: u32 = 2;

impl State {
    /// Starts a round if one is due. Gives how long to wait for letters.
    pub(super) fn sync_when_due(&mut self) -> Option<Duration> {
        if self.syncing || !self.recordings.values().any(Recording::is_dirty) {
            return None;
        }
        let now = Instant::now();
        if now < self.next_round && !self.stopping {
            return Some(self.next_round - now);
        }
        let dirty = |(key, recording): (&Key, &mut Recording)| {
            let file = recording.file.clone().filter(|_| recording.is_dirty())?;
            recording.changed = false;
            Some(Dirty { key: *key, file, written: recording.written })
        };
        let files = self.recordings.iter_mut().filter_map(dirty).collect();
        let round = Round { files, folders: std::mem::take(&mut self.folders) };
        self.syncing = self.writer.rounds.post(round).is_ok();
        self.next_round = now + self.writer.sync_interval;
        None
    }

    pub(super) fn synced(&mut self, synced: Synced) {
        self.syncing = false;
        self.next_round = self.next_round.max(Instant::now() + synced.took * STRETCH);
        let placed = synced.placed.map_err(|error| {
            // Whoever makes a file there next needs them.
            self.folders.extend(synced.folders);
            Error::retry("sync directories of the store").with(error)
        });
        if let Err(error) = &placed {
            self.alarm(error);
        }
        for (key, written, result) in synced.files {
            let Some(recording) = self.recordings.get_mut(&key) else { continue };
            match result {
                Ok(()) if recording.placed || placed.is_ok() => {
                    recording.synced = written;
                    if !std::mem::replace(&mut recording.placed, true) {
                        self.writer.indexer.post_idle(move |c| {
                            edit::opened(c, key.0, key.1).map_err(failed("note an open segment"))
                        });
                    }
                    if let Some(grown) = recording.grown() {
                        // Nobody may be listening.
                        let _ = self.writer.news.send(News::Grown(grown));
                    }
                    self.finish(key);
                }
                Ok(()) => self.cut_to_synced(key),
                Err(error) => {
                    let path = self.writer.place.root.join(&recording.path);
                    let what = format!("sync segment {}", path.display());
                    self.alarm(&Error::retry(what).with(error));
                    self.cut_to_synced(key);
                }
            }
        }
    }

    /// A sync failed: nothing after the last good one is believed, and none is tried again.
    fn cut_to_synced(&mut self, key: Key) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        recording.refuse();
        let cut = recording.cut(if recording.placed { recording.synced } else { 0 });
        self.cut.insert(key, recording.reached());
        match cut {
            Ok(true) => self.record_closed(key),
            Ok(false) => self.discard(key),
            Err(_) => self.leave(key),
        }
    }

    /// After a good sync: goes on if the file is whole.
    fn finish(&mut self, key: Key) {
        let Some(recording) = self.recordings.get(&key) else { return };
        let well = !recording.is_refused() && recording.has_video();
        let whole = recording.synced == recording.written && !recording.changed;
        if whole && recording.stage == Stage::Ending {
            self.record_closed(key);
        }
        if well {
            self.healthy();
        }
    }
}
