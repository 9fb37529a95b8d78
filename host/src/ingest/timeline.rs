//! A camera's media time line: which UTC moment a media time is.
//!
//! Takes media times with the moment of their arrival (monotonic and wall clock); gives UTC. Inside
//! a file times are the camera's own; only this line ties them to the world. Pure but for the
//! figures that a [`TimelineHandle`] shares. Knows no RTSP and no queue.
//!
//! The line is anchored at the smallest (arrival - media) of a session's first two seconds, since
//! a packet can be late but never early; or, where the camera's own clock is to be followed, at
//! what its sender reports say. Later the clocks drift: the recorder says when a file starts
//! ([`TimelineHandle::reanchor_due`]), and then the anchor follows, by at most 500 ppm of the time
//! since it last moved. What is more than drift begins a new epoch: a step of the host's clock, of
//! a camera's that is followed, a lag that slewing can't catch up with, and a session that would
//! lie before the end of the one before it. Within an epoch no session lies before the last.

mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use self::session::{Seen, Session};
use crate::base::Timestamp;
use crate::base::clock::Clock;
use crate::base::limits::EVENT_LEAD;
use crate::base::time::micros;

/// Clocks that part by more than this, beyond what slewing explains, have stepped.
const STEP_MICROS: i64 = 250_000;

/// The most that the anchor moves, in parts per million of the time since it last did; also the
/// most that a system slews its clock.
const SLEW_PPM: i64 = 500;

/// A time by sender reports that is further than this from the time by arrival is not believed
/// when it aligns a second stream.
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
    /// By the camera's own clock, as its sender reports tell; by arrival before the first.
    Camera,
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
    /// Where the sessions before this one ended, in this epoch.
    floor: Option<Timestamp>,
    /// The camera's clock less the host's, microseconds; 0 unless it is followed.
    ahead: i64,
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
        let (last, session, floor, ahead) = (None, None, None, 0);
        Self { handle, reference: None, last, suspected: false, session, floor, ahead }
    }

    /// Goes on where the camera's earlier runs ended: in their last epoch, and not before `end`,
    /// the end of its video.
    #[must_use]
    pub fn resuming(mut self, epoch: u32, end: Option<Timestamp>) -> Self {
        self.handle.shared.epoch.store(epoch, Ordering::Relaxed);
        self.floor = end;
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

    /// Counts steps of the clock.
    pub fn epoch(&self) -> u32 {
        self.handle.shared.epoch.load(Ordering::Relaxed)
    }

    /// A session begins: the next media time has nothing to do with those before.
    pub fn begin(&mut self) {
        let end = self.session.take().and_then(|session| session.end());
        self.floor = self.floor.max(end);
    }

    /// UTC of a unit with media time `media` (microseconds) that has just arrived.
    pub fn place(&mut self, media: i64, arrival: Arrival, anchoring: Anchoring) -> Timestamp {
        if let Some(by) = self.stepped(arrival) {
            self.follow_step(by);
        }
        let shared = &self.handle.shared;
        let doubtful = self.suspected;
        let reanchor = !doubtful
            && shared.reanchor.load(Ordering::Relaxed)
            && shared.reanchor.swap(false, Ordering::Relaxed);
        let mut seen = Seen { media: sane(media), arrival, reanchor, doubtful };
        let session = match self.session.take() {
            Some(session) => session,
            None => {
                // Of a file before this session.
                seen.reanchor = false;
                self.start(seen, anchoring)
            }
        };
        let session = self.session.insert(session);
        let observed = session.observe(seen);
        let (time, lag) = (session.time(seen.media), session.lag());
        if observed.jumped {
            self.new_epoch();
        }
        match anchoring {
            // Pictures come in decoding order: only the latest moves the line.
            Anchoring::At(_) if observed.latest => self.handle.show(arrival.at, time.micros()),
            Anchoring::Arrival | Anchoring::Camera if observed.changed => {
                self.handle.show(arrival.at, arrival.wall.micros() + lag);
            }
            _ => {}
        }
        time
    }

    /// UTC of media time `media`, without moving anything. `None` before the first unit.
    pub fn at(&self, media: i64) -> Option<Timestamp> {
        self.session.as_ref().map(|session| session.time(sane(media)))
    }

    /// The camera's own clock showed `ntp` (microseconds, any epoch) at media time `media`. Gives
    /// how far it is from the host's clock where it should be followed, but is not believed.
    pub fn report(&mut self, media: i64, ntp: i64) -> Option<Duration> {
        let session = self.session.as_mut()?;
        let (media, ntp) = (sane(media), sane(ntp));
        let anchor = ntp - media;
        let mut apart = None;
        if session.anchoring == Anchoring::Camera {
            let ahead = anchor - session.least_late();
            if ahead.abs() > micros(EVENT_LEAD) {
                apart = Some(Duration::from_micros(ahead.unsigned_abs()));
            } else if session.told(anchor) {
                self.ahead = ahead;
                if session.follow(anchor) {
                    self.new_epoch();
                }
            }
        } else if let Some(offset) = self.reference.as_ref().and_then(TimelineHandle::reported) {
            session.align(anchor + offset);
        }
        let offset = self.session.as_ref()?.time(media).micros() - ntp;
        self.handle.shared.report.store(offset, Ordering::Relaxed);
        apart
    }

    /// By how much the wall clock went another way than the monotonic clock since the last
    /// arrival. Two arrivals have to say so: between reading two clocks a thread may be made to
    /// wait. A session that begins has nothing to lose: there one is enough.
    fn stepped(&mut self, arrival: Arrival) -> Option<i64> {
        let Some(last) = self.last else {
            self.last = Some(arrival);
            return None;
        };
        let passed = arrival.at - last.at;
        let by = arrival.wall.micros_since(last.wall + passed);
        let differs = by.abs() > STEP_MICROS.saturating_add(slewed(passed));
        let stepped = differs && (self.suspected || self.session.is_none());
        self.suspected = differs && !stepped;
        if !self.suspected {
            self.last = Some(arrival);
        }
        stepped.then_some(by)
    }

    /// The host's clock stepped. Where the camera's is followed its times go on, unless the two
    /// are too far apart now.
    fn follow_step(&mut self, by: i64) {
        if let Some(session) = self.session.as_mut().filter(|session| session.is_by_camera()) {
            session.host_stepped(by);
            self.ahead -= by;
            if self.ahead.abs() <= micros(EVENT_LEAD) {
                return;
            }
        }
        self.session = None;
        self.ahead = 0;
        self.new_epoch();
    }

    /// The session of a first unit: not before the end of the one before it. What is a little
    /// early is shifted, and slewed back later; what is more begins an epoch.
    fn start(&mut self, first: Seen, anchoring: Anchoring) -> Session {
        let wish = match anchoring {
            Anchoring::Arrival => first.late(),
            Anchoring::Camera => first.late() + self.ahead,
            Anchoring::At(start) => start.micros(),
        };
        let shift_max = if let Anchoring::At(_) = anchoring { 0 } else { STEP_MICROS };
        let lacking = self.floor.map_or(0, |floor| floor.micros() - (wish + first.media));
        if lacking > shift_max {
            self.new_epoch();
        }
        Session::new(first, anchoring, wish, self.floor)
    }

    fn new_epoch(&mut self) {
        self.handle.shared.epoch.fetch_add(1, Ordering::Relaxed);
        self.handle.shared.report.store(NO_REPORT, Ordering::Relaxed);
        self.floor = None;
    }
}

/// Times that a camera can send, kept where sums of a few do not overflow.
pub(super) fn sane(micros: i64) -> i64 {
    micros.clamp(-Timestamp::MAX.micros(), Timestamp::MAX.micros())
}

/// What slewing may move a clock, or is allowed to move an anchor, in so long; microseconds.
fn slewed(passed: Duration) -> i64 {
    micros(passed).saturating_mul(SLEW_PPM) / 1_000_000
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
