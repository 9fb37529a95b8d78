//! Where a reader finds the files of a store: in the directory with the index, or in another that
//! the host noted.
//!
//! Takes rows, gives paths. Opens nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::index::row::Segment;
use super::index::{Connection, failed, places};
use super::layout;
use super::places::PlaceId;
use crate::base::{Error, Result};

/// A directory that holds files of a store.
#[derive(Clone, Debug, Serialize)]
pub struct StoredPlace {
    #[serde(skip)]
    pub(super) id: PlaceId,
    /// As configured; `main` is the one with the index.
    pub name: String,
    /// What its marker file says.
    pub uuid: String,
    /// Absolute, but for the main one, which is as the reader was told.
    pub path: PathBuf,
    /// Size of the segments that lie there.
    pub bytes: u64,
}

impl StoredPlace {
    /// The path of a segment that lies there.
    pub(super) fn segment(&self, segment: &Segment) -> PathBuf {
        self.path.join(layout::segment(&segment.camera, segment.start, segment.sequence))
    }
}

/// All places of the store at `root`, the one with the index first.
pub(super) fn all(c: &Connection, root: &Path) -> Result<Vec<StoredPlace>> {
    let known = places::all(c).map_err(failed("list stores"))?;
    let stored = known.into_iter().map(|known| StoredPlace {
        id: known.id,
        name: known.name,
        uuid: known.uuid,
        // The index lies where it was opened, wherever it was before.
        path: if known.id == PlaceId::MAIN { root.to_owned() } else { known.path.into() },
        bytes: known.bytes,
    });
    Ok(stored.collect())
}

/// The place of a row.
pub(super) fn of(c: &Connection, root: &Path, id: PlaceId) -> Result<StoredPlace> {
    let found = all(c, root)?.into_iter().find(|place| place.id == id);
    found.ok_or_else(|| Error::bug(format!("the index names place {} and does not know it", id.0)))
}

/// The roots of the places in which segments lie.
pub(super) fn roots<'a>(
    c: &Connection,
    root: &Path,
    segments: impl Iterator<Item = &'a Segment>,
) -> Result<Vec<PathBuf>> {
    let ids: BTreeSet<PlaceId> = segments.map(|segment| segment.place).collect();
    ids.into_iter().map(|id| of(c, root, id).map(|place| place.path)).collect()
}
