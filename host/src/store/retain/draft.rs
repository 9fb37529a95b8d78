//! A plan as it is drawn up from one look at the index and at the filesystems.
//!
//! Judges and chooses by the very functions that the sweeper claims with.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::Duration;

use super::super::fs::{Disk, Fs};
use super::super::holds::{Rank, Until};
use super::super::index::retain::{self, Ages, Scope};
use super::super::index::row::Segment;
use super::super::index::{Connection, Read, edit, limits, places as rows, spans};
use super::super::news::{Limit, Reason};
use super::super::settings::PlaceConfig;
use super::guard::Guarded;
use super::horizon::{Demand, horizon, left_for};
use super::plan::{CameraPlan, Going, Held, Limits, Next, Plan, StorePlan};
use crate::base::Timestamp;

const DAY: Duration = Duration::from_secs(86_400);

/// A place with its limits and its filesystem.
pub(in super::super) struct Spot {
    known: rows::Known,
    config: Option<PlaceConfig>,
    free: Option<u64>,
    floor: u64,
}

pub(in super::super) fn places(limits: &Limits, known: Vec<rows::Known>) -> Vec<Spot> {
    let spot = |known: rows::Known| {
        let config = limits.places.iter().find(|place| place.name == known.name).cloned();
        let space = Disk.space(Path::new(&known.path)).ok();
        let floor = config.as_ref().zip(space).map(|(place, space)| place.free_floor.bytes(space));
        Spot { known, config, free: space.map(|space| space.free), floor: floor.unwrap_or(0) }
    };
    known.into_iter().map(spot).collect()
}

/// Drawn up from one look at the index.
pub(in super::super) struct Draft<'a> {
    pub(in super::super) c: &'a Connection,
    pub(in super::super) limits: &'a Limits,
    pub(in super::super) ages: Ages,
    pub(in super::super) now: Timestamp,
    pub(in super::super) places: Vec<Spot>,
}

/// A camera's plan, and how long it is to be kept.
type Planned = (Option<Duration>, CameraPlan);

/// What one walk through all files finds.
#[derive(Default)]
struct Found {
    expired: Vec<Going>,
    cameras: BTreeMap<i64, CameraFound>,
    places: BTreeMap<i64, Held>,
}

/// What it finds of a camera.
#[derive(Default)]
struct CameraFound {
    segments: u64,
    held: Held,
    oldest: Option<Timestamp>,
    next: Option<(Timestamp, Going)>,
}

fn going(segment: &Segment, reason: Reason) -> Going {
    Going {
        camera: segment.camera.clone(),
        sequence: segment.sequence,
        start: segment.start,
        end: segment.end,
        bytes: segment.bytes,
        reason,
    }
}

impl Draft<'_> {
    pub(in super::super) fn plan(&self, guarded: Option<Guarded>) -> Read<Plan> {
        let found = self.walk()?;
        let now = self.now(&found)?;
        let mut plans = Vec::new();
        for camera in limits::cameras(self.c)? {
            let rate = limits::bytes_a_day(self.c, camera.id, self.now)?;
            plans.push((camera.keep, self.camera(camera, rate, &found)?));
        }
        let mut stores = Vec::new();
        for spot in &self.places {
            stores.push(self.store(spot, &plans, &found)?);
        }
        self.sustain(&mut plans, &stores);
        let cameras = plans.into_iter().map(|(_, plan)| plan).collect();
        Ok(Plan { at: self.now, guarded, now, cameras, stores })
    }

    fn walk(&self) -> Read<Found> {
        let mut found = Found::default();
        for spot in &self.places {
            let mut after = 0;
            loop {
                let page = retain::in_order(self.c, Scope::Place(spot.known.id), after)?;
                let Some((last, _)) = page.last() else { break };
                after = last.id;
                for (mut segment, keep) in page {
                    let kept = retain::judge(self.c, &mut segment, keep, self.ages)?;
                    found.add(&segment, kept);
                }
            }
        }
        Ok(found)
    }

    /// What a sweep would do, limit by limit, with the choice that it makes.
    fn now(&self, found: &Found) -> Read<Vec<Going>> {
        let mut all = found.expired.clone();
        let mut passed = HashSet::new();
        let mut gone: BTreeMap<Scope, u64> = BTreeMap::new();
        for one in &found.expired {
            if let Some(segment) = self.find(one)? {
                passed.insert(segment.id);
                count(&mut gone, &segment);
            }
        }
        let mut bounds: Vec<(Limit, Scope, u64)> = Vec::new();
        for camera in limits::cameras(self.c)? {
            let scope = Scope::Camera(camera.id);
            bounds.extend(camera.size_max.map(|most| (Limit::CameraSize, scope, most)));
        }
        for spot in &self.places {
            let most = spot.config.as_ref().and_then(|config| config.size_max);
            bounds.extend(most.map(|most| (Limit::StoreSize, Scope::Place(spot.known.id), most)));
        }
        for spot in self.places.iter().filter(|spot| spot.floor > 0 && spot.free.is_some()) {
            bounds.push((Limit::Floor, Scope::Place(spot.known.id), spot.floor));
        }
        for (limit, scope, bytes) in bounds {
            for rank in [Rank::Continuous, Rank::Span, Rank::Pinned] {
                let mut after = Some(0);
                while let Some(from) = after {
                    let freed = gone.get(&scope).copied().unwrap_or(0);
                    let lacking = match limit {
                        Limit::Floor => {
                            bytes.saturating_sub(self.free(scope).saturating_add(freed))
                        }
                        _ => {
                            limits::size(self.c, scope)?.saturating_sub(freed).saturating_sub(bytes)
                        }
                    };
                    if lacking == 0 {
                        break;
                    }
                    let at = (from, lacking);
                    let chosen = retain::choose(self.c, scope, rank, self.ages, at, &passed)?;
                    for segment in &chosen.segments {
                        passed.insert(segment.id);
                        count(&mut gone, segment);
                        all.push(going(segment, Reason::Room(limit, rank)));
                    }
                    after = chosen.after;
                }
            }
        }
        Ok(all)
    }

    fn find(&self, one: &Going) -> Read<Option<Segment>> {
        match spans::camera_id(self.c, &one.camera)? {
            Some(id) => edit::find(self.c, id, one.sequence),
            None => Ok(None),
        }
    }

    fn free(&self, scope: Scope) -> u64 {
        let of = |spot: &&Spot| Scope::Place(spot.known.id) == scope;
        self.places.iter().find(of).and_then(|spot| spot.free).unwrap_or(u64::MAX)
    }

    fn camera(&self, camera: limits::Camera, rate: u64, found: &Found) -> Read<CameraPlan> {
        let limits::Camera { id, name, keep, size_max } = camera;
        let none = CameraFound::default();
        let of = found.cameras.get(&id).unwrap_or(&none);
        let bytes = limits::size(self.c, Scope::Camera(id))?;
        let next_by_size = match size_max {
            Some(most) => {
                self.next(Limit::CameraSize, Scope::Camera(id), most.saturating_sub(bytes), rate)?
            }
            None => None,
        };
        Ok(CameraPlan {
            configured: self.limits.cameras.contains_key(&name),
            name,
            segments: of.segments,
            bytes,
            held: of.held,
            oldest: of.oldest,
            bytes_a_day: rate,
            asked_days: keep.map(days),
            sustainable_days: None,
            size_max,
            next_by_age: of.next.clone().map(|(when, going)| Next { going, when: self.seen(when) }),
            next_by_size,
        })
    }

    /// When the clock shows what age is then.
    fn seen(&self, age: Timestamp) -> Timestamp {
        age + self.now.since(self.ages.now)
    }

    fn store(&self, spot: &Spot, cameras: &[Planned], found: &Found) -> Read<StorePlan> {
        let (name, id) = (spot.known.name.clone(), spot.known.id);
        let here = |(_, plan): &&Planned| {
            self.limits.cameras.get(&plan.name).is_some_and(|limits| limits.store == name)
        };
        let rate = cameras.iter().filter(here).map(|(_, plan)| plan.bytes_a_day).sum();
        let size_max = spot.config.as_ref().and_then(|config| config.size_max);
        let scope = Scope::Place(id);
        let left = size_max.map(|most| (Limit::StoreSize, most.saturating_sub(spot.known.bytes)));
        let above = spot.free.filter(|_| spot.floor > 0);
        let above = above.map(|free| (Limit::Floor, free.saturating_sub(spot.floor)));
        let first = left.into_iter().chain(above).min_by_key(|(_, left)| *left);
        let next_by_room = match first {
            Some((limit, left)) => self.next(limit, scope, left, rate)?,
            None => None,
        };
        Ok(StorePlan {
            bytes: spot.known.bytes,
            held: found.places.get(&id.0).copied().unwrap_or_default(),
            free: spot.free,
            floor: spot.floor,
            size_max,
            bytes_a_day: rate,
            next_by_room,
            name,
        })
    }

    /// What a limit takes next, when `left` more bytes fit and `rate` come a day.
    fn next(&self, limit: Limit, scope: Scope, left: u64, rate: u64) -> Read<Option<Next>> {
        if rate == 0 && left > 0 {
            return Ok(None);
        }
        let seconds = u128::from(left) * 86_400 / u128::from(rate.max(1));
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX).min(100 * 365 * 86_400);
        for rank in [Rank::Continuous, Rank::Span, Rank::Pinned] {
            let (mut after, none) = (Some(0), HashSet::new());
            while let Some(from) = after {
                let chosen = retain::choose(self.c, scope, rank, self.ages, (from, 1), &none)?;
                if let Some(segment) = chosen.segments.first() {
                    let going = going(segment, Reason::Room(limit, rank));
                    let when = self.now + Duration::from_secs(seconds);
                    return Ok(Some(Next { going, when }));
                }
                after = chosen.after;
            }
        }
        Ok(None)
    }

    /// How many days of each camera fit, with all of them recording as they do now.
    fn sustain(&self, cameras: &mut [Planned], stores: &[StorePlan]) {
        let demands: Vec<Vec<(usize, Demand)>> =
            cameras.iter().map(|(keep, plan)| self.demands(plan, *keep, stores)).collect();
        let capacity: Vec<Option<f64>> = stores.iter().map(capacity).collect();
        for (at, (_, plan)) in cameras.iter_mut().enumerate() {
            if plan.bytes_a_day == 0 {
                continue;
            }
            let rate = plan.bytes_a_day as f64;
            let by_size =
                plan.size_max.map(|most| most.saturating_sub(plan.held.pinned) as f64 / rate);
            let by_room = demands[at].iter().find_map(|(store, demand)| {
                let capacity = capacity[*store]?;
                let others = demands.iter().enumerate().filter(|(other, _)| *other != at);
                let others: Vec<Demand> = others
                    .flat_map(|(_, all)| all.iter())
                    .filter(|(of, _)| of == store)
                    .map(|(_, demand)| *demand)
                    .collect();
                let all: Vec<Demand> = others.iter().copied().chain([*demand]).collect();
                match horizon(capacity, &all) {
                    Some(days) if days < demand.to => Some(days),
                    // Where it moves on, the next store says.
                    _ if demands[at].last().is_some_and(|last| last.0 != *store) => None,
                    days => Some(left_for(capacity, &others, days, demand)),
                }
            });
            plan.sustainable_days = by_size.into_iter().chain(by_room).reduce(f64::min);
        }
    }

    /// From when to when a camera's video lies in which store, in days.
    fn demands(
        &self,
        plan: &CameraPlan,
        keep: Option<Duration>,
        stores: &[StorePlan],
    ) -> Vec<(usize, Demand)> {
        let Some(limits) = self.limits.cameras.get(&plan.name) else { return Vec::new() };
        let (mut name, mut from, mut demands) = (limits.store.clone(), 0.0, Vec::new());
        let end = keep.map_or(f64::INFINITY, days);
        // No store is come to twice.
        for _ in stores {
            let Some(at) = stores.iter().position(|store| store.name == name) else { break };
            let config = self.limits.places.iter().find(|place| place.name == name);
            let moving = config.and_then(|config| config.moving.clone());
            let to = moving.as_ref().map_or(end, |moving| end.min(days(moving.after)));
            let rate = plan.bytes_a_day as f64;
            demands.push((at, Demand { rate, from, to: to.max(from) }));
            match moving {
                Some(moving) if to < end => (name, from) = (moving.to, to.max(from)),
                _ => break,
            }
        }
        demands
    }
}

/// Bytes for what is recorded from now on; `None`: nothing limits it.
fn capacity(store: &StorePlan) -> Option<f64> {
    let by_floor = store.free.filter(|_| store.floor > 0);
    let by_floor = by_floor.map(|free| (store.bytes + free).saturating_sub(store.floor));
    let most = store.size_max.into_iter().chain(by_floor).min()?;
    Some(most.saturating_sub(store.held.pinned) as f64)
}

fn days(length: Duration) -> f64 {
    length.as_secs_f64() / DAY.as_secs_f64()
}

fn count(gone: &mut BTreeMap<Scope, u64>, segment: &Segment) {
    for scope in [Scope::Place(segment.place), Scope::Camera(segment.camera_id)] {
        *gone.entry(scope).or_default() += segment.bytes;
    }
}

impl Found {
    fn add(&mut self, segment: &Segment, kept: retain::Kept) {
        let camera = self.cameras.entry(segment.camera_id).or_default();
        camera.segments += 1;
        *camera.held.of(kept.rank) += segment.bytes;
        *self.places.entry(segment.place.0).or_default().of(kept.rank) += segment.bytes;
        camera.oldest = camera.oldest.map_or(Some(segment.start), |at| Some(at.min(segment.start)));
        let one = going(segment, Reason::Expired);
        match kept.until {
            _ if kept.rank == Rank::Expired => self.expired.push(one),
            Until::At(when) if camera.next.as_ref().is_none_or(|(first, _)| when < *first) => {
                camera.next = Some((when, one));
            }
            _ => {}
        }
    }
}
