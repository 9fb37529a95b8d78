//! Audio: each frame once, in the file whose video contains its start, in sync.

use std::time::Duration;

use super::{
    Camera, Mode, PICTURE, Recorder, Tape, audio_frame, feed, recorder, span, utc, utc_ticks,
};

/// Plays pictures and audio; audio arrives `late` ticks after it was heard. Frames are numbered
/// from `first`.
fn run(
    recorder: &mut Recorder<Tape>,
    camera: &mut Camera,
    pictures: std::ops::Range<i64>,
    late: i64,
    next: &mut i64,
) {
    for index in pictures {
        let unit = camera.picture(index, 50);
        let now = unit.arrived;
        while (*next * 1024 * 15 / 8) + late <= index * PICTURE {
            recorder.audio(audio_frame(camera.session, *next, 0), now);
            *next += 1;
        }
        feed(recorder, unit);
    }
}

/// Frame numbers in a file; checks that each is in sync within one frame and belongs there.
fn frames(tape: &Tape, sequence: u64) -> Vec<i64> {
    let file = &tape.files[&sequence];
    let found = file.samples(2);
    for sample in &found {
        let index = i64::from_be_bytes(sample.data.as_slice().try_into().unwrap());
        let heard = audio_frame(0, index, 0).time;
        let due = heard.micros_since(file.start.start) * 48 / 1000;
        assert!(
            (sample.decode - due).abs() <= 1024,
            "frame {index}: {} is not {due}",
            sample.decode
        );
        assert!(heard.offset(25_000) >= file.start.start, "frame {index}");
        // Where the stream breaks off, the last sound may outlast the last picture.
        let tail = if tape.files.contains_key(&(sequence + 1)) { 0 } else { 1_000_000 };
        let end = file.end.as_ref().map(|end| end.end.offset(tail));
        assert!(end.is_none_or(|end| heard < end), "frame {index}");
    }
    found
        .iter()
        .map(|sample| i64::from_be_bytes(sample.data.as_slice().try_into().unwrap()))
        .collect()
}

#[test]
fn each_frame_once_in_its_file() {
    for late in [-9_000, 0, 9_000, 36_000] {
        let mut camera = Camera::new();
        let mut recorder = recorder(Mode::Continuous, 4);
        let mut next = 0;
        run(&mut recorder, &mut camera, 0..500, late, &mut next);
        recorder.finish(camera.at(500 * PICTURE));
        let tape = recorder.sink_mut();
        assert_eq!(tape.files.len(), 5, "{late}");
        let all: Vec<i64> = (1..=5).flat_map(|sequence| frames(tape, sequence)).collect();
        let heard = all.len() as i64;
        assert_eq!(all, (0..heard).collect::<Vec<_>>(), "{late}");
        assert!(next - heard <= 5, "{late}: {} frames after the last picture", next - heard);
        tape.files.values().for_each(super::Taped::check);
        let ends = tape.files[&1].samples(2);
        assert!(ends.windows(2).all(|pair| pair[1].decode - pair[0].decode == 1024), "{late}");
    }
}

#[test]
fn a_file_waits_half_a_second_for_audio_and_no_longer() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 4);
    let mut next = 0;
    run(&mut recorder, &mut camera, 0..100, 0, &mut next);
    let unit = camera.picture(100, 50);
    feed(&mut recorder, unit);
    let cut = camera.at(100 * PICTURE);
    assert!(recorder.sink_mut().files[&1].end.is_none());
    recorder.tick(cut + Duration::from_millis(400));
    assert!(recorder.sink_mut().files[&1].end.is_none());
    recorder.tick(cut + Duration::from_millis(500));
    assert!(recorder.sink_mut().files[&1].end.is_some());
    // What comes now finds no file.
    recorder.audio(audio_frame(0, next, 0), cut + Duration::from_millis(501));
    run(&mut recorder, &mut camera, 101..250, 0, &mut (next + 5));
    assert!(recorder.figures().dropped_audio >= 1);
}

#[test]
fn audio_before_the_first_picture_is_not_recorded() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 60);
    for index in -20..40 {
        recorder.audio(audio_frame(0, index, 0), camera.at(0));
    }
    let mut next = 40;
    run(&mut recorder, &mut camera, 0..100, 0, &mut next);
    recorder.finish(camera.at(100 * PICTURE));
    let found = frames(recorder.sink_mut(), 1);
    assert_eq!(found.first(), Some(&0));
    assert!(found.windows(2).all(|pair| pair[0] + 1 == pair[1]));
}

#[test]
fn audio_comes_out_of_the_ring_with_its_video() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Events, 60);
    let mut next = 0;
    run(&mut recorder, &mut camera, 0..500, 0, &mut next);
    recorder.span(&span("late", 5.0, 7.5), camera.at(500 * PICTURE));
    recorder.span(&span("now", 19.0, 21.5), camera.at(500 * PICTURE));
    run(&mut recorder, &mut camera, 500..700, 0, &mut next);
    recorder.finish(camera.at(700 * PICTURE));
    let tape = recorder.sink_mut();
    // [4, 8) s and [18, 22) s.
    for (sequence, seconds) in [(1, 4), (2, 18)] {
        let found = frames(tape, sequence);
        assert_eq!(tape.files[&sequence].start.start, utc(seconds as f64));
        assert_eq!(found.len(), 4 * 48_000 / 1024 + usize::from(sequence == 2), "{sequence}");
        assert!(found.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    }
}

#[test]
fn a_jump_of_audio_moves_it_and_a_stray_time_does_not() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 60);
    let mut sent = 0;
    for index in 0..300 {
        let unit = camera.picture(index, 50);
        let now = unit.arrived;
        while sent * 1024 * 15 / 8 <= index * PICTURE {
            // One frame says nonsense; from the tenth second on all are 300 ms later.
            let offset = match sent {
                100 => 5_000_000,
                sent if sent > 200 => 300_000,
                _ => 0,
            };
            recorder.audio(audio_frame(0, sent, offset), now);
            sent += 1;
        }
        feed(&mut recorder, unit);
    }
    recorder.finish(camera.at(300 * PICTURE));
    let tape = recorder.sink_mut();
    let found = tape.files[&1].samples(2);
    let index =
        |sample: &super::Found| i64::from_be_bytes(sample.data.as_slice().try_into().unwrap());
    assert!(found.windows(2).all(|pair| index(&pair[0]) + 1 == index(&pair[1])));
    assert_eq!(found[101].decode, 101 * 1024);
    let last = found.last().unwrap();
    let off = last.decode - (index(last) * 1024 + 14_400);
    assert!(off.abs() <= 1024, "{off}");
}

#[test]
fn a_camera_without_audio_has_no_audio_track() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 4);
    for index in 0..250 {
        let unit = camera.picture(index, 50);
        feed(&mut recorder, unit);
    }
    let file = &recorder.sink_mut().files[&1];
    assert_eq!(file.start.audio, None);
    assert_eq!(file.end.as_ref().unwrap().end, utc_ticks(100 * PICTURE));
}

#[test]
fn audio_that_begins_later_makes_a_new_file() {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 60);
    let mut next = 200;
    run(&mut recorder, &mut camera, 0..300, 0, &mut next);
    recorder.finish(camera.at(300 * PICTURE));
    let tape = recorder.sink_mut();
    assert_eq!(tape.files.len(), 2);
    assert_eq!(tape.files[&2].start.audio.as_deref(), Some("mp4a.40.2"));
    assert_eq!(tape.files[&2].start.start, utc_ticks(150 * PICTURE));
    assert!(frames(tape, 2).len() > 250);
}
