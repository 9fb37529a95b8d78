//! Pins, and what goes when a person deletes.
//!
//! Decides what of a range goes; the files go after the claim, elsewhere.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::holds::{Holders, Until};
use super::super::pins::{Deletion, Pin, Remained, Why};
use super::row::{SEGMENT, Segment, State};
use super::spans::{TOUCHING, camera_id};
use super::{answers, read, retain, row, spans};
use crate::base::Timestamp;

const COLUMNS: &str = "p.id, c.name, p.start, p.end, p.label, p.made";

fn read_pin(row: &Row<'_>) -> rusqlite::Result<Pin> {
    Ok(Pin {
        id: row.get(0)?,
        camera: row.get(1)?,
        start: row::timestamp(row, 2)?,
        end: row::timestamp(row, 3)?,
        label: row.get(4)?,
        made: row::timestamp(row, 5)?,
    })
}

/// Adds a pin. Gives whether its camera is known.
pub(crate) fn put(c: &Connection, pin: &Pin) -> rusqlite::Result<bool> {
    let Some(camera) = camera_id(c, &pin.camera)? else { return Ok(false) };
    c.prepare_cached(
        "INSERT OR REPLACE INTO pin (id, camera, start, end, label, made)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        pin.id,
        camera,
        pin.start.micros(),
        pin.end.micros(),
        pin.label,
        pin.made.micros()
    ])?;
    Ok(true)
}

/// One pin.
pub(crate) fn find(c: &Connection, id: &str) -> rusqlite::Result<Option<Pin>> {
    c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM pin p JOIN camera c ON c.id = p.camera WHERE p.id = ?1"
    ))?
    .query_row([id], read_pin)
    .optional()
}

/// Pins of a camera that touch `[start, end)`, by start.
pub(crate) fn touching(
    c: &Connection,
    camera: i64,
    start: Timestamp,
    end: Timestamp,
) -> rusqlite::Result<Vec<Pin>> {
    c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM pin p JOIN camera c ON c.id = p.camera
         WHERE p.camera = ?1 AND p.start < ?3 AND p.end > ?2 ORDER BY p.start, p.id"
    ))?
    .query_map(params![camera, start.micros(), end.micros()], read_pin)?
    .collect()
}

/// Removes a pin: what it held is looked at by the next sweep.
pub(crate) fn remove(c: &Connection, pin: &Pin) -> rusqlite::Result<()> {
    c.prepare_cached("DELETE FROM pin WHERE id = ?1")?.execute([&pin.id])?;
    match camera_id(c, &pin.camera)? {
        Some(camera) => spans::recheck(c, camera, pin.start, pin.end),
        None => Ok(()),
    }
}

/// Files with video in `[start, end)`, also those being written, and their bytes.
pub(crate) fn measure(
    c: &Connection,
    camera: i64,
    start: Timestamp,
    end: Timestamp,
) -> rusqlite::Result<(usize, u64)> {
    let closed = read::closed(c, camera, start, end)?;
    // Where an open one ends is not known here.
    let open = read::open(c, camera)?.into_iter().filter(|segment| segment.start < end);
    let all: Vec<Segment> = closed.into_iter().chain(open).collect();
    Ok((all.len(), all.iter().map(|segment| segment.bytes).sum()))
}

/// What goes of `[start, end)`: whole closed files that no pin touches.
pub(crate) fn in_range(
    c: &Connection,
    camera: i64,
    start: Timestamp,
    end: Timestamp,
) -> rusqlite::Result<(Vec<Segment>, Deletion)> {
    let pins = touching(c, camera, start, end)?;
    let mut deletion = Deletion::default();
    let mut go = Vec::new();
    for segment in read::closed(c, camera, start, end)? {
        let pinned = pins.iter().any(|pin| pin.start < segment.end && segment.start < pin.end);
        let why = if segment.start < start || segment.end > end {
            Some(Why::Edge)
        } else {
            pinned.then_some(Why::Pinned)
        };
        match why {
            Some(why) => deletion.remains(why, &segment),
            None => {
                deletion.goes(&segment);
                go.push(segment);
            }
        }
    }
    for segment in read::open(c, camera)?.iter().filter(|segment| segment.start < end) {
        deletion.remains(Why::Open, segment);
    }
    Ok((go, deletion))
}

/// Removes a span, and gives what nothing keeps without it.
pub(crate) fn without_span(
    c: &Connection,
    span: &spans::Stored,
    now: Timestamp,
    events_since: Timestamp,
) -> rusqlite::Result<(Vec<Segment>, Deletion)> {
    let span = &span.span;
    let mut deletion = Deletion::default();
    let Some(camera) = camera_id(c, &span.camera)? else { return Ok((Vec::new(), deletion)) };
    c.prepare_cached("DELETE FROM span WHERE id = ?1")?.execute([&span.id])?;
    spans::recheck(c, camera, span.start, span.end)?;
    let found: Vec<(Segment, Option<Duration>)> = c
        .prepare_cached(&format!(
            "SELECT {SEGMENT}, c.keep FROM segment s JOIN camera c ON c.id = s.camera
             WHERE {TOUCHING} AND s.state < 3 ORDER BY s.sequence"
        ))?
        .query_map(params![camera, span.start.micros(), span.end.micros()], |row| {
            Ok((Segment::read(row)?, row::maybe_length(row, 13)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut go = Vec::new();
    for (mut segment, camera_keep) in found {
        let spans = spans::holding(c, camera, segment.start, segment.end)?;
        let pinned = retain::is_pinned(c, &segment)?;
        let awaited = answers::awaited(c, &mut segment, now, events_since)?;
        let holders = Holders { spans: &spans, pinned, camera_keep };
        let until: Until = segment.holds().kept_until(&holders).max(awaited);
        if segment.state != State::Closed {
            deletion.remains(Why::Open, &segment);
        } else if pinned {
            deletion.remains(Why::Pinned, &segment);
        } else if !until.is_over(now) {
            deletion.remains(Why::Held, &segment);
        } else {
            deletion.goes(&segment);
            go.push(segment);
        }
    }
    Ok((go, deletion))
}

impl Deletion {
    fn goes(&mut self, segment: &Segment) {
        self.segments += 1;
        self.bytes += segment.bytes;
    }

    fn remains(&mut self, why: Why, segment: &Segment) {
        let (start, end) = (segment.start, segment.end);
        match self.remained.iter_mut().find(|one| one.why == why) {
            Some(one) => {
                one.segments += 1;
                (one.start, one.end) = (one.start.min(start), one.end.max(end));
            }
            None => self.remained.push(Remained { why, segments: 1, start, end }),
        }
    }
}
