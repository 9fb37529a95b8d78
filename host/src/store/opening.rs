//! The start of a store: its directories are found, made and locked, its index opened, and what a
//! crash left behind repaired. Runs before any thread of the store.

use std::path::Path;

use super::fs::{Fs, Lock};
use super::index::{self, Connection, answers, failed, retain, told};
use super::places::{PlaceId, Places};
use super::recover::Recovered;
use super::settings::StoreConfig;
use super::survey::{self, Ground, Roots};
use super::{MAIN_NAME, layout, rebuild, recover};
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
    layout::make_root(fs, root)?;
    let mut locks = vec![layout::lock(fs, root)?];
    let id = layout::identify(fs, root)?;
    rebuild::finish(fs, root)?;
    refuse_lost_index(fs, root)?;
    let connection = index::open(&layout::index(root))?;
    let (places, more) = Places::open(fs, config, &id, &connection)?;
    locks.extend(more);
    let recovered = recover::recover(fs, &places, &connection, now)?;
    let alive = retain::alive(&connection).map_err(failed("read the time"))?;
    if !config.visit {
        retain::set_alive(&connection, now).map_err(failed("note the time"))?;
    }
    answers::silence(&connection, now).map_err(failed("begin to judge"))?;
    told::all_taken(&connection).map_err(failed("look at spans"))?;
    Ok(Ready { id, places, locks, connection, recovered, alive })
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
