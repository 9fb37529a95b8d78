//! Clocks that step, slew and start wrong, from arrival to disk: what a camera sent is in exactly
//! one file, in order, and no range of an epoch lies on another.

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
use crate::base::Timestamp;
use crate::base::clock::{Clock, Simulated};
use crate::base::metrics::{self, Metrics};
use crate::events::bus::{self, Wiring};
use crate::ingest::timeline::{Anchoring, Arrival, Timeline};
use crate::ingest::{Access, Gap, GapReason, Item, VideoParameters, VideoUnit, queue};
use crate::pipeline::{recorder::Task, status};
use crate::policy::Span;
use crate::policy::spans::Reach;
use crate::record::{Mode, Recorder, RecorderConfig};
use crate::store::query::{Filter, Reader};
use crate::store::{self, CameraSettings, EventFilter, FreeFloor, Store, StoreConfig};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
const YEAR: i64 = 365 * 24 * HOUR;

/// A picture every 100 ms, a key frame every two seconds, a file every ten.
const PICTURE: Duration = Duration::from_millis(100);
const GROUP: u64 = 20;

/// Units that a kill may cost: a second and one, and what the writer was just told of.
const LOST: u64 = 20;

/// Marks a unit in the bytes of a file.
const MARK: &[u8] = b"unit of the steps test ";

/// What happens to a host and its camera.
#[derive(Clone, Copy, Debug)]
enum Act {
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
}
use Act::{Away, Outage, Send, Slew, Span as Ask, Step};

/// How a run of the host ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stopped,
    Killed,
}

/// A host that is started again and again on one store.
struct House {
    directory: TempDir,
    clock: Arc<Simulated>,
    mode: Mode,
    parameters: Arc<VideoParameters>,
    /// The number of the next unit, and how many were sent.
    sent: u64,
    pictures: u64,
    kills: u64,
    spans: u32,
}

impl House {
    fn new(mode: Mode, start: i64) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: Arc::new(Simulated::starting_at(Timestamp::from_micros(start))),
            mode,
            parameters: video(&[1, 0x42, 0xc0, 0x1e, 0xff, 0xe0, 0]),
            sent: 0,
            pictures: 0,
            kills: 0,
            spans: 0,
        }
    }

    fn root(&self) -> std::path::PathBuf {
        self.directory.path().join("store")
    }

    async fn run(&mut self, acts: &[Act], end: End) {
        let metrics = Metrics::default();
        let config = StoreConfig {
            sync_interval: Duration::ZERO,
            free_floor: FreeFloor::Bytes(0),
            ..StoreConfig::new(self.root())
        };
        let disk = Arc::new(store::fs::Disk);
        let (store, _) = Store::open(config, disk, self.clock.clone(), metrics.clone()).unwrap();
        let store = Arc::new(store);
        let (sink, resume) = store.camera(CAMERA, CameraSettings::default()).unwrap();
        let timeline = Timeline::new(Arrival::now(&*self.clock));
        let timeline = timeline.resuming(resume.epoch, resume.end);
        let mut wiring = Wiring::default();
        wiring.camera(CAMERA);
        let (bus, said) = wiring.connect(store.clone(), self.clock.clone(), metrics.clone());
        let options = queue::Options {
            camera: CAMERA.into(),
            edge: "record",
            bytes_max: 4 << 20,
            when_full: queue::WhenFull::DropOldestGroup,
        };
        let (packets, queued) = queue::channel(options, &metrics);
        let (spans, asked) = mpsc::channel(8);
        let (open_since, fail_open) = watch::channel(None);
        let config = RecorderConfig {
            camera: CAMERA.into(),
            store_id: [0; 16],
            mode: self.mode,
            segment: Duration::from_secs(10),
            preroll: Duration::from_secs(10),
            preroll_bytes: 8 << 20,
            next_sequence: resume.next_sequence,
        };
        let label = metrics::Camera { camera: CAMERA.into() };
        let preroll = metrics.preroll_seconds.get_or_create(&label).clone();
        let task = Task {
            camera: CAMERA.into(),
            recorder: Recorder::new(config, sink),
            packets: queued,
            spans: asked,
            fail_open,
            reach: Reach::default(),
            timeline: timeline.handle(),
            anchored: Instant::now(),
            epoch: resume.end.map(|_| resume.epoch),
            units: Vec::new(),
            connection: Arc::new(Mutex::new(status::Connection::default())),
            bus: bus.clone(),
            clock: self.clock.clone(),
            preroll,
            keyless: false,
            metrics,
        };
        let shutdown = CancellationToken::new();
        let told = bus::run_host_events(bus, said, shutdown.clone());
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
            ((), ()) = async { tokio::join!(task.run(shutdown.clone()), told) } => {}
            () = script => {}
        }
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
        let key = std::mem::take(first) || house.sent % GROUP == 0;
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
struct Found {
    /// Numbers of the units, in order of (epoch, sequence).
    units: Vec<u64>,
    epochs: BTreeSet<u32>,
    files: usize,
    steps: usize,
}

/// Reads a store, and checks what must hold of each.
fn found(house: &House) -> Found {
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
    let events = reader.events(&EventFilter::default()).unwrap();
    let stepped = events.iter().filter(|stored| stored.event.kind == "clock.stepped");
    Found {
        units,
        epochs: segments.iter().map(|one| one.epoch).collect(),
        files: segments.len(),
        steps: stepped.count(),
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

fn units(path: &Path) -> Vec<u64> {
    let bytes = std::fs::read(path).unwrap();
    let marks = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    let number = |at: usize| std::str::from_utf8(&bytes[at..at + 8]).unwrap().parse().unwrap();
    marks.map(|(at, _)| number(at + MARK.len())).collect()
}

const START: i64 = 1_763_800_000 * SECOND;
/// Half a minute before a day ends.
const EVENING: i64 = 1_763_855_970 * SECOND;

#[tokio::test(start_paused = true)]
async fn no_unit_is_lost_whatever_the_clock_does() {
    let away = Away(Duration::from_secs(3));
    for (name, start, acts, epochs, files) in [
        ("no step", START, vec![Send(450)], 1, 5),
        ("midnight", EVENING, vec![Send(450)], 1, 5),
        ("an hour ahead", START, vec![Send(250), Step(HOUR), Send(250)], 2, 6),
        ("an hour back", START, vec![Send(250), Step(-HOUR), Send(250)], 2, 6),
        (
            "a year ahead and back",
            START,
            vec![Send(150), Step(YEAR), Send(150), Step(-YEAR), Send(150)],
            3,
            6,
        ),
        ("over midnight and back", EVENING, vec![Send(350), Step(-HOUR), Send(150)], 2, 6),
        ("1.5 s ahead", START, vec![Send(250), Step(3 * SECOND / 2), Send(250)], 2, 6),
        ("1.5 s back", START, vec![Send(250), Step(-3 * SECOND / 2), Send(250)], 2, 6),
        ("200 ms ahead", START, vec![Send(250), Step(SECOND / 5), Send(250)], 1, 5),
        ("200 ms back", START, vec![Send(250), Step(-SECOND / 5), Send(250)], 1, 5),
        ("slewed ahead", START, vec![Slew(500, 3000)], 1, 30),
        ("slewed back", START, vec![Slew(-500, 3000)], 1, 30),
        (
            "there and back at once",
            START,
            vec![Send(205), Step(HOUR), Send(2), Step(-HOUR), Send(193)],
            2,
            5,
        ),
        (
            "while the camera is away",
            START,
            vec![Send(250), away, Step(-HOUR), away, Send(250)],
            2,
            7,
        ),
        ("at a camera's return", START, vec![Send(250), away, Step(SECOND / 5), Send(250)], 1, 6),
    ] {
        let mut house = House::new(Mode::Continuous, start);
        house.run(&acts, End::Stopped).await;
        let found = found(&house);
        assert_eq!(found.units, (0..house.sent).collect::<Vec<_>>(), "{name}");
        assert_eq!(found.epochs.len(), epochs, "{name}: {:?}", found.epochs);
        assert!(found.files.abs_diff(files) <= 1, "{name}: {} files", found.files);
        assert!(found.steps + 1 >= epochs, "{name}: {} steps were told", found.steps);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_starts_again_goes_on_after_what_is_there() {
    for (name, end, step, epochs) in [
        ("stopped", End::Stopped, 5 * SECOND, 1),
        ("killed", End::Killed, 0, 1),
        ("killed, and a little back", End::Killed, -SECOND / 20, 1),
        ("stopped, and back by an hour", End::Stopped, -HOUR, 2),
        ("killed, and back by a year", End::Killed, -YEAR, 2),
        ("stopped, and a year ahead", End::Stopped, YEAR, 1),
    ] {
        let mut house = House::new(Mode::Continuous, START);
        for _ in 0..2 {
            house.run(&[Send(257)], end).await;
            house.clock.step(step);
            // A second group begins with the next run.
            house.sent = house.sent.next_multiple_of(GROUP);
        }
        house.run(&[Send(101)], End::Stopped).await;
        let found = found(&house);
        assert!(found.units.is_sorted_by(|one, next| one < next), "{name}: {:?}", found.units);
        let lost = house.pictures - found.units.len() as u64;
        assert!(lost <= LOST * house.kills, "{name}: {lost} lost");
        let expected = if epochs == 1 { 1 } else { 3 };
        assert_eq!(found.epochs.len(), expected, "{name}: {:?}", found.epochs);
        assert_eq!(found.steps, expected - 1, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn with_spans_only_all_around_a_step_is_kept() {
    // Pictures 0 to 299 come before the step, the others after it.
    let numbers = |found: &Found| (found.units.first().copied(), found.units.last().copied());
    for step in [HOUR, -HOUR, YEAR, -YEAR, 2 * SECOND, -2 * SECOND] {
        for (name, before, after) in [
            ("nothing asked", vec![], vec![]),
            ("asked before", vec![Ask(3 * SECOND, 30 * SECOND)], vec![]),
            ("asked after", vec![], vec![Ask(5 * SECOND, 2 * SECOND)]),
        ] {
            let mut house = House::new(Mode::Events, START);
            let acts = [vec![Send(300)], before, vec![Step(step), Send(5)], after, vec![Send(495)]];
            house.run(&acts.concat(), End::Stopped).await;
            let found = found(&house);
            let (first, last) = numbers(&found);
            let what = format!("{name}, {step}: {first:?} {last:?}");
            // The ring before it, and as much after it: whole groups.
            assert!((180..=200).contains(&first.unwrap()), "{what}");
            assert!((400..450).contains(&last.unwrap()) || step.abs() < HOUR, "{what}");
            let all: Vec<u64> = (first.unwrap()..=last.unwrap()).collect();
            assert_eq!(found.units, all, "{what}");
            assert_eq!(found.steps, 1, "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_goes_on_over_a_step() {
    for step in [HOUR, -HOUR] {
        let mut house = House::new(Mode::Events, START);
        house.run(&[Send(300), Outage, Send(50), Step(step), Send(500)], End::Stopped).await;
        let found = found(&house);
        let all: Vec<u64> = (found.units[0]..house.sent).collect();
        assert_eq!(found.units, all, "{step}");
        assert!(found.units[0] <= 300, "{step}: {}", found.units[0]);
    }
}
