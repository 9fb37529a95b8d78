//! The thread that owns the connection that writes.
//!
//! Takes pieces of work and runs all that are waiting in one transaction; tells each what became
//! of it only when the transaction is on the medium. Knows no table.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use super::super::mailbox::{Mailbox, Taken};
use crate::base::limits::EVENT_QUEUE;
use crate::base::metrics::Metrics;
use crate::base::{Error, Result};

/// Pieces of work in one transaction at most, so that none waits long for its answer.
const BATCH: usize = 256;

/// Told what became of a piece of work.
type Answer = Box<dyn FnOnce(Result<(), String>) + Send>;
/// Works in the transaction of the batch; without one where none could be begun.
type Work = Box<dyn FnOnce(Option<&Connection>) -> Answer + Send>;

/// The door to the thread. Clones lead to the same one.
#[derive(Clone)]
pub(crate) struct Indexer {
    mailbox: Arc<Mailbox<Work>>,
    /// Bounds the work that tasks have waiting; the writer and the sweeper bound theirs by
    /// themselves.
    permits: Arc<Semaphore>,
}

impl Indexer {
    /// Starts the thread on `connection`. It calls `refused` when the medium takes nothing.
    ///
    /// # Errors
    /// When the machine has no thread to give.
    pub(crate) fn start(
        connection: Connection,
        metrics: Metrics,
        refused: impl Fn() + Send + 'static,
    ) -> Result<(Self, JoinHandle<()>)> {
        let mailbox = Arc::new(Mailbox::default());
        let permits = Arc::new(Semaphore::new(EVENT_QUEUE));
        let indexer = Self { mailbox: mailbox.clone(), permits };
        let thread = std::thread::Builder::new()
            .name("index".into())
            .spawn(move || run(connection, &mailbox, &metrics, refused))
            .map_err(|error| Error::stop("can't start the index thread").with(error))?;
        Ok((indexer, thread))
    }

    /// Does `work`, then says what came of it, once that is durable.
    pub(crate) fn post<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
        then: impl FnOnce(Result<T>) + Send + 'static,
    ) {
        // A closed box drops both: who waits on `then` sees its other end gone.
        let _ = self.mailbox.post(wrap(work, then));
    }

    /// As [`Self::post`], in the company of whatever work comes next.
    pub(crate) fn post_idle<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) {
        let _ = self.mailbox.post_idle(wrap(work, |_| ()));
    }

    /// Does `work` and waits until it is durable. Waits for room first.
    ///
    /// # Errors
    /// As `work` says, or when the commit fails, or after shutdown.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| ended())?;
        let (sender, receiver) = oneshot::channel();
        self.post(work, move |result| {
            drop(permit);
            // Who asked may have gone.
            let _ = sender.send(result);
        });
        receiver.await.map_err(|_| ended())?
    }

    /// As [`Self::ask`], for threads. Never to be called on the index thread.
    pub(crate) fn ask_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = sync_channel(1);
        self.post(work, move |result| {
            let _ = sender.send(result);
        });
        receiver.recv().map_err(|_| ended())?
    }

    /// Ends the thread when what is waiting is done.
    pub(crate) fn close(&self) {
        self.mailbox.close();
    }
}

fn ended() -> Error {
    Error::retry("the store has been shut down")
}

fn wrap<T: Send + 'static>(
    work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    then: impl FnOnce(Result<T>) + Send + 'static,
) -> Work {
    Box::new(move |connection| {
        let none = || Err(Error::retry("begin in the index"));
        let result = connection.map_or_else(none, |connection| in_savepoint(connection, work));
        Box::new(move |committed| {
            then(match committed {
                Ok(()) => result,
                Err(text) => result.and(Err(Error::retry(format!("commit to the index: {text}")))),
            });
        })
    })
}

/// Work that fails leaves nothing behind in the batch.
fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    let step = |sql: &str| {
        let failed = super::failed("run a step");
        connection.prepare_cached(sql).and_then(|mut s| s.execute([])).map_err(failed)
    };
    step("SAVEPOINT work")?;
    let result = work(connection);
    if result.is_err() {
        step("ROLLBACK TO work")?;
    }
    step("RELEASE work")?;
    result
}

fn run(connection: Connection, mailbox: &Mailbox<Work>, metrics: &Metrics, refused: impl Fn()) {
    let mut batch = Vec::new();
    let mut answers = Vec::new();
    while mailbox.take(&mut batch, BATCH, None) != Taken::Closed {
        let mut done = connection.execute_batch("BEGIN IMMEDIATE");
        let began = done.is_ok();
        // A full disk may end the transaction by itself: nothing is done outside of one.
        let inside = || Some(&connection).filter(|c| began && !c.is_autocommit());
        answers.extend(batch.drain(..).map(|work| work(inside())));
        if done.is_ok() {
            done = connection.execute_batch("COMMIT");
        }
        if done.is_err() {
            metrics.store_errors.inc();
            refused();
            if !connection.is_autocommit() {
                let _ = connection.execute_batch("ROLLBACK");
            }
        }
        let done = done.map_err(|error| error.to_string());
        for answer in answers.drain(..) {
            answer(done.clone());
        }
    }
    // Folds the log back, so that the next start and readers find one file.
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "the index did not close cleanly");
    }
}

#[cfg(test)]
mod tests {
    use super::super::{failed, meta, open, set_meta};
    use super::*;

    #[tokio::test]
    async fn failed_work_leaves_nothing_and_its_neighbours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&folder.path().join("i")).unwrap();
        let (indexer, thread) = Indexer::start(connection, Metrics::default(), || ()).unwrap();
        let set =
            |key: &'static str| move |c: &Connection| set_meta(c, key, "1").map_err(failed("set"));
        indexer.post_idle(set("idle"));
        let bad = indexer.ask(move |c| {
            set("bad")(c)?;
            Err::<(), _>(Error::refuse("on purpose"))
        });
        let (good, bad) = tokio::join!(indexer.ask(set("good")), bad);
        good.unwrap();
        assert_eq!(bad.unwrap_err().chain(), "on purpose");
        let there =
            indexer.ask(|c| Ok(["idle", "good", "bad"].map(|key| meta(c, key).unwrap().is_some())));
        assert_eq!(there.await.unwrap(), [true, true, false]);
        indexer.close();
        thread.join().unwrap();
        assert!(indexer.ask(|_| Ok(())).await.is_err());
    }
}
