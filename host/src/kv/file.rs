//! One shelf on disk: batches of changes, one after the other, written anew when most of them are
//! history.
//!
//! ```text
//! "wardline-kv 1\n"
//! batch:  length of the changes u32, their CRC-32C u32, changes
//! change: kind u8 (1 put, 2 remove), length of the key u16, of the value u32, key, value
//! ```
//! Numbers are little endian. A batch that is not whole ends the file: it was being written when
//! the power went, and nothing of it counts.

use super::shelf::{Change, Entries, KEY_BYTES, Unwritten, VALUE_BYTES};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const HEADER: &[u8] = b"wardline-kv 1\n";
const PUT: u8 = 1;
const REMOVE: u8 = 2;

/// History beyond what is in force, before a file is written anew.
const HISTORY_BYTES: u64 = 256 << 10;

/// A file larger than this is none of ours.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// The file of one shelf.
pub(super) struct ShelfFile {
    path: PathBuf,
    /// Where the next batch goes. `None`: all is to be written anew.
    end: Option<u64>,
}

impl ShelfFile {
    /// Opens the file at `path`, which may be missing, and reads it. What can't be read any more is
    /// left out, and said in the second part.
    pub(super) fn open(path: PathBuf) -> io::Result<(Self, Entries, Option<&'static str>)> {
        let mut bytes = Vec::new();
        match File::open(&path) {
            Ok(file) => drop(file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((Self { path, end: None }, Entries::new(), None));
            }
            Err(error) => return Err(error),
        }
        let Some(batches) = bytes.strip_prefix(HEADER) else {
            return Ok((Self { path, end: None }, Entries::new(), Some("it has another form")));
        };
        let mut entries = Entries::new();
        let whole = replay(batches, &mut entries);
        let is_whole = whole == batches.len();
        let end = is_whole.then_some((HEADER.len() + whole) as u64);
        let said = (!is_whole).then_some("its last changes were not written whole");
        Ok((Self { path, end }, entries, said))
    }

    /// Writes changes down, durably. After an error the file is as before or has all of them.
    pub(super) fn write(&mut self, unwritten: &Unwritten) -> io::Result<()> {
        match (unwritten, self.end) {
            (Unwritten::Some(changes), Some(end)) => {
                // Whatever comes of it, an error leaves a file of which the end is not known.
                self.end = None;
                self.end = Some(append(&self.path, end, &batch(changes))?);
            }
            (Unwritten::All(entries), _) => self.replace(entries)?,
            (Unwritten::Some(_), None) => return Err(io::Error::other("all of it is needed")),
        }
        Ok(())
    }

    /// Whether [`Unwritten::All`] is wanted: `used_bytes` is what is in force.
    pub(super) fn wants_all(&self, used_bytes: u64) -> bool {
        self.end.is_none_or(|end| end > 2 * used_bytes + HISTORY_BYTES)
    }

    fn replace(&mut self, entries: &Entries) -> io::Result<()> {
        let mut bytes = HEADER.to_vec();
        let all: Vec<Change> =
            entries.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        if !all.is_empty() {
            bytes.extend(batch(&all));
        }
        let part = self.path.with_extension("part");
        let mut file = private().write(true).create(true).truncate(true).open(&part)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, &self.path)?;
        sync_directory(&self.path)?;
        self.end = Some(bytes.len() as u64);
        Ok(())
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn append(path: &Path, end: u64, batch: &[u8]) -> io::Result<u64> {
    let mut file = private().write(true).open(path)?;
    file.seek(SeekFrom::Start(end))?;
    file.write_all(batch)?;
    file.sync_data()?;
    Ok(end + batch.len() as u64)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn batch(changes: &[Change]) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    for (key, value) in changes {
        let (kind, value) = match value {
            Some(value) => (PUT, &value[..]),
            None => (REMOVE, &[][..]),
        };
        let key_length = u16::try_from(key.len()).expect("at most KEY_BYTES");
        let value_length = u32::try_from(value.len()).expect("at most VALUE_BYTES");
        bytes.push(kind);
        bytes.extend(key_length.to_le_bytes());
        bytes.extend(value_length.to_le_bytes());
        bytes.extend(key.as_bytes());
        bytes.extend(value);
    }
    let length = u32::try_from(bytes.len() - 8).expect("a quota is far below 4 GiB");
    let sum = crc32c::crc32c(&bytes[8..]);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[4..8].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Applies the batches that are whole; gives how many bytes they have.
fn replay(bytes: &[u8], entries: &mut Entries) -> usize {
    let mut rest = bytes;
    while let Some((changes, after)) = next_batch(rest) {
        for (key, value) in changes {
            match value {
                Some(value) => drop(entries.insert(key, value)),
                None => drop(entries.remove(&key)),
            }
        }
        rest = after;
    }
    bytes.len() - rest.len()
}

fn next_batch(bytes: &[u8]) -> Option<(Vec<Change>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let (body, after) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    if body.is_empty() || crc32c::crc32c(body) != u32::from_le_bytes(*sum) {
        return None;
    }
    let mut changes = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let (change, after) = next_change(rest)?;
        changes.push(change);
        rest = after;
    }
    Some((changes, after))
}

fn next_change(bytes: &[u8]) -> Option<(Change, &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let (key_length, rest) = rest.split_first_chunk::<2>()?;
    let (value_length, rest) = rest.split_first_chunk::<4>()?;
    let (key, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*key_length)))?;
    let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*value_length) as usize)?;
    if key.is_empty() || key.len() > KEY_BYTES || value.len() > VALUE_BYTES {
        return None;
    }
    let key = String::from_utf8(key.to_vec()).ok()?;
    match *kind {
        PUT => Some(((key, Some(value.into())), rest)),
        REMOVE if value.is_empty() => Some(((key, None), rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put(key: &str, value: &[u8]) -> Change {
        (key.into(), Some(value.into()))
    }

    fn entries(changes: &[Change]) -> Entries {
        changes.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect()
    }

    fn read(path: &Path) -> Entries {
        ShelfFile::open(path.into()).unwrap().1
    }

    #[test]
    fn changes_are_read_again_and_history_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gate.kv");
        let (mut file, nothing, said) = ShelfFile::open(path.clone()).unwrap();
        assert!(nothing.is_empty() && said.is_none() && file.wants_all(0));
        file.write(&Unwritten::All(entries(&[put("a", b"1"), put("b", b"2")]))).unwrap();
        file.write(&Unwritten::Some(vec![put("a", b"3"), ("b".into(), None)])).unwrap();
        file.write(&Unwritten::Some(vec![put("c", b"")])).unwrap();
        assert_eq!(read(&path), entries(&[put("a", b"3"), put("c", b"")]));
        assert!(!file.wants_all(0));
        for _ in 0..5 {
            file.write(&Unwritten::Some(vec![put("a", &[7; VALUE_BYTES])])).unwrap();
        }
        assert!(file.wants_all(100) && !file.wants_all(VALUE_BYTES as u64));
        file.write(&Unwritten::All(entries(&[put("a", b"4")]))).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() < 64);
        assert_eq!(read(&path), entries(&[put("a", b"4")]));
    }

    /// Wherever the power went: what was whole before counts, what was being written does not.
    #[test]
    fn a_torn_batch_is_as_if_it_never_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gate.kv");
        let (mut file, ..) = ShelfFile::open(path.clone()).unwrap();
        file.write(&Unwritten::All(entries(&[put("a", b"1")]))).unwrap();
        let before = std::fs::read(&path).unwrap();
        file.write(&Unwritten::Some(vec![put("a", b"2"), put("b", b"3")])).unwrap();
        let after = std::fs::read(&path).unwrap();
        for length in 0..after.len() {
            std::fs::write(&path, &after[..length]).unwrap();
            let (mut file, found, said) = ShelfFile::open(path.clone()).unwrap();
            let expected = if length < before.len() { &[][..] } else { &[put("a", b"1")] };
            assert_eq!(found, entries(expected), "{length} bytes");
            assert_eq!(said.is_none(), length == before.len() || length == HEADER.len());
            // And it can be written on.
            assert_eq!(file.wants_all(1 << 20), said.is_some());
            file.write(&Unwritten::All(entries(&[put("c", b"4")]))).unwrap();
            assert_eq!(read(&path), entries(&[put("c", b"4")]));
        }
    }

    #[test]
    fn a_failed_write_asks_for_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gate.kv");
        let (mut file, ..) = ShelfFile::open(path.clone()).unwrap();
        file.write(&Unwritten::All(Entries::new())).unwrap();
        std::fs::remove_file(&path).unwrap();
        file.write(&Unwritten::Some(vec![put("a", b"1")])).unwrap_err();
        assert!(file.wants_all(1 << 20));
        file.write(&Unwritten::Some(vec![put("a", b"1")])).unwrap_err();
        file.write(&Unwritten::All(entries(&[put("a", b"1")]))).unwrap();
        assert_eq!(read(&path), entries(&[put("a", b"1")]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut found = Entries::new();
            prop_assert!(replay(&bytes, &mut found) <= bytes.len());
            // With a checksum that is right, too.
            let mut framed = vec![0; 8];
            framed.extend(&bytes);
            framed[..4].copy_from_slice(&u32::try_from(bytes.len()).unwrap().to_le_bytes());
            framed[4..8].copy_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
            let _ = replay(&framed, &mut found);
        }
    }
}
