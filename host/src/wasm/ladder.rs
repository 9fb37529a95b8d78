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
    /// When it last had to wait.
    last: Option<Instant>,
}

impl Ladder {
    /// No fault yet.
    pub fn new(seed: u64) -> Self {
        let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30), seed);
        Self { backoff, faults: VecDeque::new(), last: None }
    }

    /// Takes a fault of the plugin's.
    pub fn fault(&mut self, now: Instant) -> Next {
        self.faults.retain(|fault| now - *fault < WINDOW);
        self.faults.push_back(now);
        if self.faults.len() >= FAULTS_MAX {
            return Next::Quarantine;
        }
        self.hindrance(now)
    }

    /// Takes what is not the plugin's fault: it waits as after one, and is never given up for it.
    pub fn hindrance(&mut self, now: Instant) -> Next {
        if self.last.replace(now).is_some_and(|last| now - last >= HEALTH) {
            self.backoff.reset();
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
    fn what_hinders_it_is_waited_for_and_does_not_count() {
        let start = Instant::now();
        let mut ladder = Ladder::new(1);
        let mut now = start;
        for n in 0..20 {
            let Next::Rebuild(wait) = ladder.hindrance(now) else { panic!("hindrance {n}") };
            assert!(n < 10 || wait > Duration::from_secs(20), "it waits longer and longer");
            now += wait;
        }
        for _ in 0..4 {
            assert!(matches!(ladder.fault(now), Next::Rebuild(_)));
        }
        assert_eq!(ladder.fault(now), Next::Quarantine);
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
