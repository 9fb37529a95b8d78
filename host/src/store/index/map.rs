//! The fragment map of a file, as bytes: where each fragment lies, when it starts, and whether
//! it starts with a key frame.
//!
//! One byte string a segment: the offset of the first fragment, then for each fragment the change
//! of its length of time, its size in bytes, and its samples with two flags; all as variable
//! length numbers (LEB128). A steady stream needs five bytes a fragment.

/// One fragment of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Byte offset in the file.
    pub(crate) offset: u64,
    /// Bytes.
    pub(crate) length: u64,
    /// Decode time of its first video sample, ticks of 90 kHz from the file's start.
    pub(crate) start_ticks: i64,
    /// Video samples.
    pub(crate) samples: u32,
    /// Starts with a key frame.
    pub(crate) key: bool,
    /// Packets were lost in it.
    pub(crate) damaged: bool,
}

/// The bytes for a map. Fragments lie without holes between them.
pub(crate) fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + entries.len() * 6);
    put(&mut out, entries.first().map_or(0, |entry| entry.offset));
    let (mut last, mut step) = (0, 0);
    for entry in entries {
        let now = entry.start_ticks.wrapping_sub(last);
        put(&mut out, zigzag(now.wrapping_sub(step)));
        put(&mut out, entry.length);
        let flags = u64::from(entry.key) | u64::from(entry.damaged) << 1;
        put(&mut out, u64::from(entry.samples) << 2 | flags);
        (last, step) = (entry.start_ticks, now);
    }
    out
}

/// The map in some bytes; `None` when they are not one.
pub(crate) fn decode(mut bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut offset = take(&mut bytes)?;
    let mut entries = Vec::with_capacity(bytes.len() / 4);
    let (mut last, mut step) = (0_i64, 0_i64);
    while !bytes.is_empty() {
        step = step.wrapping_add(unzigzag(take(&mut bytes)?));
        last = last.wrapping_add(step);
        let length = take(&mut bytes)?;
        let rest = take(&mut bytes)?;
        entries.push(Entry {
            offset,
            length,
            start_ticks: last,
            samples: u32::try_from(rest >> 2).ok()?,
            key: rest & 1 != 0,
            damaged: rest & 2 != 0,
        });
        offset = offset.checked_add(length)?;
    }
    Some(entries)
}

fn zigzag(value: i64) -> u64 {
    (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f).checked_shl(shift)?;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    fn map(first: u64, rows: &[(u32, i32, u32, bool, bool)]) -> Vec<Entry> {
        let (mut offset, mut start_ticks) = (first, 0);
        rows.iter()
            .map(|&(length, ticks, samples, key, damaged)| {
                let length = u64::from(length);
                let entry = Entry { offset, length, start_ticks, samples, key, damaged };
                offset += length;
                start_ticks += i64::from(ticks);
                entry
            })
            .collect()
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            first in 0_u64..1 << 40,
            rows in vec((any::<u32>(), any::<i32>(), 0_u32..1 << 30, any::<bool>(), any::<bool>()), 1..50),
        ) {
            let entries = map(first, &rows);
            prop_assert_eq!(decode(&encode(&entries)), Some(entries));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn a_minute_is_small() {
        let row = (500_000, 90_000, 25, true, false);
        assert!(encode(&map(1200, &[row; 60])).len() < 400);
    }
}
