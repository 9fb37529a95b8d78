//! Folds the store's news into what is to be told. Never waits for the index.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::deletions::Deletions;
use super::spans::Newest;
use super::stretch::{Change, Continuous};
use super::{Files, Heard, Saying, Voice, room, say};
use crate::base::Timestamp;
use crate::base::clock::Clock;
use crate::store::{ClosedSegment, DeletedSegment, Grown, Guarded, Health, News, Room, Store};

/// How often time alone is looked at.
const TICK: Duration = Duration::from_secs(1);

/// How far back is looked for what was missed: news are not so late.
const MISSED: Duration = Duration::from_secs(300);

/// The folding half.
pub(in crate::pipeline) struct Gather {
    clock: Arc<dyn Clock>,
    voice: Voice,
    files: Files,
    news: broadcast::Receiver<News>,
    deleted: broadcast::Receiver<DeletedSegment>,
    health: watch::Receiver<Health>,
    room: watch::Receiver<Option<Room>>,
    guarded: watch::Receiver<Option<Guarded>>,
    patience: Duration,
    continuous: BTreeMap<String, Continuous>,
    deletions: Deletions,
    deletions_told: u64,
    /// Something held was deleted for want of space since the room was looked at.
    held_went: bool,
    watch: room::Watch,
    low_since: Timestamp,
    full_since: Timestamp,
    failing_since: Option<Timestamp>,
    /// Since when age is guarded, as it was told.
    guarded_since: Option<Timestamp>,
}

impl Gather {
    pub(super) fn new(
        store: &Arc<Store>,
        clock: Arc<dyn Clock>,
        voice: Voice,
        files: Files,
        patience: Duration,
    ) -> Self {
        // What began in an earlier run was told then.
        let guarded = *store.guarded().borrow();
        let is_old = |since: &Timestamp| *since != store.opened_at();
        Self {
            clock,
            voice,
            files,
            news: store.subscribe(),
            deleted: store.subscribe_deleted(),
            health: store.health(),
            room: store.room(),
            guarded: store.guarded(),
            patience,
            continuous: BTreeMap::new(),
            deletions: Deletions::default(),
            deletions_told: 0,
            held_went: false,
            watch: room::Watch::default(),
            low_since: Timestamp::ZERO,
            full_since: Timestamp::ZERO,
            failing_since: None,
            guarded_since: guarded.map(|guarded| guarded.since).filter(is_old),
        }
    }

    /// Gathers until `shutdown`, when all files are closed: then what still runs has stopped.
    pub(in crate::pipeline) async fn run(mut self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                news = self.news.recv() => self.hear(news),
                deleted = self.deleted.recv() => self.hear_deleted(deleted),
                Ok(()) = self.health.changed() => self.look_at_health(),
                _ = ticks.tick() => self.tick(),
                () = shutdown.cancelled() => break,
            }
        }
        self.hear_the_rest();
        for (camera, mut continuous) in std::mem::take(&mut self.continuous) {
            let stopped = continuous.stop("host-ended".into());
            stopped.into_iter().for_each(|change| self.tell(&camera, change));
        }
        self.tell_deletions(true);
    }

    /// News may have come between the look at them and the look at `shutdown`.
    fn hear_the_rest(&mut self) {
        while let Some(news) = rest(&mut self.news) {
            self.hear(news);
        }
        while let Some(deleted) = rest(&mut self.deleted) {
            self.hear_deleted(deleted);
        }
    }

    fn hear(&mut self, news: Result<News, RecvError>) {
        let now = Instant::now();
        match news {
            Ok(News::Grown(grown)) => self.grown(&grown, now),
            Ok(News::Closed(closed)) => self.closed(&closed, now),
            Ok(News::Gap(gap)) => {
                let continuous = self.continuous(&gap.camera);
                let changes = continuous.gap(&gap, now);
                changes.into_iter().for_each(|change| self.tell(&gap.camera, change));
                self.voice.send(Saying::Gap(gap));
            }
            Ok(News::Damaged(finding)) => {
                let camera = finding.camera.clone().unwrap_or_default();
                self.voice.say(&camera, say::damaged(&finding, self.clock.wall()));
            }
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "news of recordings came too fast: looked up in the index");
                self.continuous.values_mut().for_each(Continuous::missed);
                let cameras = self.continuous.keys().cloned().collect();
                let since = self.clock.wall() - MISSED;
                self.voice.send(Saying::CatchUp { cameras, since });
            }
            // The store is gone; shutdown ends this.
            Err(RecvError::Closed) => {}
        }
    }

    fn grown(&mut self, grown: &Grown, now: Instant) {
        {
            let mut files = self.files.lock().expect("no panic under this lock");
            let newest = files.get(&grown.camera).map(|heard| heard.newest.grown.sequence);
            if newest.is_none_or(|sequence| sequence <= grown.sequence) {
                let newest = Newest { grown: grown.clone(), is_open: true, is_fresh: true };
                files.insert(grown.camera.clone(), Heard { newest, at: now });
            }
        }
        let continuous = self.continuous(&grown.camera);
        let changes = continuous.grown(grown, now);
        changes.into_iter().for_each(|change| self.tell(&grown.camera, change));
    }

    fn closed(&mut self, closed: &ClosedSegment, now: Instant) {
        {
            let mut files = self.files.lock().expect("no panic under this lock");
            if let Some(Heard { newest, at }) = files.get_mut(&closed.camera)
                && newest.grown.sequence == closed.sequence
            {
                newest.grown.end = newest.grown.end.max(closed.end);
                newest.is_open = false;
                *at = now;
            }
        }
        let continuous = self.continuous(&closed.camera);
        let changes = continuous.closed(closed, now);
        changes.into_iter().for_each(|change| self.tell(&closed.camera, change));
    }

    fn continuous(&mut self, camera: &str) -> &mut Continuous {
        let patience = self.patience;
        self.continuous.entry(camera.into()).or_insert_with(|| Continuous::new(patience))
    }

    fn tell(&self, camera: &str, change: Change) {
        self.voice.say(camera, say::continuous(camera, change));
    }

    fn hear_deleted(&mut self, deleted: Result<DeletedSegment, RecvError>) {
        match deleted {
            Ok(one) => {
                self.held_went |= one.reason.is_full();
                let full = self.deletions.add(one, Instant::now());
                full.into_iter().for_each(|range| self.tell_deletion(&range));
            }
            Err(RecvError::Lagged(missed)) => {
                let now = self.clock.wall();
                tracing::warn!(missed, "segments were deleted too fast to tell of each");
                self.voice.say("", say::missed_deletions(missed, now));
            }
            Err(RecvError::Closed) => {}
        }
    }

    fn tell_deletions(&mut self, all: bool) {
        let ranges = if all { self.deletions.all() } else { self.deletions.ready(Instant::now()) };
        ranges.iter().for_each(|range| self.tell_deletion(range));
    }

    fn tell_deletion(&mut self, range: &super::deletions::Range) {
        self.deletions_told += 1;
        let event = say::deleted(range, self.clock.wall(), self.deletions_told);
        self.voice.say(&range.camera, event);
    }

    fn look_at_health(&mut self) {
        let health = self.health.borrow_and_update().clone();
        let now = self.clock.wall();
        let begun = match health {
            Health::Good => self.failing_since.take(),
            Health::Failing(_) => Some(*self.failing_since.get_or_insert(now)),
        };
        let event = begun.map(|begun| say::health(&health, begun, now));
        event.into_iter().for_each(|event| self.voice.say("", event));
    }

    fn look_at_guard(&mut self) {
        let (guarded, now) = (*self.guarded.borrow(), self.clock.wall());
        let (told, event) = match (guarded, self.guarded_since) {
            (Some(one), None) => (Some(one.since), say::guarded(Some(&one), one.since, now)),
            (None, Some(since)) => (None, say::guarded(None, since, now)),
            _ => return,
        };
        self.guarded_since = told;
        self.voice.say("", event);
    }

    fn look_at_room(&mut self) {
        let Some(room) = *self.room.borrow() else { return };
        let held_went = std::mem::take(&mut self.held_went);
        let now = self.clock.wall();
        for change in self.watch.observe(room, held_went, Instant::now()) {
            let since = match change {
                room::Change::Low | room::Change::Enough => &mut self.low_since,
                room::Change::Full | room::Change::Free => &mut self.full_since,
            };
            if matches!(change, room::Change::Low | room::Change::Full) {
                *since = now;
            }
            self.voice.say("", say::room(change, room, *since, now));
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        let due: Vec<(String, Change)> = self
            .continuous
            .iter_mut()
            .flat_map(|(camera, one)| {
                one.tick(now).into_iter().map(|change| (camera.clone(), change))
            })
            .collect();
        due.into_iter().for_each(|(camera, change)| self.tell(&camera, change));
        self.tell_deletions(false);
        self.look_at_room();
        self.look_at_guard();
    }
}

/// What a queue still holds, one by one.
fn rest<T: Clone>(queue: &mut broadcast::Receiver<T>) -> Option<Result<T, RecvError>> {
    match queue.try_recv() {
        Ok(one) => Some(Ok(one)),
        Err(TryRecvError::Lagged(missed)) => Some(Err(RecvError::Lagged(missed))),
        Err(TryRecvError::Empty | TryRecvError::Closed) => None,
    }
}
