//! What a person asks for at the door is recorded, whoever judges.

use std::time::Duration;

use tokio::sync::mpsc;

use super::bus::fill;
use super::{CAMERA, Place, event};
use crate::base::clock;
use crate::config::Mode;
use crate::pipeline::door::Camera;
use crate::policy::Span;

#[tokio::test(start_paused = true)]
async fn a_judge_that_never_drains_does_not_delay_what_a_person_asks_for() {
    let still = clock::still();
    let place = Place::new();
    let bus = place.bus();
    let _deaf = bus.listen(CAMERA, "one", &[]);
    fill(&bus, &place);
    let (spans, mut asked) = mpsc::channel(1);
    let camera = Camera { mode: Mode::Events, preroll: Duration::ZERO, spans };
    let span = Span {
        id: "gate/host/1".into(),
        camera: CAMERA.into(),
        policy: "host".into(),
        start: place.now(),
        end: place.now() + Duration::from_secs(60),
        keep: None,
        label: "record now".into(),
        because: vec!["a".into()],
        correlation: None,
    };
    let record = camera.record(span.clone(), event("a", place.now()), &place.store, &bus);
    tokio::pin!(record);
    // No time goes on, only the index.
    while place.events().is_empty() {
        assert!(futures::poll!(&mut record).is_pending(), "the judge is told of it afterwards");
        place.store.earliest(CAMERA).await.unwrap();
    }
    assert_eq!(asked.try_recv().ok(), Some(span), "its recorder was told before");
    drop(still);
    record.await.unwrap();
}
