//! Events as rows: written before anybody hears of them.

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, params, params_from_iter};
use serde::Serialize;

use super::row;
use crate::base::Timestamp;
use crate::events::Event;

/// What the host made of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "reason", rename_all = "lowercase")]
pub enum Outcome {
    /// Passed on to policies.
    Accepted,
    /// The host's own sign of life: stored, and never given to a policy.
    Noted,
    /// Too late for the video that it asks for, and why.
    Late(String),
    /// Not passed on, and why.
    Refused(String),
}

impl Outcome {
    fn columns(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Accepted => ("accepted", None),
            Self::Noted => ("noted", None),
            Self::Late(reason) => ("late", Some(reason)),
            Self::Refused(reason) => ("refused", Some(reason)),
        }
    }

    fn from_columns(outcome: &str, reason: Option<String>) -> Self {
        match outcome {
            "accepted" => Self::Accepted,
            "noted" => Self::Noted,
            "late" => Self::Late(reason.unwrap_or_default()),
            _ => Self::Refused(reason.unwrap_or_default()),
        }
    }
}

/// An event for one camera, to be stored.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The event, its id qualified.
    pub event: Event,
    /// The camera of this copy.
    pub camera: String,
    /// Who said it: a plugin's configured name, `camera`, `api` or `host`.
    pub origin: String,
    /// When it reached the host.
    pub received: Timestamp,
    /// What the host made of it.
    pub outcome: Outcome,
}

/// An event as stored.
#[derive(Clone, Debug, Serialize)]
pub struct StoredEvent {
    /// In order of receipt, for ever.
    pub sequence: u64,
    /// The camera of this copy.
    pub camera: String,
    /// Who said it.
    pub origin: String,
    /// When it reached the host.
    pub received: Timestamp,
    /// What the host made of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The event.
    pub event: Event,
}

/// Adds an event. Gives its sequence, which no other event of this store will ever have.
pub(crate) fn insert(c: &Connection, new: &NewEvent) -> rusqlite::Result<u64> {
    let event = &new.event;
    let json = serde_json::to_string(event)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let (outcome, reason) = new.outcome.columns();
    c.prepare_cached(
        "INSERT INTO event (camera, origin, kind, phase, time, received, outcome, reason, json)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        new.camera,
        new.origin,
        event.kind,
        event.phase.as_str(),
        event.time.micros(),
        new.received.micros(),
        outcome,
        reason,
        json
    ])?;
    Ok(c.last_insert_rowid().cast_unsigned())
}

/// Accepted events of a camera that happened in `[start, end)`, counted by kind. An event that is
/// told in several phases counts once for each.
pub(crate) fn tally(
    c: &Connection,
    camera: &str,
    start: Timestamp,
    end: Timestamp,
) -> rusqlite::Result<Vec<(String, u32)>> {
    c.prepare_cached(
        "SELECT kind, count(*) FROM event
         WHERE camera = ?1 AND time >= ?2 AND time < ?3 AND outcome = 'accepted'
         GROUP BY kind ORDER BY kind",
    )?
    .query_map(params![camera, start.micros(), end.micros()], |row| Ok((row.get(0)?, row.get(1)?)))?
    .collect()
}

/// Removes up to `most` events received before `before`. Gives how many.
pub(crate) fn expire(c: &Connection, before: Timestamp, most: u32) -> rusqlite::Result<usize> {
    c.prepare_cached(
        "DELETE FROM event WHERE sequence IN (SELECT sequence FROM event ORDER BY sequence LIMIT ?2)
             AND received < ?1",
    )?
    .execute(params![before.micros(), most])
}

/// Which events to read.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Of this camera.
    pub camera: Option<String>,
    /// That happened at or after this.
    pub since: Option<Timestamp>,
    /// That happened before this.
    pub until: Option<Timestamp>,
    /// Whose kind matches this pattern: `*` is any text, `?` any character.
    pub kind: Option<String>,
    /// With a higher sequence than this.
    pub after: Option<u64>,
    /// At most so many; the first ones.
    pub most: Option<usize>,
}

/// Events in order of receipt.
pub(crate) fn read(c: &Connection, filter: &EventFilter) -> rusqlite::Result<Vec<StoredEvent>> {
    let mut sql = format!("SELECT {COLUMNS} FROM event WHERE 1");
    let mut values: Vec<Sql> = Vec::new();
    let mut narrow = |clause: &str, value: Option<Sql>| {
        if let Some(value) = value {
            sql.push_str(clause);
            values.push(value);
        }
    };
    let micros = |time: Timestamp| Sql::Integer(time.micros());
    narrow(" AND camera = ?", filter.camera.clone().map(Sql::Text));
    narrow(" AND time >= ?", filter.since.map(micros));
    narrow(" AND time < ?", filter.until.map(micros));
    narrow(" AND kind GLOB ?", filter.kind.clone().map(Sql::Text));
    narrow(" AND sequence > ?", filter.after.map(|after| Sql::Integer(after.cast_signed())));
    narrow(
        " ORDER BY sequence LIMIT ?",
        Some(Sql::Integer(filter.most.and_then(|most| i64::try_from(most).ok()).unwrap_or(-1))),
    );
    c.prepare_cached(&sql)?.query_and_then(params_from_iter(values), stored)?.collect()
}

/// The columns that [`stored`] wants.
pub(super) const COLUMNS: &str = "sequence, camera, origin, received, outcome, reason, json";

/// A row as an event.
pub(super) fn stored(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    let json = row.get_ref(6)?.as_str()?;
    let event = serde_json::from_str(json).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(6, rusqlite::types::Type::Text, error.into())
    })?;
    let outcome = row.get_ref(4)?.as_str()?;
    Ok(StoredEvent {
        sequence: row.get::<_, i64>(0)?.cast_unsigned(),
        camera: row.get(1)?,
        origin: row.get(2)?,
        received: row::timestamp(row, 3)?,
        outcome: Outcome::from_columns(outcome, row.get(5)?),
        event,
    })
}
