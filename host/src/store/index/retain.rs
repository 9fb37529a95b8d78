//! What deletion asks of the index: which segments may go, and claims on them.
//!
//! SQL finds candidates, `holds` decides. A claim is the durable intent to delete: the file goes
//! after it, the row after the file.

use std::collections::HashSet;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::super::holds::{Holders, Rank, Until};
use super::super::places::PlaceId;
use super::row::{self, SEGMENT, SEGMENT_COLUMNS, Segment, State};
use super::{answers, spans};
use crate::base::Timestamp;

/// Candidates read at a time, so that events do not wait long behind them.
const PAGE: u32 = 512;
/// What was closed so long ago has no neighbours in the order of recording that are still open.
const SETTLED: Duration = Duration::from_secs(2 * 3600);
/// Rows that are marked to be looked at again in one go.
const RECHECK: u32 = 2048;

/// What a limit is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scope {
    /// All segments that lie in a place.
    Place(PlaceId),
    /// All of a camera, by its number, wherever they lie.
    Camera(i64),
}

/// The moments by which age is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ages {
    /// Holds that end before are over.
    pub(crate) now: Timestamp,
    /// Before it no judge is waited for: events are forgotten.
    pub(crate) events_since: Timestamp,
}

/// What keeps a segment, and how strongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The first moment at which nothing does.
    pub(crate) until: Until,
    /// What it goes as when room is needed now.
    pub(crate) rank: Rank,
    /// A span or a pin keeps it at least until then, if nobody changes that.
    pub(crate) firm: Until,
}

/// Judges a segment by all that may hold it. Its hold as continuous video is brought up to date
/// in memory.
pub(crate) fn judge(
    c: &Connection,
    segment: &mut Segment,
    camera_keep: Option<Duration>,
    ages: Ages,
) -> rusqlite::Result<Kept> {
    let awaited = answers::awaited(c, segment, ages.now, ages.events_since)?;
    let spans = spans::holding(c, segment.camera_id, segment.start, segment.end)?;
    let pinned = is_pinned(c, segment)?;
    let (holds, holders) = (segment.holds(), Holders { spans: &spans, pinned, camera_keep });
    let until = holds.kept_until(&holders).max(awaited);
    let firm = if pinned { Until::Forever } else { holds.spans_until(&holders) };
    let rank = match holds.rank(&holders, ages.now) {
        // Somebody may still say that it is to be kept.
        Rank::Expired if !awaited.is_over(ages.now) => Rank::Continuous,
        rank => rank,
    };
    Ok(Kept { until, rank, firm })
}

type Candidate = (Segment, Option<Duration>);

fn candidate(row: &rusqlite::Row<'_>) -> rusqlite::Result<Candidate> {
    Ok((Segment::read(row)?, row::maybe_length(row, SEGMENT_COLUMNS)?))
}

/// What is due by age.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// What nothing keeps.
    pub(crate) claimed: Vec<Segment>,
    /// There may be more.
    pub(crate) more: bool,
    /// The lowest id of those that were looked at.
    pub(crate) lowest: Option<i64>,
}

/// Claims up to `most` segments of a place that nothing keeps. A segment that is being moved is not claimed before it has arrived.
pub(crate) fn claim_due(
    c: &Connection,
    place: PlaceId,
    ages: Ages,
    most: u32,
) -> rusqlite::Result<Due> {
    let due: Vec<Candidate> = c
        .prepare_cached(&format!(
            "SELECT {SEGMENT}, c.keep FROM segment s JOIN camera c ON c.id = s.camera
             WHERE s.state = 2 AND s.place = ?3 AND s.recheck_at <= ?1 AND s.moving IS NULL
             ORDER BY s.recheck_at LIMIT ?2"
        ))?
        .query_map(params![ages.now.micros(), most, place.0], candidate)?
        .collect::<Result<_, _>>()?;
    let more = due.len() == most as usize;
    let lowest = due.iter().map(|(segment, _)| segment.id).min();
    let mut claimed = Vec::new();
    for (mut segment, keep) in due {
        answers::settle(c, &mut segment)?;
        let until = judge(c, &mut segment, keep, ages)?.until;
        if until.is_over(ages.now) {
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
    Ok(Due { claimed, more, lowest })
}

/// Marks some of the segments that are to be looked at again because what keeps them has changed.
/// Gives whether there may be more.
pub(crate) fn recheck_some(c: &Connection) -> rusqlite::Result<bool> {
    let waiting: Option<(i64, i64)> = c
        .prepare_cached(
            "SELECT id, recheck_after FROM camera WHERE recheck_after IS NOT NULL LIMIT 1",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((camera, after)) = waiting else { return Ok(false) };
    let last: Option<i64> = c
        .prepare_cached(
            "SELECT max(sequence) FROM (SELECT sequence FROM segment
                 WHERE camera = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3)",
        )?
        .query_row(params![camera, after, RECHECK], |row| row.get(0))?;
    c.prepare_cached(
        "UPDATE segment SET recheck_at = 0
         WHERE camera = ?1 AND sequence > ?2 AND sequence <= ?3 AND recheck_at > 0",
    )?
    .execute(params![camera, after, last.unwrap_or(after)])?;
    c.prepare_cached("UPDATE camera SET recheck_after = ?2 WHERE id = ?1")?
        .execute(params![camera, last])?;
    Ok(true)
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

/// Some of what a limit takes.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// In the order in which they go.
    pub(crate) segments: Vec<Segment>,
    /// There may be more after this id; `None`: that was all, or as much as was wanted.
    pub(crate) after: Option<i64>,
    /// Up to this id, all are kept more strongly,
    pub(crate) above: i64,
    /// at least until then.
    pub(crate) firm: Until,
}

/// What goes of a scope as `rank` when `bytes` are lacking: those recorded longest ago, whatever
/// the clock said then. Looks at one page after the id `after`, and not at those of `passed`.
/// Changes nothing: see [`claim_chosen`].
pub(crate) fn choose(
    c: &Connection,
    scope: Scope,
    rank: Rank,
    ages: Ages,
    (after, bytes): (i64, u64),
    passed: &HashSet<i64>,
) -> rusqlite::Result<Chosen> {
    let page = in_order(c, scope, after)?;
    let last = page.last().map(|(segment, _)| segment.id).filter(|_| page.len() == PAGE as usize);
    let (segments, firm) = (Vec::new(), Until::Forever);
    let (mut chosen, mut sum) = (Chosen { segments, after: last, above: after, firm }, 0_u64);
    let mut is_unbroken = true;
    for (mut segment, keep) in page {
        let kept = judge(c, &mut segment, keep, ages)?;
        let is_passed = passed.contains(&segment.id);
        is_unbroken &= !is_passed && kept.rank > rank && segment.closed_at + SETTLED <= ages.now;
        if is_unbroken {
            (chosen.above, chosen.firm) = (segment.id, chosen.firm.min(kept.firm));
        }
        if is_passed || kept.rank != rank {
            continue;
        }
        sum = sum.saturating_add(segment.bytes);
        chosen.segments.push(segment);
        if sum >= bytes {
            chosen.after = None;
            break;
        }
    }
    Ok(chosen)
}

/// A page of the segments of a scope that can be claimed, in the order of recording.
pub(crate) fn in_order(
    c: &Connection,
    scope: Scope,
    after: i64,
) -> rusqlite::Result<Vec<Candidate>> {
    let (column, index, id) = match scope {
        Scope::Place(place) => ("place", "segment_in_order", place.0),
        Scope::Camera(camera) => ("camera", "segment_of_camera_in_order", camera),
    };
    c.prepare_cached(&format!(
        "SELECT {SEGMENT}, c.keep FROM segment s INDEXED BY {index}
         JOIN camera c ON c.id = s.camera
         WHERE s.state = 2 AND s.{column} = ?1 AND s.id > ?2 AND s.moving IS NULL
         ORDER BY s.id LIMIT ?3"
    ))?
    .query_map(params![id, after, PAGE], candidate)?
    .collect()
}

/// Claims what was chosen.
pub(crate) fn claim_chosen(c: &Connection, segments: &[Segment]) -> rusqlite::Result<()> {
    segments.iter().try_for_each(|segment| claim(c, segment.id))
}

/// Claims those of `segments` that are still there and not pinned, as they are now; and says how
/// many of them can't be claimed before they have arrived in another place.
pub(crate) fn claim_all(
    c: &Connection,
    segments: Vec<Segment>,
) -> rusqlite::Result<(Vec<Segment>, usize)> {
    let (mut claimed, mut moving) = (Vec::new(), 0);
    for segment in segments {
        match super::edit::find(c, segment.camera_id, segment.sequence)? {
            // Pinned meanwhile.
            Some(now) if is_pinned(c, &now)? => {}
            Some(now) if now.state == State::Closed && now.moving.is_none() => {
                claim(c, now.id)?;
                claimed.push(now);
            }
            Some(now) if now.state == State::Closed => moving += 1,
            _ => {}
        }
    }
    Ok((claimed, moving))
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
        "SELECT {SEGMENT} FROM segment s INDEXED BY segment_unfinished
         JOIN camera c ON c.id = s.camera
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

/// The key of `meta` that remembers jumps of the clock.
const GUARD: &str = "guard";

/// Remembers jumps of the clock.
pub(crate) fn set_guard(c: &Connection, text: &str) -> rusqlite::Result<()> {
    super::set_meta(c, GUARD, text)
}

/// What was remembered of jumps of the clock.
pub(crate) fn guard(c: &Connection) -> rusqlite::Result<Option<String>> {
    super::meta(c, GUARD)
}
