//! The flow put together: the only module that knows all stages.
//!
//! [`start`] makes everything from a configuration; [`Running::run`] waits for the end and takes
//! it down again, upstream first.

pub mod plugins;
mod seats;
mod reload;
pub(crate) mod storage;
mod camera;
mod camera_events;
mod clips;
mod recorder;
mod status;
mod door;
mod life;
mod watchdog;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::base::clock::Clock;
use crate::base::metrics::Metrics;
use crate::base::tasks::Tasks;
use crate::base::{Result, limits};
use crate::config::{self, Config};
use crate::events::bus::{self, Wiring};
use crate::events::{Bus, source};
use crate::seat::{self, Vault};
use crate::serve;
use crate::store::{ClosedSegment, Store};
use crate::wasm::standing::{Asker, standing};
use crate::wasm::{Engine, InstanceConfig, Lane, Lanes, World};

pub(crate) use camera::ingest_of;
pub(crate) use life::deletion_events;

/// How long the tasks of one stage may take to end. All waits together stay within
/// [`limits::SHUTDOWN`].
const STAGE_END: Duration = Duration::from_millis(250);

/// How long it may take to tell what has stopped: each of that is a commit, and on a busy disk each
/// of those takes its time.
const LIFE_END: Duration = Duration::from_millis(1000);

/// What the end of the runtime and of the process may take of [`limits::SHUTDOWN`].
const PROCESS_END: Duration = Duration::from_millis(200);

/// How long closing all files may take.
const FILES_END: Duration = Duration::from_millis(1200);

/// How long the store may take after that: the index is folded back.
const STORE_END: Duration = Duration::from_millis(1900);

/// What the host takes from its surroundings.
pub struct Surroundings {
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// Figures.
    pub metrics: Metrics,
    /// Where compiled components are kept between starts; `None`: they are not.
    pub cache: Option<PathBuf>,
    /// Where it is noted which stores are there; `None`: nowhere.
    pub notes: Option<PathBuf>,
}

/// What all cameras share.
struct Shared {
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    store: Arc<Store>,
    bus: Bus,
    lanes: Lanes,
    decode: Lane,
    plugins: plugins::Plugins,
    seats: Arc<seats::Seats>,
}

/// Groups of tasks, in the order in which they end.
#[derive(Default)]
struct Stages {
    ingest: Tasks,
    /// Decoding, which ends by itself once ingest has ended, and analyzers.
    analyze: Tasks,
    /// Policies, sources, and what watches them.
    judge: Tasks,
    /// Writes what instances saved: ends after analyzers and judges, which save last of all.
    keep: Tasks,
    /// Recorders: end after the judges, whose last spans they still write.
    record: Tasks,
    /// Tells what became of the recordings: ends when all files are closed.
    life: Tasks,
    serve: Tasks,
}

/// A host that runs.
pub struct Running {
    address: SocketAddr,
    stages: Stages,
    lanes: Lanes,
    decode: Lane,
    store: Arc<Store>,
    plugins: Plugins,
}

/// The plugins of a host that runs. Cheap to clone.
#[derive(Clone)]
pub struct Plugins(Arc<reload::Reloads>);

impl Plugins {
    /// Does what a configuration says of plugins that run: other parameters, other components, and
    /// files that have changed. What is wrong with one is logged, and leaves it as it is.
    pub async fn configure(&self, config: &Config) {
        self.0.configure(config).await;
    }
}

/// Makes everything and starts it.
///
/// # Errors
/// The store can't be opened, the address can't be listened on. A plugin that can't be loaded is
/// logged, and costs only the cameras that name it: these fail open.
pub async fn start(config: Config, surroundings: Surroundings) -> Result<Running> {
    let Surroundings { clock, metrics, cache, notes } = surroundings;
    let engine = Engine::new(cache.as_deref())?;
    if let Some(bytes) = config.plugin_memory_bytes {
        engine.limit_memory(bytes);
    }
    let plugins = plugins::load(&engine, &config);
    for mistake in plugins::mistakes(&config, &plugins) {
        tracing::error!("{mistake}");
    }
    let (store, recovered) = storage::open(&config, notes, clock.clone(), metrics.clone()).await?;
    let lanes = Lanes::start()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let decode = Lane::start("decode", cores.saturating_sub(1).max(1))?;

    let mut wiring = Wiring::default();
    let heard = listeners(&config, &mut wiring);
    let (bus, host_events) = wiring.connect(store.clone(), clock.clone(), metrics.clone());
    let stages = Stages::default();
    let vault = Vault::new(Some(crate::store::layout::plugins(&config.store.path).join("state")));
    let keeper = vault.clone().run(lanes.aside.clone(), stages.keep.shutdown().clone());
    stages.keep.spawn("snapshots of plugins", keeper);
    let seats =
        seat::Shared { aside: lanes.aside.clone(), vault, bus: bus.clone(), clock: clock.clone() };
    let seats = Arc::new(seats::Seats::new(seats));
    let reloads = Arc::new(reload::Reloads::new(&config, &engine, &plugins, seats.clone()));
    let watch = reloads.clone().watch(stages.judge.shutdown().clone());
    stages.judge.spawn("files of plugins", watch);
    let shared = Shared { clock, metrics, store, bus, lanes, decode, plugins, seats };
    let patience = watchdog::patience(config.store.sync);
    let (gather, teller, voice) =
        life::signs(&shared.store, &shared.bus, &shared.clock, &recovered, patience);
    let token = stages.life.shutdown().clone();
    stages.life.spawn("signs of life", gather.run(token.clone()));
    stages.life.spawn("signs of life to the index", teller.run(token));

    let mut plugin_status = Vec::new();
    let (sources, serving) = start_sources(&config, &shared, &stages, &mut plugin_status);
    let mut cameras = BTreeMap::new();
    let mut camera_status = Vec::new();
    for (camera, heard) in config.cameras.iter().zip(heard) {
        let required = serving.get(&camera.name).cloned().unwrap_or_default();
        let started =
            camera::start(camera, &shared, &stages, heard, required, &mut plugin_status).await?;
        camera_status.push(started.status);
        cameras.insert(camera.name.clone(), started.door);
    }
    let (bus, token) = (shared.bus.clone(), stages.judge.shutdown().clone());
    stages.judge.spawn("host events", bus::run_host_events(bus, host_events, token));
    let (bus, token) = (shared.bus.clone(), stages.judge.shutdown().clone());
    let closed = shared.store.subscribe_closed();
    stages.judge.spawn("closed segments", tell_closed(bus, closed, token));

    clips::start(&config, &shared.clock, &stages.judge);

    let watched = camera_status.iter().map(|camera| camera.watched(patience)).collect();
    let (news, token) = (shared.store.subscribe(), stages.judge.shutdown().clone());
    let (clock, metrics) = (shared.clock.clone(), shared.metrics.clone());
    stages.judge.spawn("watchdog", watchdog::watch(watched, news, voice, clock, metrics, token));

    let door = door::Door {
        sources,
        cameras,
        camera_status,
        plugin_status,
        reloads: reloads.clone(),
        bus: shared.bus,
        store_health: shared.store.health(),
        store: shared.store.clone(),
        clock: shared.clock,
    };
    let http = serve::Config {
        listen: config.http.listen,
        token: config.http.token.clone(),
        metrics: shared.metrics,
    };
    let server = serve::Server::bind(http, Arc::new(door)).await?;
    let address = server.address();
    let token = stages.serve.shutdown().clone();
    stages.serve.spawn("http", server.run(token));
    tracing::info!(%address, cameras = config.cameras.len(), "recording");
    Ok(Running {
        address,
        stages,
        lanes: shared.lanes,
        decode: shared.decode,
        store: shared.store,
        plugins: Plugins(reloads),
    })
}

impl Running {
    /// Where HTTP is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its plugins.
    pub fn plugins(&self) -> Plugins {
        self.plugins.clone()
    }

    /// Runs until `shutdown`, then ends everything within
    /// [`limits::SHUTDOWN`], upstream first; the last segments are closed.
    pub async fn run(self, shutdown: CancellationToken) {
        shutdown.cancelled().await;
        tracing::info!("ending");
        let deadline = Instant::now() + limits::SHUTDOWN - PROCESS_END;
        let left = |step: Duration| step.min(deadline.saturating_duration_since(Instant::now()));
        let mut late = self.stages.ingest.end(left(STAGE_END)).await;
        // Decoders end with the packets; what analyzers and policies still say is heard.
        late.extend(self.stages.analyze.end(left(STAGE_END)).await);
        late.extend(self.stages.judge.end(left(STAGE_END)).await);
        late.extend(self.stages.keep.end(left(STAGE_END)).await);
        late.extend(self.stages.record.end(left(STAGE_END)).await);
        self.store.finish(left(FILES_END)).await;
        late.extend(self.stages.life.end(left(LIFE_END)).await);
        self.store.shutdown_within(left(STORE_END)).await;
        late.extend(self.stages.serve.end(left(STAGE_END)).await);
        let (lanes, decode) =
            tokio::join!(self.lanes.end(left(STAGE_END)), self.decode.end(left(STAGE_END)));
        late.extend(lanes.into_iter().map(String::from));
        if !decode {
            late.push("decode".into());
        }
        if late.is_empty() {
            tracing::info!("ended");
        } else {
            tracing::warn!(left = late.join(", "), "ended, but not all did in time");
        }
    }
}

/// A queue for each policy of each camera, in the order of the configuration.
fn listeners(
    config: &Config,
    wiring: &mut Wiring,
) -> Vec<Vec<mpsc::Receiver<crate::events::Heard>>> {
    config
        .cameras
        .iter()
        .map(|camera| {
            wiring.camera(&camera.name);
            camera.policies.iter().map(|policy| wiring.listen(&camera.name, policy)).collect()
        })
        .collect()
}

type Sources = BTreeMap<String, mpsc::Sender<source::Delivery>>;

/// Starts the event sources; gives their queues, and by camera the standing of those that serve it.
fn start_sources(
    config: &Config,
    shared: &Shared,
    stages: &Stages,
    status: &mut Vec<status::Plugin>,
) -> (Sources, BTreeMap<String, Vec<Asker>>) {
    let mut queues = Sources::new();
    let mut serving: BTreeMap<String, Vec<Asker>> = BTreeMap::new();
    for plugin in &config.plugins {
        let role = plugins::role(&shared.plugins, &plugin.name, World::Source);
        // What could not be loaded is a source where no camera gives it another role.
        let has_role = || {
            let names = |camera: &config::Camera| {
                camera.analyzers.contains(&plugin.name) || camera.policies.contains(&plugin.name)
            };
            config.cameras.iter().any(names)
        };
        match role {
            Some(Ok(_)) => {}
            None if !has_role() => {}
            _ => continue,
        }
        let (teller, asker) = standing();
        let (queue, messages) = mpsc::channel(limits::EVENT_QUEUE);
        queues.insert(plugin.name.clone(), queue);
        for camera in &plugin.cameras {
            serving.entry(camera.clone()).or_default().push(asker.clone());
        }
        let instance = InstanceConfig {
            name: plugin.name.clone(),
            camera: None,
            zone: jiff::tz::TimeZone::system(),
            metrics: shared.metrics.clone(),
            memory_bytes: None,
            proving: false,
        };
        let (seat, facts) =
            shared.seats.seat(&shared.plugins, instance, &shared.lanes.decide, teller);
        let name = plugin.name.clone();
        status.push(status::Plugin { name, camera: None, standing: asker, facts });
        let source = source::Source {
            name: plugin.name.clone(),
            cameras: plugin.cameras.clone(),
            seat,
            messages,
            bus: shared.bus.clone(),
            clock: shared.clock.clone(),
            open: None,
        };
        let token = stages.judge.shutdown().clone();
        stages.judge.spawn(format!("source {}", plugin.name), source.run(token));
    }
    (queues, serving)
}

/// Tells policies of segments that are on disk for good.
async fn tell_closed(
    bus: Bus,
    mut closed: broadcast::Receiver<ClosedSegment>,
    shutdown: CancellationToken,
) {
    loop {
        let segment = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            segment = closed.recv() => segment,
        };
        match segment {
            Ok(segment) => bus.closed(&segment),
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::warn!(
                    missed,
                    "segments closed too fast to be judged: asked with the next"
                );
            }
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Starts and runs until `shutdown`.
///
/// # Errors
/// As [`start`].
pub async fn run(config: Config, clock: Arc<dyn Clock>, shutdown: CancellationToken) -> Result<()> {
    let cache = Some(cache_directory(&config));
    let surroundings = Surroundings { clock, metrics: Metrics::default(), cache, notes: None };
    start(config, surroundings).await?.run(shutdown).await;
    Ok(())
}

/// The user's cache directory, or one in the store for a service that has none.
fn cache_directory(config: &Config) -> PathBuf {
    let given = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty());
    given("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| given("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .map_or_else(|| config.store.path.join(".cache"), |caches| caches.join("wardline"))
}
