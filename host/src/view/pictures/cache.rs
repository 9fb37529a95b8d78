//! What was made of key frames, within a bound of bytes; what was not asked for longest goes first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use super::canvas::Canvas;
use super::find::FrameId;
use super::work::Shown;

/// What was made, and of what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A picture at most so wide, with what that event marks in it.
    Picture { frame: FrameId, width: Option<u32>, marks: Option<u64> },
    /// A cell of a strip, of that size where it is known before.
    Cell { frame: FrameId, width: u32, height: Option<u32> },
    /// All cells of a strip, side by side.
    Strip { cells: Shown, width: u32 },
}

/// What is kept of it.
#[derive(Clone, Debug)]
pub(super) enum Made {
    Jpeg(Bytes),
    Canvas(Arc<Canvas>),
}

impl Made {
    fn bytes(&self) -> usize {
        match self {
            Self::Jpeg(data) => data.len(),
            Self::Canvas(canvas) => canvas.bytes(),
        }
    }
}

/// What an entry takes beside what was made.
const ENTRY_BYTES: usize = 256;

/// The cache.
pub(super) struct Cache {
    bytes_max: usize,
    bytes: usize,
    /// Counts uses.
    used: u64,
    made: HashMap<Key, (Made, u64)>,
    /// By last use.
    order: BTreeMap<u64, Key>,
}

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: 0, used: 0, made: HashMap::new(), order: BTreeMap::new() }
    }

    pub(super) fn get(&mut self, key: &Key) -> Option<Made> {
        let (made, used) = self.made.get_mut(key)?;
        self.used += 1;
        self.order.remove(used);
        self.order.insert(self.used, key.clone());
        *used = self.used;
        Some(made.clone())
    }

    pub(super) fn put(&mut self, key: Key, made: Made) {
        let bytes = made.bytes() + ENTRY_BYTES;
        if bytes > self.bytes_max {
            return;
        }
        self.used += 1;
        self.order.insert(self.used, key.clone());
        if let Some((before, used)) = self.made.insert(key, (made, self.used)) {
            self.order.remove(&used);
            self.bytes -= before.bytes() + ENTRY_BYTES;
        }
        self.bytes += bytes;
        while self.bytes > self.bytes_max {
            let Some((_, oldest)) = self.order.pop_first() else { return };
            if let Some((gone, _)) = self.made.remove(&oldest) {
                self.bytes -= gone.bytes() + ENTRY_BYTES;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: i64) -> Key {
        let frame = FrameId::of_live("gate", number);
        Key::Picture { frame, width: None, marks: None }
    }

    fn jpeg(bytes: usize) -> Made {
        Made::Jpeg(vec![0; bytes - ENTRY_BYTES].into())
    }

    #[test]
    fn what_was_used_last_stays_and_bytes_are_bounded() {
        let mut cache = Cache::new(3000);
        for number in 0..3 {
            cache.put(key(number), jpeg(1000));
        }
        assert!(cache.get(&key(0)).is_some());
        cache.put(key(3), jpeg(1000));
        let there = |cache: &mut Cache| (0..5).map(|n| cache.get(&key(n)).is_some()).collect();
        let seen: Vec<bool> = there(&mut cache);
        assert_eq!(seen, [true, false, true, true, false]);
        cache.put(key(4), jpeg(3000));
        let seen: Vec<bool> = there(&mut cache);
        assert_eq!(seen, [false, false, false, false, true]);
        // Made again, or larger than all: nothing is counted twice.
        cache.put(key(4), jpeg(500));
        cache.put(key(5), jpeg(3001));
        cache.put(key(6), jpeg(2500));
        assert_eq!((cache.bytes, cache.made.len(), cache.order.len()), (3000, 2, 2));
    }
}
