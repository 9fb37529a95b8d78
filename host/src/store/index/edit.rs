//! Changes to cameras, segments and gaps.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::super::edges::SEAM_MICROS;
use super::super::holds::{Continuous, GRACE};
use super::super::places::PlaceId;
use super::map::{self, Entry};
use super::read::StoredGap;
use super::row::{self, Flags, SEGMENT, Segment, State};
use crate::base::Timestamp;
use crate::ingest::GapReason;
use crate::record::GapMark;

/// A camera that delivers so soon after a start was away because of it.
const START_UP_MICROS: i64 = 60_000_000;

/// Where a camera's video ends is looked for in so many of its segments.
const LAST_SEGMENTS: u32 = 256;

/// A camera as the index knows it.
pub(crate) struct Camera {
    pub(crate) id: i64,
    pub(crate) next_sequence: u64,
    pub(crate) epoch: u32,
    /// Where its video of that epoch ends.
    pub(crate) end: Option<Timestamp>,
}

/// What is known of a segment before its file is there.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) camera_id: i64,
    pub(crate) sequence: u64,
    pub(crate) epoch: u32,
    pub(crate) start: Timestamp,
    /// Where its file will lie.
    pub(crate) place: PlaceId,
    pub(crate) flags: Flags,
    pub(crate) continuous: Continuous,
    pub(crate) codec: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) audio: String,
    /// CRC-32C of what stands before its fragments, where that is known.
    pub(crate) head: Option<u32>,
}

/// What is known of a segment when its file is complete.
#[derive(Clone, Debug)]
pub(crate) struct Closing {
    pub(crate) end: Timestamp,
    pub(crate) bytes: u64,
    /// Added to those it had.
    pub(crate) flags: Flags,
    pub(crate) fragments: Vec<Entry>,
    pub(crate) closed_at: Timestamp,
}

/// Finds or adds a camera. A changed `keep` applies to what is there from the next sweep on, a
/// changed `size_max` at once.
pub(crate) fn camera(
    c: &Connection,
    name: &str,
    keep: Option<Duration>,
    size_max: Option<u64>,
) -> rusqlite::Result<Camera> {
    let keep = row::micros(keep);
    let size_max = size_max.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    let found = c
        .prepare_cached("SELECT id, next_sequence, keep FROM camera WHERE name = ?1")?
        .query_row([name], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get(2)?)))
        .optional()?;
    let Some((id, next, known)): Option<(i64, i64, _)> = found else {
        c.execute(
            "INSERT INTO camera (name, keep, size_max) VALUES (?1, ?2, ?3)",
            params![name, keep, size_max],
        )?;
        return Ok(Camera { id: c.last_insert_rowid(), next_sequence: 0, epoch: 0, end: None });
    };
    let known: Option<i64> = known;
    if known != keep {
        c.execute("UPDATE camera SET keep = ?2 WHERE id = ?1", params![id, keep])?;
        recheck_all(c, id)?;
    }
    c.execute("UPDATE camera SET size_max = ?2 WHERE id = ?1", params![id, size_max])?;
    // Sequences grow with time within an epoch, but for what a span fetched from the ring.
    let last = c
        .prepare_cached(
            "SELECT epoch, max(end) FROM
                 (SELECT epoch, end FROM segment WHERE camera = ?1 ORDER BY sequence DESC LIMIT ?2)
             GROUP BY epoch ORDER BY epoch DESC LIMIT 1",
        )?
        .query_row(params![id, LAST_SEGMENTS], |row| Ok((row.get(0)?, row::timestamp(row, 1)?)))
        .optional()?;
    let (epoch, end) = last.map_or((0, None), |(epoch, end)| (epoch, Some(end)));
    Ok(Camera { id, next_sequence: next.cast_unsigned(), epoch, end })
}

/// Has a sweep look at all segments of a camera: a year of them would hold up the index, so that
/// `retain::recheck_some` goes through them.
pub(crate) fn recheck_all(c: &Connection, camera_id: i64) -> rusqlite::Result<()> {
    c.execute("UPDATE camera SET recheck_after = -1 WHERE id = ?1", [camera_id])?;
    Ok(())
}

/// A file is about to be made.
pub(crate) fn opening(c: &Connection, new: &Opening) -> rusqlite::Result<()> {
    insert(c, new)?;
    // The first video after a start says how long the host was really blind; what a camera sends
    // first may be from shortly before it was asked.
    c.prepare_cached(
        "UPDATE gap SET end = ?2
         WHERE id = (SELECT id FROM gap WHERE camera = ?1 ORDER BY start DESC, id DESC LIMIT 1)
           AND reason = 'stopped' AND start < ?2 AND end <> ?2 AND abs(end - ?2) < ?3
           AND NOT EXISTS (SELECT 1 FROM segment WHERE camera = ?1 AND sequence <> ?4
                           AND start >= gap.start AND start < ?2)",
    )?
    .execute(params![
        new.camera_id,
        new.start.micros(),
        START_UP_MICROS,
        new.sequence.cast_signed()
    ])?;
    Ok(())
}

/// Adds the row of a segment, and takes its sequence.
pub(crate) fn insert(c: &Connection, new: &Opening) -> rusqlite::Result<()> {
    let (keep_by, until) = row::continuous(new.continuous);
    let format = format(c, new)?;
    c.prepare_cached(
        "INSERT INTO segment (camera, sequence, epoch, start, end, bytes, state, flags, format,
             keep_by, continuous_until, place, head)
         VALUES (?1, ?2, ?3, ?4, ?4, 0, 0, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        new.camera_id,
        new.sequence.cast_signed(),
        new.epoch,
        new.start.micros(),
        new.flags.code(),
        format,
        keep_by,
        until,
        new.place.0,
        new.head
    ])?;
    c.prepare_cached("UPDATE camera SET next_sequence = max(next_sequence, ?2) WHERE id = ?1")?
        .execute(params![new.camera_id, new.sequence.saturating_add(1).cast_signed()])?;
    Ok(())
}

pub(super) fn format(c: &Connection, new: &Opening) -> rusqlite::Result<i64> {
    let values = params![new.codec, new.width, new.height, new.audio];
    let found = c
        .prepare_cached(
            "SELECT id FROM format
             WHERE codec = ?1 AND width = ?2 AND height = ?3 AND audio = ?4",
        )?
        .query_row(values, |row| row.get(0))
        .optional()?;
    if let Some(id) = found {
        return Ok(id);
    }
    c.prepare_cached("INSERT INTO format (codec, width, height, audio) VALUES (?1, ?2, ?3, ?4)")?
        .execute(values)?;
    Ok(c.last_insert_rowid())
}

/// File and directory are durable.
pub(crate) fn opened(c: &Connection, camera_id: i64, sequence: u64) -> rusqlite::Result<()> {
    c.prepare_cached(
        "UPDATE segment SET state = 1 WHERE camera = ?1 AND sequence = ?2 AND state = 0",
    )?
    .execute(params![camera_id, sequence.cast_signed()])?;
    Ok(())
}

/// The file is complete and durable. `None` when there is no such row.
pub(crate) fn close(
    c: &Connection,
    camera_id: i64,
    sequence: u64,
    closing: &Closing,
) -> rusqlite::Result<Option<Segment>> {
    let Some(mut segment) = find(c, camera_id, sequence)? else { return Ok(None) };
    let before: Option<(i64, u32, i64)> = c
        .prepare_cached(
            "SELECT id, epoch, end FROM segment WHERE camera = ?1 AND sequence < ?2
             ORDER BY sequence DESC LIMIT 1",
        )?
        .query_row(params![camera_id, sequence.cast_signed()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let before = before.filter(|(_, epoch, _)| *epoch == segment.epoch);
    let gap = before.is_some_and(|(_, _, end)| (segment.start.micros() - end).abs() > SEAM_MICROS);
    segment.end = end_before_next(c, &segment, closing.end)?.max(segment.start);
    if let Some((id, ..)) = before.filter(|(_, _, end)| *end > segment.start.micros()) {
        // What was in the ring may be written late, for an earlier time: that one starts later.
        c.prepare_cached("UPDATE segment SET end = ?2 WHERE id = ?1 AND state = 2 AND start < ?2")?
            .execute(params![id, segment.start.micros()])?;
    }
    segment.bytes = closing.bytes;
    segment.state = State::Closed;
    segment.closed_at = closing.closed_at;
    segment.flags =
        Flags::from_code(segment.flags.code() | closing.flags.code()).with(Flags::GAP_BEFORE, gap);
    c.prepare_cached(
        "UPDATE segment SET end = ?2, bytes = ?3, state = 2, flags = ?4, closed_at = ?5,
             recheck_at = ?6
         WHERE id = ?1",
    )?
    .execute(params![
        segment.id,
        segment.end.micros(),
        segment.bytes.cast_signed(),
        segment.flags.code(),
        segment.closed_at.micros(),
        (segment.closed_at + GRACE).micros()
    ])?;
    c.prepare_cached("UPDATE camera SET longest = max(longest, ?2) WHERE id = ?1")?
        .execute(params![camera_id, segment.end.micros_since(segment.start)])?;
    c.prepare_cached("INSERT OR REPLACE INTO fragments (segment, map) VALUES (?1, ?2)")?
        .execute(params![segment.id, map::encode(&closing.fragments)])?;
    super::spans::refresh(c, camera_id, segment.start, segment.end)?;
    Ok(Some(segment))
}

/// A file ends by its own time line, which the next one may have been slewed back from: no two rows
/// of an epoch lie over each other. A recorder knows; who reads a file it did not end does not.
fn end_before_next(
    c: &Connection,
    segment: &Segment,
    end: Timestamp,
) -> rusqlite::Result<Timestamp> {
    let next: Option<(u32, i64)> = c
        .prepare_cached(
            "SELECT epoch, start FROM segment WHERE camera = ?1 AND sequence > ?2
             ORDER BY sequence LIMIT 1",
        )?
        .query_row(params![segment.camera_id, segment.sequence.cast_signed()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    // What was in the ring may be written late, for an earlier time.
    let follows = |next: &(u32, i64)| next.0 == segment.epoch && next.1 > segment.start.micros();
    let next = next.filter(follows);
    Ok(next.map_or(end, |(_, start)| end.min(Timestamp::from_micros(start))))
}

/// One segment by its number.
pub(crate) fn find(
    c: &Connection,
    camera_id: i64,
    sequence: u64,
) -> rusqlite::Result<Option<Segment>> {
    c.prepare_cached(&format!(
        "SELECT {SEGMENT} FROM segment s JOIN camera c ON c.id = s.camera
         WHERE s.camera = ?1 AND s.sequence = ?2"
    ))?
    .query_row(params![camera_id, sequence.cast_signed()], Segment::read)
    .optional()
}

/// There is no file (any more).
pub(crate) fn remove(c: &Connection, segment_id: i64) -> rusqlite::Result<()> {
    c.prepare_cached("DELETE FROM segment WHERE id = ?1")?.execute([segment_id])?;
    Ok(())
}

/// As [`remove`], by number.
pub(crate) fn forget(c: &Connection, camera_id: i64, sequence: u64) -> rusqlite::Result<()> {
    c.prepare_cached("DELETE FROM segment WHERE camera = ?1 AND sequence = ?2 AND state <> 2")?
        .execute(params![camera_id, sequence.cast_signed()])?;
    Ok(())
}

/// Adds a gap, or ends the camera's gap that began at the same time.
pub(crate) fn gap(c: &Connection, camera_id: i64, mark: &GapMark) -> rusqlite::Result<()> {
    let end = mark.end.map(Timestamp::micros);
    let changed = c
        .prepare_cached(
            "UPDATE gap SET end = ?3, detail = CASE ?4 WHEN '' THEN detail ELSE ?4 END
             WHERE camera = ?1 AND start = ?2 AND reason = ?5 AND end IS NULL",
        )?
        .execute(params![camera_id, mark.start.micros(), end, mark.detail, mark.reason.as_str()])?;
    if changed == 0 {
        c.prepare_cached(
            "INSERT INTO gap (camera, start, end, reason, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            camera_id,
            mark.start.micros(),
            end,
            mark.reason.as_str(),
            mark.detail
        ])?;
    }
    Ok(())
}

/// A time for which nobody recorded a camera.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Away {
    /// When the host, or the camera, is known to have been there last.
    pub(crate) since: Option<Timestamp>,
    /// When it came.
    pub(crate) until: Timestamp,
    /// Only the camera was away, and its gaps were ended when it left.
    pub(crate) left: bool,
    /// For people.
    pub(crate) why: &'static str,
}

/// A camera leaves: ends its gap, whose sequel is shown when it comes back. Gives what it ended.
pub(crate) fn left(
    c: &Connection,
    camera: &str,
    now: Timestamp,
) -> rusqlite::Result<Vec<StoredGap>> {
    c.prepare_cached(
        "UPDATE gap SET end = max(start, ?2)
         WHERE camera = (SELECT id FROM camera WHERE name = ?1) AND end IS NULL
         RETURNING ?1, start, end, reason, detail",
    )?
    .query_map(params![camera, now.micros()], StoredGap::read)?
    .collect()
}

/// Until when video is known to be missing after `end`, the end of the last file.
fn missing_until(c: &Connection, camera_id: i64, end: Timestamp) -> rusqlite::Result<Timestamp> {
    c.prepare_cached(
        "SELECT coalesce(max(end), ?2) FROM gap
         WHERE camera = ?1 AND start >= ?2 AND reason <> 'stopped'",
    )?
    .query_row(params![camera_id, end.micros()], |row| row::timestamp(row, 0))
}

/// Shows the time for which the host or the camera was away as a gap of the camera. Gives the gaps
/// that it ended and added.
pub(crate) fn stopped(
    c: &Connection,
    camera_id: i64,
    away: Away,
) -> rusqlite::Result<Vec<StoredGap>> {
    let now = away.until;
    let alive = away.since.unwrap_or(now).min(now);
    // A gap that lasted when the host went away goes on as this one.
    let mut said: Vec<StoredGap> = c
        .prepare_cached(
            "UPDATE gap SET end = max(start, ?2) WHERE camera = ?1 AND end IS NULL
             RETURNING (SELECT name FROM camera WHERE id = ?1), start, end, reason, detail",
        )?
        .query_map(params![camera_id, alive.micros()], StoredGap::read)?
        .collect::<Result<_, _>>()?;
    let last = c
        .prepare_cached(
            "SELECT end, keep_by FROM segment WHERE camera = ?1 AND state = 2
             ORDER BY sequence DESC LIMIT 1",
        )?
        .query_row([camera_id], |row| Ok((row::timestamp(row, 0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    let Some((end, keep_by)) = last else { return Ok(said) };
    // Without continuous video, the end of the last file says nothing about the host.
    let start = match away.left {
        true => end.max(missing_until(c, camera_id, end)?),
        false if keep_by == 0 || !said.is_empty() => end.max(alive),
        false => end,
    };
    if start >= now {
        return Ok(said);
    }
    // It came and went before it recorded anything: that is one time away.
    let longer: Vec<StoredGap> = c
        .prepare_cached(
            "UPDATE gap SET end = max(end, ?3)
             WHERE camera = ?1 AND start = ?2 AND reason = 'stopped'
             RETURNING (SELECT name FROM camera WHERE id = ?1), start, end, reason, detail",
        )?
        .query_map(params![camera_id, start.micros(), now.micros()], StoredGap::read)?
        .collect::<Result<_, _>>()?;
    if !longer.is_empty() {
        said.extend(longer);
        return Ok(said);
    }
    let mark =
        GapMark { start, end: Some(now), reason: GapReason::Stopped, detail: away.why.into() };
    gap(c, camera_id, &mark)?;
    let camera =
        c.query_row("SELECT name FROM camera WHERE id = ?1", [camera_id], |row| row.get(0))?;
    said.push(StoredGap::of(camera, &mark));
    Ok(said)
}
