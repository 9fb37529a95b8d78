//! Where files end and begin: length, parameters, gaps, clock steps, a sink that is full.

use std::sync::Arc;

use super::{
    Access, Camera, Codec, Full, Mode, PICTURE, Recorder, Tape, feed, recorded, recorder,
    utc_ticks, video_parameters,
};
use crate::ingest::{Gap, GapReason};

fn run(
    recorder: &mut Recorder<Tape>,
    camera: &mut Camera,
    pictures: std::ops::Range<i64>,
    group: i64,
) {
    for index in pictures {
        let unit = camera.picture(index, group);
        feed(recorder, unit);
    }
}

/// Starts of all files, in pictures.
fn starts(tape: &Tape) -> Vec<i64> {
    let micros = |file: &super::Taped| file.start.start.micros_since(utc_ticks(0));
    tape.files.values().map(|file| (micros(file) + 100).div_euclid(40_000)).collect()
}

#[test]
fn a_file_ends_at_the_first_key_frame_when_due() {
    for (group, segment, expected) in
        [(50, 4, vec![0, 100, 200, 300]), (30, 4, vec![0, 120, 240, 360]), (500, 4, vec![0])]
    {
        let mut camera = Camera::new();
        let mut recorder = recorder(Mode::Both, segment);
        run(&mut recorder, &mut camera, 0..400, group);
        recorder.finish(camera.at(400 * PICTURE));
        let tape = recorder.sink_mut();
        assert_eq!(starts(tape), expected, "group {group}");
        assert_eq!(recorded(tape).len(), 400);
        let files: Vec<_> = tape.files.values().collect();
        for pair in files.windows(2) {
            assert_eq!(pair[0].end.as_ref().unwrap().end, pair[1].start.start);
            assert!(pair[0].start.continuous && !pair[0].start.leading);
        }
    }
}

#[test]
fn open_key_frames_are_second_best() {
    let access = |index: i64| match index {
        0 => Access::Key,
        _ if index % 50 == 0 => Access::OpenKey,
        _ => Access::Reference,
    };
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 4);
    for index in 0..600 {
        // Two pictures before each key frame after the first are sent after it.
        let shown = match index % 50 {
            _ if index < 50 => index,
            0 => index + 2,
            1 | 2 => index - 1,
            _ => index,
        };
        let unit = camera.unit(access(index), shown * PICTURE, index * PICTURE);
        feed(&mut recorder, unit);
    }
    recorder.finish(camera.at(600 * PICTURE));
    let tape = recorder.sink_mut();
    // Not longer than twice the length while a better key frame may come, then each time.
    assert_eq!(starts(tape), [0, 150, 250, 350, 450, 550]);
    let leading: Vec<_> = tape.files.values().map(|file| file.start.leading).collect();
    assert_eq!(leading, [false, true, true, true, true, true]);
    for file in tape.files.values() {
        let found = file.samples(1);
        assert!(found.iter().any(|sample| sample.shown <= 2));
    }
    assert_eq!(recorded(tape).len(), 600);
}

#[test]
fn parameters_make_a_new_file() {
    for (at, no_key_start) in [(100, false), (110, true)] {
        let mut camera = Camera::new();
        let mut recorder = recorder(Mode::Continuous, 60);
        run(&mut recorder, &mut camera, 0..at, 50);
        // Equal content is no change.
        camera.parameters = video_parameters(Codec::H264, 0);
        run(&mut recorder, &mut camera, at..at, 50);
        camera.parameters = video_parameters(Codec::H264, 1);
        run(&mut recorder, &mut camera, at..200, 50);
        recorder.finish(camera.at(200 * PICTURE));
        let tape = recorder.sink_mut();
        assert_eq!(starts(tape), [0, at]);
        assert_eq!(tape.files[&2].start.no_key_start, no_key_start);
        assert_eq!(tape.files[&2].start.video.decoder_config[4], 1);
        assert_eq!(recorded(tape).len(), 200);
        assert!(tape.gaps.is_empty());
    }
}

#[test]
fn sample_entries_are_written_as_they_come() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 60);
    run(&mut recorder, &mut camera, 0..10, 50);
    recorder.finish(camera.at(10 * PICTURE));
    let header = &recorder.sink_mut().files[&1].start.header;
    let entry = &camera.parameters.sample_entry;
    assert!(header.windows(entry.len()).any(|window| window == entry));
}

#[test]
fn a_gap_ends_the_file_and_is_marked() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 60);
    run(&mut recorder, &mut camera, 0..70, 50);
    let gap = Gap { reason: GapReason::Silent, detail: "no packet for 10 s".into() };
    recorder.gap(gap.clone(), camera.at(90 * PICTURE));
    recorder.gap(gap, camera.at(95 * PICTURE));
    camera.session = 1;
    // Without a key frame nothing can be recorded.
    run(&mut recorder, &mut camera, 110..200, 50);
    recorder.finish(camera.at(200 * PICTURE));
    assert_eq!(recorder.figures().skipped_units, 40);
    let tape = recorder.sink_mut();
    assert_eq!(starts(tape), [0, 150]);
    assert_eq!(tape.files[&1].end.as_ref().unwrap().end, utc_ticks(70 * PICTURE));
    let gaps: Vec<_> = tape.gaps.iter().map(|gap| (gap.start, gap.end)).collect();
    let start = utc_ticks(70 * PICTURE);
    assert_eq!(gaps, [(start, None), (start, Some(utc_ticks(150 * PICTURE)))]);
    assert_eq!(recorded(tape).len(), 120);
}

#[test]
fn a_session_without_a_word_is_a_gap_too() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 60);
    run(&mut recorder, &mut camera, 0..60, 50);
    camera.session = 4;
    run(&mut recorder, &mut camera, 100..160, 50);
    recorder.finish(camera.at(160 * PICTURE));
    let tape = recorder.sink_mut();
    assert_eq!(starts(tape), [0, 100]);
    assert_eq!(tape.gaps.len(), 2);
}

#[test]
fn a_clock_step_makes_a_new_file_and_loses_nothing() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 60);
    for index in 0..200 {
        camera.epoch = u32::from(index >= 120);
        let mut unit = camera.picture(index, 50);
        if index >= 120 {
            unit.time = unit.time.offset(-3_600_000_000);
        }
        feed(&mut recorder, unit);
    }
    recorder.finish(camera.at(200 * PICTURE));
    let tape = recorder.sink_mut();
    assert_eq!(starts(tape), [0, 150 - 90_000]);
    let epochs: Vec<_> = tape.files.values().map(|file| file.start.epoch).collect();
    assert_eq!(epochs, [0, 1]);
    assert_eq!(recorded(tape).len(), 200);
    assert_eq!(tape.files[&1].end.as_ref().unwrap().end, utc_ticks(150 * PICTURE));
}

#[test]
fn a_full_sink_costs_the_rest_of_the_group_and_is_marked() {
    // The nth call of the sink is refused, once or three times.
    for nth in 0..12 {
        for times in [1, 3] {
            let mut camera = Camera::new();
            let mut recorder = recorder(Mode::Continuous, 4);
            let tape = recorder.sink_mut();
            tape.answers.extend(std::iter::repeat_n(Ok(()), nth));
            tape.answers.extend(std::iter::repeat_n(Err(Full), times));
            run(&mut recorder, &mut camera, 0..500, 50);
            recorder.finish(camera.at(500 * PICTURE));
            let lost = recorder.figures().dropped_units + recorder.figures().skipped_units;
            let tape = recorder.sink_mut();
            let found = recorded(tape);
            assert_eq!(found.len() as u64 + lost, 500, "{nth}: all are accounted for");
            assert!(lost <= 75 * times as u64, "{nth}: {lost} lost");
            assert!(found.is_sorted(), "{nth}: in order, none twice");
            let gaps: Vec<_> =
                tape.gaps.iter().map(|gap| (gap.reason, gap.end.is_some())).collect();
            assert_eq!(gaps, [(GapReason::Disk, false), (GapReason::Disk, true)], "{nth}");
            tape.files
                .values()
                .filter(|file| !file.fragments.is_empty())
                .for_each(super::Taped::check);
            let first = |file: &super::Taped| file.samples(1).first().is_none_or(|first| first.key);
            assert!(tape.files.values().filter(|file| !file.fragments.is_empty()).all(first));
        }
    }
}

#[test]
fn nonsense_from_a_camera_is_survived() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 2);
    let odd = [0, 1, -1, i64::MAX, i64::MIN, i64::MAX / 2, 1 << 40, 90_000, -90_000];
    for index in 0..3000 {
        let access = [Access::Key, Access::OpenKey, Access::Reference, Access::Disposable];
        let access = access[random.usize(0..4)];
        let pts =
            if random.u8(..) < 40 { odd[random.usize(0..odd.len())] } else { index * PICTURE };
        let mut unit = camera.unit(access, 0, index * PICTURE);
        unit.pts = pts;
        camera.session += u64::from(random.u8(..) < 3);
        camera.parameters = if random.u8(..) < 5 {
            video_parameters(Codec::H265, random.u8(..))
        } else {
            Arc::clone(&camera.parameters)
        };
        let now = unit.arrived;
        recorder.video(unit, now);
        recorder.tick(now);
    }
    recorder.finish(camera.at(3000 * PICTURE));
    recorder.sink_mut().files.values().for_each(super::Taped::check);
}

#[test]
fn a_file_begins_before_its_first_fragment_is_whole() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 4);
    // What the sink has after each picture: files, and fragments of the newest. 0.4 s are ten
    // pictures, 0.8 s twenty.
    let mut had = Vec::new();
    for index in 0..31 {
        let unit = camera.picture(index, 25);
        feed(&mut recorder, unit);
        let files = &recorder.sink_mut().files;
        had.push((files.len(), files.values().next_back().map_or(0, |file| file.fragments.len())));
    }
    assert_eq!((had[9], had[10], had[19], had[20]), ((0, 0), (1, 0), (1, 0), (1, 1)), "{had:?}");
    recorder.finish(camera.at(31 * PICTURE));
    assert_eq!(recorded(recorder.sink_mut()).len(), 31);
}

#[test]
fn a_file_that_gets_no_fragment_ends_no_gap() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 60);
    run(&mut recorder, &mut camera, 0..50, 25);
    // The disk takes beginnings of files and no more, for two key frames; then all.
    recorder.sink_mut().answers =
        [Err(Full), Ok(()), Err(Full), Ok(()), Err(Full)].into_iter().collect();
    run(&mut recorder, &mut camera, 50..150, 25);
    recorder.finish(camera.at(150 * PICTURE));
    let gaps: Vec<_> = recorder.sink_mut().gaps.iter().map(|gap| gap.end.is_some()).collect();
    assert_eq!(gaps, [false, true], "one gap, which ends with the first fragment");
}
