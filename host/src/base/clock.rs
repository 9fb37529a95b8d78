//! The only place that reads the system's clocks.
//!
//! Two kinds of time: the wall clock (UTC, may step) comes from a [`Clock`], which is passed to
//! whoever needs it; the monotonic clock is `tokio::time::Instant`, which tests pause and advance.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::Timestamp;

/// A wall clock.
pub trait Clock: Send + Sync + 'static {
    /// The time of day, UTC. May step in either direction.
    fn wall(&self) -> Timestamp;

    /// Both clocks at one moment: the monotonic one, and this.
    fn moment(&self) -> (Instant, Timestamp) {
        (Instant::now(), self.wall())
    }
}

/// The machine's own clock.
pub struct System;

impl Clock for System {
    #[allow(clippy::disallowed_methods, reason = "the one reader of the system's wall clock")]
    fn wall(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::ZERO + since
    }
}

/// Waits until `at`; for ever, where there is nothing to wait for.
pub async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// A clock for tests: follows tokio's (pausable) monotonic clock and steps when told to.
pub struct Simulated {
    start: Instant,
    /// Wall time at `start`, microseconds since the epoch.
    base_micros: AtomicI64,
}

impl Simulated {
    /// Shows `now` at this moment of tokio's clock.
    pub fn starting_at(now: Timestamp) -> Self {
        Self { start: Instant::now(), base_micros: AtomicI64::new(now.micros()) }
    }

    /// Sets the clock forward, or back, by so many microseconds.
    pub fn step(&self, micros: i64) {
        self.base_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for Simulated {
    fn wall(&self) -> Timestamp {
        Timestamp::from_micros(self.base_micros.load(Ordering::Relaxed)) + self.start.elapsed()
    }
}

/// Until what this gives is dropped, tokio's paused time goes on only where a test advances it: else it
/// moves by itself whenever all tasks wait, be it for bytes, for the index or for another thread.
#[cfg(test)]
pub(crate) fn still() -> std::sync::mpsc::SyncSender<()> {
    let (still, held) = std::sync::mpsc::sync_channel(0);
    tokio::task::spawn_blocking(move || held.recv());
    still
}
