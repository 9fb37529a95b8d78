//! What lists and pages read: rows of a camera in a range of time.

use std::ops::ControlFlow;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::listing::FilePage;
use super::super::overview::{StoredCamera, StoredFormat};
use super::super::playable::Playable;
use super::super::timeline::Recorded;
use super::map::{self, Entry};
use super::row::{self, Flags, SEGMENT, Segment};
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
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

/// All cameras with what there is of them, by name.
pub(crate) fn overview(c: &Connection) -> rusqlite::Result<Vec<StoredCamera>> {
    c.prepare_cached(
        "SELECT c.name, c.bytes,
             (SELECT s.start FROM segment s WHERE s.camera = c.id AND s.state < 3
                  ORDER BY s.start LIMIT 1),
             l.end, f.codec, f.width, f.height
         FROM camera c
         LEFT JOIN segment l ON l.id = (SELECT s.id FROM segment s
             WHERE s.camera = c.id AND s.state = 2 ORDER BY s.id DESC LIMIT 1)
         LEFT JOIN format f ON f.id = l.format
         ORDER BY c.name",
    )?
    .query_map([], |row| {
        let format = match row.get(4)? {
            Some(codec) => Some(StoredFormat { codec, width: row.get(5)?, height: row.get(6)? }),
            None => None,
        };
        Ok(StoredCamera {
            name: row.get(0)?,
            bytes: row.get::<_, i64>(1)?.cast_unsigned(),
            first: row::maybe_timestamp(row, 2)?,
            last: row::maybe_timestamp(row, 3)?,
            format,
        })
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

/// A page of the segments of a camera that touch a range, with those that grow, in order of (epoch,
/// sequence).
pub(crate) fn page(c: &Connection, camera: i64, page: FilePage) -> rusqlite::Result<Vec<Segment>> {
    let FilePage { from, to, after, most } = page;
    let (epoch, sequence) = after.map_or((-1, 0), |(epoch, at)| (i64::from(epoch), at));
    c.prepare_cached(&format!(
        "SELECT {SEGMENT} FROM segment s JOIN camera c ON c.id = s.camera
         WHERE s.camera = ?1 AND s.start < ?3 AND s.state < 3
             AND (s.state < 2 OR (s.end > ?2
                 AND s.start > ?2 - (SELECT longest FROM camera WHERE id = ?1)))
             AND (s.epoch, s.sequence) > (?4, ?5)
         ORDER BY s.epoch, s.sequence LIMIT ?6"
    ))?
    .query_map(
        params![
            camera,
            from.micros(),
            to.micros(),
            epoch,
            sequence.cast_signed(),
            i64::try_from(most).unwrap_or(i64::MAX)
        ],
        Segment::read,
    )?
    .collect()
}

/// The closed segment of a camera that begins last.
pub(crate) fn newest(c: &Connection, camera: i64) -> rusqlite::Result<Option<Segment>> {
    c.prepare_cached(&format!(
        "SELECT {SEGMENT} FROM segment s JOIN camera c ON c.id = s.camera
         WHERE s.camera = ?1 AND s.state = 2 ORDER BY s.start DESC LIMIT 1"
    ))?
    .query_row([camera], Segment::read)
    .optional()
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

/// The first moment at or after `at` that a closed segment of a camera has.
pub(crate) fn next_video(
    c: &Connection,
    camera: i64,
    at: Timestamp,
) -> rusqlite::Result<Option<Timestamp>> {
    c.prepare_cached(
        "SELECT max(s.start, ?2) FROM segment s
         WHERE s.camera = ?1 AND s.state = 2 AND s.end > ?2
             AND s.start > ?2 - (SELECT longest FROM camera WHERE id = ?1)
         ORDER BY s.start LIMIT 1",
    )?
    .query_row(params![camera, at.micros()], |row| row::timestamp(row, 0))
    .optional()
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

/// Shows closed segments of a camera that touch `[start, end)` with their fragments, in order of
/// (epoch, sequence), until `visit` has seen enough.
pub(crate) fn playable(
    c: &Connection,
    camera: i64,
    start: Timestamp,
    end: Timestamp,
    mut visit: impl FnMut(Playable) -> ControlFlow<()>,
) -> rusqlite::Result<()> {
    let mut statement = c.prepare_cached(&format!(
        "SELECT s.sequence, s.epoch, s.start, s.end, s.flags, s.head, f.map
         FROM segment s JOIN fragments f ON f.segment = s.id
         WHERE {TOUCHING} AND s.state = 2 ORDER BY s.epoch, s.sequence"
    ))?;
    let mut rows = statement.query(params![camera, start.micros(), end.micros()])?;
    while let Some(row) = rows.next()? {
        let map = row.get_ref(6)?.as_blob().unwrap_or_default();
        let seen = visit(Playable {
            sequence: row.get::<_, i64>(0)?.cast_unsigned(),
            epoch: row.get(1)?,
            start: row::timestamp(row, 2)?,
            end: row::timestamp(row, 3)?,
            gap_before: Flags::from_code(row.get(4)?).has(Flags::GAP_BEFORE),
            head: row.get(5)?,
            fragments: map::decode(map).unwrap_or_default(),
        });
        if seen.is_break() {
            break;
        }
    }
    Ok(())
}

/// CRC-32C of what stands before a segment's fragments, where that is known.
pub(crate) fn head(c: &Connection, segment: i64) -> rusqlite::Result<Option<u32>> {
    c.prepare_cached("SELECT head FROM segment WHERE id = ?1")?
        .query_row([segment], |row| row.get(0))
        .optional()
        .map(Option::flatten)
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
