//! The end of a store, as far as it is waited for.

use std::time::Duration;

use tokio::sync::oneshot;

use super::Store;
use super::writer::Letter;

/// How long the end may take where nobody says otherwise.
pub(super) const END: Duration = Duration::from_millis(1900);

impl Store {
    /// Closes all files and brings them to the medium; events, spans and holds are still taken.
    /// Waits at most `bound`. [`shutdown`](Self::shutdown_within) comes next.
    pub async fn finish(&self, bound: Duration) {
        let written = {
            let mut threads = self.threads.lock().expect("no panic under this lock");
            threads.as_mut().and_then(|threads| threads.written.take())
        };
        let Some(written) = written else { return };
        // An ended writer has nothing left to stop.
        let _ = self.writer.post(Letter::Stop);
        // Nothing is ever sent: the writer's end is the message.
        let ended = move || {
            let _gone = written.recv();
        };
        if !in_time(bound, ended).await {
            tracing::error!(
                store = %self.config.path.display(),
                "files were not closed in time: the next start repairs what is open"
            );
        }
    }

    /// As [`shutdown_within`](Self::shutdown_within), within 1.9 s.
    pub async fn shutdown(&self) {
        self.shutdown_within(END).await;
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
