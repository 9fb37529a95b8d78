//! The recorder's task: what is written when judges fail, and after the camera has ended.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{CAMERA, Place, scene};
use crate::analyze::UnitTaps;
use crate::base::metrics;
use crate::ingest::timeline::{Arrival, Timeline};
use crate::ingest::{Item, queue};
use crate::pipeline::{recorder::Task, status};
use crate::policy::Span;
use crate::policy::spans::Reach;
use crate::record::{Mode, Recorder, RecorderConfig};
use crate::store::query::Filter;

/// What acts on the task.
pub(super) struct Ends {
    pub(super) packets: queue::Sender,
    pub(super) spans: mpsc::Sender<Span>,
    pub(super) open_since: watch::Sender<Option<Instant>>,
}

pub(super) fn task(place: &mut Place) -> (Task, Ends) {
    let options = queue::Options {
        camera: CAMERA.into(),
        edge: "record",
        bytes_max: 4 << 20,
        when_full: queue::WhenFull::DropOldestGroup,
    };
    let (packets, queued) = queue::channel(options, &place.metrics);
    let (spans, asked) = mpsc::channel(8);
    let (open_since, fail_open) = watch::channel(None);
    let config = RecorderConfig {
        camera: CAMERA.into(),
        store_id: [0; 16],
        mode: Mode::Events,
        segment: Duration::from_secs(60),
        preroll: Duration::from_secs(60),
        preroll_bytes: 8 << 20,
        next_sequence: 1,
    };
    let arrival = Arrival { at: Instant::now(), wall: place.now() };
    let label = metrics::Camera { camera: CAMERA.into() };
    let task = Task {
        camera: CAMERA.into(),
        recorder: Recorder::new(config, place.sink.take().unwrap()),
        packets: queued,
        backlog: None,
        spans: asked,
        fail_open,
        reach: Reach::default(),
        timeline: Timeline::new(arrival).handle(),
        anchored: Instant::now(),
        epoch: None,
        units: UnitTaps::default(),
        connection: Arc::new(Mutex::new(status::Connection::default())),
        bus: place.bus(),
        clock: place.clock.clone(),
        preroll: place.metrics.preroll_seconds.get_or_create(&label).clone(),
        ring_short: false,
        keyless: false,
        metrics: place.metrics.clone(),
    };
    (task, Ends { packets, spans, open_since })
}

const BRIEF: Duration = Duration::from_millis(1);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn failing_open_reaches_back_to_the_start_of_the_outage() {
    let mut place = Place::new();
    let (start, began) = (place.now(), Instant::now());
    let (task, mut ends) = task(&mut place);
    let shutdown = CancellationToken::new();
    let script = async {
        scene(200, start).into_iter().for_each(|unit| ends.packets.send(Item::Video(unit)));
        tokio::time::sleep(seconds(20)).await;
        ends.open_since.send_replace(Some(began + seconds(12)));
        tokio::time::sleep(BRIEF).await;
        shutdown.cancel();
    };
    tokio::join!(task.run(shutdown.clone()), script);
    place.store.shutdown().await;
    let segments = place.reader().segments(&Filter::default()).unwrap();
    assert_eq!(segments.len(), 1, "{segments:?}");
    assert_eq!(segments[0].start, start + seconds(12));
    assert!(segments[0].end >= start + Duration::from_millis(19_800), "{segments:?}");
}

#[tokio::test(start_paused = true)]
async fn a_span_that_comes_after_the_camera_has_ended_is_still_written() {
    let mut place = Place::new();
    let start = place.now();
    let (task, Ends { mut packets, spans, open_since: _open }) = task(&mut place);
    let shutdown = CancellationToken::new();
    let script = async {
        scene(200, start).into_iter().for_each(|unit| packets.send(Item::Video(unit)));
        drop(packets);
        tokio::time::sleep(seconds(20)).await;
        let span = Span {
            id: "gate/keep/1/1".into(),
            camera: CAMERA.into(),
            policy: "keep".into(),
            start: start + seconds(5),
            end: start + seconds(8),
            keep: None,
            label: String::new(),
            because: Vec::new(),
            correlation: None,
        };
        place.store.span(span.clone()).await.unwrap();
        spans.send(span).await.unwrap();
        shutdown.cancel();
    };
    tokio::join!(task.run(shutdown.clone()), script);
    place.store.shutdown().await;
    let segments = place.reader().segments(&Filter::default()).unwrap();
    assert_eq!(segments.len(), 1, "{segments:?}");
    assert_eq!((segments[0].start, segments[0].end), (start + seconds(5), start + seconds(8)));
}
