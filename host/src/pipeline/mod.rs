//! The flow put together: the only module that knows all stages.
//!
//! [`start`] makes everything from a configuration; [`Running::run`] waits for the end and takes
//! it down again, upstream first. Between the two, `reload` takes another configuration in force.

pub mod plugins;
pub(crate) mod storage;
mod scope;
mod guests;
mod wires;
mod seating;
mod crew;
mod shade;
mod seats;
mod swaps;
mod files;
mod camera;
mod intake;
mod camera_events;
mod sources;
mod clips;
mod recorder;
mod residents;
mod status;
mod house;
mod difference;
mod reload;
mod door;
mod audit;
mod granting;
mod loaded;
mod life;
mod watchdog;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, broadcast, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::base::clock::Clock;
use crate::base::metrics::Metrics;
use crate::base::tasks::Tasks;
use crate::base::{Result, limits};
use crate::config::Config;
use crate::events::{Bus, Event, bus};
use crate::people;
use crate::seat::{self, Vault};
use crate::serve;
use crate::store::fs::Disk;
use crate::store::{ClosedSegment, Store, layout};
use crate::view::live::Live;
use crate::view::pictures::Pictures;
use crate::view::{Looks, View, exports};
use crate::wasm::{Engine, Lane, Lanes};
use files::Files;
use guests::Guests;
use house::House;
use scope::STAGE_END;
use seats::Seats;
use swaps::Swaps;

pub(crate) use camera::ingest_of;
pub(crate) use life::deletion_events;

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
    /// The file that the configuration was read from, to be read again when it changes; `None`: it
    /// stays as it is.
    pub file: Option<PathBuf>,
}

/// What all cameras and sources share.
struct Shared {
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    store: Arc<Store>,
    bus: Bus,
    lanes: Lanes,
    decode: Lane,
    /// What plugins may be granted beyond their imports.
    granting: granting::Granting,
    seats: Arc<Seats>,
    live: Live,
    /// What candidates share.
    shadow: shade::Shade,
}

/// The tasks that are of no one camera, in the order in which they end.
#[derive(Default)]
struct Stages {
    /// Reads the configuration anew: ends first, so that nobody comes while others go.
    reload: Tasks,
    /// Writes what instances saved: ends after all of them, which save last of all.
    keep: Tasks,
    /// What passes on who said what, and watches; ends with the policies.
    judge: Tasks,
    /// Tells what became of the recordings: ends when all files are closed.
    life: Tasks,
    serve: Tasks,
}

/// A host that runs.
pub struct Running {
    address: SocketAddr,
    stages: Stages,
    house: Arc<Mutex<House>>,
    lanes: Lanes,
    decode: Lane,
    store: Arc<Store>,
    view: Arc<View>,
}

/// Makes everything and starts it.
///
/// # Errors
/// The store can't be opened, the address can't be listened on. A plugin that can't be loaded is
/// logged, and costs only the cameras that name it: these fail open.
pub async fn start(config: Config, surroundings: Surroundings) -> Result<Running> {
    let Surroundings { clock, metrics, cache, notes, file } = surroundings;
    // Before all that takes time: what is saved meanwhile is another text.
    let read = file.map(reload::Read::now);
    let (engine, plugins) = loaded(&config, cache.as_deref())?;
    let (store, recovered) = storage::open(&config, notes, clock.clone(), metrics.clone()).await?;
    let (lanes, decode) = (Lanes::start()?, decoders()?);
    let (bus, host_events) = Bus::new(store.clone(), clock.clone(), metrics.clone());
    let stages = Stages::default();
    let patience = watchdog::patience(config.store.sync);
    let (gather, teller, voice) = life::signs(&store, &bus, &clock, &recovered, patience);
    let token = stages.life.shutdown();
    stages.life.spawn("signs of life", gather.run(token.clone()));
    stages.life.spawn("signs of life to the index", teller.run(token.clone()));
    let granting = granting::Granting::start(&config.store.path, clock.wall(), &stages.life);
    let view = View::new(&config.store.path, Arc::new(Disk), clock.clone());
    let looks = looks(&config, &clock, &metrics, &stages)?;
    let http = http(&config, &bus, &clock, &metrics, &stages)?;
    let seats = seats(&config, &lanes, &bus, &clock, &stages);
    let shared = Shared {
        clock: clock.clone(),
        metrics: metrics.clone(),
        store: store.clone(),
        bus: bus.clone(),
        lanes: lanes.clone(),
        decode: decode.clone(),
        granting,
        seats: seats.clone(),
        live: looks.live.clone(),
        shadow: shade::Shade::new(&store, &clock, &metrics),
    };
    let cameras = config.cameras.len();
    let guests = Guests::new(&config, plugins);
    let house = House::open(shared, config, guests).await?;
    let (residents, config) = (house.view(), house.in_force());
    let house = Arc::new(Mutex::new(house));
    let token = stages.judge.shutdown();
    start_telling(&stages.judge, &bus, &store, host_events);
    let (seen, news) = (residents.clone(), store.subscribe());
    let watch = watchdog::watch(seen, patience, news, voice, clock.clone(), metrics, token.clone());
    stages.judge.spawn("watchdog", watch);
    let token = stages.reload.shutdown();
    let swaps = Arc::new(Swaps::new(engine, house.clone(), seats, token.clone()));
    let watch = Files::new(swaps.clone()).watch(token.clone());
    stages.reload.spawn("files of plugins", watch);
    let reload = read.map(|read| start_reloader(&stages.reload, read, &swaps));

    let (store_health, kept) = (store.health(), store.clone());
    let door = door::Door { residents, config, reload, swaps, bus, store, store_health, clock };
    let server = serve::Server::bind(http, Arc::new(door), view.clone(), looks).await?;
    let address = server.address();
    stages.serve.spawn("http", server.run(stages.serve.shutdown().clone()));
    tracing::info!(%address, cameras, "recording");
    Ok(Running { address, stages, house, lanes, decode, store: kept, view })
}

/// What decodes: all cores but one.
fn decoders() -> Result<Lane> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Lane::start("decode", cores.saturating_sub(1).max(1))
}

/// Passes on what the host itself says, and which segments are on disk for good.
fn start_telling(
    tasks: &Tasks,
    bus: &Bus,
    store: &Store,
    host_events: mpsc::Receiver<(String, Event)>,
) {
    let token = tasks.shutdown();
    let hosts = bus::run_host_events(bus.clone(), host_events, token.clone());
    tasks.spawn("host events", hosts);
    let closed = tell_closed(bus.clone(), store.subscribe_closed(), token.clone());
    tasks.spawn("closed segments", closed);
}

fn start_reloader(tasks: &Tasks, read: reload::Read, swaps: &Arc<Swaps>) -> reload::Asker {
    let (reloader, asker) = reload::Reloader::new(read, swaps.clone());
    tasks.spawn("reload", reloader.run(tasks.shutdown().clone()));
    asker
}

/// What is looked at beside recordings.
fn looks(
    config: &Config,
    clock: &Arc<dyn Clock>,
    metrics: &Metrics,
    stages: &Stages,
) -> Result<Looks> {
    let (live, bytes) = (Live::new(metrics, &stages.serve), limits::PICTURE_CACHE_BYTES);
    let (path, fs) = (&config.store.path, Arc::new(Disk));
    let pictures = Pictures::start(path, fs, clock.clone(), live.clone(), bytes)?;
    Ok(Looks { live, pictures })
}

/// The engine, and all plugins that can be loaded; what is wrong with the others is logged.
fn loaded(config: &Config, cache: Option<&Path>) -> Result<(Engine, plugins::Plugins)> {
    let engine = Engine::new(cache).or_else(|error| {
        let error = error.chain();
        tracing::warn!(
            error,
            "no compiled plugins are kept, so they are compiled at every start: set \
             CACHE_DIRECTORY or XDG_CACHE_HOME to a directory of this user"
        );
        Engine::new(None)
    })?;
    engine.limit_memory(config.plugin_memory_bytes);
    let plugins = plugins::load(&engine, config);
    for mistake in plugins::mistakes(config, &plugins) {
        tracing::error!("{mistake}");
    }
    Ok((engine, plugins))
}

/// What HTTP stands on: who may come, and where it is said who did.
fn http(
    config: &Config,
    bus: &Bus,
    clock: &Arc<dyn Clock>,
    metrics: &Metrics,
    stages: &Stages,
) -> Result<serve::Config> {
    let (looks, known) = people::watch(&config.store.path)?;
    stages.reload.spawn("file of users", looks.run(stages.reload.shutdown().clone()));
    let (trail, heard) = serve::audit::trail();
    let writer = audit::Writer { bus: bus.clone(), clock: clock.clone(), heard };
    stages.life.spawn("audit trail", writer.run(stages.life.shutdown().clone()));
    let floor = storage::floor(config.store.free_floor_bytes);
    let (exports, worker) =
        exports::exports(&config.store.path, Arc::new(Disk), floor, clock.clone());
    stages.judge.spawn("exports", worker.run(stages.judge.shutdown().clone()));
    let (http, metrics) = (config.http.clone(), metrics.clone());
    Ok(serve::Config { http, known, trail, exports, metrics })
}

/// Where plugins sit, and what keeps what they save.
fn seats(
    config: &Config,
    lanes: &Lanes,
    bus: &Bus,
    clock: &Arc<dyn Clock>,
    stages: &Stages,
) -> Arc<Seats> {
    let directory = layout::plugins(&config.store.path).join("state");
    let (aside, vault) = (lanes.aside.clone(), Vault::new(Some(directory)));
    let keeper = vault.clone().run(aside.clone(), stages.keep.shutdown().clone());
    stages.keep.spawn("snapshots of plugins", keeper);
    let (bus, clock) = (bus.clone(), clock.clone());
    Arc::new(Seats::new(seat::Shared { aside, vault, bus, clock }))
}

impl Running {
    /// Where HTTP is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs until `shutdown`, then ends everything within
    /// [`limits::SHUTDOWN`], upstream first; the last segments are closed.
    pub async fn run(self, shutdown: CancellationToken) {
        shutdown.cancelled().await;
        tracing::info!("ending");
        let deadline = Instant::now() + limits::SHUTDOWN - PROCESS_END;
        let left = |step: Duration| step.min(deadline.saturating_duration_since(Instant::now()));
        let mut late = self.stages.reload.end(left(STAGE_END)).await;
        // What a reload has begun here leaves the house in order; what takes longer is done outside.
        if let Ok(house) = tokio::time::timeout(left(FILES_END), self.house.lock()).await {
            late.extend(house.end(left).await);
        }
        late.extend(self.stages.keep.end(left(STAGE_END)).await);
        late.extend(self.stages.judge.end(left(STAGE_END)).await);
        self.store.finish(left(FILES_END)).await;
        late.extend(self.stages.life.end(left(LIFE_END)).await);
        self.view.close();
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
    let (metrics, notes, file) = (Metrics::default(), None, None);
    let surroundings = Surroundings { clock, metrics, cache, notes, file };
    start(config, surroundings).await?.run(shutdown).await;
    Ok(())
}

/// The user's cache directory, or one in the store for a service that has none.
pub(crate) fn cache_directory(config: &Config) -> PathBuf {
    let given = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty());
    given("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| given("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .map_or_else(|| config.store.path.join(".cache"), |caches| caches.join("wardline"))
}
