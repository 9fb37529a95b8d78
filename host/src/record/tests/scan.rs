//! The reader for recovery: files cut off anywhere, damaged, or not ours at all.

use std::io::Cursor;

use super::{Camera, Mode, PICTURE, Taped, audio_frame, feed, recorder, utc_ticks};
use crate::record::{scan, trailer};

/// A file of four seconds with audio.
fn taped() -> Taped {
    let mut camera = Camera::new();
    let mut recorder = recorder(Mode::Both, 60);
    for index in 0..100 {
        let unit = camera.picture(index, 30);
        recorder.audio(audio_frame(0, index, 0), unit.arrived);
        feed(&mut recorder, unit);
    }
    recorder.finish(camera.at(100 * PICTURE));
    recorder.sink_mut().files.remove(&1).unwrap()
}

#[test]
fn a_file_cut_off_anywhere_is_good_up_to_its_last_whole_fragment() {
    let file = taped();
    let whole = file.scan();
    assert!(whole.complete);
    assert_eq!(whole.end(), Some(utc_ticks(100 * PICTURE)));
    let header = file.start.header.len() as u64;
    for length in 0..file.bytes.len() {
        let found = scan(&mut Cursor::new(&file.bytes[..length])).unwrap();
        let length = length as u64;
        let good = whole.fragments.iter().filter(|f| f.offset + f.length <= length).count();
        assert!(!found.complete);
        assert_eq!(found.fragments, whole.fragments[..good], "cut at {length}");
        let end = found.fragments.last().map_or(header, |last| last.offset + last.length);
        assert_eq!(found.good_bytes, if length < header { 0 } else { end }, "cut at {length}");
        assert_eq!(found.identity.is_some(), good > 0, "cut at {length}");
    }
}

#[test]
fn a_repaired_file_is_as_good_as_a_closed_one() {
    let file = taped();
    let good = file.scan();
    // Cut in the last fragment, repaired with a new index.
    let mut bytes = file.bytes[..good.good_bytes as usize - 10].to_vec();
    let cut = scan(&mut Cursor::new(&bytes)).unwrap();
    bytes.truncate(cut.good_bytes as usize);
    bytes.extend_from_slice(&trailer(&cut.fragments));
    let repaired = scan(&mut Cursor::new(&bytes)).unwrap();
    assert!(repaired.complete);
    assert_eq!(repaired.fragments, cut.fragments);
    let size = bytes.len() as u64;
    mp4::Mp4Reader::read_header(Cursor::new(&bytes), size).unwrap();
    // The index of a closed file is the same as one made from its fragments, as long as each key
    // frame begins a fragment.
    let index = trailer(&good.fragments);
    assert_eq!(file.bytes[good.good_bytes as usize..], index);
}

#[test]
fn any_changed_byte_is_noticed() {
    let file = taped();
    let whole = file.scan();
    let first = whole.fragments[0].offset as usize;
    for place in (first..whole.good_bytes as usize).step_by(7) {
        let mut bytes = file.bytes.clone();
        bytes[place] ^= 0x40;
        let found = scan(&mut Cursor::new(&bytes)).unwrap();
        let before = whole.fragments.iter().filter(|f| f.offset + f.length <= place as u64).count();
        // The bytes of the version's reserved part are nobody's.
        let reserved = whole
            .fragments
            .iter()
            .any(|f| (25..28).contains(&(place as u64).wrapping_sub(f.offset)));
        let expected = if reserved { whole.fragments.len() } else { before };
        assert_eq!(found.fragments.len(), expected, "byte {place}");
    }
}

#[test]
fn strangers_and_liars_are_survived() {
    let file = taped();
    let mut random = fastrand::Rng::with_seed(3);
    let check = |bytes: &[u8]| {
        let found = scan(&mut Cursor::new(bytes)).unwrap();
        assert!(found.good_bytes <= bytes.len() as u64);
    };
    check(b"");
    check(b"hello");
    check(&[0xff; 4096]);
    check(&[0; 4096]);
    for _ in 0..2000 {
        let mut bytes = file.bytes.clone();
        for _ in 0..random.usize(1..20) {
            let place = random.usize(..bytes.len());
            bytes[place] = random.u8(..);
        }
        check(&bytes);
    }
    // Lengths that lie, under a checksum that does not.
    for lie in [0, 7, 8, 0x7fff_ffff, 0xffff_ffff_u32] {
        let first = file.scan().fragments[0];
        let moof = first.moof_offset as usize;
        for place in (moof..moof + 300).step_by(4) {
            let mut bytes = file.bytes.clone();
            bytes[place..place + 4].copy_from_slice(&lie.to_be_bytes());
            let body = first.offset as usize + 36..(first.offset + first.length) as usize;
            let crc = crc32c::crc32c(&bytes[body.clone()]);
            bytes[body.start - 4..body.start].copy_from_slice(&crc.to_be_bytes());
            check(&bytes);
        }
    }
}
