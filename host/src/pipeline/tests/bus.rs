//! The bus: stored before heard, and what happens when nobody listens.

use std::time::Duration;

use super::{API, CAMERA, Place, event};
use crate::base::{Kind, limits};
use crate::events::{Bus, Heard, Publish};
use crate::store::{ClosedSegment, Outcome};

const WAIT: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_event_is_stored_and_then_heard_by_the_others() {
    let place = Place::new();
    let bus = place.bus();
    let mut one = bus.listen(CAMERA, "one", &[]);
    let mut other = bus.listen(CAMERA, "other", &[]);
    let by = Publish { origin: "one", camera: CAMERA };
    let said = bus.publish(by, event("a", place.now())).await.unwrap();
    let Heard::Notice(heard) = other.try_recv().unwrap() else { panic!("a segment") };
    assert_eq!(*heard, said);
    assert!(one.try_recv().is_err(), "who says an event does not hear it");
    let stored = place.events();
    assert_eq!((stored.len(), stored[0].sequence), (1, said.sequence));
    assert_eq!((&stored[0].event, &stored[0].outcome), (&said.event, &Outcome::Accepted));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_stored_with_the_reason_and_heard_by_nobody() {
    let place = Place::new();
    let bus = place.bus();
    let mut heard = bus.listen(CAMERA, "one", &[]);
    let late = event("a", place.now() + limits::EVENT_LEAD + WAIT);
    let error = bus.publish(API, late).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refuse);
    assert!(error.to_string().contains("check the sender's clock"), "{error}");
    assert!(heard.try_recv().is_err());
    assert_eq!(place.events()[0].outcome, Outcome::Refused(error.to_string()));
    let unknown = Publish { origin: "door", camera: "barn" };
    let error = bus.publish(unknown, event("b", place.now())).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refuse);
    assert!(error.to_string().contains("`barn`") && error.to_string().contains("known: gate"));
}

#[tokio::test(start_paused = true)]
async fn nobody_hears_what_is_not_stored() {
    let place = Place::new();
    let bus = place.bus();
    let mut heard = bus.listen(CAMERA, "one", &[]);
    place.store.shutdown().await;
    bus.publish(API, event("a", place.now())).await.unwrap_err();
    assert!(heard.try_recv().is_err());
}

/// What becomes of a recording is stored, and no policy hears it: its effect is not its cause.
#[tokio::test(start_paused = true)]
async fn signs_of_life_are_stored_and_heard_by_no_policy() {
    let place = Place::new();
    let bus = place.bus();
    let mut heard = bus.listen(CAMERA, "one", &[]);
    // A camera that is no longer configured, and the host as a whole, have some, too.
    for (number, camera) in [CAMERA, "barn", ""].into_iter().enumerate() {
        let said = bus.note(camera, Some(event("a", place.now())), None).await.unwrap();
        assert_eq!(said, Some(number as u64 + 1));
    }
    assert!(heard.try_recv().is_err());
    let stored = place.events();
    assert!(stored.iter().all(|one| one.outcome == Outcome::Noted), "{stored:?}");
    let tally = place.store.tally(CAMERA, place.now() - WAIT, place.now() + WAIT).await.unwrap();
    assert_eq!(tally, [], "nor do they count where policies judge segments");
    place.store.shutdown().await;
    bus.note(CAMERA, Some(event("a", place.now())), None).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_full_listener_holds_up_who_says_events() {
    let place = Place::new();
    let bus = place.bus();
    let mut heard = bus.listen(CAMERA, "one", &[]);
    fill(&bus, &place);
    let error = bus.room("api", &[CAMERA], WAIT).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Retry);
    // A listener itself waits no longer than that, and its event stands in the index.
    let by = Publish { origin: "other", camera: CAMERA };
    let error = bus.publish_among(by, event("b", place.now()), WAIT).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Retry);
    assert_eq!(place.events().len(), 1);
    let publish = bus.publish(API, event("c", place.now()));
    tokio::pin!(publish);
    assert!(tokio::time::timeout(WAIT * 60, &mut publish).await.is_err());
    heard.recv().await.unwrap();
    let said = publish.await.unwrap();
    let mut last = None;
    while let Ok(next) = heard.try_recv() {
        last = Some(next);
    }
    assert!(matches!(last, Some(Heard::Notice(last)) if *last == said));
}

/// Fills the queues of the camera's listeners.
pub(super) fn fill(bus: &Bus, place: &Place) {
    for sequence in 0..limits::EVENT_QUEUE as u64 {
        bus.closed(&ClosedSegment {
            camera: CAMERA.into(),
            sequence,
            epoch: 0,
            start: place.now(),
            end: place.now(),
            bytes: 1,
            gap_before: false,
            continuous: true,
            fail_open: false,
        });
    }
}
