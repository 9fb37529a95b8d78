//! Exports that are asked for over HTTP: one after the other, into a scratch directory of the store,
//! kept for a day.
//!
//! ```text
//! <store>/exports.d/<id>/<camera>_<utc>.mp4   emptied at each start
//! ```
//! Bounded in number, bytes and length; what is beyond is refused, with the reason. Never takes the
//! store below its floor. The recorder does not know of it.

mod job;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::base::clock::Clock;
use crate::base::{Error, Result};
use crate::export::{self, Gaps, Order, Progress, Report, Setting, Wanted};
use crate::store::fs::Fs;
use crate::store::{FreeFloor, Reader, layout};

use job::Job;
pub use job::{ExportFile, ExportStatus, State};

/// Exports that are known at a time, whatever became of them.
const JOBS_MAX: usize = 64;

/// Exports that wait at a time.
const WAITING_MAX: usize = 16;

/// Bytes of all exports together.
const BYTES_MAX: u64 = 64 << 30;

/// The longest range: memory grows with the number of pictures, to some 200 MB for a day.
const LENGTH_MAX: Duration = Duration::from_secs(86_400);

/// How long an export is kept once it is over.
const KEEP: Duration = Duration::from_secs(86_400);

/// Who goes on with a file, or takes it again, takes it once in so long.
const ONCE: Duration = Duration::from_secs(3600);

/// How often it is looked for what has been kept long enough.
const LOOK: Duration = Duration::from_secs(60);

/// The room on the disk is looked at again after so many bytes.
const ROOM_STEP: u64 = 64 << 20;

/// What somebody wants exported.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// The camera.
    pub camera: String,
    /// From when until when.
    pub wanted: Wanted,
    /// What becomes of gaps.
    pub gaps: Gaps,
    /// All goes into one file, or it fails.
    pub one_file: bool,
    /// Who asks, for those who look at the list.
    pub by: String,
}

/// Why an export was not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It can't be: for people.
    Wrong(String),
    /// There are too many; later.
    Full(String),
}

/// All exports. Cheap to clone.
#[derive(Clone)]
pub struct Exports(Arc<Inner>);

struct Inner {
    root: PathBuf,
    fs: Arc<dyn Fs>,
    floor: FreeFloor,
    clock: Arc<dyn Clock>,
    /// In the order in which they were asked for; guarded for the moment of a look or change.
    jobs: Mutex<Vec<Arc<Job>>>,
    /// One more waits.
    asked: Notify,
}

/// Who makes them.
pub struct Worker(Exports);

/// Exports of the store at `root`, and who makes them, to be run.
pub fn exports(
    root: &Path,
    fs: Arc<dyn Fs>,
    floor: FreeFloor,
    clock: Arc<dyn Clock>,
) -> (Exports, Worker) {
    let (root, jobs, asked) = (root.to_owned(), Mutex::default(), Notify::new());
    let exports = Exports(Arc::new(Inner { root, fs, floor, clock, jobs, asked }));
    (exports.clone(), Worker(exports))
}

impl Exports {
    /// Of no store, and nobody makes them.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn of_tests() -> Self {
        let (disk, clock) =
            (Arc::new(crate::store::fs::Disk), Arc::new(crate::base::clock::System));
        exports(Path::new("there-is-no-store"), disk, FreeFloor::Default, clock).0
    }

    /// Begins one, as soon as those before it are done.
    ///
    /// # Errors
    /// Why it can't be.
    pub fn begin(&self, wish: Wish) -> Result<ExportStatus, Denied> {
        let wrong = |why: String| Err(Denied::Wrong(why));
        if let Err(error) = layout::check_camera(&wish.camera) {
            return wrong(error.chain());
        }
        let Wanted { from, to } = wish.wanted;
        if from >= to {
            return wrong("`from` is not before `to`".into());
        }
        if to.since(from) > LENGTH_MAX {
            let hours = LENGTH_MAX.as_secs() / 3600;
            return wrong(format!("more than {hours} hours: export parts of it"));
        }
        let mut jobs = self.jobs();
        if jobs.len() >= JOBS_MAX {
            let why = format!("there are {JOBS_MAX} exports: remove some, or wait for tomorrow");
            return Err(Denied::Full(why));
        }
        if jobs.iter().filter(|job| job.waits()).count() >= WAITING_MAX {
            let why = format!("{WAITING_MAX} exports wait already: try again later");
            return Err(Denied::Full(why));
        }
        let job = Arc::new(Job::new(wish, self.0.clock.wall()));
        jobs.push(job.clone());
        self.0.asked.notify_one();
        Ok(job.status())
    }

    /// The one whose turn it is, begun.
    fn next(&self) -> Option<Arc<Job>> {
        self.jobs().iter().find(|job| job.start()).cloned()
    }

    /// All, in the order in which they were asked for.
    pub fn list(&self) -> Vec<ExportStatus> {
        self.jobs().iter().map(|job| job.status()).collect()
    }

    /// One of them.
    pub fn find(&self, id: &str) -> Option<ExportStatus> {
        self.job(id).map(|job| job.status())
    }

    /// Where a file of an export lies. Names are compared, never made to paths.
    pub fn file(&self, id: &str, name: &str) -> Option<PathBuf> {
        let job = self.job(id)?;
        let found = job.status().files.into_iter().find(|file| file.name == name)?;
        Some(self.folder(&job).join(found.name))
    }

    /// Somebody takes a part of a file. Whether that is new: he has not within the last hour.
    pub fn takes(&self, id: &str, name: &str, who: &str) -> bool {
        self.job(id).is_none_or(|job| job.takes(name, who, Instant::now()))
    }

    /// Ends one that waits or runs; removes one that is over, with its files. `None`: there is none.
    pub fn remove(&self, id: &str) -> Option<ExportStatus> {
        let job = self.job(id)?;
        if job.cancel() {
            return Some(job.status());
        }
        self.jobs().retain(|other| other.id != job.id);
        self.clear(&self.folder(&job));
        Some(job.status())
    }

    fn jobs(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Job>>> {
        self.0.jobs.lock().expect("no panic under this lock")
    }

    fn job(&self, id: &str) -> Option<Arc<Job>> {
        self.jobs().iter().find(|job| job.id == id).cloned()
    }

    fn folder(&self, job: &Job) -> PathBuf {
        self.0.root.join(layout::EXPORTS).join(&job.id)
    }

    /// Bytes of all that are there.
    fn bytes(&self) -> u64 {
        self.jobs().iter().map(|job| job.bytes()).sum()
    }

    /// Removes a directory with files only. What can't be removed is logged, and tried again at the
    /// next start.
    fn clear(&self, folder: &Path) {
        let fs = &self.0.fs;
        let removed = match fs.list(folder) {
            Ok(names) => names
                .iter()
                .try_for_each(|name| fs.unlink(&folder.join(name)))
                .and_then(|()| fs.remove_dir(folder)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            tracing::warn!(%error, folder = %folder.display(), "remove an export");
        }
    }

    /// Removes what an earlier run has left.
    fn clear_all(&self) {
        let all = self.0.root.join(layout::EXPORTS);
        for name in self.0.fs.list(&all).unwrap_or_default() {
            self.clear(&all.join(name));
        }
    }

    fn clear_old(&self) {
        let now = self.0.clock.wall();
        let old: Vec<_> =
            self.jobs().iter().filter(|job| job.is_older(now, KEEP)).cloned().collect();
        for job in old {
            self.jobs().retain(|other| other.id != job.id);
            self.clear(&self.folder(&job));
        }
    }

    /// Makes one. Blocks.
    fn make(&self, job: &Job) -> Result<Report> {
        let fs = &self.0.fs;
        let failed =
            |error| Error::stop("make the directory of an export in the store").with(error);
        let folder = self.folder(job);
        for folder in [self.0.root.join(layout::EXPORTS), folder.clone()] {
            match fs.create_dir(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(failed(error));
                }
                _ => {}
            }
        }
        let Wish { camera, wanted, gaps, one_file, .. } = job.wish.clone();
        let utc = wanted.from.civil().strftime("%Y%m%dT%H%M%SZ");
        let out = folder.join(format!("{camera}_{utc}.mp4"));
        let order =
            Order { camera, wanted, out, force: false, gaps, one_file, comment: String::new() };
        let reader = Reader::open(&self.0.root)?;
        let others = self.bytes();
        let (mut look_at, mut trouble) = (0, None);
        let mut progress = |step: Progress| {
            job.progress(step);
            if step.done < look_at || trouble.is_some() {
                return;
            }
            look_at = step.done + ROOM_STEP;
            trouble = self.lacks(others, step);
            if trouble.is_some() {
                job.cancel.cancel();
            }
        };
        let mut setting =
            Setting { fs, reader: &reader, progress: &mut progress, cancel: &job.cancel };
        let made = export::export(&order, &mut setting);
        match trouble {
            Some(why) => Err(Error::retry(why)),
            None => made,
        }
    }

    /// What of room is missing for what is left of an export.
    fn lacks(&self, others: u64, step: Progress) -> Option<String> {
        if others.saturating_add(step.total) > BYTES_MAX {
            return Some(format!(
                "all exports together may have {} GiB: remove some, or export less",
                BYTES_MAX >> 30
            ));
        }
        // Who can't say how much is free may still have room.
        let space = self.0.fs.space(&self.0.root).ok()?;
        let left = step.total.saturating_sub(step.done);
        (space.free < left.saturating_add(self.0.floor.bytes(space))).then(|| {
            "the disk of the store has no room for it above what stays free: export less, or with `wardline recordings export` to another disk".into()
        })
    }
}

impl Worker {
    /// Makes exports, one at a time, until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self(exports) = self;
        let all = exports.clone();
        off_thread(move || all.clear_all()).await;
        let mut looks = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = looks.tick() => {
                    let all = exports.clone();
                    off_thread(move || all.clear_old()).await;
                }
                () = exports.0.asked.notified() => {}
            }
            if let Some(job) = exports.next() {
                make(&exports, &job, &shutdown).await;
                // Another may wait.
                exports.0.asked.notify_one();
            }
        }
    }
}

/// Makes one, which has begun; ends it at `shutdown`.
async fn make(exports: &Exports, job: &Arc<Job>, shutdown: &CancellationToken) {
    let (maker, at_work) = (exports.clone(), job.clone());
    let work = off_thread(move || {
        let made = maker.make(&at_work);
        if made.is_err() {
            maker.clear(&maker.folder(&at_work));
        }
        at_work.end(made, maker.0.clock.wall());
    });
    let mut work = std::pin::pin!(work);
    tokio::select! {
        biased;
        () = &mut work => {}
        () = shutdown.cancelled() => {
            job.cancel.cancel();
            work.await;
        }
    }
    job.is_over(exports.0.clock.wall());
}

/// Does what blocks where that holds up nobody.
async fn off_thread(work: impl FnOnce() + Send + 'static) {
    if let Err(error) = tokio::task::spawn_blocking(work).await {
        tracing::error!(%error, "an export panicked: this is a bug, please report it");
    }
}
