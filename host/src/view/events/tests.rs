//! Events out of a real index: folded, found, and a page at a time.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::base::clock::Simulated;
use crate::base::metrics::Metrics;
use crate::events::Event;
use crate::store::fs::Disk;
use crate::store::{FreeFloor, NewEvent, Outcome, Store, StoreConfig};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_763_800_000_000 + seconds * 1000)
}

fn square(x: f32) -> Region {
    let area = Area { x, y: 0.4, width: 0.1, height: 0.1 };
    Region { area, label: None, confidence: 0.5, track: None }
}

/// What a plugin says: `gate/motion/<id>`, at `seconds`.
fn said(camera: &str, id: &str, kind: &str, phase: Phase, seconds: i64) -> NewEvent {
    NewEvent {
        event: Event {
            id: format!("{camera}/motion/{id}"),
            kind: kind.into(),
            phase,
            time: at(seconds),
            confidence: 0.5,
            regions: Vec::new(),
            cameras: vec![camera.into()],
            correlation: None,
            attributes: Vec::new(),
        },
        camera: camera.into(),
        origin: "motion".into(),
        received: at(seconds),
        outcome: Outcome::Accepted,
    }
}

fn zone(names: &str) -> Attribute {
    Attribute { key: "zone".into(), value: Value::Text(names.into()) }
}

/// A store with these events, and a view of it at `now`.
async fn store(events: Vec<NewEvent>, now: i64) -> (tempfile::TempDir, Arc<View>) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let config = StoreConfig { free_floor: FreeFloor::Bytes(0), ..StoreConfig::new(root.clone()) };
    let clock = Arc::new(Simulated::starting_at(at(now)));
    let (store, _) =
        Store::open(config, Arc::new(Disk), clock.clone(), Metrics::default()).unwrap();
    for event in events {
        store.enter(event).await.unwrap();
    }
    store.shutdown().await;
    (folder, View::new(&root, Arc::new(Disk), clock))
}

fn all() -> Sought {
    Sought {
        cameras: None,
        kinds: Vec::new(),
        origins: Vec::new(),
        from: Timestamp::ZERO,
        to: Timestamp::MAX,
        zones: Vec::new(),
        confidence: None,
        area: None,
        ascending: true,
        limit: 100,
        after: None,
    }
}

/// One event of three phases, and others around it.
fn life() -> Vec<NewEvent> {
    let mut begin = said("gate", "1", "motion", Phase::Begin, 10);
    begin.event.regions = vec![square(0.1)];
    begin.event.attributes = vec![zone("path")];
    let mut update = said("gate", "1", "motion", Phase::Update, 12);
    update.event.confidence = 0.9;
    update.event.regions = vec![square(0.7)];
    update.event.attributes = vec![zone("path,door")];
    let mut end = said("gate", "1", "motion", Phase::End, 14);
    end.event.confidence = 0.2;
    end.event.regions = vec![square(0.4)];
    let mut refused = said("gate", "3", "motion", Phase::Instant, 11);
    refused.outcome = Outcome::Refused("too far ahead".into());
    let door = said("gate", "2", "door.opened", Phase::Instant, 11);
    vec![
        begin,
        NewEvent { origin: "door".into(), ..door },
        refused,
        update,
        said("yard", "1", "motion", Phase::Begin, 13),
        end,
    ]
}

#[tokio::test]
async fn phases_are_one_event() {
    let (_folder, view) = store(life(), 15).await;
    let found = view.events(all()).await.unwrap();
    let ids: Vec<_> = found.events.iter().map(|one| (&*one.camera, &*one.kind)).collect();
    assert_eq!(ids, [("gate", "motion"), ("gate", "door.opened"), ("yard", "motion")]);
    assert_eq!(found.next, None);
    let [motion, door, open] = &found.events[..] else { panic!("{found:?}") };
    assert_eq!((motion.start, motion.end, motion.open), (at(10), Some(at(14)), false));
    assert_eq!((motion.confidence, &motion.regions[..]), (0.9, &[square(0.7)][..]));
    assert_eq!(motion.zones, ["path", "door"]);
    assert_eq!((door.end, door.open), (None, false));
    // Two seconds after it began it may well go on.
    assert_eq!((open.end, open.open), (None, true));
}

#[tokio::test]
async fn who_is_not_heard_of_has_ended() {
    let (_folder, view) = store(life(), 60).await;
    let found = view.events(Sought { cameras: Some(vec!["yard".into()]), ..all() }).await.unwrap();
    assert_eq!((found.events[0].end, found.events[0].open), (Some(at(13)), false));
}

#[tokio::test]
async fn events_are_found_by_what_they_are() {
    let (_folder, view) = store(life(), 60).await;
    let area = |x: f32| Some(Area { x, y: 0.0, width: 0.05, height: 1.0 });
    let kinds = |text: &str| vec![Kinds::parse(text).unwrap()];
    let names = |name: &str| vec![name.to_owned()];
    for (name, sought, expected) in [
        ("all", all(), 3),
        ("a camera", Sought { cameras: Some(vec!["gate".into()]), ..all() }, 2),
        ("nobody", Sought { cameras: Some(vec!["attic".into()]), ..all() }, 0),
        ("a kind", Sought { kinds: kinds("motion"), ..all() }, 2),
        ("a group", Sought { kinds: kinds("door.*"), ..all() }, 1),
        ("another group", Sought { kinds: kinds("doo.*"), ..all() }, 0),
        ("every kind", Sought { kinds: kinds("*"), ..all() }, 3),
        ("an origin", Sought { origins: names("motion"), ..all() }, 2),
        ("another origin", Sought { origins: names("door"), ..all() }, 1),
        ("from", Sought { from: at(11), ..all() }, 2),
        ("to", Sought { to: at(11), ..all() }, 1),
        ("a zone of later", Sought { zones: names("door"), ..all() }, 1),
        ("no zone", Sought { zones: names("roof"), ..all() }, 0),
        ("sure", Sought { confidence: Some(0.8), ..all() }, 1),
        ("where it began", Sought { area: area(0.12), ..all() }, 1),
        ("where it went", Sought { area: area(0.75), ..all() }, 1),
        ("where it ended", Sought { area: area(0.42), ..all() }, 1),
        ("elsewhere", Sought { area: area(0.9), ..all() }, 0),
        ("beside it", Sought { area: area(0.05), ..all() }, 0),
    ] {
        let found = view.events(sought).await.unwrap();
        assert_eq!(found.events.len(), expected, "{name}: {found:?}");
    }
}

#[tokio::test]
async fn pages_have_each_event_once_in_order() {
    let mut events = Vec::new();
    for number in 0..23 {
        let camera = ["gate", "yard", "door"][number % 3];
        // Some at the same moment, and not in the order of receipt.
        let seconds = (number as i64 * 7) % 10;
        events.push(said(camera, &number.to_string(), "motion", Phase::Instant, seconds));
    }
    let (_folder, view) = store(events, 60).await;
    for ascending in [true, false] {
        let whole = view.events(Sought { ascending, ..all() }).await.unwrap().events;
        assert_eq!(whole.len(), 23);
        let sorted = whole.is_sorted_by(|one, other| {
            let (one, other) = ((one.start, one.sequence), (other.start, other.sequence));
            if ascending { one < other } else { one > other }
        });
        assert!(sorted, "{whole:?}");
        for limit in [1, 4, 23] {
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let page = view.events(Sought { ascending, limit, after, ..all() }).await.unwrap();
                assert!(page.events.len() <= limit);
                paged.extend(page.events);
                // As it goes out and comes back.
                after = page.next.map(|next| next.to_string().parse().unwrap());
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(paged, whole, "{limit} at a time");
        }
    }
}

#[tokio::test]
async fn a_time_line_has_marks_and_motion() {
    let mut events = life();
    events.push(said("gate", "4", "motion", Phase::Instant, 500));
    let (_folder, view) = store(events, 600).await;
    let line = view
        .read(|reader| reader.timeline("gate", at(0), at(1000), Duration::from_secs(10)))
        .await
        .unwrap();
    let marks: Vec<_> =
        line.events.iter().map(|mark| (&*mark.kind, mark.start, mark.end, mark.count)).collect();
    assert_eq!(
        marks,
        [
            ("motion", at(10), Some(at(14)), 1),
            ("door.opened", at(11), None, 1),
            ("motion", at(500), None, 1),
        ]
    );
    assert_eq!((line.motion.step.as_str(), line.motion.values.len()), ("10s", 51));
    assert_eq!((line.motion.values[1], line.motion.values[50]), (0.9, 0.5));
    assert_eq!(line.motion.values[0], 0.0);
    // What is near at the resolution is one mark.
    let line = view
        .read(|reader| reader.timeline("gate", at(0), at(1000), Duration::from_secs(600)))
        .await
        .unwrap();
    let motion: Vec<_> = line.events.iter().filter(|mark| mark.kind == "motion").collect();
    assert_eq!((motion.len(), motion[0].count, motion[0].end), (1, 2, Some(at(500))));
}
