//! At start: brings files and rows that a crash left unfinished into agreement.
//!
//! Looks only at rows that are `opening`, `open` or `deleting`, so it takes time in proportion to
//! what was open, not to what is stored. Everything it changes is reported. Runs before any
//! thread of the store.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::fs::Fs;
use super::index::edit::{self, Closing};
use super::index::map::Entry;
use super::index::row::{Flags, Segment, State};
use super::index::spans::moment;
use super::index::{Connection, failed, places as rows, retain};
use super::layout;
use super::moves::{self, Cleared};
use super::places::Places;
use crate::base::{Error, Result, Timestamp};
use crate::record::{FragmentInfo, Scan, scan, trailer};

/// What start-up did to a store.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Recovered {
    /// In the order of cameras and segments.
    pub repairs: Vec<Repair>,
}

/// What was done to one segment.
#[derive(Clone, Debug, Serialize)]
pub struct Repair {
    /// The camera.
    pub camera: String,
    /// The segment.
    pub sequence: u64,
    /// Its file, below the root of its place.
    pub file: PathBuf,
    /// What was found and done.
    pub action: Action,
}

/// What recovery found and did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// The file was whole; its row was closed.
    Indexed,
    /// The file was cut to its last whole fragment, completed, and its row closed.
    Cut {
        /// Bytes that were not a whole fragment.
        bytes: u64,
    },
    /// The file held no whole fragment; it and its row were removed.
    Emptied,
    /// There was no file; the row was removed.
    Forgotten,
    /// A deletion was completed.
    Deleted,
    /// A move to another store was under way; the copy that is not the segment was removed.
    Moved,
    /// The disk refused; the next start tries again.
    Failed {
        /// What it said.
        reason: String,
    },
}

/// Repairs what was unfinished in all places.
///
/// # Errors
/// When the index fails. A file that can't be repaired is reported, and is not an error.
pub(super) fn recover(
    fs: &dyn Fs,
    places: &Places,
    connection: &Connection,
    now: Timestamp,
) -> Result<Recovered> {
    let moved = moves(fs, places, connection)?;
    let unfinished = retain::unfinished(connection).map_err(failed("look for open segments"))?;
    let mut report = Recovered { repairs: moved };
    for segment in unfinished {
        let file = layout::segment(&segment.camera, segment.start, segment.sequence);
        let place = places.get(segment.place)?;
        let mended = place.check(fs).map_err(io::Error::other);
        let action = match mended.and_then(|()| mend(fs, &place.root, &file, &segment, now)) {
            Ok(mended) => apply(connection, &segment, mended)?,
            Err(error) => Action::Failed { reason: error.to_string() },
        };
        tracing::warn!(
            camera = segment.camera,
            file = %file.display(),
            ?action,
            "segment was open when the host ended"
        );
        let Segment { camera, sequence, .. } = segment;
        report.repairs.push(Repair { camera, sequence, file, action });
    }
    Ok(report)
}

/// Removes what moves have left behind: half copies, and sources whose copy had arrived.
fn moves(fs: &dyn Fs, places: &Places, connection: &Connection) -> Result<Vec<Repair>> {
    let mut repairs = Vec::new();
    for segment in rows::moving(connection).map_err(failed("look for moves"))? {
        let action = match moves::clear(fs, places, &segment) {
            // The mover goes on with it.
            Ok(Cleared::Held) => continue,
            Ok(Cleared::Gone) => {
                rows::settle(connection, segment.id).map_err(failed("complete a move"))?;
                Action::Moved
            }
            Err(error) => Action::Failed { reason: error.chain() },
        };
        let file = layout::segment(&segment.camera, segment.start, segment.sequence);
        tracing::warn!(
            camera = segment.camera,
            file = %file.display(),
            ?action,
            "segment was being moved when the host ended"
        );
        let Segment { camera, sequence, .. } = segment;
        repairs.push(Repair { camera, sequence, file, action });
    }
    Ok(repairs)
}

/// What a file is after the repair.
enum Mended {
    Whole(Closing, Action),
    Gone(Action),
}

fn mend(
    fs: &dyn Fs,
    root: &Path,
    file: &Path,
    segment: &Segment,
    now: Timestamp,
) -> io::Result<Mended> {
    let path = root.join(file);
    let there = fs.length(&path)?;
    if segment.state == State::Deleting {
        if there.is_some() {
            remove(fs, root, file)?;
        }
        return Ok(Mended::Gone(Action::Deleted));
    }
    let Some(length) = there else {
        layout::remove_empty_parents(fs, root, file);
        return Ok(Mended::Gone(Action::Forgotten));
    };
    let found = scan(&mut fs.open(&path)?)?;
    if found.fragments.is_empty() {
        remove(fs, root, file)?;
        return Ok(Mended::Gone(Action::Emptied));
    }
    let mut action = Action::Indexed;
    let handle = fs.reopen(&path)?;
    let mut bytes = length;
    if !found.complete {
        handle.truncate(found.good_bytes)?;
        let end = trailer(&found.fragments);
        handle.append(&end)?;
        bytes = found.good_bytes + end.len() as u64;
        action = Action::Cut { bytes: length.saturating_sub(found.good_bytes) };
    }
    handle.sync_data()?;
    layout::sync_parents(fs, root, file)?;
    Ok(Mended::Whole(closing(segment, &found, bytes, now), action))
}

/// The row of a scanned file.
pub(super) fn closing(segment: &Segment, found: &Scan, bytes: u64, now: Timestamp) -> Closing {
    let ends = found.fragments.iter().map(|fragment| fragment.end_ticks);
    Closing {
        end: moment(segment.start, ends.max().unwrap_or(0)),
        bytes,
        flags: Flags::default().with(Flags::REPAIRED, !found.complete),
        fragments: found.fragments.iter().map(entry).collect(),
        closed_at: now,
    }
}

pub(super) fn entry(fragment: &FragmentInfo) -> Entry {
    Entry {
        offset: fragment.offset,
        length: fragment.length,
        start_ticks: fragment.start_ticks,
        samples: fragment.samples,
        key: fragment.key,
        damaged: fragment.damaged,
    }
}

fn remove(fs: &dyn Fs, root: &Path, file: &Path) -> io::Result<()> {
    fs.unlink(&root.join(file))?;
    sync_nearest(fs, root, file)?;
    layout::remove_empty_parents(fs, root, file);
    Ok(())
}

fn sync_nearest(fs: &dyn Fs, root: &Path, file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), |folder| fs.sync_dir(&root.join(folder)))
}

fn apply(connection: &Connection, segment: &Segment, mended: Mended) -> Result<Action> {
    let transaction = connection.unchecked_transaction().map_err(failed("begin a repair"))?;
    let action = match mended {
        Mended::Whole(closing, action) => {
            edit::close(&transaction, segment.camera_id, segment.sequence, &closing)
                .map_err(failed("close a repaired segment"))?
                .ok_or_else(|| Error::bug("the row of a segment under repair is gone"))?;
            action
        }
        Mended::Gone(action) => {
            edit::remove(&transaction, segment.id).map_err(failed("forget a segment"))?;
            action
        }
    };
    transaction.commit().map_err(failed("commit a repair"))?;
    Ok(action)
}
