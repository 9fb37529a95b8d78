//! The start of a store: its directories are found, made and locked, its index opened, and what a
//! crash left behind repaired. Runs before any thread of the store.

use std::path::Path;

use super::fs::{Fs, Lock};
use super::ground::{self, Use};
use super::index::{self, Connection, answers, failed, retain, told};
use super::places::{MAIN_NAME, PlaceId, Places};
use super::recover::Recovered;
use super::retain::guard::Guard;
use super::retain::{ballast, intents};
use super::settings::StoreConfig;
use super::survey::{self, Ground, Roots};
use super::{exchange, known, layout, recover};
use crate::base::{Error, Result, Timestamp};

/// A store that is ready for its threads.
pub(super) struct Ready {
    /// Its own name.
    pub(super) id: String,
    pub(super) places: Places,
    pub(super) locks: Vec<Lock>,
    pub(super) connection: Connection,
    pub(super) recovered: Recovered,
    /// What is remembered of jumps of the clock.
    pub(super) guard: Guard,
    /// When the host ran last before this.
    pub(super) alive: Option<Timestamp>,
}

/// Opens what `config` names, at `now`.
///
/// # Errors
/// Refuses a store that is in use, or of a later version, and one with a place missing; stops when
/// it can't be written.
pub(super) fn ready(config: &StoreConfig, fs: &dyn Fs, now: Timestamp) -> Result<Ready> {
    let root = &config.path;
    // Who only visits takes what is there.
    if !config.visit {
        ground::check(fs, root, MAIN_NAME, Use::Index, config.allow_filesystem)?;
    }
    if let Some(notes) = &config.notes {
        known::check(fs, notes, root)?;
    }
    layout::make_root(fs, root)?;
    let mut locks = vec![layout::lock(fs, root)?];
    let id = layout::identify(fs, root)?;
    exchange::finish(fs, root, now)?;
    refuse_lost_index(fs, root)?;
    let connection = open_index(fs, root)?;
    let (places, more) = Places::open(fs, config, &id, &connection)?;
    locks.extend(more);
    reconcile(fs, root, &places, &connection)?;
    let recovered = recover::recover(fs, &places, &connection, now)?;
    let alive = retain::alive(&connection).map_err(failed("read the time"))?;
    let guard = retain::guard(&connection).map_err(failed("read the time"))?;
    let mut guard = Guard::remembered(guard.as_deref());
    if !config.visit {
        guard.resume(alive, now);
        let text = guard.note();
        let noted = retain::set_alive(&connection, now);
        noted
            .and_then(|()| retain::set_guard(&connection, &text))
            .map_err(failed("note the time"))?;
    }
    answers::silence(&connection, now).map_err(failed("begin to judge"))?;
    if let Some(notes) = &config.notes {
        known::remember(fs, notes, root, &id);
    }
    told::all_taken(&connection).map_err(failed("look at spans"))?;
    Ok(Ready { id, places, locks, connection, recovered, guard, alive })
}

fn open_index(fs: &dyn Fs, root: &Path) -> Result<Connection> {
    let store = root.display();
    if ballast::give_way(fs, root) {
        tracing::error!(%store, "the disk of the index is full: its reserve was released");
    }
    index::open(&layout::index(root)).map_err(|error| match fs.space(root) {
        Ok(space) if ballast::is_empty(space) => Error::stop(format!(
            "the disk of store {store} is full, and its index needs some room to be opened: free a \
             few megabytes there, then start again"
        ))
        .with(error),
        _ => error,
    })
}

/// Removes the rows of files that went while the index could not be written.
fn reconcile(
    fs: &dyn Fs,
    root: &std::path::Path,
    places: &Places,
    connection: &Connection,
) -> Result<()> {
    let intents = intents::all(fs, root)?;
    if intents.is_empty() {
        // A line of which the disk took only a part is none.
        return intents::clear(fs, root);
    }
    let gone = intents::carried_out(fs, places, &intents);
    let transaction =
        connection.unchecked_transaction().map_err(failed("begin to forget segments"))?;
    intents::forget(&transaction, &gone)?;
    transaction.commit().map_err(failed("forget segments"))?;
    tracing::warn!(
        segments = gone.len(),
        "deletions were completed that the full index had missed"
    );
    intents::clear(fs, root)
}

/// Makes a new store at `config.path`, and notes that it is there in place of one that was; gives
/// its own name. Nothing of it but the marker is made before its first start.
///
/// # Errors
/// Refuses a directory that has a store, or what is left of one, and a filesystem that will not
/// do; stops when it can't be written.
pub fn init(config: &StoreConfig, fs: &dyn Fs) -> Result<String> {
    let root = &config.path;
    ground::check(fs, root, MAIN_NAME, Use::Index, config.allow_filesystem)?;
    if let Some(marker) = layout::marker(fs, root)? {
        return Err(Error::refuse(format!(
            "{} has the store {} already: nothing was changed",
            root.display(),
            marker.store
        )));
    }
    layout::make_root(fs, root)?;
    let _lock = layout::lock(fs, root)?;
    let id = layout::identify(fs, root)?;
    if let Some(notes) = &config.notes {
        known::remember(fs, notes, root, &id);
    }
    Ok(id)
}

/// An empty index would hide what is there.
fn refuse_lost_index(fs: &dyn Fs, root: &Path) -> Result<()> {
    if index::is_there(&layout::index(root)) {
        return Ok(());
    }
    let (id, name) = (PlaceId::MAIN, MAIN_NAME.into());
    let ground = Ground { id, name, root: root.to_owned(), is_here: true };
    let mut roots = Roots::default();
    survey::look_at_root(fs, &ground, &mut roots)?;
    match roots.cameras.first() {
        None => Ok(()),
        Some(camera) => Err(Error::refuse(format!(
            "store {} has recordings, of camera {camera} for one, but no index: make it anew with \
             `wardline recordings rebuild`",
            root.display()
        ))),
    }
}
