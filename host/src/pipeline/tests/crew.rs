//! Who works on a camera comes and goes while it goes on.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{API, CAMERA, Place, event, scene};
use crate::base::metrics;
use crate::base::tasks::Tasks;
use crate::base::{Result, Timestamp};
use crate::config::{self, Anything, Config};
use crate::ingest::{Item, queue};
use crate::pipeline::crew::{Crew, Ears, Wanted};
use crate::pipeline::granting::Granting;
use crate::pipeline::guests::Guests;
use crate::pipeline::scope::Scope;
use crate::pipeline::seats::Seats;
use crate::pipeline::shade::Shade;
use crate::pipeline::wires::Wires;
use crate::pipeline::{Shared, plugins};
use crate::policy::Span;
use crate::store::{Outcome, StoredEvent};
use crate::view::live::Live;
use crate::wasm::standing::Asker;
use crate::wasm::{Engine, Lane, Lanes};

/// One camera without ingest and recorder, and its crew.
pub(super) struct World {
    pub(super) place: Place,
    pub(super) shared: Shared,
    pub(super) scope: Scope,
    pub(super) wires: Wires,
    pub(super) crew: Crew,
    pub(super) packets: queue::Sender,
    pub(super) spans: mpsc::Receiver<Span>,
    pub(super) engine: Engine,
    pub(super) sent: i64,
    pub(super) events: u32,
    _still: std::sync::mpsc::SyncSender<()>,
}

pub(super) fn read(text: &str) -> Config {
    let text = format!("store.path = \"rec\"\n{text}");
    config::parse(&text, Path::new("wardline.toml"), &Anything).unwrap()
}

/// What the cameras of a place share; `tasks` do what is done beside them.
pub(super) fn shared(place: &Place, tasks: &Tasks) -> Shared {
    let bus = place.bus();
    let shade = Shade::new(&place.store, &place.clock, &place.metrics);
    shade.bus.add_camera(CAMERA);
    let root = place.directory.path().join("store");
    Shared {
        clock: place.clock.clone(),
        metrics: place.metrics.clone(),
        store: place.store.clone(),
        seats: Arc::new(Seats::new(place.shared(&bus))),
        bus,
        decode: Lane::inline("decode"),
        lanes: Lanes::inline(),
        granting: Granting::start(&root, place.now(), tasks),
        live: Live::new(&place.metrics, tasks),
        shadow: shade,
    }
}

/// Both keep video around each event; the candidate keeps more of it.
pub(super) const TWO_POLICIES: &str = r#"
[plugins.keep]
component = "policy-pre-post"
params = { before = "5s", after = "20s" }
shadow = "next"
[plugins.next]
component = "policy-pre-post"
params = { before = "10s", after = "60s" }
[cameras.gate]
url = "rtsp://gate/"
policies = ["keep"]
"#;

impl World {
    pub(super) async fn new(text: &str) -> Self {
        let place = Place::new();
        let scope = Scope::default();
        let shared = shared(&place, &scope.judge);
        let (sender, spans) = mpsc::channel(64);
        let config = read(text);
        let camera = config.camera(CAMERA).unwrap();
        let (wires, packets) = Wires::new(camera, &shared, &scope, sender);
        let mut world = Self {
            place,
            shared,
            scope,
            wires,
            crew: Crew::default(),
            packets: packets.unwrap(),
            spans,
            engine: Engine::new(None).unwrap(),
            sent: 0,
            events: 0,
            _still: crate::base::clock::still(),
        };
        world.change(text, &[]).await.unwrap();
        world
    }

    /// The configuration is this one now.
    pub(super) async fn change(&mut self, text: &str, anew: &[&str]) -> Result<()> {
        let config = read(text);
        let guests = self.guests(&config);
        let anew: BTreeSet<String> = anew.iter().map(|name| (*name).to_owned()).collect();
        let wanted = Wanted {
            camera: config.camera(CAMERA).unwrap(),
            shared: &self.shared,
            guests: &guests,
            wires: &self.wires,
            anew: &anew,
        };
        let late = self.crew.change(&wanted, Ears::new()).await?;
        assert!(late.is_empty(), "{late:?}");
        Ok(())
    }

    pub(super) fn guests(&self, config: &Config) -> Guests {
        let loaded = plugins::load(&self.engine, config);
        assert_eq!(plugins::mistakes(config, &loaded), [""; 0]);
        Guests::new(config, loaded)
    }

    /// In turns with the index and the stages, until it is so.
    pub(super) async fn until(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        for _ in 0..2000 {
            if is_so(self) {
                return;
            }
            self.place.store.earliest(CAMERA).await.unwrap();
            tokio::task::yield_now().await;
        }
        panic!("never came: {what}: {:?}", self.told());
    }

    pub(super) async fn event(&mut self) -> Timestamp {
        self.events += 1;
        let time = self.place.now();
        let id = format!("gate/api/{}", self.events);
        self.shared.bus.publish(API, event(&id, time)).await.unwrap();
        time
    }

    pub(super) async fn span(&mut self) -> Span {
        self.maybe_span().await.expect("a span was asked for")
    }

    /// A span, if one comes in many turns of the index.
    pub(super) async fn maybe_span(&mut self) -> Option<Span> {
        for _ in 0..500 {
            if let Ok(span) = self.spans.try_recv() {
                return Some(span);
            }
            self.place.store.earliest(CAMERA).await.unwrap();
            tokio::task::yield_now().await;
        }
        None
    }

    /// Time goes on, and whoever waits for it has a few turns.
    pub(super) async fn advance(&self, length: Duration) {
        tokio::time::advance(length).await;
        for _ in 0..5 {
            self.place.store.earliest(CAMERA).await.unwrap();
            tokio::task::yield_now().await;
        }
    }

    /// So many pictures more, a tenth of a second apart.
    pub(super) async fn pictures(&mut self, count: usize) {
        for mut unit in scene(count, self.place.now()) {
            unit.pts += self.sent * 9000;
            self.packets.send(Item::Video(unit));
            self.advance(Duration::from_millis(100)).await;
        }
        self.sent += i64::try_from(count).unwrap();
    }

    /// Who said what, and what became of it.
    pub(super) fn told(&self) -> Vec<(String, String, Outcome)> {
        let row = |stored: StoredEvent| (stored.origin, stored.event.kind, stored.outcome);
        self.place.events().into_iter().map(row).collect()
    }

    pub(super) fn count(&self, origin: &str, kind: &str) -> usize {
        let told = self.told();
        told.iter().filter(|(from, what, _)| from == origin && what == kind).count()
    }

    pub(super) fn candidate(&self) -> Asker {
        self.crew.tried().next().unwrap().standing
    }

    pub(super) async fn end(self) {
        // The decoder ends with its packets.
        drop(self.packets);
        let late = self.scope.end(&self.crew).await;
        assert!(late.is_empty(), "{late:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_touched_goes_on() {
    let mut world = World::new(TWO_POLICIES).await;
    world.event().await;
    let span = world.span().await;
    // A second policy, an analyzer, and no candidate any more.
    let more = r#"
[plugins.keep]
component = "policy-pre-post"
params = { before = "5s", after = "20s" }
[plugins.more]
component = "policy-pre-post"
params = { before = "1s", after = "30s" }
[plugins.motion]
component = "analyzer-motion"
[cameras.gate]
url = "rtsp://gate/"
policies = ["more", "keep"]
analyzers = ["motion"]
"#;
    world.change(more, &[]).await.unwrap();
    assert_eq!((world.crew.policies().len(), world.crew.tried().count()), (2, 0));
    world.advance(Duration::from_secs(1)).await;
    let time = world.event().await;
    let mut spans = [world.span().await, world.span().await];
    spans.sort_by(|one, other| one.policy.cmp(&other.policy));
    assert_eq!(spans[0].id, span.id, "the same run, and the same stretch");
    assert_eq!((spans[1].policy.as_str(), spans[1].end), ("more", time + Duration::from_secs(30)));
    world.pictures(60).await;
    world.until("motion", |world| world.count("motion", "motion") > 0).await;

    // The analyzer goes: nothing is decoded any more. The first policy goes, too.
    let less = more.replace("\"more\", ", "").replace("analyzers = [\"motion\"]", "");
    world.change(&less, &[]).await.unwrap();
    let camera = metrics::Camera { camera: CAMERA.into() };
    let decoded = world.place.metrics.pictures.get_or_create(&camera).clone();
    let before = decoded.get();
    let said = world.count("motion", "motion");
    world.pictures(30).await;
    assert_eq!(decoded.get(), before);
    assert_eq!(world.count("motion", "motion"), said);
    while world.spans.try_recv().is_ok() {}
    world.event().await;
    assert_eq!(world.span().await.policy, "keep");

    // And comes back.
    world.change(more, &[]).await.unwrap();
    world.pictures(60).await;
    world.until("motion again", |world| world.count("motion", "motion") > said).await;
    world.end().await;
}

/// What a camera hears of others is another from one moment to the next, and its policies go on.
#[tokio::test(start_paused = true)]
async fn a_camera_hears_others() {
    let alone = r#"
[plugins.keep]
component = "policy-pre-post"
params = { before = "5s", after = "20s" }
[cameras.yard]
url = "rtsp://yard/"
[cameras.gate]
url = "rtsp://gate/"
policies = ["keep"]
"#;
    let mut world = World::new(alone).await;
    world.shared.bus.add_camera("yard");
    let hears = alone.replace("policies", "hears = [\"yard\"]\npolicies");
    let of_yard = crate::events::Publish { origin: "api", camera: "yard" };
    for (text, heard) in [(alone, false), (&hears, true), (alone, false), (&hears, true)] {
        world.change(text, &[]).await.unwrap();
        world.advance(Duration::from_secs(60)).await;
        let id = format!("yard/api/{}", world.place.now().micros());
        let said = event(&id, world.place.now());
        world.shared.bus.publish(of_yard, said).await.unwrap();
        assert_eq!(world.maybe_span().await.is_some(), heard, "{text}");
    }
    world.end().await;
}
