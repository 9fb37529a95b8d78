//! One camera's plugins, wired: decoding and analyzers, and policies.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::plugins::Plugins;
use super::scope::Scope;
use super::{Shared, status};
use crate::analyze::hearing::{Hearing, Patience};
use crate::analyze::order::Progress;
use crate::analyze::pictures::{Pictures, Subscription, Turn};
use crate::analyze::stage;
use crate::base::limits;
use crate::config::{self, Chain, Config};
use crate::events::Heard;
use crate::fetch::Answers;
use crate::ingest::{VideoParameters, queue};
use crate::policy::floors::Floors;
use crate::policy::spans::Reach;
use crate::policy::{self, Span};
use crate::seat::Seat;
use crate::store::Judge;
use crate::wasm::standing::{Asker, Standing, standing};
use crate::wasm::{InstanceConfig, Kind, Lane, Unit};

/// Batches of access units on their way to an analyzer.
const UNIT_BATCHES: usize = 4;

/// The plugins that are there to be named.
pub(super) struct Guests {
    pub(super) plugins: Plugins,
    /// By plugin: whom it comes after.
    chains: BTreeMap<String, Chain>,
}

impl Guests {
    pub(super) fn new(config: &Config, plugins: Plugins) -> Self {
        let chain = |plugin: &config::Plugin| (plugin.name.clone(), plugin.chain.clone());
        Self { plugins, chains: config.plugins.iter().map(chain).collect() }
    }
}

/// What the plugins of one camera are wired with.
pub(super) struct Wiring<'a> {
    pub(super) camera: &'a config::Camera,
    pub(super) shared: &'a Shared,
    pub(super) guests: &'a Guests,
    pub(super) scope: &'a Scope,
}

/// A camera's analyzers, started.
#[derive(Default)]
pub(super) struct Analyzers {
    pub(super) plugins: Vec<status::Plugin>,
    /// Whether there is anything to be seen.
    sight: Option<Asker>,
    /// Where access units of the recorded stream go.
    pub(super) units: Vec<mpsc::Sender<Vec<Unit>>>,
    /// Where packets of the analysed stream go.
    pub(super) decode: Option<queue::Sender>,
}

impl Analyzers {
    /// Those who must be well for the camera to be seen.
    pub(super) fn askers(&self) -> Vec<Asker> {
        let plugins = self.plugins.iter().map(|plugin| plugin.standing.clone());
        self.sight.iter().cloned().chain(plugins).collect()
    }
}

impl Wiring<'_> {
    /// Starts the policies, each with what it is to the store and what it hears.
    pub(super) fn start_policies(
        &self,
        heard: Vec<(Judge, mpsc::Receiver<Heard>)>,
        spans: &mpsc::Sender<Span>,
        reach: &Reach,
    ) -> Vec<status::Plugin> {
        let (camera, shared) = (self.camera, self.shared);
        let mut policies = Vec::new();
        for (name, (judge, heard)) in camera.policies.iter().zip(heard) {
            // Policies may not ask: nobody hears their answers.
            let (seat, _) = self.seat(name, &shared.lanes.decide, &mut policies);
            let task = format!("policy {name} of {}", camera.name);
            let token = self.scope.judge.shutdown().clone();
            let stage = policy::stage::Stage {
                camera: camera.name.clone(),
                name: name.clone(),
                digest: seat.digest().unwrap_or_default(),
                seat,
                heard,
                bus: shared.bus.clone(),
                store: shared.store.clone(),
                judge,
                spans: spans.clone(),
                reach: reach.clone(),
                clock: shared.clock.clone(),
                unsaved: VecDeque::new(),
                floors: Floors::default(),
                open: None,
            };
            self.scope.judge.spawn(task, stage.run(token));
        }
        policies
    }

    /// Starts decoding and the analyzers; none of it for a camera without analyzers.
    pub(super) fn start_analyzers(&self) -> Analyzers {
        let (camera, shared) = (self.camera, self.shared);
        let mut analyzers = Analyzers::default();
        if camera.analyzers.is_empty() {
            return analyzers;
        }
        let (wishes, wished) = watch::channel(Vec::new());
        let (video, known) = watch::channel(None);
        self.start_pictures(&mut analyzers, wished, video);
        let turns = self.turns();
        for name in &camera.analyzers {
            let (seat, answers) = self.seat(name, &shared.lanes.analyze, &mut analyzers.plugins);
            let (units, unit_queue) = mpsc::channel(UNIT_BATCHES);
            analyzers.units.push(units);
            let stage = stage::Stage {
                camera: camera.name.clone(),
                name: name.clone(),
                seat,
                wishes: wishes.clone(),
                video: known.clone(),
                units: Some(unit_queue),
                answers,
                hearing: self.hearing(name, &turns),
                turn: turns.get(name).cloned().unwrap_or_default(),
                bus: shared.bus.clone(),
            };
            let task = format!("analyzer {name} of {}", camera.name);
            let token = self.scope.analyze.shutdown().clone();
            self.scope.analyze.spawn(task, stage.run(token));
        }
        analyzers
    }

    fn start_pictures(
        &self,
        analyzers: &mut Analyzers,
        wishes: watch::Receiver<Vec<Arc<Subscription>>>,
        video: watch::Sender<Option<Arc<VideoParameters>>>,
    ) {
        let camera = self.camera;
        let options = queue::Options {
            camera: camera.name.clone(),
            edge: "decode",
            bytes_max: limits::DECODE_QUEUE_BYTES,
            when_full: queue::WhenFull::SkipToKey,
        };
        let (decode, packets) = queue::channel(options, &self.shared.metrics);
        let (sight, asker) = standing();
        let pictures = Pictures {
            camera: camera.name.clone(),
            packets,
            wishes,
            video,
            sight,
            is_second: camera.analysis.is_some(),
            lane: self.shared.decode.clone(),
            metrics: self.shared.metrics.clone(),
        };
        self.scope.analyze.spawn(format!("decoder of {}", camera.name), pictures.run());
        (analyzers.decode, analyzers.sight) = (Some(decode), Some(asker));
    }

    /// A seat for a plugin on this camera, known to those who ask; and where answers to the requests
    /// of whoever sits there come.
    fn seat<T: Kind>(
        &self,
        name: &str,
        lane: &Lane,
        plugins: &mut Vec<status::Plugin>,
    ) -> (Seat<T>, Answers) {
        let (teller, standing) = standing();
        let seats = &self.shared.seats;
        let (instance, answers) = self.instance(name);
        let (seat, facts) = seats.seat(&self.guests.plugins, instance, lane, teller);
        let (name, camera) = (name.into(), Some(self.camera.name.clone()));
        plugins.push(status::Plugin { name, camera, standing, facts });
        (seat, answers)
    }

    /// The places of the camera's analyzers among those that come after one another.
    fn turns(&self) -> BTreeMap<String, Turn> {
        let turn = |name: &String| {
            let depth = self.guests.chains.get(name).map_or(0, |chain| chain.depth);
            (name.clone(), Turn { depth, progress: Progress::default() })
        };
        self.camera.analyzers.iter().map(turn).collect()
    }

    /// The ear of an analyzer that comes after others.
    fn hearing(&self, name: &str, turns: &BTreeMap<String, Turn>) -> Option<Hearing> {
        let chain = self.guests.chains.get(name).filter(|chain| !chain.after.is_empty())?;
        let follower = self.shared.bus.follow(&[&self.camera.name], name, &chain.after);
        let before = chain.after.iter().filter_map(|of| turns.get(&of.name));
        let tail = match chain.pictures {
            config::Pictures::Always => None,
            config::Pictures::WhileOpen(tail) => Some(tail),
        };
        let ahead = before.map(|turn| turn.progress.follow()).collect();
        Some(Hearing::new(follower, ahead, tail, Patience::Live))
    }

    /// What an instance is made with, and where answers to its requests come.
    fn instance(&self, name: &str) -> (InstanceConfig, Answers) {
        let zone = self.camera.timezone.as_deref();
        let zone = zone.and_then(|zone| jiff::tz::TimeZone::get(zone).ok());
        let camera = Some(self.camera.name.as_str());
        let (services, answers) = self.shared.granting.services(name, camera);
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

/// The standing of a plugin that could not be loaded.
pub(super) fn unloaded(name: &str) -> Standing {
    Standing::Quarantined { reason: format!("plugin {name} could not be loaded: see the log") }
}
