//! The files of the journal: which there are, and what stands in them.
//!
//! Lines that are not whole are passed over and counted; a file that can't be read to its end
//! gives what was read.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::super::fs::Fs;
use super::super::layout;
use super::{Key, Note};
use crate::base::{Error, Result, Timestamp};

/// Longer lines are none: a reason or a label is short.
const LINE_MAX: usize = 1 << 20;

/// The name of the file of a day.
pub(in super::super) fn day(time: Timestamp) -> String {
    format!("{}.jsonl", time.civil().to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d"))
}

/// The days that have a file in the store at `root`, the oldest first.
///
/// # Errors
/// As the filesystem says.
pub(in super::super) fn days(fs: &dyn Fs, root: &Path) -> Result<Vec<PathBuf>> {
    let folder = layout::journal(root);
    let failed =
        |error| Error::retry(format!("can't read the journal in {}", folder.display())).with(error);
    if fs.length(&folder).map_err(failed)?.is_none() {
        return Ok(Vec::new());
    }
    let mut names = fs.list(&folder).map_err(failed)?;
    names.retain(|name| name.ends_with(".jsonl"));
    names.sort();
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

/// What was read of a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Read {
    /// Whole lines.
    pub(in super::super) notes: u64,
    /// Lines that were not whole.
    pub(in super::super) broken: u64,
}

/// Shows each note of a file to `visit`.
///
/// # Errors
/// When it can't be read to its end, or as `visit` says.
pub(in super::super) fn read(
    fs: &dyn Fs,
    path: &Path,
    mut visit: impl FnMut(Note) -> Result<()>,
) -> Result<Read> {
    let failed = |error| Error::retry(format!("read the journal {}", path.display())).with(error);
    let mut input = BufReader::new(fs.open(path).map_err(failed)?);
    notes_in(&mut input, failed, &mut visit)
}

/// The same, of what was opened; `failed` says what was attempted.
pub(in super::super) fn notes_in(
    input: &mut impl BufRead,
    failed: impl Fn(std::io::Error) -> Error,
    visit: &mut dyn FnMut(Note) -> Result<()>,
) -> Result<Read> {
    let mut found = Read::default();
    let mut line = Vec::new();
    while next_line(input, &mut line).map_err(&failed)? {
        let text = std::str::from_utf8(&line).unwrap_or_default().trim_end();
        match Note::read(text) {
            Some(note) => {
                found.notes += 1;
                visit(note)?;
            }
            None => found.broken += u64::from(!line.trim_ascii().is_empty()),
        }
    }
    Ok(found)
}

/// The next line, of a line that is too long its beginning. Gives whether there was one.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    loop {
        let chunk = input.fill_buf()?;
        if chunk.is_empty() {
            return Ok(!line.is_empty());
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let (taken, part) = match end {
            Some(end) => (end + 1, &chunk[..end]),
            None => (chunk.len(), chunk),
        };
        let room = LINE_MAX.saturating_sub(line.len());
        line.extend_from_slice(&part[..part.len().min(room)]);
        // An empty line is one too.
        if end.is_some() && line.is_empty() {
            line.push(b' ');
        }
        input.consume(taken);
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// What a whole journal comes to: the last note of each key. Days that can't be read are named.
pub(in super::super) fn last_notes(
    fs: &dyn Fs,
    root: &Path,
    mut unreadable: impl FnMut(&Path, Error),
) -> Result<(HashMap<Key, Note>, Read)> {
    let (mut notes, mut all) = (HashMap::new(), Read::default());
    for path in days(fs, root)? {
        let read = read(fs, &path, |note| {
            if let Some(key) = note.key() {
                notes.insert(key, note);
            }
            Ok(())
        });
        match read {
            Ok(read) => {
                all.notes += read.notes;
                all.broken += read.broken;
            }
            Err(error) => unreadable(&path, error),
        }
    }
    Ok((notes, all))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert, proptest};

    use super::super::super::fs::Disk;
    use super::*;

    fn gone(id: usize) -> Note {
        Note::Gone { of: "pin".into(), id: id.to_string() }
    }

    proptest! {
        #[test]
        fn whatever_lies_between_lines_the_lines_are_read(
            junk in vec(vec(any::<u8>(), 0..40), 1..10),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.jsonl");
            let mut bytes = Vec::new();
            for (number, junk) in junk.iter().enumerate() {
                bytes.extend_from_slice(junk);
                bytes.push(b'\n');
                bytes.extend_from_slice(gone(number).line().as_bytes());
            }
            bytes.extend_from_slice(&junk[0]);
            std::fs::write(&path, bytes).unwrap();
            let mut found = Vec::new();
            let read = read(&Disk, &path, |note| {
                found.push(note);
                Ok(())
            }).unwrap();
            prop_assert!(read.notes as usize == junk.len());
            prop_assert!(found.iter().eq((0..junk.len()).map(gone).collect::<Vec<_>>().iter()));
        }
    }

    #[test]
    fn days_are_in_order_and_other_files_are_none() {
        let root = tempfile::tempdir().unwrap();
        assert!(days(&Disk, root.path()).unwrap().is_empty());
        let folder = layout::journal(root.path());
        std::fs::create_dir(&folder).unwrap();
        for name in ["2025-11-23.jsonl", "2025-02-01.jsonl", "notes.txt"] {
            std::fs::write(folder.join(name), b"").unwrap();
        }
        let names: Vec<_> = days(&Disk, root.path()).unwrap();
        assert_eq!(names, ["2025-02-01.jsonl", "2025-11-23.jsonl"].map(|name| folder.join(name)));
        assert_eq!(day(Timestamp::from_millis(1_763_800_000_123)), "2025-11-22.jsonl");
    }
}
