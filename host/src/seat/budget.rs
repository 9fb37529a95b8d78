//! How much of what a plugin says is stored: a bucket that fills slowly, so that nobody writes as fast
//! as the index commits. What does not fit is dropped; who goes on all the same is at fault.

use std::time::Duration;

use tokio::time::Instant;

use super::sit::Seat;
use super::vault::Key;
use crate::base::metrics;
use crate::events::Event;
use crate::policy::Span;
use crate::wasm::supervise::Trouble;
use crate::wasm::{Cause, Fault, Kind};

/// In the long run: over a hundred events a second, with boxes of what is seen. (An event costs half a
/// KiB beside what it says.)
const BYTES_A_SECOND: u32 = 64 << 10;

/// At once: eight of the largest answers, or minutes of a busy street.
const BURST_BYTES: u32 = 32 << 20;

/// So long after the first that was dropped the next is a fault, unless there was room again for half
/// of [`BURST_BYTES`] meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);

/// What may be stored now. Pure: times in.
#[derive(Debug)]
pub(super) struct Budget {
    left_bytes: f64,
    at: Option<Instant>,
    /// When the first was dropped.
    dropping: Option<Instant>,
    is_exceeded: bool,
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Enough,
    /// It is dropped, the first for a while.
    First,
    /// It is dropped.
    None,
}

impl Default for Budget {
    fn default() -> Self {
        let left_bytes = f64::from(BURST_BYTES);
        Self { left_bytes, at: None, dropping: None, is_exceeded: false }
    }
}

impl Budget {
    /// Room for so many bytes, if there is any.
    fn take(&mut self, bytes: f64, now: Instant) -> Room {
        self.fill(now);
        if bytes <= self.left_bytes {
            self.left_bytes -= bytes;
            return Room::Enough;
        }
        let Some(since) = self.dropping else {
            self.dropping = Some(now);
            return Room::First;
        };
        self.is_exceeded |= now - since >= PATIENCE;
        Room::None
    }

    /// So many bytes are stored, room or not.
    fn charge(&mut self, bytes: f64, now: Instant) {
        self.fill(now);
        self.is_exceeded |= bytes > self.left_bytes;
        self.left_bytes = (self.left_bytes - bytes).max(0.0);
    }

    fn fill(&mut self, now: Instant) {
        let passed = self.at.replace(now).map_or(Duration::ZERO, |at| now - at);
        let more = passed.as_secs_f64() * f64::from(BYTES_A_SECOND);
        self.left_bytes = (self.left_bytes + more).min(f64::from(BURST_BYTES));
        self.dropping = self.dropping.filter(|_| self.left_bytes < f64::from(BURST_BYTES) / 2.0);
    }

    /// Whether there was too much since this was asked last.
    fn take_exceeded(&mut self) -> bool {
        let is_exceeded = std::mem::take(&mut self.is_exceeded);
        self.dropping = self.dropping.filter(|_| !is_exceeded);
        is_exceeded
    }
}

impl<T: Kind> Seat<T> {
    /// Those of the events that are stored. The rest is counted; if it goes on like this, the next
    /// input finds the instance at fault.
    pub fn affordable(&mut self, mut events: Vec<Event>) -> Vec<Event> {
        let now = Instant::now();
        events.retain(|event| {
            let copies = event.cameras.len().max(1);
            let room = self.budget.take((event.weight() * copies) as f64, now);
            if room == Room::First {
                tracing::warn!(
                    camera = self.key.camera,
                    plugin = self.key.plugin,
                    "it says more than {} KiB a second, which is not stored: events are dropped",
                    BYTES_A_SECOND >> 10
                );
            }
            if room != Room::Enough {
                let edge = metrics::Edge { camera: self.key.camera.clone(), edge: "say" };
                self.instance.metrics.drops.get_or_create(&edge).inc();
            }
            room == Room::Enough
        });
        events
    }

    /// A span is stored in any case: video must not be lost for it. Where there was no room, the next
    /// input finds the instance at fault.
    pub fn charge(&mut self, span: &Span) {
        self.budget.charge(span.weight() as f64, Instant::now());
    }

    /// What the instance said was too much.
    pub(super) fn excess(&mut self) -> Option<Trouble> {
        let offer = self.offer.as_ref().filter(|_| self.budget.take_exceeded())?;
        let Key { camera, plugin } = self.key.clone();
        let faults = &self.instance.metrics.faults;
        faults.get_or_create(&metrics::Plugin { camera, plugin: plugin.clone() }).inc();
        let fault = Fault {
            plugin,
            version: offer.plugin.manifest().version.clone(),
            camera: self.instance.camera.clone(),
            call: "all that it says",
            cause: Cause::Flood { bytes_a_second: BYTES_A_SECOND.into() },
        };
        Some(fault.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const KIB: f64 = 1024.0;

    #[test]
    fn what_keeps_to_the_rate_is_stored_for_ever() {
        let mut budget = Budget::default();
        let start = Instant::now();
        for second in 0..10_000 {
            let now = start + second * SECOND;
            assert_eq!(budget.take(64.0 * KIB, now), Room::Enough, "second {second}");
        }
        assert!(!budget.take_exceeded());
    }

    #[test]
    fn a_burst_is_stored_and_a_flood_is_dropped_and_then_a_fault() {
        let mut budget = Budget::default();
        let start = Instant::now();
        for _ in 0..BURST_BYTES >> 20 {
            assert_eq!(budget.take(1024.0 * KIB, start), Room::Enough);
        }
        assert_eq!(budget.take(KIB, start), Room::First);
        assert_eq!(budget.take(KIB, start), Room::None);
        assert_eq!(budget.take(65.0 * KIB, start + SECOND), Room::None);
        assert!(!budget.take_exceeded());
        assert_eq!(budget.take(4096.0 * KIB, start + PATIENCE), Room::None);
        assert!(budget.take_exceeded() && !budget.take_exceeded());
        // The next instance has no more room, and as much patience.
        assert_eq!(budget.take(4096.0 * KIB, start + PATIENCE), Room::First);
        assert!(!budget.take_exceeded());
    }

    #[test]
    fn a_burst_now_and_then_is_no_fault() {
        let mut budget = Budget::default();
        let start = Instant::now();
        for hour in 0..10 {
            let now = start + hour * 3600 * SECOND;
            budget.take(f64::from(BURST_BYTES), now);
            assert_eq!(budget.take(KIB, now), Room::First);
            assert_eq!(budget.take(KIB, now), Room::None);
        }
        assert!(!budget.take_exceeded());
    }

    #[test]
    fn a_span_takes_room_whether_or_not_there_is_any() {
        let mut budget = Budget::default();
        let start = Instant::now();
        budget.charge(f64::from(BURST_BYTES), start);
        assert!(!budget.take_exceeded());
        budget.charge(KIB, start);
        assert!(budget.take_exceeded());
        budget.charge(64.0 * KIB, start + SECOND);
        assert!(!budget.take_exceeded());
    }
}
