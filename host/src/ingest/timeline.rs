//! A camera's media time line: which UTC moment a media time is.
//!
//! Takes media times with the moment of their arrival (monotonic and wall clock); gives UTC. Inside
//! a file times are the camera's own; only this line ties them to the world. Pure but for the
//! figures that a [`TimelineHandle`] shares. Knows no RTSP and no queue.
//!
//! The line is anchored at the smallest (arrival - media) of a session's first two seconds, since
//! a packet can be late but never early. Later the camera's clock drifts against the host's: the
//! recorder says when a file starts ([`TimelineHandle::reanchor_due`]), and then the anchor follows,
//! by at most 500 ppm of the time since it last moved. A step of the host's clock begins a new epoch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::base::Timestamp;
use crate::base::clock::Clock;
use crate::base::time::micros;

/// How long a session's anchor is a running minimum.
const SETTLING: Duration = Duration::from_secs(2);

/// Wall clock against monotonic clock: more than this is a step. NTP slews below it.
const STEP_MICROS: i64 = 250_000;

/// The most that the anchor moves, in parts per million of the time since it last did.
const SLEW_PPM: i64 = 500;

/// Drift is judged by the least late packet of two such stretches.
const WINDOW: Duration = Duration::from_secs(10);

/// A time by sender reports that is further than this from the time by arrival is not believed.
const REPORT_TRUST_MICROS: i64 = 2_000_000;

/// The moment at which something arrived, on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Monotonic.
    pub at: Instant,
    /// The host's wall clock at that moment.
    pub wall: Timestamp,
}

impl Arrival {
    /// This moment.
    pub fn now(clock: &dyn Clock) -> Self {
        Self { at: Instant::now(), wall: clock.wall() }
    }
}

/// How a session's media times become UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchoring {
    /// By arrival: a camera that is there now.
    Arrival,
    /// Media time 0 is this moment: a file.
    At(Timestamp),
}

/// The writing end, held by ingest for the whole life of a camera.
#[derive(Debug)]
pub struct Timeline {
    handle: TimelineHandle,
    /// Sender reports of this camera's other stream, which this one is aligned with.
    reference: Option<TimelineHandle>,
    /// The last arrival, to notice steps.
    last: Option<Arrival>,
    /// The last arrival looked as after a step: the next one decides.
    suspected: bool,
    session: Option<Session>,
}

#[derive(Debug)]
struct Session {
    anchoring: Anchoring,
    started: Instant,
    /// UTC of media time 0, microseconds.
    anchor: i64,
    /// Aligned by sender reports: arrivals do not move it.
    by_report: bool,
    moved: Instant,
    window_started: Instant,
    /// The smallest (arrival - media) in this window and in the one before.
    least: i64,
    least_before: i64,
    /// The latest time of a file that was shown to other stages.
    shown: Option<Timestamp>,
}

impl Timeline {
    /// A line on which nothing has happened yet. `now` is what it shows until something does.
    pub fn new(now: Arrival) -> Self {
        let shared = Shared {
            origin: now.at,
            now_at_origin: AtomicI64::new(now.wall.micros()),
            epoch: AtomicU32::new(0),
            reanchor: AtomicBool::new(false),
            report: AtomicI64::new(NO_REPORT),
        };
        let handle = TimelineHandle { shared: Arc::new(shared) };
        Self { handle, reference: None, last: None, suspected: false, session: None }
    }

    /// Counts epochs from here on, where the camera's earlier runs ended.
    #[must_use]
    pub fn from_epoch(self, epoch: u32) -> Self {
        self.handle.shared.epoch.store(epoch, Ordering::Relaxed);
        self
    }

    /// Follows another stream of the same camera wherever both have sender reports.
    #[must_use]
    pub fn aligned_with(mut self, reference: TimelineHandle) -> Self {
        self.reference = Some(reference);
        self
    }

    /// The reading end, for other stages.
    pub fn handle(&self) -> TimelineHandle {
        self.handle.clone()
    }

    /// Counts steps of the host's clock.
    pub fn epoch(&self) -> u32 {
        self.handle.shared.epoch.load(Ordering::Relaxed)
    }

    /// A session begins: the next media time has nothing to do with those before.
    pub fn begin(&mut self) {
        self.session = None;
    }

    /// UTC of a unit with media time `media` (microseconds) that has just arrived.
    pub fn place(&mut self, media: i64, arrival: Arrival, anchoring: Anchoring) -> Timestamp {
        if self.stepped(arrival) {
            self.handle.shared.epoch.fetch_add(1, Ordering::Relaxed);
            self.session = None;
        }
        let reanchor = self.handle.shared.reanchor.load(Ordering::Relaxed)
            && self.handle.shared.reanchor.swap(false, Ordering::Relaxed);
        let media = sane(media);
        let late = arrival.wall.micros() - media;
        let session = self.session.get_or_insert_with(|| Session::new(arrival, late, anchoring));
        match anchoring {
            Anchoring::At(_) => {
                // Pictures come in decoding order: only the latest moves the line.
                let time = session.time(media);
                if session.shown.is_none_or(|shown| time > shown) {
                    session.shown = Some(time);
                    self.handle.show(arrival.at, time.micros());
                }
                time
            }
            Anchoring::Arrival => {
                if session.observe(late, arrival, reanchor) {
                    let lag = session.anchor - session.least_late();
                    self.handle.show(arrival.at, arrival.wall.micros() + lag);
                }
                session.time(media)
            }
        }
    }

    /// UTC of media time `media`, without moving anything. `None` before the first unit.
    pub fn at(&self, media: i64) -> Option<Timestamp> {
        self.session.as_ref().map(|session| session.time(sane(media)))
    }

    /// The camera's own clock showed `ntp` (microseconds, any epoch) at media time `media`.
    pub fn report(&mut self, media: i64, ntp: i64) {
        let Some(session) = &mut self.session else { return };
        let (media, ntp) = (sane(media), sane(ntp));
        if let Some(offset) = self.reference.as_ref().and_then(TimelineHandle::reported) {
            let anchor = ntp + offset - media;
            if (anchor - session.least_late()).abs() <= REPORT_TRUST_MICROS {
                session.anchor = anchor;
                session.by_report = true;
            }
        }
        let offset = session.anchor + media - ntp;
        self.handle.shared.report.store(offset, Ordering::Relaxed);
    }

    /// The wall clock went another way than the monotonic clock since the last arrival. Two
    /// arrivals have to say so: between reading two clocks a thread may be made to wait.
    fn stepped(&mut self, arrival: Arrival) -> bool {
        let Some(last) = self.last else {
            self.last = Some(arrival);
            return false;
        };
        let expected = last.wall + (arrival.at - last.at);
        let differs = arrival.wall.micros_since(expected).abs() > STEP_MICROS;
        let stepped = differs && self.suspected;
        self.suspected = differs && !stepped;
        if !self.suspected {
            self.last = Some(arrival);
        }
        stepped
    }
}

impl Session {
    fn new(arrival: Arrival, late: i64, anchoring: Anchoring) -> Self {
        let anchor = match anchoring {
            Anchoring::Arrival => late,
            Anchoring::At(start) => start.micros(),
        };
        Self {
            anchoring,
            started: arrival.at,
            anchor,
            by_report: false,
            moved: arrival.at,
            window_started: arrival.at,
            least: late,
            least_before: late,
            shown: None,
        }
    }

    fn time(&self, media: i64) -> Timestamp {
        Timestamp::from_micros(self.anchor + media)
    }

    fn least_late(&self) -> i64 {
        self.least.min(self.least_before)
    }

    /// Gives whether what other stages are shown has to change.
    fn observe(&mut self, late: i64, arrival: Arrival, reanchor: bool) -> bool {
        debug_assert_eq!(self.anchoring, Anchoring::Arrival);
        let mut changed = late <= self.least_late();
        if arrival.at - self.window_started >= WINDOW {
            self.window_started = arrival.at;
            self.least_before = self.least;
            self.least = late;
            changed = true;
        }
        self.least = self.least.min(late);
        if self.by_report {
            return changed;
        }
        if arrival.at - self.started <= SETTLING {
            self.anchor = self.anchor.min(late);
            self.moved = arrival.at;
        } else if reanchor {
            let most = micros(arrival.at - self.moved) / 1_000_000 * SLEW_PPM;
            self.anchor += (self.least_late() - self.anchor).clamp(-most, most);
            self.moved = arrival.at;
            changed = true;
        }
        changed
    }
}

/// Times that a camera can send, kept where sums of a few do not overflow.
pub(super) fn sane(micros: i64) -> i64 {
    micros.clamp(-Timestamp::MAX.micros(), Timestamp::MAX.micros())
}

const NO_REPORT: i64 = i64::MIN;

/// What other stages may know and say of a camera's time line. Clones share it.
#[derive(Clone, Debug)]
pub struct TimelineHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    origin: Instant,
    /// The media time line's now at `origin`, microseconds: it runs with the monotonic clock.
    now_at_origin: AtomicI64,
    epoch: AtomicU32,
    reanchor: AtomicBool,
    /// UTC less the camera's own clock, microseconds, or `NO_REPORT`.
    report: AtomicI64,
}

impl TimelineHandle {
    /// Where the camera's media time line is at `moment`: the time that a picture taken then will
    /// have. While the camera is away it runs on with the host's clock.
    pub fn media_now(&self, moment: Instant) -> Timestamp {
        let at_origin = self.shared.now_at_origin.load(Ordering::Relaxed);
        Timestamp::from_micros(at_origin.saturating_add(self.since_origin(moment)))
    }

    /// A file starts: the line may follow the host's clock now, from the next unit on.
    pub fn reanchor_due(&self) {
        self.shared.reanchor.store(true, Ordering::Relaxed);
    }

    /// Counts steps of the host's clock.
    pub fn epoch(&self) -> u32 {
        self.shared.epoch.load(Ordering::Relaxed)
    }

    fn reported(&self) -> Option<i64> {
        Some(self.shared.report.load(Ordering::Relaxed)).filter(|&offset| offset != NO_REPORT)
    }

    fn show(&self, moment: Instant, now: i64) {
        let at_origin = now.saturating_sub(self.since_origin(moment));
        self.shared.now_at_origin.store(at_origin, Ordering::Relaxed);
    }

    fn since_origin(&self, moment: Instant) -> i64 {
        micros(moment.saturating_duration_since(self.shared.origin))
            - micros(self.shared.origin.saturating_duration_since(moment))
    }
}

#[cfg(test)]
mod tests;
