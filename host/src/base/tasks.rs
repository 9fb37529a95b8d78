//! Every task has a name and an owner, and is awaited.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of one owner, and the signal that ends them.
#[derive(Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    shutdown: CancellationToken,
    /// Names of what runs, by number of start; guarded so that `wait` can say what is left.
    running: Arc<Mutex<(u64, BTreeMap<u64, String>)>>,
}

impl Tasks {
    /// No task yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tasks that end when these end, and can be ended and awaited by themselves.
    pub fn child(&self) -> Self {
        Self { shutdown: self.shutdown.child_token(), ..Self::default() }
    }

    /// Cancelled when the owner wants its tasks to end.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Runs `task` until it ends by itself. A panic is a bug of ours: it is logged, and ends
    /// only this task.
    #[allow(clippy::disallowed_methods, reason = "the one place that spawns: named and tracked")]
    pub fn spawn(&self, name: impl Into<String>, task: impl Future<Output = ()> + Send + 'static) {
        let name = name.into();
        let number = {
            let mut running = self.running.lock().expect("no panic under this lock");
            running.0 += 1;
            let number = running.0;
            running.1.insert(number, name.clone());
            number
        };
        let running = self.running.clone();
        let inner = self.tracker.spawn(task);
        self.tracker.spawn(async move {
            if let Err(error) = inner.await
                && error.is_panic()
            {
                tracing::error!(task = name, "task panicked: this is a bug, please report it");
            }
            running.lock().expect("no panic under this lock").1.remove(&number);
        });
    }

    /// How many tasks run now.
    pub fn count(&self) -> usize {
        self.running.lock().expect("no panic under this lock").1.len()
    }

    /// Tells all tasks to end and waits for them, at most `bound`. Gives the names of those that
    /// still run then.
    pub async fn end(&self, bound: Duration) -> Vec<String> {
        self.shutdown.cancel();
        self.wait(bound).await
    }

    /// Waits until all tasks have ended by themselves, at most `bound`.
    pub async fn wait(&self, bound: Duration) -> Vec<String> {
        self.tracker.close();
        if tokio::time::timeout(bound, self.tracker.wait()).await.is_ok() {
            return Vec::new();
        }
        let running = self.running.lock().expect("no panic under this lock");
        running.1.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn end_names_what_is_left() {
        let tasks = Tasks::new();
        let shutdown = tasks.shutdown().clone();
        tasks.spawn("polite", async move { shutdown.cancelled().await });
        tasks.spawn("deaf", std::future::pending());
        assert_eq!(tasks.end(Duration::from_secs(1)).await, ["deaf"]);
    }

    #[tokio::test]
    async fn a_panic_ends_only_its_task() {
        let tasks = Tasks::new();
        tasks.spawn("broken", async { panic!("on purpose") });
        assert!(tasks.wait(Duration::from_secs(5)).await.is_empty());
    }
}
