//! The thread that writes the files of all cameras of a place.
//!
//! Takes letters: what the cameras' sinks bring, what the sync thread and the index answer. Never
//! waits for medium or index itself. Order of commit: `opening` row, file, directories, closed
//! row, and only then `available`. Must not know SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::Instant;

use super::condition::Condition;
use super::fs::Fs;
use super::index::row::Segment;
use super::index::thread::Indexer;
use super::index::{edit, failed, told};
use super::mailbox::{Mailbox, Taken};
use super::news::{ClosedSegment, News};
use super::places::Place;
use super::recording::{Recording, Stage};
use super::retain::sweep::{Request, Sweeper};
use super::sink::{Camera, Charge};
use super::syncer::{Round, Synced};
use crate::base::clock::Clock;
use crate::base::metrics::Metrics;
use crate::base::{Error, Result, Timestamp};
use crate::record::{Fragment, SegmentEnd, SegmentStart};

/// A camera's number in the index, and a segment's sequence.
pub(super) type Key = (i64, u64);

/// Why something failed.
pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Letters read at a time.
const BATCH: usize = 256;

/// What the writer is told.
pub(super) enum Letter {
    /// A sink begins a file.
    Open { camera: Arc<Camera>, start: SegmentStart, refused: Arc<AtomicBool>, charge: Charge },
    /// Its row is durable, or not.
    Announced { key: Key, result: Result<()> },
    /// A sink brings a fragment.
    Append { key: Key, fragment: Fragment, charge: Charge },
    /// A sink ends a file.
    Close { key: Key, end: SegmentEnd },
    /// A recorder has handed over what it had of a span.
    Took(String),
    /// A sync round is over.
    Synced(Synced),
    /// A closed row is durable, or not.
    Closed { key: Key, result: Result<Option<Segment>> },
    /// End all files, then the thread.
    Stop,
    /// End the thread and leave everything as it is, as a power cut would.
    Abandon,
}

/// What the thread stands on.
pub(super) struct Writer {
    pub(super) fs: Arc<dyn Fs>,
    /// Where it writes.
    pub(super) place: Arc<Place>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    pub(super) mailbox: Arc<Mailbox<Letter>>,
    pub(super) rounds: Arc<Mailbox<Round>>,
    pub(super) indexer: Indexer,
    pub(super) closed: broadcast::Sender<ClosedSegment>,
    pub(super) news: broadcast::Sender<News>,
    pub(super) condition: Condition,
    /// The way to the one who makes room.
    pub(super) sweeper: Arc<Mailbox<Request>>,
    pub(super) sync_interval: Duration,
}

impl Writer {
    /// One of `place` that stands on the same as the sweeper, to whom `sweeper` leads.
    pub(super) fn beside(
        beside: &Sweeper,
        sweeper: Arc<Mailbox<Request>>,
        place: &Arc<Place>,
        (closed, news): (&broadcast::Sender<ClosedSegment>, &broadcast::Sender<News>),
        sync_interval: Duration,
    ) -> Self {
        Self {
            fs: beside.fs.clone(),
            place: place.clone(),
            clock: beside.clock.clone(),
            metrics: beside.metrics.clone(),
            mailbox: Arc::default(),
            rounds: Arc::default(),
            indexer: beside.indexer.clone(),
            closed: closed.clone(),
            news: news.clone(),
            condition: beside.condition.clone(),
            sweeper,
            sync_interval,
        }
    }
}

/// The writer at work.
pub(super) struct State {
    pub(super) writer: Writer,
    pub(super) recordings: BTreeMap<Key, Recording>,
    /// Directories with entries that are not yet on the medium.
    pub(super) folders: BTreeSet<PathBuf>,
    /// Whole files whose closed row the index did not take.
    pub(super) unclosed: BTreeMap<Key, Recording>,
    /// Where files end that were cut, until their cameras say how far they had come.
    pub(super) cut: BTreeMap<Key, Timestamp>,
    /// A round is under way.
    pub(super) syncing: bool,
    pub(super) next_round: Instant,
    pub(super) stopping: bool,
}

/// Starts the thread. The receiver's other end is gone once it has ended.
pub(super) fn start(writer: Writer) -> Result<(JoinHandle<()>, Receiver<()>)> {
    let (done, written) = sync_channel(1);
    let body = move || {
        run(writer);
        drop(done);
    };
    let thread = std::thread::Builder::new().name("writer".into()).spawn(body);
    let thread =
        thread.map_err(|error| Error::stop("can't start the writer thread").with(error))?;
    Ok((thread, written))
}

/// The thread's body.
fn run(writer: Writer) {
    let mut state = State {
        writer,
        recordings: BTreeMap::new(),
        folders: BTreeSet::new(),
        unclosed: BTreeMap::new(),
        cut: BTreeMap::new(),
        syncing: false,
        next_round: Instant::now(),
        stopping: false,
    };
    let mut letters = Vec::new();
    loop {
        let wait = state.sync_when_due();
        if state.stopping && state.recordings.is_empty() {
            break;
        }
        match state.writer.mailbox.take(&mut letters, BATCH, wait) {
            Taken::Some => {}
            Taken::Nothing => continue,
            Taken::Closed => break,
        }
        for letter in letters.drain(..) {
            if matches!(letter, Letter::Abandon) {
                state.recordings.clear();
                state.stopping = true;
                break;
            }
            state.read(letter);
        }
    }
    state.writer.mailbox.close();
    state.writer.rounds.close();
}

impl State {
    fn read(&mut self, letter: Letter) {
        match letter {
            Letter::Open { camera, start, refused, charge } => {
                self.open(Recording::new(camera, start, refused));
                drop(charge);
            }
            Letter::Announced { key, result } => self.announced(key, result),
            Letter::Append { key, fragment, charge } => self.append(key, fragment, charge),
            Letter::Close { key, end } => self.close(key, end),
            // Behind the rows of all files that came before it.
            Letter::Took(span) => self.writer.indexer.post_idle(move |c| {
                told::taken(c, &span).map_err(failed("note what was taken of a span"))
            }),
            Letter::Synced(synced) => self.synced(synced),
            Letter::Closed { key, result } => self.row_closed(key, result),
            Letter::Stop => self.stop(),
            Letter::Abandon => {}
        }
    }

    fn open(&mut self, mut recording: Recording) {
        let key = (recording.camera.id, recording.start.sequence);
        // A full place is not asked for a row with each key frame.
        let is_full = self.writer.place.gate.is_shut() && self.is_full(0);
        if self.stopping || is_full || self.recordings.contains_key(&key) {
            recording.refuse();
            return;
        }
        let opening = recording.opening();
        self.recordings.insert(key, recording);
        let mailbox = self.writer.mailbox.clone();
        self.writer.indexer.post(
            move |c| edit::opening(c, &opening).map_err(failed("announce a segment")),
            move |result| drop(mailbox.post(Letter::Announced { key, result })),
        );
    }

    fn announced(&mut self, key: Key, result: Result<()>) {
        let Some(recording) = self.recordings.get(&key) else { return };
        let header = recording.start.header.len() as u64;
        let is_full = result.is_ok() && self.is_full(header);
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        if let Err(error) = result {
            recording.refuse();
            self.cut.insert(key, recording.reached());
            self.recordings.remove(&key);
            self.alarm(&error);
            return;
        }
        if is_full {
            return self.give_up(key);
        }
        let (fs, place) = (&*self.writer.fs, &self.writer.place);
        // An empty mount point would take the file too.
        let made = place
            .check(fs)
            .map_err(Cause::from)
            .and_then(|()| recording.create(fs, &place.root).map_err(Cause::from));
        let waiting = std::mem::take(&mut recording.waiting);
        let end = recording.end_waiting.take();
        match made {
            Ok(folders) => self.folders.extend(folders),
            Err(error) => return self.fail(key, "make", error),
        }
        for (fragment, charge) in waiting {
            self.append(key, fragment, charge);
        }
        if let Some(end) = end {
            self.close(key, end);
        }
        if self.stopping {
            self.stop_growing(key);
        }
        self.close_again();
    }

    fn append(&mut self, key: Key, fragment: Fragment, charge: Charge) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        match recording.stage {
            _ if recording.is_refused() => return,
            Stage::Announced => return recording.waiting.push((fragment, charge)),
            Stage::Open => {}
            Stage::Ending | Stage::Closing => return,
        }
        if self.is_full(fragment.data.len() as u64) {
            return self.give_up(key);
        }
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        if let Err(error) = recording.append(&fragment) {
            self.fail(key, "write", error);
        }
    }

    fn close(&mut self, key: Key, end: SegmentEnd) {
        if let Some(start) = self.cut.remove(&key) {
            self.tell_lost(key, start, end.end);
        }
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        match recording.stage {
            Stage::Announced => recording.end_waiting = Some(end),
            Stage::Open if recording.has_video() => {
                if self.is_full(end.trailer.len() as u64) {
                    return self.give_up(key);
                }
                let Some(recording) = self.recordings.get_mut(&key) else { return };
                if let Err(error) = recording.end(&end) {
                    self.fail(key, "end", error);
                }
            }
            Stage::Open => self.discard(key),
            Stage::Ending | Stage::Closing => {}
        }
    }

    fn stop(&mut self) {
        self.stopping = true;
        self.close_again();
        for key in self.recordings.keys().copied().collect::<Vec<_>>() {
            self.stop_growing(key);
        }
    }

    /// Ends a file that its camera did not end. One that is still announced ends once it is made:
    /// what its camera handed over is kept.
    fn stop_growing(&mut self, key: Key) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        if recording.stage != Stage::Open {
            return;
        }
        recording.refuse();
        match recording.cut(recording.written) {
            Ok(true) => {}
            Ok(false) => self.discard(key),
            Err(_) => self.leave(key),
        }
    }
}
