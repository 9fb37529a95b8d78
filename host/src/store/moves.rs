//! The files of one move: the copy, its proof, and the removal of what is left over.
//!
//! Takes a segment and two places. Everything is on the medium when a call returns. Knows no
//! index, and decides nothing about when.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::fs::{File, Fs, Source, Unlinked};
use super::index::row::Segment;
use super::layout;
use super::places::{Place, Places};
use crate::base::{Error, Result};

/// Bytes read and written at a time.
const CHUNK: usize = 256 << 10;

/// What became of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copied {
    /// It is whole, and proved so.
    Whole,
    /// It was given up because the store ends.
    Stopped,
}

/// What became of a copy that is not the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cleared {
    /// It is gone.
    Gone,
    /// Somebody reads it: later.
    Held,
}

/// Copies a segment to the same path in another place, under a name that is no segment's until
/// what was written has been read back and is the same. `stops` is asked now and then.
///
/// # Errors
/// When a file can't be read or written, or differs from what it should be. Some of the copy may
/// be left then: see [`clear`].
pub(super) fn copy(
    fs: &dyn Fs,
    from: &Place,
    to: &Place,
    segment: &Segment,
    stops: &dyn Fn() -> bool,
) -> Result<Copied> {
    let below = layout::segment(&segment.camera, segment.start, segment.sequence);
    let (source, target) = (from.root.join(&below), to.root.join(&below));
    let part = part(&target);
    let failed = |what: &str, path: &Path| {
        let what = format!("{what} {} to move a segment", path.display());
        move |error: io::Error| Error::retry(what.clone()).with(error)
    };
    let input = fs.open(&source).map_err(failed("read", &source))?;
    let output = create(fs, &to.root, &below, &part).map_err(failed("make", &part))?;
    let write = |chunk: &[u8]| {
        output.append(chunk).map_err(failed("write", &part))?;
        Ok(!stops())
    };
    let Some(read) = digest(input, failed("read", &source), write)? else {
        return Ok(Copied::Stopped);
    };
    if read.bytes != segment.bytes {
        return Err(Error::refuse(format!(
            "segment {} has {} bytes, and the index says {}: it stays where it is; see \
             `wardline recordings check`",
            source.display(),
            read.bytes,
            segment.bytes
        )));
    }
    output.sync_data().map_err(failed("sync", &part))?;
    drop(output);
    let back = fs.open_cold(&part).map_err(failed("read back", &part))?;
    let Some(proof) = digest(back, failed("read back", &part), |_| Ok(!stops()))? else {
        return Ok(Copied::Stopped);
    };
    if proof != read {
        return Err(Error::retry(format!(
            "the copy {} differs from its segment: the disk of store `{}` may be failing",
            part.display(),
            to.name
        )));
    }
    fs.rename(&part, &target).map_err(failed("name", &target))?;
    // Another thread may have made one of the directories just now and not have synced it yet.
    layout::sync_parents(fs, &to.root, &below).map_err(failed("place", &target))?;
    Ok(Copied::Whole)
}

/// Removes the copy in `segment.moving`, whole or not, and brings that to the medium.
///
/// # Errors
/// When the place is not there, or the filesystem refuses.
pub(super) fn clear(fs: &dyn Fs, places: &Places, segment: &Segment) -> Result<Cleared> {
    let Some(place) = segment.moving.map(|id| places.get(id)).transpose()? else {
        return Ok(Cleared::Gone);
    };
    place.check(fs)?;
    let below = layout::segment(&segment.camera, segment.start, segment.sequence);
    let path = place.root.join(&below);
    let remove = || {
        absent_is_fine(fs.unlink(&part(&path)))?;
        if fs.unlink_unless_held(&path)? == Unlinked::Held {
            return Ok(Cleared::Held);
        }
        path.parent().map_or(Ok(()), |folder| absent_is_fine(fs.sync_dir(folder)))?;
        layout::remove_empty_parents(fs, &place.root, &below);
        Ok(Cleared::Gone)
    };
    remove().map_err(|error: io::Error| {
        Error::retry(format!("remove {}, which has moved", path.display())).with(error)
    })
}

/// The name of a copy that is not whole yet.
fn part(path: &Path) -> PathBuf {
    path.with_extension("mp4.part")
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn create(fs: &dyn Fs, root: &Path, below: &Path, part: &Path) -> io::Result<Arc<dyn File>> {
    let make = || {
        layout::make_parents(fs, root, below)?;
        fs.create(part)
    };
    match make() {
        // A sweep may just have removed the empty directory.
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(),
        result => result,
    }
}

/// What a file holds.
#[derive(PartialEq, Eq)]
struct Content {
    bytes: u64,
    hash: [u8; 32],
}

/// Reads a file to its end, showing each chunk to `visit`; `None` where that had enough.
fn digest(
    mut input: Box<dyn Source>,
    failed: impl Fn(io::Error) -> Error,
    mut visit: impl FnMut(&[u8]) -> Result<bool>,
) -> Result<Option<Content>> {
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = match input.read(&mut chunk) {
            Ok(0) => return Ok(Some(Content { bytes, hash: hash.finalize().into() })),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        hash.update(&chunk[..length]);
        bytes += length as u64;
        if !visit(&chunk[..length])? {
            return Ok(None);
        }
    }
}
