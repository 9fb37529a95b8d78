//! Where files lie, as rows, and the steps of a segment's move from one place to another.
//!
//! `segment.place` says where the segment is; `segment.moving` names a further place that may
//! hold a copy, and is set for as long as it may. So whatever happens, the file in `place` is
//! the segment, and the one in `moving` can go.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::places::PlaceId;
use super::row::{SEGMENT, Segment};
use crate::base::Timestamp;

/// A place that the store has or had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) id: PlaceId,
    pub(crate) uuid: String,
    pub(crate) name: String,
    /// Absolute.
    pub(crate) path: String,
    /// Of the segments that lie there.
    pub(crate) bytes: u64,
}

impl Known {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: PlaceId(row.get(0)?),
            uuid: row.get(1)?,
            name: row.get(2)?,
            path: row.get(3)?,
            bytes: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
        })
    }
}

/// All places, the one with the index first.
pub(crate) fn all(c: &Connection) -> rusqlite::Result<Vec<Known>> {
    c.prepare_cached("SELECT id, uuid, name, path, bytes FROM place ORDER BY id")?
        .query_map([], Known::read)?
        .collect()
}

/// Notes a place, or what is new of it. Gives its number.
pub(crate) fn put(
    c: &Connection,
    id: Option<PlaceId>,
    uuid: &str,
    name: &str,
    path: &str,
) -> rusqlite::Result<PlaceId> {
    let Some(id) = id else {
        c.prepare_cached("INSERT INTO place (uuid, name, path) VALUES (?1, ?2, ?3)")?
            .execute([uuid, name, path])?;
        return Ok(PlaceId(c.last_insert_rowid()));
    };
    c.prepare_cached("UPDATE place SET uuid = ?2, name = ?3, path = ?4 WHERE id = ?1")?
        .execute(params![id.0, uuid, name, path])?;
    Ok(id)
}

/// Forgets a place without segments. Gives whether it was one.
pub(crate) fn forget_empty(c: &Connection, id: PlaceId) -> rusqlite::Result<bool> {
    let gone = c
        .prepare_cached(
            "DELETE FROM place WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM segment WHERE place = ?1 AND state = 2)
                 AND NOT EXISTS (SELECT 1 FROM segment WHERE place = ?1 AND state <> 2)
                 AND NOT EXISTS (SELECT 1 FROM segment WHERE moving = ?1)",
        )?
        .execute([id.0])?;
    Ok(gone > 0)
}

/// The first segment in `place`, by its start and after `after`, that ended at or before
/// `before` and is not being moved.
pub(crate) fn oldest(
    c: &Connection,
    place: PlaceId,
    after: Timestamp,
    before: Timestamp,
) -> rusqlite::Result<Option<Segment>> {
    c.prepare_cached(&format!(
        "SELECT {SEGMENT} FROM segment s JOIN camera c ON c.id = s.camera
         WHERE s.state = 2 AND s.place = ?1 AND s.start > ?2 AND s.start < ?3 AND s.end <= ?3
             AND s.moving IS NULL
         ORDER BY s.start LIMIT 1"
    ))?
    .query_row(params![place.0, after.micros(), before.micros()], Segment::read)
    .optional()
}

/// Bytes of the first `most` segments that [`oldest`] would give one after the other.
pub(crate) fn due_bytes(
    c: &Connection,
    place: PlaceId,
    after: Timestamp,
    before: Timestamp,
    most: u32,
) -> rusqlite::Result<u64> {
    let bytes: Option<i64> = c
        .prepare_cached(
            "SELECT sum(bytes) FROM (
                 SELECT s.bytes FROM segment s
                 WHERE s.state = 2 AND s.place = ?1 AND s.start > ?2 AND s.start < ?3
                     AND s.end <= ?3 AND s.moving IS NULL
                 ORDER BY s.start LIMIT ?4)",
        )?
        .query_row(params![place.0, after.micros(), before.micros(), most], |row| row.get(0))?;
    Ok(bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0))
}

/// All segments with a copy somewhere.
pub(crate) fn moving(c: &Connection) -> rusqlite::Result<Vec<Segment>> {
    c.prepare_cached(&format!(
        "SELECT {SEGMENT} FROM segment s INDEXED BY segment_moving
         JOIN camera c ON c.id = s.camera
         WHERE s.moving IS NOT NULL ORDER BY s.id"
    ))?
    .query_map([], Segment::read)?
    .collect()
}

/// A copy will be made in `to`. Gives whether the segment is still there for it.
pub(crate) fn leave(c: &Connection, segment: &Segment, to: PlaceId) -> rusqlite::Result<bool> {
    let changed = c
        .prepare_cached(
            "UPDATE segment SET moving = ?3
             WHERE id = ?1 AND place = ?2 AND state = 2 AND moving IS NULL",
        )?
        .execute(params![segment.id, segment.place.0, to.0])?;
    Ok(changed > 0)
}

/// The copy in `to` is whole and durable, and is the segment from here on. Gives whether the
/// segment is still there for it.
pub(crate) fn arrive(c: &Connection, segment: &Segment, to: PlaceId) -> rusqlite::Result<bool> {
    let changed = c
        .prepare_cached(
            "UPDATE segment SET place = ?3, moving = ?2
             WHERE id = ?1 AND place = ?2 AND state = 2 AND moving = ?3",
        )?
        .execute(params![segment.id, segment.place.0, to.0])?;
    Ok(changed > 0)
}

/// There is no further copy any more.
pub(crate) fn settle(c: &Connection, segment: i64) -> rusqlite::Result<()> {
    c.prepare_cached("UPDATE segment SET moving = NULL, recheck_at = 0 WHERE id = ?1")?
        .execute([segment])?;
    Ok(())
}
