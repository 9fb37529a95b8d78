//! What a store tells others of by itself.

use std::fmt;

use serde::Serialize;

use crate::base::Timestamp;

/// A segment is complete, and its file, directories and row are on the medium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClosedSegment {
    /// The camera.
    pub camera: String,
    /// Unique within the camera.
    pub sequence: u64,
    /// Counts steps of the host's clock.
    pub epoch: u32,
    /// Its first moment.
    pub start: Timestamp,
    /// The moment after its last.
    pub end: Timestamp,
    /// Its size.
    pub bytes: u64,
    /// It does not continue the camera's segment before it.
    pub gap_before: bool,
    /// It is kept as continuous video unless a policy answers otherwise.
    pub continuous: bool,
    /// It is kept because a plugin was down.
    pub fail_open: bool,
}

/// Whether the disk takes what it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Good,
    /// It refused, with these words.
    Failing(String),
}

/// Why a segment was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Nothing kept it.
    Expired,
    /// It was kept as continuous video, and the disk ran full.
    FullContinuous,
    /// It was kept by a span, and the disk ran full.
    FullSpan,
    /// A person deleted it.
    Person,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "nothing keeps it any more",
            Self::FullContinuous => "disk full: oldest continuous video",
            Self::FullSpan => "disk full: oldest span",
            Self::Person => "a person deleted it",
        })
    }
}

/// A segment was deleted.
#[derive(Clone, Debug, Serialize)]
pub struct DeletedSegment {
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
