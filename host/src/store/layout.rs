//! Where things lie in a store: names of files and directories, and the marker that tells a
//! store from an empty mount point.
//!
//! ```text
//! <root>/wardline-store.json                                  which store this is
//! <root>/wardline.lock                                        held by the one writer
//! <root>/index.sqlite                                         the index (with its -wal and -shm)
//! <root>/journal.d/<yyyy>-<mm>-<dd>.jsonl                     what no file says, see journal
//! <root>/wardline-ballast                                     room for the index on a full disk
//! <root>/wardline-deletions.jsonl                             deletions the index must still learn of
//! <root>/plugins.d/                                          what plugins keep, see kv and seat
//! <root>/people.d/                                           users and tokens, see people
//! <root>/exports.d/                                          files for download, for a day
//! <root>/<camera>/<yyyy>/<mm>/<dd>/<utc-start-ms>-<sequence>.mp4
//! ```
//! A further place for files has the same tree without an index; its marker names the store too.
//! Gives paths. Must not know what is in the files.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fs::{Fs, Lock};
use crate::base::{Error, Result, Timestamp};

/// The form of the tree above. A store of a higher version is refused.
const VERSION: u32 = 1;
const MARKER: &str = "wardline-store.json";
const LOCK: &str = "wardline.lock";
const INDEX: &str = "index.sqlite";
const JOURNAL: &str = "journal.d";
/// Where a repair puts what can't be used.
const LOST: &str = "lost.d";
/// What plugins keep: not the store's affair.
const PLUGINS: &str = "plugins.d";
/// Users and tokens: not the store's affair.
pub const PEOPLE: &str = "people.d";
/// Exports that were asked for over HTTP: not the store's affair.
pub const EXPORTS: &str = "exports.d";
/// An index that was made anew and is whole, on its way into its place.
const REBUILT: &str = "index.sqlite.rebuilt";
/// Ends the name of what is not whole yet.
const PART: &str = ".part";
/// What lies in a store's root beside the directories of cameras; of filesystems, too.
const OWN: &[&str] = &[MARKER, LOCK, INDEX, JOURNAL, LOST, BALLAST, INTENTS, "lost+found"];
/// What others keep there.
const OTHERS: &[&str] = &[PLUGINS, PEOPLE, EXPORTS];
const BALLAST: &str = "wardline-ballast";
const INTENTS: &str = "wardline-deletions.jsonl";
/// The longest camera name: file systems take 255 bytes, people read far fewer.
const CAMERA_CHARS_MAX: usize = 64;

/// What a marker file says.
#[derive(Serialize, Deserialize)]
pub(super) struct Marker {
    /// The store's own name, or the place's.
    pub(super) store: String,
    version: u32,
    /// Of a place for files without an index: the store that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) of: Option<String>,
}

/// Checks that a camera's name can be a directory's.
///
/// # Errors
/// Refuses names that are empty, too long, or have other characters than letters, digits, `-` and
/// `_`. Without a full stop they can't collide with the store's own files either.
pub fn check_camera(name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > CAMERA_CHARS_MAX || !name.chars().all(fits) {
        return Err(Error::refuse(format!(
            "camera {name:?}: the name is also its directory's: use 1 to {CAMERA_CHARS_MAX} \
             letters, digits, \"-\" and \"_\""
        )));
    }
    Ok(())
}

/// The path of a segment below the root. Unique under a clock that steps back, by the sequence.
pub fn segment(camera: &str, start: Timestamp, sequence: u64) -> PathBuf {
    let day = start.civil().to_zoned(jiff::tz::TimeZone::UTC);
    PathBuf::from(format!(
        "{camera}/{:04}/{:02}/{:02}/{}-{sequence}.mp4",
        day.year(),
        day.month(),
        day.day(),
        start.millis()
    ))
}

/// The index of the store at `root`.
pub fn index(root: &Path) -> PathBuf {
    root.join(INDEX)
}

/// Where the camera's directory, the millisecond and the sequence of a segment are in its path
/// below the root; `None` of what no segment is named.
pub(super) fn parse_segment(below: &Path) -> Option<(Timestamp, u64)> {
    let name = below.file_name()?.to_str()?.strip_suffix(".mp4")?;
    let (millis, sequence) = name.split_once('-')?;
    let (start, sequence) = (Timestamp::from_millis(millis.parse().ok()?), sequence.parse().ok()?);
    let camera = below.iter().next()?.to_str()?;
    (segment(camera, start, sequence) == below).then_some((start, sequence))
}

/// A name in the root of a place that is the store's own.
pub(super) fn is_own(name: &str) -> bool {
    let before = format!("{INDEX}.before-");
    let log = name.strip_prefix(INDEX).is_some_and(|rest| rest == "-wal" || rest == "-shm");
    OWN.contains(&name) || OTHERS.contains(&name) || log || name.starts_with(&before)
}

/// The name of something that did not come to its end.
pub(super) fn is_leftover(name: &str) -> bool {
    name.ends_with(PART) || name.starts_with(REBUILT) || name.contains(".part-")
}

/// Where plugins keep what is theirs, in the store at `root`.
pub fn plugins(root: &Path) -> PathBuf {
    root.join(PLUGINS)
}

/// Whether a store has been made at `root`, as far as can be seen.
pub fn is_store(root: &Path) -> bool {
    super::fs::Disk.length(&root.join(MARKER)).is_ok_and(|length| length.is_some())
}

/// The directory of a place where a repair puts what can't be used.
pub(super) fn lost(root: &Path) -> PathBuf {
    root.join(LOST)
}

/// The index of the store at `root` while it is made anew.
pub(super) fn index_part(root: &Path) -> PathBuf {
    root.join(format!("{INDEX}{PART}"))
}

/// The index of the store at `root` that was made anew, before the old one has made room.
pub(super) fn index_rebuilt(root: &Path) -> PathBuf {
    root.join(REBUILT)
}

/// Where the index of the store at `root` is put when another takes its place.
pub(super) fn index_before(root: &Path, now: Timestamp) -> PathBuf {
    let utc = now.civil().to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ");
    root.join(format!("{INDEX}.before-{utc}"))
}

/// The directory of the journal of the store at `root`.
pub(super) fn journal(root: &Path) -> PathBuf {
    root.join(JOURNAL)
}

/// The lock of the store at `root`.
pub fn lock_file(root: &Path) -> PathBuf {
    root.join(LOCK)
}

/// The ballast of the store at `root`.
pub(super) fn ballast(root: &Path) -> PathBuf {
    root.join(BALLAST)
}

/// The intents to delete of the store at `root`.
pub(super) fn intents(root: &Path) -> PathBuf {
    root.join(INTENTS)
}

/// Makes the directories that `path`, below `root`, needs. Gives every directory whose entries
/// must be synced before `path` is sure to be found again, the nearest first.
///
/// # Errors
/// As the filesystem says.
pub fn make_parents(fs: &dyn Fs, root: &Path, path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut missing = Vec::new();
    let mut folder = path.parent();
    while let Some(at) = folder {
        if at == Path::new("") || fs.length(&root.join(at))?.is_some() {
            break;
        }
        missing.push(at);
        folder = at.parent();
    }
    for at in missing.iter().rev() {
        match fs.create_dir(&root.join(at)) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let nearest = path.parent().map(|at| root.join(at));
    let above = missing.iter().filter_map(|at| at.parent()).map(|at| root.join(at));
    Ok(nearest.into_iter().chain(above).collect())
}

/// Brings the entries of all directories from that of `path`, below `root`, up to the root to the
/// medium.
///
/// # Errors
/// As the filesystem says.
pub(super) fn sync_parents(fs: &dyn Fs, root: &Path, path: &Path) -> std::io::Result<()> {
    path.ancestors().skip(1).try_for_each(|folder| fs.sync_dir(&root.join(folder)))
}

/// Removes the directories between `path` and its camera's that are empty now.
pub fn remove_empty_parents(fs: &dyn Fs, root: &Path, path: &Path) {
    let parents = path.ancestors().skip(1).filter(|at| at.components().count() > 1);
    for folder in parents {
        if fs.remove_dir(&root.join(folder)).is_err() {
            // Not empty: neither are those above it.
            return;
        }
    }
}

/// Takes the one lock of the store at `root`.
///
/// # Errors
/// Refuses when another process has it, by its number.
pub fn lock(fs: &dyn Fs, root: &Path) -> Result<Lock> {
    let note = std::process::id().to_string();
    let shown = root.display();
    match fs.lock(&lock_file(root), &note) {
        Ok(Lock::Taken(holder)) => Err(Error::refuse(format!(
            "store {shown} is in use by process {holder}: stop that first, or give this host a \
             store of its own"
        ))),
        Ok(held) => Ok(held),
        Err(error) => Err(Error::stop(format!(
            "can't lock store {shown}: is it mounted, writable and yours?"
        ))
        .with(error)),
    }
}

/// Makes the root directory of a store where it is missing; its parent must be there.
///
/// # Errors
/// As the filesystem says.
pub(super) fn make_root(fs: &dyn Fs, root: &Path) -> Result<()> {
    let made = match fs.length(root) {
        Ok(Some(_)) => return Ok(()),
        Ok(None) => fs.create_dir(root),
        Err(error) => Err(error),
    };
    made.map_err(|error| {
        Error::stop(format!(
            "can't make store {}: is the directory above it there, mounted and writable?",
            root.display()
        ))
        .with(error)
    })
}

/// The marker at `root`; `None` where there is none.
///
/// # Errors
/// When it can't be read, or is of a later version.
pub(super) fn marker(fs: &dyn Fs, root: &Path) -> Result<Option<Marker>> {
    let path = root.join(MARKER);
    let text = match fs.read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Error::stop(format!("can't read {}", path.display())).with(error));
        }
    };
    let marker: Marker = serde_json::from_slice(&text)
        .map_err(|error| Error::refuse(format!("{} is damaged", path.display())).with(error))?;
    if marker.version > VERSION {
        return Err(Error::refuse(format!(
            "store {} has form {}, this program knows {VERSION}: use a newer program",
            root.display(),
            marker.version
        )));
    }
    Ok(Some(marker))
}

/// Reads which store lies at `root`; makes a new one where there is nothing yet.
///
/// # Errors
/// Refuses a directory that has an index but no marker, a store of a later version, and a place
/// of another store.
pub fn identify(fs: &dyn Fs, root: &Path) -> Result<String> {
    let shown = root.display();
    match marker(fs, root)? {
        Some(Marker { of: Some(of), .. }) => Err(Error::refuse(format!(
            "{shown} holds files of the store {of}, and is none itself: name the directory of \
             that store"
        ))),
        Some(marker) => Ok(marker.store),
        None => {
            let index = fs.length(&index(root)).map_err(|error| {
                Error::stop(format!("can't read the store {shown}")).with(error)
            })?;
            if index.is_some() {
                return Err(Error::refuse(format!(
                    "store {shown} has an index but no {MARKER}: put the file back from a \
                     backup, or choose another store"
                )));
            }
            make_marker(fs, root, None)
        }
    }
}

/// Makes a marker with a new name: of a store, or of a place for files of the store `of`.
///
/// # Errors
/// As the filesystem says.
pub(super) fn make_marker(fs: &dyn Fs, root: &Path, of: Option<&str>) -> Result<String> {
    let store = uuid::Uuid::new_v4().to_string();
    let marker = Marker { store: store.clone(), version: VERSION, of: of.map(str::to_owned) };
    let text = serde_json::to_vec_pretty(&marker).expect("a struct of a string and a number");
    replace(fs, root, MARKER, &text).map_err(|error| {
        Error::stop(format!(
            "can't make a store in {}: is it mounted, writable and not full?",
            root.display()
        ))
        .with(error)
    })?;
    Ok(store)
}

/// Writes a small file, whole or not at all, in place of what had its name.
///
/// # Errors
/// As the filesystem says.
pub(super) fn replace(fs: &dyn Fs, folder: &Path, name: &str, text: &[u8]) -> std::io::Result<()> {
    let part = folder.join(format!("{name}.part"));
    if fs.length(&part)?.is_some() {
        fs.unlink(&part)?;
    }
    let file = fs.create(&part)?;
    file.append(text)?;
    file.sync_data()?;
    fs.rename(&part, &folder.join(name))?;
    fs.sync_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::super::fs::Disk;
    use super::*;

    #[test]
    fn camera_names_are_path_parts() {
        for good in ["gate", "Back-door_2", "0"] {
            assert!(check_camera(good).is_ok(), "{good}");
        }
        let long = "x".repeat(65);
        for bad in ["", ".", "..", "a/b", "a\\b", "a b", "index.sqlite", "ü", "a\0", &long] {
            assert!(check_camera(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn segments_lie_by_day() {
        let start = Timestamp::from_millis(1_763_800_000_123);
        assert_eq!(segment("gate", start, 7), Path::new("gate/2025/11/22/1763800000123-7.mp4"));
        assert_eq!(segment("g", Timestamp::ZERO, 0), Path::new("g/1970/01/01/0-0.mp4"));
    }

    #[test]
    fn parents_are_made_named_and_removed() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let one = Path::new("gate/2025/11/22/1-1.mp4");
        let named = |path: &Path| {
            let folders = make_parents(&Disk, root, path).unwrap();
            let below = |at: &PathBuf| at.strip_prefix(root).unwrap().display().to_string();
            folders.iter().map(below).collect::<Vec<_>>()
        };
        assert_eq!(named(one), ["gate/2025/11/22", "gate/2025/11", "gate/2025", "gate", ""]);
        assert_eq!(named(one), ["gate/2025/11/22"]);
        assert_eq!(
            named(Path::new("gate/2025/12/01/2-2.mp4")),
            ["gate/2025/12/01", "gate/2025/12", "gate/2025"]
        );
        remove_empty_parents(&Disk, root, one);
        assert_eq!(Disk.list(&root.join("gate/2025")).unwrap(), ["12"]);
        remove_empty_parents(&Disk, root, Path::new("gate/2025/12/01/2-2.mp4"));
        assert_eq!(Disk.list(root).unwrap(), ["gate"]);
    }

    #[test]
    fn a_store_keeps_its_name() {
        let root = tempfile::tempdir().unwrap();
        let first = identify(&Disk, root.path()).unwrap();
        assert_eq!(identify(&Disk, root.path()).unwrap(), first);
        std::fs::rename(root.path().join(MARKER), root.path().join("x")).unwrap();
        std::fs::write(root.path().join(INDEX), b"").unwrap();
        let error = identify(&Disk, root.path()).unwrap_err();
        assert!(error.chain().contains("no wardline-store.json"), "{}", error.chain());
    }
}
