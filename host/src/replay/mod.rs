//! Judges recorded video and events again, by the very stages that judge live, as fast as the
//! machine goes: what would another policy have kept?
//!
//! Takes a [`Plan`]: what was recorded, and who judges it now. Gives an [`Outcome`]: spans, events
//! and answers. Time is simulated and stands still within a call; every input waits until all that
//! follows from the one before is done, so nothing is skipped and two replays of a plan are the
//! same, byte for byte. Nothing is written: no store is open here.

mod clock;
mod ledger;
mod film;
mod feed;
mod wiring;
mod run;
pub mod ranges;
pub mod recorded;
pub mod report;
pub mod diff;
pub mod cases;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::base::Timestamp;
use crate::base::kinds::KindsOf;
use crate::config::Chain;
use crate::events::{Attribute, Notice};
use crate::policy::Span;
use crate::store::holds::Until;
use crate::wasm::Plugin;

pub use film::Film;
pub use ledger::Said;
pub use run::run;

/// A plugin in a replay.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The name under which it speaks.
    pub name: String,
    /// Checked and compiled.
    pub plugin: Plugin,
    /// What `init` gets: JSON, completed and checked.
    pub params: String,
    /// Whom it comes after.
    pub chain: Chain,
}

/// A message for an event source.
#[derive(Clone, Debug)]
pub struct Message {
    /// When it came.
    pub received: Timestamp,
    /// As the sender declared it; empty where it did not.
    pub content_type: String,
    /// `header.<name>`, `query.<name>`.
    pub attributes: Vec<Attribute>,
    /// What came.
    pub body: Vec<u8>,
}

/// A file of continuous or event recording, as a policy is asked about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Unique within the camera.
    pub sequence: u64,
    /// Its first moment.
    pub start: Timestamp,
    /// The moment after its last.
    pub end: Timestamp,
    /// Its size.
    pub bytes: u64,
    /// It does not continue the segment before it.
    pub gap_before: bool,
    /// It is continuous video: policies are asked how long to keep it.
    pub asked: bool,
    /// Where they are not asked: how long it is held all the same.
    pub held: Until,
}

/// What is replayed, and who judges it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The camera.
    pub camera: String,
    /// Of the camera, for `clock.local`.
    pub zone: TimeZone,
    /// How long the camera keeps what no policy speaks of.
    pub keep: Duration,
    /// The longest that a policy can ask for; `None`: no limit.
    pub keep_max: Option<Duration>,
    /// What its policies hear of other cameras, whose notices are among `notices`.
    pub hears: Vec<KindsOf>,
    /// Where simulated time begins.
    pub start: Timestamp,
    /// Nothing that came at or after this is judged.
    pub end: Timestamp,
    /// So much longer time goes on, for what was asked to happen later.
    pub run_on: Duration,
    /// Recorded events, in order of receipt: repeated with their `received` and `sequence`.
    pub notices: Vec<Notice>,
    /// For `source`, by time.
    pub messages: Vec<Message>,
    /// Video for the analyzers.
    pub films: Vec<Film>,
    /// What lies on disk, by sequence. Where there is none, `cut` says how long the segments are
    /// that the films would make.
    pub segments: Vec<Segment>,
    /// See `segments`.
    pub cut: Option<Duration>,
    /// Who takes the messages.
    pub source: Option<Seat>,
    /// Who looks at the video.
    pub analyzers: Vec<Seat>,
    /// Who decides.
    pub policies: Vec<Seat>,
}

/// What came of a replay.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What the plugins said, in order of receipt.
    pub events: Vec<Said>,
    /// What the policies asked for, by start and id; without those that were withdrawn.
    pub spans: Vec<Span>,
    /// All segments.
    pub segments: Vec<Segment>,
    /// For each segment that policies were asked about, their answers: from its end; `None`: as
    /// configured.
    pub answers: Vec<(u64, Vec<Option<Duration>>)>,
    /// Messages that the source refused, by number from 0, with the reason.
    pub refused: Vec<(usize, String)>,
    /// Recorded events that were repeated.
    pub repeated: usize,
    /// Pictures decoded.
    pub pictures: u64,
}
