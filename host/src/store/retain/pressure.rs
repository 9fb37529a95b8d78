//! The limits: sizes of cameras and stores, and free space of filesystems. One loop for all.
//!
//! A part of the sweep thread. What is over goes by its rank, and within a rank in the order of
//! recording: first what nothing keeps, then continuous video, then what spans keep, and what is
//! pinned last and with an alarm; each time only as many bytes as are lacking.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::super::condition::Task;
use super::super::holds::Rank;
use super::super::index::retain::{self, Chosen, Scope};
use super::super::index::{self, Connection, failed, limits};
use super::super::layout;
use super::super::news::{Limit, Reason};
use super::super::places::{Place, PlaceId};
use super::ballast::Change;
use super::sweep::{State, Swept};
use crate::base::Result;

/// That something pinned had to go, or that a size can't be kept, is wrong for so long after the last.
const ALARM: Duration = Duration::from_secs(3600);

/// Failures to delete in one look after which the disk is left alone until the next.
const FAILURES_MAX: usize = 4;

/// Claims by age, while nothing is recorded, before what is kept goes.
const SHUT_CLAIMS: usize = 4;

/// A limit, and what it is about.
#[derive(Clone, Debug)]
struct Bound {
    limit: Limit,
    scope: Scope,
    /// Where an alarm belongs.
    place: PlaceId,
    /// A camera's or a store's.
    name: String,
    /// Bytes; of a floor, what is to be free.
    bytes: u64,
    /// Bytes that wait to be moved here, for which nothing goes that is pinned.
    coming: u64,
    /// Bytes that are wanted too, but for which nothing goes that a span or a pin keeps.
    spare: u64,
}

impl Bound {
    /// What is wanted of `bytes` when segments of a rank may go for it.
    fn wanted(&self, rank: Rank) -> u64 {
        let also = match rank {
            Rank::Expired | Rank::Continuous => self.coming.saturating_add(self.spare),
            Rank::Span => self.coming,
            Rank::Pinned => 0,
        };
        self.bytes.saturating_add(also)
    }
}

impl State<'_> {
    /// Measures everything, and deletes until all limits are kept or nothing is left to delete.
    pub(in super::super) fn look(&mut self) -> Result<Swept> {
        let sweeper = self.sweeper;
        let now = sweeper.clock.moment().0;
        self.passed.retain(|_, until| *until > now);
        self.reconcile();
        self.freed.clear();
        let mut result = sweeper.places.look(
            &*sweeper.fs,
            &sweeper.indexer,
            &sweeper.condition,
            &sweeper.metrics,
        );
        let places: Vec<_> = sweeper.places.iter().cloned().collect();
        let mut all = Swept::default();
        let sized = self.sized(&places);
        // Limits that fail do not keep the others from being kept.
        match sized {
            Ok(sized) => {
                for bound in sized {
                    result = result.and(self.relieve(&bound, &mut all));
                }
            }
            Err(error) => result = result.and(Err(error)),
        }
        for place in &places {
            self.measure_again(place);
            if let Some(bound) = self.floor(place) {
                result = result.and(self.relieve(&bound, &mut all));
            }
            // Opens what is shut, though nobody may want to write.
            let _ = place.pass(&*sweeper.fs, &sweeper.condition, 0);
        }
        self.look_at_ballast();
        self.alarmed.retain(|(place, task), last| {
            let recent = now.saturating_duration_since(*last) < ALARM;
            if !recent {
                sweeper.condition.works(*place, *task);
            }
            recent
        });
        let above = |room: &super::super::Room| i128::from(room.free) - i128::from(room.floor);
        let rooms = places.iter().filter_map(|place| place.room());
        sweeper.room.send_replace(rooms.min_by_key(|room| (!room.is_shut, above(room))));
        result.map(|()| all)
    }

    /// The limits by size: cameras first, since what they lose their stores need not.
    fn sized(&self, places: &[Arc<Place>]) -> Result<Vec<Bound>> {
        let known = self
            .sweeper
            .indexer
            .ask_blocking(|c| limits::cameras(c).map_err(failed("list cameras")))?;
        let cameras = known.into_iter().filter_map(|camera| {
            Some(Bound {
                limit: Limit::CameraSize,
                scope: Scope::Camera(camera.id),
                place: PlaceId::MAIN,
                name: camera.name,
                bytes: camera.size_max?,
                coming: 0,
                spare: 0,
            })
        });
        let stores = places.iter().filter_map(|place| {
            Some(Bound {
                limit: Limit::StoreSize,
                scope: Scope::Place(place.id),
                place: place.id,
                name: place.name.clone(),
                bytes: place.size_max?,
                coming: 0,
                spare: 0,
            })
        });
        Ok(cameras.chain(stores).collect())
    }

    /// Another place of the same filesystem may have made room meanwhile. What went here counts at
    /// the least: not every filesystem says at once that it is free.
    fn measure_again(&mut self, place: &Place) {
        if self.freed.is_empty() {
            return;
        }
        let Some(seen) = place.space_seen() else { return };
        let freed = self.freed.get(&place.id).copied().unwrap_or(0);
        if let Ok(now) = place.measure(&*self.sweeper.fs) {
            self.freed.insert(place.id, seen.free.saturating_add(freed).saturating_sub(now.free));
        }
    }

    /// The floor of a place, with what its open files still need. `None`: it has none, or is not
    /// there.
    fn floor(&self, place: &Place) -> Option<Bound> {
        let space = place.space_seen().filter(|_| !place.gate.is_none())?;
        let reserve = self.sweeper.cameras.reserve(place.id);
        place.gate.set_files(reserve.files);
        let margin = if place.gate.is_shut() { place.gate.margin(space) } else { 0 };
        let is_main = place.id == PlaceId::MAIN;
        Some(Bound {
            limit: Limit::Floor,
            scope: Scope::Place(place.id),
            place: place.id,
            name: place.name.clone(),
            bytes: [reserve.open, margin]
                .into_iter()
                .fold(place.floor.bytes(space), u64::saturating_add),
            coming: place.gate.coming(),
            spare: if is_main { self.sweeper.ballast.lacking(space) } else { 0 },
        })
    }

    /// How many bytes are lacking, or too much.
    fn lacking(&self, bound: &Bound, rank: Rank) -> Result<u64> {
        let sweeper = self.sweeper;
        if bound.limit == Limit::Floor {
            let Some(space) = sweeper.places.get(bound.place)?.space_seen() else { return Ok(0) };
            let wanted = bound.wanted(rank);
            let freed = self.freed.get(&bound.place).copied().unwrap_or(0);
            return Ok(wanted.saturating_sub(space.free.saturating_add(freed)));
        }
        let scope = bound.scope;
        // The index first: what is closed in between is then missed once, and never counted twice.
        let closed = sweeper
            .indexer
            .ask_blocking(move |c| limits::size(c, scope).map_err(failed("read sizes")))?;
        let open = self.open_bytes(scope);
        Ok(closed.saturating_add(open).saturating_sub(bound.bytes))
    }

    /// Bytes in files that are being written.
    fn open_bytes(&self, scope: Scope) -> u64 {
        match scope {
            Scope::Camera(id) => self.sweeper.cameras.of_camera(id),
            Scope::Place(id) => self.sweeper.cameras.of_place(id),
        }
    }

    fn relieve(&mut self, bound: &Bound, all: &mut Swept) -> Result<()> {
        if self.lacking(bound, Rank::Expired)? == 0 {
            return Ok(());
        }
        if bound.limit != Limit::Floor && self.open_bytes(bound.scope) > bound.bytes {
            self.alarm_open(bound);
        }
        let mut result = self.sweep_expired(bound, all);
        let mut failures = 0;
        for rank in [Rank::Continuous, Rank::Span, Rank::Pinned] {
            let mut after = Some(self.cursors.start(bound.scope, rank, self.ages().now));
            while let Some(from) = after {
                let lacking = match self.lacking(bound, rank) {
                    Ok(0) => break,
                    lacking => lacking?,
                };
                let (chosen, went) = self.take(bound, rank, (from, lacking))?;
                self.cursors.advance(bound.scope, rank, (from, chosen.above), chosen.firm);
                // What could not go is passed over now: the same page may have more.
                let is_short = went.0.segments < chosen.segments.len();
                after = if is_short { Some(from) } else { chosen.after };
                *all += went.0;
                if went.0.segments > 0 && rank == Rank::Pinned {
                    self.alarm_pinned(bound);
                }
                failures += usize::from(went.1.is_err());
                result = result.and(went.1);
                if failures >= FAILURES_MAX {
                    return result;
                }
            }
        }
        result
    }

    /// What nothing keeps goes first, as it would within the minute.
    fn sweep_expired(&mut self, bound: &Bound, all: &mut Swept) -> Result<()> {
        self.recheck()?;
        let places: Vec<_> = self.sweeper.places.iter().cloned().collect();
        let is_meant = |place: &&Arc<Place>| match bound.scope {
            Scope::Place(id) => place.id == id,
            Scope::Camera(_) => true,
        };
        for place in places.iter().filter(is_meant) {
            let mut more = place.check(&*self.sweeper.fs).is_ok();
            // Who can't record does not wait until a year of segments was looked at.
            let most = if place.gate.is_shut() { SHUT_CLAIMS } else { usize::MAX };
            for _ in 0..most {
                if !more || self.lacking(bound, Rank::Expired)? == 0 {
                    break;
                }
                let swept;
                (swept, more) = self.sweep_place(place, 1)?;
                *all += swept;
            }
        }
        Ok(())
    }

    /// Deletes some of what a limit takes as `rank`, at most one page.
    fn take(
        &mut self,
        bound: &Bound,
        rank: Rank,
        at: (i64, u64),
    ) -> Result<(Chosen, (Swept, Result<()>))> {
        let (scope, ages) = (bound.scope, self.ages());
        let passed: HashSet<i64> =
            self.passed.keys().copied().chain(self.gone.iter().copied()).collect();
        let choose = move |c: &Connection| retain::choose(c, scope, rank, ages, at, &passed);
        let look = choose.clone();
        let claim = move |c: &Connection| {
            let chosen = choose(c).and_then(|chosen| {
                retain::claim_chosen(c, &chosen.segments)?;
                Ok(chosen)
            });
            chosen.map_err(failed("claim segments"))
        };
        let reason = Reason::Room(bound.limit, rank);
        let mut claimed = self.sweeper.indexer.ask_blocking(claim.clone());
        if claimed.is_err() && self.relieve_index() {
            claimed = self.sweeper.indexer.ask_blocking(claim);
        }
        match claimed {
            Ok(chosen) => {
                let went = self.delete(chosen.segments.clone(), reason);
                Ok((chosen, went))
            }
            Err(_) if bound.limit == Limit::Floor && self.index_is_full() => {
                let path = layout::index(&self.sweeper.places.main().root);
                let c = index::open_read_only(&path)?;
                let chosen = look(&c).map_err(failed("choose segments"))?;
                let went = self.delete_unclaimed(chosen.segments.clone(), reason);
                Ok((chosen, went))
            }
            Err(error) => Err(error),
        }
    }

    /// The index takes nothing, and its filesystem has no room for more.
    fn index_is_full(&self) -> bool {
        self.sweeper.ballast.is_needed()
    }

    /// Gives the index the room of the ballast, if that is what it lacks.
    fn relieve_index(&self) -> bool {
        self.index_is_full() && self.sweeper.ballast.release()
    }

    fn look_at_ballast(&self) {
        let (sweeper, main) = (self.sweeper, self.sweeper.places.main());
        let Some(space) = main.space_seen() else { return };
        let reserve = sweeper.cameras.reserve(main.id).open;
        let above = space.free.saturating_sub(main.floor.bytes(space).saturating_add(reserve));
        match sweeper.ballast.look(space, above) {
            Ok(Some(Change::Made)) => {
                sweeper.condition.works(main.id, Task::Index);
            }
            Ok(Some(Change::Released) | None) => {}
            Err(error) => tracing::debug!(%error, "can't make a reserve for the index"),
        }
    }

    /// Notes that something is wrong for a while. Gives whether it is new.
    fn alarm(&mut self, place: PlaceId, task: Task, words: String) -> bool {
        let now = self.sweeper.clock.moment().0;
        self.alarmed.insert((place, task), now);
        self.sweeper.condition.fails(place, task, words)
    }

    /// What is being recorded is larger than a size: nothing that goes makes up for it.
    fn alarm_open(&mut self, bound: &Bound) {
        let what = match bound.limit {
            Limit::CameraSize => format!("camera {}", bound.name),
            Limit::StoreSize | Limit::Floor => format!("store `{}`", bound.name),
        };
        let words = format!(
            "{what} is over its size-max of {} bytes with the files that are being written alone: \
             raise it, or make `segment` shorter",
            bound.bytes
        );
        if self.alarm(bound.place, Task::Bound, words) {
            let size_max = bound.bytes;
            tracing::error!(what, size_max, "files that are being written are over a size-max");
        }
    }

    fn alarm_pinned(&mut self, bound: &Bound) {
        let (what, advice) = match bound.limit {
            Limit::Floor => (format!("store `{}` is full", bound.name), "free space"),
            Limit::StoreSize => {
                (format!("store `{}` is over its size-max", bound.name), "raise it")
            }
            Limit::CameraSize => {
                (format!("camera {} is over its size-max", bound.name), "raise it")
            }
        };
        let words = format!(
            "{what} and nothing else was left to delete: pinned recordings were deleted; \
             {advice}, or unpin what is not needed"
        );
        if self.alarm(bound.place, Task::Keep, words) {
            tracing::error!(what, "pinned recordings were deleted for want of room");
        }
    }
}
