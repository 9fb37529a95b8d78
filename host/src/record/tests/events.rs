//! Mode `events`: what spans want is on disk, once, and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::{Just, Strategy, prop};
use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::{Access, Camera, Mode, PICTURE, Recorder, Tape, feed, recorder, span, utc, utc_ticks};
use crate::base::Timestamp;
use crate::ingest::{Gap, GapReason};

/// Pictures a group, one second.
const GROUP: i64 = 25;

/// The groups in each file, in order of the files; checks that each is whole and in order.
fn groups(tape: &Tape) -> Vec<Vec<i64>> {
    let mut files = Vec::new();
    for file in tape.files.values() {
        file.check();
        let start = file.start.start.micros_since(utc_ticks(0)) / 40_000;
        let samples = file.samples(1);
        assert_eq!(start % GROUP, 0, "a file begins with a group");
        assert_eq!(samples.len() as i64 % GROUP, 0, "a file has whole groups only");
        assert!(samples.iter().map(|sample| &sample.data).is_sorted());
        files.push((0..samples.len() as i64 / GROUP).map(|group| start / GROUP + group).collect());
    }
    files
}

fn run(recorder: &mut Recorder<Tape>, camera: &mut Camera, seconds: std::ops::Range<i64>) {
    for index in seconds.start * GROUP..seconds.end * GROUP {
        let unit = camera.picture(index, GROUP);
        feed(recorder, unit);
    }
}

/// A span that is put at a second, before the pictures of that second.
type Put = (i64, &'static str, f64, f64);

fn check(name: &str, puts: &[Put], expected: &[&[i64]]) {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Events, 60);
    for second in 0..40 {
        for (_, id, start, end) in puts.iter().filter(|put| put.0 == second) {
            recorder.span(&span(id, *start, *end), camera.at(second * GROUP * PICTURE));
        }
        run(&mut recorder, &mut camera, second..second + 1);
    }
    recorder.finish(camera.at(40 * GROUP * PICTURE));
    assert_eq!(groups(recorder.sink_mut()), expected, "{name}");
}

#[test]
fn spans() {
    check("none", &[], &[]);
    check("in the future", &[(5, "a", 10.5, 12.5)], &[&[10, 11, 12]]);
    check("edges on key frames", &[(5, "a", 10.0, 12.0)], &[&[10, 11]]);
    check("from the ring on", &[(10, "a", 7.5, 12.5)], &[&[7, 8, 9, 10, 11, 12]]);
    check("all in the past", &[(20, "a", 7.5, 9.5)], &[&[7, 8, 9]]);
    check("of the group that has just ended", &[(20, "a", 19.2, 19.5)], &[&[19]]);
    check("between its last unit and the next key frame", &[(5, "a", 10.99, 11.5)], &[&[10, 11]]);
    check(
        "extended while it runs",
        &[(10, "a", 9.5, 12.5), (11, "a", 9.5, 14.5)],
        &[&[9, 10, 11, 12, 13, 14]],
    );
    check(
        "extended before its group ends",
        &[(10, "a", 9.5, 11.2), (11, "a", 9.5, 12.1)],
        &[&[9, 10, 11, 12]],
    );
    check("abutting", &[(10, "a", 9.5, 12.5), (11, "b", 12.5, 14.5)], &[&[9, 10, 11, 12, 13, 14]]);
    check(
        "overlapping one that is written already",
        &[(10, "a", 9.5, 11.5), (15, "b", 10.5, 16.5)],
        &[&[9, 10, 11], &[12, 13, 14, 15, 16]],
    );
    check(
        "late, before what is being written",
        &[(10, "a", 10.5, 20.5), (15, "b", 7.5, 11.5)],
        &[&[10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20], &[7, 8, 9]],
    );
    check(
        "late, around what was written",
        &[(10, "a", 10.5, 11.5), (20, "b", 8.5, 14.5)],
        &[&[10, 11], &[8, 9], &[12, 13, 14]],
    );
    check("withdrawn", &[(5, "a", 10.5, 12.5), (6, "a", 10.5, 10.5)], &[]);
    check("shortened", &[(5, "a", 10.5, 30.5), (12, "a", 10.5, 12.1)], &[&[10, 11, 12]]);
    check("cut short", &[(5, "a", 10.5, 30.5), (12, "a", 10.5, 11.9)], &[&[10, 11]]);
    check("two at once", &[(5, "a", 10.5, 12.5), (6, "b", 11.5, 13.5)], &[&[10, 11, 12, 13]]);
}

#[test]
fn the_edges_of_a_file_are_the_key_frames() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Events, 60);
    recorder.span(&span("a", 10.5, 12.5), camera.at(0));
    run(&mut recorder, &mut camera, 0..20);
    let file = &recorder.sink_mut().files[&1];
    assert_eq!(file.start.start, utc(10.0));
    assert_eq!(file.end.as_ref().unwrap().end, utc(13.0));
    assert!(!file.start.continuous && !file.start.fail_open);
}

#[test]
fn long_spans_are_cut_into_files() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Events, 4);
    run(&mut recorder, &mut camera, 0..10);
    recorder.span(&span("a", 2.5, 14.5), camera.at(10 * GROUP * PICTURE));
    run(&mut recorder, &mut camera, 10..20);
    let expected = [vec![2, 3, 4, 5], vec![6, 7, 8, 9], vec![10, 11, 12, 13], vec![14]];
    assert_eq!(groups(recorder.sink_mut()), expected);
}

#[test]
fn fail_open_reaches_back_and_ends_with_its_group() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Events, 60);
    run(&mut recorder, &mut camera, 0..10);
    recorder.fail_open(Some(utc(4.5)), camera.at(10 * GROUP * PICTURE));
    run(&mut recorder, &mut camera, 10..12);
    assert!(recorder.figures().recording);
    recorder.fail_open(None, camera.at(12 * GROUP * PICTURE));
    run(&mut recorder, &mut camera, 12..20);
    let tape = recorder.sink_mut();
    assert_eq!(groups(tape), [vec![4, 5, 6, 7, 8, 9, 10, 11]]);
    assert!(tape.files[&1].start.fail_open);
}

#[test]
fn off_records_nothing() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Off, 60);
    recorder.span(&span("a", 0.0, 20.0), camera.at(0));
    recorder.fail_open(Some(utc(0.0)), camera.at(0));
    run(&mut recorder, &mut camera, 0..10);
    recorder.finish(camera.at(10 * GROUP * PICTURE));
    assert!(recorder.sink_mut().files.is_empty());
    assert_eq!(recorder.deadline(), None);
}

#[test]
fn the_ring_is_bounded() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Events, 60);
    run(&mut recorder, &mut camera, 0..200);
    let figures = recorder.figures();
    assert!(figures.ring >= Duration::from_secs(60), "{figures:?}");
    assert!(figures.ring < Duration::from_secs(63), "{figures:?}");
    let oldest = utc(200.0).micros_since(recorder.ring_start().unwrap());
    assert!((60_000_000..62_000_000).contains(&oldest), "{oldest}");
    assert!(!figures.ring_short);
    // What is older is gone; what is there is written.
    recorder.span(&span("a", 0.0, 145.5), camera.at(200 * GROUP * PICTURE));
    let first = utc(200.0).micros_since(recorder.sink_mut().files[&1].start.start);
    assert!((60_000_000..62_000_000).contains(&first), "{first}");
}

#[test]
fn a_ring_that_bytes_bound_says_so() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Events, 60);
    recorder.ring = crate::record::ring::Ring::new(Duration::from_secs(60), 100_000);
    run(&mut recorder, &mut camera, 0..60);
    let figures = recorder.figures();
    assert!(figures.ring_short && figures.ring < Duration::from_secs(60), "{figures:?}");
    assert!(figures.ring_bytes <= 100_000 && figures.ring_bytes > 80_000, "{figures:?}");
}

#[test]
fn a_group_too_large_for_any_ring_is_given_up() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Events, 60);
    recorder.ring = crate::record::ring::Ring::new(Duration::from_secs(60), 10_000);
    for index in 0..5000 {
        let access = if index % 4000 == 0 { Access::Key } else { Access::Reference };
        let unit = camera.unit(access, index * PICTURE, index * PICTURE);
        feed(&mut recorder, unit);
        assert!(recorder.figures().ring_bytes <= 50_000);
    }
    assert!(recorder.figures().skipped_units > 3000);
}

#[test]
fn a_gap_keeps_the_ring_but_not_the_file() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Events, 60);
    run(&mut recorder, &mut camera, 0..10);
    let now = camera.at(10 * GROUP * PICTURE);
    recorder.gap(Gap { reason: GapReason::Offline, detail: "closed".into() }, now);
    camera.session = 1;
    run(&mut recorder, &mut camera, 20..25);
    recorder.span(&span("a", 8.5, 22.5), camera.at(25 * GROUP * PICTURE));
    recorder.finish(camera.at(25 * GROUP * PICTURE));
    let tape = recorder.sink_mut();
    assert_eq!(groups(tape), [vec![8, 9], vec![20, 21, 22]]);
    assert_eq!(tape.files[&1].end.as_ref().unwrap().end, utc(10.0));
    assert_eq!(tape.gaps.len(), 2);
}

#[test]
fn a_gap_ends_where_the_file_after_it_begins() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Events, 60);
    recorder.span(&span("a", 8.5, 22.5), camera.at(0));
    run(&mut recorder, &mut camera, 0..10);
    let now = camera.at(10 * GROUP * PICTURE);
    recorder.gap(Gap { reason: GapReason::Offline, detail: "closed".into() }, now);
    camera.session = 1;
    for index in 20 * GROUP..25 * GROUP {
        let mut unit = camera.picture(index, GROUP);
        if index == 20 * GROUP {
            // It came late: the file begins before it is said to be.
            unit.time = unit.time.offset(8000);
        }
        feed(&mut recorder, unit);
    }
    recorder.finish(camera.at(25 * GROUP * PICTURE));
    let tape = recorder.sink_mut();
    let start = tape.files.values().last().unwrap().start.start;
    assert!(start < utc(20.008), "{start}");
    assert_eq!(tape.gaps.last().unwrap().end, Some(start));
}

/// What happens between two pictures.
#[derive(Clone, Debug)]
enum Act {
    Pictures(i64),
    Put {
        id: u8,
        start: f64,
        length: f64,
    },
    FailOpen(Option<f64>),
    /// The camera is away for so many pictures.
    Away(i64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (1i64..40).prop_map(Act::Pictures),
        2 => (0u8..4, -8.0..4.0f64, 0.0..5.0f64)
            .prop_map(|(id, start, length)| Act::Put { id, start, length }),
        1 => Just(Act::FailOpen(None)),
        1 => (-6.0..2.0f64).prop_map(|since| Act::FailOpen(Some(since))),
        1 => (1i64..60).prop_map(Act::Away),
    ];
    prop::collection::vec(act, 1..60)
}

/// The rules again, as simply as can be: which groups are wanted at a moment.
#[derive(Default)]
struct Model {
    spans: BTreeMap<u8, (Timestamp, Timestamp)>,
    fail_open: Option<Timestamp>,
    /// Key frame -> the group is on disk.
    groups: BTreeMap<i64, bool>,
    /// Key frame -> where its group broke off.
    broken: BTreeMap<i64, Timestamp>,
    last: i64,
}

impl Model {
    /// The stream ends after its last unit.
    fn break_off(&mut self) {
        if let Some((key, _)) = self.groups.last_key_value() {
            let end = utc_ticks(self.last * PICTURE).offset(1);
            self.broken.entry(*key).or_insert(end);
        }
    }

    fn decide(&mut self) {
        let keys: Vec<i64> = self.groups.keys().copied().collect();
        for (index, key) in keys.iter().enumerate() {
            let from = utc_ticks(key * PICTURE);
            let until = match keys.get(index + 1) {
                _ if self.broken.contains_key(key) => self.broken[key],
                Some(next) => utc_ticks(next * PICTURE),
                None => utc_ticks(self.last * PICTURE).offset(1),
            };
            let by_span = self.spans.values().any(|(start, end)| *start < until && *end > from);
            let by_outage = self.fail_open.is_some_and(|since| since < until);
            if by_span || by_outage {
                self.groups.insert(*key, true);
            }
        }
    }
}

proptest! {
    /// Exactly the wanted groups are on disk, each once, whole, in order within its file.
    #[test]
    fn as_the_rules_say(acts in acts(), lengths in prop::collection::vec(1i64..40, 1..8)) {
        let mut camera = Camera::new();
        let mut recorder = recorder(Mode::Events, 5);
        let mut model = Model::default();
        let (mut index, mut key, mut number) = (0, 0, 0);
        let mut sent = BTreeMap::new();
        for act in acts {
            let now = camera.at(index * PICTURE);
            let second = index as f64 / 25.0;
            match act {
                Act::Pictures(count) => {
                    for _ in 0..count.min(1500 - index) {
                        let is_key = index == key;
                        if is_key {
                            model.groups.insert(index, false);
                            key += lengths[number % lengths.len()];
                            number += 1;
                        }
                        let access = if is_key { Access::Key } else { Access::Reference };
                        let unit = camera.unit(access, index * PICTURE, index * PICTURE);
                        sent.insert(index, unit.data.to_vec());
                        feed(&mut recorder, unit);
                        model.last = index;
                        index += 1;
                        model.decide();
                    }
                }
                Act::Put { id, start, length } => {
                    let put = span(&id.to_string(), second + start, second + start + length);
                    if put.end > put.start {
                        model.spans.insert(id, (put.start, put.end));
                    } else {
                        model.spans.remove(&id);
                    }
                    recorder.span(&put, now);
                }
                Act::Away(pictures) => {
                    model.break_off();
                    let gap = Gap { reason: GapReason::Offline, detail: "closed".into() };
                    recorder.gap(gap, now);
                    camera.session += 1;
                    index += pictures;
                    key = index;
                }
                Act::FailOpen(since) => {
                    model.fail_open = since.map(|since| utc(second + since));
                    recorder.fail_open(model.fail_open, now);
                }
            }
            model.decide();
        }
        recorder.finish(camera.at(index * PICTURE));
        let mut expected = Vec::new();
        let mut wanted = false;
        for (index, data) in &sent {
            wanted = model.groups.get(index).copied().unwrap_or(wanted);
            if wanted {
                expected.push(data.clone());
            }
        }
        let mut found = Vec::new();
        for file in recorder.sink_mut().files.values() {
            file.check();
            let samples: Vec<_> = file.samples(1).into_iter().map(|sample| sample.data).collect();
            prop_assert!(samples.is_sorted());
            found.extend(samples);
        }
        found.sort();
        prop_assert_eq!(found, expected);
    }
}
