//! What a store tells others of by itself.

use std::fmt;

use serde::{Serialize, Serializer};

use super::StoredGap;
use super::check::Finding;
use super::edges::Edges;
use super::holds::Rank;
use crate::base::Timestamp;
use crate::policy::Span;

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

/// What made room necessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The free space of a filesystem.
    Floor,
    /// The size of a store.
    StoreSize,
    /// The size of a camera's recordings.
    CameraSize,
}

/// Why a segment was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing kept it.
    Expired,
    /// It was kept as this, and room was needed.
    Room(Limit, Rank),
    /// A person deleted it.
    Person,
}

impl Reason {
    /// The disk ran full, and something still held it.
    pub fn is_full(self) -> bool {
        matches!(self, Self::Room(Limit::Floor, _))
    }

    /// As events say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired | Self::Room(_, Rank::Expired) => "expired",
            Self::Room(Limit::Floor, Rank::Continuous) => "full-continuous",
            Self::Room(Limit::Floor, Rank::Span) => "full-span",
            Self::Room(Limit::Floor, Rank::Pinned) => "full-pinned",
            Self::Room(Limit::StoreSize, Rank::Continuous) => "store-size-continuous",
            Self::Room(Limit::StoreSize, Rank::Span) => "store-size-span",
            Self::Room(Limit::StoreSize, Rank::Pinned) => "store-size-pinned",
            Self::Room(Limit::CameraSize, Rank::Continuous) => "camera-size-continuous",
            Self::Room(Limit::CameraSize, Rank::Span) => "camera-size-span",
            Self::Room(Limit::CameraSize, Rank::Pinned) => "camera-size-pinned",
            Self::Person => "person",
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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

/// A file has grown on the medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grown {
    /// The camera.
    pub camera: String,
    /// Unique within the camera.
    pub sequence: u64,
    /// Counts steps of the host's clock.
    pub epoch: u32,
    /// Its first moment.
    pub start: Timestamp,
    /// What is on the medium reaches to here.
    pub end: Timestamp,
    /// It is kept as continuous video.
    pub continuous: bool,
    /// It is kept because a plugin was down.
    pub fail_open: bool,
}

/// What happens to a camera's recordings, in order. Said without waiting: a subscriber that lags
/// finds in the index what it missed.
#[derive(Clone, Debug)]
pub enum News {
    /// A file has grown; about once in a sync interval for each that is open.
    Grown(Grown),
    /// A file is complete.
    Closed(ClosedSegment),
    /// A gap began or ended; its row is durable.
    Gap(StoredGap),
    /// The slow check found that a recording is not as it should be.
    Damaged(Finding),
}

/// How full the store's filesystem is, as the sweeper measured it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Free bytes.
    pub free: u64,
    /// The floor in bytes; 0 is none.
    pub floor: u64,
    /// The floor is reached, and nothing is written until there is room.
    pub is_shut: bool,
}

/// What of a span's life stands among the events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Its first video was on the medium.
    pub started: bool,
    /// No more of it is recorded.
    pub stopped: bool,
    /// All of it was durable, or there is nothing more to tell.
    pub available: bool,
    /// No event: the recorder has handed over what it had of it.
    pub taken: bool,
}

/// A span of which not all is told, and what there is of it.
#[derive(Clone, Debug)]
pub struct UntoldSpan {
    /// The span.
    pub span: Span,
    /// What was told.
    pub told: Told,
    /// What there is of it in complete files.
    pub edges: Option<Edges>,
    /// How many they are.
    pub segments: u32,
    /// Their size.
    pub bytes: u64,
    /// A file of the camera that begins before its end is not complete.
    pub is_open: bool,
    /// The sequence and the end of the camera's newest complete file.
    pub newest: Option<(u64, Timestamp)>,
}
