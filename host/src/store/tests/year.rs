//! An index with years of cameras in it: how large it is, and how long what people and recording
//! wait for takes. A small part of a year unless `TORTURE_YEARS` says more; files there are none.

use tokio::time::Instant;

use super::super::holds::Continuous;
use super::super::index::edit::{Closing, Opening};
use super::super::index::map::Entry;
use super::super::index::{Connection, edit, retain, spans};
use super::super::{layout, query::Reader};
use super::*;
use crate::policy::Span;

const MINUTES_A_YEAR: i64 = 525_600;
/// Bytes of index that a recorded minute may take.
const BYTES_A_MINUTE_MAX: u64 = 400;
/// Minutes in one transaction.
const BATCH: i64 = 2000;
/// To open a store takes so long at most, however much is stored.
const START_MAX: Duration = Duration::from_secs(2);
/// Segments that the sweep deletes, at least.
const SWEPT: i64 = 1000;

/// Sixty fragments of a second at so many Mbit/s; sizes vary as scenes do.
fn minute(megabits: f64, random: &mut fastrand::Rng) -> Vec<Entry> {
    let mut offset = 1200;
    let entry = |second: i64| {
        let key = second % 2 == 0;
        let size = megabits * 125_000.0 * if key { 1.3 } else { 0.7 };
        let length = (size * (0.7 + 0.6 * random.f64())) as u64;
        let entry = Entry {
            offset,
            length,
            start_ticks: second * 90_000,
            samples: 25,
            key,
            damaged: false,
        };
        offset += length;
        entry
    };
    (0..60).map(entry).collect()
}

fn opening(camera_id: i64, minute: i64) -> Opening {
    Opening {
        camera_id,
        sequence: minute.cast_unsigned(),
        epoch: 0,
        start: at(minute * 60),
        place: PlaceId::MAIN,
        flags: row::Flags::default(),
        continuous: Continuous::CONFIGURED,
        codec: "h264".into(),
        width: 1920,
        height: 1080,
        audio: String::new(),
        head: Some(0x9a3b_5c11),
    }
}

/// Adds so many minutes of each camera, as they would come: all cameras side by side.
fn fill(c: &Connection, cameras: &[i64], minutes: i64, megabits: f64) {
    let mut random = fastrand::Rng::with_seed(5);
    for first in (0..minutes).step_by(BATCH as usize) {
        c.execute_batch("BEGIN").unwrap();
        for number in first..(first + BATCH).min(minutes) {
            for camera in cameras {
                let fragments = minute(megabits, &mut random);
                let last = fragments[59];
                let end = at(number * 60 + 60);
                let closing = Closing {
                    end,
                    bytes: last.offset + last.length + 100,
                    flags: row::Flags::default(),
                    fragments,
                    closed_at: end,
                };
                edit::opening(c, &opening(*camera, number)).unwrap();
                edit::close(c, *camera, number.cast_unsigned(), &closing).unwrap();
            }
        }
        c.execute_batch("COMMIT").unwrap();
    }
}

fn bytes(c: &Connection) -> u64 {
    let number =
        |pragma: &str| -> i64 { c.pragma_query_value(None, pragma, |row| row.get(0)).unwrap() };
    ((number("page_count") - number("freelist_count")) * number("page_size")).cast_unsigned()
}

#[test]
fn a_minute_takes_400_bytes_of_index_at_any_rate() {
    for megabits in [0.5, 2.0, 4.0, 8.0, 16.0] {
        let folder = temporary();
        let c = index::open(&folder.path().join("index.sqlite")).unwrap();
        let empty = bytes(&c);
        let cameras =
            [0, 1, 2, 3].map(|n| edit::camera(&c, &format!("c{n}"), None, None).unwrap().id);
        fill(&c, &cameras, 1440, megabits);
        let each = (bytes(&c) - empty) / (4 * 1440);
        println!(
            "torture | index of a day of 4 cameras at {megabits} Mbit/s | | {each} bytes a minute"
        );
        assert!(each <= BYTES_A_MINUTE_MAX, "{megabits} Mbit/s: {each} bytes a minute");
    }
}

/// A span each hour, each with an event.
fn ask(c: &Connection, camera: &str, minutes: i64) {
    c.execute_batch("BEGIN").unwrap();
    for hour in 0..minutes / 60 {
        let (start, end) = (at(hour * 3600 + 100), at(hour * 3600 + 160));
        let span = Span {
            id: format!("{camera}/evr/1/{hour}"),
            camera: camera.into(),
            policy: "evr".into(),
            start,
            end,
            keep: None,
            label: "motion".into(),
            because: vec![format!("{camera}/motion/1/{hour}")],
            correlation: None,
        };
        spans::put(c, &span, end).unwrap();
        index::events::insert(c, &instant(camera, "motion", start)).unwrap();
    }
    c.execute_batch("COMMIT").unwrap();
}

/// The longest time that an event waited for the index while `work` went on.
async fn longest_wait<T>(store: &Store, work: impl Future<Output = T>) -> (Duration, T) {
    let mut work = std::pin::pin!(work);
    let mut longest = Duration::ZERO;
    loop {
        let before = Instant::now();
        let stored = store.event(instant("c0", "motion", at(1)));
        tokio::select! {
            biased;
            done = &mut work => return (longest, done),
            stored = stored => stored.map(drop).unwrap(),
        };
        longest = longest.max(before.elapsed());
    }
}

#[tokio::test]
async fn years_of_cameras_are_shown_started_and_swept() {
    let years: i64 = std::env::var("TORTURE_YEARS").map_or(0, |text| text.parse().unwrap());
    let cameras = years.max(1);
    // Whole hours: the next span keeps what it touches.
    let each_swept = (SWEPT as u64).div_ceil(cameras.cast_unsigned()).next_multiple_of(60) as i64;
    let minutes = if years == 0 { 3 * SWEPT } else { MINUTES_A_YEAR };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    drop(open(root, &Hands::at(0)));
    let c = index::open(&layout::index(root)).unwrap();
    let keep = Duration::from_secs(((minutes - each_swept) * 60).cast_unsigned());
    let ids: Vec<i64> = (0..cameras)
        .map(|n| edit::camera(&c, &format!("c{n}"), Some(keep), None).unwrap().id)
        .collect();
    fill(&c, &ids, minutes, 4.0);
    let each = bytes(&c) / (minutes * cameras).cast_unsigned();
    for n in 0..cameras {
        ask(&c, &format!("c{n}"), minutes);
    }
    // What the host would have told, and sweeps have found out, by now.
    c.execute("UPDATE span SET told = 15", []).unwrap();
    let keep_micros = i64::try_from(keep.as_micros()).unwrap();
    c.execute("UPDATE segment SET recheck_at = end + ?1", [keep_micros]).unwrap();
    c.execute_batch("DELETE FROM outbox; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    // The host ran until then: its time is no jump.
    retain::set_alive(&c, at(minutes * 60)).unwrap();
    drop(c);
    let began = Instant::now();
    let (store, _) = open(root, &Hands::at(minutes * 60 + 1));
    let start = began.elapsed();
    // Only where so much is stored that looking at all of it would show.
    assert!(years == 0 || start < START_MAX, "it took {start:?} to open");
    let reader = Reader::open(root).unwrap();
    let (from, to) = (at((minutes - 2000) * 60), at((minutes - 2000) * 60 + 86_400));
    let began = Instant::now();
    let day = reader.timeline("c0", from, to, Duration::from_secs(60)).unwrap();
    let shown = began.elapsed();
    assert_eq!((day.recorded.len(), day.recorded[0].segments, day.spans.len()), (1, 1440, 24));
    let (waited, swept) = longest_wait(&store, store.sweep_now()).await;
    let swept = swept.unwrap().segments as i64;
    assert_eq!(swept, each_swept * cameras);
    store.shutdown().await;
    println!(
        "torture | index of {cameras} cameras, {minutes} minutes each | opened, a day shown, {swept} \
         segments swept | {each} bytes a minute; open {start:?}, a day's time line {shown:?}, an \
         event waits {waited:?} at most during the sweep"
    );
}
