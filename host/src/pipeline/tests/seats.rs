//! On what terms somebody sits: grants that come and go, and what is kept where an instance can't be
//! made.

use serde_json::json;

use super::stage::{HALF_A_MINUTE, SECOND, World};
use super::swap::{TRAP, plain};
use super::{CAMERA, guest, load};
use crate::base::metrics;
use crate::seat::{By, Outcome};
use crate::wasm::standing::Standing;
use crate::wasm::{Capability, Engine, Plugin, Terms, guests};

const ON_EVENT: &str = "recording-policy@0.1.0#on-event";

fn granted(component: &[u8], kv_bytes: u64) -> Plugin {
    let engine = Engine::new(None).unwrap();
    let terms = Terms::Listed(vec![Capability::Kv(kv_bytes)]);
    Plugin::load_on(&terms, &engine, "test", component).unwrap()
}

/// It could take other parameters, but what it may do is settled when it is made.
#[tokio::test(start_paused = true)]
async fn other_grants_are_another_offer() {
    let manifest = "id = \"keeper\"\nversion = \"0.1.0\"\nworld = \"policy-plugin\"\n\
                    api = \"0.1.0\"\n[[capability]]\nname = \"kv:1KiB\"\nreason = \"a test\"\n";
    let component = guests::component_with("policy-whole", manifest);
    let keeper = |kv_bytes| granted(&component, kv_bytes);
    World::play(plain(keeper(2048)), async |world| {
        for (kv_bytes, expected) in [
            (2048, Outcome::Unchanged),
            (4096, Outcome::Seated),
            (4096, Outcome::Unchanged),
            (1024, Outcome::Seated),
        ] {
            let said = world.offer(keeper(kv_bytes), &json!({}), By::Person).await;
            assert_eq!(said, expected, "{kv_bytes}");
        }
        assert_eq!(world.told().await, ["plugin.reloaded"; 2]);
    })
    .await;
}

/// It falls with the first event; the one before comes back only where it had no more than is granted
/// now.
#[tokio::test(start_paused = true)]
async fn what_was_taken_away_does_not_come_back() {
    for (before, now, comes_back) in [(1024, 4096, true), (4096, 1024, false)] {
        let good = granted(&guests::component("policy-remembers"), before);
        World::play(plain(good), async |world| {
            let bad = guests::component_but("policy-remembers", ON_EVENT, TRAP);
            let said = world.offer(granted(&bad, now), &json!({}), By::Person).await;
            assert_eq!(said, Outcome::Seated);
            world.event().await;
            world.settle().await;
            assert_eq!(world.standing.borrow().is_healthy(), comes_back, "{before} {now}");
            let rolled_back = world.told().await.contains(&"plugin.rolled-back".to_owned());
            assert_eq!(rolled_back, comes_back, "{before} {now}");
        })
        .await;
    }
}

/// There is no memory for it just now: that says nothing of what the one before saved.
#[tokio::test(start_paused = true)]
async fn what_was_saved_outlives_an_instance_that_could_not_be_made() {
    // Counts events in its memory, and falls with the fourth.
    let code = "(i32.store8 (i32.const 12) (i32.add (i32.load8_u (i32.const 12)) (i32.const 1)))
        (if (i32.eq (i32.load8_u (i32.const 12)) (i32.const 4)) (then (unreachable)))";
    let engine = Engine::new(None).unwrap();
    let component = guests::component_but("policy-whole", ON_EVENT, code);
    let plugin = Plugin::load(&engine, "test", &component).unwrap();
    World::play(plain(plugin), async |world| {
        // The first snapshot comes after half a minute.
        world.pass(HALF_A_MINUTE + SECOND).await;
        for _ in 0..3 {
            world.event().await;
        }
        world.settle().await;
        engine.limit_memory(Some(0));
        world.event().await;
        world.settle().await;
        let starved = |standing: &Standing| {
            matches!(standing, Standing::Down { reason } if reason.contains("found no memory"))
        };
        world.until(starved).await;
        engine.limit_memory(None);
        world.until(Standing::is_healthy).await;
        let labels = metrics::Plugin { camera: CAMERA.into(), plugin: "keep".into() };
        let faults = world.place.metrics.faults.get_or_create(&labels).clone();
        let before = faults.get();
        world.event().await;
        world.settle().await;
        assert_eq!(faults.get(), before + 1, "it knows of three");
    })
    .await;
}

/// It falls on probation because the host has no memory for it: that says nothing against it.
#[tokio::test(start_paused = true)]
async fn who_fell_for_want_of_the_hosts_memory_may_come_again() {
    let grows = "(if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable)))";
    let engine = Engine::new(None).unwrap();
    let component = guests::component_but("policy-whole", ON_EVENT, grows);
    let hungry = || Plugin::load(&engine, "test", &component).unwrap();
    World::play(plain(guest("policy-whole")), async |world| {
        for _ in 0..2 {
            let said = world.offer(hungry(), &json!({}), By::Watch).await;
            assert_eq!(said, Outcome::Seated);
            engine.limit_memory(Some(0));
            world.event().await;
            world.settle().await;
            engine.limit_memory(None);
            assert_eq!(world.told().await.pop().unwrap(), "plugin.rolled-back");
        }
    })
    .await;
}

/// It falls when it is to hand over: the new one is told what happened since it last saved.
#[tokio::test(start_paused = true)]
async fn who_saves_nothing_at_the_end_is_followed_by_one_that_knows_all() {
    let count = |at: u8, most: u8| {
        format!(
            "(i32.store8 (i32.const {at}) (i32.add (i32.load8_u (i32.const {at})) (i32.const 1)))
            (if (i32.eq (i32.load8_u (i32.const {at})) (i32.const {most})) (then (unreachable)))"
        )
    };
    // It saves after half a minute, for the proof, and not again.
    let old = guests::component_but("policy-whole", "state@0.1.0#save", &count(16, 3));
    World::play(plain(load(&old)), async |world| {
        world.pass(HALF_A_MINUTE + SECOND).await;
        for _ in 0..3 {
            world.event().await;
        }
        world.settle().await;
        let new = guests::component_but("policy-whole", ON_EVENT, &count(12, 4));
        let said = world.offer(load(&new), &json!({}), By::Watch).await;
        assert_eq!(said, Outcome::Seated);
        world.event().await;
        world.settle().await;
        let text = world.place.metrics.text();
        let faults = "plugin_faults_total{camera=\"gate\",plugin=\"keep\"} 2\n";
        assert!(text.contains(faults), "the save, and a fourth event: {text}");
    })
    .await;
}
