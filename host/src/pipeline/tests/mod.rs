//! The stages between packets and disk, each with its true neighbours: a store in a temporary
//! directory, the bundled plugins and misbehaving guests, on simulated time.

mod asking;
mod bus;
mod candidate;
mod chains;
mod crew;
mod door;
mod listening;
mod fleet;
mod house;
mod life;
mod pictures;
mod policy;
mod recorder;
mod reloads;
mod seats;
mod source;
mod stage;
mod steps;
mod swap;
mod units;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

use crate::base::Timestamp;
use crate::base::clock::{Clock, Simulated};
use crate::base::metrics::Metrics;
use crate::events::{Bus, Event, Heard, Notice, Publish};
use crate::ingest::{Access, Codec, VideoParameters, VideoUnit};
use crate::kv::{self, Shelf};
use crate::policy::Span;
use crate::policy::floors::Floors;
use crate::policy::spans::Reach;
use crate::policy::stage::Stage;
use crate::policy::terms::Terms;
use crate::seat::{self, Facts, Offer, Order, Post, Seat, Vault};
use crate::simulate::encode::{SceneEncoder, SceneFormat};
use crate::store::query::Reader;
use crate::store::{
    self, CameraSettings, CameraSink, EventFilter, FreeFloor, Judge, Store, StoreConfig,
    StoredEvent,
};
use crate::wasm::standing::{Asker, standing};
use crate::wasm::{self, Engine, InstanceConfig, Kind, Lane, Plugin};

const CAMERA: &str = "gate";

/// Who says the events of these tests.
const API: Publish<'static> = Publish { origin: "api", camera: CAMERA };

/// When these tests begin.
fn start() -> Timestamp {
    Timestamp::from_millis(1_763_800_000_000)
}

/// A store with one camera, and a clock.
struct Place {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    sink: Option<CameraSink>,
    directory: TempDir,
    /// Where plugins keep what they keep by key and value.
    shelf: Shelf,
}

impl Place {
    fn new() -> Self {
        Self::with(Arc::new(Simulated::starting_at(start())))
    }

    fn with(clock: Arc<dyn Clock>) -> Self {
        Self::on(Arc::new(store::fs::Disk), clock)
    }

    fn on(disk: Arc<dyn store::fs::Fs>, clock: Arc<dyn Clock>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let metrics = Metrics::default();
        let (store, sink) = Self::store(disk, &directory, &clock, &metrics);
        Self { store, clock, metrics, sink: Some(sink), directory, shelf: Shelf::default() }
    }

    fn store(
        disk: Arc<dyn store::fs::Fs>,
        directory: &TempDir,
        clock: &Arc<dyn Clock>,
        metrics: &Metrics,
    ) -> (Arc<Store>, CameraSink) {
        let config = StoreConfig {
            sync_interval: Duration::ZERO,
            free_floor: FreeFloor::Bytes(0),
            ..StoreConfig::new(directory.path().join("store"))
        };
        let (store, _) = Store::open(config, disk, clock.clone(), metrics.clone()).unwrap();
        let (sink, _) = store.camera(CAMERA, CameraSettings::default()).unwrap();
        (Arc::new(store), sink)
    }

    /// Opens the store again, after its shutdown.
    fn open(&mut self) {
        let disk = Arc::new(store::fs::Disk);
        let (store, sink) = Self::store(disk, &self.directory, &self.clock, &self.metrics);
        (self.store, self.sink) = (store, Some(sink));
    }

    fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    /// The camera's one policy, to its store.
    async fn judge(&self, name: &str) -> Judge {
        let policy = store::Policy { name: name.into(), digest: Some("1".into()) };
        self.store.judges(CAMERA, vec![policy]).await.unwrap()[0]
    }

    /// A policy's stage on the camera, how the policy fares, and the queue of orders to it.
    fn stage(
        &self,
        (name, judge): (&str, Judge),
        policy: (Plugin, wasm::Setup),
        bus: Bus,
        heard: mpsc::Receiver<Heard>,
        spans: mpsc::Sender<Span>,
    ) -> (Stage, Asker, mpsc::Sender<Order>) {
        let (seat, standing, orders) = self.seat(name, Some(CAMERA), policy, &bus);
        let stage = Stage {
            camera: CAMERA.into(),
            name: name.into(),
            digest: seat.digest().unwrap(),
            seat,
            heard,
            bus,
            store: self.store.clone(),
            judge,
            spans,
            reach: Reach::default(),
            clock: self.clock.clone(),
            unsaved: VecDeque::new(),
            floors: Floors::default(),
            terms: Terms::default(),
            open: None,
        };
        (stage, standing, orders)
    }

    /// A bus that knows the camera.
    fn bus(&self) -> Bus {
        let bus = Bus::new(self.store.clone(), self.clock.clone(), self.metrics.clone()).0;
        bus.add_camera(CAMERA);
        bus
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.directory.path().join("store")).unwrap()
    }

    fn events(&self) -> Vec<StoredEvent> {
        self.reader().events(&EventFilter::default()).unwrap()
    }

    fn instance(&self) -> InstanceConfig {
        InstanceConfig {
            name: "test".into(),
            camera: Some(CAMERA.into()),
            zone: jiff::tz::TimeZone::UTC,
            metrics: self.metrics.clone(),
            memory_bytes: None,
            services: wasm::Services { kv: kv::Place::Memory(self.shelf.clone()), http: None },
            proving: false,
        }
    }

    /// What all seats share; nothing of it survives.
    fn shared(&self, bus: &Bus) -> seat::Shared {
        seat::Shared {
            aside: Lane::inline("test"),
            vault: Vault::new(None),
            bus: bus.clone(),
            clock: self.clock.clone(),
        }
    }

    /// A seat for the plugin `name` on the camera (none: a source), how it fares, and the queue of
    /// orders to it.
    fn seat<T: Kind>(
        &self,
        name: &str,
        camera: Option<&str>,
        (plugin, setup): (Plugin, wasm::Setup),
        bus: &Bus,
    ) -> (Seat<T>, Asker, mpsc::Sender<Order>) {
        let (standing, asker) = standing();
        let (orders, queue) = seat::orders();
        let seat = Seat::new(Post {
            camera: camera.unwrap_or_default().into(),
            name: name.into(),
            offer: Some(Offer { plugin, params: setup.params }),
            instance: InstanceConfig {
                name: name.into(),
                camera: camera.map(Into::into),
                ..self.instance()
            },
            lane: Lane::inline("test"),
            standing,
            facts: watch::channel(Facts::default()).0,
            orders: queue,
            shared: self.shared(bus),
        });
        (seat, asker, orders)
    }
}

fn event(id: &str, time: Timestamp) -> Event {
    super::camera_events::instant(id.into(), "door.opened", time, Vec::new())
}

fn notice(id: &str, time: Timestamp) -> Notice {
    let (camera, origin) = (CAMERA.into(), "api".into());
    Notice { event: event(id, time), camera, origin, received: time, sequence: 1 }
}

fn load(component: &[u8]) -> Plugin {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| Engine::new(None).unwrap());
    Plugin::load(engine, "test", component).unwrap()
}

/// The same with all that it asks for.
fn load_granted(component: &[u8]) -> Plugin {
    let engine = Engine::new(None).unwrap();
    Plugin::load_on(&wasm::Terms::AsAsked, &engine, "test", component).unwrap()
}

fn guest(name: &str) -> Plugin {
    load(&wasm::guests::component(name))
}

/// A bundled plugin, and these params completed.
fn bundled(name: &str, params: &serde_json::Value) -> (Plugin, wasm::Setup) {
    let plugin = load(wasm::bundled(name).unwrap());
    let params = plugin.params(params).unwrap();
    (plugin, wasm::Setup { params, ..wasm::Setup::default() })
}

/// Pictures of 64 x 48 at 10 a second, from `start` on, a key frame every second.
fn scene(pictures: usize, start: Timestamp) -> Vec<VideoUnit> {
    let format = SceneFormat { width: 64, height: 48, rate: 10, group: 10 };
    let mut encoder = SceneEncoder::new(format).unwrap();
    let parameters = video(&encoder.parameter_sets().avcc());
    (0..pictures)
        .map(|index| {
            let bright = |at: usize| (index..index + 16).contains(&(at % 64));
            let luma: Vec<u8> = (0..64 * 48).map(|at| if bright(at) { 220 } else { 40 }).collect();
            let coded = encoder.encode(&luma).unwrap();
            let index = i64::try_from(index).unwrap();
            VideoUnit {
                parameters: parameters.clone(),
                session: 0,
                epoch: 0,
                pts: index * 9000,
                time: start.offset(index * 100_000),
                arrived: tokio::time::Instant::now(),
                access: if coded.key { Access::Key } else { Access::Reference },
                damaged: false,
                data: Bytes::copy_from_slice(&coded.data),
            }
        })
        .collect()
}

/// A stream of this decoder configuration, with a sample entry that holds it.
fn video(avcc: &[u8]) -> Arc<VideoParameters> {
    let mut entry = vec![0; 8 + 78];
    entry.extend_from_slice(&u32::try_from(8 + avcc.len()).unwrap().to_be_bytes());
    entry.extend_from_slice(b"avcC");
    entry.extend_from_slice(avcc);
    let size = u32::try_from(entry.len()).unwrap();
    entry[..4].copy_from_slice(&size.to_be_bytes());
    entry[4..8].copy_from_slice(b"avc1");
    Arc::new(VideoParameters {
        codec: Codec::H264,
        width: 64,
        height: 48,
        rfc6381: "avc1.42c01e".into(),
        sample_entry: Bytes::from(entry),
        decoder_config: Bytes::copy_from_slice(avcc),
    })
}
