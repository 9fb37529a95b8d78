//! One camera's door to the disk: the store's side of `record::Sink`.
//!
//! Never waits. Keeps the camera's bound on bytes that wait for the disk; what goes over it is
//! refused and counted. Must not know files.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::sync::{Notify, broadcast};

use super::StoredGap;
use super::index::thread::Indexer;
use super::index::{edit, failed};
use super::mailbox::Mailbox;
use super::news::News;
use super::places::PlaceId;
use super::retain::load::Load;
use super::settings::CameraSettings;
use super::writer::Letter;
use crate::base::limits::DISK_QUEUE_BYTES;
use crate::base::metrics::{self, Metrics};
use crate::record::{Fragment, Full, GapMark, SegmentEnd, SegmentStart, Sink};

/// What a letter costs beside its bytes.
const LETTER_BYTES: usize = 256;
/// Gaps on their way to the index; more are made one.
const GAPS_MAX: usize = 64;

/// What all threads know of a camera.
pub(super) struct Camera {
    pub(super) id: i64,
    pub(super) name: String,
    /// Where its files go.
    pub(super) place: PlaceId,
    /// How long its files are planned to be.
    pub(super) segment: Duration,
    /// Its open files.
    pub(super) load: Load,
    pub(super) fragments: Counter,
    pub(super) written_bytes: Counter,
    pub(super) segments: Counter,
    drops: Counter,
    /// Bytes that may wait for the disk.
    bytes_max: usize,
    queued_bytes: AtomicUsize,
    /// Some of them were written, or given up.
    emptied: Notify,
    queued_gaps: AtomicUsize,
    /// Gone with this: see [`Camera::watch`].
    _here: Option<SyncSender<()>>,
}

impl Camera {
    pub(super) fn new(id: i64, name: &str, settings: CameraSettings, metrics: &Metrics) -> Self {
        let label = metrics::Camera { camera: name.to_owned() };
        let edge = metrics::Edge { camera: name.to_owned(), edge: "disk" };
        Self {
            id,
            name: name.to_owned(),
            place: settings.place,
            segment: settings.segment,
            load: Load::default(),
            fragments: metrics.fragments.get_or_create(&label).clone(),
            written_bytes: metrics.written_bytes.get_or_create(&label).clone(),
            segments: metrics.segments.get_or_create(&label).clone(),
            drops: metrics.drops.get_or_create(&edge).clone(),
            bytes_max: DISK_QUEUE_BYTES.saturating_add(settings.burst_bytes),
            queued_bytes: AtomicUsize::new(0),
            emptied: Notify::new(),
            queued_gaps: AtomicUsize::new(0),
            _here: None,
        }
    }

    /// Tells, by the end of the other side, that nobody knows this camera any more: its sink and the
    /// last of its files are gone.
    pub(super) fn watch(&mut self) -> Receiver<()> {
        let (here, gone) = sync_channel(0);
        self._here = Some(here);
        gone
    }

    /// An eighth of what may wait for the disk waits.
    pub(super) fn is_behind(&self) -> bool {
        self.queued_bytes() > self.bytes_max / 8
    }

    /// Bytes that wait for the disk.
    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes.load(Ordering::Relaxed)
    }
}

/// Bytes of a camera that wait for the disk, until this is dropped.
pub(super) struct Charge {
    camera: Arc<Camera>,
    bytes: usize,
}

impl Charge {
    fn take(camera: &Arc<Camera>, bytes: usize) -> Result<Self, Full> {
        let bytes = bytes.saturating_add(LETTER_BYTES);
        let charge = Self { camera: camera.clone(), bytes };
        let before = camera.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        // An empty queue takes anything: the camera's units are bounded before they come here.
        if before > 0 && before.saturating_add(bytes) > camera.bytes_max {
            camera.drops.inc();
            return Err(Full);
        }
        Ok(charge)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.camera.queued_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.camera.emptied.notify_one();
    }
}

/// What of a camera waits for the disk, for one who can wait himself: nothing of what he has is refused
/// then. Of no use to more than one at a time.
pub struct Backlog(Arc<Camera>);

impl Backlog {
    /// So much waits that he should.
    pub fn is_long(&self) -> bool {
        self.0.is_behind()
    }

    /// Waits until it is not long. Can be dropped and called again.
    pub async fn shrinks(&self) {
        while self.is_long() {
            self.0.emptied.notified().await;
        }
    }
}

/// The way of one camera's segments to the disk. Made by `Store::camera`.
pub struct CameraSink {
    camera: Arc<Camera>,
    writer: Arc<Mailbox<Letter>>,
    indexer: Indexer,
    news: broadcast::Sender<News>,
    /// The files that may be appended to, and whether the writer has refused them since.
    open: Vec<(u64, Arc<AtomicBool>)>,
    /// A gap that waits for room among those on their way.
    held_gap: Option<GapMark>,
}

impl CameraSink {
    pub(super) fn new(
        camera: Arc<Camera>,
        writer: Arc<Mailbox<Letter>>,
        indexer: Indexer,
        news: broadcast::Sender<News>,
    ) -> Self {
        Self { camera, writer, indexer, news, open: Vec::new(), held_gap: None }
    }

    /// Says that the recorder has handed over what it had of a span: once the files that it has
    /// opened until now have their rows, this is noted with the span.
    pub fn took(&mut self, span: &str) {
        // After shutdown there is nothing to note: the next start knows.
        let _ = self.post(Letter::Took(span.into()));
    }

    /// For one who can wait for the disk.
    pub fn backlog(&self) -> Backlog {
        Backlog(self.camera.clone())
    }

    fn post(&self, letter: Letter) -> Result<(), Full> {
        self.writer.post(letter).map_err(|_| Full)
    }

    fn post_gap(&self, mark: GapMark) {
        self.camera.queued_gaps.fetch_add(1, Ordering::Relaxed);
        let camera = self.camera.clone();
        let id = camera.id;
        let (news, said) = (self.news.clone(), StoredGap::of(camera.name.clone(), &mark));
        let then = move |result: Result<(), crate::base::Error>| {
            camera.queued_gaps.fetch_sub(1, Ordering::Relaxed);
            if let Err(error) = &result {
                tracing::error!(camera = camera.name, error = error.chain(), "gap not stored");
            }
            // A gap without a row is one all the same. Nobody may be listening.
            let _ = news.send(News::Gap(said));
        };
        self.indexer.post(move |c| edit::gap(c, id, &mark).map_err(failed("store a gap")), then);
    }
}

impl Sink for CameraSink {
    fn open(&mut self, start: SegmentStart) -> Result<(), Full> {
        let charge = Charge::take(&self.camera, start.header.len())?;
        let refused = Arc::new(AtomicBool::new(false));
        let sequence = start.sequence;
        let camera = self.camera.clone();
        self.post(Letter::Open { camera, start, refused: refused.clone(), charge })?;
        self.open.push((sequence, refused));
        Ok(())
    }

    fn append(&mut self, sequence: u64, fragment: Fragment) -> Result<(), Full> {
        let known = self.open.iter().find(|(open, _)| *open == sequence);
        if known.is_none_or(|(_, refused)| refused.load(Ordering::Acquire)) {
            self.camera.drops.inc();
            return Err(Full);
        }
        let charge = Charge::take(&self.camera, fragment.data.len())?;
        self.post(Letter::Append { key: (self.camera.id, sequence), fragment, charge })
    }

    fn close(&mut self, sequence: u64, end: SegmentEnd) {
        self.open.retain(|(open, _)| *open != sequence);
        // After shutdown the writer has closed the file itself.
        let _ = self.post(Letter::Close { key: (self.camera.id, sequence), end });
    }

    fn gap(&mut self, gap: GapMark) {
        let mark = match self.held_gap.take() {
            None => gap,
            Some(held) if held.start == gap.start => gap,
            Some(held) => GapMark { start: held.start, ..gap },
        };
        if self.camera.queued_gaps.load(Ordering::Relaxed) < GAPS_MAX {
            self.post_gap(mark);
        } else {
            self.held_gap = Some(mark);
        }
    }
}

impl Drop for CameraSink {
    fn drop(&mut self) {
        if let Some(mark) = self.held_gap.take() {
            self.post_gap(mark);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    impl Camera {
        pub(in super::super) fn drops(&self) -> u64 {
            self.drops.get()
        }
    }

    impl CameraSink {
        /// Bytes of the camera wait for the disk.
        pub(in super::super) fn is_waiting(&self) -> bool {
            self.camera.queued_bytes.load(Ordering::Relaxed) > 0
        }
    }

    #[test]
    fn who_can_wait_waits_until_the_disk_has_room() {
        use futures::FutureExt as _;

        let (sink, camera) = stalled();
        let backlog = sink.backlog();
        assert!(backlog.shrinks().now_or_never().is_some());
        let small = Charge::take(&camera, 1000).unwrap();
        let large = Charge::take(&camera, camera.bytes_max / 8).unwrap();
        assert!(backlog.is_long());
        assert!(backlog.shrinks().now_or_never().is_none());
        drop(small);
        drop(large);
        assert!(backlog.shrinks().now_or_never().is_some());
    }

    /// A sink whose writer never reads.
    pub(in super::super) fn stalled() -> (CameraSink, Arc<Camera>) {
        let metrics = Metrics::default();
        let camera = Arc::new(Camera::new(1, "gate", CameraSettings::default(), &metrics));
        let folder = tempfile::tempdir().unwrap();
        let connection = super::super::index::open(&folder.path().join("i")).unwrap();
        let (indexer, _) = Indexer::start(connection, metrics, || ()).unwrap();
        let (news, _) = broadcast::channel(1);
        (CameraSink::new(camera.clone(), Arc::default(), indexer, news), camera)
    }
}
