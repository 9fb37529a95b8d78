//! Who works on one camera: its policies and analyzers, each with tasks of its own, and the candidates
//! beside them. They come and go while the camera is recorded, which notices nothing.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::mpsc;

use super::guests::Guests;
use super::scope::{STAGE_END, end_all};
use super::seating::Seating;
use super::wires::Wires;
use super::{Shared, status};
use crate::analyze::order::Progress;
use crate::analyze::pictures::Turn;
use crate::base::Result;
use crate::base::tasks::Tasks;
use crate::config;
use crate::events::Heard;
use crate::store::{self, Judge};
use crate::wasm::World;
use crate::wasm::standing::Asker;

/// The queues of policies that listened before they came, by name.
pub(super) type Ears = BTreeMap<String, mpsc::Receiver<Heard>>;

/// A seat that is taken.
pub(super) struct Sitting {
    pub(super) tasks: Tasks,
    pub(super) status: status::Plugin,
}

/// A candidate, and its name.
pub(super) struct Tried {
    pub(super) name: String,
    pub(super) sitting: Sitting,
}

/// All who work on one camera, by name.
#[derive(Default)]
pub(super) struct Crew {
    policies: BTreeMap<String, Sitting>,
    analyzers: BTreeMap<String, Sitting>,
    /// By whose place they may take.
    tried: BTreeMap<String, Tried>,
    /// The places of the analyzers among those that come after one another.
    turns: BTreeMap<String, Turn>,
}

/// What is wanted of a crew.
pub(super) struct Wanted<'a> {
    pub(super) camera: &'a config::Camera,
    pub(super) shared: &'a Shared,
    pub(super) guests: &'a Guests,
    pub(super) wires: &'a Wires,
    /// Plugins that are to be made anew, wherever they sit.
    pub(super) anew: &'a BTreeSet<String>,
}

impl Crew {
    /// Makes it what is wanted: who is not touched goes on. Gives the names of tasks that did not
    /// end in time.
    ///
    /// # Errors
    /// The index does not take the policies: who judged goes on.
    pub(super) async fn change(
        &mut self,
        wanted: &Wanted<'_>,
        mut ears: Ears,
    ) -> Result<Vec<String>> {
        let Wanted { camera, shared, guests, wires, .. } = *wanted;
        let judges = self.judges(wanted).await?;
        let late = self.let_go(wanted).await;
        shared.bus.hear(&camera.name, &camera.hears);
        let seating = Seating { camera, shared, guests, wires };
        for name in &camera.policies {
            if !self.policies.contains_key(name) {
                let heard = ears.remove(name).unwrap_or_else(|| seating.listen(name));
                // As many judges as policies, unless somebody is there already.
                let Some(judge) = judges.get(name) else { continue };
                self.policies.insert(name.clone(), seating.policy(name, *judge, heard));
            }
        }
        for name in &camera.analyzers {
            let depth = guests.chain(name).map_or(0, |chain| chain.depth);
            self.turns
                .entry(name.clone())
                .or_insert_with(|| Turn { depth, progress: Progress::default() });
        }
        for name in &camera.analyzers {
            if !self.analyzers.contains_key(name) {
                self.analyzers.insert(name.clone(), seating.analyzer(name, &self.turns));
            }
        }
        for (place, candidate) in guests.candidates_of(camera) {
            if !self.tried.contains_key(place) {
                let heard = ears.remove(candidate);
                let sitting = seating.candidate(place, candidate, heard, &self.turns);
                self.tried.insert(place.clone(), Tried { name: candidate.clone(), sitting });
            }
        }
        wires.look(!self.analyzers.is_empty());
        Ok(late)
    }

    /// The policies as the store is to know them; nothing, where they are the same.
    async fn judges(&self, wanted: &Wanted<'_>) -> Result<BTreeMap<String, Judge>> {
        let Wanted { camera, shared, guests, anew, .. } = *wanted;
        let stays = |name: &String| self.policies.contains_key(name) && !anew.contains(name);
        let are_same = self.policies.len() == camera.policies.len();
        if are_same && !camera.policies.is_empty() && camera.policies.iter().all(stays) {
            return Ok(BTreeMap::new());
        }
        let judge = |name: &String| {
            let offer = match self.policies.get(name).filter(|_| stays(name)) {
                Some(sitting) => sitting.status.facts.borrow().offer.clone(),
                None => shared.seats.whom_to_seat(&guests.plugins, name, World::Policy),
            };
            let digest = offer.map(|offer| offer.digest());
            store::Policy { name: name.clone(), digest }
        };
        let policies = camera.policies.iter().map(judge).collect();
        let judges = shared.store.judges(&camera.name, policies).await?;
        Ok(camera.policies.iter().cloned().zip(judges).collect())
    }

    /// Ends who is no longer wanted, upstream first.
    async fn let_go(&mut self, wanted: &Wanted<'_>) -> Vec<String> {
        let Wanted { camera, guests, anew, .. } = *wanted;
        let candidates: BTreeMap<_, _> = guests.candidates_of(camera).collect();
        let mut going = anew.clone();
        going
            .extend(self.analyzers.keys().filter(|name| !camera.analyzers.contains(name)).cloned());
        going.extend(
            camera.analyzers.iter().filter(|name| !self.turns.contains_key(*name)).cloned(),
        );
        // Who comes after one that comes, goes or is made anew must know its turn.
        while let Some(next) = self.analyzers.keys().find(|name| {
            let after = guests.chain(name).map(|chain| chain.after.as_slice()).unwrap_or_default();
            !going.contains(*name) && after.iter().any(|of| going.contains(&of.name))
        }) {
            going.insert(next.clone());
        }
        let tried = self.tried.extract_if(.., |place, tried| {
            candidates.get(place).copied() != Some(&tried.name) || going.contains(place)
        });
        let tried: Vec<Sitting> = tried.map(|(_, tried)| tried.sitting).collect();
        let analyzers = self.analyzers.extract_if(.., |name, _| going.contains(name));
        let first: Vec<Sitting> = analyzers.map(|(_, sitting)| sitting).chain(tried).collect();
        self.turns.retain(|name, _| self.analyzers.contains_key(name));
        let policies = self
            .policies
            .extract_if(.., |name, _| !camera.policies.contains(name) || anew.contains(name));
        let then: Vec<Sitting> = policies.map(|(_, sitting)| sitting).collect();
        let mut late = end_all(first.iter().map(|sitting| &sitting.tasks), STAGE_END).await;
        late.extend(end_all(then.iter().map(|sitting| &sitting.tasks), STAGE_END).await);
        late
    }

    /// Those who say what happens, and the candidates: they end before the policies.
    pub(super) fn watchers(&self) -> impl Iterator<Item = &Tasks> {
        let tried = self.tried.values().map(|tried| &tried.sitting);
        self.analyzers.values().chain(tried).map(|sitting| &sitting.tasks)
    }

    /// Those who judge.
    pub(super) fn judging(&self) -> impl Iterator<Item = &Tasks> {
        self.policies.values().map(|sitting| &sitting.tasks)
    }

    /// How the policies fare.
    pub(super) fn policies(&self) -> Vec<Asker> {
        self.policies.values().map(|sitting| sitting.status.standing.clone()).collect()
    }

    /// How the analyzers fare.
    pub(super) fn analyzers(&self) -> Vec<Asker> {
        self.analyzers.values().map(|sitting| sitting.status.standing.clone()).collect()
    }

    /// All who are in charge, policies first, in the order of the configuration.
    pub(super) fn status(&self, camera: &config::Camera) -> Vec<status::Plugin> {
        let policies = camera.policies.iter().filter_map(|name| self.policies.get(name));
        let analyzers = camera.analyzers.iter().filter_map(|name| self.analyzers.get(name));
        policies.chain(analyzers).map(|sitting| sitting.status.clone()).collect()
    }

    /// The candidates.
    pub(super) fn tried(&self) -> impl Iterator<Item = status::Plugin> {
        self.tried.values().map(|tried| tried.sitting.status.clone())
    }
}
