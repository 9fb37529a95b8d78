//! Numbers as bits, for byte strings that must be short: a number that is small most of the time
//! takes few bits (Golomb-Rice coding), a rare large one a few more.
//!
//! Knows nothing of what the numbers mean.

/// A quotient of so many ones says that the whole number follows in 64 bits.
const ESCAPE: u32 = 24;

/// Bits of eight bytes that count, wherever in the first of them they begin.
const WINDOW: u32 = 57;

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
        if count > WINDOW {
            let high = self.take(count - 32)?;
            return Some(high << 32 | self.take(32)?);
        }
        let window = self.window();
        self.skip(count)?;
        Some(highest(window, count))
    }

    /// A number of [`Writer::rice`].
    pub(super) fn rice(&mut self, k: u32) -> Option<u64> {
        let window = self.window();
        // What ends early ends in zeros here, and is found out by skipping the first of them.
        let quotient = window.leading_ones().min(ESCAPE);
        if quotient == ESCAPE {
            self.skip(ESCAPE)?;
            return self.take(64);
        }
        let unary = quotient + 1;
        // Nearly always all of it is in one window.
        let rest = if unary + k <= WINDOW {
            self.skip(unary + k)?;
            highest(window << unary, k)
        } else {
            self.skip(unary)?;
            self.take(k)?
        };
        Some(u64::from(quotient) << k | rest)
    }

    /// The next bits, [`WINDOW`] at least, and zeros where there are no more.
    fn window(&self) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let bytes = rest.first_chunk().copied().unwrap_or_else(|| padded(rest));
        u64::from_be_bytes(bytes) << (self.at % 8)
    }

    fn skip(&mut self, count: u32) -> Option<()> {
        self.at += count as usize;
        (self.at <= self.bytes.len() * 8).then_some(())
    }
}

/// So many of the highest bits, fewer than 64.
fn highest(window: u64, count: u32) -> u64 {
    // In two steps, since all 64 can't go in one.
    window >> 1 >> (63 - count)
}

/// What is less than eight bytes, with zeros behind.
#[cold]
fn padded(rest: &[u8]) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..rest.len()].copy_from_slice(rest);
    bytes
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
        assert_eq!(Reader::new(&[0xff; 7]).take(57), None);
        assert_eq!(best([1000, 1100, 900].into_iter()), 9);
    }
}
