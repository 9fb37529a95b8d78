//! Files of a store, a page at a time.

use super::index::row::{Segment, State};
use super::index::{failed, read, spans};
use super::playable::Lying;
use super::query::Reader;
use crate::base::{Result, Timestamp};

/// Which files of a camera to list.
#[derive(Clone, Copy, Debug)]
pub struct FilePage {
    /// With video at or after this,
    pub from: Timestamp,
    /// and before this.
    pub to: Timestamp,
    /// After the one of this epoch and sequence.
    pub after: Option<(u32, u64)>,
    /// At most so many.
    pub most: usize,
}

/// A file in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Unique within the camera.
    pub sequence: u64,
    /// Counts steps of the host's clock.
    pub epoch: u32,
    /// The moment after its last picture; of one that grows, its start.
    pub end: Timestamp,
    /// Its bytes; of one that grows, 0.
    pub bytes: u64,
    /// Where it lies.
    pub lying: Lying,
}

impl Reader {
    /// Files of a camera in order of (epoch, sequence). An unknown camera has none.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn files(&self, camera: &str, page: FilePage) -> Result<Vec<Listed>> {
        let c = &self.connection;
        let list = || match spans::camera_id(c, camera)? {
            Some(id) => read::page(c, id, page),
            None => Ok(Vec::new()),
        };
        let found = list().map_err(failed("list files"))?;
        found.into_iter().map(|segment| self.listed(segment)).collect()
    }

    fn listed(&self, segment: Segment) -> Result<Listed> {
        let path = self.place(&segment)?.segment(&segment);
        let Segment { sequence, epoch, start, end, bytes, state, .. } = segment;
        let bytes = if state == State::Closed { bytes } else { 0 };
        Ok(Listed { sequence, epoch, end, bytes, lying: Lying { path, start, state } })
    }
}
