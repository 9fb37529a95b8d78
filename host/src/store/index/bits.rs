//! Numbers as bits, for byte strings that must be short: a number that is small most of the time
//! takes few bits (Golomb-Rice coding), a rare large one a few more.
//!
//! Knows nothing of what the numbers mean.

/// A quotient of so many ones says that the whole number follows in 64 bits.
const ESCAPE: u32 = 24;

/// Bits, the highest of each byte first.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// Bits in use of the last byte; 0: it is full.
    used: u32,
}

impl Writer {
    /// The lowest `count` bits of a number.
    pub(super) fn put(&mut self, value: u64, count: u32) {
        for at in (0..count).rev() {
            if self.used == 0 {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> at & 1) as u8) << (7 - self.used);
            }
            self.used = (self.used + 1) % 8;
        }
    }

    /// A number, cheap where it is below `2 << k`.
    pub(super) fn rice(&mut self, value: u64, k: u32) {
        let quotient = value >> k;
        if quotient >= u64::from(ESCAPE) {
            self.put(u64::MAX, ESCAPE);
            self.put(value, 64);
        } else {
            // Ones, and a zero that ends them.
            self.put(u64::MAX << 1, quotient as u32 + 1);
            self.put(value, k);
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Takes back what a [`Writer`] was given.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next so many bits, 64 at most.
    pub(super) fn take(&mut self, count: u32) -> Option<u64> {
        let window = self.window();
        self.skip(count)?;
        Some(window.checked_shr(u128::BITS - count).unwrap_or(0) as u64)
    }

    pub(super) fn rice(&mut self, k: u32) -> Option<u64> {
        // What ends early ends in zeros here, and is found out by skipping the first of them.
        let quotient = self.window().leading_ones().min(ESCAPE);
        if quotient == ESCAPE {
            self.skip(ESCAPE)?;
            self.take(64)
        } else {
            self.skip(quotient + 1)?;
            Some(u64::from(quotient) << k | self.take(k)?)
        }
    }

    /// The next bits, 120 at least, and zeros where there are no more.
    fn window(&self) -> u128 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let bytes = rest.first_chunk().copied().unwrap_or_else(|| {
            let mut last = [0; 16];
            last[..rest.len()].copy_from_slice(rest);
            last
        });
        u128::from_be_bytes(bytes) << (self.at % 8)
    }

    fn skip(&mut self, count: u32) -> Option<()> {
        self.at += count as usize;
        (self.at <= self.bytes.len() * 8).then_some(())
    }
}

/// The bits that a number needs with a parameter.
fn cost(value: u64, k: u32) -> u64 {
    let quotient = value >> k;
    if quotient >= u64::from(ESCAPE) { u64::from(ESCAPE) + 64 } else { quotient + 1 + u64::from(k) }
}

/// The parameter with which these numbers need the fewest bits; below 40.
pub(super) fn best(values: impl Iterator<Item = u64> + Clone) -> u32 {
    (0..40).min_by_key(|k| values.clone().map(|value| cost(value, *k)).sum::<u64>()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(values in vec((any::<u64>(), 0_u32..64), 0..50), k in 0_u32..40) {
            let mut writer = Writer::default();
            for (value, shift) in &values {
                writer.rice(value >> shift, k);
            }
            let bytes = writer.into_bytes();
            let mut reader = Reader::new(&bytes);
            for (value, shift) in &values {
                prop_assert_eq!(reader.rice(k), Some(value >> shift));
            }
        }
    }

    #[test]
    fn what_ends_early_is_no_number() {
        assert_eq!(Reader::new(&[0xff; 3]).rice(3), None);
        assert_eq!(Reader::new(&[]).take(1), None);
        assert_eq!(best([1000, 1100, 900].into_iter()), 9);
    }
}
