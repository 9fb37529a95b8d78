//! Pictures of a store that was recorded from a camera made by our own encoder.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::*;
use crate::base::clock::Simulated;
use crate::base::metrics::Metrics;
use crate::base::tasks::Tasks;
use crate::events::{Area, Event, Phase, Region};
use crate::ingest::tap::Tap;
use crate::ingest::{Access, Codec, Gap, GapReason, Item, VideoParameters, VideoUnit};
use crate::record::{Mode, Recorder, RecorderConfig};
use crate::simulate::encode::{SceneEncoder, SceneFormat};
use crate::store::fs::Disk;
use crate::store::{CameraSettings, FreeFloor, NewEvent, Outcome, Reader, Store, StoreConfig};
use crate::view::live::Streams;

const BASE_MICROS: i64 = 1_763_800_000_000_000;
const SIZE: (u32, u32) = (160, 96);

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_micros(BASE_MICROS + (seconds * 1e6).round() as i64)
}

/// Whole `avc1` sample entry around a decoder configuration.
fn sample_entry(avcc: &[u8]) -> Bytes {
    let mut entry = vec![0; 86];
    entry[4..8].copy_from_slice(b"avc1");
    entry[15] = 1;
    entry[32..34].copy_from_slice(&(SIZE.0 as u16).to_be_bytes());
    entry[34..36].copy_from_slice(&(SIZE.1 as u16).to_be_bytes());
    entry.extend((avcc.len() as u32 + 8).to_be_bytes());
    entry.extend_from_slice(b"avcC");
    entry.extend_from_slice(avcc);
    let length = entry.len() as u32;
    entry[..4].copy_from_slice(&length.to_be_bytes());
    entry.into()
}

/// Five pictures a second, a key frame every second, each darker or brighter than the one before.
fn units(seconds: std::ops::Range<i64>) -> Vec<VideoUnit> {
    let format = SceneFormat { width: SIZE.0, height: SIZE.1, rate: 5, group: 5 };
    let mut encoder = SceneEncoder::new(format).unwrap();
    let avcc = encoder.parameter_sets().avcc();
    let parameters = Arc::new(VideoParameters {
        codec: Codec::H264,
        width: SIZE.0,
        height: SIZE.1,
        rfc6381: "avc1.42e028".into(),
        sample_entry: sample_entry(&avcc),
        decoder_config: avcc.into(),
    });
    let start = Instant::now();
    let unit = |number: i64| {
        let luma = vec![(40 + number % 170) as u8; (SIZE.0 * SIZE.1) as usize];
        let coded = encoder.encode(&luma).unwrap();
        VideoUnit {
            parameters: parameters.clone(),
            session: 0,
            epoch: 0,
            pts: number * 18_000,
            time: at(number as f64 / 5.0),
            arrived: start + Duration::from_millis(number.unsigned_abs() * 200),
            access: if coded.key { Access::Key } else { Access::Reference },
            damaged: false,
            data: coded.data.into(),
        }
    };
    (seconds.start * 5..seconds.end * 5).map(unit).collect()
}

/// A store with ten seconds of video in files of three, ten seconds of nothing, and ten more.
struct Place {
    folder: tempfile::TempDir,
    pictures: Pictures,
    live: Live,
    tap: Tap,
}

async fn record(root: &Path, clock: Arc<Simulated>) {
    let config = StoreConfig { free_floor: FreeFloor::Bytes(0), ..StoreConfig::new(root) };
    let (store, _) = Store::open(config, Arc::new(Disk), clock, Metrics::default()).unwrap();
    let settings = CameraSettings { burst_bytes: 64 << 20, ..CameraSettings::default() };
    let (sink, _) = store.camera("gate", settings).unwrap();
    let mut recorder = Recorder::new(
        RecorderConfig {
            camera: "gate".into(),
            store_id: [9; 16],
            mode: Mode::Continuous,
            segment: Duration::from_secs(3),
            preroll: Duration::from_secs(60),
            preroll_bytes: 64 << 20,
            next_sequence: 1,
        },
        sink,
    );
    for (session, seconds) in [(0, 0..10), (1, 20..30)] {
        let mut now = Instant::now();
        for mut unit in units(seconds) {
            (unit.session, now) = (session, unit.arrived);
            while let Some(due) = recorder.deadline().filter(|due| *due <= now) {
                recorder.tick(due);
            }
            recorder.video(unit, now);
        }
        let detail = String::new();
        recorder.gap(Gap { reason: GapReason::Offline, detail }, now);
    }
    recorder.finish(Instant::now());
    let area = Area { x: 0.25, y: 0.25, width: 0.5, height: 0.5 };
    let region = Region { area, label: None, confidence: 1.0, track: None };
    for (seconds, regions) in [(4.7, vec![region]), (18.0, vec![]), (300.0, vec![])] {
        store.event(event(seconds, regions)).await.unwrap();
    }
    store.shutdown().await;
}

fn event(seconds: f64, regions: Vec<Region>) -> NewEvent {
    let event = Event {
        id: format!("gate/test/{seconds}"),
        kind: "motion".into(),
        phase: Phase::Instant,
        time: at(seconds),
        confidence: 1.0,
        regions,
        cameras: Vec::new(),
        correlation: None,
        attributes: Vec::new(),
    };
    NewEvent {
        event,
        camera: "gate".into(),
        origin: "test".into(),
        received: at(seconds),
        outcome: Outcome::Accepted,
    }
}

impl Place {
    async fn new(bytes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("store");
        let clock = Arc::new(Simulated::starting_at(at(200.0)));
        record(&root, clock.clone()).await;
        let metrics = Metrics::default();
        let live = Live::new(&metrics, &Tasks::new());
        let tap = Tap::new("gate", &metrics);
        live.add("gate", Streams { main: tap.clone(), second: None });
        let fs = Arc::new(Disk);
        let pictures = Pictures::start(&root, fs, clock, live.clone(), bytes).unwrap();
        Self { folder, pictures, live, tap }
    }

    async fn moment(&self, seconds: f64) -> Answer {
        let wish = Wish::Moment { camera: "gate".into(), at: Some(at(seconds)), width: None };
        self.pictures.get(wish).await
    }

    async fn strip(&self, from: f64, step: f64, count: u32) -> Picture {
        let (camera, step) = ("gate".into(), (step * 1e6) as i64);
        let wish = Wish::Strip { camera, from: at(from), step, count, width: 80 };
        self.pictures.get(wish).await.unwrap()
    }
}

/// Seconds of a picture's time, or why there is none.
fn seconds(answer: &Answer) -> Result<f64, Refusal> {
    let micros = answer.as_ref().map(|picture| picture.time.micros_since(at(0.0)));
    micros.map(|micros| micros as f64 / 1e6).map_err(Clone::clone)
}

/// Width and height in the header of a JPEG.
fn size(picture: &Picture) -> (u32, u32) {
    let header = picture.jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    let side = |at: usize| u32::from(u16::from_be_bytes([picture.jpeg[at], picture.jpeg[at + 1]]));
    (side(header + 7), side(header + 5))
}

#[tokio::test]
async fn a_moment_is_shown_by_the_key_frame_before_it() {
    let place = Place::new(1 << 20).await;
    for (asked, expected) in [
        (0.0, Ok(0.0)),
        (0.9, Ok(0.0)),
        (1.0, Ok(1.0)),
        (4.79, Ok(4.0)),
        // Across the end of a file.
        (2.999, Ok(2.0)),
        (3.0, Ok(3.0)),
        (9.99, Ok(9.0)),
        (15.0, Err(Refusal::NoVideo)),
        (20.1, Ok(20.0)),
        (29.9, Ok(29.0)),
        (31.0, Err(Refusal::NoVideo)),
        (-1.0, Err(Refusal::NoVideo)),
    ] {
        let answer = place.moment(asked).await;
        assert_eq!(seconds(&answer), expected, "{asked}");
        if let Ok(picture) = answer {
            assert_eq!((size(&picture), picture.settled), (SIZE, true));
        }
    }
    let other = Wish::Moment { camera: "yard".into(), at: None, width: None };
    assert_eq!(place.pictures.get(other).await.err(), Some(Refusal::NoVideo));
}

#[tokio::test]
async fn without_a_moment_it_is_the_newest_there_is() {
    let place = Place::new(1 << 20).await;
    let newest = || Wish::Moment { camera: "gate".into(), at: None, width: Some(64) };
    let picture = place.pictures.get(newest()).await;
    assert_eq!(seconds(&picture), Ok(29.0));
    let picture = picture.unwrap();
    assert_eq!((size(&picture), picture.settled), ((64, 38), false));
    // The camera sends, whether that is recorded or not.
    let inlet = place.tap.inlet();
    units(199..200).into_iter().for_each(|unit| inlet.show(&Item::Video(unit)));
    assert_eq!(seconds(&place.pictures.get(newest()).await), Ok(199.0));
    assert_eq!(seconds(&place.moment(199.6).await), Ok(199.0));
    assert_eq!(seconds(&place.moment(198.0).await), Err(Refusal::NoVideo));
    drop(inlet);
    assert_eq!(seconds(&place.pictures.get(newest()).await), Ok(29.0));
    drop(place.live);
}

#[tokio::test]
async fn an_event_has_the_nearest_picture_and_its_regions() {
    let place = Place::new(1 << 20).await;
    let of = async |sequence, regions| {
        place.pictures.get(Wish::Event { sequence, width: None, regions }).await
    };
    let plain = of(1, false).await;
    assert_eq!(seconds(&plain), Ok(5.0));
    let marked = of(1, true).await;
    let (plain, marked) = (plain.unwrap(), marked.unwrap());
    assert_eq!(plain.camera, "gate");
    assert!(plain.jpeg != marked.jpeg && plain.tag != marked.tag);
    // Its video begins after it.
    assert_eq!(seconds(&of(2, true).await), Ok(20.0));
    assert_eq!(seconds(&of(3, true).await), Err(Refusal::NoVideo));
    assert_eq!(seconds(&of(0, true).await), Err(Refusal::NoVideo));
    assert_eq!(seconds(&of(99, true).await), Err(Refusal::NoVideo));
}

#[tokio::test]
async fn a_strip_is_a_row_of_cells() {
    let place = Place::new(1 << 20).await;
    let strip = place.strip(0.0, 2.0, 15).await;
    assert_eq!((size(&strip), strip.settled), ((15 * 80, 48), true));
    let again = place.strip(0.0, 2.0, 15).await;
    assert_eq!((again.tag, &again.jpeg), (strip.tag, &strip.jpeg));
    assert_ne!(place.strip(1.0, 2.0, 15).await.tag, strip.tag);
    let nothing = place.strip(40.0, 2.0, 3).await;
    assert_eq!((size(&nothing), nothing.settled), ((240, 45), true));
    // What may yet come is another strip then.
    assert!(!place.strip(190.0, 10.0, 3).await.settled);
    // Half a step away from the gap's edge there is a picture.
    let edge = |from| place.strip(from, 4.0, 1);
    assert_ne!(edge(11.5).await.tag, edge(12.5).await.tag);
}

#[tokio::test]
async fn equal_wishes_share_one_answer() {
    let place = Place::new(1 << 20).await;
    let both = futures::future::join_all((0..300).map(|_| place.moment(4.0))).await;
    let first = both[0].as_ref().unwrap();
    for one in &both {
        assert_eq!(one.as_ref().unwrap().jpeg.as_ptr(), first.jpeg.as_ptr());
    }
}

#[test]
fn too_many_wishes_are_refused() {
    let desk = Desk::default();
    let (lane, wishes) = sync_channel(WISHES_MAX);
    let wish = |sequence| Wish::Event { sequence, width: None, regions: false };
    let slots: Vec<_> =
        (0..WISHES_MAX as u64).map(|number| desk.join(wish(number), &lane).unwrap()).collect();
    assert_eq!(desk.join(wish(1000), &lane).err(), Some(Refusal::Busy));
    let same = desk.join(wish(3), &lane).unwrap();
    assert!(Arc::ptr_eq(&same, &slots[3]), "an equal one needs no room");
    // Room comes with an answer, and where nobody waits any more.
    desk.answer(&wishes.recv().unwrap(), Err(Refusal::NoVideo));
    assert!(desk.join(wish(1000), &lane).is_ok());
    assert_eq!(desk.join(wish(1001), &lane).err(), Some(Refusal::Busy));
    let second = wishes.recv().unwrap();
    assert!(!desk.is_given_up(&second));
    drop(Waiting(slots[1].clone()));
    assert!(desk.is_given_up(&second));
    assert!(desk.join(wish(1001), &lane).is_ok());
}

#[tokio::test]
async fn who_goes_away_leaves_nothing_behind() {
    let place = Place::new(1 << 20).await;
    for number in 0..1000 {
        let wish = Wish::Strip {
            camera: "gate".into(),
            from: at(f64::from(number)),
            step: 100_000,
            count: CELLS_MAX,
            width: 320,
        };
        let gone = tokio::time::timeout(Duration::ZERO, place.pictures.get(wish)).await;
        assert!(!matches!(gone, Ok(Ok(_))));
    }
    // Those that nobody waits for are not made.
    while !place.pictures.desk.slots.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(place.moment(4.0).await.is_ok());
}

#[tokio::test]
async fn what_was_deleted_is_not_shown_from_memory() {
    let place = Place::new(1 << 20).await;
    assert!(place.moment(4.0).await.is_ok());
    let root = place.folder.path().join("store");
    let reader = Reader::open(&root).unwrap();
    for segment in reader.segments(&crate::store::Filter::default()).unwrap() {
        std::fs::remove_file(segment.path).unwrap();
    }
    assert_eq!(seconds(&place.moment(4.0).await), Err(Refusal::NoVideo));
}
