//! Where the parameter sets and NAL units are: decoder configuration records and
//! length-prefixed access units (ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1).
//!
//! Takes bytes that a camera or a file chose; knows nothing of what is inside a NAL unit.

/// NAL units of an access unit, each after its length in 4 bytes. Ends where the lengths stop
/// making sense; empty units are left out.
pub(super) fn nal_units(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let (length, rest) = data.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (nal, rest) = rest.split_at_checked(length)?;
            data = rest;
            if !nal.is_empty() {
                return Some(nal);
            }
        }
    })
}

/// The parameter sets of an `avcC` record, sequence before picture; none if it is cut short.
pub(super) fn from_avcc(record: &[u8]) -> Option<Vec<&[u8]>> {
    let mut sets = Vec::new();
    let (head, mut rest) = record.split_at_checked(6)?;
    take(&mut rest, usize::from(head[5] & 0x1f), &mut sets)?;
    let (count, tail) = rest.split_first()?;
    rest = tail;
    take(&mut rest, usize::from(*count), &mut sets)?;
    Some(sets)
}

/// The parameter sets of an `hvcC` record, in its order; none if it is cut short.
pub(super) fn from_hvcc(record: &[u8]) -> Option<Vec<&[u8]>> {
    let mut sets = Vec::new();
    let (head, mut rest) = record.split_at_checked(23)?;
    for _ in 0..head[22] {
        let (array, tail) = rest.split_at_checked(3)?;
        rest = tail;
        take(&mut rest, usize::from(u16::from_be_bytes([array[1], array[2]])), &mut sets)?;
    }
    Some(sets)
}

fn take<'a>(rest: &mut &'a [u8], count: usize, sets: &mut Vec<&'a [u8]>) -> Option<()> {
    for _ in 0..count {
        let (length, tail) = rest.split_first_chunk::<2>()?;
        let (set, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        *rest = tail;
        if !set.is_empty() {
            sets.push(set);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_end_where_lengths_lie() {
        let check = |data: &[u8], expected: &[&[u8]]| {
            assert_eq!(nal_units(data).collect::<Vec<_>>(), expected, "{data:?}");
        };
        check(&[0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0, 0, 0, 1, 9], &[&[7, 8], &[9]]);
        check(&[0, 0, 0, 1, 7, 0, 0, 0, 9, 1], &[&[7]]);
        check(&[255, 255, 255, 255, 1], &[]);
        check(&[0, 0, 1], &[]);
    }

    #[test]
    fn records_give_their_sets() {
        let avcc = [1, 66, 0, 30, 0xff, 0xe1, 0, 2, 0x67, 66, 1, 0, 1, 0x68];
        assert_eq!(from_avcc(&avcc).unwrap(), [&[0x67, 66][..], &[0x68]]);
        let mut hvcc = vec![0; 22];
        hvcc.extend([2, 0x20, 0, 1, 0, 2, 0x40, 1, 0x21, 0, 1, 0, 1, 0x42]);
        assert_eq!(from_hvcc(&hvcc).unwrap(), [&[0x40, 1][..], &[0x42]]);
        for cut in 0..avcc.len() {
            assert_eq!(from_avcc(&avcc[..cut]), None, "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let total: usize = nal_units(&bytes).map(|nal| nal.len() + 4).sum();
            prop_assert!(total <= bytes.len());
            let _ = from_avcc(&bytes);
            let _ = from_hvcc(&bytes);
        }
    }
}
