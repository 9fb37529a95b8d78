//! Waiting for a condition, with a deadline. The only file of the tests that knows the time.

use std::time::{Duration, Instant};

use wardline::base::Timestamp;
use wardline::base::clock::{self, Clock as _};

/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks at `condition` until it gives a value. Panics, naming `what`, at the deadline.
pub fn until<T>(what: &str, deadline: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let watch = Watch::start();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(watch.elapsed() < deadline, "{what}: not within {deadline:?}");
        pause();
    }
}

/// The time of day, UTC.
pub fn now() -> Timestamp {
    clock::System.wall()
}

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub struct Watch(Instant);

impl Watch {
    /// From now on.
    #[allow(clippy::disallowed_methods, reason = "real processes run on real time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[allow(clippy::disallowed_methods, reason = "between two looks at something outside the process")]
fn pause() {
    std::thread::sleep(PAUSE);
}
