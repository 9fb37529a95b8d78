//! Judges, and what each said of a segment.
//!
//! The rows of `answer` are the truth; `segment.keep_by` and `continuous_until` are what they come
//! to, so that a sweep reads one row. Must not know how plugins are asked.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::answers::{Answer, PAGE, PATIENCE, Page, Policy, Unjudged, combine};
use super::super::holds::{Continuous, Until};
use super::row::{self, Flags, SEGMENT, Segment};
use super::{edit, events};
use crate::base::Timestamp;

/// Rows looked at for one page, so that events do not wait long behind it.
const SCAN: u32 = 512;

/// Makes these the judges of a camera; gives their numbers.
pub(crate) fn appoint(
    c: &Connection,
    camera: i64,
    policies: &[Policy],
    now: Timestamp,
) -> rusqlite::Result<Vec<i64>> {
    let digest = |policy: &Policy| policy.digest.clone().unwrap_or_default();
    let mut wanted: Vec<_> =
        policies.iter().map(|policy| (policy.name.clone(), digest(policy))).collect();
    wanted.sort();
    let known: Vec<(String, String)> = c
        .prepare_cached(
            "SELECT policy, digest FROM judge WHERE camera = ?1 AND current ORDER BY 1, 2",
        )?
        .query_map([camera], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    if known != wanted {
        // Who goes on judging goes on answering.
        for (policy, digest) in known.iter().filter(|one| !wanted.contains(one)) {
            c.execute(
                "UPDATE judge SET current = 0 WHERE camera = ?1 AND policy = ?2 AND digest = ?3",
                params![camera, policy, digest],
            )?;
        }
        // Another result for each segment, perhaps: found when a sweep looks at it.
        edit::recheck_all(c, camera)?;
    }
    let mut ids = Vec::new();
    for policy in policies {
        // One that can't be loaded has been silent for ever: nobody waits for it.
        let silent = policy.digest.as_ref().map_or(Timestamp::ZERO, |_| now);
        c.prepare_cached(
            "INSERT INTO judge (camera, policy, digest, current, silent)
             VALUES (?1, ?2, ?3, 1, ?4)
             ON CONFLICT DO UPDATE SET current = 1, silent = excluded.silent WHERE NOT current",
        )?
        .execute(params![camera, policy.name, digest(policy), silent.micros()])?;
        ids.push(
            c.prepare_cached(
                "SELECT id FROM judge WHERE camera = ?1 AND policy = ?2 AND digest = ?3",
            )?
            .query_row(params![camera, policy.name, digest(policy)], |row| row.get(0))?,
        );
    }
    Ok(ids)
}

/// Puts another digest in the place of a judge, which answers from now on; gives its number.
pub(crate) fn replace(c: &Connection, judge: i64, digest: &str) -> rusqlite::Result<i64> {
    let (camera, policy): (i64, String) = c
        .prepare_cached("SELECT camera, policy FROM judge WHERE id = ?1")?
        .query_row([judge], |row| Ok((row.get(0)?, row.get(1)?)))?;
    c.execute("UPDATE judge SET current = 0 WHERE id = ?1", [judge])?;
    edit::recheck_all(c, camera)?;
    c.prepare_cached(
        "INSERT INTO judge (camera, policy, digest, current, silent) VALUES (?1, ?2, ?3, 1, NULL)
         ON CONFLICT DO UPDATE SET current = 1, silent = NULL",
    )?
    .execute(params![camera, policy, digest])?;
    c.prepare_cached("SELECT id FROM judge WHERE camera = ?1 AND policy = ?2 AND digest = ?3")?
        .query_row(params![camera, policy, digest], |row| row.get(0))
}

/// Nobody has said yet that he answers: the host begins.
pub(crate) fn silence(c: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    c.execute("UPDATE judge SET silent = ?1 WHERE current AND silent IS NULL", [now.micros()])?;
    Ok(())
}

/// Since when a judge does not answer; `None`: it does.
pub(crate) fn set_silent(
    c: &Connection,
    judge: i64,
    silent: Option<Timestamp>,
) -> rusqlite::Result<()> {
    // The first silence counts, or one that falls silent again and again would be waited for.
    c.prepare_cached(
        "UPDATE judge SET silent = CASE WHEN ?2 IS NULL THEN NULL ELSE coalesce(silent, ?2) END
         WHERE id = ?1",
    )?
    .execute(params![judge, silent.map(Timestamp::micros)])?;
    Ok(())
}

/// Stores answers and what they come to. Segments that are gone, or are not to be asked about, are
/// passed over.
pub(crate) fn answer(c: &Connection, judge: i64, said: &[Answer]) -> rusqlite::Result<()> {
    let Some(camera) = camera_of(c, judge)? else { return Ok(()) };
    for one in said {
        let Some(mut segment) = edit::find(c, camera, one.sequence)? else { continue };
        if !is_asked_about(&segment) {
            continue;
        }
        c.prepare_cached(
            "INSERT OR REPLACE INTO answer (segment, judge, until) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![
            segment.id,
            judge,
            one.keep.map(|keep| (segment.end + keep).micros())
        ])?;
        c.prepare_cached(
            "DELETE FROM answer WHERE segment = ?1 AND judge IN (
                 SELECT old.id FROM judge old JOIN judge new
                     ON new.camera = old.camera AND new.policy = old.policy
                 WHERE new.id = ?2 AND old.id <> ?2)",
        )?
        .execute(params![segment.id, judge])?;
        settle(c, &mut segment)?;
        c.prepare_cached("UPDATE segment SET recheck_at = 0 WHERE id = ?1 AND state = 2")?
            .execute([segment.id])?;
    }
    Ok(())
}

fn camera_of(c: &Connection, judge: i64) -> rusqlite::Result<Option<i64>> {
    c.prepare_cached("SELECT camera FROM judge WHERE id = ?1")?
        .query_row([judge], |row| row.get(0))
        .optional()
}

/// What fails open is kept as configured: those who judge could not see what happened in it.
fn is_asked_about(segment: &Segment) -> bool {
    segment.continuous != Continuous::NO && !segment.flags.has(Flags::FAIL_OPEN)
}

/// A judge of a segment's camera, and what it said of the segment.
struct Row {
    judge: i64,
    policy: String,
    current: bool,
    silent: Option<Timestamp>,
    answered: bool,
    until: Option<Timestamp>,
}

fn rows(c: &Connection, segment: &Segment) -> rusqlite::Result<Vec<Row>> {
    // Of one policy's judges the present one comes first, then the later ones.
    c.prepare_cached(
        "SELECT j.id, j.policy, j.current, j.silent, a.segment IS NOT NULL, a.until
         FROM judge j LEFT JOIN answer a ON a.segment = ?1 AND a.judge = j.id
         WHERE j.camera = ?2 ORDER BY j.policy, j.current DESC, j.id DESC",
    )?
    .query_map([segment.id, segment.camera_id], |row| {
        Ok(Row {
            judge: row.get(0)?,
            policy: row.get(1)?,
            current: row.get(2)?,
            silent: row::maybe_timestamp(row, 3)?,
            answered: row.get(4)?,
            until: row::maybe_timestamp(row, 5)?,
        })
    })?
    .collect()
}

/// What a segment's judges make of it.
struct Judged {
    /// Its hold as continuous video.
    hold: Continuous,
    /// The judges of now who have said nothing of it.
    missing: Vec<Row>,
    /// Those whose answer counts no more.
    stale: Vec<i64>,
}

/// What the rows of a segment come to; `None` where nobody is asked about it.
fn judged(c: &Connection, segment: &Segment) -> rusqlite::Result<Option<Judged>> {
    let mut rows = rows(c, segment)?;
    if rows.is_empty() || !is_asked_about(segment) {
        return Ok(None);
    }
    let is_stale = |gone: &&Row| !rows.iter().any(|row| row.current && row.policy == gone.policy);
    let stale = rows.iter().filter(|row| row.answered).filter(is_stale);
    let stale = stale.map(|gone| gone.judge).collect();
    let said = |policy: &str| {
        rows.iter().find(|row| row.answered && row.policy == policy).and_then(|row| row.until)
    };
    let hold = combine(rows.iter().filter(|row| row.current).map(|row| said(&row.policy)));
    rows.retain(|row| row.current && !row.answered);
    Ok(Some(Judged { hold, missing: rows, stale }))
}

/// Brings a segment's hold up to date with what its judges said; drops what those said who judge
/// the camera no more.
pub(crate) fn settle(c: &Connection, segment: &mut Segment) -> rusqlite::Result<()> {
    let Some(Judged { hold, stale, .. }) = judged(c, segment)? else { return Ok(()) };
    for judge in stale {
        c.prepare_cached("DELETE FROM answer WHERE segment = ?1 AND judge = ?2")?
            .execute([segment.id, judge])?;
    }
    if hold != segment.continuous {
        let (keep_by, until) = row::continuous(hold);
        c.prepare_cached("UPDATE segment SET keep_by = ?2, continuous_until = ?3 WHERE id = ?1")?
            .execute(params![segment.id, keep_by, until])?;
        segment.continuous = hold;
    }
    Ok(())
}

/// Gives a segment the hold that its judges' answers come to, in memory only, and says how long a
/// judge is waited for: until then it must not go by age. `events_since`: before it, events are no
/// longer known and nobody is asked.
pub(crate) fn awaited(
    c: &Connection,
    segment: &mut Segment,
    now: Timestamp,
    events_since: Timestamp,
) -> rusqlite::Result<Until> {
    let Some(Judged { hold, missing, .. }) = judged(c, segment)? else { return Ok(Until::NEVER) };
    segment.continuous = hold;
    // An answer sets `recheck_at` back, and so does what makes others the judges.
    let patience = missing.iter().map(|row| row.silent.unwrap_or(now) + PATIENCE).max();
    let known = segment.start + now.since(events_since);
    Ok(patience.map_or(Until::NEVER, |patience| Until::At(patience.min(known))))
}

/// What a judge is to be asked about: see [`super::super::Store::unjudged`].
pub(crate) fn unanswered(
    c: &Connection,
    judge: i64,
    after: Option<u64>,
    since: Timestamp,
) -> rusqlite::Result<Page> {
    let Some(camera) = camera_of(c, judge)? else { return Ok(Page::default()) };
    let after = after.map_or(-1, u64::cast_signed);
    let found: Vec<Segment> = c
        .prepare_cached(&format!(
            "SELECT {SEGMENT} FROM (SELECT * FROM segment WHERE camera = ?1 AND sequence > ?2
                                    ORDER BY sequence LIMIT ?3) s
             JOIN camera c ON c.id = s.camera
             WHERE s.state = 2 AND s.keep_by <> 0 AND s.start >= ?4
               AND NOT EXISTS (SELECT 1 FROM answer WHERE segment = s.id AND judge = ?5)
             ORDER BY s.sequence"
        ))?
        .query_map(params![camera, after, SCAN, since.micros(), judge], Segment::read)?
        .collect::<Result<_, _>>()?;
    let scanned: Option<i64> = c
        .prepare_cached(
            "SELECT sequence FROM segment WHERE camera = ?1 AND sequence > ?2
             ORDER BY sequence LIMIT 1 OFFSET ?3",
        )?
        .query_row(params![camera, after, SCAN - 1], |row| row.get(0))
        .optional()?;
    let mut page = Page { segments: Vec::new(), next: scanned.map(i64::cast_unsigned) };
    for segment in found.into_iter().filter(is_asked_about) {
        if page.segments.len() == PAGE as usize {
            page.next = page.segments.last().map(|last| last.sequence);
            break;
        }
        page.segments.push(Unjudged {
            sequence: segment.sequence,
            start: segment.start,
            end: segment.end,
            bytes: segment.bytes,
            gap_before: segment.flags.has(Flags::GAP_BEFORE),
            events: events::tally(c, &segment.camera, segment.start, segment.end)?,
        });
    }
    Ok(page)
}
