//! Targets: lines of the journal, and fragment maps of the index.

use super::index::map;
use super::journal::{Note, files};
use crate::base::Error;
use crate::fuzzing::Dice;

/// A journal that may be anything. What is read of it is noted as it was, and lines between junk are
/// found.
pub(crate) fn journal(data: &[u8]) {
    let mut notes = Vec::new();
    let mut visit = |note| {
        notes.push(note);
        Ok(())
    };
    let read =
        files::notes_in(&mut &data[..], |error| Error::retry("read").with(error), &mut visit);
    let read = read.expect("memory is read");
    assert_eq!(read.notes as usize, notes.len());
    let lines: String = notes.iter().map(Note::line).collect();
    let mut again = Vec::new();
    let mut visit = |note| {
        again.push(note);
        Ok(())
    };
    // Behind what is no line.
    let text = [b"{\"crc\":\"0\n", lines.as_bytes()].concat();
    let read =
        files::notes_in(&mut &text[..], |error| Error::retry("read").with(error), &mut visit);
    assert_eq!(read.expect("memory is read").broken, 1);
    assert_eq!(again, notes);
    assert!(notes.iter().filter_map(Note::key).count() <= notes.len());
}

pub(crate) fn journal_seeds() -> Vec<Vec<u8>> {
    let notes = [
        Note::Gone { of: "pin".into(), id: "7".into() },
        Note::Camera { name: "gate".into(), keep: Some(9), size_max: None, next_sequence: 3 },
        Note::Segment {
            camera: "gate".into(),
            sequence: 3,
            flags: 1,
            damaged: vec![2],
            answers: Vec::new(),
        },
    ];
    // Without a checksum that is right a mutation is no line: a seed for what comes after it, too.
    let lines: String = notes.iter().map(Note::line).collect();
    vec![lines.clone().into(), lines.replace("\"crc\":\"", "\"crc\":\"x").into()]
}

/// Bytes of an index that may be damaged: a map, or none. A map that is made comes back.
pub(crate) fn map(data: &[u8]) {
    if let Some(entries) = map::decode(data) {
        for pair in entries.windows(2) {
            assert_eq!(pair[0].offset + pair[0].length, pair[1].offset, "without holes");
        }
    }
    let mut dice = Dice::of(data);
    let (mut offset, mut ticks) = (u64::from(dice.u32()) + 1, 0);
    let entries = dice.list(|dice| {
        let length = u64::from(dice.u32());
        let entry = map::Entry {
            offset,
            length,
            start_ticks: ticks,
            samples: dice.u32() >> 16,
            key: dice.flag(),
            damaged: dice.flag(),
        };
        offset += length;
        ticks += i64::from(dice.u32() >> 8);
        entry
    });
    let bytes = map::encode(&entries);
    assert_eq!(map::decode(&bytes), Some(entries));
}

pub(crate) fn map_seeds() -> Vec<Vec<u8>> {
    let entry = |number: u64| map::Entry {
        offset: 1000 + number * 5000,
        length: 5000,
        start_ticks: number as i64 * 90_000,
        samples: 25,
        key: number.is_multiple_of(2),
        damaged: number == 3,
    };
    let made: Vec<map::Entry> = (0..30).map(entry).collect();
    let mut plain = vec![100];
    plain.extend([2, 3, 4, 5].repeat(10));
    let mut values = vec![0, 0, 4, 0, 5];
    values.extend([0, 0, 19, 136, 0, 25, 0, 0, 1, 0, 1, 95, 144, 0].repeat(4));
    vec![map::encode(&made), plain, values]
}
