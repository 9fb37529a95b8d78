//! Where a reader finds the files of a store: in the directory with the index, or in another that
//! the host noted.
//!
//! Takes rows, gives paths. Opens nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::fs::Fs;
use super::index::row::Segment;
use super::index::{failed, places};
use super::layout;
use super::places::PlaceId;
use super::query::Reader;
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

/// Whether a store's disk is there.
///
/// # Errors
/// When the marker can't be read, or is another's.
pub(super) fn check(fs: &dyn Fs, name: &str, root: &Path, uuid: &str) -> Result<()> {
    match layout::marker(fs, root)? {
        Some(marker) if marker.store == uuid => Ok(()),
        _ => Err(not_there(name, root)),
    }
}

/// That a store's disk is away.
pub(super) fn not_there(name: &str, root: &Path) -> Error {
    Error::retry(format!(
        "store `{name}` is not at {}: its marker file is missing there; is its disk mounted?",
        root.display()
    ))
}

impl StoredPlace {
    /// The path of a segment that lies there.
    pub(super) fn segment(&self, segment: &Segment) -> PathBuf {
        self.path.join(layout::segment(&segment.camera, segment.start, segment.sequence))
    }
}

impl Reader {
    /// Where files lie: the directory with the index, then others, as the host that ran last
    /// knew them.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn stores(&self) -> Result<Vec<StoredPlace>> {
        let known = places::all(&self.connection).map_err(failed("list stores"))?;
        let stored = known.into_iter().map(|known| StoredPlace {
            id: known.id,
            name: known.name,
            uuid: known.uuid,
            // The index lies where it was opened, wherever it was before.
            path: match known.id {
                PlaceId::MAIN => self.root.clone(),
                _ => known.path.into(),
            },
            bytes: known.bytes,
        });
        Ok(stored.collect())
    }

    /// That the disk is there on which a file was not found.
    ///
    /// # Errors
    /// When it is not, or the index can't be read.
    pub fn check_disk_of(&self, fs: &dyn Fs, file: &Path) -> Result<()> {
        let around = self.stores()?.into_iter().filter(|place| file.starts_with(&place.path));
        let Some(place) = around.max_by_key(|place| place.path.components().count()) else {
            return Ok(());
        };
        check(fs, &place.name, &place.path, &place.uuid)
    }

    /// The place of a row.
    pub(super) fn place(&self, segment: &Segment) -> Result<StoredPlace> {
        let found = self.stores()?.into_iter().find(|place| place.id == segment.place);
        found.ok_or_else(|| {
            let id = segment.place.0;
            Error::bug(format!("the index names place {id} and does not know it"))
        })
    }

    /// The roots of the places in which segments lie.
    pub(super) fn roots_of<'a>(
        &self,
        segments: impl Iterator<Item = &'a Segment>,
    ) -> Result<Vec<PathBuf>> {
        let ids: BTreeSet<PlaceId> = segments.map(|segment| segment.place).collect();
        let stores = self.stores()?.into_iter().filter(|place| ids.contains(&place.id));
        Ok(stores.map(|place| place.path).collect())
    }
}
