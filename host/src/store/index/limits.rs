//! What limits ask of the index: sizes, bit rates, and the cameras' settings; and a view of these
//! with the settings of a configuration instead.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::super::plan::Limits;
use super::retain::Scope;
use super::row;
use crate::base::Timestamp;

const DAY: Duration = Duration::from_secs(86_400);

/// A camera's limits.
#[derive(Clone, Debug)]
pub(crate) struct Camera {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) keep: Option<Duration>,
    pub(crate) size_max: Option<u64>,
}

/// All cameras, by name.
pub(crate) fn cameras(c: &Connection) -> rusqlite::Result<Vec<Camera>> {
    c.prepare_cached("SELECT id, name, keep, size_max FROM camera ORDER BY name")?
        .query_map([], |row| {
            let size_max: Option<i64> = row.get(3)?;
            Ok(Camera {
                id: row.get(0)?,
                name: row.get(1)?,
                keep: row::maybe_length(row, 2)?,
                size_max: size_max.and_then(|size| u64::try_from(size).ok()),
            })
        })?
        .collect()
}

/// Bytes of the segments of a scope that are complete and not claimed.
pub(crate) fn size(c: &Connection, scope: Scope) -> rusqlite::Result<u64> {
    let (sql, id) = match scope {
        Scope::Place(place) => ("SELECT bytes FROM place WHERE id = ?1", place.0),
        Scope::Camera(camera) => ("SELECT bytes FROM camera WHERE id = ?1", camera),
    };
    let bytes: Option<i64> = c.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?;
    Ok(bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0))
}

/// Bytes a day of a camera, from the last day or what there is of it.
pub(crate) fn bytes_a_day(c: &Connection, camera: i64, now: Timestamp) -> rusqlite::Result<u64> {
    let since = now - DAY;
    let (bytes, first): (Option<i64>, Option<i64>) = c
        .prepare_cached(
            "SELECT (SELECT sum(bytes) FROM segment
                     WHERE camera = ?1 AND start >= ?2 AND start < ?3 AND state = 2),
                    (SELECT min(start) FROM segment WHERE camera = ?1)",
        )?
        .query_row(params![camera, since.micros(), now.micros()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let (Some(bytes), Some(first)) = (bytes, first) else { return Ok(0) };
    let length = now.since(Timestamp::from_micros(first).max(since)).as_secs().max(60);
    let bytes = u64::try_from(bytes).unwrap_or(0);
    Ok(u64::try_from(u128::from(bytes) * 86_400 / u128::from(length)).unwrap_or(u64::MAX))
}

/// From here on, on this connection, `camera` has the limits of a configuration.
pub(crate) fn put_over(c: &Connection, limits: &Limits) -> rusqlite::Result<()> {
    c.execute_batch(
        "PRAGMA temp_store = MEMORY;
         CREATE TEMP TABLE wanted (name TEXT PRIMARY KEY, keep INTEGER, size_max INTEGER);
         CREATE TEMP VIEW camera AS
             SELECT m.id, m.name, m.next_sequence, m.longest, m.longest_span, m.bytes,
                    m.recheck_after,
                    CASE WHEN w.name IS NULL THEN m.keep ELSE w.keep END AS keep,
                    CASE WHEN w.name IS NULL THEN m.size_max ELSE w.size_max END AS size_max
             FROM main.camera m LEFT JOIN temp.wanted w ON w.name = m.name",
    )?;
    for (name, camera) in &limits.cameras {
        let size_max = camera.size_max.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        c.execute(
            "INSERT INTO temp.wanted VALUES (?1, ?2, ?3)",
            params![name, row::micros(camera.keep), size_max],
        )?;
    }
    Ok(())
}

/// No more.
pub(crate) fn take_off(c: &Connection) -> rusqlite::Result<()> {
    c.execute_batch("DROP VIEW temp.camera; DROP TABLE temp.wanted")
}
