//! Key frames for pictures: the right one for every moment, of files that are whole, that grow, that
//! lie.

use std::io::Cursor;

use proptest::prelude::{any, prop, proptest};

use super::{Camera, Mode, PICTURE, Tape, Taped, feed, recorder};
use crate::record::keys::{FragmentPlace, KeyFrame, Pick, key_frame, key_frame_of_growing};

/// Four seconds; a key frame every `group` pictures.
fn taped(group: i64) -> Taped {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Both, 60);
    for index in 0..100 {
        feed(&mut recorder, camera.picture(index, group));
    }
    recorder.finish(camera.at(100 * PICTURE));
    let Tape { mut files, .. } = std::mem::take(recorder.sink_mut());
    files.remove(&1).unwrap()
}

fn places(file: &Taped) -> Vec<FragmentPlace> {
    let place = |info: &crate::record::FragmentInfo| FragmentPlace {
        offset: info.offset,
        length: info.length,
        start_ticks: info.start_ticks,
    };
    file.scan().fragments.iter().map(place).collect()
}

/// When the found key frame is shown, in pictures; its data is checked.
fn shown(file: &Taped, found: Option<KeyFrame>) -> Option<i64> {
    let found = found?;
    let data = found.read(&mut Cursor::new(&file.bytes)).unwrap().unwrap();
    let samples = file.samples(1);
    let sent = samples.iter().find(|sample| sample.shown == found.shown_ticks).unwrap();
    assert!(sent.key && sent.data == data);
    Some(found.shown_ticks / PICTURE)
}

#[tokio::test]
async fn every_moment_has_its_key_frame() {
    // Key frames that begin fragments, that stand in the midst of them, and a single one.
    for group in [25, 7, 3, 1, 200] {
        let file = taped(group);
        let places = places(&file);
        for picture in -3..104 {
            let ticks = picture * PICTURE + 17;
            let reader = &mut Cursor::new(&file.bytes);
            let before = picture.clamp(0, 99) / group * group;
            let mut look = |pick| {
                let closed = shown(&file, key_frame(reader, &places, ticks, pick).unwrap());
                let end = file.bytes.len() as u64;
                let open = key_frame_of_growing(reader, end, ticks, pick).unwrap();
                assert_eq!(shown(&file, open), closed, "{group} {picture}");
                closed
            };
            assert_eq!(look(Pick::Before), Some(before), "{group} {picture}");
            let after = before + group;
            let nearer_after = after < 100 && after - picture <= picture - before;
            let nearest = if nearer_after { after } else { before };
            assert_eq!(look(Pick::Nearest), Some(nearest), "{group} {picture}");
        }
    }
}

#[tokio::test]
async fn a_file_that_grows_shows_what_is_there() {
    let file = taped(25);
    let fragments = places(&file);
    let mut shown_by = 0;
    let keys = file.scan().fragments.into_iter().map(|fragment| {
        shown_by += i64::from(fragment.samples);
        (shown_by - 1) / 25 * 25
    });
    let keys: Vec<i64> = keys.collect();
    for length in (0..file.bytes.len()).step_by(7) {
        let mut reader = Cursor::new(&file.bytes[..length]);
        let end = length as u64;
        let found = key_frame_of_growing(&mut reader, end, i64::MAX, Pick::Before).unwrap();
        let whole = fragments.iter().filter(|place| place.offset + place.length <= end).count();
        let expected = whole.checked_sub(1).map(|last| keys[last]);
        assert_eq!(shown(&file, found), expected, "{length} bytes");
        // A map that says more than there is.
        let found = key_frame(&mut reader, &fragments, i64::MAX, Pick::Before).unwrap();
        if let Some(found) = found {
            let _ = found.read(&mut reader).unwrap();
        }
    }
}

proptest! {
    #[test]
    fn whatever_a_file_is_nothing_breaks(
        bytes in prop::collection::vec(any::<u8>(), 0..400), at: u16, flip: u8,
        offset in 0_u64..9000, length: u64, ticks: i64,
    ) {
        let place = FragmentPlace { offset, length, start_ticks: ticks };
        let _ = key_frame(&mut Cursor::new(&bytes), &[place], ticks, Pick::Nearest);
        let mut file = BYTES.with(Clone::clone);
        let at = usize::from(at) % file.len();
        file[at] ^= flip;
        let end = file.len() as u64;
        let reader = &mut Cursor::new(&file);
        for found in [
            key_frame(reader, &[place], ticks, Pick::Before),
            key_frame_of_growing(reader, end, ticks, Pick::Nearest),
        ] {
            let _ = found.unwrap().map(|found| found.read(reader));
        }
    }
}

thread_local! {
    static BYTES: Vec<u8> = {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { taped(9).bytes })
    };
}
