//! What lies in the directories of a store, whatever the index says.
//!
//! Names only: no file is opened. Places are walked camera by camera, so that memory grows with
//! the files of one camera.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::fs::Fs;
use super::layout;
use super::places::PlaceId;
use crate::base::{Error, Result};

/// A directory with files of a store.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    pub(super) id: PlaceId,
    pub(super) name: String,
    pub(super) root: PathBuf,
    /// Its disk is there: its marker says so.
    pub(super) is_here: bool,
}

/// A file named as segments are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lying {
    pub(super) sequence: u64,
    pub(super) place: PlaceId,
    /// Below the root of its place.
    pub(super) file: PathBuf,
}

/// What lies where segments do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Thing {
    Segment(Lying),
    /// Left by something that did not come to its end.
    Leftover(PathBuf),
    /// A directory without anything in it.
    Empty(PathBuf),
    /// Nothing that Wardline made.
    Foreign(PathBuf),
}

/// What lies in the root of a place.
#[derive(Debug, Default)]
pub(super) struct Roots {
    /// Directories that may be cameras', those of all places together.
    pub(super) cameras: BTreeSet<String>,
    pub(super) leftovers: Vec<PathBuf>,
    pub(super) foreign: Vec<PathBuf>,
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let what = format!("list {}", path.display());
    move |error| Error::retry(what).with(error)
}

/// Looks at the root of a place, and adds what lies there.
///
/// # Errors
/// When it can't be listed.
pub(super) fn look_at_root(fs: &dyn Fs, ground: &Ground, into: &mut Roots) -> Result<()> {
    for name in fs.list(&ground.root).map_err(failed(&ground.root))? {
        if layout::is_own(&name) {
            continue;
        }
        let path = ground.root.join(&name);
        if layout::is_leftover(&name) {
            into.leftovers.push(name.into());
        } else if layout::check_camera(&name).is_ok() && entries(fs, &path)?.is_some() {
            into.cameras.insert(name);
        } else {
            into.foreign.push(name.into());
        }
    }
    Ok(())
}

/// The names in a directory; `None` of what is none, or is gone.
fn entries(fs: &dyn Fs, path: &Path) -> Result<Option<Vec<String>>> {
    match fs.list(path) {
        Ok(mut names) => {
            names.sort();
            Ok(Some(names))
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path)(error)),
    }
}

/// Shows everything below a camera's directory in one place to `visit`.
///
/// # Errors
/// When a directory can't be listed, or as `visit` says.
pub(super) fn walk(
    fs: &dyn Fs,
    ground: &Ground,
    camera: &str,
    visit: &mut dyn FnMut(Thing) -> Result<()>,
) -> Result<()> {
    let Some(names) = entries(fs, &ground.root.join(camera))? else { return Ok(()) };
    for name in names {
        descend(fs, ground, &Path::new(camera).join(name), visit)?;
    }
    Ok(())
}

fn descend(
    fs: &dyn Fs,
    ground: &Ground,
    below: &Path,
    visit: &mut dyn FnMut(Thing) -> Result<()>,
) -> Result<()> {
    let name = below.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    if let Some((_, sequence)) = layout::parse_segment(below) {
        let (place, file) = (ground.id, below.to_owned());
        return visit(Thing::Segment(Lying { sequence, place, file }));
    }
    if layout::is_leftover(&name) {
        return visit(Thing::Leftover(below.to_owned()));
    }
    // Years, months and days; nothing of ours lies deeper.
    let is_dated = name.chars().all(|c| c.is_ascii_digit()) && below.components().count() <= 4;
    let Some(names) =
        is_dated.then(|| entries(fs, &ground.root.join(below))).transpose()?.flatten()
    else {
        return visit(Thing::Foreign(below.to_owned()));
    };
    if names.is_empty() {
        return visit(Thing::Empty(below.to_owned()));
    }
    names.iter().try_for_each(|name| descend(fs, ground, &below.join(name), visit))
}

#[cfg(test)]
mod tests {
    use super::super::fs::Disk;
    use super::*;

    #[test]
    fn each_thing_is_told_apart() {
        let root = tempfile::tempdir().unwrap();
        let day = root.path().join("gate/2025/11/22");
        for folder in ["gate/2025/11/22/x", "gate/2025/11/23", "lost+found", "lost.d", "journal.d"]
        {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for file in ["1763800000123-7.mp4", "1763800000123-8.mp4.part", "1-2.mp4", "a.mp4"] {
            std::fs::write(day.join(file), b"").unwrap();
        }
        for file in ["index.sqlite", "wardline-store.json", "index.sqlite.part", "plain", "b.txt"] {
            std::fs::write(root.path().join(file), b"").unwrap();
        }
        let (id, name) = (PlaceId::MAIN, "main".into());
        let ground = Ground { id, name, root: root.path().into(), is_here: true };
        let mut roots = Roots::default();
        look_at_root(&Disk, &ground, &mut roots).unwrap();
        roots.foreign.sort();
        assert_eq!(roots.cameras.into_iter().collect::<Vec<_>>(), ["gate"]);
        assert_eq!(roots.leftovers, [Path::new("index.sqlite.part")]);
        assert_eq!(roots.foreign, [Path::new("b.txt"), Path::new("plain")]);
        let mut found = Vec::new();
        let mut visit = |thing| {
            found.push(thing);
            Ok(())
        };
        walk(&Disk, &ground, "gate", &mut visit).unwrap();
        let below = |name: &str| Path::new("gate/2025/11/22").join(name);
        let file = below("1763800000123-7.mp4");
        assert_eq!(
            found,
            [
                Thing::Foreign(below("1-2.mp4")),
                Thing::Segment(Lying { sequence: 7, place: PlaceId::MAIN, file }),
                Thing::Leftover(below("1763800000123-8.mp4.part")),
                Thing::Foreign(below("a.mp4")),
                Thing::Foreign(below("x")),
                Thing::Empty(Path::new("gate/2025/11/23").into()),
            ]
        );
    }
}
