//! Spans: insert, replace, seal, and what there is of each.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::edges::{Edges, Piece, edge_pieces, edges};
use super::super::{holds, seal};
use super::told::{self, REPLACED};
use super::{map, row};
use crate::base::limits::SPAN_SEAL;
use crate::base::{Error, Result, Timestamp, time};
use crate::policy::Span;
use crate::record::ticks_to_micros;

pub(crate) const COLUMNS: &str = "p.id, c.name, p.policy, p.start, p.end, p.keep, p.label, p.because, \
     p.correlation, p.true_start, p.true_end, p.truncated";

/// A span and what there was of it when a segment under it was last closed.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) span: Span,
    pub(crate) edges: Option<Edges>,
}

/// Adds a span, or replaces the one with its id. One that was sealed before `now` is only made
/// longer.
///
/// # Errors
/// Refuses an unknown camera, and what would not make a sealed span longer.
pub(crate) fn put(c: &Connection, span: &Span, now: Timestamp) -> Result<()> {
    let failed = || super::failed("store a span");
    let camera = camera_id(c, &span.camera).map_err(failed())?.ok_or_else(|| {
        Error::refuse(format!("span {}: the store knows no camera {}", span.id, span.camera))
    })?;
    let Some(Stored { span: known, .. }) = find(c, &span.id).map_err(failed())? else {
        insert(c, camera, span).map_err(failed())?;
        return refresh(c, camera, span.start, span.end).map_err(failed());
    };
    let keep = camera_keep(c, camera).map_err(failed())?;
    let span = seal::replace(span.clone(), &known, keep, now)?;
    insert(c, camera, &span).map_err(failed())?;
    // Its hold may be shorter now.
    recheck(c, camera, known.start, known.end).map_err(failed())?;
    refresh(c, camera, span.start, span.end).map_err(failed())
}

fn camera_keep(c: &Connection, camera: i64) -> rusqlite::Result<Option<Duration>> {
    c.prepare_cached("SELECT keep FROM camera WHERE id = ?1")?
        .query_row([camera], |row| row::maybe_length(row, 0))
}

/// Adds a span, or replaces the one with its id, whether sealed or not.
pub(super) fn insert(c: &Connection, camera: i64, span: &Span) -> rusqlite::Result<()> {
    let because = serde_json::to_string(&span.because).expect("a list of strings");
    c.prepare_cached(&format!(
        "INSERT INTO span
             (id, camera, policy, start, end, keep, label, because, correlation, told)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)
         ON CONFLICT (id) DO UPDATE SET camera = excluded.camera, policy = excluded.policy,
             start = excluded.start, end = excluded.end, keep = excluded.keep,
             label = excluded.label, because = excluded.because,
             correlation = excluded.correlation, true_start = NULL, true_end = NULL,
             truncated = 0, told = {REPLACED}"
    ))?
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

/// Segments that touch a time. Those that start before it are found by the length of the longest:
/// where the clock stepped back, the last that starts before it need not be the one that touches.
/// `?1` is the camera, `?2` the start and `?3` the end of the range.
pub(crate) const TOUCHING: &str = "s.camera = ?1 AND s.start > ?2 - (SELECT longest FROM camera \
     WHERE id = ?1) AND s.start < ?3 AND s.end > ?2";

/// The same of spans.
const IN_TOUCH: &str = "p.camera = ?1 AND p.start > ?2 - (SELECT longest_span FROM camera \
     WHERE id = ?1) AND p.start < ?3 AND p.end > ?2";

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
        told::refreshed(c, &stored, found)?;
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
    for at in edge_pieces(&pieces).into_iter().flatten() {
        pieces[at].keys = keys(c, ids[at], pieces[at].start)?;
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

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Stored> {
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
         WHERE {IN_TOUCH} ORDER BY p.start, p.id"
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
    c.prepare_cached(&format!("SELECT p.start, p.end, p.keep FROM span p WHERE {IN_TOUCH}"))?
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
                     AND s.start > p.start - c.longest)
             LIMIT ?3)",
    )?
    .execute(params![now.micros(), time::micros(SPAN_SEAL), most])
}
