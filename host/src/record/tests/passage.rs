//! What is sent to players: every sample once, as it lies in the file, on one time line across files.

use std::io::Cursor;
use std::ops::Range;

use super::{Camera, Found, Mode, PICTURE, Tape, Taped, audio_frame, feed, recorder};
use crate::record::passage::{Head, Origin, Part, delay};
use crate::record::scale;

/// What a player is given for some fragments of a file: the head, then these.
fn sent(file: &Taped, fragments: Range<usize>) -> (Head, Vec<u8>) {
    let scan = file.scan();
    let range = scan.fragments[fragments.start].offset
        ..scan.fragments[fragments.end - 1].offset + scan.fragments[fragments.end - 1].length;
    let (mut reader, head) = opened(file);
    let parts = head.passage(&mut reader, range, origin(file)).unwrap().expect("fragments");
    let bytes = bytes(file, &parts);
    (head, bytes)
}

fn opened(file: &Taped) -> (Cursor<&[u8]>, Head) {
    let mut reader = Cursor::new(file.bytes.as_slice());
    let head = Head::read(&mut reader, file.bytes.len() as u64).unwrap().expect("a head");
    (reader, head)
}

fn origin(file: &Taped) -> Origin {
    Origin { start: file.start.start, sequence: file.start.sequence }
}

fn bytes(file: &Taped, parts: &[Part]) -> Vec<u8> {
    let of = |part: &Part| match part {
        Part::Made(bytes) => bytes.to_vec(),
        Part::Copied(range) => file.bytes[range.start as usize..range.end as usize].to_vec(),
    };
    parts.iter().flat_map(of).collect()
}

/// Samples of a track as another library finds them in what a player was given.
fn samples(given: &[u8], track: u32) -> Vec<Found> {
    let size = given.len() as u64;
    let file = mp4::Mp4Reader::read_header(Cursor::new(given), size).unwrap();
    let mut found = Vec::new();
    let starts = starts(given, b"moof");
    assert_eq!(starts.len(), file.moofs.len());
    for (moof, start) in file.moofs.iter().zip(starts) {
        let Some(traf) = moof.trafs.iter().find(|traf| traf.tfhd.track_id == track) else {
            continue;
        };
        let run = traf.trun.as_ref().unwrap();
        let mut decode = traf.tfdt.as_ref().unwrap().base_media_decode_time as i64;
        let mut at = start + run.data_offset.unwrap() as usize;
        for index in 0..run.sample_count as usize {
            let size = run.sample_sizes[index] as usize;
            let offset = run.sample_cts.get(index).map_or(0, |offset| offset.cast_signed());
            let key = run.sample_flags.get(index).is_none_or(|flags| flags & 0x1_0000 == 0);
            let shown = decode + i64::from(offset);
            found.push(Found { decode, shown, key, data: given[at..at + size].to_vec() });
            at += size;
            decode += i64::from(run.sample_durations[index]);
        }
    }
    found
}

/// Where the boxes of a kind begin, of those that hold no others.
fn starts(bytes: &[u8], wanted: &[u8; 4]) -> Vec<usize> {
    let (mut at, mut found) = (0, Vec::new());
    while at < bytes.len() {
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        if &bytes[at + 4..at + 8] == wanted {
            found.push(at);
        }
        at += size;
    }
    found
}

/// A tape of several files with sound.
fn tape() -> super::Recorder<Tape> {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 4);
    let mut next = 0;
    for index in 0..500 {
        let unit = camera.picture(index, 50);
        let now = unit.arrived;
        while next * 1024 * 15 / 8 <= index * PICTURE {
            recorder.audio(audio_frame(camera.session, next, 0), now);
            next += 1;
        }
        feed(&mut recorder, unit);
    }
    recorder.finish(camera.at(500 * PICTURE));
    recorder
}

#[test]
fn files_that_follow_one_another_are_one_time_line() {
    let mut recorder = tape();
    let tape = recorder.sink_mut();
    assert!(tape.files.len() > 3);
    for (track, rate) in [(1, 90_000), (2, 48_000)] {
        let (mut all, mut own) = (Vec::new(), Vec::new());
        for file in tape.files.values() {
            let (head, body) = sent(file, 0..file.fragments.len());
            let whole = [&head.bytes[..], &body].concat();
            let start = scale(file.start.start.micros(), rate, 1_000_000);
            let moved = |found: Found| Found {
                decode: found.decode + start,
                shown: found.shown + start,
                ..found
            };
            own.extend(file.samples(track).into_iter().map(moved));
            all.extend(samples(&whole, track));
            assert!(starts(&body, b"uuid").is_empty() && starts(&body, b"prft").is_empty());
        }
        assert_eq!(all, own, "track {track}");
        let first = all[0].decode;
        if track == 1 {
            // Without a break: each picture a step after the one before, across files too.
            let even = |(at, one): (usize, &Found)| one.decode - first == at as i64 * PICTURE;
            assert!(all.iter().enumerate().all(even));
        }
    }
}

#[test]
fn fragments_are_numbered_upwards() {
    let mut recorder = tape();
    let mut last = 0;
    for file in recorder.sink_mut().files.values() {
        let (_, body) = sent(file, 0..file.fragments.len());
        for at in starts(&body, b"moof") {
            let number = u32::from_be_bytes(body[at + 20..at + 24].try_into().unwrap());
            assert!(number > last, "{number} after {last}");
            last = number;
        }
    }
}

#[test]
fn a_part_of_a_file_is_what_lies_there() {
    let mut recorder = tape();
    let file = &recorder.sink_mut().files[&2];
    let all = samples(&whole(file, 0..file.fragments.len()), 1);
    let parts: Vec<Found> =
        (0..file.fragments.len()).flat_map(|at| samples(&whole(file, at..at + 1), 1)).collect();
    assert_eq!(all, parts);
    // Ranges that are not of whole fragments are refused, whatever they are.
    let scan = file.scan();
    let (mut reader, head) = opened(file);
    let good = scan.fragments[1].offset..scan.fragments[2].offset;
    for range in [
        good.start + 1..good.end,
        good.start..good.end - 1,
        good.start..good.end + 1,
        0..good.end,
        good.start..good.start + 36,
        good.start..file.bytes.len() as u64,
    ] {
        let parts = head.passage(&mut reader, range.clone(), origin(file)).unwrap();
        assert_eq!(parts, None, "{range:?} of {good:?}");
    }
}

fn whole(file: &Taped, fragments: Range<usize>) -> Vec<u8> {
    let (head, body) = sent(file, fragments);
    [&head.bytes[..], &body].concat()
}

#[test]
fn a_key_frame_is_a_fragment_of_its_own() {
    let mut recorder = tape();
    let file = &recorder.sink_mut().files[&2];
    let (mut reader, head) = opened(file);
    let silent = head.silent().unwrap();
    let keys: Vec<Found> = file.samples(1).into_iter().filter(|sample| sample.key).collect();
    let start = scale(file.start.start.micros(), 90_000, 1_000_000);
    let fragments = file.scan().fragments;
    let with_key = fragments.iter().filter(|fragment| fragment.key);
    for (fragment, key) in with_key.zip(keys) {
        let range = fragment.offset..fragment.offset + fragment.length;
        let still = head.still(&mut reader, range, 180_000, origin(file)).unwrap().unwrap();
        let given = [&silent[..], &bytes(file, &still)].concat();
        let shown = key.shown + start;
        assert_eq!(samples(&given, 1), [Found { decode: shown, shown, ..key }]);
        let read = mp4::Mp4Reader::read_header(Cursor::new(&given), given.len() as u64).unwrap();
        assert_eq!(read.tracks().len(), 1, "no sound");
        let run = read.moofs[0].trafs[0].trun.as_ref().unwrap();
        assert_eq!(run.sample_durations, [180_000]);
    }
}

#[test]
fn how_much_later_than_decoded_a_key_frame_is_shown_is_told() {
    use crate::ingest::Access;
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Continuous, 60);
    // Two pictures that nothing refers to before each that others refer to, in order of decoding.
    let mut sent = 0;
    for base in [0, 50, 100] {
        let rest = (1..17).flat_map(|at| {
            let disposable = [3 * at - 2, 3 * at - 1].map(|at| (Access::Disposable, at));
            [(Access::Reference, 3 * at)].into_iter().chain(disposable)
        });
        for (access, at) in std::iter::once((Access::Key, 0)).chain(rest) {
            let unit = camera.unit(access, (base + at) * PICTURE, (sent + 4) * PICTURE);
            feed(&mut recorder, unit);
            sent += 1;
        }
    }
    recorder.finish(camera.at(200 * PICTURE));
    let file = &recorder.sink_mut().files[&1];
    let scan = file.scan();
    let key = scan.fragments.iter().skip(1).find(|fragment| fragment.key).expect("a second key");
    let mut reader = Cursor::new(file.bytes.as_slice());
    let told = delay(&mut reader, key.offset, key.offset + key.length).unwrap();
    assert_eq!(told, Some(key.first_ticks - key.start_ticks));
    assert!(told > Some(0), "{told:?}");
}

#[test]
fn what_is_no_segment_is_refused_without_panic() {
    let mut recorder = tape();
    let file = &recorder.sink_mut().files[&1];
    let fragment = file.scan().fragments[1];
    let range = fragment.offset..fragment.offset + fragment.length;
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..2000 {
        let mut bytes = file.bytes[..range.end as usize].to_vec();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(0..bytes.len());
            bytes[at] = random.u8(..);
        }
        let end = bytes.len() as u64;
        let mut reader = Cursor::new(bytes.as_slice());
        let Some(head) = Head::read(&mut reader, end).unwrap() else { continue };
        let _ = head.silent();
        if let Some(parts) = head.passage(&mut reader, range.clone(), origin(file)).unwrap() {
            let inside = |part: &Part| match part {
                Part::Made(_) => true,
                Part::Copied(copied) => copied.start >= range.start && copied.end <= range.end,
            };
            assert!(parts.iter().all(inside));
        }
        let _ = head.still(&mut reader, range.clone(), u32::MAX, origin(file)).unwrap();
        let _ = delay(&mut reader, range.start, range.end).unwrap();
    }
}
