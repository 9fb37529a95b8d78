//! The start of a store: its directories are found, made and locked, its index opened, and what a
//! crash left behind repaired. Runs before any thread of the store.

use super::fs::{Fs, Lock};
use super::ground::{self, Use};
use super::index::{self, Connection, answers, failed, retain, told};
use super::places::{MAIN_NAME, Places};
use super::recover::Recovered;
use super::settings::StoreConfig;
use super::{known, layout, recover};
use crate::base::{Error, Result, Timestamp};

/// A store that is ready for its threads.
pub(super) struct Ready {
    /// Its own name.
    pub(super) id: String,
    pub(super) places: Places,
    pub(super) locks: Vec<Lock>,
    pub(super) connection: Connection,
    pub(super) recovered: Recovered,
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
    let connection = index::open(&layout::index(root))?;
    let (places, more) = Places::open(fs, config, &id, &connection)?;
    locks.extend(more);
    let recovered = recover::recover(fs, &places, &connection, now)?;
    let alive = retain::alive(&connection).map_err(failed("read the time"))?;
    if !config.visit {
        retain::set_alive(&connection, now).map_err(failed("note the time"))?;
    }
    answers::silence(&connection, now).map_err(failed("begin to judge"))?;
    if let Some(notes) = &config.notes {
        known::remember(fs, notes, root, &id);
    }
    told::all_taken(&connection).map_err(failed("look at spans"))?;
    Ok(Ready { id, places, locks, connection, recovered, alive })
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
