//! How long to wait before trying again: doubling, bounded, with jitter, forgotten after health.

use std::time::Duration;

/// Exponential back-off with jitter.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
    random: fastrand::Rng,
}

impl Backoff {
    /// Waits of `first`, twice that and so on up to `most`, each shortened by up to a quarter so
    /// that many clients of one server do not come back together.
    pub fn new(first: Duration, most: Duration, seed: u64) -> Self {
        Self { first, most, next: first, random: fastrand::Rng::with_seed(seed) }
    }

    /// The next wait.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (self.next * 2).min(self.most);
        wait.mul_f64(1.0 - 0.25 * self.random.f64())
    }

    /// Starts again from the first wait: the thing has been well.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_the_bound_and_starts_again() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30), 7);
        for expected in [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
            let wait = backoff.wait().as_secs_f64();
            assert!(wait <= expected && wait >= expected * 0.75, "{wait} for {expected}");
        }
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_secs(1));
    }
}
