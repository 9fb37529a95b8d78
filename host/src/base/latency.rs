//! How long calls take: how many there were, their mean, and what most of them keep below.
//!
//! Counts in steps of a quarter of an octave, from a microsecond on: a percentile is at most a fifth
//! too large. Lock-free, so that it can be counted on any thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Steps in an octave.
const STEPS: usize = 4;

/// From 1 microsecond to 17 s.
const OCTAVES: usize = 24;

/// Bounds of the steps in an octave, in parts of its beginning, as 2^(n/4) in 1/1024.
const BOUNDS: [u64; STEPS] = [1218, 1448, 1722, 2048];

/// The lengths of calls.
#[derive(Debug)]
pub struct Latencies {
    steps: [AtomicU64; OCTAVES * STEPS],
    total_nanos: AtomicU64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { steps: std::array::from_fn(|_| AtomicU64::new(0)), total_nanos: AtomicU64::new(0) }
    }
}

/// What can be said of the lengths of calls so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// How many.
    pub count: u64,
    /// Zero where there were none.
    pub mean: Duration,
    /// Half of them were not longer.
    pub p50: Duration,
    /// 99 of 100 were not longer.
    pub p99: Duration,
}

impl Latencies {
    /// Counts a call.
    pub fn count(&self, length: Duration) {
        let nanos = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        self.steps[step(nanos)].fetch_add(1, Ordering::Relaxed);
        self.total_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// All calls so far. Calls that are counted meanwhile may be in part of it.
    pub fn summary(&self) -> Summary {
        let steps: Vec<u64> = self.steps.iter().map(|step| step.load(Ordering::Relaxed)).collect();
        let count: u64 = steps.iter().sum();
        if count == 0 {
            return Summary::default();
        }
        let below = |percent: u64| {
            let rank = (count * percent).div_ceil(100).max(1);
            let mut seen = 0;
            let at = steps.iter().position(|calls| {
                seen += calls;
                seen >= rank
            });
            Duration::from_nanos(bound(at.unwrap_or(0)))
        };
        let mean = Duration::from_nanos(self.total_nanos.load(Ordering::Relaxed) / count);
        Summary { count, mean, p50: below(50), p99: below(99) }
    }
}

/// The step whose bound is the first not below `nanos`.
fn step(nanos: u64) -> usize {
    let last = OCTAVES * STEPS - 1;
    let octave = (nanos / 1000).max(1).ilog2() as usize;
    let from = (octave * STEPS).min(last);
    (from..last).find(|step| bound(*step) >= nanos).unwrap_or(last)
}

/// The longest call of a step, in nanoseconds.
fn bound(step: usize) -> u64 {
    (1000 << (step / STEPS)) * BOUNDS[step % STEPS] / 1024
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentiles_and_mean() {
        let latencies = Latencies::default();
        assert_eq!(latencies.summary(), Summary::default());
        for _ in 0..980 {
            latencies.count(Duration::from_micros(100));
        }
        for _ in 0..20 {
            latencies.count(Duration::from_millis(40));
        }
        let summary = latencies.summary();
        assert_eq!((summary.count, summary.mean), (1000, Duration::from_micros(898)));
        assert!((100..120).contains(&summary.p50.as_micros()), "{summary:?}");
        assert!((40_000..48_000).contains(&summary.p99.as_micros()), "{summary:?}");
        latencies.count(Duration::MAX);
        latencies.count(Duration::ZERO);
        assert_eq!(latencies.summary().count, 1002);
    }

    proptest! {
        #[test]
        fn a_step_holds_its_lengths(nanos in 1000_u64..10_000_000_000) {
            let step = step(nanos);
            prop_assert!(bound(step) >= nanos && bound(step) <= nanos + nanos / 5 + 10);
            prop_assert!(step == 0 || bound(step - 1) < nanos);
        }
    }
}
