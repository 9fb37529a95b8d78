//! What lists and pages read: rows of a camera in a range of time.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::super::timeline::Recorded;
use super::map::{self, Entry};
use super::row::{self, SEGMENT, Segment};
use super::spans::TOUCHING;
use crate::base::Timestamp;
use crate::record::GapMark;

/// A camera that has ever been recorded.
pub(crate) struct Camera {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// As configured when the host ran last.
    pub(crate) keep: Option<Duration>,
}

/// A stretch without video.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoredGap {
    /// The camera.
    pub camera: String,
    /// The end of the last recorded unit.
    pub start: Timestamp,
    /// The first unit after it; `None` while it lasts.
    pub end: Option<Timestamp>,
    /// Why: a word of [`crate::ingest::GapReason`].
    pub reason: String,
    /// For people.
    pub detail: String,
}

impl StoredGap {
    /// The gap that `mark` says of `camera`.
    pub(crate) fn of(camera: String, mark: &GapMark) -> Self {
        Self {
            camera,
            start: mark.start,
            end: mark.end,
            reason: mark.reason.as_str().into(),
            detail: mark.detail.clone(),
        }
    }

    /// From the columns camera, start, end, reason and detail.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            camera: row.get(0)?,
            start: row::timestamp(row, 1)?,
            end: row::maybe_timestamp(row, 2)?,
            reason: row.get(3)?,
            detail: row.get(4)?,
        })
    }
}

/// All cameras, by name.
pub(crate) fn cameras(c: &Connection) -> rusqlite::Result<Vec<Camera>> {
    c.prepare_cached("SELECT id, name, keep FROM camera ORDER BY name")?
        .query_map([], |row| {
            Ok(Camera { id: row.get(0)?, name: row.get(1)?, keep: row::maybe_length(row, 2)? })
        })?
        .collect()
}

/// Closed segments of a camera that touch `[start, end)`, in order of (epoch, sequence).
pub(crate) fn closed(
    c: &Connection,
    camera: i64,
    start: Timestamp,
    end: Timestamp,
) -> rusqlite::Result<Vec<Segment>> {
    c.prepare_cached(&format!(
        "SELECT {SEGMENT} FROM segment s JOIN camera c ON c.id = s.camera
         WHERE {TOUCHING} AND s.state = 2 ORDER BY s.epoch, s.sequence"
    ))?
    .query_map(params![camera, start.micros(), end.micros()], Segment::read)?
    .collect()
}

/// Shows the times of closed segments of a camera that touch `[start, end)`, in order of (epoch,
/// sequence).
pub(crate) fn times(
    c: &Connection,
    camera: i64,
    start: Timestamp,
    end: Timestamp,
    mut visit: impl FnMut(Recorded),
) -> rusqlite::Result<()> {
    let mut statement = c.prepare_cached(&format!(
        "SELECT s.epoch, s.start, s.end, s.bytes FROM segment s
         WHERE {TOUCHING} AND s.state = 2 ORDER BY s.epoch, s.sequence"
    ))?;
    let mut rows = statement.query(params![camera, start.micros(), end.micros()])?;
    while let Some(row) = rows.next()? {
        visit(Recorded {
            epoch: row.get(0)?,
            start: row::timestamp(row, 1)?,
            end: row::timestamp(row, 2)?,
            segments: 1,
            bytes: row.get::<_, i64>(3)?.cast_unsigned(),
        });
    }
    Ok(())
}

/// Segments of a camera that are being written, or were left behind by a crash: looked for among the
/// few such of all cameras (hence the `+`), not among all of this one.
pub(crate) fn open(c: &Connection, camera: i64) -> rusqlite::Result<Vec<Segment>> {
    c.prepare_cached(&format!(
        "SELECT {SEGMENT} FROM segment s JOIN camera c ON c.id = s.camera
         WHERE +s.camera = ?1 AND s.state <> 2 AND s.state < 2 ORDER BY s.epoch, s.sequence"
    ))?
    .query_map([camera], Segment::read)?
    .collect()
}

/// The fragment map of a closed segment.
pub(crate) fn fragments(c: &Connection, segment: i64) -> rusqlite::Result<Vec<Entry>> {
    let bytes: Option<Vec<u8>> = c
        .prepare_cached("SELECT map FROM fragments WHERE segment = ?1")?
        .query_row([segment], |row| row.get(0))
        .optional()?;
    Ok(bytes.and_then(|bytes| map::decode(&bytes)).unwrap_or_default())
}

/// Gaps of a camera that touch `[start, end)`, by start.
pub(crate) fn gaps(
    c: &Connection,
    camera: i64,
    start: Timestamp,
    end: Timestamp,
) -> rusqlite::Result<Vec<StoredGap>> {
    c.prepare_cached(
        "SELECT c.name, g.start, g.end, g.reason, g.detail
         FROM gap g JOIN camera c ON c.id = g.camera
         WHERE g.camera = ?1 AND g.start < ?3 AND (g.end IS NULL OR g.end > ?2)
         ORDER BY g.start, g.id",
    )?
    .query_map(params![camera, start.micros(), end.micros()], StoredGap::read)?
    .collect()
}
