//! What follows a fault: wait and build another instance, or quarantine.
//!
//! Pure: times in, a decision out.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::base::retry::Backoff;

/// So many faults within [`WINDOW`], and the plugin is quarantined on its camera.
const FAULTS_MAX: usize = 5;

/// Faults further apart do not add up.
const WINDOW: Duration = Duration::from_secs(600);

/// After so long without a fault the back-off starts again.
const HEALTH: Duration = Duration::from_secs(60);

/// What to do about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Build another instance after this wait.
    Rebuild(Duration),
    /// Leave it down until a person or a new component comes.
    Quarantine,
}

/// The faults of one plugin on one camera.
#[derive(Debug)]
pub struct Ladder {
    backoff: Backoff,
    faults: VecDeque<Instant>,
}

impl Ladder {
    /// No fault yet.
    pub fn new(seed: u64) -> Self {
        let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30), seed);
        Self { backoff, faults: VecDeque::new() }
    }

    /// Takes a fault.
    pub fn fault(&mut self, now: Instant) -> Next {
        if self.faults.back().is_some_and(|last| now - *last >= HEALTH) {
            self.backoff.reset();
        }
        self.faults.retain(|fault| now - *fault < WINDOW);
        self.faults.push_back(now);
        if self.faults.len() >= FAULTS_MAX {
            return Next::Quarantine;
        }
        Next::Rebuild(self.backoff.wait())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_faults_in_ten_minutes_quarantine() {
        let start = Instant::now();
        let mut ladder = Ladder::new(1);
        for minute in 0..4 {
            let next = ladder.fault(start + Duration::from_secs(60 * minute));
            assert!(matches!(next, Next::Rebuild(wait) if wait <= Duration::from_millis(200)));
        }
        assert_eq!(ladder.fault(start + Duration::from_secs(300)), Next::Quarantine);
    }

    #[test]
    fn old_faults_are_forgotten() {
        let start = Instant::now();
        let mut ladder = Ladder::new(1);
        for n in 0..20 {
            let next = ladder.fault(start + Duration::from_secs(200 * n));
            assert!(matches!(next, Next::Rebuild(_)), "fault {n}");
        }
    }
}
