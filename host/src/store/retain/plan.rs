//! What would go next, when and why, and how many days fit: a look that changes nothing.
//!
//! Judges by the very functions that the sweeper claims with, over a view of the cameras that has
//! the limits of a configuration instead of those noted at the last start.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::super::holds::Rank;
use super::super::index::retain::{self, Ages};
use super::super::index::{failed, limits as rows, places as known};
use super::super::news::Reason;
use super::super::query::Reader;
use super::super::settings::PlaceConfig;
use super::draft::{Draft, places};
use super::guard::{Guard, Guarded};
use crate::base::{Result, Timestamp};

/// The limits of a configuration.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The main store's and those of the others, by their names.
    pub places: Vec<PlaceConfig>,
    /// By name.
    pub cameras: BTreeMap<String, CameraLimits>,
    /// How long events are kept.
    pub event_keep: Duration,
}

/// The limits of a camera.
#[derive(Clone, Debug)]
pub struct CameraLimits {
    /// How long it is to be kept.
    pub keep: Option<Duration>,
    /// The most bytes of its recordings.
    pub size_max: Option<u64>,
    /// The name of the store that it is recorded to.
    pub store: String,
}

/// What would become of a store.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// When this was looked at.
    pub at: Timestamp,
    /// Age is judged behind the clock.
    pub guarded: Option<Guarded>,
    /// What a sweep would delete now, in its order.
    pub now: Vec<Going>,
    /// By name.
    pub cameras: Vec<CameraPlan>,
    /// The main one first.
    pub stores: Vec<StorePlan>,
}

/// A file that would go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Going {
    /// The camera.
    pub camera: String,
    /// The segment.
    pub sequence: u64,
    /// Its first moment.
    pub start: Timestamp,
    /// The moment after its last.
    pub end: Timestamp,
    /// Its size.
    pub bytes: u64,
    /// Why.
    pub reason: Reason,
}

/// What goes next, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Next {
    /// The file.
    #[serde(flatten)]
    pub going: Going,
    /// Then; by a limit of size, at the present bit rate.
    pub when: Timestamp,
}

/// Bytes by what keeps them most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Nothing.
    pub expired: u64,
    /// As continuous video.
    pub continuous: u64,
    /// By a span.
    pub span: u64,
    /// By a pin.
    pub pinned: u64,
}

impl Held {
    pub(in super::super) fn of(&mut self, rank: Rank) -> &mut u64 {
        match rank {
            Rank::Expired => &mut self.expired,
            Rank::Continuous => &mut self.continuous,
            Rank::Span => &mut self.span,
            Rank::Pinned => &mut self.pinned,
        }
    }
}

/// A camera's part.
#[derive(Clone, Debug, Serialize)]
pub struct CameraPlan {
    /// Its name.
    pub name: String,
    /// It is configured; if not, what it was configured with last counts.
    pub configured: bool,
    /// Complete files.
    pub segments: u64,
    /// Their size.
    pub bytes: u64,
    /// What keeps them.
    pub held: Held,
    /// The first moment of its video.
    pub oldest: Option<Timestamp>,
    /// Bytes a day, from the last day or what there is of it.
    pub bytes_a_day: u64,
    /// How many days are asked for; `None`: no limit by age.
    pub asked_days: Option<f64>,
    /// How many days fit at the present bit rate; `None`: nothing limits them, or nothing is
    /// recorded.
    pub sustainable_days: Option<f64>,
    /// The most bytes of its recordings.
    pub size_max: Option<u64>,
    /// By age.
    pub next_by_age: Option<Next>,
    /// By its size.
    pub next_by_size: Option<Next>,
}

impl CameraPlan {
    /// More days are asked for than fit.
    pub fn is_short(&self) -> bool {
        let pair =
            self.sustainable_days.map(|days| (days, self.asked_days.unwrap_or(f64::INFINITY)));
        pair.is_some_and(|(fit, asked)| fit < asked)
    }
}

/// A directory's part.
#[derive(Clone, Debug, Serialize)]
pub struct StorePlan {
    /// Its name.
    pub name: String,
    /// Bytes of complete files.
    pub bytes: u64,
    /// What keeps them.
    pub held: Held,
    /// Free on its filesystem; `None`: it is not there.
    pub free: Option<u64>,
    /// What is to stay free.
    pub floor: u64,
    /// The most bytes of recordings.
    pub size_max: Option<u64>,
    /// Bytes a day that are recorded to it.
    pub bytes_a_day: u64,
    /// By its size, or the floor, whichever is first.
    pub next_by_room: Option<Next>,
}

impl Reader {
    /// What would become of the store under `limits`, at `now`.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn plan(&self, limits: &Limits, now: Timestamp) -> Result<Plan> {
        let c = &self.connection;
        rows::put_over(c, limits).map_err(failed("take over the configuration"))?;
        let plan = self.drawn_up(limits, now);
        // The next may ask with other limits.
        rows::take_off(c).map_err(failed("give back the configuration"))?;
        plan
    }

    fn drawn_up(&self, limits: &Limits, now: Timestamp) -> Result<Plan> {
        let c = &self.connection;
        let guard = retain::guard(c).map_err(failed("read the time"))?;
        let guard = Guard::remembered(guard.as_deref());
        let age = guard.age(now);
        let ages = Ages { now: age, events_since: age - limits.event_keep };
        let known = known::all(c).map_err(failed("list places"))?;
        let draft = Draft { c, limits, ages, now, places: places(limits, known) };
        draft.plan(guard.guarded()).map_err(failed("plan"))
    }
}
