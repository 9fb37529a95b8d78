//! The segments that an export reads: found in the index, opened and held before anything is
//! copied, so that nothing of them is deleted meanwhile.

use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Wanted;
use crate::base::{Error, Result, Timestamp};
use crate::record;
use crate::record::tables::{Tables, tables};
use crate::store::fs::{Fs, Hold, Source};
use crate::store::query::StoredSegment;
use crate::store::{Filter, Reader, State};

/// Pictures are decoded before they are shown: up to so much before a range a key frame may count
/// that the index has at its decode time. Sixteen pictures, at two a second.
const DECODE_LEAD: Duration = Duration::from_secs(8);

/// Segments without a key frame that are followed back: ten hours of them.
const KEYLESS_MAX: usize = 600;

/// Files that a process has open beside those that it exports.
const OTHER_FILES: u64 = 64;

/// A segment, open and held.
pub(super) struct Held {
    path: PathBuf,
    file: Box<dyn Source>,
    /// Bytes that may be read: of a file that is being written, those that are whole.
    end: u64,
    /// Against deletion, until the export has ended.
    _hold: Hold,
}

/// What there is to read.
pub(super) struct Sources {
    /// In order of (epoch, sequence).
    pub(super) held: Vec<Held>,
    /// Segments that were deleted before they could be held.
    pub(super) vanished: Vec<(Timestamp, Timestamp)>,
}

/// Finds, opens and holds the segments of a range, with those before it that are needed to decode.
///
/// # Errors
/// When the index can't be read, a file can't be opened, or too many would have to be.
pub(super) fn open(
    fs: &Arc<dyn Fs>,
    reader: &Reader,
    camera: &str,
    wanted: Wanted,
) -> Result<Sources> {
    let found = find(reader, camera, wanted)?;
    raise_limit(found.len())?;
    let mut sources = Sources { held: Vec::with_capacity(found.len()), vanished: Vec::new() };
    for segment in found {
        let (start, end) = (segment.start, segment.end);
        match find_and_hold(fs, reader, segment)? {
            Some(held) => sources.held.push(held),
            None => sources.vanished.push((start, end)),
        }
    }
    Ok(sources)
}

/// It may move to another store between the index and the disk: then the index knows better. `None`:
/// it is not there any more.
pub(super) fn find_and_hold(
    fs: &Arc<dyn Fs>,
    reader: &Reader,
    mut segment: StoredSegment,
) -> Result<Option<Held>> {
    loop {
        let failed = |error| {
            let (camera, path) = (&segment.camera, segment.path.display());
            Error::retry(format!("camera {camera}: open {path}")).with(error)
        };
        if let Some(held) = hold(fs, &segment).map_err(failed)? {
            return Ok(Some(held));
        }
        match reader.find_segment(&segment.camera, segment.sequence)? {
            Some(lying) if lying.path != segment.path => segment.path = lying.path,
            Some(_) => {
                // What can't be found on a disk that is away is not deleted.
                reader.check_disk_of(&**fs, &segment.path)?;
                return Ok(None);
            }
            None => return Ok(None),
        }
    }
}

/// `None`: it is not there.
fn hold(fs: &Arc<dyn Fs>, segment: &StoredSegment) -> std::io::Result<Option<Held>> {
    let Some(hold) = fs.hold(&segment.path)? else { return Ok(None) };
    let mut file = fs.open(&segment.path)?;
    let end = match segment.state {
        State::Closed => file.seek(SeekFrom::End(0))?,
        // Its last fragment may be on its way to the disk.
        _ => record::scan(&mut file)?.good_bytes,
    };
    Ok(Some(Held { path: segment.path.clone(), file, end, _hold: hold }))
}

fn find(reader: &Reader, camera: &str, wanted: Wanted) -> Result<Vec<StoredSegment>> {
    let list = |since: Timestamp| {
        let (since, until) = (Some(since), Some(wanted.to));
        reader.segments(&Filter { camera: Some(camera.to_owned()), since, until })
    };
    let early = wanted.from - DECODE_LEAD;
    let mut found = list(wanted.from)?;
    for _ in 0..KEYLESS_MAX {
        let Some(first) = found.iter().min_by_key(|segment| segment.start) else { break };
        if first.start > wanted.from || first.keys.first().is_some_and(|key| *key <= early) {
            break;
        }
        let more = list(first.start - Duration::from_secs(1))?;
        if more.len() <= found.len() {
            break;
        }
        found = more;
    }
    Ok(found)
}

/// Lets the process open so many files more.
fn raise_limit(files: usize) -> Result<()> {
    // One is read, the other is the hold.
    let needed = 2 * files as u64 + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let allowed = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), ..limit });
    if allowed >= needed && raised.is_ok() {
        return Ok(());
    }
    Err(Error::refuse(format!(
        "the range lies in {files} files, and this process may open {allowed}: raise the limit \
         (`ulimit -n {needed}`, or LimitNOFILE of the service), or export it in parts"
    )))
}

impl Held {
    /// Reads its tables. `None`: there is no video in it (yet).
    ///
    /// # Errors
    /// When the disk can't be read.
    pub(super) fn tables(&mut self) -> Result<Option<Tables>> {
        tables(&mut self.file, self.end).map_err(|error| self.failed(error))
    }

    /// Hands a part of it to `write`, piece by piece.
    ///
    /// # Errors
    /// Those of `write`, and when the disk can't be read.
    pub(super) fn read(
        &mut self,
        offset: u64,
        length: u64,
        buffer: &mut [u8],
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.file.seek(SeekFrom::Start(offset)).map_err(|error| self.failed(error))?;
        let mut left = length;
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let read = self.file.read_exact(&mut buffer[..part]);
            read.map_err(|error| self.failed(error))?;
            write(&buffer[..part])?;
            left -= part as u64;
        }
        Ok(())
    }

    fn failed(&self, error: std::io::Error) -> Error {
        Error::retry(format!("read {}", self.path.display())).with(error)
    }
}
