//! The slow check of all that is stored, beside recording: what `recordings check --deep` does, file
//! by file, at so many bytes a second, round after round.
//!
//! A thread that nothing waits for. Reads, tells what it finds, and repairs nothing. Stands still
//! while the disk has other cares, and goes on after a restart where it was. What `check` finds only
//! by looking at all of the index at once is left to it: a look so long would hold up the index's log.

mod pace;
mod round;

pub(super) use pace::Pace;

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::broadcast;

use super::check::Finding;
use super::condition::Condition;
use super::fs::Fs;
use super::index::thread::Indexer;
use super::index::{self, Connection, failed, meta, set_meta};
use super::layout;
use super::news::{Health, News};
use super::places::Places;
use super::retain::load::Cameras;
use super::retain::sweep::Sweeper;
use super::settings::StoreConfig;
use crate::base::clock::Clock;
use crate::base::metrics::Metrics;
use crate::base::{Error, Result, Timestamp};
use round::{Next, Round};

/// A start has enough to read.
const DELAY: Duration = Duration::from_secs(60);
/// A round begins so long after the one before it began, or when that is over.
const PERIOD: Duration = Duration::from_secs(7 * 86_400);
/// Whether a round is due is looked at so often, and after a failure it goes on so much later.
const LOOK_PERIOD: Duration = Duration::from_secs(600);
/// Findings that a round tells one by one; more are counted.
const TOLD_MAX: u64 = 100;
/// Files after which it is noted how far a round has come.
const NOTED: u64 = 64;
/// Where it is noted, in the index.
const KEY: &str = "scrub";

/// What the thread stands on.
pub(super) struct Scrubber {
    pub(super) fs: Arc<dyn Fs>,
    pub(super) root: PathBuf,
    /// The store's own name.
    pub(super) id: String,
    pub(super) places: Arc<Places>,
    pub(super) cameras: Arc<Cameras>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    pub(super) indexer: Indexer,
    pub(super) condition: Condition,
    pub(super) news: broadcast::Sender<News>,
    /// Bytes a second.
    pub(super) rate: u64,
}

impl Scrubber {
    /// The disk has other cares: it fails, is full, or does not take what is recorded as fast as it
    /// comes.
    pub(super) fn is_busy(&self) -> bool {
        let is_failing = matches!(*self.condition.subscribe().borrow(), Health::Failing(_));
        is_failing
            || self.places.iter().any(|place| place.gate.is_shut())
            || self.cameras.is_behind()
    }
}

/// The thread, and the way to end it.
pub(super) struct Scrub {
    end: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Scrub {
    /// Ends the thread, and waits for that.
    pub(super) fn end(self) {
        // A thread that panicked has said so.
        let _ = self.end.send(());
        let _ = self.thread.join();
    }
}

/// Starts the thread on what the sweeper stands on, where it is wanted.
///
/// # Errors
/// When the index can't be read, or the machine has no thread to give.
pub(super) fn beside(
    sweeper: &Sweeper,
    config: &StoreConfig,
    id: &str,
    news: &broadcast::Sender<News>,
) -> Result<Option<Scrub>> {
    if config.visit || config.check_rate == 0 {
        return Ok(None);
    }
    let scrubber = Scrubber {
        fs: sweeper.fs.clone(),
        root: config.path.clone(),
        id: id.to_owned(),
        places: sweeper.places.clone(),
        cameras: sweeper.cameras.clone(),
        clock: sweeper.clock.clone(),
        metrics: sweeper.metrics.clone(),
        indexer: sweeper.indexer.clone(),
        condition: sweeper.condition.clone(),
        news: news.clone(),
        rate: config.check_rate,
    };
    let connection = index::open_read_only(&layout::index(&scrubber.root))?;
    let (end, ending) = sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("scrub".into())
        .spawn(move || run(&scrubber, &connection, &ending))
        .map_err(|error| Error::stop("can't start the scrub thread").with(error))?;
    Ok(Some(Scrub { end, thread }))
}

fn run(scrubber: &Scrubber, connection: &Connection, ending: &Receiver<()>) {
    let rest = |length| matches!(ending.recv_timeout(length), Err(RecvTimeoutError::Timeout));
    let busy = || scrubber.is_busy();
    let pace = Pace::new(scrubber.rate, &rest, &busy);
    let mut state = State::new(scrubber, connection, &pace);
    if rest(DELAY) {
        state.run();
    }
}

/// The check at work.
pub(super) struct State<'a> {
    scrubber: &'a Scrubber,
    connection: &'a Connection,
    pace: &'a Pace<'a>,
    /// It was said that it can't go on.
    failed: bool,
}

impl<'a> State<'a> {
    pub(super) fn new(
        scrubber: &'a Scrubber,
        connection: &'a Connection,
        pace: &'a Pace<'a>,
    ) -> Self {
        Self { scrubber, connection, pace, failed: false }
    }

    /// Round after round, until the host ends.
    fn run(&mut self) {
        while !self.pace.is_ended() {
            let result = self.round();
            if self.pace.is_ended() {
                return;
            }
            if let Err(error) = &result
                && !self.failed
            {
                tracing::warn!(error = error.chain(), "the slow check can't go on for now");
            }
            self.failed = result.is_err();
            self.pace.rest(LOOK_PERIOD);
        }
    }

    /// The rest of a round that was begun, or a round that is due; returns when it is over.
    pub(super) fn round(&mut self) -> Result<()> {
        let (scrubber, now) = (self.scrubber, self.scrubber.clock.wall());
        let noted = meta(self.connection, KEY).map_err(failed("read how far the check is"))?;
        let noted = noted.and_then(|text| serde_json::from_str::<Round>(&text).ok());
        let mut round = match noted {
            Some(round) if !round.is_over() => round,
            // A clock that was set back does not keep it from being due.
            Some(last) if is_recent(last.began, now) => return Ok(()),
            _ => Round::begin(self.connection, now)?,
        };
        let told = RefCell::new(Teller { scrubber, told: round.findings });
        let result = self.steps(&mut round, &told);
        self.note(&round);
        result?;
        if round.is_over() {
            scrubber.metrics.checked_at.set(now_seconds(scrubber.clock.wall()));
            let Round { began, segments, bytes, findings, .. } = round;
            tracing::info!(%began, segments, bytes, findings, "all that is stored was checked");
        }
        Ok(())
    }

    fn steps(&self, round: &mut Round, teller: &RefCell<Teller<'_>>) -> Result<()> {
        let mut since_noted = 0;
        loop {
            let step = round.step(&self.look(), &mut |finding| teller.borrow_mut().tell(finding));
            match step {
                Ok(Next::Over) => return Ok(()),
                Ok(Next::More) => {}
                // The end of the host cuts a file short.
                Err(_) if self.pace.is_ended() => return Ok(()),
                Err(error) => return Err(error),
            }
            since_noted += 1;
            if since_noted >= NOTED {
                self.note(round);
                since_noted = 0;
            }
        }
    }

    fn look(&self) -> round::Look<'_> {
        let Scrubber { fs, root, id, metrics, .. } = self.scrubber;
        let (connection, pace) = (self.connection, self.pace);
        round::Look { fs: &**fs, connection, root, store: id, pace, checked: &metrics.checked }
    }

    /// Notes how far it has come, with whatever the index takes next.
    fn note(&self, round: &Round) {
        let text = serde_json::to_string(round).expect("numbers and names");
        self.scrubber.indexer.post_idle(move |c| {
            set_meta(c, KEY, &text).map_err(failed("note how far the check is"))
        });
    }
}

/// Tells what was found: a line in the log, a figure, and news for the bus.
struct Teller<'a> {
    scrubber: &'a Scrubber,
    told: u64,
}

impl Teller<'_> {
    fn tell(&mut self, finding: Finding) {
        self.scrubber.metrics.found.inc();
        self.told += 1;
        if self.told > TOLD_MAX {
            if self.told == TOLD_MAX + 1 {
                tracing::error!(
                    "the slow check finds more than is told one by one: look at `wardline \
                     recordings check --deep`"
                );
            }
            return;
        }
        let Finding { camera, file, found, advice, .. } = &finding;
        let file = file.as_ref().map(|file| file.display().to_string());
        tracing::error!(camera, file, found, advice, "a recording is not as it should be");
        // Nobody may be listening.
        let _ = self.scrubber.news.send(News::Damaged(finding));
    }
}

#[cfg(test)]
impl super::Store {
    /// As if a round had found something of a camera.
    pub(crate) fn find_damaged(&self, camera: &str) {
        let finding = Finding::of(super::check::Kind::NoFile, "its file is gone").camera(camera);
        let _ = self.news.send(News::Damaged(finding));
    }
}

fn is_recent(began: Timestamp, now: Timestamp) -> bool {
    (0..crate::base::time::micros(PERIOD)).contains(&now.micros_since(began))
}

fn now_seconds(now: Timestamp) -> i64 {
    now.micros() / 1_000_000
}
