//! One seat of one camera, wired: a policy, an analyzer, or a candidate for the place of one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::crew::Sitting;
use super::guests::Guests;
use super::wires::Wires;
use super::{Shared, status};
use crate::analyze::hearing::{Hearing, Patience};
use crate::analyze::pictures::Turn;
use crate::analyze::stage;
use crate::base::metrics;
use crate::base::tasks::Tasks;
use crate::config;
use crate::events::{Bus, Heard};
use crate::fetch::Answers;
use crate::policy::floors::Floors;
use crate::policy::terms::Terms;
use crate::policy::{self, Span};
use crate::seat::Seat;
use crate::shadow::{self, Pair};
use crate::store::{Judge, Records};
use crate::wasm::standing::standing;
use crate::wasm::{InstanceConfig, Kind, Lane};

/// Batches of access units on their way to an analyzer.
const UNIT_BATCHES: usize = 4;

/// Seats on one camera.
pub(super) struct Seating<'a> {
    pub(super) camera: &'a config::Camera,
    pub(super) shared: &'a Shared,
    pub(super) guests: &'a Guests,
    pub(super) wires: &'a Wires,
}

/// Whose place is taken, and by whom.
#[derive(Clone, Copy)]
struct Part<'a> {
    place: &'a str,
    name: &'a str,
}

impl Part<'_> {
    /// Neither heard nor obeyed.
    fn is_tried(self) -> bool {
        self.place != self.name
    }
}

/// What a policy hears, and what it is to those who keep what it asks for.
struct Judged {
    heard: mpsc::Receiver<Heard>,
    store: Arc<dyn Records>,
    judge: Judge,
    spans: mpsc::Sender<Span>,
}

impl Seating<'_> {
    /// The queue of the policy `name`, from now on.
    pub(super) fn listen(&self, name: &str) -> mpsc::Receiver<Heard> {
        self.shared.bus.listen(&self.camera.name, name, &self.camera.hears)
    }

    /// A policy, with what it is to the store and what it hears.
    pub(super) fn policy(&self, name: &str, judge: Judge, heard: mpsc::Receiver<Heard>) -> Sitting {
        let (store, spans) = (self.shared.store.clone(), self.wires.spans.clone());
        let tasks = Tasks::new();
        let judged = Judged { heard, store, judge, spans };
        let status = self.judge(Part { place: name, name }, judged, &tasks);
        Sitting { tasks, status }
    }

    /// An analyzer, with its place among those that come after one another.
    pub(super) fn analyzer(&self, name: &str, turns: &BTreeMap<String, Turn>) -> Sitting {
        let tasks = Tasks::new();
        let turn = turns.get(name).cloned().unwrap_or_default();
        let status = self.look(Part { place: name, name }, turn, turns, &tasks);
        Sitting { tasks, status }
    }

    /// A candidate for the place of a policy or an analyzer: it hears and sees what that one does, and
    /// nobody waits for it.
    pub(super) fn candidate(
        &self,
        place: &str,
        name: &str,
        heard: Option<mpsc::Receiver<Heard>>,
        turns: &BTreeMap<String, Turn>,
    ) -> Sitting {
        let tasks = Tasks::new();
        let part = Part { place, name };
        let status = if self.camera.policies.iter().any(|policy| policy == place) {
            let heard = heard.unwrap_or_else(|| self.listen(place));
            let (candidate, queue) = shadow::hear::queue();
            let edge = metrics::Edge { camera: self.camera.name.clone(), edge: "shadow" };
            let drops = self.shared.metrics.drops.get_or_create(&edge).clone();
            let forward = shadow::hear::forward(heard, candidate, drops, tasks.shutdown().clone());
            tasks.spawn(format!("what {name} of {} hears", self.camera.name), forward);
            // Nobody records what it asks for.
            let (spans, _) = mpsc::channel(1);
            let (store, judge) = (self.shared.shadow.records.clone(), Judge::of_nobody());
            self.judge(part, Judged { heard: queue, store, judge, spans }, &tasks)
        } else {
            let depth = turns.get(place).map_or(0, |turn| turn.depth);
            self.look(part, Turn { depth, ..Turn::default() }, turns, &tasks)
        };
        let pair = Pair {
            camera: self.camera.name.clone(),
            in_charge: place.into(),
            candidate: name.into(),
        };
        self.shared.shadow.compare(pair, self.shared, &tasks);
        Sitting { tasks, status }
    }

    fn judge(&self, part: Part<'_>, judged: Judged, tasks: &Tasks) -> status::Plugin {
        // Policies may not ask: nobody hears their answers.
        let (seat, _, status) = self.seat(part, &self.shared.lanes.decide);
        let Judged { heard, store, judge, spans } = judged;
        let stage = policy::stage::Stage {
            camera: self.camera.name.clone(),
            name: part.name.into(),
            digest: seat.digest().unwrap_or_default(),
            seat,
            heard,
            bus: self.bus(part),
            store,
            judge,
            spans,
            reach: self.wires.reach.clone(),
            clock: self.shared.clock.clone(),
            unsaved: VecDeque::new(),
            floors: Floors::default(),
            terms: Terms { keep: Some(self.camera.keep), keep_max: self.camera.keep_max },
            open: None,
        };
        let token = tasks.shutdown().clone();
        tasks.spawn(format!("policy {} of {}", part.name, self.camera.name), stage.run(token));
        status
    }

    fn look(
        &self,
        part: Part<'_>,
        turn: Turn,
        turns: &BTreeMap<String, Turn>,
        tasks: &Tasks,
    ) -> status::Plugin {
        let (seat, answers, status) = self.seat(part, &self.shared.lanes.analyze);
        let (units, unit_queue) = mpsc::channel(UNIT_BATCHES);
        self.wires.units.add(units);
        let stage = stage::Stage {
            camera: self.camera.name.clone(),
            name: part.name.into(),
            seat,
            wishes: self.wires.wishes.clone(),
            video: self.wires.video.clone(),
            units: Some(unit_queue),
            answers,
            hearing: self.hearing(part.place, turns),
            turn,
            bus: self.bus(part),
            tried: part.is_tried(),
        };
        let token = tasks.shutdown().clone();
        tasks.spawn(format!("analyzer {} of {}", part.name, self.camera.name), stage.run(token));
        status
    }

    fn bus(&self, part: Part<'_>) -> Bus {
        if part.is_tried() { self.shared.shadow.bus.clone() } else { self.shared.bus.clone() }
    }

    /// A seat for a plugin on this camera, where answers to the requests of whoever sits there come,
    /// and how it fares, for those who ask.
    fn seat<T: Kind>(&self, part: Part<'_>, lane: &Lane) -> (Seat<T>, Answers, status::Plugin) {
        let (teller, standing) = standing();
        let (seats, plugins) = (&self.shared.seats, &self.guests.plugins);
        let (instance, answers) = self.instance(part);
        let (seat, facts) = if part.is_tried() {
            seats.tried(plugins, instance, &self.shared.lanes.tried, teller)
        } else {
            seats.seat(plugins, instance, lane, teller)
        };
        let status = status::Plugin {
            name: part.name.into(),
            camera: Some(self.camera.name.clone()),
            standing,
            facts,
            candidate_for: part.is_tried().then(|| part.place.into()),
        };
        (seat, answers, status)
    }

    /// The ear of an analyzer that comes after others.
    fn hearing(&self, place: &str, turns: &BTreeMap<String, Turn>) -> Option<Hearing> {
        let chain = self.guests.chain(place).filter(|chain| !chain.after.is_empty())?;
        let follower = self.shared.bus.follow(&[&self.camera.name], place, &chain.after);
        let before = chain.after.iter().filter_map(|of| turns.get(&of.name));
        let tail = match chain.pictures {
            config::Pictures::Always => None,
            config::Pictures::WhileOpen(tail) => Some(tail),
        };
        let ahead = before.map(|turn| turn.progress.follow()).collect();
        Some(Hearing::new(follower, ahead, tail, Patience::Live))
    }

    /// What an instance is made with, and where answers to its requests come.
    fn instance(&self, part: Part<'_>) -> (InstanceConfig, Answers) {
        let name = part.name;
        let zone = self.camera.timezone.as_deref();
        let zone = zone.and_then(|zone| jiff::tz::TimeZone::get(zone).ok());
        let camera = Some(self.camera.name.as_str());
        let (mut services, answers) = self.shared.granting.services(name, camera);
        if part.is_tried() {
            // Nothing that it does is seen outside.
            services.http = None;
        }
        let instance = InstanceConfig {
            name: name.into(),
            camera: Some(self.camera.name.clone()),
            zone: zone.unwrap_or_else(jiff::tz::TimeZone::system),
            metrics: self.shared.metrics.clone(),
            memory_bytes: None,
            services,
            proving: false,
        };
        (instance, answers)
    }
}
