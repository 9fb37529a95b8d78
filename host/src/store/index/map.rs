//! The fragment map of a file, as bytes: where each fragment lies, when it starts, and whether
//! it starts with a key frame.
//!
//! One byte string a segment, exact and short at any bit rate: a head of variable length numbers
//! (LEB128), then for each fragment a few bits. Times are in the largest unit that all steps are
//! multiples of, and each step is told by how it differs from the one before it, so that a steady
//! stream costs a bit; lengths by how they differ from the mean of their kind (with a key frame or
//! without), which needs about as many bits as they vary. `DESIGN.md` has the figures.

use super::bits::{self, Reader, Writer};

/// Opens a map. No file's first fragment lies at its byte 0, where maps of the first schema say
/// their offset.
const PACKED: u8 = 0;
/// Each fragment takes at least so many bits.
const ENTRY_BITS_MIN: u64 = 5;

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
    /// Packets were lost in it, or its checksum is not its own any more.
    pub(crate) damaged: bool,
}

/// What stands before the bits.
struct Head {
    count: u64,
    offset: u64,
    /// Ticks: all steps are multiples of it.
    unit: u64,
    /// Samples of the first fragment.
    samples: u64,
    /// Mean lengths of fragments without and with a key frame.
    means: [u64; 2],
    step_bits: u32,
    sample_bits: u32,
    length_bits: u32,
}

/// The bytes for a map. Fragments lie without holes between them.
pub(crate) fn encode(entries: &[Entry]) -> Vec<u8> {
    let unit = steps(entries).map(|step| step.unsigned_abs()).fold(0, gcd).max(1);
    let means = [false, true].map(|key| mean(entries, key));
    let units = differences(0, steps(entries).map(|step| step / unit.cast_signed()));
    let first = entries.first().map_or(0, |entry| entry.samples);
    let samples = differences(i64::from(first), entries.iter().map(|entry| entry.samples.into()));
    let lengths: Vec<u64> = entries.iter().map(|entry| about(entry, means)).collect();
    let head = Head {
        count: entries.len() as u64,
        offset: entries.first().map_or(0, |entry| entry.offset),
        unit,
        samples: first.into(),
        means,
        step_bits: bits::best(units.iter().copied()),
        sample_bits: bits::best(samples.iter().copied()),
        length_bits: bits::best(lengths.iter().copied()),
    };
    let mut out = vec![PACKED];
    let [plain, key] = head.means;
    for number in [head.count, head.offset, head.unit, head.samples, plain, key] {
        put(&mut out, number);
    }
    out.extend([head.step_bits, head.sample_bits, head.length_bits].map(|bits| bits as u8));
    let mut writer = Writer::default();
    for (((entry, step), samples), length) in entries.iter().zip(units).zip(samples).zip(lengths) {
        writer.put(u64::from(entry.key) << 1 | u64::from(entry.damaged), 2);
        writer.rice(step, head.step_bits);
        writer.rice(samples, head.sample_bits);
        writer.rice(length, head.length_bits);
    }
    out.extend(writer.into_bytes());
    out
}

/// The map in some bytes; `None` when they are not one.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Entry>> {
    match bytes {
        [] => None,
        [PACKED, rest @ ..] if !rest.is_empty() => packed(rest),
        plain => decode_first(plain),
    }
}

fn packed(mut bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut next = || take(&mut bytes);
    let (count, offset, unit, samples) = (next()?, next()?, next()?, next()?);
    let (plain, key) = (next()?, next()?);
    let (&[step_bits, sample_bits, length_bits], bytes) = bytes.split_first_chunk::<3>()?;
    let [step_bits, sample_bits, length_bits] =
        [step_bits, sample_bits, length_bits].map(u32::from);
    let fits = count <= bytes.len() as u64 * 8 / ENTRY_BITS_MIN;
    if !fits || [step_bits, sample_bits, length_bits].iter().any(|bits| *bits >= 40) {
        return None;
    }
    let mut reader = Reader::new(bytes);
    let mut entries = Vec::with_capacity(usize::try_from(count).ok()?);
    let (mut offset, mut ticks, mut step, mut samples) =
        (offset, 0_i64, 0_i64, samples.cast_signed());
    for _ in 0..count {
        let flags = reader.take(2)?;
        step = step.wrapping_add(unzigzag(reader.rice(step_bits)?));
        samples = samples.wrapping_add(unzigzag(reader.rice(sample_bits)?));
        ticks = ticks.wrapping_add(step.wrapping_mul(unit.cast_signed()));
        let mean = if flags & 2 != 0 { key } else { plain };
        let length = mean.wrapping_add_signed(unzigzag(reader.rice(length_bits)?));
        entries.push(Entry {
            offset,
            length,
            start_ticks: ticks,
            samples: u32::try_from(samples).ok()?,
            key: flags & 2 != 0,
            damaged: flags & 1 != 0,
        });
        offset = offset.checked_add(length)?;
    }
    Some(entries)
}

/// A map as the first schema had them: all numbers whole.
fn decode_first(mut bytes: &[u8]) -> Option<Vec<Entry>> {
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

/// From one start to the next; the first from 0.
fn steps(entries: &[Entry]) -> impl Iterator<Item = i64> {
    let mut last = 0_i64;
    entries.iter().map(move |entry| {
        let step = entry.start_ticks.wrapping_sub(last);
        last = entry.start_ticks;
        step
    })
}

fn differences(first: i64, values: impl Iterator<Item = i64>) -> Vec<u64> {
    let mut last = first;
    let difference = |value: i64| zigzag(value.wrapping_sub(std::mem::replace(&mut last, value)));
    values.map(difference).collect()
}

fn mean(entries: &[Entry], key: bool) -> u64 {
    let lengths = || entries.iter().filter(|entry| entry.key == key).map(|entry| entry.length);
    let sum: u128 = lengths().map(u128::from).sum();
    u64::try_from(sum / lengths().count().max(1) as u128).unwrap_or(0)
}

fn about(entry: &Entry, means: [u64; 2]) -> u64 {
    zigzag(entry.length.wrapping_sub(means[usize::from(entry.key)]).cast_signed())
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
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
            first in 1_u64..1 << 40,
            rows in vec((any::<u32>(), any::<i32>(), 0_u32..1 << 30, any::<bool>(), any::<bool>()), 0..50),
        ) {
            let entries = map(first, &rows);
            prop_assert_eq!(decode(&encode(&entries)), Some(entries));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..200), packed: bool) {
            let _ = decode(&bytes);
            if packed {
                let _ = decode(&[&[PACKED], &bytes[..]].concat());
            }
        }
    }

    #[test]
    fn extreme_times_come_back() {
        let entry = |start_ticks| Entry {
            offset: 9,
            length: 0,
            start_ticks,
            samples: 0,
            key: false,
            damaged: false,
        };
        for times in [[i64::MIN, i64::MAX], [i64::MAX, i64::MIN], [1, -1]] {
            let entries = times.map(entry);
            assert_eq!(decode(&encode(&entries)).unwrap(), entries);
        }
    }

    #[test]
    fn maps_of_the_first_schema_are_read() {
        let bytes = [0xb0, 9, 0, 0x80, 8, 25 << 2 | 1, 0xa0, 0xfe, 10, 0x80, 16, 24 << 2 | 2];
        let [one, two] = decode(&bytes).unwrap().try_into().unwrap();
        assert_eq!((one.offset, one.length, one.start_ticks), (1200, 1024, 0));
        assert_eq!((one.samples, one.key, one.damaged), (25, true, false));
        assert_eq!((two.offset, two.length, two.start_ticks), (2224, 2048, 90_000));
        assert_eq!((two.samples, two.key, two.damaged), (24, false, true));
        assert_eq!(decode(&[0]), Some(vec![]));
    }

    #[test]
    fn a_minute_is_small_at_any_rate() {
        let mut random = fastrand::Rng::with_seed(3);
        // Bit rates, how much sizes vary, and seconds between key frames.
        for (megabits, varying, seconds, most) in
            [(0.5, 0.3, 1, 170), (4.0, 0.2, 2, 190), (16.0, 0.2, 1, 205), (16.0, 0.2, 4, 205)]
        {
            let mean = megabits * 125_000.0;
            let row = |n: u32| {
                let key = n % seconds == 0;
                let size = if key { 1.4 * mean } else { mean };
                let factor = 1.0 + varying * (random.f64() + random.f64() + random.f64() - 1.5);
                ((size * factor) as u32, 90_000, 25, key, false)
            };
            let rows: Vec<_> = (0..60).map(row).collect();
            let bytes = encode(&map(1200, &rows)).len();
            assert!(bytes <= most, "{megabits} Mbit/s: {bytes} bytes");
        }
    }
}
