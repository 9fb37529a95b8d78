//! What an index says of itself, and the sums that it keeps: for `check`. Reads, and puts sums right
//! that can be counted again.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::edges::SEAM_MICROS;
use super::super::places::PlaceId;
use super::row::{SEGMENT, SEGMENT_COLUMNS, Segment};

/// Complaints of SQLite that are told.
const COMPLAINTS: u32 = 20;
/// Overlaps that are told.
const OVERLAPS: u32 = 100;

/// What SQLite complains of; `whole` compares indexes with their tables too.
pub(crate) fn complaints(c: &Connection, whole: bool) -> rusqlite::Result<Vec<String>> {
    let pragma = if whole { "integrity_check" } else { "quick_check" };
    let said: Vec<String> = c
        .prepare(&format!("PRAGMA {pragma}({COMPLAINTS})"))?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(said.into_iter().filter(|line| line != "ok").collect())
}

/// Rows that name what is not there, by table.
pub(crate) fn references(c: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = c
        .prepare("PRAGMA foreign_key_check")?
        .query_map([], |row| Ok((row.get(0)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    found.sort();
    found.dedup();
    Ok(found)
}

/// Removes fragment maps and answers of what is not there.
pub(crate) fn drop_references(c: &Connection) -> rusqlite::Result<()> {
    c.execute_batch(
        "DELETE FROM fragments WHERE segment NOT IN (SELECT id FROM segment);
         DELETE FROM answer WHERE segment NOT IN (SELECT id FROM segment)
             OR judge NOT IN (SELECT id FROM judge);",
    )
}

/// A number that is kept, and what it comes to when counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    /// Of which place or camera.
    pub(crate) of: String,
    pub(crate) kept: i64,
    pub(crate) counted: i64,
}

/// Numbers of one kind that are not what they should be.
fn wrong(c: &Connection, sql: &str) -> rusqlite::Result<Vec<Sum>> {
    c.prepare(sql)?
        .query_map([], |row| Ok(Sum { of: row.get(0)?, kept: row.get(1)?, counted: row.get(2)? }))?
        .collect()
}

/// Places and cameras whose bytes are not those of their segments, without those that are claimed for
/// deletion.
pub(crate) fn bytes(c: &Connection) -> rusqlite::Result<Vec<Sum>> {
    wrong(
        c,
        "SELECT 'store ' || p.name, p.bytes, coalesce(s.bytes, 0) FROM place p
         LEFT JOIN (SELECT place, sum(bytes) bytes FROM segment WHERE state <> 3 GROUP BY place) s
             ON s.place = p.id
         WHERE p.bytes <> coalesce(s.bytes, 0)
         UNION ALL
         SELECT 'camera ' || c.name, c.bytes, coalesce(s.bytes, 0) FROM camera c
         LEFT JOIN (SELECT camera, sum(bytes) bytes FROM segment WHERE state <> 3 GROUP BY camera) s
             ON s.camera = c.id
         WHERE c.bytes <> coalesce(s.bytes, 0)",
    )
}

/// Cameras whose next sequence was given already.
pub(crate) fn sequences(c: &Connection) -> rusqlite::Result<Vec<Sum>> {
    wrong(
        c,
        "SELECT c.name, c.next_sequence, s.least FROM camera c
         JOIN (SELECT camera, max(sequence) + 1 least FROM segment GROUP BY camera) s
             ON s.camera = c.id
         WHERE c.next_sequence < s.least",
    )
}

/// Cameras with a segment, or a span, that is longer than what is known as their longest, in
/// microseconds.
pub(crate) fn longest(c: &Connection) -> rusqlite::Result<Vec<Sum>> {
    wrong(
        c,
        "SELECT c.name, c.longest, s.longest FROM camera c
         JOIN (SELECT camera, max(end - start) longest FROM segment GROUP BY camera) s
             ON s.camera = c.id
         WHERE c.longest < s.longest
         UNION ALL
         SELECT c.name, c.longest_span, p.longest FROM camera c
         JOIN (SELECT camera, max(end - start) longest FROM span GROUP BY camera) p
             ON p.camera = c.id
         WHERE c.longest_span < p.longest",
    )
}

/// Counts all of these again.
pub(crate) fn count_again(c: &Connection) -> rusqlite::Result<()> {
    c.execute_batch(
        "UPDATE place SET bytes =
             coalesce((SELECT sum(s.bytes) FROM segment s
                       WHERE s.place = place.id AND s.state <> 3), 0);
         UPDATE camera SET
             bytes = coalesce((SELECT sum(s.bytes) FROM segment s
                               WHERE s.camera = camera.id AND s.state <> 3), 0),
             next_sequence = max(next_sequence, coalesce(
                 (SELECT max(s.sequence) + 1 FROM segment s WHERE s.camera = camera.id), 0)),
             longest = max(longest, coalesce(
                 (SELECT max(s.end - s.start) FROM segment s WHERE s.camera = camera.id), 0)),
             longest_span = max(longest_span, coalesce(
                 (SELECT max(p.end - p.start) FROM span p WHERE p.camera = camera.id), 0));",
    )
}

/// Segments that begin before the one before them, of the same epoch, ends; and that one's row.
pub(crate) fn overlaps(c: &Connection) -> rusqlite::Result<Vec<(Segment, i64)>> {
    c.prepare(&format!(
        "SELECT {SEGMENT}, s.row_before FROM (
             SELECT *, lag(end) OVER line end_before, lag(id) OVER line row_before
             FROM segment WHERE state = 2
             WINDOW line AS (PARTITION BY camera, epoch ORDER BY start, sequence)) s
         JOIN camera c ON c.id = s.camera
         WHERE s.end_before - s.start > ?1 LIMIT ?2"
    ))?
    .query_map(params![SEAM_MICROS, OVERLAPS], |row| {
        Ok((Segment::read(row)?, row.get(SEGMENT_COLUMNS)?))
    })?
    .collect()
}

/// How many segments there are.
pub(crate) fn count(c: &Connection) -> rusqlite::Result<u64> {
    c.query_row("SELECT count(*) FROM segment", [], |row| Ok(row.get::<_, i64>(0)?.cast_unsigned()))
}

/// The newest row of a segment; 0: there is none.
pub(crate) fn newest(c: &Connection) -> rusqlite::Result<i64> {
    c.query_row("SELECT coalesce(max(id), 0) FROM segment", [], |row| row.get(0))
}

/// Up to `most` segments after the row `after`, with their fragment maps.
pub(crate) fn page(
    c: &Connection,
    after: i64,
    most: u32,
) -> rusqlite::Result<Vec<(Segment, Option<Vec<u8>>)>> {
    c.prepare_cached(&format!(
        "SELECT {SEGMENT}, f.map FROM segment s JOIN camera c ON c.id = s.camera
         LEFT JOIN fragments f ON f.segment = s.id
         WHERE s.id > ?1 ORDER BY s.id LIMIT ?2"
    ))?
    .query_map(params![after, most], |row| Ok((Segment::read(row)?, row.get(SEGMENT_COLUMNS)?)))?
    .collect()
}

/// A segment as its row is now.
pub(crate) fn segment(c: &Connection, id: i64) -> rusqlite::Result<Option<Segment>> {
    c.prepare_cached(&format!(
        "SELECT {SEGMENT} FROM segment s JOIN camera c ON c.id = s.camera WHERE s.id = ?1"
    ))?
    .query_row([id], Segment::read)
    .optional()
}

/// The row of a camera's segment.
pub(crate) fn named(
    c: &Connection,
    camera: &str,
    sequence: u64,
) -> rusqlite::Result<Option<Segment>> {
    c.prepare_cached(&format!(
        "SELECT {SEGMENT} FROM segment s JOIN camera c ON c.id = s.camera
         WHERE c.name = ?1 AND s.sequence = ?2"
    ))?
    .query_row(params![camera, sequence.cast_signed()], Segment::read)
    .optional()
}

/// Segments that lie in a place, so that it can be said how much of it is not seen.
pub(crate) fn in_place(c: &Connection, place: PlaceId) -> rusqlite::Result<u64> {
    c.prepare_cached("SELECT count(*) FROM segment WHERE place = ?1")?
        .query_row([place.0], |row| Ok(row.get::<_, i64>(0)?.cast_unsigned()))
}

/// The file of a segment is gone: so is its row.
pub(crate) fn forget(c: &Connection, segment: &Segment) -> rusqlite::Result<()> {
    super::edit::remove(c, segment.id)?;
    super::spans::refresh(c, segment.camera_id, segment.start, segment.end)
}
