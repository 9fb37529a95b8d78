//! Events as people look at them: from when they begin to when they end, and as marks on a time line.

use std::ops::ControlFlow;
use std::time::Duration;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::events::{COLUMNS, StoredEvent, stored};
use super::row;
use crate::base::kinds::Kinds;
use crate::base::{Timestamp, time};

/// A later phase of an event is looked for so far after its beginning.
const LIFE_MAX: Duration = Duration::from_secs(6 * 3600);

/// In which order events are shown: by the time at which they happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The oldest first.
    Ascending,
    /// The newest first.
    Descending,
}

/// Which beginnings to show, of one camera.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heads<'a> {
    pub(crate) camera: &'a str,
    /// Of these kinds; none: of all.
    pub(crate) kinds: &'a [Kinds],
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) order: Order,
    /// After (in that order) an event of this time and sequence.
    pub(crate) after: Option<(Timestamp, u64)>,
    pub(crate) most: usize,
}

/// A phase of an event, without what it says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Phased {
    pub(crate) sequence: u64,
    pub(crate) kind: String,
    pub(crate) origin: String,
    /// It is a beginning or an instant.
    pub(crate) begins: bool,
    /// It is an instant.
    pub(crate) instant: bool,
    pub(crate) time: Timestamp,
}

/// Instants and beginnings that were not refused.
///
/// # Errors
/// When the index can't be read.
pub(crate) fn heads(c: &Connection, wanted: Heads<'_>) -> rusqlite::Result<Vec<StoredEvent>> {
    let mut sql = format!(
        "SELECT {COLUMNS} FROM event
         WHERE camera = ? AND time >= ? AND time < ? AND phase IN ('instant', 'begin')
             AND outcome <> 'refused'"
    );
    let mut values = vec![
        Sql::Text(wanted.camera.to_owned()),
        Sql::Integer(wanted.from.micros()),
        Sql::Integer(wanted.to.micros()),
    ];
    if !wanted.kinds.is_empty() {
        let (clause, kinds) = of_kinds(wanted.kinds);
        sql.push_str(&clause);
        values.extend(kinds);
    }
    let (beyond, order) = match wanted.order {
        Order::Ascending => (">", "ASC"),
        Order::Descending => ("<", "DESC"),
    };
    if let Some((time, sequence)) = wanted.after {
        // The first clause is for the index, the second says what is meant.
        sql.push_str(&format!(" AND time {beyond}= ? AND (time, sequence) {beyond} (?, ?)"));
        let time = Sql::Integer(time.micros());
        values.extend([time.clone(), time, Sql::Integer(sequence.cast_signed())]);
    }
    sql.push_str(&format!(" ORDER BY time {order}, sequence {order} LIMIT ?"));
    values.push(Sql::Integer(i64::try_from(wanted.most).unwrap_or(i64::MAX)));
    c.prepare_cached(&sql)?.query_and_then(params_from_iter(values), stored)?.collect()
}

fn of_kinds(kinds: &[Kinds]) -> (String, Vec<Sql>) {
    let mut clauses = Vec::with_capacity(kinds.len());
    let mut values = Vec::with_capacity(kinds.len());
    for kind in kinds {
        match kind {
            Kinds::All => clauses.push("1"),
            Kinds::Group(group) => {
                // Up to the character after the full stop in which it ends.
                clauses.push("(kind >= ? AND kind < ?)");
                let beyond = format!("{}/", group.trim_end_matches('.'));
                values.extend([group.clone(), beyond].map(Sql::Text));
            }
            Kinds::One(one) => {
                clauses.push("kind = ?");
                values.push(Sql::Text(one.clone()));
            }
        }
    }
    (format!(" AND ({})", clauses.join(" OR ")), values)
}

/// Shows the later phases of an event in order, until its end or `visit` has seen enough.
///
/// # Errors
/// When the index can't be read.
pub(crate) fn life(
    c: &Connection,
    head: &StoredEvent,
    mut visit: impl FnMut(StoredEvent) -> ControlFlow<()>,
) -> rusqlite::Result<()> {
    let until = head.event.time.offset(time::micros(LIFE_MAX));
    let mut statement = c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM event
         WHERE camera = ?1 AND time >= ?2 AND time < ?3 AND kind = ?4 AND sequence > ?5
             AND phase IN ('update', 'end') AND json_extract(json, '$.id') = ?6
         ORDER BY time, sequence"
    ))?;
    let event = &head.event;
    let mut rows = statement.query(params![
        head.camera,
        event.time.micros(),
        until.micros(),
        event.kind,
        head.sequence.cast_signed(),
        event.id
    ])?;
    while let Some(row) = rows.next()? {
        if visit(stored(row)?).is_break() {
            break;
        }
    }
    Ok(())
}

/// Shows all phases of a camera's events in `[from, to)` that were not refused, the newest first, until
/// `visit` has seen enough.
///
/// # Errors
/// When the index can't be read.
pub(crate) fn phases(
    c: &Connection,
    camera: &str,
    from: Timestamp,
    to: Timestamp,
    mut visit: impl FnMut(Phased) -> ControlFlow<()>,
) -> rusqlite::Result<()> {
    let mut statement = c.prepare_cached(
        "SELECT sequence, kind, origin, phase, time FROM event
         WHERE camera = ?1 AND time >= ?2 AND time < ?3 AND outcome <> 'refused'
         ORDER BY time DESC, sequence DESC",
    )?;
    let mut rows = statement.query(params![camera, from.micros(), to.micros()])?;
    while let Some(row) = rows.next()? {
        if visit(phased(row)?).is_break() {
            break;
        }
    }
    Ok(())
}

fn phased(row: &Row<'_>) -> rusqlite::Result<Phased> {
    let phase = row.get_ref(3)?.as_str()?;
    Ok(Phased {
        sequence: row.get::<_, i64>(0)?.cast_unsigned(),
        kind: row.get(1)?,
        origin: row.get(2)?,
        begins: phase == "begin" || phase == "instant",
        instant: phase == "instant",
        time: row::timestamp(row, 4)?,
    })
}

/// Shows when and how strongly there was motion: the confidence of each phase of an event of the kind
/// `motion`, or of one that begins with `motion.`.
///
/// # Errors
/// When the index can't be read.
pub(crate) fn motion(
    c: &Connection,
    camera: &str,
    from: Timestamp,
    to: Timestamp,
    mut visit: impl FnMut(Timestamp, f64),
) -> rusqlite::Result<()> {
    let mut statement = c.prepare_cached(
        "SELECT time, json_extract(json, '$.confidence') FROM event
         WHERE camera = ?1 AND time >= ?2 AND time < ?3
             AND (kind = 'motion' OR (kind >= 'motion.' AND kind < 'motion/'))
             AND outcome <> 'refused'",
    )?;
    let mut rows = statement.query(params![camera, from.micros(), to.micros()])?;
    while let Some(row) = rows.next()? {
        let strength: Option<f64> = row.get(1)?;
        visit(row::timestamp(row, 0)?, strength.unwrap_or(1.0).clamp(0.0, 1.0));
    }
    Ok(())
}

/// The cameras of which there are events, by name. Steps from one to the next: however many events
/// there are of each.
///
/// # Errors
/// When the index can't be read.
pub(crate) fn cameras(c: &Connection) -> rusqlite::Result<Vec<String>> {
    c.prepare_cached(
        "WITH RECURSIVE known (name) AS (
             SELECT min(camera) FROM event
             UNION ALL
             SELECT (SELECT min(camera) FROM event WHERE camera > known.name) FROM known
             WHERE known.name IS NOT NULL)
         SELECT name FROM known WHERE name IS NOT NULL",
    )?
    .query_map([], |row| row.get(0))?
    .collect()
}

/// The sequence of the newest event; 0: there is none.
///
/// # Errors
/// When the index can't be read.
pub(crate) fn newest(c: &Connection) -> rusqlite::Result<u64> {
    let newest: Option<i64> =
        c.prepare_cached("SELECT max(sequence) FROM event")?.query_row([], |row| row.get(0))?;
    Ok(newest.unwrap_or(0).cast_unsigned())
}

/// An event by its sequence.
///
/// # Errors
/// When the index can't be read.
pub(crate) fn one(c: &Connection, sequence: u64) -> rusqlite::Result<Option<StoredEvent>> {
    let mut statement =
        c.prepare_cached(&format!("SELECT {COLUMNS} FROM event WHERE sequence = ?1"))?;
    let mut rows = statement.query([sequence.cast_signed()])?;
    rows.next()?.map(stored).transpose()
}
