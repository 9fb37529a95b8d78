//! Rows of the index as types, and how columns become values.

use std::time::Duration;

use rusqlite::Row;

use super::super::holds::{self, Continuous};
use super::super::places::PlaceId;
use crate::base::{Timestamp, time};

/// How far a segment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The row is there; the file may be.
    Opening,
    /// The file is there, and being written or left behind by a crash.
    Open,
    /// Complete and durable.
    Closed,
    /// Claimed for deletion; the file may be gone.
    Deleting,
}

impl State {
    pub(crate) fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Opening,
            1 => Self::Open,
            2 => Self::Closed,
            _ => Self::Deleting,
        }
    }
}

/// What is special about a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    /// Begins with pictures that may not decode after a start here.
    pub(crate) const LEADING: Self = Self(1);
    /// Begins without a key frame, after a forced cut.
    pub(crate) const NO_KEY_START: Self = Self(2);
    /// Packets were lost in it.
    pub(crate) const DAMAGED: Self = Self(4);
    /// Kept because a plugin was down.
    pub(crate) const FAIL_OPEN: Self = Self(8);
    /// Cut by recovery, or at its last good sync.
    pub(crate) const REPAIRED: Self = Self(16);
    /// Does not continue the camera's segment before it.
    pub(crate) const GAP_BEFORE: Self = Self(32);
    /// The bits that no file says of itself: damaged, repaired.
    pub(crate) const TOLD: i64 = 4 | 16;

    /// This or that, or both.
    #[must_use]
    pub(crate) fn with(self, other: Self, wanted: bool) -> Self {
        if wanted { Self(self.0 | other.0) } else { self }
    }

    /// All of `other` is set.
    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn code(self) -> i64 {
        i64::from(self.0)
    }

    pub(crate) fn from_code(code: i64) -> Self {
        Self(code as u8)
    }
}

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) id: i64,
    pub(crate) camera_id: i64,
    pub(crate) camera: String,
    pub(crate) sequence: u64,
    pub(crate) epoch: u32,
    pub(crate) start: Timestamp,
    /// `start` until it is closed.
    pub(crate) end: Timestamp,
    pub(crate) bytes: u64,
    pub(crate) state: State,
    pub(crate) flags: Flags,
    pub(crate) continuous: Continuous,
    pub(crate) closed_at: Timestamp,
    /// Where its file lies.
    pub(crate) place: PlaceId,
    /// A further place that may hold a copy of it, which is not it.
    pub(crate) moving: Option<PlaceId>,
}

/// The columns that [`Segment::read`] wants, of `segment s JOIN camera c`.
pub(crate) const SEGMENT: &str = "s.id, s.camera, c.name, s.sequence, s.epoch, s.start, s.end, \
     s.bytes, s.state, s.flags, s.keep_by, s.continuous_until, s.closed_at, s.place, s.moving";
/// How many they are: where the columns of the asker's own begin.
pub(crate) const SEGMENT_COLUMNS: usize = 15;

impl Segment {
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            camera_id: row.get(1)?,
            camera: row.get(2)?,
            sequence: row.get::<_, i64>(3)?.cast_unsigned(),
            epoch: row.get(4)?,
            start: timestamp(row, 5)?,
            end: timestamp(row, 6)?,
            bytes: row.get::<_, i64>(7)?.cast_unsigned(),
            state: State::from_code(row.get(8)?),
            flags: Flags::from_code(row.get(9)?),
            continuous: Continuous {
                configured: row.get::<_, i64>(10)? & CONFIGURED != 0,
                answered: match row.get::<_, i64>(10)? & ANSWERED {
                    0 => None,
                    _ => Some(timestamp(row, 11)?),
                },
            },
            closed_at: timestamp(row, 12)?,
            place: PlaceId(row.get(13)?),
            moving: row.get::<_, Option<i64>>(14)?.map(PlaceId),
        })
    }

    pub(crate) fn holds(&self) -> holds::Segment {
        holds::Segment {
            start: self.start,
            end: self.end,
            continuous: self.continuous,
            closed_at: self.closed_at,
        }
    }
}

/// Bits of the column `keep_by`.
const CONFIGURED: i64 = 1;
const ANSWERED: i64 = 2;

/// The two columns of a [`Continuous`]: `keep_by`, `continuous_until`.
pub(crate) fn continuous(value: Continuous) -> (i64, i64) {
    let configured = if value.configured { CONFIGURED } else { 0 };
    match value.answered {
        None => (configured, 0),
        Some(until) => (configured | ANSWERED, until.micros()),
    }
}

pub(crate) fn timestamp(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp::from_micros(row.get(column)?))
}

pub(crate) fn maybe_timestamp(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
}

pub(crate) fn maybe_length(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Duration>> {
    let micros: Option<i64> = row.get(column)?;
    Ok(micros.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0))))
}

pub(crate) fn micros(length: Option<Duration>) -> Option<i64> {
    length.map(time::micros)
}
