//! The end of a store: its threads, in the order in which they end, within a bound.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::fs::Lock;
use super::index::thread::Indexer;
use super::index::{failed, retain};
use super::writers;
use crate::base::clock::Clock;

/// Everything must be on the medium so long after shutdown began.
const SHUTDOWN: Duration = Duration::from_millis(1900);

/// All threads of a store.
pub(super) struct Threads {
    pub(super) writers: writers::Threads,
    pub(super) sweep: JoinHandle<()>,
    pub(super) mover: JoinHandle<()>,
    pub(super) index: JoinHandle<()>,
    /// Held until the last of them has ended, so that another store can be opened then.
    pub(super) locks: Vec<Lock>,
}

impl Threads {
    /// Waits for all, the index last of those that need it. A thread that panicked has said so.
    pub(super) fn join(mut self, indexer: &Indexer, clock: Option<&Arc<dyn Clock>>) {
        self.writers.join_writers();
        let _ = self.sweep.join();
        let _ = self.mover.join();
        if let Some(clock) = clock {
            let now = clock.wall();
            indexer.post_idle(move |c| retain::set_alive(c, now).map_err(failed("note the time")));
        }
        indexer.close();
        let _ = self.index.join();
        self.writers.join_syncs();
        drop(self.locks);
    }
}

/// Runs `work` on a thread of its own. Gives whether it ended within [`SHUTDOWN`] of the disk's
/// time, which goes on where a test has paused tokio's.
pub(super) async fn in_time(work: impl FnOnce() + Send + 'static) -> bool {
    let (done, ended) = std::sync::mpsc::sync_channel(1);
    let (told, tell) = oneshot::channel();
    let start = |name: &str, body: Box<dyn FnOnce() + Send>| {
        std::thread::Builder::new().name(name.into()).spawn(body).is_ok()
    };
    let started = start(
        "store-end",
        Box::new(move || {
            work();
            let _ = done.send(());
        }),
    ) && start(
        "store-end-wait",
        Box::new(move || {
            let _ = told.send(ended.recv_timeout(SHUTDOWN).is_ok());
        }),
    );
    started && tell.await.unwrap_or(false)
}
