//! Rows made from what files and the journal say, where the index that knew is damaged or gone.

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::super::account::Account;
use super::super::holds::Continuous;
use super::super::journal::{Note, Said};
use super::super::places::PlaceId;
use super::edit::{self, Opening};
use super::map::Entry;
use super::row::{Flags, Segment};
use super::{answers, map, pins, read, spans};
use crate::base::Timestamp;
use crate::record::Identity;

/// Rows copied between two looks at what went wrong.
const PAGE: i64 = 1000;
/// Pages that can't be read one after another before a table is given up.
const LOST_PAGES_MAX: u32 = 100;

/// A camera by its name, added where it is missing.
pub(crate) fn camera(c: &Connection, name: &str) -> rusqlite::Result<i64> {
    if let Some(id) = spans::camera_id(c, name)? {
        return Ok(id);
    }
    c.execute("INSERT INTO camera (name) VALUES (?1)", [name])?;
    Ok(c.last_insert_rowid())
}

/// Gives a file its row, or makes the row that it has say what the file does. What only the row
/// knew stays: answers, and which fragments lost packets.
pub(crate) fn segment(
    c: &Connection,
    place: PlaceId,
    account: &Account,
) -> rusqlite::Result<Option<Segment>> {
    let identity = &account.identity;
    let camera_id = camera(c, &identity.camera)?;
    let new = opening(camera_id, place, account);
    let mut closing = account.closing(Flags::default());
    match edit::find(c, camera_id, identity.sequence)? {
        None => edit::insert(c, &new)?,
        Some(known) => {
            let told = Flags::from_code(known.flags.code() & Flags::TOLD);
            let is_damaged = closing.fragments.iter().any(|entry| entry.damaged);
            if is_damaged {
                // Where the last fragment is damaged, only the row knows where it ended.
                closing.end = closing.end.max(known.end);
            }
            closing.fragments = marked(&closing.fragments, &read::fragments(c, known.id)?);
            c.prepare_cached(
                "UPDATE segment SET epoch = ?2, start = ?3, place = ?4, moving = NULL, format = ?5,
                     flags = ?6, head = ?7 WHERE id = ?1",
            )?
            .execute(params![
                known.id,
                new.epoch,
                new.start.micros(),
                place.0,
                edit::format(c, &new)?,
                Flags::from_code(new.flags.code() | told.code()).code(),
                new.head
            ])?;
        }
    }
    edit::close(c, camera_id, identity.sequence, &closing)
}

fn opening(camera_id: i64, place: PlaceId, account: &Account) -> Opening {
    let Identity { sequence, epoch, start, continuous, fail_open, width, height, .. } =
        account.identity;
    let is_h265 = ["hvc1", "hev1"].iter().any(|kind| account.identity.video.starts_with(kind));
    Opening {
        camera_id,
        sequence,
        epoch,
        start,
        place,
        flags: account.flags(),
        continuous: if continuous || fail_open { Continuous::CONFIGURED } else { Continuous::NO },
        codec: if is_h265 { "h265".into() } else { "h264".into() },
        width,
        height,
        audio: account.identity.audio.clone().unwrap_or_default(),
        head: account.head,
    }
}

/// What was marked as damaged and still lies there stays marked; of what is damaged now, what was
/// known stays known.
fn marked(fragments: &[Entry], known: &[Entry]) -> Vec<Entry> {
    let mut all = Vec::with_capacity(fragments.len());
    for entry in fragments {
        let end = entry.offset + entry.length;
        let before: Vec<&Entry> =
            known.iter().filter(|one| entry.offset <= one.offset && one.offset < end).collect();
        let fills = |first: &Entry, last: &Entry| {
            first.offset == entry.offset && last.offset.checked_add(last.length) == Some(end)
        };
        match before[..] {
            [first, .., last] if entry.damaged && fills(first, last) => {
                all.extend(before.iter().map(|one| Entry { damaged: true, ..**one }));
            }
            [one]
                if one.offset == entry.offset && (!entry.damaged || one.length == entry.length) =>
            {
                let whole = if entry.damaged { one } else { entry };
                all.push(Entry { damaged: entry.damaged || one.damaged, ..*whole });
            }
            _ => all.push(*entry),
        }
    }
    all
}

/// Marks what is damaged in a file that does not say whose it is any more; its row does.
pub(crate) fn damage(
    c: &Connection,
    segment: &Segment,
    fragments: &[Entry],
) -> rusqlite::Result<()> {
    let entries = marked(fragments, &read::fragments(c, segment.id)?);
    c.prepare_cached("INSERT OR REPLACE INTO fragments (segment, map) VALUES (?1, ?2)")?
        .execute(params![segment.id, map::encode(&entries)])?;
    c.prepare_cached("UPDATE segment SET flags = flags | ?2 WHERE id = ?1")?
        .execute(params![segment.id, Flags::DAMAGED.code()])
        .map(drop)
}

/// Applies a note of anything but a segment.
pub(crate) fn note(c: &Connection, note: &Note) -> rusqlite::Result<()> {
    match note {
        Note::Place { id, uuid, name, path } => c
            .prepare_cached(
                "INSERT OR IGNORE INTO place (id, uuid, name, path) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![id, uuid, name, path])
            .map(drop),
        Note::Camera { name, keep, size_max, next_sequence } => {
            if spans::camera_id(c, name)?.is_none() {
                c.execute(
                    "INSERT INTO camera (name, keep, size_max) VALUES (?1, ?2, ?3)",
                    params![name, keep, size_max],
                )?;
            }
            c.prepare_cached(
                "UPDATE camera SET next_sequence = max(next_sequence, ?2) WHERE name = ?1",
            )?
            .execute(params![name, next_sequence.cast_signed()])
            .map(drop)
        }
        Note::Judge { camera: of, policy, digest, current } => c
            .prepare_cached(
                "INSERT OR IGNORE INTO judge (camera, policy, digest, current)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![camera(c, of)?, policy, digest, current])
            .map(drop),
        Note::Span { span, .. } => {
            let id = camera(c, &span.camera)?;
            spans::insert(c, id, span)
        }
        Note::Pin { pin } => {
            camera(c, &pin.camera)?;
            pins::put(c, pin).map(drop)
        }
        Note::Gap { id, camera: of, start, end, reason, detail } => c
            .prepare_cached(
                "INSERT OR REPLACE INTO gap (id, camera, start, end, reason, detail)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                id,
                camera(c, of)?,
                start.micros(),
                end.map(Timestamp::micros),
                reason,
                detail
            ])
            .map(drop),
        Note::Segment { .. } | Note::Gone { .. } => Ok(()),
    }
}

/// Applies what no file says: flags, damaged fragments and answers of a segment; of a span, what
/// was told of it. After all files have their rows.
pub(crate) fn note_last(c: &Connection, note: &Note) -> rusqlite::Result<()> {
    match note {
        Note::Span { span, told } => c
            .prepare_cached("UPDATE span SET told = ?2 WHERE id = ?1")?
            .execute(params![span.id, told])
            .map(drop),
        Note::Segment { camera, sequence, flags, damaged, answers } => {
            let Some(id) = spans::camera_id(c, camera)? else { return Ok(()) };
            let Some(mut segment) = edit::find(c, id, *sequence)? else { return Ok(()) };
            mark(c, &segment, *flags, damaged)?;
            answers.iter().try_for_each(|said| answer(c, &segment, said))?;
            answers::settle(c, &mut segment)
        }
        _ => Ok(()),
    }
}

fn mark(c: &Connection, segment: &Segment, flags: i64, damaged: &[u32]) -> rusqlite::Result<()> {
    c.prepare_cached("UPDATE segment SET flags = flags | ?2 WHERE id = ?1")?
        .execute(params![segment.id, flags & Flags::TOLD])?;
    if damaged.is_empty() {
        return Ok(());
    }
    let mut entries = read::fragments(c, segment.id)?;
    for at in damaged {
        if let Some(entry) = usize::try_from(*at).ok().and_then(|at| entries.get_mut(at)) {
            entry.damaged = true;
        }
    }
    c.prepare_cached("UPDATE fragments SET map = ?2 WHERE segment = ?1")?
        .execute(params![segment.id, map::encode(&entries)])
        .map(drop)
}

fn answer(c: &Connection, segment: &Segment, said: &Said) -> rusqlite::Result<()> {
    let Said { policy, digest, until } = said;
    c.prepare_cached(
        "INSERT OR IGNORE INTO judge (camera, policy, digest, current) VALUES (?1, ?2, ?3, 0)",
    )?
    .execute(params![segment.camera_id, policy, digest])?;
    c.prepare_cached(
        "INSERT OR REPLACE INTO answer (segment, judge, until)
         SELECT ?1, id, ?5 FROM judge WHERE camera = ?2 AND policy = ?3 AND digest = ?4",
    )?
    .execute(params![segment.id, segment.camera_id, policy, digest, until.map(Timestamp::micros)])
    .map(drop)
}

/// What a copy of a table came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Salvaged {
    pub(crate) rows: u64,
    /// Pages of rows that can't be read.
    pub(crate) lost_pages: u64,
}

/// Copies the rows of a table whose `key` is a number from another index, as far as they can be
/// read, whatever columns that index knows of.
pub(crate) fn copy(from: &Connection, to: &Connection, table: &str, key: &str) -> Salvaged {
    let mut done = Salvaged::default();
    let (mut after, mut lost) = (i64::MIN, 0);
    let last = from
        .query_row(&format!("SELECT max({key}) FROM {table}"), [], |row| row.get(0))
        .unwrap_or(i64::MAX);
    while after < last && lost < LOST_PAGES_MAX {
        match copy_page(from, to, table, key, after) {
            Ok((0, _)) => break,
            Ok((rows, reached)) => {
                (after, lost) = (reached, 0);
                done.rows += rows;
            }
            Err(_) => {
                done.lost_pages += 1;
                lost += 1;
                after = after.max(0).saturating_add(PAGE);
            }
        }
    }
    done
}

fn copy_page(
    from: &Connection,
    to: &Connection,
    table: &str,
    key: &str,
    after: i64,
) -> rusqlite::Result<(u64, i64)> {
    let sql = format!("SELECT * FROM {table} WHERE {key} > ?1 ORDER BY {key} LIMIT {PAGE}");
    let mut statement = from.prepare(&sql)?;
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let at = names.iter().position(|name| name == key).unwrap_or(0);
    let marks = vec!["?"; names.len()].join(", ");
    let insert = format!("INSERT OR REPLACE INTO {table} ({}) VALUES ({marks})", names.join(", "));
    let rows: Vec<Vec<Value>> = statement
        .query_map([after], |row| (0..names.len()).map(|column| row.get(column)).collect())?
        .collect::<Result<_, _>>()?;
    let mut reached = after;
    for row in &rows {
        if let Some(Value::Integer(number)) = row.get(at) {
            reached = *number;
        }
        // One that contradicts another is left out.
        let _ = to.prepare_cached(&insert)?.execute(params_from_iter(row));
    }
    Ok((rows.len() as u64, reached))
}

/// Copies what is said of the store itself.
pub(crate) fn copy_meta(from: &Connection, to: &Connection) -> rusqlite::Result<()> {
    let all: Vec<(String, String)> = from
        .prepare("SELECT key, value FROM meta")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    all.iter().try_for_each(|(key, value)| super::set_meta(to, key, value))
}

/// What is recorded from now on takes sequences that none has which lies on a disk that is away: more
/// than a camera fills in a thousand years.
pub(crate) fn skip_sequences(c: &Connection) -> rusqlite::Result<()> {
    c.execute("UPDATE camera SET next_sequence = next_sequence + (1 << 32)", []).map(drop)
}

/// Has the journal know of all segments whose flags say what their files do not.
pub(crate) fn note_flagged(c: &Connection) -> rusqlite::Result<()> {
    c.execute_batch(
        "INSERT OR IGNORE INTO outbox (kind, key)
             SELECT 'segment', id FROM segment WHERE flags & 20 <> 0;",
    )
}

/// Numbers all segments in the order of recording, which ids are to have: where clocks went back,
/// what came later is later. In a transaction.
pub(crate) fn number(c: &Connection) -> rusqlite::Result<()> {
    c.execute_batch(
        "PRAGMA defer_foreign_keys = on;
         CREATE TEMP TABLE numbered AS
             SELECT id AS old, row_number() OVER (ORDER BY latest, camera, epoch, sequence) AS new
             FROM (SELECT id, camera, epoch, sequence, max(start) OVER (
                       PARTITION BY camera ORDER BY epoch, sequence) latest FROM segment);
         CREATE UNIQUE INDEX numbered_by_old ON numbered (old);
         UPDATE fragments SET segment =
             -(SELECT new FROM numbered WHERE old = fragments.segment);
         UPDATE answer SET segment = -(SELECT new FROM numbered WHERE old = answer.segment);
         UPDATE segment SET id = -(SELECT new FROM numbered WHERE old = segment.id);
         DELETE FROM outbox WHERE kind = 'segment' AND key NOT IN (SELECT old FROM numbered);
         UPDATE outbox SET key = -(SELECT new FROM numbered WHERE old = outbox.key)
             WHERE kind = 'segment';
         UPDATE fragments SET segment = -segment;
         UPDATE answer SET segment = -segment;
         UPDATE segment SET id = -id;
         UPDATE outbox SET key = -key WHERE kind = 'segment';
         DROP TABLE numbered;",
    )
}
