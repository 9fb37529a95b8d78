//! Target: what is worth decoding, of any stream at any pace, and what its parameter sets are.

use super::parameter_sets::{from_avcc, from_hvcc, nal_units};
use super::thrift::{Due, Pace, Thrift};
use crate::fuzzing::Dice;
use crate::ingest::Access;

fn pace(dice: &mut Dice<'_>) -> Pace {
    match dice.one_of(3) {
        0 => Pace::KeyFrames,
        1 => Pace::AtMost(dice.f32()),
        _ => Pace::Every,
    }
}

/// A key frame is always decoded, with `Every` all is, and what needs something that was left out is
/// left out too, until the next key frame.
pub(crate) fn thrift(data: &[u8]) {
    for bytes in [from_avcc(data), from_hvcc(data)].into_iter().flatten() {
        assert!(bytes.iter().map(|set| set.len()).sum::<usize>() <= data.len());
    }
    assert!(nal_units(data).all(|nal| !nal.is_empty()));
    let mut dice = Dice::of(data);
    let first = pace(&mut dice);
    let (mut thrift, mut due) = (Thrift::new(first), Due::new(first));
    let mut is_whole = false;
    while !dice.is_empty() {
        if dice.one_of(16) == 0 {
            thrift.set_pace(pace(&mut dice));
        }
        let access = match dice.one_of(4) {
            0 => Access::Key,
            1 => Access::OpenKey,
            2 => Access::Reference,
            _ => Access::Disposable,
        };
        let pts = dice.i64();
        let wanted = thrift.wants(pts, access);
        assert!(wanted || !access.is_key());
        assert!(is_whole || access.is_key() || !wanted);
        is_whole = match access {
            Access::Key | Access::OpenKey => true,
            Access::Reference => is_whole && wanted,
            Access::Disposable => is_whole,
        };
        if thrift.pace() == Pace::KeyFrames {
            assert_eq!(wanted, access.is_key());
        }
        let _ = due.is_due(pts, access.is_key());
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let stream = |pace: &[u8]| {
        let mut seed = pace.to_vec();
        for picture in 0..20_u32 {
            let access = if picture % 10 == 0 { 0 } else { 2 + (picture % 2) as u8 };
            seed.extend([1, access, 50]);
            seed.extend((picture * 3600).to_be_bytes());
        }
        seed
    };
    vec![stream(&[0]), stream(&[1, 0x40, 0xa0, 0, 0]), stream(&[2])]
}
