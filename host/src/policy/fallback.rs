//! When a camera fails open: nobody healthy has judged it for a while, so everything is kept.
//!
//! Pure: health and times in, a decision out.

use std::time::Duration;

use tokio::time::Instant;

/// So long without a healthy judge, and the camera fails open.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// So long of health, and it closes again.
pub const RECOVERY: Duration = Duration::from_secs(10);

/// What the camera's recorder does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The judges decide.
    Judged,
    /// Everything is kept, from this moment on, which lies in the past.
    Open {
        /// Start of the outage.
        since: Instant,
    },
}

/// Watches the health of a camera's judges.
#[derive(Debug)]
pub struct Fallback {
    patience: Duration,
    unhealthy_since: Option<Instant>,
    healthy_since: Option<Instant>,
    /// Start of the outage that is not over before [`RECOVERY`]: a judge that falls again at once
    /// has served nobody in between.
    outage: Option<Instant>,
    open: Option<Instant>,
}

impl Fallback {
    /// At the host's start, nobody has been healthy yet: `grace` is how long the pre-roll ring
    /// can reach back, and so how long a start may take before anything is lost.
    pub fn new(now: Instant, grace: Duration) -> Self {
        Self {
            patience: grace.max(PATIENCE),
            unhealthy_since: Some(now),
            healthy_since: None,
            outage: None,
            open: None,
        }
    }

    /// Takes the present health, gives the decision.
    pub fn observe(&mut self, healthy: bool, now: Instant) -> Decision {
        if healthy {
            let since = *self.healthy_since.get_or_insert(now);
            self.unhealthy_since = None;
            self.patience = PATIENCE;
            if now - since >= RECOVERY {
                self.outage = None;
                self.open = None;
            }
        } else {
            if self.healthy_since.take().is_some_and(|since| now - since >= RECOVERY) {
                self.outage = None;
            }
            // The wait for the first health is no outage.
            let since = match self.unhealthy_since {
                Some(since) => since,
                None => *self.outage.get_or_insert(now),
            };
            self.unhealthy_since = Some(since);
            if now - since >= self.patience {
                self.open.get_or_insert(since);
            }
        }
        match self.open {
            Some(since) => Decision::Open { since },
            None => Decision::Judged,
        }
    }

    /// When the decision may change if the health does not.
    pub fn deadline(&self) -> Option<Instant> {
        match (self.open, self.unhealthy_since, self.healthy_since) {
            (None, Some(since), _) => Some(since + self.patience),
            (Some(_), _, Some(since)) => Some(since + RECOVERY),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Health from each second on, and the decision expected at that second.
    fn check(grace: u64, steps: &[(u64, bool, Option<u64>)]) {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut fallback = Fallback::new(start, Duration::from_secs(grace));
        for &(second, healthy, open_since) in steps {
            let expected = match open_since {
                Some(since) => Decision::Open { since: at(since) },
                None => Decision::Judged,
            };
            assert_eq!(fallback.observe(healthy, at(second)), expected, "at {second} s");
        }
    }

    #[test]
    fn opens_after_five_seconds_from_the_start_of_the_outage() {
        check(
            60,
            &[
                (1, true, None),
                (20, false, None),
                (24, false, None),
                (25, false, Some(20)),
                (40, false, Some(20)),
                (41, true, Some(20)),
                (50, true, Some(20)),
                (51, true, None),
            ],
        );
    }

    #[test]
    fn a_relapse_during_recovery_keeps_it_open() {
        check(
            5,
            &[(5, false, Some(0)), (6, true, Some(0)), (9, false, Some(0)), (19, true, Some(0))],
        );
    }

    #[test]
    fn a_judge_that_falls_again_and_again_has_not_served() {
        check(
            60,
            &[
                (1, true, None),
                (20, false, None),
                (21, true, None),
                (23, false, None),
                (24, true, None),
                (26, false, Some(20)),
                (27, true, Some(20)),
                (37, true, None),
                (50, false, None),
                (54, false, None),
                (55, false, Some(50)),
            ],
        );
    }

    #[test]
    fn a_start_has_the_grace_of_the_ring() {
        check(60, &[(5, false, None), (59, false, None), (60, false, Some(0))]);
    }
}
