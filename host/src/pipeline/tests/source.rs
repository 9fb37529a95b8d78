//! An event source's stage: what its senders are answered.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::bus::fill;
use super::{CAMERA, Place, bundled, guest, load};
use crate::events::source::{Delivery, Reply, Source};
use crate::events::{Attribute, Bus, Value as AttributeValue};
use crate::seat::{By, Offer, Order, Outcome};
use crate::wasm::standing::{Asker, Standing};
use crate::wasm::{Plugin, Setup, guests};

fn door() -> (Plugin, Setup) {
    bundled("source-webhook", &Value::Null)
}

/// A source's stage that runs, its senders, and those who say who else should be in charge.
struct World {
    place: Place,
    bus: Bus,
    queue: mpsc::Sender<Delivery>,
    orders: mpsc::Sender<Order>,
    standing: Asker,
}

impl World {
    /// Plays `script` while the stage of this source runs for these cameras.
    async fn play<R>(
        source: (Plugin, Setup),
        cameras: &[&str],
        script: impl AsyncFnOnce(&mut Self) -> R,
    ) -> (Place, R) {
        let place = Place::new();
        let bus = place.bus();
        let (queue, messages) = mpsc::channel(8);
        let (seat, standing, orders) = place.seat("door", None, source, &bus);
        let source = Source {
            name: "door".into(),
            cameras: cameras.iter().map(|&camera| camera.into()).collect(),
            seat,
            messages,
            follower: None,
            answers: mpsc::channel(1).1,
            bus: bus.clone(),
            clock: place.clock.clone(),
            open: None,
        };
        let mut world = Self { place, bus, queue, orders, standing };
        let shutdown = CancellationToken::new();
        let task = source.run(shutdown.clone());
        let script = async {
            let result = script(&mut world).await;
            shutdown.cancel();
            result
        };
        let ((), result) = tokio::join!(task, script);
        (world.place, result)
    }

    /// What a sender of `body` with this query is told.
    async fn post(&self, body: &str, query: &str) -> Reply {
        let (answer, reply) = oneshot::channel();
        let value = AttributeValue::Text(query.into());
        let delivery = Delivery {
            content_type: "application/json".into(),
            attributes: vec![Attribute { key: "query.door".into(), value }],
            body: Bytes::copy_from_slice(body.as_bytes()),
            answer: Some(answer),
        };
        self.queue.send(delivery).await.unwrap();
        reply.await.unwrap()
    }
}

/// What a sender of `body` is told; `full`: the camera's policy takes no more.
async fn ask(source: (Plugin, Setup), body: &str, full: bool) -> (Place, Reply) {
    World::play(source, &[CAMERA], async |world| {
        let _heard = world.bus.listen(CAMERA, "keep", &[]);
        if full {
            fill(&world.bus, &world.place);
        }
        world.post(body, "front").await
    })
    .await
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

/// Nothing is stored of what the sender is told to send again.
#[tokio::test(start_paused = true)]
async fn what_is_said_of_several_cameras_is_stored_of_all_or_of_none() {
    let body = json!({ "kind": "door.opened" }).to_string();
    for (cameras, full) in [([CAMERA, "barn"], false), (["yard", CAMERA], true)] {
        let (place, reply) = World::play(door(), &cameras, async |world| {
            world.bus.add_camera("yard");
            let _heard = world.bus.listen(CAMERA, "keep", &[]);
            if full {
                fill(&world.bus, &world.place);
            }
            world.post(&body, "front").await
        })
        .await;
        assert!(!matches!(reply, Reply::Stored(_)), "{reply:?}");
        assert!(place.events().is_empty(), "{cameras:?}");
    }
}

/// What is more than may be stored is dropped, and after ten seconds of that the instance is at fault.
#[tokio::test(start_paused = true)]
async fn a_source_that_floods_the_index_is_stopped() {
    let attributes = (0..60).map(|number| (format!("a{number}"), json!("x".repeat(4000))));
    let mut body: serde_json::Map<_, _> = attributes.collect();
    body.insert("kind".into(), json!("door.opened"));
    let body = Value::Object(body).to_string();
    let (place, stored) = World::play(door(), &[CAMERA], async |world| {
        let mut stored = 0;
        for _ in 0..140 {
            let reply = world.post(&body, "front").await;
            let Reply::Stored(notices) = reply else { panic!("{reply:?}") };
            stored += notices.len();
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        for _ in 0..10 {
            let reply = world.post(&body, "front").await;
            if let Reply::Unavailable(why) = reply {
                assert!(why.contains("is more than may be stored, 64 KiB a second"), "{why}");
                return stored;
            }
        }
        panic!("it goes on");
    })
    .await;
    // 32 MiB of a quarter of a MiB each.
    assert!((130..140).contains(&stored), "{stored}");
    let text = place.metrics.text();
    assert!(text.contains("plugin_faults_total{camera=\"\",plugin=\"door\"} 1"), "{text}");
}

/// Who posts once more what brought a source down is refused: for a while, and until a person says
/// otherwise. Whatever else is posted is not.
#[tokio::test(start_paused = true)]
async fn what_brought_it_down_is_refused_for_a_while() {
    let export = "messages@0.1.0#on-message";
    let traps = || load(&guests::component_but("source-rejects", export, "(unreachable)"));
    let setup = Setup { params: "{}".into(), ..Setup::default() };
    World::play((traps(), setup), &[CAMERA], async |world| {
        let healthy = async |world: &mut World| {
            world.standing.wait_for(Standing::is_healthy).await.unwrap();
        };
        let fell =
            |reply: &Reply| matches!(reply, Reply::Unavailable(why) if why.contains("trapped"));
        let refused =
            |reply: &Reply| matches!(reply, Reply::Rejected(why) if why.contains("brought"));
        assert!(fell(&world.post("", "front").await));
        healthy(world).await;
        assert!(refused(&world.post("", "front").await), "the same");
        assert!(fell(&world.post("", "back").await), "its query is another");
        healthy(world).await;
        tokio::time::sleep(Duration::from_secs(180)).await;
        assert!(fell(&world.post("", "front").await), "that is long ago");
        healthy(world).await;
        assert!(refused(&world.post("", "front").await));
        let (answer, outcome) = oneshot::channel();
        let offer = Offer { plugin: traps(), params: "{}".into() };
        world.orders.send(Order { offer, by: By::Person, answer }).await.unwrap();
        assert_eq!(outcome.await.unwrap(), Outcome::Unchanged);
        assert!(fell(&world.post("", "front").await), "a person says: try again");
    })
    .await;
}

/// Who was told that it failed may have sent it once more.
#[tokio::test(start_paused = true)]
async fn what_its_sender_has_given_up_is_not_acted_on() {
    let body = json!({ "kind": "door.opened" }).to_string();
    let (place, reply) = World::play(door(), &[CAMERA], async |world| {
        let delivery = |answer| Delivery {
            content_type: "application/json".into(),
            attributes: Vec::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            answer,
        };
        let (answer, reply) = oneshot::channel();
        drop(reply);
        world.queue.send(delivery(Some(answer))).await.unwrap();
        // A copy, for which nobody waits, is.
        world.queue.send(delivery(None)).await.unwrap();
        world.post(&body, "front").await
    })
    .await;
    assert!(matches!(reply, Reply::Stored(_)), "{reply:?}");
    assert_eq!(place.events().len(), 2);
}
