//! The stages of one camera, put together for a replay: the same as live, without ingest and
//! recorder, on lanes without threads.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::ledger::Ledger;
use super::{Plan, Seat};
use crate::analyze::hearing::{Hearing, Patience};
use crate::analyze::order::Progress;
use crate::analyze::pictures::Turn;
use crate::analyze::{self, UnitTaps, UnitTee, pictures};
use crate::base::clock::Clock;
use crate::base::limits;
use crate::base::metrics::Metrics;
use crate::base::tasks::Tasks;
use crate::config::{Chain, Pictures};
use crate::events::{Bus, Heard, source};
use crate::ingest::{VideoParameters, queue};
use crate::policy;
use crate::policy::floors::Floors;
use crate::seat::{self, Facts, Offer, Post, Vault};
use crate::store::Judge;
use crate::wasm::standing::{Asker, Teller, standing};
use crate::wasm::{InstanceConfig, Kind, Lane, Lanes, Services};

/// Batches of access units on their way to an analyzer.
const UNIT_BATCHES: usize = 4;

/// The ways into the stages, and what runs them.
pub(super) struct Stages {
    pub(super) bus: Bus,
    pub(super) packets: queue::Sender,
    pub(super) units: UnitTee,
    pub(super) messages: Option<mpsc::Sender<source::Delivery>>,
    /// Decoding, analyzers and the source: end first.
    pub(super) look: Tasks,
    pub(super) judge: Tasks,
    pub(super) faults: Faults,
}

/// Where the first fault of a plugin arrives.
pub(super) struct Faults {
    sender: mpsc::Sender<String>,
    pub(super) first: mpsc::Receiver<String>,
    watch: Tasks,
}

impl Faults {
    fn new() -> Self {
        let (sender, first) = mpsc::channel(1);
        Self { sender, first, watch: Tasks::new() }
    }

    /// Follows how a plugin fares.
    fn watch(&self, name: &str) -> Teller {
        let (teller, asker) = standing();
        self.watch.spawn(format!("faults of {name}"), tell(asker, self.sender.clone()));
        teller
    }

    /// Ends with the plugins.
    pub(super) async fn end(&self) {
        self.watch.end(limits::SHUTDOWN).await;
    }
}

/// Ends with the plugin, or with its first fault.
async fn tell(mut asker: Asker, faults: mpsc::Sender<String>) {
    loop {
        if let Some(reason) = asker.borrow_and_update().trouble() {
            // The first one counts.
            let _full = faults.try_send(reason.to_owned());
            return;
        }
        if asker.changed().await.is_err() {
            return;
        }
    }
}

/// Starts all. `video` is what the first film shows.
pub(super) fn start(
    plan: &Plan,
    ledger: &Arc<Ledger>,
    clock: &Arc<dyn Clock>,
    video: Option<Arc<VideoParameters>>,
    metrics: &Metrics,
) -> Stages {
    // The host itself says nothing new: what it said is among the recorded events.
    let (bus, _) = Bus::new(ledger.clone(), clock.clone(), metrics.clone());
    bus.add_camera(&plan.camera);
    plan.hears.iter().for_each(|other| bus.add_camera(&other.name));
    let heard = |seat: &Seat| bus.listen(&plan.camera, &seat.name, &plan.hears);
    let heard: Vec<_> = plan.policies.iter().map(heard).collect();
    let lanes = Lanes::unhurried();
    let seats = seat::Shared {
        aside: lanes.aside.clone(),
        vault: Vault::new(None),
        bus: bus.clone(),
        clock: clock.clone(),
    };
    let rig = Rig { plan, ledger, clock, metrics, bus: bus.clone(), lanes, seats };
    let (look, judge, faults) = (Tasks::new(), Tasks::new(), Faults::new());
    for (number, (seat, heard)) in plan.policies.iter().zip(heard).enumerate() {
        rig.policy(number, seat, heard, &judge, &faults);
    }
    let (packets, units) = rig.analyzers(video, &look, &faults);
    let messages = plan.source.as_ref().map(|seat| rig.source(seat, &look, &faults));
    Stages { bus, packets, units, messages, look, judge, faults }
}

struct Rig<'a> {
    plan: &'a Plan,
    ledger: &'a Arc<Ledger>,
    clock: &'a Arc<dyn Clock>,
    metrics: &'a Metrics,
    bus: Bus,
    lanes: Lanes,
    seats: seat::Shared,
}

impl Rig<'_> {
    fn instance(&self, seat: &Seat, camera: Option<&str>) -> InstanceConfig {
        InstanceConfig {
            name: seat.name.clone(),
            camera: camera.map(str::to_owned),
            zone: self.plan.zone.clone(),
            metrics: self.metrics.clone(),
            memory_bytes: None,
            services: Services::default(),
            proving: false,
        }
    }

    /// Somebody to judge, who keeps nothing beyond the replay and is never replaced.
    fn sits<T: Kind>(
        &self,
        seat: &Seat,
        camera: Option<&str>,
        lane: &Lane,
        faults: &Faults,
    ) -> seat::Seat<T> {
        let (_, orders) = seat::orders();
        seat::Seat::new(Post {
            camera: camera.unwrap_or_default().to_owned(),
            name: seat.name.clone(),
            offer: Some(Offer { plugin: seat.plugin.clone(), params: seat.params.clone() }),
            instance: self.instance(seat, camera),
            lane: lane.clone(),
            standing: faults.watch(&seat.name),
            facts: watch::channel(Facts::default()).0,
            orders,
            shared: self.seats.clone(),
        })
    }

    fn policy(
        &self,
        number: usize,
        seat: &Seat,
        heard: mpsc::Receiver<Heard>,
        tasks: &Tasks,
        faults: &Faults,
    ) {
        let camera = &self.plan.camera;
        // Nobody records: spans end in the ledger.
        let (spans, _) = mpsc::channel(1);
        let sits = self.sits(seat, Some(camera), &self.lanes.decide, faults);
        let stage = policy::stage::Stage {
            camera: camera.clone(),
            name: seat.name.clone(),
            digest: sits.digest().unwrap_or_default(),
            seat: sits,
            heard,
            bus: self.bus.clone(),
            store: self.ledger.clone(),
            judge: Judge::numbered(i64::try_from(number).unwrap_or(i64::MAX)),
            spans,
            reach: policy::spans::Reach::default(),
            clock: self.clock.clone(),
            unsaved: VecDeque::new(),
            floors: Floors::default(),
            terms: policy::terms::Terms {
                keep: Some(self.plan.keep),
                keep_max: self.plan.keep_max,
            },
            open: None,
        };
        let token = tasks.shutdown().clone();
        tasks.spawn(format!("policy {}", seat.name), stage.run(token));
    }

    fn analyzers(
        &self,
        video: Option<Arc<VideoParameters>>,
        tasks: &Tasks,
        faults: &Faults,
    ) -> (queue::Sender, UnitTee) {
        let camera = &self.plan.camera;
        let options = queue::Options {
            camera: camera.clone(),
            edge: "decode",
            // One unit at a time, whatever its size.
            bytes_max: usize::MAX / 4,
            when_full: queue::WhenFull::SkipToKey,
        };
        let (packets, queue) = queue::channel(options, self.metrics);
        let (wishes, wished) = watch::channel(Vec::new());
        // Known before the first unit, so that analyzers are ready for it.
        let (video, known) = watch::channel(video);
        let (sight, _) = standing();
        let pictures = pictures::Pictures {
            camera: camera.clone(),
            packets: queue,
            wishes: wished,
            video,
            sight,
            is_second: false,
            lane: self.lanes.analyze.clone(),
            metrics: self.metrics.clone(),
        };
        tasks.spawn("decoder", pictures.run());
        let turns = self.turns();
        let taps = UnitTaps::default();
        for seat in &self.plan.analyzers {
            let (units, unit_queue) = mpsc::channel(UNIT_BATCHES);
            taps.add(units);
            let stage = analyze::stage::Stage {
                camera: camera.clone(),
                name: seat.name.clone(),
                seat: self.sits(seat, Some(camera), &self.lanes.analyze, faults),
                wishes: wishes.clone(),
                video: known.clone(),
                units: Some(unit_queue),
                hearing: self.hearing(seat, &turns),
                turn: turns.get(&seat.name).cloned().unwrap_or_default(),
                answers: mpsc::channel(1).1,
                bus: self.bus.clone(),
                tried: false,
            };
            let token = tasks.shutdown().clone();
            tasks.spawn(format!("analyzer {}", seat.name), stage.run(token));
        }
        (packets, UnitTee::new(taps))
    }

    /// The places of the analyzers among those that come after one another.
    fn turns(&self) -> BTreeMap<String, Turn> {
        let turn = |seat: &Seat| {
            let turn = Turn { depth: seat.chain.depth, progress: Progress::default() };
            (seat.name.clone(), turn)
        };
        self.plan.analyzers.iter().map(turn).collect()
    }

    /// The ear of one that comes after others, in this replay or in what was recorded.
    fn hearing(&self, seat: &Seat, turns: &BTreeMap<String, Turn>) -> Option<Hearing> {
        let Chain { after, pictures, .. } = &seat.chain;
        if after.is_empty() {
            return None;
        }
        let follower = self.bus.follow(&[&self.plan.camera], &seat.name, after);
        let before = after.iter().filter_map(|of| turns.get(&of.name));
        let ahead = before.map(|turn| turn.progress.follow()).collect();
        let tail = match pictures {
            Pictures::Always => None,
            Pictures::WhileOpen(tail) => Some(*tail),
        };
        Some(Hearing::new(follower, ahead, tail, Patience::Endless))
    }

    fn source(
        &self,
        seat: &Seat,
        tasks: &Tasks,
        faults: &Faults,
    ) -> mpsc::Sender<source::Delivery> {
        let (queue, messages) = mpsc::channel(limits::EVENT_QUEUE);
        let source = source::Source {
            name: seat.name.clone(),
            cameras: vec![self.plan.camera.clone()],
            seat: self.sits(seat, None, &self.lanes.decide, faults),
            messages,
            follower: None,
            answers: mpsc::channel(1).1,
            bus: self.bus.clone(),
            clock: self.clock.clone(),
            open: None,
        };
        let token = tasks.shutdown().clone();
        tasks.spawn(format!("source {}", seat.name), source.run(token));
        queue
    }
}
