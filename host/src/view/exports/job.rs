//! One export: what is wanted, how far it is, and what came of it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::{ONCE, Wish};
use crate::base::{Error, Kind, Result, Timestamp};
use crate::export::{Interruption, Progress, Report, Written};

/// How an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ExportState)]
pub enum State {
    /// Others are made before it.
    Waiting,
    /// It is being made.
    Running,
    /// Its files are there.
    Done,
    /// It could not be made: `error` says why.
    Failed,
    /// Somebody ended it, or the host did.
    Cancelled,
}

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ExportFile {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// UTC of its first picture.
    pub from: Timestamp,
    /// UTC of the end of its last picture.
    pub to: Timestamp,
    /// Seconds that it plays.
    pub seconds: f64,
    /// Where it is had.
    pub url: String,
}

/// What an export looks like from outside.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ExportStatus {
    /// Its name among exports.
    pub id: String,
    /// The camera.
    pub camera: String,
    /// The first moment.
    pub from: Timestamp,
    /// The moment after the last.
    pub to: Timestamp,
    /// Who asked for it.
    pub by: String,
    /// When.
    pub asked: Timestamp,
    /// How it is.
    pub state: State,
    /// Bytes that are copied.
    pub done: u64,
    /// Bytes in all; 0 while that is not known.
    pub total: u64,
    /// For people: why it failed.
    pub error: Option<String>,
    /// Its files, once it is done.
    pub files: Vec<ExportFile>,
    /// Where it is interrupted.
    pub interruptions: Vec<Interruption>,
}

pub(super) struct Job {
    pub(super) id: String,
    pub(super) wish: Wish,
    pub(super) cancel: CancellationToken,
    asked: Timestamp,
    /// Guarded for the moment of a look or change.
    now: Mutex<Now>,
    /// When somebody (by name) began with a file, within the last hour. Guarded for the moment of a
    /// look: as many as there are people and programs.
    taken: Mutex<BTreeMap<(String, String), Instant>>,
}

struct Now {
    state: State,
    progress: Progress,
    error: Option<String>,
    files: Vec<ExportFile>,
    interruptions: Vec<Interruption>,
    over: Option<Timestamp>,
}

impl Job {
    pub(super) fn new(wish: Wish, asked: Timestamp) -> Self {
        let now = Now {
            state: State::Waiting,
            progress: Progress { done: 0, total: 0 },
            error: None,
            files: Vec::new(),
            interruptions: Vec::new(),
            over: None,
        };
        let id = uuid::Uuid::new_v4().simple().to_string();
        let (cancel, now, taken) = (CancellationToken::new(), Mutex::new(now), Mutex::default());
        Self { id, wish, cancel, asked, now, taken }
    }

    fn now(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now.lock().expect("no panic under this lock")
    }

    pub(super) fn status(&self) -> ExportStatus {
        let now = self.now();
        ExportStatus {
            id: self.id.clone(),
            camera: self.wish.camera.clone(),
            from: self.wish.wanted.from,
            to: self.wish.wanted.to,
            by: self.wish.by.clone(),
            asked: self.asked,
            state: now.state,
            done: now.progress.done,
            total: now.progress.total,
            error: now.error.clone(),
            files: now.files.clone(),
            interruptions: now.interruptions.clone(),
        }
    }

    /// Bytes that it has on the disk.
    pub(super) fn bytes(&self) -> u64 {
        let now = self.now();
        match now.state {
            State::Running => now.progress.done,
            _ => now.files.iter().map(|file| file.bytes).sum(),
        }
    }

    pub(super) fn progress(&self, step: Progress) {
        self.now().progress = step;
    }

    pub(super) fn waits(&self) -> bool {
        self.now().state == State::Waiting
    }

    /// Somebody takes a part of a file; whether he begins with it.
    pub(super) fn takes(&self, name: &str, who: &str, now: Instant) -> bool {
        let mut taken = self.taken.lock().expect("no panic under this lock");
        taken.retain(|_, began| now - *began < ONCE);
        let key = (who.to_owned(), name.to_owned());
        let is_new = !taken.contains_key(&key);
        if is_new {
            taken.insert(key, now);
        }
        is_new
    }

    /// Its turn has come. `false`: it was ended meanwhile.
    pub(super) fn start(&self) -> bool {
        let mut now = self.now();
        let waits = now.state == State::Waiting;
        if waits {
            now.state = State::Running;
        }
        waits
    }

    /// Ends it. `false`: it is over already.
    pub(super) fn cancel(&self) -> bool {
        let mut now = self.now();
        match now.state {
            State::Waiting => {
                now.state = State::Cancelled;
                now.over = Some(self.asked);
                true
            }
            State::Running => {
                self.cancel.cancel();
                true
            }
            State::Done | State::Failed | State::Cancelled => false,
        }
    }

    pub(super) fn end(&self, made: Result<Report>, at: Timestamp) {
        let was_ended = self.cancel.is_cancelled();
        let mut now = self.now();
        now.over = Some(at);
        match made {
            Ok(report) => {
                now.state = State::Done;
                now.interruptions = report.interruptions;
                now.files = report
                    .files
                    .iter()
                    .filter_map(|file| {
                        let name = file.path.file_name()?.to_str()?.to_owned();
                        let url = format!("/api/v1/exports/{}/{name}", self.id);
                        let Written { bytes, from, to, seconds, .. } = *file;
                        Some(ExportFile { name, bytes, from, to, seconds, url })
                    })
                    .collect();
            }
            // Whoever lacks room ends it, too; and says so.
            Err(error) if was_ended && error.kind() == Kind::Stop => {
                now.state = State::Cancelled;
            }
            Err(error) => {
                now.state = State::Failed;
                now.error = Some(error.chain());
            }
        }
    }

    /// Its worker has gone: where that said nothing, it broke.
    pub(super) fn is_over(&self, at: Timestamp) {
        if self.now().state == State::Running {
            self.end(Err(Error::bug("the export broke: see the log")), at);
        }
    }

    /// It was over for so long.
    pub(super) fn is_older(&self, at: Timestamp, age: Duration) -> bool {
        self.now().over.is_some_and(|over| at.since(over) >= age)
    }
}
