//! What of the life of spans stands among the events, so that each step is told once, also by a
//! host that was ended in between.
//!
//! A mark and its event are one transaction. Decides nothing: `pipeline` does.

use rusqlite::{Connection, params};

use super::super::edges::Edges;
use super::super::news::{Told, UntoldSpan};
use super::events::{self, NewEvent};
use super::row;
use super::spans::{self, COLUMNS, Stored, TOUCHING};

const STARTED: i64 = 1;
const STOPPED: i64 = 2;
/// Nothing more is to be told. Stands in the SQL of the index `span_untold` too.
const AVAILABLE: i64 = 4;
const TAKEN: i64 = 8;

/// What is told of a span once it is replaced (`excluded`): nothing new where it only shrank, all
/// of it again where one that had stopped goes on.
pub(crate) const REPLACED: &str = "CASE
     WHEN excluded.start >= start AND excluded.end <= end AND excluded.end > excluded.start
     THEN told
     WHEN excluded.end > end AND told & 2 THEN 0
     ELSE told & 3 END";

impl Told {
    fn code(self) -> i64 {
        let bit = |set: bool, bit: i64| if set { bit } else { 0 };
        bit(self.started, STARTED)
            | bit(self.stopped, STOPPED)
            | bit(self.available, AVAILABLE)
            | bit(self.taken, TAKEN)
    }

    fn from_code(code: i64) -> Self {
        Self {
            started: code & STARTED != 0,
            stopped: code & STOPPED != 0,
            available: code & AVAILABLE != 0,
            taken: code & TAKEN != 0,
        }
    }
}

/// Up to `most` spans of which not all is told, those that end first.
pub(crate) fn untold(c: &Connection, most: u32) -> rusqlite::Result<Vec<UntoldSpan>> {
    let found: Vec<(i64, i64, Stored)> = c
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, p.camera, p.told FROM span p JOIN camera c ON c.id = p.camera
             WHERE p.told & 4 = 0 ORDER BY p.end LIMIT ?1"
        ))?
        .query_map([most], |row| Ok((row.get(12)?, row.get(13)?, spans::read(row)?)))?
        .collect::<Result<_, _>>()?;
    let all = found.into_iter().map(|(camera, told, stored)| {
        let Stored { span, edges } = stored;
        let range = params![camera, span.start.micros(), span.end.micros()];
        let (segments, bytes): (u32, u64) = c
            .prepare_cached(&format!(
                "SELECT count(*), coalesce(sum(s.bytes), 0) FROM segment s
                 WHERE {TOUCHING} AND s.state = 2"
            ))?
            .query_row(range, |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?;
        let is_open = c
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM segment WHERE state <> 2 AND state < 2
                     AND camera = ?1 AND start < ?2)",
            )?
            .query_row(params![camera, span.end.micros()], |row| row.get(0))?;
        let newest = c
            .prepare_cached(
                "SELECT sequence, end FROM segment WHERE camera = ?1 AND state >= 2
                 ORDER BY sequence DESC LIMIT 1",
            )?
            .query_row([camera], |row| {
                Ok((row.get::<_, i64>(0)?.cast_unsigned(), row::timestamp(row, 1)?))
            });
        let newest = match newest {
            Err(rusqlite::Error::QueryReturnedNoRows) => None,
            found => Some(found?),
        };
        let told = Told::from_code(told);
        Ok(UntoldSpan { span, told, edges, segments, bytes, is_open, newest })
    });
    all.collect()
}

/// Marks a span as told so far, and stores the event that tells it. `None`: the span has changed
/// since `before` was read, and nothing was done.
pub(crate) fn tell(
    c: &Connection,
    span: &str,
    before: Told,
    after: Told,
    event: Option<&NewEvent>,
) -> rusqlite::Result<Option<u64>> {
    let changed = c
        .prepare_cached("UPDATE span SET told = ?3 WHERE id = ?1 AND told = ?2")?
        .execute(params![span, before.code(), after.code()])?;
    match event {
        Some(event) if changed > 0 => events::insert(c, event).map(Some),
        _ => Ok(None),
    }
}

/// The recorder has handed over what it had of a span: it stands in rows by now.
pub(crate) fn taken(c: &Connection, span: &str) -> rusqlite::Result<()> {
    c.prepare_cached("UPDATE span SET told = told | ?2 WHERE id = ?1")?
        .execute(params![span, TAKEN])?;
    Ok(())
}

/// At start: no recorder holds anything of earlier spans.
pub(crate) fn all_taken(c: &Connection) -> rusqlite::Result<()> {
    c.execute("UPDATE span SET told = told | ?1 WHERE told & 4 = 0 AND told & ?1 = 0", [TAKEN])?;
    Ok(())
}

/// There is more of a span than was told to be available: it is told again.
pub(crate) fn refreshed(
    c: &Connection,
    before: &Stored,
    now: Option<Edges>,
) -> rusqlite::Result<()> {
    let grew = match (before.edges, now) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(old), Some(new)) => new.start < old.start || new.end > old.end,
    };
    if grew {
        c.prepare_cached("UPDATE span SET told = told & ~?2 WHERE id = ?1 AND told & ?2")?
            .execute(params![before.span.id, AVAILABLE])?;
    }
    Ok(())
}
