//! Times the swap of each bundled plugin for another version of itself: from the end of the old
//! one's last call until the new one can be called, threads included. Prints a line a plugin: its
//! name, and the median, p99 and longest pause in nanoseconds.

use std::sync::Arc;

use tokio::sync::{oneshot, watch};
use wardline::base::Timestamp;
use wardline::base::clock::{Clock, System};
use wardline::base::metrics::Metrics;
use wardline::events::{Bus, Event, Notice, Phase};
use wardline::seat::{self, Acted, By, Facts, Offer, Order, Outcome, Post, Seat, Vault};
use wardline::store::{FreeFloor, Store, StoreConfig};
use wardline::wasm::standing::standing;
use wardline::wasm::{
    Analyzer, Engine, InstanceConfig, Kind, Lanes, Picture, Plugin, Policy, Source, Video,
    analyzer, bundled, policy, source,
};

const SWAPS: usize = 2000;

/// What all swaps need.
struct Bench {
    engine: Engine,
    lanes: Lanes,
    shared: seat::Shared,
    metrics: Metrics,
}

#[tokio::main]
async fn main() {
    let directory = tempfile::tempdir().expect("there is room for a store");
    let clock: Arc<dyn Clock> = Arc::new(System);
    let metrics = Metrics::default();
    let config = StoreConfig {
        free_floor: FreeFloor::Bytes(0),
        ..StoreConfig::new(directory.path().join("store"))
    };
    let disk = Arc::new(wardline::store::fs::Disk);
    let (store, _) = Store::open(config, disk, clock.clone(), metrics.clone()).expect("it is new");
    let (bus, _events) = Bus::new(Arc::new(store), clock.clone(), metrics.clone());
    let lanes = Lanes::start().expect("threads can be started");
    let shared = seat::Shared { aside: lanes.aside.clone(), vault: Vault::new(None), bus, clock };
    let engine = Engine::new(None).expect("the engine's settings are constant");
    let bench = Bench { engine, lanes, shared, metrics };
    let now = bench.shared.clock.wall();
    bench.time::<Policy>("policy-pre-post", |n| policy_input(n, now)).await;
    bench.time::<Analyzer>("analyzer-motion", |n| analyzer_input(n, now)).await;
    bench.time::<Source>("source-webhook", |_| source::Input::Tick(now)).await;
}

impl Bench {
    #[allow(clippy::print_stdout, reason = "this is what the example is for")]
    async fn time<T: Kind>(&self, name: &str, input: impl Fn(usize) -> T::Input) {
        let offers = [0, 1].map(|mark| self.offer(name, mark));
        let (teller, _standing) = standing();
        let (orders, queue) = seat::orders();
        let (facts, known) = watch::channel(Facts::default());
        let camera = (T::WORLD != Source::WORLD).then(|| "bench".to_owned());
        let mut seat = Seat::<T>::new(Post {
            camera: camera.clone().unwrap_or_default(),
            name: name.into(),
            offer: Some(offers[1].clone()),
            instance: InstanceConfig {
                name: name.into(),
                camera,
                zone: jiff::tz::TimeZone::UTC,
                metrics: self.metrics.clone(),
                memory_bytes: None,
                proving: false,
                services: wardline::wasm::Services::default(),
            },
            lane: if T::WORLD == Analyzer::WORLD {
                self.lanes.analyze.clone()
            } else {
                self.lanes.decide.clone()
            },
            standing: teller,
            facts,
            orders: queue,
            shared: self.shared.clone(),
        });
        let video = Video { codec: "avc1.4d401f".into(), width: 1920, height: 1080, fps: 25.0 };
        seat.sit(Some(video)).await.expect("bundled plugins work");
        let mut pauses = Vec::with_capacity(SWAPS);
        for swap in 0..SWAPS {
            assert!(seat.give(input(swap)).await.is_ok_and(|given| given.trouble.is_none()));
            let (answer, mut outcome) = oneshot::channel();
            let order = Order { offer: offers[swap % 2].clone(), by: By::Watch, answer };
            orders.send(order).await.expect("the seat is there");
            loop {
                let signal = seat.signal().await;
                let acted = seat.act(signal).await.expect("bundled plugins do not fall");
                if matches!(acted, Acted::Seated(_)) {
                    break;
                }
            }
            assert_eq!(outcome.try_recv(), Ok(Outcome::Seated));
            pauses.push(known.borrow().pause.expect("it took over").as_nanos());
        }
        pauses.sort_unstable();
        let at = |part: usize| pauses[(SWAPS - 1) * part / 100];
        println!("{name} {} {} {}", at(50), at(99), at(100));
    }

    /// The plugin as it is bundled, but for its digest.
    fn offer(&self, name: &str, mark: u8) -> Offer {
        let mut component = bundled(name).expect("it is bundled").to_vec();
        component.extend([0, 3, 1, b'v', mark]);
        let plugin =
            Plugin::load(&self.engine, name, &component).expect("it is built for this host");
        let params = plugin.params(&serde_json::json!({})).expect("all parameters have defaults");
        Offer { plugin, params }
    }
}

/// An event a minute: a thousand activations are remembered at most.
fn policy_input(number: usize, now: Timestamp) -> policy::Input {
    let time = now.offset(number as i64 * 60_000_000);
    let event = Event {
        id: format!("bench/motion/1/{number}"),
        kind: "motion".into(),
        phase: Phase::Instant,
        time,
        confidence: 1.0,
        regions: Vec::new(),
        cameras: Vec::new(),
        correlation: None,
        attributes: Vec::new(),
    };
    let (camera, origin) = ("bench".into(), "motion".into());
    let notice = Notice { event, camera, origin, received: time, sequence: number as u64 + 1 };
    policy::Input::Event(notice.into(), time)
}

fn analyzer_input(number: usize, now: Timestamp) -> analyzer::Input {
    let (width, height) = (320, 180);
    let picture = Picture {
        sequence: number as u64,
        time: now.offset(number as i64 * 200_000),
        width,
        height,
        skipped: 0,
        key: false,
        gap: false,
    };
    let level = |at: usize| ((at * 7 + number * 3) % 251) as u8;
    let pixels: Vec<u8> = (0..(width * height) as usize).map(level).collect();
    analyzer::Input::Picture(picture, pixels.into(), None)
}
