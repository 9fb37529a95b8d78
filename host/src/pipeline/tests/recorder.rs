//! The recorder's task: what is written when judges fail, and after the camera has ended.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::house::{GROUP, MARK, units};
use super::{CAMERA, Place, scene, video};
use crate::analyze::UnitTaps;
use crate::base::clock::{self, Simulated};
use crate::base::{Timestamp, metrics};
use crate::events::Bus;
use crate::ingest::timeline::{Arrival, Timeline};
use crate::ingest::{Access, Gap, GapReason, Item, VideoParameters, VideoUnit, queue};
use crate::pipeline::{recorder::Task, status};
use crate::policy::Span;
use crate::policy::spans::Reach;
use crate::record::{Mode, Recorder, RecorderConfig};
use crate::store::faulty::{Fault, Faulty};
use crate::store::query::Filter;

/// What acts on the task.
pub(super) struct Ends {
    pub(super) packets: queue::Sender,
    pub(super) spans: mpsc::Sender<Span>,
    pub(super) open_since: watch::Sender<Option<Instant>>,
}

pub(super) fn task(place: &mut Place) -> (Task, Ends) {
    let bus = place.bus();
    task_in(Mode::Events, place, bus)
}

fn task_in(mode: Mode, place: &mut Place, bus: Bus) -> (Task, Ends) {
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
        mode,
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
        bus,
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

/// One of 50 kB, ten a second by its own time.
fn unit(number: u64, start: Timestamp, parameters: &Arc<VideoParameters>) -> VideoUnit {
    let key = number.is_multiple_of(GROUP);
    let kind = if key { 0x65 } else { 0x41 };
    let mark = [MARK, format!("{number:08}").as_bytes()].concat();
    let body = [&[kind][..], &mark, &[0xff; 50_000]].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let media = i64::try_from(number * 100_000).unwrap();
    VideoUnit {
        parameters: parameters.clone(),
        session: 0,
        epoch: 0,
        pts: media * 9 / 100,
        time: start.offset(media),
        arrived: Instant::now(),
        access: if key { Access::Key } else { Access::Reference },
        damaged: false,
        data: Bytes::from([&length[..], &body].concat()),
    }
}

/// The unit at which the disk stalls.
const STALL: u64 = 5 * GROUP;

/// A file is read as fast as it goes, and the disk does not come back for as long as anything else
/// moves. Gives the numbers of the units that are on disk in the end.
async fn read_fast_to_a_slow_disk(waits: bool, count: u64) -> Vec<u64> {
    let _still = clock::still();
    let disk = Faulty::new(Fault::None);
    let clock = Arc::new(Simulated::starting_at(super::start()));
    let mut place = Place::on(Arc::new(disk.clone()), clock);
    let (bus, mut said) = Bus::new(place.store.clone(), place.clock.clone(), place.metrics.clone());
    bus.add_camera(CAMERA);
    let backlog = waits.then(|| place.sink.as_ref().unwrap().backlog());
    let (task, Ends { mut packets, spans: _spans, open_since: _open }) =
        task_in(Mode::Continuous, &mut place, bus);
    let task = Task { backlog, ..task };
    let (parameters, start) = (video(&[1, 0x42, 0xc0, 0x1e, 0xff, 0xe0, 0]), place.now());
    let shutdown = CancellationToken::new();
    let (sent, sees) = watch::channel(0);
    let source = async {
        for number in 0..count {
            if number == STALL {
                disk.set_stalls(true);
            }
            // As a session of such a file does.
            packets.room().await;
            packets.send(Item::Video(unit(number, start, &parameters)));
            sent.send_replace(number);
        }
        packets.send(Item::Gap(Gap { reason: GapReason::Offline, detail: "its end".into() }));
    };
    let slow = async {
        let (mut before, mut now) = (0, 0);
        while now < STALL || now != before {
            for _ in 0..100 {
                tokio::time::advance(Duration::from_millis(10)).await;
            }
            (before, now) = (now, *sees.borrow());
        }
        disk.set_stalls(false);
    };
    let script = async {
        tokio::join!(source, slow);
        while said.recv().await.unwrap().1.kind != "camera.offline" {}
        shutdown.cancel();
    };
    tokio::join!(task.run(shutdown.clone()), script);
    place.store.finish(seconds(600)).await;
    place.store.shutdown().await;
    let segments = place.reader().segments(&Filter::default()).unwrap();
    segments.iter().flat_map(|segment| units(&segment.path)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_read_as_fast_as_it_goes_waits_for_a_slow_disk() {
    let all: Vec<u64> = (0..50 * GROUP).collect();
    let lossy = read_fast_to_a_slow_disk(false, 50 * GROUP).await;
    assert!(lossy.len() < all.len(), "the disk is slow enough to lose something");
    assert_eq!(read_fast_to_a_slow_disk(true, 50 * GROUP).await, all);
}
