//! What changed and does not stand in the journal yet. Triggers (`journal.sql`) fill the table;
//! here its entries become notes, and leave.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::journal::{Key, Note, Said};
use super::super::pins::Pin;
use super::row::Flags;
use super::{map, row, spans};

/// Entries read at a time where all are.
const PAGE: u32 = 1000;

/// The newest entry that was read, and what the entries come to.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Up to here entries were read; `None`: there were none.
    pub(crate) seq: Option<i64>,
    pub(crate) notes: Vec<Note>,
}

/// Up to `most` entries after `after`, as the things are now.
pub(crate) fn pending(c: &Connection, after: i64, most: u32) -> rusqlite::Result<Pending> {
    let mut pending = Pending::default();
    let entries: Vec<(i64, String, rusqlite::types::Value)> = c
        .prepare_cached("SELECT seq, kind, key FROM outbox WHERE seq > ?1 ORDER BY seq LIMIT ?2")?
        .query_map(params![after, most], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (seq, kind, key) in entries {
        pending.seq = Some(seq);
        let gone = || {
            let id = match &key {
                rusqlite::types::Value::Text(text) => text.clone(),
                rusqlite::types::Value::Integer(number) => number.to_string(),
                _ => String::new(),
            };
            Note::Gone { of: kind.clone(), id }
        };
        let note = match select(&kind) {
            Some(sql) => {
                c.prepare_cached(&sql)?.query_row([&key], |row| read(&kind, row)).optional()?
            }
            None => None,
        };
        let note = match note {
            Some(Note::Segment { camera, sequence, flags, .. }) => {
                Some(segment(c, camera, sequence, flags)?)
            }
            None if matches!(kind.as_str(), "span" | "pin" | "gap") => Some(gone()),
            note => note,
        };
        pending.notes.extend(note);
    }
    Ok(pending)
}

/// The notes of all things that the journal should know, kind by kind.
pub(crate) fn each(c: &Connection, mut visit: impl FnMut(Note)) -> rusqlite::Result<()> {
    for kind in ["place", "camera", "judge", "span", "pin", "gap", "segment"] {
        let Some(sql) = select(kind) else { continue };
        let (from, _) = sql.rsplit_once(" WHERE ").unwrap_or((&sql, ""));
        let some = match kind {
            "segment" => {
                " WHERE s.state = 2 AND (s.flags & 20 <> 0
                      OR EXISTS (SELECT 1 FROM answer WHERE segment = s.id))"
            }
            _ => "",
        };
        let mut statement = c.prepare(&format!("{from}{some}"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            visit(match read(kind, row)? {
                Note::Segment { camera, sequence, flags, .. } => {
                    segment(c, camera, sequence, flags)?
                }
                note => note,
            });
        }
    }
    Ok(())
}

/// What all entries are about.
pub(crate) fn keys(c: &Connection) -> rusqlite::Result<HashSet<Key>> {
    let (mut keys, mut after) = (HashSet::new(), 0);
    loop {
        let pending = pending(c, after, PAGE)?;
        keys.extend(pending.notes.iter().filter_map(Note::key));
        match pending.seq {
            Some(seq) => after = seq,
            None => return Ok(keys),
        }
    }
}

/// Entries up to `seq` stand in the journal.
pub(crate) fn remove(c: &Connection, seq: i64) -> rusqlite::Result<()> {
    c.prepare_cached("DELETE FROM outbox WHERE seq <= ?1")?.execute([seq])?;
    Ok(())
}

/// Has a thing written to the journal once more, if it is still there.
pub(crate) fn renote(c: &Connection, key: &Key) -> rusqlite::Result<()> {
    const SEGMENT: &str = "SELECT s.id FROM segment s JOIN camera c ON c.id = s.camera
         WHERE c.name = ?1 AND s.sequence = ?2";
    const JUDGE: &str = "SELECT j.id FROM judge j JOIN camera c ON c.id = j.camera
         WHERE c.name = ?1 AND j.policy = ?2 AND j.digest = ?3";
    match key {
        Key::Place(id) => note(c, "place", "SELECT id FROM place WHERE id = ?1", params![id]),
        Key::Camera(name) => {
            note(c, "camera", "SELECT id FROM camera WHERE name = ?1", params![name])
        }
        Key::Judge(camera, policy, digest) => {
            note(c, "judge", JUDGE, params![camera, policy, digest])
        }
        Key::Span(id) => note(c, "span", "SELECT id FROM span WHERE id = ?1", params![id]),
        Key::Pin(id) => note(c, "pin", "SELECT id FROM pin WHERE id = ?1", params![id]),
        Key::Gap(id) => note(c, "gap", "SELECT id FROM gap WHERE id = ?1", params![id]),
        Key::Segment(camera, sequence) => {
            note(c, "segment", SEGMENT, params![camera, sequence.cast_signed()])
        }
    }
}

/// Has it noted that a thing is no more, which the journal does not know.
pub(crate) fn renote_gone(c: &Connection, key: &Key) -> rusqlite::Result<()> {
    match key {
        Key::Span(id) => note(c, "span", "SELECT ?1", params![id]),
        Key::Pin(id) => note(c, "pin", "SELECT ?1", params![id]),
        Key::Gap(id) => note(c, "gap", "SELECT ?1", params![id]),
        _ => Ok(()),
    }
}

fn note(
    c: &Connection,
    kind: &str,
    keys: &str,
    values: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<()> {
    let sql = format!("INSERT OR IGNORE INTO outbox (kind, key) SELECT '{kind}', * FROM ({keys})");
    c.prepare_cached(&sql)?.execute(values)?;
    Ok(())
}

/// The row of one thing.
fn select(kind: &str) -> Option<String> {
    Some(match kind {
        "place" => "SELECT id, uuid, name, path FROM place WHERE id = ?1".into(),
        "camera" => "SELECT name, keep, size_max, next_sequence FROM camera WHERE id = ?1".into(),
        "judge" => "SELECT c.name, j.policy, j.digest, j.current FROM judge j
             JOIN camera c ON c.id = j.camera WHERE j.id = ?1"
            .into(),
        "span" => format!(
            "SELECT {}, p.told FROM span p JOIN camera c ON c.id = p.camera WHERE p.id = ?1",
            spans::COLUMNS
        ),
        "pin" => "SELECT p.id, c.name, p.start, p.end, p.label, p.made FROM pin p
             JOIN camera c ON c.id = p.camera WHERE p.id = ?1"
            .into(),
        "gap" => "SELECT g.id, c.name, g.start, g.end, g.reason, g.detail FROM gap g
             JOIN camera c ON c.id = g.camera WHERE g.id = ?1"
            .into(),
        "segment" => "SELECT c.name, s.sequence, s.flags FROM segment s
             JOIN camera c ON c.id = s.camera WHERE s.id = ?1"
            .into(),
        _ => return None,
    })
}

fn read(kind: &str, row: &Row<'_>) -> rusqlite::Result<Note> {
    Ok(match kind {
        "place" => {
            Note::Place { id: row.get(0)?, uuid: row.get(1)?, name: row.get(2)?, path: row.get(3)? }
        }
        "camera" => Note::Camera {
            name: row.get(0)?,
            keep: row.get(1)?,
            size_max: row.get(2)?,
            next_sequence: row.get::<_, i64>(3)?.cast_unsigned(),
        },
        "judge" => Note::Judge {
            camera: row.get(0)?,
            policy: row.get(1)?,
            digest: row.get(2)?,
            current: row.get(3)?,
        },
        "span" => Note::Span { span: spans::read(row)?.span, told: row.get(12)? },
        "pin" => Note::Pin {
            pin: Pin {
                id: row.get(0)?,
                camera: row.get(1)?,
                start: row::timestamp(row, 2)?,
                end: row::timestamp(row, 3)?,
                label: row.get(4)?,
                made: row::timestamp(row, 5)?,
            },
        },
        "gap" => Note::Gap {
            id: row.get(0)?,
            camera: row.get(1)?,
            start: row::timestamp(row, 2)?,
            end: row::maybe_timestamp(row, 3)?,
            reason: row.get(4)?,
            detail: row.get(5)?,
        },
        _ => Note::Segment {
            camera: row.get(0)?,
            sequence: row.get::<_, i64>(1)?.cast_unsigned(),
            flags: row.get(2)?,
            damaged: Vec::new(),
            answers: Vec::new(),
        },
    })
}

/// Adds what the row of a segment does not say.
fn segment(c: &Connection, camera: String, sequence: u64, flags: i64) -> rusqlite::Result<Note> {
    let id: i64 = c
        .prepare_cached(
            "SELECT s.id FROM segment s JOIN camera c ON c.id = s.camera
             WHERE c.name = ?1 AND s.sequence = ?2",
        )?
        .query_row(params![camera, sequence.cast_signed()], |row| row.get(0))?;
    let mut damaged = Vec::new();
    if Flags::from_code(flags).has(Flags::DAMAGED) {
        let map: Option<Vec<u8>> = c
            .prepare_cached("SELECT map FROM fragments WHERE segment = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        let entries = map.and_then(|map| map::decode(&map)).unwrap_or_default();
        damaged = (0..).zip(entries).filter(|(_, entry)| entry.damaged).map(|(at, _)| at).collect();
    }
    let answers = c
        .prepare_cached(
            "SELECT j.policy, j.digest, a.until FROM answer a JOIN judge j ON j.id = a.judge
             WHERE a.segment = ?1 ORDER BY j.id",
        )?
        .query_map([id], |row| {
            Ok(Said {
                policy: row.get(0)?,
                digest: row.get(1)?,
                until: row::maybe_timestamp(row, 2)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Note::Segment { camera, sequence, flags: flags & Flags::TOLD, damaged, answers })
}
