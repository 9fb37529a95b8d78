//! What deletion asks of the index: which segments may go, and claims on them.
//!
//! SQL finds candidates, `holds` decides. A claim is the durable intent to delete: the file goes
//! after it, the row after the file.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::super::holds::{Holders, Until};
use super::row::{self, SEGMENT, Segment};
use super::{answers, spans};
use crate::base::Timestamp;

/// Candidates read at a time.
const PAGE: u32 = 512;
/// Pages looked at for one claim, so that events do not wait long behind it.
const PAGES_MAX: usize = 64;

/// Which segments may be deleted although a hold on them runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pressure {
    /// Those that are kept only as continuous video.
    Continuous,
    /// Any.
    Spans,
}

/// Claims up to `most` segments that nothing keeps at `now`. The second value says that there
/// may be more. Before `events_since` no judge is waited for.
pub(crate) fn claim_due(
    c: &Connection,
    now: Timestamp,
    events_since: Timestamp,
    most: u32,
) -> rusqlite::Result<(Vec<Segment>, bool)> {
    let due: Vec<(Segment, Option<Duration>)> = c
        .prepare_cached(&format!(
            "SELECT {SEGMENT}, c.keep FROM segment s JOIN camera c ON c.id = s.camera
             WHERE s.state = 2 AND s.recheck_at <= ?1 ORDER BY s.recheck_at LIMIT ?2"
        ))?
        .query_map(params![now.micros(), most], |row| {
            Ok((Segment::read(row)?, row::maybe_length(row, 13)?))
        })?
        .collect::<Result<_, _>>()?;
    let more = due.len() == most as usize;
    let mut claimed = Vec::new();
    for (mut segment, keep) in due {
        let awaited = answers::awaited(c, &mut segment, now, events_since)?;
        let spans = spans::holding(c, segment.camera_id, segment.start, segment.end)?;
        let pinned = is_pinned(c, &segment)?;
        let until =
            segment.holds().kept_until(&Holders { spans: &spans, pinned, camera_keep: keep });
        let until = until.max(awaited);
        if until.is_over(now) {
            claim(c, segment.id)?;
            claimed.push(segment);
        } else {
            let at = match until {
                Until::At(time) => time.micros(),
                Until::Forever => i64::MAX,
            };
            c.prepare_cached("UPDATE segment SET recheck_at = ?2 WHERE id = ?1")?
                .execute(params![segment.id, at])?;
        }
    }
    Ok((claimed, more))
}

/// A pin touches it.
pub(crate) fn is_pinned(c: &Connection, segment: &Segment) -> rusqlite::Result<bool> {
    c.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM pin WHERE camera = ?1 AND start < ?3 AND end > ?2)",
    )?
    .query_row(params![segment.camera_id, segment.start.micros(), segment.end.micros()], |row| {
        row.get(0)
    })
}

/// Claims the oldest segments that `pressure` allows, until they make up `bytes`.
pub(crate) fn claim_oldest(
    c: &Connection,
    now: Timestamp,
    pressure: Pressure,
    bytes: u64,
) -> rusqlite::Result<Vec<Segment>> {
    let (mut claimed, mut sum, mut from) = (Vec::new(), 0_u64, i64::MIN);
    for _ in 0..PAGES_MAX {
        let page = oldest(c, from)?;
        for (segment, keep) in &page {
            from = segment.start.micros() + 1;
            if sum >= bytes {
                return Ok(claimed);
            }
            if pressure == Pressure::Continuous {
                let spans = spans::holding(c, segment.camera_id, segment.start, segment.end)?;
                let holders = Holders { spans: &spans, pinned: false, camera_keep: *keep };
                if !segment.holds().spans_until(&holders).is_over(now) {
                    continue;
                }
            }
            claim(c, segment.id)?;
            sum = sum.saturating_add(segment.bytes);
            claimed.push(segment.clone());
        }
        if page.len() < PAGE as usize {
            break;
        }
    }
    Ok(claimed)
}

fn oldest(c: &Connection, from: i64) -> rusqlite::Result<Vec<(Segment, Option<Duration>)>> {
    c.prepare_cached(&format!(
        "SELECT {SEGMENT}, c.keep FROM segment s JOIN camera c ON c.id = s.camera
         WHERE s.state = 2 AND s.start >= ?1 ORDER BY s.start LIMIT ?2"
    ))?
    .query_map(params![from, PAGE], |row| Ok((Segment::read(row)?, row::maybe_length(row, 13)?)))?
    .collect()
}

/// Claims those of `segments` that are still there.
pub(crate) fn claim_all(
    c: &Connection,
    mut segments: Vec<Segment>,
) -> rusqlite::Result<Vec<Segment>> {
    let mut failure = None;
    segments.retain(|segment| {
        let claim = || {
            c.prepare_cached("UPDATE segment SET state = 3 WHERE id = ?1 AND state = 2")?
                .execute([segment.id])
        };
        claim().unwrap_or_else(|error| {
            failure = Some(error);
            0
        }) > 0
    });
    failure.map_or(Ok(segments), Err)
}

fn claim(c: &Connection, segment: i64) -> rusqlite::Result<()> {
    c.prepare_cached("UPDATE segment SET state = 3 WHERE id = ?1")?.execute([segment])?;
    Ok(())
}

/// Takes a claim back, until `again`.
pub(crate) fn release(c: &Connection, segment: i64, again: Timestamp) -> rusqlite::Result<()> {
    c.prepare_cached("UPDATE segment SET state = 2, recheck_at = ?2 WHERE id = ?1 AND state = 3")?
        .execute(params![segment, again.micros()])?;
    Ok(())
}

/// Everything that was not closed: what recovery looks at.
pub(crate) fn unfinished(c: &Connection) -> rusqlite::Result<Vec<Segment>> {
    c.prepare(&format!(
        "SELECT {SEGMENT} FROM segment s JOIN camera c ON c.id = s.camera
         WHERE s.state <> 2 ORDER BY s.camera, s.sequence"
    ))?
    .query_map([], Segment::read)?
    .collect()
}

/// Removes up to `most` gaps that ended before `before`. Gives how many.
pub(crate) fn expire_gaps(c: &Connection, before: Timestamp, most: u32) -> rusqlite::Result<usize> {
    // As long as there is video from before it, a gap is part of the time line.
    c.prepare_cached(
        "DELETE FROM gap WHERE id IN (
             SELECT g.id FROM gap g WHERE g.end < ?1
               AND NOT EXISTS (SELECT 1 FROM segment s WHERE s.camera = g.camera
                               AND s.start < g.start) LIMIT ?2)",
    )?
    .execute(params![before.micros(), most])
}

/// The oldest video of a camera that is not being deleted.
pub(crate) fn earliest(c: &Connection, camera: &str) -> rusqlite::Result<Option<Timestamp>> {
    c.prepare_cached(
        "SELECT s.start FROM segment s JOIN camera c ON c.id = s.camera
         WHERE c.name = ?1 AND s.state <> 3 ORDER BY s.start LIMIT 1",
    )?
    .query_row([camera], |row| row::timestamp(row, 0))
    .optional()
}

/// The key of `meta` that says when the host ran last.
const ALIVE: &str = "alive";

/// Notes that the host runs.
pub(crate) fn set_alive(c: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    super::set_meta(c, ALIVE, &now.micros().to_string())
}

/// When the host is known to have run last.
pub(crate) fn alive(c: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let text = super::meta(c, ALIVE)?;
    Ok(text.and_then(|text| text.parse().ok()).map(Timestamp::from_micros))
}
