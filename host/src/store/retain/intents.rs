//! Deletions that the index could not take down before their file went: lines in a file beside it,
//! until it can.
//!
//! `{"place": 0, "camera": "gate", "start": ..., "sequence": 7}`, one a line. Start-up and the
//! sweeper remove the rows whose files are gone.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::super::fs::Fs;
use super::super::index::row::{Segment, State};
use super::super::index::{Connection, edit, failed, spans};
use super::super::layout;
use super::super::places::{PlaceId, Places};
use crate::base::{Error, Result, Timestamp};

/// One deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Intent {
    place: i64,
    camera: String,
    start: Timestamp,
    sequence: u64,
}

impl Intent {
    pub(in super::super) fn of(segment: &Segment) -> Self {
        Self {
            place: segment.place.0,
            camera: segment.camera.clone(),
            start: segment.start,
            sequence: segment.sequence,
        }
    }
}

/// Adds a line, and brings it to the medium where that can be.
pub(in super::super) fn append(fs: &dyn Fs, root: &Path, intent: &Intent) -> std::io::Result<()> {
    let path = layout::intents(root);
    let mut line = serde_json::to_vec(intent)?;
    line.push(b'\n');
    let file = match fs.length(&path)? {
        Some(_) => {
            // The disk may have taken only a part of the line before.
            line.insert(0, b'\n');
            fs.reopen(&path)?
        }
        None => fs.create(&path)?,
    };
    file.append(&line)?;
    file.sync_data()?;
    fs.sync_dir(root)
}

/// What stands there; a line that was cut short by the end of the host is none.
pub(in super::super) fn all(fs: &dyn Fs, root: &Path) -> Result<Vec<Intent>> {
    let path = layout::intents(root);
    let failed = |error| Error::retry(format!("read {}", path.display())).with(error);
    if fs.length(&path).map_err(failed)?.is_none() {
        return Ok(Vec::new());
    }
    let text = fs.read(&path).map_err(failed)?;
    Ok(text
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}

/// All of it is done.
pub(in super::super) fn clear(fs: &dyn Fs, root: &Path) -> Result<()> {
    let path = layout::intents(root);
    let failed = |error| Error::retry(format!("remove {}", path.display())).with(error);
    if fs.length(&path).map_err(failed)?.is_some() {
        fs.unlink(&path).map_err(failed)?;
    }
    Ok(())
}

/// Those of `intents` whose file is gone: their rows can go too.
pub(in super::super) fn carried_out(
    fs: &dyn Fs,
    places: &Places,
    intents: &[Intent],
) -> Vec<Intent> {
    let is_gone = |intent: &&Intent| {
        let Ok(place) = places.get(PlaceId(intent.place)) else { return false };
        let file = layout::segment(&intent.camera, intent.start, intent.sequence);
        place.check(fs).is_ok() && matches!(fs.length(&place.root.join(file)), Ok(None))
    };
    intents.iter().filter(is_gone).cloned().collect()
}

/// Removes the rows of files that are gone.
pub(in super::super) fn forget(c: &Connection, gone: &[Intent]) -> Result<()> {
    for intent in gone {
        let found = || {
            let Some(camera) = spans::camera_id(c, &intent.camera)? else { return Ok(None) };
            edit::find(c, camera, intent.sequence)
        };
        let found = found().map_err(failed("find a deleted segment"))?;
        // One that has moved since lies elsewhere.
        let is_there = |row: &Segment| row.place.0 == intent.place && row.moving.is_none();
        let is_it = |row: &Segment| {
            row.start == intent.start
                && is_there(row)
                && matches!(row.state, State::Closed | State::Deleting)
        };
        if let Some(row) = found.filter(is_it) {
            edit::remove(c, row.id).map_err(failed("forget a segment"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::fs::Disk;
    use super::*;

    #[test]
    fn a_line_that_was_cut_short_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let intent = |sequence| Intent {
            place: 0,
            camera: "gate".into(),
            start: Timestamp::from_millis(1_763_800_000_123),
            sequence,
        };
        append(&Disk, folder.path(), &intent(1)).unwrap();
        let line = serde_json::to_vec(&intent(2)).unwrap();
        let file = Disk.reopen(&layout::intents(folder.path())).unwrap();
        file.append(&line[..line.len() / 2]).unwrap();
        append(&Disk, folder.path(), &intent(3)).unwrap();
        append(&Disk, folder.path(), &intent(4)).unwrap();
        let there = all(&Disk, folder.path()).unwrap();
        assert_eq!(there, [1, 3, 4].map(intent));
    }
}
