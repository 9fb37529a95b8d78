//! Spans: insert, replace, seal, and what there is of each.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::edges::{Edges, Piece, edges};
use super::super::holds;
use super::{map, row};
use crate::base::limits::SPAN_SEAL;
use crate::base::{Error, Result, Timestamp, time};
use crate::policy::Span;
use crate::record::ticks_to_micros;

const COLUMNS: &str = "p.id, c.name, p.policy, p.start, p.end, p.keep, p.label, p.because, \
     p.correlation, p.true_start, p.true_end, p.truncated";

/// A span and what there was of it when a segment under it was last closed.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) span: Span,
    pub(crate) edges: Option<Edges>,
}

/// Adds a span, or replaces the one with its id.
///
/// # Errors
/// Refuses an unknown camera, and a span that was sealed before `now`.
pub(crate) fn put(c: &Connection, span: &Span, now: Timestamp) -> Result<()> {
    let failed = || super::failed("store a span");
    let camera = camera_id(c, &span.camera).map_err(failed())?.ok_or_else(|| {
        Error::refuse(format!("span {}: the store knows no camera {}", span.id, span.camera))
    })?;
    let known: Option<(i64, Timestamp, Timestamp)> = c
        .prepare_cached("SELECT camera, start, end FROM span WHERE id = ?1")
        .and_then(|mut s| {
            s.query_row([&span.id], |row| {
                Ok((row.get(0)?, row::timestamp(row, 1)?, row::timestamp(row, 2)?))
            })
            .optional()
        })
        .map_err(failed())?;
    if let Some((_, _, end)) = known
        && now > end + SPAN_SEAL
    {
        return Err(Error::refuse(format!(
            "span {} was sealed {} s after its end at {end}: use a new id",
            span.id,
            SPAN_SEAL.as_secs()
        )));
    }
    insert(c, camera, span).map_err(failed())?;
    if let Some((camera, start, end)) = known {
        // Its hold may be shorter now.
        recheck(c, camera, start, end).map_err(failed())?;
    }
    refresh(c, camera, span.start, span.end).map_err(failed())
}

fn insert(c: &Connection, camera: i64, span: &Span) -> rusqlite::Result<()> {
    let because = serde_json::to_string(&span.because).expect("a list of strings");
    c.prepare_cached(
        "INSERT OR REPLACE INTO span
             (id, camera, policy, start, end, keep, label, because, correlation)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        span.id,
        camera,
        span.policy,
        span.start.micros(),
        span.end.micros(),
        row::micros(span.keep),
        span.label,
        because,
        span.correlation
    ])?;
    Ok(())
}

pub(crate) fn camera_id(c: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    c.prepare_cached("SELECT id FROM camera WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// Where to look for segments that touch a time: from the last that starts at or before it.
/// `?1` is the camera, `?2` the start and `?3` the end of the range.
pub(crate) const TOUCHING: &str = "s.camera = ?1 AND s.start >= coalesce((SELECT max(t.start) \
     FROM segment t WHERE t.camera = ?1 AND t.start <= ?2), ?2) AND s.start < ?3 AND s.end > ?2";

/// Has the next sweep look at all that touches `[start, end)`.
pub(crate) fn recheck(
    c: &Connection,
    camera: i64,
    start: Timestamp,
    end: Timestamp,
) -> rusqlite::Result<()> {
    c.prepare_cached(&format!(
        "UPDATE segment SET recheck_at = 0
         WHERE id IN (SELECT s.id FROM segment s WHERE {TOUCHING})"
    ))?
    .execute(params![camera, start.micros(), end.micros()])?;
    Ok(())
}

/// Writes down what there is now of each span that touches `[start, end)`.
pub(crate) fn refresh(
    c: &Connection,
    camera: i64,
    start: Timestamp,
    end: Timestamp,
) -> rusqlite::Result<()> {
    for stored in touching(c, camera, start, end)? {
        let span = &stored.span;
        let found = measure(c, camera, span.start, span.end)?;
        if found == stored.edges {
            continue;
        }
        c.prepare_cached(
            "UPDATE span SET true_start = ?2, true_end = ?3, truncated = ?4 WHERE id = ?1",
        )?
        .execute(params![
            span.id,
            found.map(|edges| edges.start.micros()),
            found.map(|edges| edges.end.micros()),
            found.is_some_and(|edges| edges.truncated)
        ])?;
    }
    Ok(())
}

/// The true edges of `[start, end)` over closed segments.
pub(crate) fn measure(
    c: &Connection,
    camera: i64,
    start: Timestamp,
    end: Timestamp,
) -> rusqlite::Result<Option<Edges>> {
    let mut statement = c.prepare_cached(&format!(
        "SELECT s.id, s.start, s.end FROM segment s
         WHERE {TOUCHING} AND s.state = 2 ORDER BY s.start, s.sequence"
    ))?;
    let rows = statement.query_map(params![camera, start.micros(), end.micros()], |row| {
        let piece = Piece {
            start: row::timestamp(row, 1)?,
            end: row::timestamp(row, 2)?,
            keys: Vec::new(),
        };
        Ok((row.get(0)?, piece))
    })?;
    let rows: Vec<(i64, Piece)> = rows.collect::<rusqlite::Result<_>>()?;
    let (ids, mut pieces): (Vec<i64>, Vec<Piece>) = rows.into_iter().unzip();
    if let Some(last) = ids.len().checked_sub(1) {
        pieces[0].keys = keys(c, ids[0], pieces[0].start)?;
        pieces[last].keys = keys(c, ids[last], pieces[last].start)?;
    }
    Ok(edges(start, end, &pieces))
}

fn keys(c: &Connection, segment: i64, start: Timestamp) -> rusqlite::Result<Vec<Timestamp>> {
    let bytes: Option<Vec<u8>> = c
        .prepare_cached("SELECT map FROM fragments WHERE segment = ?1")?
        .query_row([segment], |row| row.get(0))
        .optional()?;
    let entries = bytes.and_then(|bytes| map::decode(&bytes)).unwrap_or_default();
    let keys = entries.into_iter().filter(|entry| entry.key);
    Ok(keys.map(|entry| moment(start, entry.start_ticks)).collect())
}

/// The moment `ticks` of 90 kHz after `start`.
pub(crate) fn moment(start: Timestamp, ticks: i64) -> Timestamp {
    start.offset(ticks_to_micros(ticks))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let because: String = row.get(7)?;
    let span = Span {
        id: row.get(0)?,
        camera: row.get(1)?,
        policy: row.get(2)?,
        start: row::timestamp(row, 3)?,
        end: row::timestamp(row, 4)?,
        keep: row::maybe_length(row, 5)?,
        label: row.get(6)?,
        because: serde_json::from_str(&because).unwrap_or_default(),
        correlation: row.get(8)?,
    };
    let found = row::maybe_timestamp(row, 9)?.zip(row::maybe_timestamp(row, 10)?);
    let truncated = row.get(11)?;
    let edges = found.map(|(start, end)| Edges { start, end, truncated });
    Ok(Stored { span, edges })
}

/// One span.
pub(crate) fn find(c: &Connection, id: &str) -> rusqlite::Result<Option<Stored>> {
    c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM span p JOIN camera c ON c.id = p.camera WHERE p.id = ?1"
    ))?
    .query_row([id], read)
    .optional()
}

/// The spans of a camera that touch `[start, end)`, by start.
pub(crate) fn touching(
    c: &Connection,
    camera: i64,
    start: Timestamp,
    end: Timestamp,
) -> rusqlite::Result<Vec<Stored>> {
    c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM span p JOIN camera c ON c.id = p.camera
         WHERE p.camera = ?1 AND p.start < ?3 AND p.end > ?2 ORDER BY p.start, p.id"
    ))?
    .query_map(params![camera, start.micros(), end.micros()], read)?
    .collect()
}

/// As [`touching`], only what the arithmetic of holds needs.
pub(crate) fn holding(
    c: &Connection,
    camera: i64,
    start: Timestamp,
    end: Timestamp,
) -> rusqlite::Result<Vec<holds::Span>> {
    c.prepare_cached(
        "SELECT start, end, keep FROM span WHERE camera = ?1 AND start < ?3 AND end > ?2",
    )?
    .query_map(params![camera, start.micros(), end.micros()], |row| {
        Ok(holds::Span {
            start: row::timestamp(row, 0)?,
            end: row::timestamp(row, 1)?,
            keep: row::maybe_length(row, 2)?,
        })
    })?
    .collect()
}

/// Removes up to `most` spans whose hold is over and of which no video is left. Gives how many.
pub(crate) fn expire(c: &Connection, now: Timestamp, most: u32) -> rusqlite::Result<usize> {
    c.prepare_cached(
        "DELETE FROM span WHERE id IN (
             SELECT p.id FROM span p JOIN camera c ON c.id = p.camera
             WHERE p.end + ?2 < ?1
               AND (p.end <= p.start OR p.end + coalesce(p.keep, c.keep) <= ?1)
               AND NOT EXISTS (
                   SELECT 1 FROM segment s
                   WHERE s.camera = p.camera AND s.start < p.end AND s.end > p.start
                     AND s.start >= coalesce((SELECT max(t.start) FROM segment t
                         WHERE t.camera = p.camera AND t.start <= p.start), p.start))
             LIMIT ?3)",
    )?
    .execute(params![now.micros(), time::micros(SPAN_SEAL), most])
}
