//! The task around one camera's recorder: packets, spans and time in, segments to the store.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

use super::{camera_events, status};
use crate::analyze::{UnitTaps, UnitTee};
use crate::base::clock::Clock;
use crate::base::metrics::{self, FloatGauge, Metrics};
use crate::events::Bus;
use crate::ingest::timeline::TimelineHandle;
use crate::ingest::{Item, queue};
use crate::policy::Span;
use crate::policy::spans::Reach;
use crate::record::{self, Recorder};
use crate::store::{Backlog, CameraSink};

/// Packets taken in one go before spans and timers get their turn.
const BATCH_MAX: usize = 256;

/// A camera without key frames for so long is told of: its file can't be ended.
const KEYLESS: Duration = Duration::from_secs(600);

/// While no file is written, the time line may follow the host's clock so often.
const IDLE: Duration = Duration::from_secs(60);

/// What the task needs.
pub(super) struct Task {
    pub(super) camera: String,
    pub(super) recorder: Recorder<CameraSink>,
    pub(super) packets: queue::Receiver,
    /// Where the source can wait for the disk, and is made to.
    pub(super) backlog: Option<Backlog>,
    pub(super) spans: mpsc::Receiver<Span>,
    /// Since when everything is to be kept, while nobody healthy judges.
    pub(super) fail_open: watch::Receiver<Option<Instant>>,
    pub(super) reach: Reach,
    /// The camera's time line may follow the host's clock where a file starts.
    pub(super) timeline: TimelineHandle,
    /// When it was last told so.
    pub(super) anchored: Instant,
    /// The epoch of the video that is on disk already.
    pub(super) epoch: Option<u32>,
    /// Analyzers that may want access units of the recorded stream.
    pub(super) units: UnitTaps,
    /// Whether the camera delivers, for those who ask.
    pub(super) connection: Arc<Mutex<status::Connection>>,
    pub(super) bus: Bus,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    pub(super) preroll: FloatGauge,
    /// It was said that the ring is short of bytes.
    pub(super) ring_short: bool,
    /// It was said that key frames are missing.
    pub(super) keyless: bool,
}

impl Task {
    /// Records until `shutdown`; the last segment is closed then. Where ingest ends before that it
    /// is closed at once, and what the judges still ask for is written from the pre-roll ring.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let mut tee = UnitTee::new(self.units.clone());
        let mut connection =
            camera_events::Connection::new(&self.camera, self.connection.clone(), self.epoch);
        let timer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(timer);
        let mut armed: Option<Instant> = None;
        let mut sequence = self.recorder.next_sequence();
        let mut ended = false;
        loop {
            arm(&mut armed, timer.as_mut(), self.recorder.deadline());
            tokio::select! {
                biased;
                Some(span) = self.spans.recv() => {
                    self.span(&span);
                    self.show();
                }
                Ok(()) = self.fail_open.changed() => self.fail_open(),
                () = timer.as_mut(), if armed.is_some() => {
                    armed = None;
                    self.recorder.tick(Instant::now());
                }
                item = next(&mut self.packets, self.backlog.as_ref()), if !ended => {
                    let Some(item) = item else {
                        ended = true;
                        self.recorder.finish(Instant::now());
                        continue;
                    };
                    self.take(item, &mut tee, &mut connection);
                    for _ in 1..BATCH_MAX {
                        if self.backlog.as_ref().is_some_and(Backlog::is_long) {
                            break;
                        }
                        let Some(item) = self.packets.try_recv() else { break };
                        self.take(item, &mut tee, &mut connection);
                    }
                    let files = self.recorder.next_sequence();
                    self.reanchor(std::mem::replace(&mut sequence, files) != files);
                    self.tell_figures();
                }
                () = shutdown.cancelled() => break,
            }
        }
        // What came between the look at the queue and the look at `shutdown` is recorded too.
        while let Some(item) = self.packets.try_recv() {
            self.take(item, &mut tee, &mut connection);
        }
        while let Ok(span) = self.spans.try_recv() {
            self.span(&span);
        }
        self.recorder.finish(Instant::now());
    }

    fn take(&mut self, item: Item, tee: &mut UnitTee, connection: &mut camera_events::Connection) {
        let now = Instant::now();
        if let Some(event) = connection.observe(&item, self.clock.wall()) {
            // A session that has just begun finds its anchor by itself.
            self.anchored = now;
            self.bus.announce(&self.camera, event);
        }
        match item {
            Item::Video(unit) => {
                tee.video(&unit);
                self.recorder.video(unit, now);
            }
            Item::Audio(frame) => self.recorder.audio(frame, now),
            Item::Gap(gap) => {
                tee.gap();
                self.recorder.gap(gap, now);
            }
        }
    }

    fn span(&mut self, span: &Span) {
        self.recorder.span(span, Instant::now());
        self.recorder.sink_mut().took(&span.id);
    }

    /// Shows those who ask what is recorded now.
    fn show(&self) {
        let wanted = self.recorder.is_wanted();
        let recording = self.recorder.figures().recording;
        let mut shown = self.connection.lock().expect("no panic under this lock");
        (shown.wanted, shown.recording_file) = (wanted, recording);
    }

    /// Lets the time line follow the clock where a file starts, and now and then while there is
    /// none: otherwise it would be far off by the time that a span asks for one.
    fn reanchor(&mut self, file_began: bool) {
        let idle = self.anchored.elapsed() >= IDLE && !self.recorder.figures().recording;
        if file_began || idle {
            self.anchored = Instant::now();
            self.timeline.reanchor_due();
        }
    }

    fn tell_figures(&mut self) {
        self.show();
        let record::Figures { ring, ring_short, since_key, .. } = self.recorder.figures();
        if ring_short && !self.ring_short {
            tracing::warn!(
                camera = self.camera,
                seconds = ring.as_secs(),
                "`preroll-bytes` bounds the video in memory before `preroll` does: raise it"
            );
        }
        self.ring_short = ring_short;
        let keyless = since_key >= KEYLESS;
        if keyless && !self.keyless {
            tracing::error!(
                camera = self.camera,
                "no key frame for ten minutes: the file can't be ended; set a key frame interval \
                 of seconds in the camera"
            );
            let now = self.timeline.media_now(Instant::now());
            let id = format!("{}/host/camera.keyless/{}", self.camera, now.micros());
            let event = camera_events::instant(id, "camera.keyless", now, Vec::new());
            self.bus.announce(&self.camera, event);
        }
        self.keyless = keyless;
        self.preroll.set(ring.as_secs_f64());
        // Also without a ring: what is to come can be reached, whatever the clock did before.
        self.reach.set_ring_start(Some(self.timeline.media_now(Instant::now()) - ring));
    }

    /// The outage is told on the monotonic clock; the recorder wants media time.
    fn fail_open(&mut self) {
        let since = *self.fail_open.borrow_and_update();
        let now = Instant::now();
        let since_media = since.map(|since| self.timeline.media_now(since));
        let labels = metrics::Camera { camera: self.camera.clone() };
        self.metrics.fail_open.get_or_create(&labels).set(i64::from(since.is_some()));
        self.recorder.fail_open(since_media, now);
        self.show();
    }
}

/// The next packet: not before the disk has room for it, where that is waited for.
async fn next(packets: &mut queue::Receiver, backlog: Option<&Backlog>) -> Option<Item> {
    if let Some(backlog) = backlog {
        backlog.shrinks().await;
    }
    packets.recv().await
}

/// Sets the timer only when the deadline is another: most packets leave it as it is.
fn arm(armed: &mut Option<Instant>, timer: std::pin::Pin<&mut Sleep>, deadline: Option<Instant>) {
    if *armed != deadline {
        if let Some(deadline) = deadline {
            timer.reset(deadline);
        }
        *armed = deadline;
    }
}
