//! Bytes as numbers, texts and lists, for targets that want values rather than bytes.

/// Gives values as long as there are bytes, then zeros and empty texts.
pub(crate) struct Dice<'a>(&'a [u8]);

impl<'a> Dice<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.bytes(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    pub(crate) fn u8(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    /// Any number; small ones, and those at the ends, more often than their share.
    pub(crate) fn i64(&mut self) -> i64 {
        match self.u8() {
            0 => i64::MIN,
            1 => i64::MAX,
            2..100 => self.u32().into(),
            100..120 => -i64::from(self.u32()),
            // Microseconds of our days.
            120..180 => 1_763_800_000_000_000 + i64::from(self.u32()),
            _ => self.u64().cast_signed(),
        }
    }

    pub(crate) fn f32(&mut self) -> f32 {
        f32::from_bits(self.u32())
    }

    pub(crate) fn f64(&mut self) -> f64 {
        f64::from_bits(self.u64())
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.u8() & 1 != 0
    }

    /// One of so many, from 0.
    pub(crate) fn one_of(&mut self, count: u8) -> u8 {
        self.u8() % count
    }

    pub(crate) fn text(&mut self) -> String {
        let length = usize::from(self.u8());
        // Long ones too, without that many bytes.
        let times = if length == 255 { 100 } else { 1 };
        String::from_utf8_lossy(self.bytes(length)).repeat(times)
    }

    pub(crate) fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| make(self))
    }

    /// A list; as long as a byte says, and no longer than there are bytes.
    pub(crate) fn list<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.u8();
        let mut list = Vec::new();
        for _ in 0..count {
            if self.is_empty() {
                break;
            }
            list.push(make(self));
        }
        list
    }
}
