//! The end of a store: its threads, in the order in which they end, and how long that is waited
//! for.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::fs::Lock;
use super::index::thread::Indexer;
use super::index::{failed, retain};
use super::journal::drain::{Drain, End};
use super::scrub::Scrub;
use super::writer::Letter;
use super::{Store, writers};
use crate::base::clock::Clock;

/// How long the end may take where nobody says otherwise.
pub(super) const END: Duration = Duration::from_millis(1900);

/// All threads of a store.
pub(super) struct Threads {
    pub(super) writers: writers::Threads,
    pub(super) sweep: JoinHandle<()>,
    pub(super) mover: JoinHandle<()>,
    pub(super) scrub: Option<Scrub>,
    pub(super) journal: Drain,
    pub(super) index: JoinHandle<()>,
    /// Held until the last of them has ended, so that another store can be opened then.
    pub(super) locks: Vec<Lock>,
}

impl Threads {
    /// Waits for all, the index last of those that need it. A thread that panicked has said so.
    pub(super) fn join(mut self, indexer: &Indexer, end: End, clock: Option<&Arc<dyn Clock>>) {
        self.writers.join_writers();
        let _ = self.sweep.join();
        let _ = self.mover.join();
        if let Some(scrub) = self.scrub {
            scrub.end();
        }
        if let Some(clock) = clock {
            let now = clock.wall();
            indexer.post_idle(move |c| retain::set_alive(c, now).map_err(failed("note the time")));
        }
        if end == End::Complete {
            // What the threads above have left is done, so that the journal is told of it.
            let _ = indexer.ask_blocking(|_| Ok(()));
        }
        self.journal.end(end);
        indexer.close();
        let _ = self.index.join();
        self.writers.join_syncs();
        drop(self.locks);
    }
}

impl Store {
    /// Closes all files and brings them to the medium; events, spans and holds are still taken.
    /// Waits at most `bound`. [`shutdown`](Self::shutdown_within) comes next.
    pub async fn finish(&self, bound: Duration) {
        let written = {
            let mut threads = self.threads.lock().expect("no panic under this lock");
            threads.as_mut().and_then(|threads| threads.writers.written.take())
        };
        let Some(written) = written else { return };
        self.writers.tell(|| Letter::Stop);
        // Nothing is ever sent: a writer's end is the message.
        let ended = move || {
            for writer in written {
                let _gone = writer.recv();
            }
        };
        if !in_time(bound, ended).await {
            tracing::error!(
                store = %self.config.path.display(),
                "files were not closed in time: the next start repairs what is open"
            );
        }
    }

    /// Closes all files, brings everything to the medium and ends the threads. What is not done
    /// within `bound` is left to the next start's repair, and named in the log.
    pub async fn shutdown_within(&self, bound: Duration) {
        let (clock, indexer) = (self.clock.clone(), self.indexer.clone());
        let visit = self.config.visit;
        let Some(threads) = self.take_threads() else { return };
        self.writers.tell(|| Letter::Stop);
        self.requests.close();
        self.moves.close();
        let join = move || threads.join(&indexer, End::Complete, (!visit).then_some(&clock));
        if !in_time(bound, join).await {
            tracing::error!(
                store = %self.config.path.display(),
                "the disk did not finish in time: the next start repairs what is open"
            );
        }
    }

    /// As [`shutdown_within`](Self::shutdown_within), within 1.9 s.
    pub async fn shutdown(&self) {
        self.shutdown_within(END).await;
    }

    fn take_threads(&self) -> Option<Threads> {
        self.threads.lock().expect("no panic under this lock").take()
    }
}

impl Drop for Store {
    /// Without `shutdown`, everything is left as a power cut would leave it.
    fn drop(&mut self) {
        let Some(threads) = self.take_threads() else { return };
        self.writers.tell(|| Letter::Abandon);
        self.requests.close();
        self.moves.close();
        threads.join(&self.indexer, End::Abandoned, None);
    }
}

/// Runs `work` on a thread of its own. Gives whether it ended within `bound` of the disk's time,
/// which goes on where a test has paused tokio's.
pub(super) async fn in_time(bound: Duration, work: impl FnOnce() + Send + 'static) -> bool {
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
            let _ = told.send(ended.recv_timeout(bound).is_ok());
        }),
    );
    started && tell.await.unwrap_or(false)
}
