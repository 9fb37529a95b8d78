//! A host that is started again and again on one store, with a scripted camera and a clock that
//! steps: the recorder's task between a true time line and a true store, on simulated time.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{CAMERA, video};
use crate::analyze::UnitTaps;
use crate::base::Timestamp;
use crate::base::clock::{Clock, Simulated};
use crate::base::metrics::{self, Metrics};
use crate::events::Bus;
use crate::ingest::timeline::{Anchoring, Arrival, Timeline};
use crate::ingest::{Access, Gap, GapReason, Item, VideoParameters, VideoUnit, queue};
use crate::pipeline::{recorder::Task, status};
use crate::policy::Span;
use crate::policy::spans::Reach;
use crate::record::{Mode, Recorder, RecorderConfig};
use crate::store::query::{Filter, Reader};
use crate::store::{self, CameraSettings, FreeFloor, Store, StoreConfig};

pub(super) const SECOND: i64 = 1_000_000;

/// A picture every 100 ms, a key frame every two seconds, a file every ten.
const PICTURE: Duration = Duration::from_millis(100);
pub(super) const GROUP: u64 = 20;

/// Units that a kill may cost: a second and one, and what the writer was just told of.
pub(super) const LOST: u64 = 20;

/// Marks a unit in the bytes of a file.
pub(super) const MARK: &[u8] = b"unit of the steps test ";

/// What happens to a host and its camera.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// The camera sends so many pictures.
    Send(u64),
    /// The host's clock steps by microseconds.
    Step(i64),
    /// It is slewed by so many parts per million while so many pictures come.
    Slew(i64, u64),
    /// The camera is away for so long.
    Away(Duration),
    /// A span from so many microseconds before now until so many after it, by the host's clock.
    Span(i64, i64),
    /// Nobody judges any more.
    Outage,
    /// The camera sends so many pictures, none of them a key frame.
    Keyless(u64),
}
use Act::{Away, Keyless, Outage, Send, Slew, Span as Ask, Step};

/// How a run of the host ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Stopped,
    Killed,
}

/// A host that is started again and again on one store.
pub(super) struct House {
    directory: TempDir,
    pub(super) clock: Arc<Simulated>,
    mode: Mode,
    parameters: Arc<VideoParameters>,
    /// The number of the next unit, and how many were sent.
    pub(super) sent: u64,
    pub(super) pictures: u64,
    pub(super) kills: u64,
    /// Kinds of the host's own events so far.
    pub(super) said: Vec<String>,
    spans: u32,
    keyless: bool,
}

impl House {
    pub(super) fn new(mode: Mode, start: i64) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: Arc::new(Simulated::starting_at(Timestamp::from_micros(start))),
            mode,
            parameters: video(&[1, 0x42, 0xc0, 0x1e, 0xff, 0xe0, 0]),
            sent: 0,
            pictures: 0,
            kills: 0,
            said: Vec::new(),
            spans: 0,
            keyless: false,
        }
    }

    fn root(&self) -> std::path::PathBuf {
        self.directory.path().join("store")
    }

    fn open(&self, metrics: &Metrics) -> Arc<Store> {
        let config = StoreConfig {
            sync_interval: Duration::ZERO,
            free_floor: FreeFloor::Bytes(0),
            ..StoreConfig::new(self.root())
        };
        let disk = Arc::new(store::fs::Disk);
        let (store, _) = Store::open(config, disk, self.clock.clone(), metrics.clone()).unwrap();
        Arc::new(store)
    }

    fn settings(&self, next_sequence: u64) -> RecorderConfig {
        RecorderConfig {
            camera: CAMERA.into(),
            store_id: [0; 16],
            mode: self.mode,
            segment: Duration::from_secs(10),
            preroll: Duration::from_secs(10),
            preroll_bytes: 8 << 20,
            next_sequence,
        }
    }

    pub(super) async fn run(&mut self, acts: &[Act], end: End) {
        let metrics = Metrics::default();
        let store = self.open(&metrics);
        let (sink, resume) = store.camera(CAMERA, CameraSettings::default()).unwrap();
        let timeline = Timeline::new(Arrival::now(&*self.clock));
        let timeline = timeline.resuming(resume.epoch, resume.end);
        let (bus, mut said) = Bus::new(store.clone(), self.clock.clone(), metrics.clone());
        bus.add_camera(CAMERA);
        let options = queue::Options {
            camera: CAMERA.into(),
            edge: "record",
            bytes_max: 4 << 20,
            when_full: queue::WhenFull::DropOldestGroup,
        };
        let (packets, queued) = queue::channel(options, &metrics);
        let (spans, asked) = mpsc::channel(8);
        let (open_since, fail_open) = watch::channel(None);
        let label = metrics::Camera { camera: CAMERA.into() };
        let preroll = metrics.preroll_seconds.get_or_create(&label).clone();
        let task = Task {
            camera: CAMERA.into(),
            recorder: Recorder::new(self.settings(resume.next_sequence), sink),
            packets: queued,
            backlog: None,
            spans: asked,
            fail_open,
            reach: Reach::default(),
            timeline: timeline.handle(),
            anchored: Instant::now(),
            epoch: resume.end.map(|_| resume.epoch),
            units: UnitTaps::default(),
            connection: Arc::new(Mutex::new(status::Connection::default())),
            bus,
            clock: self.clock.clone(),
            preroll,
            ring_short: false,
            keyless: false,
            metrics,
        };
        let shutdown = CancellationToken::new();
        let world = World { packets, spans, open_since, store: store.clone(), timeline };
        let script = async {
            world.play(self, acts).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
            if end == End::Killed {
                // What is due is on disk; then nobody finishes anything, as with a power cut.
                self.kills += 1;
                while on_disk(&self.root()) + LOST * self.kills < self.pictures {
                    store.earliest(CAMERA).await.unwrap();
                }
                return;
            }
            shutdown.cancel();
            std::future::pending().await
        };
        tokio::select! {
            () = task.run(shutdown.clone()) => {}
            () = script => {}
        }
        let said = std::iter::from_fn(|| said.try_recv().ok());
        self.said.extend(said.map(|(_, event)| event.kind));
        if end == End::Stopped {
            store.shutdown().await;
        }
    }
}

/// What acts on the task, and the camera's time line.
struct World {
    packets: queue::Sender,
    spans: mpsc::Sender<Span>,
    open_since: watch::Sender<Option<Instant>>,
    store: Arc<Store>,
    timeline: Timeline,
}

impl World {
    async fn play(mut self, house: &mut House, acts: &[Act]) {
        let began = Instant::now();
        let (mut session, mut first) = (0, true);
        for act in acts {
            match *act {
                Send(count) => {
                    for _ in 0..count {
                        self.send(house, session, began, &mut first).await;
                    }
                }
                Keyless(count) => {
                    house.keyless = true;
                    for _ in 0..count {
                        self.send(house, session, began, &mut first).await;
                    }
                    house.keyless = false;
                }
                Slew(ppm, count) => {
                    for _ in 0..count {
                        house.clock.step(ppm / 10);
                        self.send(house, session, began, &mut first).await;
                    }
                }
                Step(micros) => house.clock.step(micros),
                Away(length) => {
                    let gap = Gap { reason: GapReason::Offline, detail: "closed".into() };
                    self.packets.send(Item::Gap(gap));
                    tokio::time::sleep(length).await;
                    self.timeline.begin();
                    (session, first) = (session + 1, true);
                }
                Ask(before, after) => {
                    house.spans += 1;
                    let now = house.clock.wall();
                    let span = Span {
                        id: format!("gate/keep/1/{}", house.spans),
                        camera: CAMERA.into(),
                        policy: "keep".into(),
                        start: now.offset(-before),
                        end: now.offset(after),
                        keep: None,
                        label: String::new(),
                        because: Vec::new(),
                        correlation: None,
                    };
                    self.store.span(span.clone()).await.unwrap();
                    self.spans.send(span).await.unwrap();
                }
                Outage => drop(self.open_since.send_replace(Some(Instant::now()))),
            }
        }
    }

    async fn send(&mut self, house: &mut House, session: u64, began: Instant, first: &mut bool) {
        tokio::time::sleep(PICTURE).await;
        let arrival = Arrival::now(&*house.clock);
        let media = i64::try_from(began.elapsed().as_micros()).unwrap();
        let time = self.timeline.place(media, arrival, Anchoring::Arrival);
        let due = house.sent.is_multiple_of(GROUP) && !house.keyless;
        let key = std::mem::take(first) || due;
        let body = [MARK, format!("{:08}", house.sent).as_bytes()].concat();
        let kind = if key { 0x65 } else { 0x41 };
        let length = u32::try_from(body.len() + 1).unwrap().to_be_bytes();
        self.packets.send(Item::Video(VideoUnit {
            parameters: house.parameters.clone(),
            session,
            epoch: self.timeline.epoch(),
            pts: media * 9 / 100,
            time,
            arrived: arrival.at,
            access: if key { Access::Key } else { Access::Reference },
            damaged: false,
            data: Bytes::from([&length[..], &[kind], &body].concat()),
        }));
        house.sent += 1;
        house.pictures += 1;
    }
}

/// What is on disk in the end.
pub(super) struct Found {
    /// Numbers of the units, in order of (epoch, sequence).
    pub(super) units: Vec<u64>,
    pub(super) epochs: BTreeSet<u32>,
    pub(super) files: usize,
    pub(super) steps: usize,
}

/// Reads a store, and checks what must hold of each.
pub(super) fn found(house: &House) -> Found {
    let reader = Reader::open(&house.root()).unwrap();
    let segments = reader.segments(&Filter::default()).unwrap();
    let mut paths = BTreeSet::new();
    files(&house.root(), &mut paths);
    let rows: BTreeSet<_> = segments.iter().map(|segment| segment.path.clone()).collect();
    assert_eq!(paths, rows, "a row for each file, a file for each row");
    assert_eq!(rows.len(), segments.len(), "each name once");
    let order: Vec<_> = segments.iter().map(|one| (one.epoch, one.sequence)).collect();
    assert!(order.is_sorted());
    for one in &segments {
        let day = one.start.civil().strftime("%Y/%m/%d").to_string();
        assert!(one.path.to_str().unwrap().contains(&format!("/{CAMERA}/{day}/")), "{one:?}");
        for moment in [one.start, one.end.offset(-1)] {
            let filter =
                Filter { since: Some(moment), until: Some(moment.offset(1)), camera: None };
            let touching = reader.segments(&filter).unwrap();
            assert!(touching.iter().any(|found| found.path == one.path), "{one:?} is not found");
        }
    }
    let mut ranges: Vec<_> = segments.iter().map(|one| (one.epoch, one.start, one.end)).collect();
    ranges.sort();
    for pair in ranges.windows(2) {
        assert!(pair[0].0 != pair[1].0 || pair[0].2 <= pair[1].1, "overlap: {pair:?}");
    }
    let units = segments.iter().flat_map(|one| units(&one.path)).collect();
    Found {
        units,
        epochs: segments.iter().map(|one| one.epoch).collect(),
        files: segments.len(),
        steps: house.said.iter().filter(|kind| *kind == "clock.stepped").count(),
    }
}

fn files(folder: &Path, into: &mut BTreeSet<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|end| end == "mp4") {
            into.insert(path);
        }
    }
}

fn on_disk(root: &Path) -> u64 {
    let mut paths = BTreeSet::new();
    files(root, &mut paths);
    paths.iter().map(|path| units(path).len() as u64).sum()
}

pub(super) fn units(path: &Path) -> Vec<u64> {
    let bytes = std::fs::read(path).unwrap();
    let (mut rest, mut found) = (&bytes[..], Vec::new());
    while let Some(at) = rest.iter().position(|byte| *byte == MARK[0]) {
        rest = &rest[at..];
        if let Some(number) = rest.strip_prefix(MARK) {
            found.push(std::str::from_utf8(&number[..8]).unwrap().parse().unwrap());
        }
        rest = &rest[1..];
    }
    found
}
