//! Which file has the picture of a moment, and where its fragments lie.
//!
//! Reads a few rows and at most one fragment map; opens no file.

use std::path::PathBuf;

use super::index::map::Entry;
use super::index::row::{Segment, State};
use super::index::{Connection, Read, failed, read, spans};
use super::query::Reader;
use crate::base::{Result, Timestamp};
use crate::record::keys::FragmentPlace;

/// A file with video of a moment.
#[derive(Clone, Debug)]
pub struct Footage {
    /// Where it lies now.
    pub path: PathBuf,
    /// Unique within the camera.
    pub sequence: u64,
    /// UTC of its time 0.
    pub start: Timestamp,
    /// Its fragments in order; `None`: it grows.
    pub fragments: Option<Vec<FragmentPlace>>,
}

impl Reader {
    /// The file with video at `at`, or, where none has, the one nearest to it within `around`
    /// microseconds. Of several the one that was written last. A file that grows counts as far as
    /// the end of time.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn footage(&self, camera: &str, at: Timestamp, around: i64) -> Result<Option<Footage>> {
        let c = &self.connection;
        let find = || {
            let Some(id) = spans::camera_id(c, camera)? else { return Ok(None) };
            let (from, to) = (at.offset(-around), at.offset(around + 1));
            let mut found = read::closed(c, id, from, to)?;
            found.extend(read::open(c, id)?.into_iter().filter(|segment| segment.start < to));
            let apart = |segment: &Segment| {
                let after = at.micros_since(segment.end).max(0);
                let growing = segment.state != State::Closed;
                segment.start.micros_since(at).max(if growing { 0 } else { after })
            };
            found.sort_by_key(|one| (apart(one), std::cmp::Reverse((one.epoch, one.sequence))));
            let Some(segment) = found.into_iter().next() else { return Ok(None) };
            let fragments = fragments(c, &segment)?;
            Ok(Some((segment, fragments)))
        };
        self.footage_of(find().map_err(failed("find the picture of a moment"))?)
    }

    /// The newest file with video.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn newest_footage(&self, camera: &str) -> Result<Option<Footage>> {
        let c = &self.connection;
        let find = || {
            let Some(id) = spans::camera_id(c, camera)? else { return Ok(None) };
            let open = read::open(c, id)?.pop();
            let Some(segment) = open.map_or_else(|| read::newest(c, id), |open| Ok(Some(open)))?
            else {
                return Ok(None);
            };
            let fragments = fragments(c, &segment)?;
            Ok(Some((segment, fragments)))
        };
        self.footage_of(find().map_err(failed("find the newest picture"))?)
    }

    fn footage_of(
        &self,
        found: Option<(Segment, Option<Vec<FragmentPlace>>)>,
    ) -> Result<Option<Footage>> {
        let Some((segment, fragments)) = found else { return Ok(None) };
        let path = self.place(&segment)?.segment(&segment);
        let Segment { sequence, start, .. } = segment;
        Ok(Some(Footage { path, sequence, start, fragments }))
    }
}

fn fragments(c: &Connection, segment: &Segment) -> Read<Option<Vec<FragmentPlace>>> {
    if segment.state != State::Closed {
        return Ok(None);
    }
    let map = read::fragments(c, segment.id)?;
    let place = |entry: Entry| FragmentPlace {
        offset: entry.offset,
        length: entry.length,
        start_ticks: entry.start_ticks,
    };
    Ok(Some(map.into_iter().map(place).collect()))
}
