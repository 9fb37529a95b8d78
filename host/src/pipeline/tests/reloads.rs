//! Configurations and plugins come into force while a host runs: one at a time, and what could not be
//! done is done later.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::crew::{self, read};
use super::{Place, load};
use crate::base::tasks::Tasks;
use crate::ingest::{Item, VideoParameters};
use crate::pipeline::files::Files;
use crate::pipeline::guests::Guests;
use crate::pipeline::house::House;
use crate::pipeline::plugins;
use crate::pipeline::swaps::Swaps;
use crate::seat::{By, Outcome};
use crate::serve::{CameraHealth, ReloadAnswer, Reloaded, Wished};
use crate::trust::{SecretKey, Signature};
use crate::wasm::standing::Standing;
use crate::wasm::{Engine, guests};

/// A host as far as it can be told to change.
struct World {
    place: Place,
    tasks: Tasks,
    house: Arc<Mutex<House>>,
    swaps: Arc<Swaps>,
    shutdown: CancellationToken,
}

impl World {
    async fn new(text: &str) -> Self {
        let (place, tasks, shutdown) = (Place::new(), Tasks::new(), CancellationToken::new());
        let shared = crew::shared(&place, &tasks);
        let seats = shared.seats.clone();
        let (engine, config) = (Engine::new(None).unwrap(), read(text));
        let guests = Guests::new(&config, plugins::load(&engine, &config));
        let house = House::open(shared, config, guests).await.unwrap();
        let house = Arc::new(Mutex::new(house));
        let swaps = Arc::new(Swaps::new(engine, house.clone(), seats, shutdown.clone()));
        Self { place, tasks, house, swaps, shutdown }
    }

    async fn configure(&self, text: &str) -> Reloaded {
        match self.swaps.configure(read(text)).await {
            Ok(ReloadAnswer::Done(done)) => done,
            other => panic!("{other:?}"),
        }
    }

    /// The parameters with which a plugin was loaded last.
    async fn params(&self, plugin: &str) -> String {
        self.house.lock().await.plugins()[plugin].as_ref().unwrap().params.clone()
    }

    async fn cameras(&self) -> Vec<CameraHealth> {
        let here = self.house.lock().await.view().borrow().clone();
        here.camera_status.iter().map(crate::pipeline::status::Camera::health).collect()
    }

    async fn end(self) {
        let late = self.house.lock().await.end(|bound| bound).await;
        assert!(late.is_empty(), "{late:?}");
        self.tasks.shutdown().cancel();
    }
}

fn keep(after: &str) -> String {
    format!(
        "[plugins.keep]\ncomponent = \"policy-pre-post\"\nparams = {{ after = \"{after}\" }}\n\
         [cameras.yard]\nurl = \"no-such.mp4\"\n"
    )
}

/// Whichever began first: what was loaded by the older configuration does not undo the newer.
#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_loaded_meanwhile_gets_what_the_configuration_says_then() {
    for reload_first in [true, false] {
        let world = World::new(&keep("20s")).await;
        let new = keep("40s");
        let (reload, configure) = (world.swaps.reload("keep", By::Watch), world.configure(&new));
        let reloaded = if reload_first {
            tokio::join!(biased; reload, configure).0
        } else {
            tokio::join!(biased; configure, reload).1
        };
        assert!(matches!(reloaded, Wished::Done(_)));
        assert!(world.params("keep").await.contains("40s"), "{reload_first}");
        world.end().await;
    }
}

/// Whoever ends the house finds it open while something is read and compiled, and that is given up.
#[tokio::test(start_paused = true)]
async fn nobody_waits_at_the_end_for_what_is_being_loaded() {
    let world = World::new(&keep("20s")).await;
    let mut configure = std::pin::pin!(world.swaps.configure(read(&keep("40s"))));
    let mut reload = std::pin::pin!(world.swaps.reload("keep", By::Person));
    assert!(futures::poll!(&mut configure).is_pending());
    assert!(futures::poll!(&mut reload).is_pending());
    assert!(world.house.try_lock().is_ok());
    world.shutdown.cancel();
    assert!(configure.await.is_err());
    assert!(matches!(reload.await, Wished::Failed(_)));
    assert!(world.params("keep").await.contains("20s"));
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_could_not_be_started_is_started_later() {
    let world = World::new("[cameras.lane]\nurl = \"no-such.mp4\"\n").await;
    world.place.store.refuse_cameras(true);
    let failed = world.configure(&keep("20s")).await.failed;
    assert_eq!(failed.len(), 1, "{failed:?}");
    for _ in 0..3 {
        let health = world.cameras().await.remove(0);
        assert_eq!((health.name.as_str(), health.connected), ("yard", false));
        let detail = health.detail.unwrap();
        assert!(detail.starts_with("not started, and tried again: "), "{detail}");
        assert_eq!(world.configure(&keep("20s")).await, Reloaded::default(), "it is known");
        let next = world.swaps.next_start().await.unwrap();
        tokio::time::sleep_until(next).await;
        assert!(world.swaps.start_again().await.unwrap() > next, "it is refused still");
    }
    world.place.store.refuse_cameras(false);
    tokio::time::sleep_until(world.swaps.next_start().await.unwrap()).await;
    assert_eq!(world.swaps.start_again().await, None);
    let health = world.cameras().await.remove(0);
    assert!(!health.detail.is_some_and(|detail| detail.contains("not started")));
    let here = world.house.lock().await.view().borrow().clone();
    assert!(here.cameras.contains_key("yard"));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_signature_may_come_after_its_component() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keep.wasm");
    let secret = SecretKey::fresh().unwrap();
    let sign = |component: &[u8]| {
        let text = Signature::new(&secret, "keep", component).to_string();
        std::fs::write(plugins::signature_of(&path), text).unwrap();
    };
    let [old, new] = ["policy-quiet", "policy-whole"].map(guests::component);
    std::fs::write(&path, &old).unwrap();
    sign(&old);
    let world = World::new(&format!(
        "[trust]\ntrusted-keys = [\"{}\"]\nrequire-signature = true\n\
         [plugins.keep]\ncomponent = {path:?}\n[cameras.yard]\nurl = \"no-such.mp4\"\n",
        secret.public()
    ))
    .await;
    let mut files = Files::new(world.swaps.clone());
    let [old, digest] = [&old, &new].map(|component| crate::wasm::digest(component));
    files.look().await;
    std::fs::remove_file(plugins::signature_of(&path)).unwrap();
    write_anew(&path, &new);
    files.look().await;
    assert_eq!(world.swaps.digest("keep").await.unwrap(), old, "nobody vouches for it");
    sign(&new);
    files.look().await;
    assert_eq!(world.swaps.digest("keep").await.unwrap(), digest);
    world.end().await;
}

/// As a copy does it that never shows a part.
fn write_anew(path: &Path, bytes: &[u8]) {
    let part = path.with_extension("part");
    std::fs::write(&part, bytes).unwrap();
    std::fs::rename(&part, path).unwrap();
}

/// What a seat refused, or sent back, is not put in charge unproven where a seat is made anew.
#[tokio::test(start_paused = true)]
async fn who_is_in_charge_is_known_and_not_who_was_loaded_last() {
    for (export, is_seated) in [("init", false), ("on-event", true)] {
        let folder = tempfile::tempdir().unwrap();
        let path = guests::write(folder.path(), "policy-whole");
        let text = format!(
            "[plugins.keep]\ncomponent = {path:?}\n\
             [cameras.gate]\nurl = \"rtsp://gate/\"\npolicies = [\"keep\"]\n"
        );
        let mut world = crew::World::new(&text).await;
        let config = read(&text);
        let status = |world: &crew::World| world.crew.status(&config.cameras[0]).remove(0);
        let in_charge = |world: &crew::World| {
            let facts = status(world).facts.borrow().clone();
            facts.offer.unwrap().plugin.digest().to_owned()
        };
        let is_well = |world: &crew::World| status(world).standing.borrow().is_healthy();
        world.until("it sits", is_well).await;
        let good = load(&std::fs::read(&path).unwrap()).digest().to_owned();
        assert_eq!(in_charge(&world), good);
        let export = format!("recording-policy@0.1.0#{export}");
        write_anew(&path, &guests::component_but("policy-whole", &export, "(unreachable)"));
        let offer = world.guests(&config).plugins["keep"].as_ref().unwrap().clone();
        let outcome = world.shared.seats.offer(&offer, By::Watch).await.remove(0).outcome;
        assert_eq!(outcome == Outcome::Seated, is_seated, "{outcome:?}");
        if is_seated {
            world.event().await;
            world.until("it came back", |world| in_charge(world) == good).await;
        }
        world.change(&text, &["keep"]).await.unwrap();
        world.until("it sits anew", is_well).await;
        assert_eq!(in_charge(&world), good);
        world.end().await;
    }
}

/// Compiling takes a while, and the file may be another by then.
#[tokio::test(start_paused = true)]
async fn a_file_that_changed_before_it_was_looked_at_is_loaded_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = guests::write(folder.path(), "policy-quiet");
    let text = format!(
        "[plugins.keep]\ncomponent = {path:?}\n[plugins.lost]\ncomponent = \"no-such.wasm\"\n\
         [cameras.yard]\nurl = \"no-such.mp4\"\n"
    );
    let world = World::new(&text).await;
    let new = guests::component("policy-whole");
    write_anew(&path, &new);
    Files::new(world.swaps.clone()).look().await;
    assert_eq!(world.swaps.digest("keep").await.unwrap(), crate::wasm::digest(&new));
    world.end().await;
}

/// A source that names no cameras says itself whose its events are: nobody missed it meanwhile.
#[tokio::test(start_paused = true)]
async fn a_source_that_could_not_be_loaded_at_the_start_is_heard_once_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.wasm");
    let text =
        format!("[plugins.late]\ncomponent = {path:?}\n[cameras.yard]\nurl = \"no-such.mp4\"\n");
    let world = World::new(&text).await;
    let sources = async || {
        let here = world.house.lock().await.view().borrow().clone();
        here.sources.keys().cloned().collect::<Vec<_>>()
    };
    assert!(sources().await.is_empty());
    write_anew(&path, &guests::component("source-whole"));
    let reloaded = world.swaps.reload("late", By::Person).await;
    assert!(matches!(reloaded, Wished::Done(_)));
    assert_eq!(sources().await, ["late"]);
    world.end().await;
}

/// What came of an offer is of no interest once what is wanted is in charge.
#[tokio::test(start_paused = true)]
async fn a_reload_that_failed_is_forgotten_when_the_file_is_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = guests::write(folder.path(), "policy-whole");
    let text = format!(
        "[plugins.keep]\ncomponent = {path:?}\n\
         [cameras.gate]\nurl = \"rtsp://gate/\"\npolicies = [\"keep\"]\n"
    );
    let world = crew::World::new(&text).await;
    let config = read(&text);
    let failed = || {
        let status = world.crew.status(&config.cameras[0]).remove(0);
        status.facts.borrow().reload_failed.clone()
    };
    world
        .until("it sits", |world| {
            world.crew.status(&config.cameras[0])[0].standing.borrow().is_healthy()
        })
        .await;
    let offer = async || {
        let offer = world.guests(&config).plugins["keep"].as_ref().unwrap().clone();
        world.shared.seats.offer(&offer, By::Watch).await.remove(0).outcome
    };
    let good = std::fs::read(&path).unwrap();
    let export = "recording-policy@0.1.0#init";
    write_anew(&path, &guests::component_but("policy-whole", export, "(unreachable)"));
    assert!(matches!(offer().await, Outcome::Refused(_)));
    assert!(failed().is_some_and(|why| why.contains("init trapped")));
    write_anew(&path, &good);
    assert_eq!(offer().await, Outcome::Unchanged);
    assert_eq!(failed(), None);
    world.end().await;
}

/// As the contract says: what does not fit this stream may fit the next.
#[tokio::test(start_paused = true)]
async fn who_can_do_nothing_with_a_stream_is_tried_with_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("look.wasm");
    // `unsupported("")`, where pictures are 64 pixels wide.
    let code = "(if (i32.eq (local.get 8) (i32.const 64)) (then
        (i32.store8 (i32.const 0) (i32.const 1)) (i32.store8 (i32.const 4) (i32.const 1))
        (i32.store (i32.const 8) (i32.const 0)) (i32.store (i32.const 12) (i32.const 0))
        (return (i32.const 0))))";
    write_anew(&path, &guests::component_but("analyzer-quiet", "analyzer@0.1.0#init", code));
    let text = format!(
        "[plugins.look]\ncomponent = {path:?}\n\
         [cameras.gate]\nurl = \"rtsp://gate/\"\nanalyzers = [\"look\"]\n"
    );
    let mut world = crew::World::new(&text).await;
    let config = read(&text);
    let standing =
        |world: &crew::World| world.crew.status(&config.cameras[0])[0].standing.borrow().clone();
    world.pictures(2).await;
    let is_unfit = |world: &crew::World| matches!(standing(world), Standing::Quarantined { .. });
    world.until("it is unfit", is_unfit).await;
    for mut unit in super::scene(2, world.place.now()) {
        unit.parameters = Arc::new(VideoParameters { width: 128, ..(*unit.parameters).clone() });
        world.packets.send(Item::Video(unit));
    }
    world.until("it looks", |world| standing(world).is_healthy()).await;
    world.end().await;
}

#[test]
fn a_cache_that_can_not_be_had_keeps_nobody_from_recording() {
    let config = read("[cameras.yard]\nurl = \"no-such.mp4\"\n");
    assert!(crate::pipeline::loaded(&config, Some(Path::new("/dev/null/cache"))).is_ok());
}

/// Who asks again is told again: what is configured is not what runs.
#[tokio::test(start_paused = true)]
async fn what_a_plugin_refused_is_told_until_it_is_put_right() {
    let text = |longest: &str| {
        format!(
            "[plugins.keep]\ncomponent = \"policy-pre-post\"\n\
             params = {{ after = \"20s\", longest = \"{longest}\" }}\n\
             [cameras.yard]\nurl = \"no-such.mp4\"\npolicies = [\"keep\"]\n"
        )
    };
    let world = World::new(&text("1h")).await;
    let here = world.house.lock().await.view().borrow().clone();
    let mut standing = here.plugin_status[0].standing.clone();
    standing.wait_for(Standing::is_healthy).await.unwrap();
    for (longest, expected) in [("10s", 1), ("10s", 1), ("1h", 0), ("1h", 0)] {
        let failed = world.configure(&text(longest)).await.failed;
        assert_eq!(failed.len(), expected, "{longest}: {failed:?}");
        assert!(failed.iter().all(|why| why.contains("of camera yard: the one before runs on")));
    }
    world.end().await;
}
