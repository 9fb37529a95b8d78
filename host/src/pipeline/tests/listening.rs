//! Those who come after others, and cameras that hear each other: who hears what, in which order, and
//! that nobody waits for ever.

use std::time::Duration;

use futures::future::join_all;
use tokio::sync::mpsc;

use super::bus::fill;
use super::{API, CAMERA, Place, event};
use crate::base::kinds::KindsOf;
use crate::base::limits;
use crate::events::{Bus, Event, Heard, Publish, hops};

/// Another camera than [`CAMERA`].
const YARD: &str = "yard";

fn of(text: &str) -> KindsOf {
    KindsOf::parse(text).unwrap()
}

fn kind(id: &str, kind: &str, place: &Place) -> Event {
    Event { kind: kind.into(), ..event(id, place.now()) }
}

/// Ids of what a policy was told.
fn told(heard: &mut mpsc::Receiver<Heard>) -> Vec<String> {
    let next = || match heard.try_recv().ok()? {
        Heard::Notice(notice) => Some(notice.event.id),
        Heard::Closed => Some("closed".into()),
    };
    std::iter::from_fn(next).collect()
}

async fn say(bus: &Bus, origin: &str, camera: &str, event: Event) {
    bus.publish(Publish { origin, camera }, event).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_others_hears_them_and_not_itself() {
    let place = Place::new();
    let bus = place.bus();
    bus.add_camera(YARD);
    let mut tracker = bus.follow(&[CAMERA], "tracker", &[of("motion"), of("tracker")]);
    let mut alarm = bus.follow(&[CAMERA, YARD], "alarm", &[of("tracker/track.*"), of("api")]);
    for (origin, camera, id, kinds) in [
        ("motion", CAMERA, "a", "motion"),
        ("motion", YARD, "b", "motion"),
        ("tracker", CAMERA, "c", "track.new"),
        ("tracker", CAMERA, "d", "crowd"),
        ("api", YARD, "e", "record.now"),
    ] {
        say(&bus, origin, camera, kind(id, kinds, &place)).await;
    }
    let ids = |notices: Vec<crate::events::Notice>| -> Vec<String> {
        notices.into_iter().map(|notice| notice.event.id).collect()
    };
    assert_eq!(ids(tracker.next(9).await.unwrap()), ["a"]);
    assert_eq!(ids(alarm.next(9).await.unwrap()), ["c", "e"]);
    assert!(tracker.waiting(9).is_empty() && alarm.waiting(9).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_camera_hears_another_but_not_its_policies() {
    let place = Place::new();
    let bus = place.bus();
    bus.add_camera(YARD);
    let mut gate = bus.listen(CAMERA, "keep", &[]);
    let mut yard = bus.listen(YARD, "record", &[of("gate/motion"), of("gate/door.*")]);
    for (origin, camera, id, kinds) in [
        ("motion", CAMERA, "a", "motion"),
        ("motion", CAMERA, "b", "person"),
        ("keep", CAMERA, "c", "door.opened"),
        ("door", CAMERA, "d", "door.opened"),
        ("motion", YARD, "e", "person"),
    ] {
        say(&bus, origin, camera, kind(id, kinds, &place)).await;
    }
    fill(&bus, &place);
    assert_eq!(told(&mut gate)[..4], ["a", "b", "d", "closed"]);
    assert_eq!(told(&mut yard), ["a", "d", "e"], "nor its segments");
}

#[tokio::test(start_paused = true)]
async fn listeners_come_and_go_and_hold_up_nobody_when_they_are_gone() {
    let place = Place::new();
    let bus = place.bus();
    let gone = bus.listen(CAMERA, "gone", &[]);
    say(&bus, "api", CAMERA, event("a", place.now())).await;
    let mut late = bus.listen(CAMERA, "late", &[]);
    fill(&bus, &place);
    while late.try_recv().is_ok() {}
    // It is full, and somebody waits for it; then it goes.
    let waits = bus.publish(API, event("b", place.now()));
    tokio::pin!(waits);
    assert!(tokio::time::timeout(Duration::from_secs(60), &mut waits).await.is_err());
    drop(gone);
    waits.await.unwrap();
    say(&bus, "api", CAMERA, event("c", place.now())).await;
    assert_eq!(told(&mut late), ["b", "c"]);
    bus.remove_camera(CAMERA);
    bus.publish(API, event("d", place.now())).await.unwrap_err();
    assert_eq!(place.events().len(), 3, "nothing is about a camera that is not there");
}

/// One that is down must not hold up the cheap one before it, nor the policies.
#[tokio::test(start_paused = true)]
async fn a_follower_that_is_full_misses_events_and_is_told_so() {
    let place = Place::new();
    let bus = place.bus();
    let mut heard = bus.listen(CAMERA, "keep", &[]);
    let mut dear = bus.follow(&[CAMERA], "dear", &[of("motion")]);
    let count = limits::EVENT_QUEUE + 10;
    for number in 0..count {
        say(&bus, "motion", CAMERA, event(&number.to_string(), place.now())).await;
        assert_eq!(told(&mut heard).len(), 1);
    }
    assert_eq!((dear.missed(), dear.missed()), (10, 0));
    assert_eq!(dear.next(count).await.unwrap().len(), limits::EVENT_QUEUE);
    assert!(place.metrics.text().contains(r#"camera="gate",edge="listen"} 10"#));
}

#[tokio::test(start_paused = true)]
async fn all_hear_events_in_the_order_of_their_sequence_also_when_they_are_full() {
    let place = Place::new();
    let bus = place.bus();
    bus.add_camera(YARD);
    let mut one = bus.listen(CAMERA, "one", &[of("yard/*")]);
    let mut other = bus.listen(YARD, "other", &[of("gate/*")]);
    let count = limits::EVENT_QUEUE * 2;
    let said = (0..count).map(|number| {
        let by = Publish { origin: "api", camera: [CAMERA, YARD][number % 2] };
        bus.publish(by, event(&number.to_string(), place.now()))
    });
    let hear = async |heard: &mut mpsc::Receiver<Heard>| {
        let mut sequences = Vec::new();
        while sequences.len() < count {
            match heard.recv().await.unwrap() {
                Heard::Notice(notice) => sequences.push(notice.sequence),
                Heard::Closed => {}
            }
        }
        sequences
    };
    let (said, one, other) = tokio::join!(join_all(said), hear(&mut one), hear(&mut other));
    assert!(said.iter().all(Result::is_ok));
    let expected: Vec<u64> = (1..=count as u64).collect();
    assert_eq!(one, expected);
    assert_eq!(other, expected);
}

#[tokio::test(start_paused = true)]
async fn beyond_eight_plugins_an_event_is_stored_and_not_heard() {
    let place = Place::new();
    let bus = place.bus();
    let mut heard = bus.listen(CAMERA, "keep", &[]);
    let mut after = bus.follow(&[CAMERA], "after", &[of("loop")]);
    for (id, count) in [("a", limits::HOPS_MAX), ("b", limits::HOPS_MAX + 1)] {
        let mut event = event(id, place.now());
        hops::stamp(&mut event, count);
        say(&bus, "loop", CAMERA, event).await;
    }
    assert_eq!(told(&mut heard), ["a"]);
    assert_eq!(after.waiting(9).len(), 1);
    assert_eq!(place.events().len(), 2);
}
