//! The clock of a replay: follows tokio's paused one, and shows exactly the recorded moment while
//! what was recorded is judged.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::base::Timestamp;
use crate::base::clock::Clock;

/// The step of tokio's timers. Every input has one of its own, so that all that follows from it is
/// done before the next one comes.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// Never goes back.
pub(super) struct Stepped {
    origin: Instant,
    start: Timestamp,
    /// The latest moment shown; held for a comparison only.
    shown: Mutex<Timestamp>,
}

impl Stepped {
    /// Shows `start` now.
    pub(super) fn starting_at(start: Timestamp) -> Self {
        Self { origin: Instant::now(), start, shown: Mutex::new(start) }
    }

    /// When an input of `time` is due: later than the one before, which was due at `last`.
    pub(super) fn due(&self, time: Timestamp, last: Option<Instant>) -> Instant {
        let millis = u64::try_from(time.micros_since(self.start)).unwrap_or(0) / 1000;
        let due = self.origin + Duration::from_millis(millis);
        due.max(last.map_or(self.origin, |last| last) + TICK)
    }

    /// Shows `time`, or what was shown before if that was later.
    pub(super) fn show(&self, time: Timestamp) {
        let mut shown = self.shown.lock().expect("no panic under this lock");
        *shown = time.max(*shown);
    }
}

impl Clock for Stepped {
    /// A tick behind the timers: a wake comes after what was received at the same moment.
    fn wall(&self) -> Timestamp {
        let mut shown = self.shown.lock().expect("no panic under this lock");
        *shown = shown.max(self.start + self.origin.elapsed().saturating_sub(TICK));
        *shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn shows_what_was_recorded_and_then_goes_on() {
        let start = Timestamp::from_millis(1_000_000);
        let clock = Stepped::starting_at(start);
        assert_eq!(clock.wall(), start);
        let recorded = start.offset(5_300);
        let due = clock.due(recorded, None);
        tokio::time::sleep_until(due).await;
        clock.show(recorded);
        assert_eq!(clock.wall(), recorded);
        // At the same moment, and yet a tick later.
        assert_eq!(clock.due(recorded, Some(due)), due + TICK);
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(clock.wall(), start.offset(14_000));
        clock.show(start);
        assert_eq!(clock.wall(), start.offset(14_000));
    }
}
