//! Makes guests look at their deadlines: advances the engine's epoch while a call is in flight.
//!
//! Knows neither deadlines nor guests. Parked when nothing runs, so that an idle host does not wake
//! two hundred times a second.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::base::{Error, Result};

/// Time between two looks at a deadline.
const PERIOD: Duration = Duration::from_millis(5);

/// Periods without a call before the thread parks (100 ms): calls come in bursts, and waking the
/// thread for each would cost more than the ticks.
const LINGER_PERIODS: u32 = 20;

/// The thread that ticks. Ends when dropped.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    in_flight: AtomicUsize,
    parked: AtomicBool,
    /// Whether the thread shall end; the condition variable's mutex.
    ended: Mutex<bool>,
    wake: Condvar,
}

/// A call that is being made.
pub(super) struct InFlight<'a>(&'a Shared);

impl Ticker {
    /// Calls `tick` every 5 ms while a call is in flight and 100 ms longer.
    pub(super) fn start(tick: impl Fn() + Send + 'static) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = Builder::new()
            .name("wasm-ticker".into())
            .spawn({
                let shared = shared.clone();
                move || shared.run(tick)
            })
            .map_err(|error| Error::stop("start the thread wasm-ticker").with(error))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Ticks until the answer is dropped.
    pub(super) fn in_flight(&self) -> InFlight<'_> {
        self.shared.in_flight.fetch_add(1, Ordering::SeqCst);
        // Either this sees `parked`, or the thread sees the call before it waits.
        if self.shared.parked.load(Ordering::SeqCst) {
            let _guard = self.shared.ended.lock().expect("no panic under this lock");
            self.shared.wake.notify_one();
        }
        InFlight(&self.shared)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        *self.shared.ended.lock().expect("no panic under this lock") = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, tick: impl Fn()) {
        let mut idle_periods = 0;
        let mut ended = self.ended.lock().expect("no panic under this lock");
        while !*ended {
            if idle_periods > LINGER_PERIODS {
                self.parked.store(true, Ordering::SeqCst);
                while self.in_flight.load(Ordering::SeqCst) == 0 && !*ended {
                    ended = self.wake.wait(ended).expect("no panic under this lock");
                }
                self.parked.store(false, Ordering::SeqCst);
                idle_periods = 0;
                continue;
            }
            ended = self.wake.wait_timeout(ended, PERIOD).expect("no panic under this lock").0;
            tick();
            let busy = self.in_flight.load(Ordering::SeqCst) > 0;
            idle_periods = if busy { 0 } else { idle_periods + 1 };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{RecvTimeoutError, sync_channel};

    use super::*;

    #[test]
    fn ticks_only_while_a_call_is_in_flight() {
        let (sender, ticks) = sync_channel(1);
        let ticker = Ticker::start(move || {
            let _ = sender.try_send(());
        })
        .unwrap();
        let call = ticker.in_flight();
        for _ in 0..3 {
            ticks.recv_timeout(Duration::from_secs(10)).unwrap();
        }
        drop(call);
        // It lingers for 21 periods and then is silent.
        while !ticker.shared.parked.load(Ordering::SeqCst) {
            let _ = ticks.recv_timeout(PERIOD);
        }
        let _ = ticks.try_recv();
        assert_eq!(ticks.recv_timeout(PERIOD * 10), Err(RecvTimeoutError::Timeout));
        let _call = ticker.in_flight();
        ticks.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
