//! The index: which segments, spans, gaps and events there are. The only module that names
//! `rusqlite`, with its children.
//!
//! Gives connections of the right schema and, by its children, typed rows. Must not open a media
//! file, and decides nothing about keeping.

pub(super) mod answers;
mod bits;
pub(super) mod edit;
pub(super) mod events;
pub(super) mod history;
pub(super) mod limits;
pub(super) mod map;
pub(super) mod outbox;
pub(super) mod pins;
pub(super) mod places;
pub(super) mod read;
pub(super) mod restore;
pub(super) mod retain;
pub(super) mod audit;
pub(super) mod row;
pub(super) mod spans;
pub(super) mod thread;
pub(super) mod told;

pub(crate) use rusqlite::{Connection, Result as Read};

use std::path::Path;
use std::time::Duration;

use rusqlite::{ErrorCode, OpenFlags, OptionalExtension};

use crate::base::{Error, Result};

/// Each entry brings the schema from its position to the next version.
const MIGRATIONS: &[&str] = &[
    include_str!("v1.sql"),
    concat!(include_str!("v2.sql"), include_str!("journal.sql")),
    include_str!("v3.sql"),
];

/// Readers hold the write-ahead log for a moment only; a writer waits for them so long.
const BUSY: Duration = Duration::from_secs(5);
/// Pages of 4 KiB in the write-ahead log after which it is folded back: 4 MiB.
const LOG_PAGES: u32 = 1000;
/// The log is cut to this many bytes once it was folded back.
const LOG_BYTES: u32 = 8 << 20;
/// Page cache of one connection, in KiB.
const CACHE_KIB: i32 = 1024;

/// What was attempted, in the words of [`Error`].
pub(super) fn failed(what: &str) -> impl FnOnce(rusqlite::Error) -> Error {
    move |error| Error::retry(format!("{what} in the store's index")).with(error)
}

/// The one connection that writes.
///
/// # Errors
/// Refuses an index of a later version; anything else ends the host.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let shown = path.display();
    let failed = |error: rusqlite::Error| {
        let why = match error.sqlite_error_code() {
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                "does it belong to another user? `chown` it, and what lies beside it, to the one that \
                 the host runs as"
            }
            _ => {
                "is the disk full or the file damaged? `wardline recordings rebuild` makes it anew \
                 from the recordings"
            }
        };
        Error::stop(format!("can't open index {shown}: {why}")).with(error)
    };
    let mut connection = Connection::open(path).map_err(failed)?;
    prepare(&connection).map_err(failed)?;
    let version = version(&connection).map_err(failed)?;
    refuse_later(path, version)?;
    migrate(&mut connection, version).map_err(failed)?;
    Ok(connection)
}

/// A connection that only reads, beside a running host or without one.
///
/// # Errors
/// Refuses a missing index and one of another version.
pub(super) fn open_read_only(path: &Path) -> Result<Connection> {
    let failed = |error: rusqlite::Error| {
        Error::refuse(format!(
            "can't read index {}: is this a store, and may you read it?",
            path.display()
        ))
        .with(error)
    };
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB).map_err(failed)?;
    let version = version(&connection).map_err(failed)?;
    refuse_later(path, version)?;
    if version < MIGRATIONS.len() {
        return Err(Error::refuse(format!(
            "index {} is of an earlier version: run the host on it once",
            path.display()
        )));
    }
    Ok(connection)
}

/// A new index at `path`, to be filled and then closed with [`close_built`]. Nothing of it is sure to
/// be on the medium before that.
///
/// # Errors
/// When it can't be made.
pub(super) fn open_for_building(path: &Path) -> Result<Connection> {
    let connection = open(path)?;
    super::fs::belong(path);
    let relax = || {
        connection.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "off")
    };
    relax().map_err(failed("prepare a new one"))?;
    Ok(connection)
}

/// Ends the building of an index: one file is left, to be synced.
///
/// # Errors
/// When SQLite finds it wrong, or it can't be written.
pub(super) fn close_built(connection: Connection) -> Result<()> {
    let references = audit::references(&connection).map_err(failed("check"))?;
    if let Some((table, parent)) = references.first() {
        return Err(Error::bug(format!("rows of `{table}` name a `{parent}` that is not there")));
    }
    connection.close().map_err(|(_, error)| failed("complete a new one")(error))
}

/// Whatever is at `path`, of whatever version and however damaged; `None` where there is nothing
/// that can be opened.
pub(super) fn open_as_it_is(path: &Path) -> Option<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).ok()?;
    connection.busy_timeout(BUSY).ok()?;
    version(&connection).ok()?;
    Some(connection)
}

/// Why what is at `path` can't even be opened as an index: its head or its schema is damaged.
pub(super) fn damage(path: &Path) -> Option<String> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).ok()?;
    connection.busy_timeout(BUSY).ok()?;
    let tables = connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()));
    let error = tables.err()?;
    let code = error.sqlite_error_code();
    let is_damage = matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase));
    is_damage.then(|| error.to_string())
}

/// There is an index at `path`.
pub(super) fn is_there(path: &Path) -> bool {
    // SQLite itself looks: tests' file layers do not hold it.
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).is_ok()
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

fn refuse_later(path: &Path, version: usize) -> Result<()> {
    if version > MIGRATIONS.len() {
        return Err(Error::refuse(format!(
            "index {} has schema {version}, this program knows {}: use a newer program",
            path.display(),
            MIGRATIONS.len()
        )));
    }
    Ok(())
}

fn migrate(connection: &mut Connection, from: usize) -> rusqlite::Result<()> {
    for (version, sql) in (1_i64..).zip(MIGRATIONS).skip(from) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

/// A value of the store itself.
pub(super) fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Sets a value of the store itself.
pub(super) fn set_meta(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
        .execute([key, value])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_made_once_and_a_later_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.sqlite");
        assert!(open_read_only(&path).is_err());
        let connection = open(&path).unwrap();
        set_meta(&connection, "a", "1").unwrap();
        let reader = open_read_only(&path).unwrap();
        assert_eq!(meta(&reader, "a").unwrap().as_deref(), Some("1"));
        assert!(set_meta(&reader, "a", "2").is_err());
        drop((connection, reader));
        let connection = open(&path).unwrap();
        assert_eq!(meta(&connection, "a").unwrap().as_deref(), Some("1"));
        connection.pragma_update(None, "user_version", 99).unwrap();
        drop(connection);
        for error in [open(&path).unwrap_err(), open_read_only(&path).unwrap_err()] {
            assert!(error.chain().contains("schema 99"), "{}", error.chain());
        }
    }
}
