//! What playback asks of a store: files with their fragments, from the index alone, and the few that
//! still grow.

use std::ops::ControlFlow;
use std::path::PathBuf;

pub(crate) use super::index::map::Entry;
use super::index::row::State;
use super::index::spans;
use super::index::{edit, failed, read};
use super::query::Reader;
use super::recover::entry;
use crate::base::{Result, Timestamp};
use crate::record::Scan;

/// A file as playback needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Playable {
    /// Unique within the camera.
    pub(crate) sequence: u64,
    /// Counts steps of the host's clock.
    pub(crate) epoch: u32,
    /// UTC of its decode time 0.
    pub(crate) start: Timestamp,
    /// The moment after its last picture.
    pub(crate) end: Timestamp,
    /// Video is missing before it.
    pub(crate) gap_before: bool,
    /// CRC-32C of what stands before its fragments, where that is known.
    pub(crate) head: Option<u32>,
    /// In order, without holes between them.
    pub(crate) fragments: Vec<Entry>,
}

/// Where a file lies, to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lying {
    /// It may move to another store, and is found by asking again then.
    pub path: PathBuf,
    /// UTC of its decode time 0.
    pub start: Timestamp,
    /// How far it has come.
    pub state: State,
}

/// A file that is not complete: where it lies, and what the index knows of it.
#[derive(Clone, Debug)]
pub(crate) struct Growing {
    pub(crate) path: PathBuf,
    known: Playable,
}

impl Growing {
    /// Its place among the camera's files.
    pub(crate) fn order(&self) -> (u32, u64) {
        (self.known.epoch, self.known.sequence)
    }

    /// With what was found in it. `None`: there is no video in it yet.
    pub(crate) fn with(self, scan: &Scan) -> Option<Playable> {
        let end = scan.fragments.iter().map(|fragment| fragment.end_ticks).max()?;
        let end = spans::moment(self.known.start, end);
        let fragments = scan.fragments.iter().map(entry).collect();
        (end > self.known.start).then_some(Playable { end, fragments, ..self.known })
    }
}

impl Reader {
    /// Shows the complete files of a camera that touch `[from, to)`, in order of (epoch, sequence),
    /// until `visit` has seen enough. An unknown camera has none.
    ///
    /// # Errors
    /// When the index can't be read.
    pub(crate) fn playable(
        &self,
        camera: &str,
        from: Timestamp,
        to: Timestamp,
        visit: impl FnMut(Playable) -> ControlFlow<()>,
    ) -> Result<()> {
        let c = &self.connection;
        let list = || match spans::camera_id(c, camera)? {
            Some(id) => read::playable(c, id, from, to, visit),
            None => Ok(()),
        };
        list().map_err(failed("list what can be played"))
    }

    /// The files of a camera that are not complete and begin before `to`, in the same order.
    ///
    /// # Errors
    /// When the index can't be read.
    pub(crate) fn growing(&self, camera: &str, to: Timestamp) -> Result<Vec<Growing>> {
        let c = &self.connection;
        let list = || match spans::camera_id(c, camera)? {
            Some(id) => read::open(c, id),
            None => Ok(Vec::new()),
        };
        let open = list().map_err(failed("list open segments"))?;
        let mut growing = Vec::new();
        for segment in open.into_iter().filter(|segment| segment.start < to) {
            let head = read::head(c, segment.id).map_err(failed("read an open segment"))?;
            let known = Playable {
                sequence: segment.sequence,
                epoch: segment.epoch,
                start: segment.start,
                end: segment.start,
                gap_before: false,
                head,
                fragments: Vec::new(),
            };
            growing.push(Growing { path: self.place(&segment)?.segment(&segment), known });
        }
        Ok(growing)
    }

    /// One file of a camera; `None`: it is not there (any more).
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn find_segment(&self, camera: &str, sequence: u64) -> Result<Option<Lying>> {
        let c = &self.connection;
        let find = || match spans::camera_id(c, camera)? {
            Some(id) => edit::find(c, id, sequence),
            None => Ok(None),
        };
        let found = find().map_err(failed("find a segment"))?;
        let found = found.filter(|segment| segment.state != State::Deleting);
        found
            .map(|segment| {
                let path = self.place(&segment)?.segment(&segment);
                Ok(Lying { path, start: segment.start, state: segment.state })
            })
            .transpose()
    }
}
