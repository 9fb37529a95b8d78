//! The time by which age is judged, the same for all who delete or move by it.
//!
//! Reads both clocks, and shows each reading to the guard before anything is judged by it: a jump
//! of the wall clock is noticed by whoever reads next. Tells when the guard begins and ends.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::time::Instant;

use super::guard::{Guard, Guarded};
use crate::base::Timestamp;
use crate::base::clock::Clock;

/// One reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Now {
    /// What the wall clock shows.
    pub(in super::super) wall: Timestamp,
    /// The time by which age is judged, at the latest that.
    pub(in super::super) guarded: Timestamp,
}

/// What reads the clocks.
pub(in super::super) struct Age {
    clock: Arc<dyn Clock>,
    /// Opened for a person's wish: time does not pass.
    visit: bool,
    /// The guard, and what both clocks showed when they were read last.
    seen: Mutex<(Guard, (Instant, Timestamp))>,
    told: watch::Sender<Option<Guarded>>,
}

impl Age {
    /// Goes on from where `guard` was when the clocks showed `opened`.
    pub(in super::super) fn new(
        clock: Arc<dyn Clock>,
        guard: Guard,
        opened: (Instant, Timestamp),
        visit: bool,
    ) -> Self {
        let told = watch::Sender::new(guard.guarded());
        Self { clock, visit, seen: Mutex::new((guard, opened)), told }
    }

    /// Whether age is guarded, and changes of that.
    pub(in super::super) fn subscribe(&self) -> watch::Receiver<Option<Guarded>> {
        self.told.subscribe()
    }

    /// Reads the clocks.
    pub(in super::super) fn read(&self) -> Now {
        self.with(|guard, wall| Now { wall, guarded: guard.age(wall) })
    }

    /// The host runs at this moment: when that is, and what is to be remembered of the guard.
    pub(in super::super) fn note(&self) -> (Timestamp, String) {
        self.with(|guard, wall| {
            guard.run();
            (wall, guard.note())
        })
    }

    /// A person says that the clock is right. Gives what was guarded until then, and what is to be
    /// remembered of the guard.
    pub(in super::super) fn confirm(&self) -> (Option<Guarded>, String) {
        self.with(|guard, wall| {
            let before = guard.guarded();
            guard.confirm(wall);
            (before, guard.note())
        })
    }

    /// Does something with the guard and what the wall clock shows.
    fn with<T>(&self, does: impl FnOnce(&mut Guard, Timestamp) -> T) -> T {
        let mut seen = self.seen.lock().expect("no panic under this lock");
        let (guard, before) = &mut *seen;
        let now = self.clock.moment();
        if !self.visit {
            guard.pass(now.1.micros_since(before.1), now.0 - before.0, now.1);
        }
        *before = now;
        let result = does(guard, now.1);
        self.tell(guard.guarded());
        result
    }

    fn tell(&self, now: Option<Guarded>) {
        let behind = |guarded: &Option<Guarded>| guarded.map(|one| one.behind);
        let changed = self.told.send_if_modified(|told| {
            let changed = behind(told) != behind(&now);
            if changed {
                *told = now;
            }
            changed
        });
        match now {
            _ if !changed => {}
            Some(Guarded { behind, left, .. }) => tracing::warn!(
                behind_s = behind.as_secs(),
                ends_in_s = left.as_secs(),
                "the clock has jumped ahead: nothing goes by age as if it had not, until the new \
                 time has stood, or `wardline recordings confirm-time`"
            ),
            None => tracing::info!("what is old goes by the clock again"),
        }
    }
}
