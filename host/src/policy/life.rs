//! What a policy's stage knows of the instance in charge: what it has open, when it wants to be woken.

use std::time::Duration;

use tokio::time::Instant;

use super::asking::Asking;
use crate::base::Timestamp;
use crate::base::clock::Clock;
use crate::events::lifecycle::Lifecycle;

/// A wake comes no sooner than this after the one before.
pub(super) const WAKE_INTERVAL: Duration = Duration::from_millis(10);

/// A wall clock that is further back than this has stepped.
const STEP_BACK_MICROS: i64 = 1_000_000;

/// One life of an instance.
pub(super) struct Life {
    pub(super) events: Lifecycle,
    pub(super) wake: Option<Timestamp>,
    /// The latest wall time so far.
    pub(super) seen: Timestamp,
    /// When it was last woken. Monotonic: a step of the wall clock delays no wake.
    pub(super) woken: Instant,
    /// Once a wake is due: so many things in the queue came before it.
    pub(super) ahead: Option<usize>,
    pub(super) asking: Asking,
}

impl Life {
    /// The wake has come, and so has all that was waiting in the queue at that moment.
    pub(super) fn is_due(&mut self, clock: &dyn Clock, waiting: usize) -> bool {
        let now = clock.wall();
        // Where the clock stepped back, a wake may mean a moment that is long past: better early
        // than an hour late.
        let back = self.seen.micros_since(now) > STEP_BACK_MICROS;
        self.seen = if back { now } else { self.seen.max(now) };
        if back {
            self.wake = self.wake.map(|wake| wake.min(now));
        }
        let due = self.wake.is_some_and(|wake| wake <= now);
        due && self.woken.elapsed() >= WAKE_INTERVAL && *self.ahead.get_or_insert(waiting) == 0
    }
}
