//! A disk as a power cut finds it: what was synced stays, and of the rest any part may.
//!
//! Tracks pages of 4 KiB, lengths of files and entries of directories, each as it is and as it is
//! known to be on the medium. Knows paths as lists of names; no store.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// What a disk writes at once, or not.
const PAGE: usize = 4096;

/// A number of a file or a directory.
type Id = u64;
/// The directory that all paths begin in.
const ROOT: Id = 0;

/// Files and directories.
#[derive(Clone)]
pub(in super::super) struct Medium {
    nodes: BTreeMap<Id, Node>,
    next: Id,
}

#[derive(Clone)]
enum Node {
    File(Blob),
    Folder(Entries),
}

#[derive(Clone, Default)]
struct Blob {
    synced: Vec<u8>,
    now: Vec<u8>,
    /// Pages of `now` that may differ from those on the medium.
    dirty: BTreeSet<usize>,
}

#[derive(Clone, Default)]
struct Entries {
    synced: BTreeMap<String, Id>,
    now: BTreeMap<String, Id>,
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Default for Medium {
    fn default() -> Self {
        let root = Node::Folder(Entries::default());
        Self { nodes: BTreeMap::from([(ROOT, root)]), next: ROOT + 1 }
    }
}

impl Medium {
    /// What is at a path.
    pub(in super::super) fn find(&self, path: &[String]) -> Option<Id> {
        path.iter().try_fold(ROOT, |id, name| match self.nodes.get(&id)? {
            Node::Folder(entries) => entries.now.get(name).copied(),
            Node::File(_) => None,
        })
    }

    /// The content of a file; of a directory, nothing.
    pub(in super::super) fn content(&self, id: Id) -> &[u8] {
        match self.nodes.get(&id) {
            Some(Node::File(blob)) => &blob.now,
            _ => &[],
        }
    }

    /// The names in a directory.
    pub(in super::super) fn names(&self, path: &[String]) -> io::Result<Vec<String>> {
        match self.find(path).and_then(|id| self.nodes.get(&id)) {
            Some(Node::Folder(entries)) => Ok(entries.now.keys().cloned().collect()),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(missing()),
        }
    }

    /// A new file or directory.
    pub(in super::super) fn make(&mut self, path: &[String], is_folder: bool) -> io::Result<Id> {
        if self.find(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = self.next;
        let (entries, name) = self.parent(path)?;
        entries.now.insert(name, id);
        self.next += 1;
        let node = match is_folder {
            true => Node::Folder(Entries::default()),
            false => Node::File(Blob::default()),
        };
        self.nodes.insert(id, node);
        Ok(id)
    }

    /// Removes a name. What had it stays until the medium knows.
    pub(in super::super) fn remove(&mut self, path: &[String], is_folder: bool) -> io::Result<()> {
        let id = self.find(path).ok_or_else(missing)?;
        match self.nodes.get(&id) {
            Some(Node::Folder(entries)) if is_folder && !entries.now.is_empty() => {
                return Err(io::ErrorKind::DirectoryNotEmpty.into());
            }
            Some(Node::File(_)) if is_folder => return Err(io::ErrorKind::NotADirectory.into()),
            Some(Node::Folder(_)) if !is_folder => {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            _ => {}
        }
        let (entries, name) = self.parent(path)?;
        entries.now.remove(&name);
        Ok(())
    }

    /// Gives a file another name.
    pub(in super::super) fn rename(&mut self, from: &[String], to: &[String]) -> io::Result<()> {
        let id = self.find(from).ok_or_else(missing)?;
        let (entries, name) = self.parent(from)?;
        entries.now.remove(&name);
        let (entries, name) = self.parent(to)?;
        entries.now.insert(name, id);
        Ok(())
    }

    /// Adds to a file.
    pub(in super::super) fn append(&mut self, id: Id, data: &[u8]) {
        let Some(Node::File(blob)) = self.nodes.get_mut(&id) else { return };
        let from = blob.now.len() / PAGE;
        blob.now.extend_from_slice(data);
        blob.dirty.extend(from..blob.now.len().div_ceil(PAGE));
    }

    /// Cuts a file.
    pub(in super::super) fn truncate(&mut self, id: Id, length: usize) {
        let Some(Node::File(blob)) = self.nodes.get_mut(&id) else { return };
        blob.now.resize(length, 0);
        blob.dirty.retain(|page| *page < length.div_ceil(PAGE));
        if !length.is_multiple_of(PAGE) {
            blob.dirty.insert(length / PAGE);
        }
    }

    /// A file's bytes are on the medium.
    pub(in super::super) fn sync(&mut self, id: Id) {
        let Some(Node::File(blob)) = self.nodes.get_mut(&id) else { return };
        blob.synced.clone_from(&blob.now);
        blob.dirty.clear();
    }

    /// A directory's entries are on the medium.
    pub(in super::super) fn sync_folder(&mut self, path: &[String]) -> io::Result<()> {
        let id = self.find(path).ok_or_else(missing)?;
        match self.nodes.get_mut(&id) {
            Some(Node::Folder(entries)) => {
                entries.synced.clone_from(&entries.now);
                Ok(())
            }
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// The medium after a power cut. `stays` is asked of each change that was not synced.
    pub(in super::super) fn cut(&self, mut stays: impl FnMut() -> bool) -> Self {
        let mut after = self.clone();
        for node in after.nodes.values_mut() {
            match node {
                Node::File(blob) => *blob = blob.cut(&mut stays),
                Node::Folder(entries) => *entries = entries.cut(&mut stays),
            }
        }
        after
    }

    /// How many changes were not synced: `cut` asks so often.
    pub(in super::super) fn unsynced(&self) -> usize {
        let mut count = 0;
        self.cut(|| {
            count += 1;
            true
        });
        count
    }

    fn parent(&mut self, path: &[String]) -> io::Result<(&mut Entries, String)> {
        let (name, folder) = path.split_last().ok_or_else(missing)?;
        let id = self.find(folder).ok_or_else(missing)?;
        match self.nodes.get_mut(&id) {
            Some(Node::Folder(entries)) => Ok((entries, name.clone())),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }
}

impl Blob {
    fn cut(&self, stays: &mut impl FnMut() -> bool) -> Self {
        let grown = self.now.len() == self.synced.len() || stays();
        let mut content = self.synced.clone();
        content.resize(if grown { self.now.len() } else { self.synced.len() }, 0);
        for page in &self.dirty {
            if stays() {
                let from = page * PAGE;
                let to = (from + PAGE).min(content.len()).min(self.now.len());
                if from < to {
                    content[from..to].copy_from_slice(&self.now[from..to]);
                }
            }
        }
        Self { synced: content.clone(), now: content, dirty: BTreeSet::new() }
    }
}

impl Entries {
    fn cut(&self, stays: &mut impl FnMut() -> bool) -> Self {
        let names: BTreeSet<&String> = self.synced.keys().chain(self.now.keys()).collect();
        let entry = |name: &String| {
            let (old, new) = (self.synced.get(name), self.now.get(name));
            let id = if old == new || stays() { new } else { old };
            Some((name.clone(), *id?))
        };
        let now: BTreeMap<String, Id> = names.into_iter().filter_map(entry).collect();
        Self { synced: now.clone(), now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('/').map(str::to_owned).collect()
    }

    #[test]
    fn what_was_synced_stays_and_the_rest_is_lost_in_parts() {
        let mut medium = Medium::default();
        medium.make(&path("a"), true).unwrap();
        let file = medium.make(&path("a/f"), false).unwrap();
        medium.append(file, &[1; 5000]);
        assert_eq!(medium.unsynced(), 2 + 3, "two entries, a length and two pages");
        medium.sync(file);
        medium.sync_folder(&[]).unwrap();
        let after = medium.cut(|| false);
        assert_eq!(after.names(&path("a")).unwrap(), Vec::<String>::new());
        medium.sync_folder(&path("a")).unwrap();
        assert_eq!(medium.unsynced(), 0);
        medium.append(file, &[2; 5000]);
        medium.truncate(file, 9000);
        // The length grew, the page that was there was lost, the new one stays.
        let mut answers = [true, false, true].into_iter();
        let after = medium.cut(|| answers.next().unwrap());
        let content = after.content(after.find(&path("a/f")).unwrap());
        assert_eq!(content.len(), 9000);
        assert_eq!((content[4999], content[5000], content[8192]), (1, 0, 2));
        medium.remove(&path("a/f"), false).unwrap();
        assert!(medium.cut(|| true).find(&path("a/f")).is_none());
        let again = medium.cut(|| false);
        assert_eq!(again.content(again.find(&path("a/f")).unwrap()).len(), 5000);
    }
}
