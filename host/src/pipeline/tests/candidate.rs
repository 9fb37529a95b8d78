//! Candidates beside those in charge, which nobody hears, obeys or waits for.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::CAMERA;
use super::crew::{TWO_POLICIES, World, read};
use crate::base::tasks::Tasks;
use crate::events::source::{Delivery, Reply};
use crate::pipeline::sources;
use crate::shadow::compare::{Only, compare};
use crate::shadow::{DIFFERS, Pair, SPAN};
use crate::store::Outcome;
use crate::wasm::guests;
use crate::wasm::standing::{Asker, Standing};

#[tokio::test(start_paused = true)]
async fn a_candidate_is_recorded_and_neither_heard_nor_obeyed() {
    let mut world = World::new(TWO_POLICIES).await;
    let time = world.event().await;
    let span = world.span().await;
    assert_eq!((span.policy.as_str(), span.start), ("keep", time - Duration::from_secs(5)));
    world.until("what the candidate asks for", |world| world.count("next", SPAN) == 1).await;
    let of_candidate = world.told().into_iter().find(|(_, kind, _)| kind == SPAN).unwrap();
    assert_eq!(of_candidate.2, Outcome::Noted);
    assert!(world.spans.try_recv().is_err(), "nobody records what it asks for");
    let kept = world.place.reader().kept(CAMERA, time, time + Duration::from_secs(90)).unwrap();
    assert!(kept.spans.iter().all(|span| span.policy == "keep"), "{:?}", kept.spans);
    // Who depends on the policies depends on the one in charge.
    assert_eq!((world.crew.policies().len(), world.crew.tried().count()), (1, 1));
    assert_eq!(world.crew.tried().next().unwrap().candidate_for.as_deref(), Some("keep"));

    // A while later it is written down where the two differ.
    for _ in 0..14 {
        world.advance(Duration::from_secs(60)).await;
    }
    world.until("where they differ", |world| world.count("next", DIFFERS) == 1).await;
    let pair = Pair { camera: CAMERA.into(), in_charge: "keep".into(), candidate: "next".into() };
    let (from, to) = (time - Duration::from_secs(60), world.place.now());
    let found = compare(&world.place.reader(), &pair, from, to).unwrap();
    let found: Vec<_> = found
        .differences
        .iter()
        .map(|one| (one.only, one.range.end.since(one.range.start).as_secs()))
        .collect();
    assert_eq!(found, [(Only::Candidate, 5), (Only::Candidate, 40)]);
    world.end().await;
}

/// It traps, loops, floods: whatever a candidate does, the one in charge does what it would have done.
#[tokio::test(start_paused = true)]
async fn a_candidate_costs_nobody_anything() {
    let folder = tempfile::tempdir().unwrap();
    for bad in ["policy-traps", "policy-loops", "policy-million-spans", "policy-floods-log"] {
        let component = guests::write(folder.path(), bad);
        let text = TWO_POLICIES.replace(
            "[plugins.next]\ncomponent = \"policy-pre-post\"\nparams = { before = \"10s\", after = \"60s\" }",
            &format!("[plugins.next]\ncomponent = {component:?}"),
        );
        let mut world = World::new(&text).await;
        for _ in 0..8 {
            let time = world.event().await;
            let span = world.span().await;
            assert_eq!(span.end, time + Duration::from_secs(20), "{bad}");
            world.advance(Duration::from_secs(40)).await;
        }
        let well = |asker: &Asker| asker.borrow().is_healthy();
        assert!(world.crew.policies().iter().all(well), "{bad}");
        let faults = "plugin_faults_total{camera=\"gate\",plugin=\"keep\"}";
        assert!(!world.place.metrics.text().contains(&format!("{faults} 1")), "{bad}");
        world.end().await;
    }
}

/// As the one in charge is: it is rebuilt, and quarantined after five faults.
#[tokio::test(start_paused = true)]
async fn a_candidate_that_falls_is_quarantined_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let component = guests::write(folder.path(), "policy-traps");
    let text = TWO_POLICIES.replace(
        "[plugins.next]\ncomponent = \"policy-pre-post\"\nparams = { before = \"10s\", after = \"60s\" }",
        &format!("[plugins.next]\ncomponent = {component:?}"),
    );
    let mut world = World::new(&text).await;
    for _ in 0..5 {
        // It is rebuilt after some seconds at most.
        world.advance(Duration::from_secs(31)).await;
        world.until("it is well", |world| world.candidate().borrow().is_healthy()).await;
        world.event().await;
        world.span().await;
        world.until("it fell", |world| !world.candidate().borrow().is_healthy()).await;
    }
    let quarantined = |standing: &Standing| matches!(standing, Standing::Quarantined { .. });
    world.until("it is quarantined", |world| quarantined(&world.candidate().borrow())).await;
    // Then it misses what is said, and nobody waits for it.
    for _ in 0..300 {
        world.event().await;
    }
    world.advance(Duration::from_secs(40)).await;
    while world.spans.try_recv().is_ok() {}
    let time = world.event().await;
    assert_eq!(world.span().await.end, time + Duration::from_secs(20));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_candidate_sees_what_the_one_in_charge_sees() {
    let text = r#"
[plugins.motion]
component = "analyzer-motion"
shadow = "next"
[plugins.next]
component = "analyzer-motion"
[cameras.gate]
url = "rtsp://gate/"
analyzers = ["motion"]
"#;
    let mut world = World::new(text).await;
    world.pictures(60).await;
    world
        .until("motion of both", |world| {
            world.count("motion", "motion") > 0 && world.count("next", "motion") > 0
        })
        .await;
    for (origin, kind, outcome) in world.told() {
        if kind == "motion" {
            let expected = if origin == "next" { Outcome::Noted } else { Outcome::Accepted };
            assert_eq!(outcome, expected, "{origin}");
        }
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_candidate_for_a_source_is_given_what_is_posted() {
    let text = r#"
[plugins.door]
component = "source-webhook"
cameras = ["gate"]
shadow = "next"
[plugins.next]
component = "source-webhook"
[cameras.gate]
url = "rtsp://gate/"
"#;
    let world = World::new(text).await;
    let config = read(text);
    let guests = world.guests(&config);
    assert!(guests.is_candidate("next") && !guests.is_candidate("door"));
    let place = config.plugin("door").unwrap();
    let door = sources::start(place, &world.shared, &guests.plugins, None).unwrap();
    let next = sources::start_candidate(place, "next", &world.shared, &guests.plugins);
    for source in [&door, &next] {
        source.standing.1.clone().wait_for(Standing::is_healthy).await.unwrap();
    }
    let (answer, reply) = oneshot::channel();
    let delivery = Delivery {
        content_type: "application/json".into(),
        attributes: Vec::new(),
        body: Bytes::from_static(b"{\"kind\":\"door.opened\"}"),
        answer: Some(answer),
    };
    next.queue.try_send(delivery.copy()).unwrap();
    door.queue.try_send(delivery).unwrap();
    let Ok(Reply::Stored(notices)) = reply.await else { panic!() };
    assert_eq!(notices.len(), 1);
    world.until("both", |world| world.count("next", "door.opened") == 1).await;
    let mut told = world.told();
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let row = |origin: &str, outcome| (origin.to_owned(), "door.opened".to_owned(), outcome);
    assert_eq!(told, [row("door", Outcome::Accepted), row("next", Outcome::Noted)]);
    let tasks: [Tasks; 2] = [door.tasks, next.tasks];
    for tasks in tasks {
        assert!(tasks.end(Duration::from_secs(1)).await.is_empty());
    }
    world.end().await;
}
