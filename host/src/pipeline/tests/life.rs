//! Signs of life, from a recorder through the store to the index.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::recorder::{self, Ends};
use super::{CAMERA, Place, scene};
use crate::base::Timestamp;
use crate::base::clock::Clock;
use crate::events::{Event, Value};
use crate::ingest::{Gap, GapReason, Item};
use crate::pipeline::life;
use crate::policy::Span;
use crate::record::{GapMark, Sink};
use crate::store::Recovered;

/// A wall clock that stands still, twenty seconds into the test: what is waited for takes the
/// disk's time, which tokio's does not follow.
struct Still;

impl Clock for Still {
    fn wall(&self) -> Timestamp {
        super::start() + seconds(20)
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn span(id: &str, start: Timestamp, end: Timestamp) -> Span {
    Span {
        id: format!("gate/keep/1/{id}"),
        camera: CAMERA.into(),
        policy: "keep".into(),
        start,
        end,
        keep: None,
        label: String::new(),
        because: vec!["gate/door/1/7".into()],
        correlation: Some("order-66".into()),
    }
}

/// What of an event the tests look at: kind, reason and what it is about.
fn short(event: &Event) -> String {
    let text = |wanted: &str| {
        let found = event.attributes.iter().find(|attribute| attribute.key == wanted);
        match found.map(|attribute| &attribute.value) {
            Some(Value::Text(text)) => format!(" {}", text.rsplit('/').next().unwrap()),
            _ => String::new(),
        }
    };
    let kind = event.kind.trim_start_matches("recording.");
    format!("{kind} {:?}{}{}", event.phase, text("reason"), text("span")).to_lowercase()
}

fn said(place: &Place) -> Vec<String> {
    place.events().iter().map(|stored| short(&stored.event)).collect()
}

/// The signs of a place, running until `shutdown`; the store must be finished before.
fn signs(place: &Place, shutdown: &CancellationToken) -> impl Future<Output = ()> + use<> {
    let bus = place.bus();
    let clock: Arc<dyn Clock> = place.clock.clone();
    let (gather, teller, _voice) =
        life::signs(&place.store, &bus, &clock, &Recovered::default(), seconds(10));
    let (one, other) = (gather.run(shutdown.clone()), teller.run(shutdown.clone()));
    async {
        tokio::join!(one, other);
    }
}

/// Waits until so many events are there, in the time of the disk.
async fn wait_said(place: &Place, count: usize) -> Vec<String> {
    for _ in 0..2000 {
        if place.events().len() >= count {
            break;
        }
        // Lets the store's threads run, and then a moment pass.
        place.store.earliest(CAMERA).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    said(place)
}

#[tokio::test(start_paused = true)]
async fn a_span_is_told_of_from_its_first_video_to_its_last() {
    let mut place = Place::with(Arc::new(Still));
    let start = super::start();
    let (task, Ends { mut packets, spans, open_since: _open }) = recorder::task(&mut place);
    let (recording, telling) = (CancellationToken::new(), CancellationToken::new());
    let life = signs(&place, &telling);
    let script = async {
        scene(200, start).into_iter().for_each(|unit| packets.send(Item::Video(unit)));
        tokio::time::sleep(seconds(20)).await;
        // From the ring, all at once; the second one is withdrawn before it began.
        for asked in [
            span("a", start + seconds(5), start + seconds(8)),
            span("b", start + seconds(50), start + seconds(50)),
        ] {
            place.store.span(asked.clone()).await.unwrap();
            spans.send(asked).await.unwrap();
        }
        let told = wait_said(&place, 3).await;
        assert_eq!(told, ["started instant a", "stopped instant ended a", "available instant a"]);
        // It goes on, in the time of its seal: it is told of again.
        let longer = span("a", start + seconds(5), start + seconds(15));
        place.store.span(longer.clone()).await.unwrap();
        spans.send(longer).await.unwrap();
        let told = wait_said(&place, 6).await;
        assert_eq!(told[3..], told[..3]);
        recording.cancel();
        tokio::time::sleep(seconds(1)).await;
        place.store.finish(seconds(2)).await;
        telling.cancel();
    };
    tokio::join!(task.run(recording.clone()), life, script);
    let events = place.events();
    assert_eq!(events.len(), 6, "{:?}", said(&place));
    for stored in &events {
        assert_eq!(stored.event.correlation.as_deref(), Some("order-66"));
        let because = stored.event.attributes.iter().find(|one| one.key == "because").unwrap();
        assert_eq!(because.value, Value::Json(r#"["gate/door/1/7"]"#.into()));
    }
    assert_eq!(events[0].event.time, start + seconds(5));
    let last = &events[5].event;
    let integer = |key: &str| {
        let found = last.attributes.iter().find(|attribute| attribute.key == key);
        found.map(|attribute| attribute.value.clone())
    };
    assert_eq!(integer("end"), Some(Value::Integer((start + seconds(15)).micros())));
    assert_eq!(integer("truncated"), Some(Value::Flag(false)));
}

#[tokio::test(start_paused = true)]
async fn failing_open_is_a_stretch_and_a_gap_ends_it() {
    let mut place = Place::new();
    let (start, began) = (place.now(), Instant::now());
    let (task, mut ends) = recorder::task(&mut place);
    let (recording, telling) = (CancellationToken::new(), CancellationToken::new());
    let life = signs(&place, &telling);
    let script = async {
        ends.open_since.send_replace(Some(began));
        tokio::task::yield_now().await;
        scene(50, start).into_iter().for_each(|unit| ends.packets.send(Item::Video(unit)));
        assert_eq!(wait_said(&place, 1).await, ["started instant fail-open"]);
        let gap = Gap { reason: GapReason::Silent, detail: "nothing came".into() };
        ends.packets.send(Item::Gap(gap));
        let mut told = wait_said(&place, 3).await;
        told.sort();
        let expected = ["gap begin silent", "started instant fail-open", "stopped instant silent"];
        assert_eq!(told, expected);
        recording.cancel();
        place.store.finish(seconds(2)).await;
        telling.cancel();
    };
    tokio::join!(task.run(recording.clone()), life, script);
}

/// The marks are in the index: what one host did not tell, the next one does, and nothing twice.
#[tokio::test(start_paused = true)]
async fn a_step_is_told_once_by_whichever_host() {
    let mut place = Place::with(Arc::new(Still));
    let start = super::start();
    let (task, Ends { mut packets, spans, open_since: _open }) = recorder::task(&mut place);
    let recording = CancellationToken::new();
    let script = async {
        scene(200, start).into_iter().for_each(|unit| packets.send(Item::Video(unit)));
        tokio::time::sleep(seconds(20)).await;
        let asked = span("a", start + seconds(5), start + seconds(8));
        place.store.span(asked.clone()).await.unwrap();
        spans.send(asked).await.unwrap();
        tokio::time::sleep(seconds(1)).await;
        recording.cancel();
    };
    tokio::join!(task.run(recording.clone()), script);
    place.store.shutdown().await;
    assert_eq!(said(&place), Vec::<String>::new(), "nobody told anything");
    for _ in 0..2 {
        place.open();
        let telling = CancellationToken::new();
        let life = signs(&place, &telling);
        let script = async {
            wait_said(&place, 3).await;
            place.store.finish(seconds(2)).await;
            telling.cancel();
        };
        tokio::join!(life, script);
        let expected = ["started instant a", "stopped instant ended a", "available instant a"];
        assert_eq!(said(&place), expected);
        place.store.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn gaps_are_told_when_they_begin_and_end_and_not_twice() {
    let mut place = Place::new();
    let telling = CancellationToken::new();
    let life = signs(&place, &telling);
    let mut sink = place.sink.take().unwrap();
    let start = place.now();
    let mark = |end| GapMark { start, end, reason: GapReason::Offline, detail: String::new() };
    let script = async {
        sink.gap(mark(None));
        sink.gap(mark(Some(start + seconds(3))));
        sink.gap(mark(Some(start + seconds(3))));
        wait_said(&place, 2).await;
        telling.cancel();
    };
    tokio::join!(life, script);
    assert_eq!(said(&place), ["gap begin offline", "gap end offline"]);
    let events = place.events();
    assert_eq!(events[0].event.id, events[1].event.id);
    let length = events[1].event.attributes.iter().find(|one| one.key == "length-ms").unwrap();
    assert_eq!(length.value, Value::Integer(3000));
}

/// Whoever records does not notice that nothing can be told, and the end does not wait for it.
#[tokio::test(start_paused = true)]
async fn an_index_that_takes_nothing_blocks_nobody() {
    let mut place = Place::new();
    let telling = CancellationToken::new();
    let life = signs(&place, &telling);
    let mut sink = place.sink.take().unwrap();
    place.store.shutdown().await;
    let (start, end, reason) = (place.now(), None, GapReason::Disk);
    sink.gap(GapMark { start, end, reason, detail: String::new() });
    let script = async {
        tokio::time::sleep(seconds(30)).await;
        telling.cancel();
    };
    tokio::time::timeout(seconds(32), async { tokio::join!(life, script) }).await.unwrap();
}
