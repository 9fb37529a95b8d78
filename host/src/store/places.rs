//! The places where a store's files lie: the one with the index, and others on disks of their own.
//!
//! Takes what the configuration and the index say of them; gives paths, and whether a place is
//! really there: each has a marker file, so that an empty mount point, which belongs to the
//! system's disk, is never taken for it. Must not know what is in the files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::condition::{Condition, Task};
use super::fs::{Fs, Lock, Space};
use super::ground::{self, Use};
use super::index::thread::Indexer;
use super::index::{Connection, failed, places as rows};
use super::layout;
use super::news::Room;
use super::retain::gate::Gate;
use super::retain::load::Cameras;
use super::settings::{FreeFloor, Moving, PlaceConfig, StoreConfig};
use super::whereabouts;
use crate::base::metrics::{self, Metrics};
use crate::base::{Error, Result};

/// A place's number in the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceId(pub(super) i64);

impl PlaceId {
    /// The place that holds the index.
    pub const MAIN: Self = Self(0);
}

/// The name of the place that holds the index.
pub const MAIN_NAME: &str = "main";

/// A place while the store is open.
pub(super) struct Place {
    pub(super) id: PlaceId,
    /// As configured.
    pub(super) name: String,
    /// Its root directory, absolute.
    pub(super) root: PathBuf,
    /// What its marker must say.
    uuid: String,
    /// The least free space of its filesystem.
    pub(super) floor: FreeFloor,
    /// The most bytes of recordings that lie there.
    pub(super) size_max: Option<u64>,
    /// Nothing is written below the floor.
    pub(super) gate: Gate,
    /// Where its segments move to when they are so old.
    pub(super) moving: Option<Moving>,
    /// Nothing new is recorded to a place that is only remembered.
    pub(super) configured: bool,
    /// As measured last; both 0 before the first time.
    free: AtomicU64,
    total: AtomicU64,
    /// Of the segments that lie there, as the index said last.
    bytes: AtomicU64,
}

/// How a place is.
#[derive(Clone, Debug)]
pub struct PlaceStatus {
    /// As configured; `main` is the one with the index.
    pub name: String,
    /// Its root directory.
    pub path: PathBuf,
    /// Free on its filesystem; `None` when that can't be measured.
    pub free_bytes: Option<u64>,
    /// Size of the segments that lie there.
    pub bytes: u64,
    /// For people: what is wrong with it.
    pub trouble: Option<String>,
}

impl Place {
    /// Whether its disk is there.
    ///
    /// # Errors
    /// When its marker can't be read, or is another's.
    pub(super) fn check(&self, fs: &dyn Fs) -> Result<()> {
        whereabouts::check(fs, &self.name, &self.root, &self.uuid)
    }

    /// Measures its filesystem.
    ///
    /// # Errors
    /// When it is not there, or does not say.
    pub(super) fn measure(&self, fs: &dyn Fs) -> Result<Space> {
        self.check(fs)?;
        let space = self.space(fs)?;
        self.free.store(space.free, Ordering::Relaxed);
        self.total.store(space.total, Ordering::Relaxed);
        Ok(space)
    }

    pub(super) fn space(&self, fs: &dyn Fs) -> Result<Space> {
        fs.space(&self.root).map_err(|error| {
            Error::retry(format!("measure free space of {}", self.root.display())).with(error)
        })
    }

    /// Its filesystem as measured last; `None` where it is not there.
    pub(super) fn space_seen(&self) -> Option<Space> {
        let total = self.total.load(Ordering::Relaxed);
        (total > 0).then(|| Space { free: self.free.load(Ordering::Relaxed), total })
    }

    /// The room above its floor, as measured last; `None` where it has no floor, or is not there.
    pub(super) fn room(&self) -> Option<Room> {
        let space = self.space_seen()?;
        let (floor, is_shut) = (self.floor.bytes(space), self.gate.is_shut());
        let room = Room { free: space.free, floor, is_shut };
        (room.floor > 0).then_some(room)
    }

    /// Whether one file more of each camera that records there would bring it to its floor or over
    /// its size, as measured last.
    pub(super) fn is_tight(&self, cameras: &Cameras) -> bool {
        let reserve = cameras.reserve(self.id);
        let soon = reserve.open.saturating_add(reserve.files);
        let near_floor = self.space_seen().is_some_and(|space| {
            let also = soon.max(self.gate.margin(space)).saturating_add(self.gate.coming());
            space.free < self.floor.bytes(space).saturating_add(also)
        });
        let here = self.bytes.load(Ordering::Relaxed).saturating_add(cameras.of_place(self.id));
        near_floor || self.size_max.is_some_and(|most| here.saturating_add(soon) > most)
    }

    pub(super) fn status(&self, condition: &Condition) -> PlaceStatus {
        let measured = self.total.load(Ordering::Relaxed) > 0;
        PlaceStatus {
            name: self.name.clone(),
            path: self.root.clone(),
            free_bytes: measured.then(|| self.free.load(Ordering::Relaxed)),
            bytes: self.bytes.load(Ordering::Relaxed),
            trouble: condition.trouble(self.id),
        }
    }

    /// Measures it, for [`Self::status`], the metrics and the log.
    fn look(&self, fs: &dyn Fs, condition: &Condition, metrics: &Metrics) {
        let label = metrics::Place { store: self.name.clone() };
        let gauge = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let stored = gauge(self.bytes.load(Ordering::Relaxed));
        metrics.stored_bytes.get_or_create(&label).set(stored);
        match self.measure(fs) {
            Ok(space) => {
                metrics.free_bytes.get_or_create(&label).set(gauge(space.free));
                if condition.works(self.id, Task::Stand) {
                    tracing::info!(store = self.name, "store is there again");
                }
            }
            Err(error) => {
                self.total.store(0, Ordering::Relaxed);
                metrics.free_bytes.remove(&label);
                // One that is only remembered was named at the start.
                if self.configured && condition.fails(self.id, Task::Stand, error.chain()) {
                    tracing::error!(store = self.name, error = error.chain(), "store is gone");
                }
            }
        }
    }
}

/// All places of an open store: the main one first, then those configured, then those that only
/// hold what was recorded there before.
pub(super) struct Places(Vec<Arc<Place>>);

impl Places {
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Arc<Place>> {
        self.0.iter()
    }

    /// The one with the index.
    pub(super) fn main(&self) -> &Arc<Place> {
        self.0.first().expect("the main place is the first")
    }

    pub(super) fn named(&self, name: &str) -> Option<&Arc<Place>> {
        self.iter().find(|place| place.name == name)
    }

    /// The place of a row.
    ///
    /// # Errors
    /// When the index holds a number that it does not explain.
    pub(super) fn get(&self, id: PlaceId) -> Result<&Arc<Place>> {
        self.iter().find(|place| place.id == id).ok_or_else(|| {
            Error::bug(format!("the index names place {} and does not know it", id.0))
        })
    }

    /// Measures all of them.
    ///
    /// # Errors
    /// When the index can't be read.
    pub(super) fn look(
        &self,
        fs: &dyn Fs,
        indexer: &Indexer,
        condition: &Condition,
        metrics: &Metrics,
    ) -> Result<()> {
        let known = indexer.ask_blocking(|c| rows::all(c).map_err(failed("list places")));
        self.note_bytes(known.as_deref().unwrap_or_default());
        for place in self.iter() {
            place.look(fs, condition, metrics);
        }
        known.map(drop)
    }

    fn note_bytes(&self, known: &[rows::Known]) {
        for known in known {
            if let Ok(place) = self.get(known.id) {
                place.bytes.store(known.bytes, Ordering::Relaxed);
            }
        }
    }

    /// Where segments of a place move to, and how old they are then.
    pub(super) fn target(&self, from: &Place) -> Option<(&Arc<Place>, Duration)> {
        let moving = from.moving.as_ref()?;
        Some((self.named(&moving.to)?, moving.after))
    }

    /// Finds, makes and locks the places of a store whose main one is locked and has the name
    /// `store`. Gives the locks too.
    ///
    /// # Errors
    /// Refuses a place that was there before and is not now, and one of another store.
    pub(super) fn open(
        fs: &dyn Fs,
        config: &StoreConfig,
        store: &str,
        connection: &Connection,
    ) -> Result<(Self, Vec<Lock>)> {
        let main = PlaceConfig {
            name: MAIN_NAME.into(),
            path: config.path.clone(),
            free_floor: config.free_floor,
            size_max: config.size_max,
            moving: config.moving.clone(),
            allow_filesystem: config.allow_filesystem,
        };
        let mut places = vec![place(PlaceId::MAIN, &main, store.into(), true)];
        let mut locks = Vec::new();
        note(connection, Some(PlaceId::MAIN), store, MAIN_NAME, &config.path)?;
        let known = rows::all(connection).map_err(failed("list places"))?;
        for wanted in &config.places {
            ground::check(fs, &wanted.path, &wanted.name, Use::Files, wanted.allow_filesystem)?;
            let uuid = identify(fs, wanted, store, &known)?;
            locks.push(layout::lock(fs, &wanted.path)?);
            let id = known.iter().find(|known| known.uuid == uuid).map(|known| known.id);
            let id = note(connection, id, &uuid, &wanted.name, &wanted.path)?;
            places.push(place(id, wanted, uuid, true));
        }
        for known in &known {
            if places.iter().any(|here| here.id == known.id) {
                continue;
            }
            let forgotten = !config.visit
                && rows::forget_empty(connection, known.id).map_err(failed("forget a place"))?;
            if !forgotten {
                let (place, lock) = remembered(fs, known, config.visit);
                places.push(place);
                locks.extend(lock);
            }
        }
        let places = Self(places.into_iter().map(Arc::new).collect());
        places.check_moves()?;
        let known = rows::all(connection).map_err(failed("list places"))?;
        places.note_bytes(&known);
        for place in places.iter() {
            // One that can't be measured now is tried again each second.
            let _ = place.measure(fs);
        }
        Ok((places, locks))
    }

    fn check_moves(&self) -> Result<()> {
        for from in self.iter() {
            let Some(Moving { to, .. }) = &from.moving else { continue };
            if !self.named(to).is_some_and(|to| to.configured && to.id != from.id) {
                return Err(Error::refuse(format!(
                    "store `{}` moves to `{to}`, which is no other store of the configuration",
                    from.name
                )));
            }
        }
        Ok(())
    }
}

fn place(id: PlaceId, wanted: &PlaceConfig, uuid: String, configured: bool) -> Place {
    Place {
        id,
        name: wanted.name.clone(),
        root: wanted.path.clone(),
        uuid,
        floor: wanted.free_floor,
        size_max: wanted.size_max,
        gate: Gate::new(wanted.free_floor),
        moving: wanted.moving.clone(),
        configured,
        free: AtomicU64::new(0),
        total: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
    }
}

fn note(
    connection: &Connection,
    id: Option<PlaceId>,
    uuid: &str,
    name: &str,
    path: &Path,
) -> Result<PlaceId> {
    // Readers start elsewhere, and so may the next host.
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    rows::put(connection, id, uuid, name, &absolute.to_string_lossy())
        .map_err(failed("note a place"))
}

/// The uuid of the place at a configured path, by its marker; makes one where the place is new.
fn identify(
    fs: &dyn Fs,
    wanted: &PlaceConfig,
    store: &str,
    known: &[rows::Known],
) -> Result<String> {
    let (name, shown) = (&wanted.name, wanted.path.display());
    let before = known.iter().find(|known| known.name == *name);
    if before.is_none() {
        layout::make_root(fs, &wanted.path)?;
    }
    let found = layout::marker(fs, &wanted.path)?;
    match (found, before) {
        (Some(marker), _) if marker.of.as_deref() != Some(store) => Err(Error::refuse(format!(
            "store `{name}`: {shown} belongs to another store: choose another directory"
        ))),
        (Some(marker), Some(before)) if marker.store != before.uuid => Err(Error::refuse(format!(
            "store `{name}`: another place than before is at {shown}: mount the right disk, or \
             give this one another name in the configuration"
        ))),
        (Some(marker), _) => Ok(marker.store),
        (None, None) => layout::make_marker(fs, &wanted.path, Some(store)),
        (None, Some(_)) => Err(Error::refuse(format!(
            "store `{name}` was at {shown} and its marker file is missing there now: mount its \
             disk; or, if it is lost, choose another name for the new one"
        ))),
    }
}

/// A place that the configuration does not name any more, or that nobody asked for on a visit.
fn remembered(fs: &dyn Fs, known: &rows::Known, visit: bool) -> (Place, Option<Lock>) {
    let wanted = PlaceConfig {
        name: known.name.clone(),
        path: PathBuf::from(&known.path),
        free_floor: FreeFloor::Bytes(0),
        size_max: None,
        moving: None,
        allow_filesystem: true,
    };
    let place = place(known.id, &wanted, known.uuid.clone(), false);
    let lock = place.check(fs).and_then(|()| layout::lock(fs, &place.root));
    if !visit {
        let state = match &lock {
            Ok(_) => "retention goes on there".to_owned(),
            Err(error) => error.chain(),
        };
        tracing::warn!(
            store = known.name,
            path = known.path,
            bytes = known.bytes,
            state,
            "the configuration names this store no more, and recordings lie there"
        );
    }
    (place, lock.ok())
}
