//! Whether a place takes more: nothing is written below its floor.
//!
//! Measured space in, a decision out. Shuts at the floor and opens again well above it, so that it
//! does not flap.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::super::condition::{Condition, Task};
use super::super::fs::{Fs, Space};
use super::super::places::Place;
use super::super::settings::FreeFloor;
use crate::base::Result;

/// Filesystems give whole blocks.
const BLOCK: u64 = 4096;
/// At least so much room is waited for once the gate was shut.
const MARGIN_MIN: u64 = 1 << 20;

/// Between the writer and a place's filesystem.
pub(in super::super) struct Gate {
    floor: FreeFloor,
    shut: AtomicBool,
    /// What one file of each camera takes, as known last.
    files: AtomicU64,
    /// What waits to be moved here.
    coming: AtomicU64,
}

/// What the gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Passage {
    /// It may be written.
    Open,
    /// It may be written again.
    Opened,
    /// It may not be written any more.
    ShutNow,
    /// It may not be written.
    Shut,
}

impl Passage {
    /// Nothing may be written.
    pub(in super::super) fn is_shut(self) -> bool {
        matches!(self, Self::ShutNow | Self::Shut)
    }
}

impl Gate {
    pub(in super::super) fn new(floor: FreeFloor) -> Self {
        Self {
            floor,
            shut: AtomicBool::new(false),
            files: AtomicU64::new(0),
            coming: AtomicU64::new(0),
        }
    }

    /// The place has no floor: all may be written, as long as the disk takes it.
    pub(in super::super) fn is_none(&self) -> bool {
        self.floor == FreeFloor::Bytes(0)
    }

    pub(in super::super) fn is_shut(&self) -> bool {
        self.shut.load(Ordering::Relaxed)
    }

    /// One file of each camera takes so many bytes.
    pub(in super::super) fn set_files(&self, bytes: u64) {
        self.files.store(bytes, Ordering::Relaxed);
    }

    /// Says that so many bytes are to be moved here, for which there may be no room yet.
    pub(in super::super) fn set_coming(&self, bytes: u64) {
        let wanted = if bytes == 0 { 0 } else { taken(bytes) + BLOCK };
        self.coming.store(wanted, Ordering::Relaxed);
    }

    /// What waits to be moved here.
    pub(in super::super) fn coming(&self) -> u64 {
        self.coming.load(Ordering::Relaxed)
    }

    /// Whether a file of so many bytes fits above the floor.
    pub(in super::super) fn fits(&self, space: Space, bytes: u64) -> bool {
        self.is_none() || space.free >= self.floor.bytes(space).saturating_add(taken(bytes))
    }

    /// What must be free above the floor before the gate opens again: one file of each camera, but
    /// at most a quarter of the floor more.
    pub(in super::super) fn margin(&self, space: Space) -> u64 {
        let most = (self.floor.bytes(space) / 4).max(MARGIN_MIN);
        self.files.load(Ordering::Relaxed).clamp(MARGIN_MIN, most)
    }

    /// Asks to write `bytes` more; with 0, whether the gate opens.
    pub(in super::super) fn pass(&self, space: Space, bytes: u64) -> Passage {
        let floor = self.floor.bytes(space);
        let wanted = taken(bytes);
        let was_shut = self.is_shut();
        let above = if was_shut { self.margin(space).max(wanted) } else { wanted };
        // With nothing to write, an open gate stays open.
        let is_free = space.free >= floor.saturating_add(above) || (!was_shut && bytes == 0);
        self.shut.store(!is_free, Ordering::Relaxed);
        match (was_shut, is_free) {
            (false, true) => Passage::Open,
            (true, true) => Passage::Opened,
            (false, false) => Passage::ShutNow,
            (true, false) => Passage::Shut,
        }
    }
}

/// What so many bytes take of a filesystem at the most.
fn taken(bytes: u64) -> u64 {
    if bytes == 0 { 0 } else { bytes.next_multiple_of(BLOCK) + BLOCK }
}

impl Place {
    /// Asks to write `bytes` more, with 0 whether anything may be written. Says what changes.
    ///
    /// # Errors
    /// When the filesystem does not say how much room it has.
    pub(in super::super) fn pass(
        &self,
        fs: &dyn Fs,
        condition: &Condition,
        bytes: u64,
    ) -> Result<Passage> {
        if self.gate.is_none() {
            return Ok(Passage::Open);
        }
        let space = self.space(fs)?;
        let passage = self.gate.pass(space, bytes);
        match passage {
            Passage::Open | Passage::Shut => {}
            Passage::ShutNow => {
                let floor = self.floor.bytes(space);
                let words = format!(
                    "store `{}` is full: {} bytes are free, its floor is {floor}, and nothing is \
                     recorded there until there is room: free space, or lower the floor",
                    self.name, space.free
                );
                tracing::error!(store = self.name, free = space.free, floor, "the store is full");
                condition.fails(self.id, Task::Fit, words);
            }
            Passage::Opened => {
                tracing::info!(store = self.name, free = space.free, "there is room again");
                condition.works(self.id, Task::Fit);
            }
        }
        Ok(passage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_shuts_at_the_floor_and_opens_well_above() {
        let mib = |count: u64| count << 20;
        let gate = Gate::new(FreeFloor::Bytes(mib(64)));
        gate.set_files(mib(8));
        let space = |free| Space { free, total: mib(1000) };
        for (name, free, bytes, expected) in [
            ("room", mib(65), 100, Passage::Open),
            ("to the last block", mib(64) + 2 * BLOCK, 100, Passage::Open),
            ("a byte less", mib(64) + 2 * BLOCK - 1, 100, Passage::ShutNow),
            ("still", mib(64), 0, Passage::Shut),
            ("some room is not enough", mib(72) - 1, 100, Passage::Shut),
            ("a file of each camera is", mib(72), 100, Passage::Opened),
            ("and it stays open", mib(66), 0, Passage::Open),
            ("somebody fills the disk", 0, 100, Passage::ShutNow),
            ("it opens by itself", mib(72), 0, Passage::Opened),
        ] {
            assert_eq!(gate.pass(space(free), bytes), expected, "{name}");
        }
        gate.set_files(mib(500));
        assert_eq!(gate.margin(space(0)), mib(16), "a quarter of the floor");
    }
}
