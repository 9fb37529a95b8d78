//! The part of a media time line that one session of a camera draws: its anchor, and what moves it.
//!
//! Pure. Knows no epoch and no other session.

use std::time::Duration;

use tokio::time::Instant;

use super::{Anchoring, Arrival, REPORT_TRUST_MICROS, STEP_MICROS, slewed};
use crate::base::Timestamp;

/// How long a session's anchor is a running minimum, unless a file begins meanwhile: a file has one
/// time line, and the next must not begin before it ends.
const SETTLING: Duration = Duration::from_secs(2);

/// Drift is judged by the least late packet of two such stretches.
const WINDOW: Duration = Duration::from_secs(10);

/// A line further than this from what it follows would be slewed for hours (500 ppm of 3 h are
/// 5.4 s): it jumps, in a new epoch.
const LAG_MAX_MICROS: i64 = 5_000_000;

/// Until two pictures were seen: 30 a second.
const PICTURE_MICROS: i64 = 33_334;

/// No distance of pictures is longer; it is a gap.
const PICTURE_MICROS_MAX: i64 = 10_000_000;

/// A unit as the line sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Microseconds, sane.
    pub(super) media: i64,
    pub(super) arrival: Arrival,
    /// A file has just started: the anchor may move.
    pub(super) reanchor: bool,
    /// The clock may have stepped: this arrival moves nothing.
    pub(super) doubtful: bool,
}

impl Seen {
    /// UTC of media time 0, if this unit was not late at all.
    pub(super) fn late(self) -> i64 {
        self.arrival.wall.micros() - self.media
    }
}

/// What a unit did to the line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Observed {
    /// What other stages are shown has to change.
    pub(super) changed: bool,
    /// No unit so far is shown later.
    pub(super) latest: bool,
    /// The anchor moved by more than slewing may.
    pub(super) jumped: bool,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) anchoring: Anchoring,
    started: Instant,
    /// The anchor is no running minimum any more.
    settled: bool,
    /// UTC of media time 0, microseconds.
    anchor: i64,
    /// The anchor that the camera's clock, which is followed, asks for.
    camera: Option<i64>,
    /// The anchor by the last sender report, believed or not.
    told: Option<i64>,
    /// The camera's clock less the host's, as known when the session began.
    ahead: i64,
    /// Aligned with another stream by sender reports: arrivals do not move it.
    aligned: bool,
    /// Nothing of it lies before this, and the least media time so far.
    floor: Option<Timestamp>,
    first: i64,
    moved: Instant,
    window_started: Instant,
    /// The smallest (arrival - media) in this window and in the one before.
    least: i64,
    least_before: i64,
    latest: Option<Timestamp>,
    /// The distance of pictures: the longest of late.
    picture: i64,
}

impl Session {
    /// `wish`: UTC of media time 0, unless that puts its first unit before `floor`.
    pub(super) fn new(
        first: Seen,
        anchoring: Anchoring,
        wish: i64,
        floor: Option<Timestamp>,
    ) -> Self {
        let (arrival, late) = (first.arrival, first.late());
        Self {
            anchoring,
            started: arrival.at,
            settled: false,
            anchor: wish,
            camera: None,
            told: None,
            ahead: wish - late,
            aligned: false,
            floor,
            first: first.media,
            moved: arrival.at,
            window_started: arrival.at,
            least: late,
            least_before: late,
            latest: None,
            picture: PICTURE_MICROS,
        }
    }

    pub(super) fn time(&self, media: i64) -> Timestamp {
        Timestamp::from_micros(self.anchor.saturating_add(media))
    }

    /// Where its last picture ends. `None` before the first.
    pub(super) fn end(&self) -> Option<Timestamp> {
        self.latest.map(|latest| latest.offset(self.picture))
    }

    /// UTC of media time 0 by the least late packets of late.
    pub(super) fn least_late(&self) -> i64 {
        self.least.min(self.least_before)
    }

    /// How far the line is ahead of arrivals that are not late.
    pub(super) fn lag(&self) -> i64 {
        self.anchor - self.least_late()
    }

    /// The camera's clock is followed, and has been told.
    pub(super) fn is_by_camera(&self) -> bool {
        self.camera.is_some()
    }

    /// Takes a unit in.
    pub(super) fn observe(&mut self, unit: Seen) -> Observed {
        let mut observed = Observed::default();
        if !matches!(self.anchoring, Anchoring::At(_)) && !unit.doubtful {
            observed.changed = self.arrived(unit);
            self.settle(unit, &mut observed);
        }
        let time = self.time(unit.media);
        observed.latest = self.latest.is_none_or(|latest| time > latest);
        if observed.latest {
            let distance = self.latest.map_or(0, |latest| time.micros_since(latest));
            // A pause is forgotten after some pictures.
            let recent = self.picture - self.picture / 8;
            self.picture = distance.min(PICTURE_MICROS_MAX).max(recent);
            self.latest = Some(time);
        }
        observed
    }

    /// Gives whether the least lateness is another.
    fn arrived(&mut self, unit: Seen) -> bool {
        let late = unit.late();
        let mut changed = late <= self.least_late();
        if unit.arrival.at - self.window_started >= WINDOW {
            self.window_started = unit.arrival.at;
            self.least_before = self.least;
            self.least = late;
            changed = true;
        }
        self.least = self.least.min(late);
        changed
    }

    /// Moves the anchor where that is due.
    fn settle(&mut self, unit: Seen, observed: &mut Observed) {
        if self.aligned {
            return;
        }
        let at = unit.arrival.at;
        if at - self.started > SETTLING {
            self.settled = true;
        } else if !self.settled {
            self.settled = unit.reanchor;
            self.moved = at;
        }
        if !self.settled {
            self.first = self.first.min(unit.media);
            if self.camera.is_none() {
                self.anchor = self.anchor.min(unit.late().saturating_add(self.ahead));
            }
            if let Some(floor) = self.floor {
                self.anchor = self.anchor.max(floor.micros() - self.first);
            }
        } else if unit.reanchor {
            let target = self.camera.unwrap_or(self.least_late() + self.ahead);
            let off = target - self.anchor;
            let most = slewed(at - self.moved);
            observed.jumped = off.abs() > LAG_MAX_MICROS.saturating_add(most);
            if observed.jumped {
                self.jump(target);
            } else {
                self.anchor += off.clamp(-most, most);
            }
            self.moved = at;
            observed.changed = true;
        }
    }

    /// A sender report asks for this anchor. Gives whether it is believed: one that contradicts
    /// the last waits for the next.
    pub(super) fn told(&mut self, anchor: i64) -> bool {
        self.told.replace(anchor).is_none_or(|last| (last - anchor).abs() <= STEP_MICROS)
    }

    /// Follows the camera's clock: at the next file's start where it is near, otherwise at once.
    /// Gives whether the line jumped.
    pub(super) fn follow(&mut self, anchor: i64) -> bool {
        self.camera = Some(anchor);
        let jumps = (anchor - self.anchor).abs() > STEP_MICROS;
        if jumps {
            self.jump(anchor);
        }
        jumps
    }

    fn jump(&mut self, anchor: i64) {
        self.anchor = anchor;
        // What came before is of another epoch.
        (self.floor, self.latest) = (None, None);
    }

    /// Follows another stream, where that does not contradict arrivals.
    pub(super) fn align(&mut self, anchor: i64) {
        if (anchor - self.least_late()).abs() <= REPORT_TRUST_MICROS {
            self.anchor = anchor;
            self.aligned = true;
        }
    }

    /// The host's clock, which the line does not follow, stepped.
    pub(super) fn host_stepped(&mut self, by: i64) {
        self.least += by;
        self.least_before += by;
    }
}
