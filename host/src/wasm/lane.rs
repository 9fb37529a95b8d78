//! Threads on which guests run, so that none of the runtime's waits for a guest.
//!
//! Takes a job, gives its result. A worker runs one job to its end and never waits for anything
//! else. Knows no guest. Policies and sources have a lane of their own, so that a looping analyzer
//! delays no decision.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle, available_parallelism};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::base::{Error, Result};

/// Threads aside: one that proves a slow plugin holds up no other that is rebuilt.
const ASIDE: usize = 2;

/// Jobs that wait for a worker. Each camera has at most a few at a time, since its tasks wait for
/// the answer; what exceeds this waits in `run`.
const QUEUE: usize = 64;

/// How much candidates give way.
const NICENESS: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

/// The lanes of a host.
#[derive(Clone)]
pub struct Lanes {
    /// For policies and sources: one thread.
    pub decide: Lane,
    /// For analyzers: a thread for each core but one.
    pub analyze: Lane,
    /// For what nobody waits for: making instances, proving them, writing snapshots.
    pub aside: Lane,
    /// For all that candidates do: one thread, which gives way to everybody.
    pub tried: Lane,
}

impl Lanes {
    /// Starts the threads.
    pub fn start() -> Result<Self> {
        let cores = available_parallelism().map_or(1, usize::from);
        Ok(Self {
            decide: Lane::start("wasm-decide", 1)?,
            analyze: Lane::start("wasm-analyze", cores.saturating_sub(1).max(1))?,
            aside: Lane::start("wasm-aside", ASIDE)?,
            tried: Lane::start_niced("wasm-tried", 1, NICENESS)?,
        })
    }

    /// Lanes without threads, for tests on paused time: a job runs where it is awaited, so that
    /// simulated time stands still meanwhile.
    pub fn inline() -> Self {
        Self {
            decide: Lane::inline("wasm-decide"),
            analyze: Lane::inline("wasm-analyze"),
            aside: Lane::inline("wasm-aside"),
            tried: Lane::inline("wasm-tried"),
        }
    }

    /// The same for a replay, in which nobody is told to hurry and nothing is left out.
    pub fn unhurried() -> Self {
        let lane = |name| Lane::without_threads(name, true);
        Self {
            decide: lane("wasm-decide"),
            analyze: lane("wasm-analyze"),
            aside: lane("wasm-aside"),
            tried: lane("wasm-tried"),
        }
    }

    /// Ends all, each within `bound`. Gives the names of those that still run a job then.
    pub async fn end(&self, bound: Duration) -> Vec<&'static str> {
        let lanes = [&self.decide, &self.analyze, &self.aside, &self.tried];
        let ends = lanes.map(async |lane| (lane.end(bound).await, lane.0.name));
        let left = futures::future::join_all(ends).await;
        left.into_iter().filter(|(ended, _)| !ended).map(|(_, name)| name).collect()
    }
}

/// Threads that run one job after the other. Cheap to clone.
#[derive(Clone)]
pub struct Lane(Arc<Inner>);

struct Inner {
    name: &'static str,
    /// None once the lane has ended, and for a lane without threads.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    inline: bool,
    /// See [`Lanes::unhurried`].
    unhurried: bool,
    workers: Mutex<Workers>,
}

#[derive(Default)]
struct Workers {
    threads: Vec<JoinHandle<()>>,
    /// Closes when the last worker has ended.
    alive: Option<mpsc::Receiver<()>>,
}

impl Lane {
    /// Starts so many threads with this name and a number.
    pub fn start(name: &'static str, threads: usize) -> Result<Self> {
        Self::start_niced(name, threads, 0)
    }

    /// As [`start`](Self::start), for work that gives way by so much to that of others.
    fn start_niced(name: &'static str, threads: usize, niceness: i32) -> Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>(QUEUE);
        let (living, alive) = mpsc::channel::<()>(1);
        let queue = Arc::new(Mutex::new(queue));
        let mut workers = Workers { threads: Vec::new(), alive: Some(alive) };
        for number in 0..threads {
            let (queue, living) = (queue.clone(), living.clone());
            let thread = Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || {
                    if niceness > 0 {
                        // Linux counts niceness by thread. Where it can't be set, it works all the same.
                        let _ = rustix::process::nice(niceness);
                    }
                    work(&queue);
                    drop(living);
                })
                .map_err(|error| Error::stop(format!("start a thread {name}")).with(error))?;
            workers.threads.push(thread);
        }
        Ok(Self(Arc::new(Inner {
            name,
            jobs: Mutex::new(Some(jobs)),
            inline: false,
            unhurried: false,
            workers: Mutex::new(workers),
        })))
    }

    /// A lane without threads: see [`Lanes::inline`].
    pub fn inline(name: &'static str) -> Self {
        Self::without_threads(name, false)
    }

    fn without_threads(name: &'static str, unhurried: bool) -> Self {
        let (jobs, workers) = (Mutex::new(None), Mutex::default());
        Self(Arc::new(Inner { name, jobs, inline: true, unhurried, workers }))
    }

    /// Time stands still while a job runs, so that nobody can be too slow.
    pub fn is_unhurried(&self) -> bool {
        self.0.unhurried
    }

    /// Runs `job` on a thread of this lane and gives its result. Waits while the queue is full. An
    /// error means that the job panicked (a bug of ours; what it owned is lost) or that the lane
    /// has ended. A job once handed over runs to its end, even when nobody awaits it any more: its
    /// result is dropped then, so do not race this against anything that you survive.
    pub async fn run<R: Send + 'static>(
        &self,
        job: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R> {
        let panicked =
            || Error::bug(format!("a job of {} panicked, please report it", self.0.name));
        if self.0.inline {
            return catch_unwind(AssertUnwindSafe(job)).map_err(|_| panicked());
        }
        let ended = || Error::stop(format!("the threads {} have ended", self.0.name));
        let jobs = self.0.jobs.lock().expect("no panic under this lock").clone();
        let (sender, answer) = oneshot::channel();
        let job: Job = Box::new(move || drop(sender.send(job())));
        jobs.ok_or_else(ended)?.send(job).await.map_err(|_| ended())?;
        answer.await.map_err(|_| panicked())
    }

    /// Runs `job` with what it works on, and gives that back with the result. When it panics,
    /// `item` is lost: make another.
    pub async fn with<T: Send + 'static, R: Send + 'static>(
        &self,
        mut item: T,
        job: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> Result<(T, R)> {
        self.run(move || {
            let result = job(&mut item);
            (item, result)
        })
        .await
    }

    /// Takes no more jobs, and waits for the threads, at most `bound`. Whether they ended. Later
    /// calls do nothing.
    pub async fn end(&self, bound: Duration) -> bool {
        self.0.jobs.lock().expect("no panic under this lock").take();
        let workers =
            std::mem::take(&mut *self.0.workers.lock().expect("no panic under this lock"));
        let Some(mut alive) = workers.alive else { return true };
        let ended = tokio::time::timeout(bound, alive.recv()).await.is_ok();
        if ended {
            workers.threads.into_iter().for_each(|thread| drop(thread.join()));
        }
        ended
    }
}

/// Compiles, or does what else takes seconds of processor time, on a thread of its own and of the
/// lowest priority, so that recording loses none to it. Nobody need wait for its end.
///
/// # Errors
/// There is no thread, or the job panicked (a bug of ours).
pub async fn in_background<R: Send + 'static>(
    job: impl FnOnce() -> R + Send + 'static,
) -> Result<R> {
    let (sender, answer) = oneshot::channel();
    Builder::new()
        .name("wasm-compile".into())
        .spawn(move || {
            // Linux counts niceness by thread. Where it can't be set, it works all the same.
            let _ = rustix::process::nice(19);
            // Who asked may have gone.
            let _ = sender.send(job());
        })
        .map_err(|error| Error::retry("start the thread wasm-compile").with(error))?;
    answer.await.map_err(|_| Error::bug("a job of wasm-compile panicked, please report it"))
}

/// Runs jobs until the queue is closed and empty.
fn work(queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        // Idle workers queue up for the lock, and one of them waits for a job.
        let job = queue.lock().expect("no panic under this lock").blocking_recv();
        let Some(job) = job else { return };
        // What panics has been reported by the panic hook, and by the dropped answer.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    const BOUND: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn results_come_back_and_a_panic_ends_nothing() {
        for lane in [Lane::start("test", 2).unwrap(), Lane::inline("test")] {
            let (item, length) = lane.with(vec![1, 2], |item| item.len()).await.unwrap();
            assert_eq!((item.len(), length), (2, 2));
            let error = lane.run(|| panic!("on purpose")).await.unwrap_err();
            assert!(error.to_string().contains("panicked"), "{error}");
            assert_eq!(lane.run(|| 7).await.unwrap(), 7);
            assert!(lane.end(BOUND).await);
        }
    }

    #[tokio::test]
    async fn workers_run_side_by_side() {
        let lane = Lane::start("test", 2).unwrap();
        let barrier = Arc::new(Barrier::new(2));
        let other = barrier.clone();
        let jobs = (lane.run(move || barrier.wait()), lane.run(move || other.wait()));
        let (one, two) = tokio::join!(jobs.0, jobs.1);
        assert_ne!(one.unwrap().is_leader(), two.unwrap().is_leader());
    }

    #[tokio::test]
    async fn the_end_is_bounded_and_final() {
        let lanes = Lanes::start().unwrap();
        let (release, held) = std::sync::mpsc::sync_channel::<()>(0);
        let busy = tokio::join!(biased; async {
            let lane = lanes.analyze.clone();
            let job = lane.run(move || {
                let _ = held.recv();
            });
            tokio::pin!(job);
            // Handed over by its first poll.
            assert!(futures::poll!(&mut job).is_pending());
            lanes.end(Duration::from_millis(20)).await
        })
        .0;
        assert_eq!(busy, ["wasm-analyze"]);
        assert!(lanes.analyze.run(|| ()).await.unwrap_err().to_string().contains("have ended"));
        drop(release);
    }
}
