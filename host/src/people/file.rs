//! The files of a store that the roll and the visits stand in: read whole, replaced whole, one writer
//! at a time.
//!
//! ```text
//! <store>/people.d/people.json   mode 0600, of whom the store's directory is
//! <store>/people.d/lock          held while it is changed
//! <store>/people.d/visits.json   mode 0600; a running host's own
//! ```

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::{KeptVisit, Roll};
use crate::base::{Error, Result};
use crate::store::layout;

const FILE: &str = "people.json";
const VISITS: &str = "visits.json";
const LOCK: &str = "lock";

/// A larger file is none of ours.
const BYTES_MAX: u64 = 2 << 20;

/// Reads the roll of the store at `root`; nobody is on it where there is no file.
///
/// # Errors
/// It can't be read, or is damaged: then it is not known who may.
pub fn load(root: &Path) -> Result<Roll> {
    match read(root)? {
        Some(text) => Roll::parse(&text),
        None => Ok(Roll::default()),
    }
}

/// The text of the roll's file; `None` where there is none.
pub(super) fn read(root: &Path) -> Result<Option<Vec<u8>>> {
    read_file(&root.join(layout::PEOPLE).join(FILE))
}

/// The visits that were kept in the store at `root`: none, where there is no file.
///
/// # Errors
/// It can't be read, or is damaged.
pub fn kept_visits(root: &Path) -> Result<Vec<KeptVisit>> {
    let path = root.join(layout::PEOPLE).join(VISITS);
    let Some(text) = read_file(&path)? else { return Ok(Vec::new()) };
    serde_json::from_slice(&text)
        .map_err(|error| Error::refuse(format!("{} is damaged", path.display())).with(error))
}

/// Keeps these visits and no others in the store at `root`, which has users.
///
/// # Errors
/// The disk fails. Then none are kept, since among those that were may be who has logged out; it is
/// said where not even that can be had.
pub fn keep_visits(root: &Path, visits: &[KeptVisit]) -> Result<()> {
    let folder = root.join(layout::PEOPLE);
    let failed = |error: io::Error| {
        Error::stop(format!("keep who is logged in, in {}", folder.display())).with(error)
    };
    let text = serde_json::to_vec(visits)
        .map_err(|error| Error::bug("make the JSON of the visits").with(error))?;
    let owner = std::fs::metadata(root).map_err(failed)?;
    let Err(error) = replace(&folder, VISITS, &text, &owner) else { return Ok(()) };
    let path = folder.join(VISITS);
    match std::fs::remove_file(&path) {
        Err(stays) if stays.kind() != ErrorKind::NotFound => Err(Error::stop(format!(
            "forget who is logged in: who has logged out comes back with a restart, remove {}",
            path.display()
        ))
        .with(stays)),
        _ => Err(failed(error)),
    }
}

fn read_file(path: &Path) -> Result<Option<Vec<u8>>> {
    let failed = |error| Error::stop(format!("read {}", path.display())).with(error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(Error::refuse(format!("{} is too large to be ours", path.display())));
    }
    Ok(Some(text))
}

/// Checks that there is a store to keep users in.
///
/// # Errors
/// There is none, or its disk is not mounted.
pub fn check_store(root: &Path) -> Result<()> {
    if layout::is_store(root) {
        return Ok(());
    }
    Err(Error::refuse(format!(
        "there is no store in {}, and users are kept in it: is its disk mounted? `wardline recordings \
         init` begins a new one",
        root.display()
    )))
}

/// Changes the roll of the store at `root`, which is there: all of it or nothing. A host that runs
/// sees it within two seconds.
///
/// # Errors
/// What `change` says; there is no store; the disk fails. Then the roll is as before.
pub fn change<T>(root: &Path, change: impl FnOnce(&mut Roll) -> Result<T>) -> Result<T> {
    let folder = root.join(layout::PEOPLE);
    check_store(root)?;
    let failed = |error: io::Error| {
        Error::stop(format!("write the users in {}", folder.display())).with(error)
    };
    let owner = std::fs::metadata(root).map_err(failed)?;
    make_folder(&folder, &owner).map_err(failed)?;
    let lock = open(&folder.join(LOCK)).map_err(failed)?;
    give(&folder.join(LOCK), &owner).map_err(failed)?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
    let mut roll = load(root)?;
    let done = change(&mut roll)?;
    let text = serde_json::to_vec_pretty(&roll)
        .map_err(|error| Error::bug("make the JSON of the users").with(error))?;
    replace(&folder, FILE, &text, &owner).map_err(failed)?;
    Ok(done)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn make_folder(folder: &Path, owner: &std::fs::Metadata) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => give(folder, owner),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn replace(folder: &Path, name: &str, text: &[u8], owner: &std::fs::Metadata) -> io::Result<()> {
    let part: PathBuf = folder.join(format!("{name}.part"));
    // One that was left by a crash may have another mode.
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = open(&part)?;
    file.write_all(text)?;
    give(&part, owner)?;
    file.sync_all()?;
    std::fs::rename(&part, folder.join(name))?;
    File::open(folder)?.sync_all()
}

/// What root makes in somebody's store is theirs: else the host could not read its own users.
fn give(path: &Path, owner: &std::fs::Metadata) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid()))
}
