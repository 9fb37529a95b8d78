//! Somebody else takes over a policy's work: what is kept, what is taken back, and what is refused.

use std::time::Duration;

use serde_json::json;

use super::stage::{HALF_A_MINUTE, SECOND, World};
use super::{bundled, guest, load, load_granted};
use crate::seat::{By, Outcome};
use crate::wasm::standing::Standing;
use crate::wasm::{self, Plugin, Setup, guests};

pub(super) const TRAP: &str = "(unreachable)";

/// The same plugin with another digest.
pub(super) fn variant(name: &str, mark: u8) -> Plugin {
    let mut component = wasm::bundled(name).unwrap().to_vec();
    // A custom section `v` that holds the mark.
    component.extend([0, 3, 1, b'v', mark]);
    load(&component)
}

fn before_and_after() -> (Plugin, Setup) {
    bundled("policy-pre-post", &json!({ "before": "5s", "after": "20s" }))
}

fn refused(outcome: Outcome, why: &str) {
    let Outcome::Refused(said) = outcome else { panic!("{outcome:?}") };
    assert!(said.contains(why), "{said}");
}

#[tokio::test(start_paused = true)]
async fn another_version_goes_on_with_the_same_span() {
    World::play(before_and_after(), async |world| {
        let first = world.event().await;
        let before = world.span().await;
        for mark in 1..=3 {
            let plugin = variant("policy-pre-post", mark);
            let same = plugin.clone();
            let params = json!({ "before": "5s", "after": "20s" });
            assert_eq!(world.offer(plugin, &params, By::Watch).await, Outcome::Seated);
            assert_eq!(world.offer(same, &params, By::Watch).await, Outcome::Unchanged);
            world.pass(SECOND).await;
            let last = world.event().await;
            let after = world.span().await;
            assert_eq!(after.id, before.id, "the run goes on");
            assert_eq!(after.start, first - Duration::from_secs(5));
            assert_eq!(after.end, last + Duration::from_secs(20));
        }
        world.pass(HALF_A_MINUTE * 2).await;
        assert_eq!(world.told().await, ["plugin.reloaded"; 3]);
        assert_eq!(*world.standing.borrow(), Standing::Running);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn new_parameters_are_set_and_bad_ones_refused() {
    World::play(before_and_after(), async |world| {
        let plugin = world_plugin();
        let longer = json!({ "before": "5s", "after": "60s" });
        let said = world.offer(plugin.clone(), &longer, By::Watch).await;
        assert_eq!(said, Outcome::Reconfigured);
        let time = world.event().await;
        assert_eq!(world.span().await.end, time + Duration::from_secs(60));
        // The schema lets it through, the plugin does not.
        let bad = json!({ "before": "5s", "after": "1h", "longest": "1m" });
        refused(world.offer(plugin, &bad, By::Watch).await, "set-params refused its params: ");
        world.pass(SECOND).await;
        let time = world.event().await;
        assert_eq!(world.span().await.end, time + Duration::from_secs(60));
        assert_eq!(world.told().await, ["plugin.reloaded", "plugin.reload-failed"]);
    })
    .await;
}

fn world_plugin() -> Plugin {
    before_and_after().0
}

/// Whatever is wrong with an offer, who is in charge stays, and goes on as if nothing were.
#[tokio::test(start_paused = true)]
async fn what_is_not_fit_is_refused_and_the_one_in_charge_goes_on() {
    World::play(before_and_after(), async |world| {
        let first = world.event().await;
        let id = world.span().await.id;
        let but =
            |export: &str, code: &str| load(&guests::component_but("policy-whole", export, code));
        let long = "(loop $ever (br $ever))";
        let cases = [
            (but("recording-policy@0.1.0#init", TRAP), "init trapped"),
            (but("recording-policy@0.1.0#init", long), "init used more than 1000 ms"),
            (but("state@0.1.0#load", TRAP), "load trapped"),
            // The event that there was is tried.
            (but("recording-policy@0.1.0#on-event", TRAP), "on-event trapped"),
            (guest("analyzer-quiet"), "it is of world analyzer now, not policy"),
        ];
        let many = cases.len();
        for (plugin, why) in cases {
            refused(world.offer(plugin, &json!({}), By::Person).await, why);
        }
        world.pass(SECOND).await;
        let last = world.event().await;
        let span = world.span().await;
        let edges = (first - Duration::from_secs(5), last + Duration::from_secs(20));
        assert_eq!((span.id, (span.start, span.end)), (id, edges));
        assert_eq!(world.told().await, vec!["plugin.reload-failed"; many]);
        assert_eq!(*world.standing.borrow(), Standing::Running);
    })
    .await;
}

/// It passes the proof, since nothing has happened yet, and falls with the first event: the one
/// before is given it.
#[tokio::test(start_paused = true)]
async fn what_falls_on_probation_is_taken_back_and_no_event_is_lost() {
    World::play(before_and_after(), async |world| {
        let bad = || {
            let export = "recording-policy@0.1.0#on-event";
            load(&guests::component_but("policy-whole", export, TRAP))
        };
        assert_eq!(world.offer(bad(), &json!({}), By::Watch).await, Outcome::Seated);
        let time = world.event().await;
        let span = world.span().await;
        assert_eq!(span.end, time + Duration::from_secs(20));
        assert_eq!(*world.standing.borrow(), Standing::Running, "it never was unwell");
        assert_eq!(world.told().await, ["plugin.reloaded", "plugin.rolled-back"]);
        refused(world.offer(bad(), &json!({}), By::Watch).await, "it was rolled back before: ");
        // A person may try again: now there is an event to prove it with.
        refused(world.offer(bad(), &json!({}), By::Person).await, "on-event trapped");
        world.pass(SECOND).await;
        world.event().await;
        assert_eq!(world.span().await.id, span.id);
    })
    .await;
}

/// What it kept by key and value goes with it; the one before keeps what it would have kept.
#[tokio::test(start_paused = true)]
async fn what_a_fallen_one_kept_is_undone() {
    let good = load_granted(&guests::component("policy-remembers"));
    World::play(plain(good), async |world| {
        world.event().await;
        world.settle().await;
        assert_eq!(world.place.shelf.keys(""), ["seen"]);
        // Keeps something of its own, and falls with the second event.
        let code = "(call $put (i32.const 2048) (i32.const 8) (i32.const 1024) (i32.const 4) (i32.const 256))
            (if (i32.load8_u (i32.const 12)) (then (unreachable)))
            (i32.store8 (i32.const 12) (i32.const 1))";
        let export = "recording-policy@0.1.0#on-event";
        let bad = load_granted(&guests::component_but("policy-remembers", export, code));
        assert_eq!(world.offer(bad, &json!({}), By::Watch).await, Outcome::Seated);
        world.event().await;
        world.settle().await;
        assert_eq!(world.place.shelf.keys(""), ["12345678", "seen"]);
        world.place.shelf.remove("seen");
        world.event().await;
        world.settle().await;
        assert_eq!(world.place.shelf.keys(""), ["seen"], "said again by the one before");
        assert_eq!(world.told().await, ["plugin.reloaded", "plugin.rolled-back"]);
    })
    .await;
}

/// B takes over from A, C from B, and C falls: A is back, with all that it missed.
#[tokio::test(start_paused = true)]
async fn a_reload_on_probation_replaces_the_one_on_probation() {
    World::play(before_and_after(), async |world| {
        let params = json!({ "before": "5s", "after": "20s" });
        let next = variant("policy-pre-post", 1);
        assert_eq!(world.offer(next, &params, By::Watch).await, Outcome::Seated);
        let first = world.event().await;
        let span = world.span().await;
        // Well for two events, and not for a third.
        let code =
            "(i32.store8 (i32.const 12) (i32.add (i32.load8_u (i32.const 12)) (i32.const 1)))
            (if (i32.gt_u (i32.load8_u (i32.const 12)) (i32.const 2)) (then (unreachable)))";
        let export = "recording-policy@0.1.0#on-event";
        let bad = load(&guests::component_but("policy-whole", export, code));
        assert_eq!(world.offer(bad, &json!({}), By::Watch).await, Outcome::Seated);
        for _ in 0..2 {
            world.pass(SECOND).await;
            world.event().await;
        }
        world.pass(SECOND).await;
        let last = world.event().await;
        let mut end = span.end;
        while end < last + Duration::from_secs(20) {
            let again = world.span().await;
            assert_eq!((&again.id, again.start), (&span.id, first - Duration::from_secs(5)));
            assert!(again.end >= end, "never shorter");
            end = again.end;
        }
        assert_eq!(
            world.told().await,
            ["plugin.reloaded", "plugin.reloaded", "plugin.rolled-back"]
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_quarantine_ends_by_a_person_or_with_another_component() {
    for by_person in [true, false] {
        World::play(plain(guest("policy-traps")), async |world| {
            for _ in 0..5 {
                world.healthy().await;
                world.event().await;
                world.unwell().await;
            }
            let quarantined =
                |standing: &Standing| matches!(standing, Standing::Quarantined { .. });
            world.until(quarantined).await;
            if by_person {
                let said = world.offer(guest("policy-traps"), &json!({}), By::Person).await;
                assert_eq!(said, Outcome::Revived);
                world.healthy().await;
                return;
            }
            let params = json!({ "before": "5s", "after": "20s" });
            let said = world.offer(variant("policy-pre-post", 1), &params, By::Watch).await;
            assert_eq!(said, Outcome::Revived);
            world.healthy().await;
            world.event().await;
            world.span().await;
        })
        .await;
    }
}

/// Snapshot and journal: the instance that comes after a fault knows what the one before knew.
#[tokio::test(start_paused = true)]
async fn a_rebuild_goes_on_from_snapshot_and_journal() {
    let export = "recording-policy@0.1.0#on-event";
    // Counts events in its memory, and says none of it; loses that unless it is given them again.
    let code = "(i32.store8 (i32.const 12) (i32.add (i32.load8_u (i32.const 12)) (i32.const 1)))
        (if (i32.eq (i32.load8_u (i32.const 12)) (i32.const 4)) (then (unreachable)))";
    let plugin = load(&guests::component_but("policy-whole", export, code));
    World::play(plain(plugin), async |world| {
        // The first snapshot comes after half a minute.
        world.pass(HALF_A_MINUTE + SECOND).await;
        for _ in 0..3 {
            world.event().await;
        }
        // Each of these is a fourth: it knows of three every time, and of none that brought it down.
        for _ in 0..3 {
            world.healthy().await;
            world.event().await;
            world.unwell().await;
            world.healthy().await;
            world.pass(Duration::from_secs(3)).await;
        }
        let text = world.place.metrics.text();
        let faults = "plugin_faults_total{camera=\"gate\",plugin=\"keep\"} 3\n";
        assert!(text.contains(faults), "{text}");
    })
    .await;
}

/// What brings it down at once after it went on from a snapshot is the snapshot: it starts clean.
#[tokio::test(start_paused = true)]
async fn a_snapshot_that_poisons_is_given_up() {
    World::play(plain(guest("policy-poisoned-by-state")), async |world| {
        world.event().await;
        world.pass(HALF_A_MINUTE + SECOND).await;
        // The second brings it down, and so does any after it went on from what it saved.
        for _ in 0..2 {
            world.event().await;
            world.unwell().await;
            world.healthy().await;
        }
        world.event().await;
        world.settle().await;
        assert!(world.standing.borrow().is_healthy(), "it started clean");
    })
    .await;
}

pub(super) fn plain(plugin: Plugin) -> (Plugin, Setup) {
    (plugin, Setup { params: "{}".into(), ..Setup::default() })
}

/// One that saved, and refuses to from then on, is not asked after every event: others wait meanwhile.
#[tokio::test(start_paused = true)]
async fn who_refuses_to_save_is_not_asked_all_the_time() {
    // The fourth time it is asked it falls.
    let code = "(i32.store8 (i32.const 12) (i32.add (i32.load8_u (i32.const 12)) (i32.const 1)))
        (if (i32.gt_u (i32.load8_u (i32.const 12)) (i32.const 3)) (then (unreachable)))
        (if (i32.gt_u (i32.load8_u (i32.const 12)) (i32.const 1)) (then
            (drop (memory.grow (i32.const 32)))
            (i32.store (i32.const 256) (i32.const 0))
            (i32.store (i32.const 260) (i32.const 1))
            (i32.store (i32.const 264) (i32.const 1024))
            (i32.store (i32.const 268) (i32.const 0x200000))
            (return (i32.const 256))))";
    let policy = load(&guests::component_but("policy-whole", "state@0.1.0#save", code));
    World::play(plain(policy), async |world| {
        world.pass(HALF_A_MINUTE + SECOND).await;
        for _ in 0..1100 {
            world.event().await;
        }
        world.settle().await;
        assert_eq!(*world.standing.borrow(), Standing::Running);
    })
    .await;
}
