//! Reads the configuration anew while the host runs: when it is asked to, at SIGHUP, and when the
//! file has changed.
//!
//! All or nothing: what does not check, or needs a restart, leaves everything as it was.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::swaps::Swaps;
use crate::base::clock::sleep_until;
use crate::base::{Error, Result};
use crate::config;
use crate::serve::{ReloadAnswer, Reloaded};

/// The file is looked at so often; what is the same at two looks has been written whole.
const LOOK: Duration = Duration::from_secs(1);

/// Who ask at the same time; more wait.
const ASKERS: usize = 4;

/// Asks for the configuration to be read anew.
pub(super) struct Asker(mpsc::Sender<oneshot::Sender<ReloadAnswer>>);

impl Asker {
    pub(super) async fn ask(&self) -> ReloadAnswer {
        let ending = || ReloadAnswer::Failed("the host is ending".into());
        let (answer, answered) = oneshot::channel();
        if self.0.send(answer).await.is_err() {
            return ending();
        }
        answered.await.unwrap_or_else(|_| ending())
    }
}

/// A file, and the text that it had.
pub(super) struct Read {
    file: PathBuf,
    sum: Option<Sum>,
}

impl Read {
    /// As it is now.
    pub(super) fn now(file: PathBuf) -> Self {
        Self { sum: sum(&file), file }
    }
}

/// Who reads the configuration anew.
pub(super) struct Reloader {
    file: PathBuf,
    swaps: Arc<Swaps>,
    asked: mpsc::Receiver<oneshot::Sender<ReloadAnswer>>,
    /// Of the text that was tried last.
    tried: Option<Sum>,
    /// Of the text as it was at the last look.
    seen: Option<Sum>,
    /// When a camera that could not be started is to be started again.
    start_again: Option<Instant>,
}

type Sum = [u8; 32];

impl Reloader {
    /// For the configuration that was read, and is in force.
    pub(super) fn new(read: Read, swaps: Arc<Swaps>) -> (Self, Asker) {
        let (asker, asked) = mpsc::channel(ASKERS);
        let Read { file, sum } = read;
        let (tried, seen) = (sum, sum);
        (Self { file, swaps, asked, tried, seen, start_again: None }, Asker(asker))
    }

    /// Waits for reasons until `shutdown`; what has been begun then is done to its end.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let mut hangup = signal(SignalKind::hangup())
            .inspect_err(|error| tracing::warn!("SIGHUP will not be heard: {error}"))
            .ok();
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                Some(asker) = self.asked.recv() => {
                    let answer = self.reload("it was asked to").await;
                    // Who asked may have gone: fine.
                    let _gone = asker.send(answer);
                }
                () = sleep_until(self.start_again) => {
                    self.start_again = self.swaps.start_again().await;
                }
                () = heard(hangup.as_mut()) => drop(self.reload("SIGHUP").await),
                _ = looks.tick() => {
                    if self.has_changed().await {
                        drop(self.reload("its file has changed").await);
                    }
                }
            }
        }
    }

    /// The file has another text than the one that was tried, and has had it for a while.
    async fn has_changed(&mut self) -> bool {
        let now = self.sum().await;
        let settled = now.is_some() && now == self.seen;
        self.seen = now;
        settled && now != self.tried
    }

    /// `None`: it can't be read now. An editor may be about to put it back.
    async fn sum(&self) -> Option<Sum> {
        let file = self.file.clone();
        off_thread(move || sum(&file)).await.ok().flatten()
    }

    async fn reload(&mut self, why: &str) -> ReloadAnswer {
        self.tried = self.sum().await;
        tracing::info!(file = %self.file.display(), "reading the configuration anew: {why}");
        let answer = self.try_reload().await.unwrap_or_else(|error| {
            tracing::error!("{}", error.chain());
            ReloadAnswer::Failed(error.chain())
        });
        self.start_again = self.swaps.next_start().await;
        match &answer {
            ReloadAnswer::Refused(mistakes) => {
                for mistake in mistakes {
                    tracing::error!("{mistake}");
                }
                tracing::error!("the configuration stays as it was");
            }
            ReloadAnswer::Done(Reloaded { cameras, plugins, failed }) => {
                let failed = failed.len();
                tracing::info!(%cameras, %plugins, failed, "the configuration is in force");
            }
            ReloadAnswer::Failed(_) => {}
        }
        answer
    }

    async fn try_reload(&self) -> Result<ReloadAnswer> {
        let file = self.file.clone();
        let config = match off_thread(move || config::load(&file)).await? {
            Ok(config) => config,
            Err(mistakes) => {
                let lines = mistakes.to_string();
                return Ok(ReloadAnswer::Refused(lines.lines().map(str::to_owned).collect()));
            }
        };
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        self.swaps.configure(config).await
    }
}

async fn heard(hangup: Option<&mut Signal>) {
    match hangup {
        Some(hangup) => drop(hangup.recv().await),
        None => std::future::pending().await,
    }
}

fn sum(file: &Path) -> Option<Sum> {
    std::fs::read(file).ok().map(|text| Sha256::digest(text).into())
}

/// Does what blocks where that holds up nobody.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::bug("read the configuration anew").with(error))
}
