//! An event source's stage: what its senders are answered.

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::bus::fill;
use super::{CAMERA, Place, bundled, guest};
use crate::events::source::{Delivery, Reply, Source};
use crate::wasm::{Plugin, Setup};

fn door() -> (Plugin, Setup) {
    bundled("source-webhook", &Value::Null)
}

/// What a sender of `body` is told; `full`: the camera's policy takes no more.
async fn ask(source: (Plugin, Setup), body: &str, full: bool) -> (Place, Reply) {
    let place = Place::new();
    let bus = place.bus();
    let _heard = bus.listen(CAMERA, "keep", &[]);
    if full {
        fill(&bus, &place);
    }
    let (queue, messages) = mpsc::channel(8);
    let (seat, _standing, _) = place.seat("door", None, source, &bus);
    let source = Source {
        name: "door".into(),
        cameras: vec![CAMERA.into()],
        seat,
        messages,
        follower: None,
        answers: mpsc::channel(1).1,
        bus,
        clock: place.clock.clone(),
        open: None,
    };
    let (answer, reply) = oneshot::channel();
    let delivery = Delivery {
        content_type: "application/json".into(),
        attributes: Vec::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        answer,
    };
    queue.try_send(delivery).unwrap();
    let shutdown = CancellationToken::new();
    let task = source.run(shutdown.clone());
    let script = async {
        let reply = reply.await.unwrap();
        shutdown.cancel();
        reply
    };
    let ((), reply) = tokio::join!(task, script);
    (place, reply)
}

#[tokio::test(start_paused = true)]
async fn what_is_understood_is_stored() {
    let (place, reply) = ask(door(), &json!({ "kind": "door.opened" }).to_string(), false).await;
    let Reply::Stored(notices) = reply else { panic!("{reply:?}") };
    assert_eq!((notices.len(), notices[0].camera.as_str()), (1, CAMERA));
    assert_eq!(place.events()[0].event.id, notices[0].event.id);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_rejected_with_the_reason() {
    let unknown = json!({ "kind": "door.opened", "camera": "barn" }).to_string();
    let quiet = || (guest("source-rejects"), Setup::default());
    for (source, body, why) in
        [(door(), "[]", ""), (door(), unknown.as_str(), "`barn`"), (quiet(), "{}", "no door in it")]
    {
        let (place, reply) = ask(source, body, false).await;
        let Reply::Rejected(reason) = reply else { panic!("{body}: {reply:?}") };
        assert!(!reason.is_empty() && reason.contains(why), "{body}: {reason}");
        assert!(place.events().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_has_room_for_is_to_be_sent_again() {
    let (place, reply) = ask(door(), &json!({ "kind": "door.opened" }).to_string(), true).await;
    let Reply::Unavailable(reason) = reply else { panic!("{reply:?}") };
    assert!(reason.contains("too busy: try again later"), "{reason}");
    assert!(place.events().is_empty());
}
