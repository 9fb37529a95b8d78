//! Clips: a file for each event recording, made once it is whole, one at a time.
//!
//! There is no queue: the index says which spans have ended, the journal which have their clip.
//! So nothing is lost by a restart, and nothing here can hold up recording.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;

use crate::base::clock::Clock;
use crate::base::error::Kind;
use crate::base::limits::SPAN_SEAL;
use crate::base::tasks::Tasks;
use crate::base::{Error, Result, Timestamp};
use crate::config::{self, Config};
use crate::export::{self, Gaps, Journal, Made, Order, Setting, Wanted};
use crate::policy::Span;
use crate::store::fs::{Disk, Fs};
use crate::store::{Reader, layout};

/// The index is asked so often which spans have ended.
const PERIOD: Duration = Duration::from_secs(10);

/// After a failure of the disk it is tried again so much later.
const PAUSE: Duration = Duration::from_secs(60);

/// Clips that fail in one round before the others wait for the next.
const FAILURES_MAX: usize = 8;

/// What was missed while the host was away is made up for so far back.
const CATCH_UP: Duration = Duration::from_secs(30 * 86_400);

/// Starts the task that makes clips, where they are wanted.
pub(super) fn start(config: &Config, clock: &Arc<dyn Clock>, tasks: &Tasks) {
    if let Some(maker) = Maker::new(config, clock.clone()) {
        tasks.spawn("clips", maker.run(tasks.shutdown().clone()));
    }
}

/// What makes clips.
struct Maker {
    clips: config::Clips,
    store: PathBuf,
    /// Time zones, by camera.
    cameras: BTreeMap<String, TimeZone>,
    clock: Arc<dyn Clock>,
    fs: Arc<dyn Fs>,
    journal: Option<Journal>,
}

impl Maker {
    /// `None`: no clips are wanted.
    fn new(config: &Config, clock: Arc<dyn Clock>) -> Option<Self> {
        let wanted = config.cameras.iter().filter(|camera| camera.clips);
        let zone = |camera: &config::Camera| {
            let zone = camera.timezone.as_deref().and_then(|name| TimeZone::get(name).ok());
            (camera.name.clone(), zone.unwrap_or(TimeZone::UTC))
        };
        Some(Self {
            clips: config.clips.clone()?,
            store: config.store.path.clone(),
            cameras: wanted.map(zone).collect(),
            clock,
            fs: Arc::new(Disk),
            journal: None,
        })
    }

    /// Makes clips until `shutdown`; the one that is being made then is made after the next start.
    async fn run(self, shutdown: CancellationToken) {
        let mut maker = self;
        let mut well = true;
        loop {
            let token = shutdown.clone();
            let round = tokio::task::spawn_blocking(move || {
                let result = maker.round(&token);
                (maker, result)
            });
            let result;
            (maker, result) = match round.await {
                Ok(round) => round,
                Err(error) => {
                    tracing::error!(%error, "making clips panicked: no more are made until a restart");
                    return;
                }
            };
            let failed = result.as_ref().err().filter(|_| !shutdown.is_cancelled());
            match failed {
                Some(error) if well => {
                    tracing::error!(
                        error = error.chain(),
                        "clips can't be made; recording goes on"
                    );
                }
                None if !well => tracing::info!("clips are made again"),
                _ => {}
            }
            well = failed.is_none();
            let pause = tokio::time::sleep(if well { PERIOD } else { PAUSE });
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = pause => {}
            }
        }
    }

    /// Makes all clips that are due. Gives how many.
    fn round(&mut self, cancel: &CancellationToken) -> Result<usize> {
        let now = self.clock.wall();
        let mut journal = match self.journal.take() {
            Some(journal) => journal,
            None => Journal::open(self.fs.clone(), &self.clips.directory, now)?,
        };
        let made = self.make_due(&mut journal, now, cancel);
        self.journal = Some(journal);
        made
    }

    fn make_due(
        &self,
        journal: &mut Journal,
        now: Timestamp,
        cancel: &CancellationToken,
    ) -> Result<usize> {
        let reader = Reader::open(&self.store)?;
        let since = journal.since().max(now - CATCH_UP);
        let (mut made, mut failures, mut result) = (0, 0, Ok(()));
        for (camera, zone) in &self.cameras {
            // Until it is sealed, a span may be changed.
            for span in reader.ended_spans(camera, since, now - SPAN_SEAL)? {
                if cancel.is_cancelled() {
                    return Ok(made);
                }
                if !journal.is_over(&span.id) {
                    // A file that can't be read now keeps no other clip from being made.
                    let done = self.make(journal, &reader, &span, zone, cancel);
                    made += usize::from(done.is_ok());
                    failures += usize::from(done.is_err());
                    result = result.and(done);
                    if failures >= FAILURES_MAX {
                        return result.map(|()| made);
                    }
                }
            }
        }
        result.map(|()| made)
    }

    fn make(
        &self,
        journal: &mut Journal,
        reader: &Reader,
        span: &Span,
        zone: &TimeZone,
        cancel: &CancellationToken,
    ) -> Result<()> {
        let file = self.clips.pattern.path(span, zone);
        let directory = &self.clips.directory;
        let force = journal.begin(&span.id, &file)?;
        layout::make_parents(&*self.fs, directory, &file).map_err(|error| {
            Error::retry(format!("make the directory of {}", file.display())).with(error)
        })?;
        let comment = match span.label.as_str() {
            "" => format!("span {}", span.id),
            label => format!("span {}: {label}", span.id),
        };
        let order = Order {
            camera: span.camera.clone(),
            wanted: Wanted { from: span.start, to: span.end },
            out: directory.join(&file),
            force,
            gaps: Gaps::Hold,
            one_file: false,
            comment,
        };
        let mut setting = Setting { fs: &self.fs, reader, progress: &mut |_| {}, cancel };
        match export::export(&order, &mut setting) {
            Ok(report) => {
                let below = |path: PathBuf| {
                    path.strip_prefix(directory).map(PathBuf::from).unwrap_or(path.clone())
                };
                let files = report.files.into_iter();
                let files = files.map(|file| Made { file: below(file.path), bytes: file.bytes });
                journal.made(&span.id, files.collect())?;
            }
            // Another try would end the same way.
            Err(error) if error.kind() == Kind::Refuse => {
                let (camera, span_id, why) = (&span.camera, &span.id, error.chain());
                tracing::warn!(camera, span = span_id, error = why, "no clip can be made");
                layout::remove_empty_parents(&*self.fs, directory, &file);
                journal.refused(&span.id, why)?;
            }
            Err(error) => return Err(error),
        }
        if let Some(most) = self.clips.size_max {
            let deleted = journal.shrink(most)?;
            if !deleted.is_empty() {
                tracing::info!(
                    clips = deleted.len(),
                    "oldest clips deleted, to keep their size-max"
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
