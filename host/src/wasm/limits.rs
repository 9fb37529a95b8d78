//! What one instance may use: processor time, memory, and the size of what it says.
//!
//! Growth beyond the budget is refused, as `memory.grow` allows, and remembered, so that the trap
//! which follows can be told from others.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Memory of an instance where its manifest says nothing: a 720p picture in RGBA with several
/// copies, or a JavaScript engine, fits.
pub const MEMORY_BYTES: u64 = 64 << 20;

/// The most that a manifest can ask for.
pub const MEMORY_BYTES_MAX: u64 = 512 << 20;

/// What a guest may hand over in one call, in bytes of host memory.
pub const ANSWER_BYTES: usize = 4 << 20;

/// Core instances of a store: a Python component holds over a hundred.
pub const INSTANCES: usize = 256;

/// Processor time of a call that looks at pictures or units.
pub const ANALYZE: Duration = Duration::from_millis(250);

/// Processor time of a call of a policy or a source: a decision waits for it.
pub const DECIDE: Duration = Duration::from_millis(50);

/// Processor time of making an instance and its `init`.
pub const INIT: Duration = Duration::from_secs(1);

/// Bytes of the snapshot of an instance.
pub const SNAPSHOT_BYTES: usize = 1 << 20;

/// Events that a listener is told at a time.
pub const NOTICES: usize = 256;

/// Events in one answer.
pub const EVENTS: usize = 256;

/// Regions of an event.
pub const REGIONS: usize = 256;

/// Attributes of anything.
pub const ATTRIBUTES: usize = 64;

/// Cameras that an event names.
pub const CAMERAS: usize = 256;

/// Spans in one answer.
pub const SPANS: usize = 64;

/// Events that a span names as its reason.
pub const REASONS: usize = 64;

/// Topics of a source.
pub const TOPICS: usize = 64;

/// Bytes of an id, a key, a label or the name of a camera.
pub const NAME_BYTES: usize = 128;

/// Bytes of the kind of an event.
pub const KIND_BYTES: usize = 64;

/// Bytes of a span's label, a correlation or a topic.
pub const LABEL_BYTES: usize = 256;

/// Bytes of a qualified event id: camera, plugin and run before the guest's own.
pub const QUALIFIED_BYTES: usize = 512;

/// Bytes of a text attribute.
pub const TEXT_BYTES: usize = 4 << 10;

/// Bytes of a binary or JSON attribute.
pub const BLOB_BYTES: usize = 64 << 10;

/// The longest span. A policy that wants more asks again while it runs.
pub const SPAN_LENGTH: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How far ahead a span may begin: a week, for schedules.
pub const SPAN_LEAD: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The shortest time between ticks of a source.
pub const TICK_MIN: Duration = Duration::from_millis(100);

/// Bytes of a log line; the rest is cut off.
pub const LOG_BYTES: usize = 4 << 10;

/// Log lines of an instance in a second.
pub const LOG_LINES: u32 = 100;

/// Names of metrics of an instance.
pub const METRICS: usize = 64;

/// Bytes of the name of a metric.
pub const METRIC_BYTES: usize = 64;

/// Sides of a part of a picture, in pixels.
pub const CROP_SIDE: RangeInclusive<u32> = 2..=4096;

/// Bytes of a part of a picture: a 4K one in I420 fits, and leaves the guest room to look at it.
pub const CROP_BYTES: usize = 16 << 20;

/// What wasmtime needs for an element of a table.
const ELEMENT_BYTES: u64 = 8;

/// Memory of all instances of a host where nobody says: thirty-two that take all they may.
pub const HOST_MEMORY_BYTES: u64 = 2 << 30;

/// The memory of all instances of one engine.
#[derive(Debug)]
pub(super) struct Budget {
    limit_bytes: AtomicU64,
    used_bytes: AtomicU64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { limit_bytes: AtomicU64::new(HOST_MEMORY_BYTES), used_bytes: AtomicU64::new(0) }
    }
}

impl Budget {
    pub(super) fn set_limit(&self, limit_bytes: u64) {
        self.limit_bytes.store(limit_bytes, Ordering::Relaxed);
    }

    pub(super) fn limit_bytes(&self) -> u64 {
        self.limit_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> bool {
        let limit = self.limit_bytes();
        let taken = |used: u64| used.checked_add(bytes).filter(|used| *used <= limit);
        self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Whose limit refused a growth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The instance's own.
    Own,
    /// That of all instances together.
    Host,
}

/// The memory of one store: one budget over all memories and tables.
#[derive(Debug)]
pub(super) struct Memory {
    limit_bytes: u64,
    used_bytes: u64,
    peak_bytes: u64,
    refused: Option<Refused>,
    budget: Arc<Budget>,
}

impl Memory {
    pub(super) fn new(limit_bytes: u64, budget: Arc<Budget>) -> Self {
        Self { limit_bytes, used_bytes: 0, peak_bytes: 0, refused: None, budget }
    }

    /// The most that was in use.
    pub(super) fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    pub(super) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// Whose limit refused growth since this was asked last.
    pub(super) fn take_refused(&mut self) -> Option<Refused> {
        self.refused.take()
    }

    fn grow(&mut self, current: u64, desired: u64) -> bool {
        let more = desired.saturating_sub(current);
        let used = self.used_bytes.saturating_add(more);
        if used > self.limit_bytes {
            self.refused = Some(Refused::Own);
            return false;
        }
        if !self.budget.take(more) {
            self.refused = Some(Refused::Host);
            return false;
        }
        self.used_bytes = used;
        self.peak_bytes = self.peak_bytes.max(used);
        true
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.budget.give_back(self.used_bytes);
    }
}

impl ResourceLimiter for Memory {
    /// A growth beyond the memory's own maximum fails afterwards and stays counted: it costs the
    /// guest budget that it could not use anyway.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(current as u64, desired as u64))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let bytes = |elements: usize| (elements as u64).saturating_mul(ELEMENT_BYTES);
        Ok(self.grow(bytes(current), bytes(desired)))
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn memories(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        INSTANCES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_budget_over_memories_and_tables() {
        let mut memory = Memory::new(1000, Arc::default());
        assert!(memory.memory_growing(0, 600, None).unwrap());
        assert!(memory.table_growing(0, 40, None).unwrap());
        assert_eq!(memory.take_refused(), None);
        assert!(!memory.memory_growing(600, 700, None).unwrap(), "320 + 700 is too much");
        assert_eq!(memory.take_refused(), Some(Refused::Own));
        assert_eq!(memory.take_refused(), None);
        assert!(memory.memory_growing(600, 680, None).unwrap());
        assert_eq!(memory.peak_bytes(), 1000);
        assert!(!memory.table_growing(0, usize::MAX, None).unwrap());
    }

    #[test]
    fn all_instances_share_the_budget_of_their_host_and_give_it_back() {
        let budget = Arc::new(Budget::default());
        budget.set_limit(1500);
        let mut one = Memory::new(1000, budget.clone());
        let mut other = Memory::new(1000, budget.clone());
        assert!(one.memory_growing(0, 900, None).unwrap());
        assert!(!other.memory_growing(0, 700, None).unwrap());
        assert_eq!(other.take_refused(), Some(Refused::Host));
        drop(one);
        assert_eq!(budget.used_bytes(), 0);
        assert!(other.memory_growing(0, 700, None).unwrap());
        drop(other);
        assert_eq!(budget.used_bytes(), 0);
    }
}
