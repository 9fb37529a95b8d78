//! The index made anew, from files and journal alone.
//!
//! The new one is built beside the old one, brought to the medium, and put into its place; the old
//! one is kept. Of the old one only what stands nowhere else is taken, as far as it can be read:
//! events, judges, settings of cameras, and what was not in the journal yet. Files are changed only
//! where they are torn: there they are cut, as a start would.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::account::{self, Reading};
use super::exchange;
use super::fs::{Fs, Lock};
use super::index::{self, Connection, failed, outbox, places, restore};
use super::journal::{Key, Note, files};
use super::layout;
use super::places::PlaceId;
use super::survey::{self, Ground, Lying, Roots, Thing};
use crate::base::{Error, Result, Timestamp};

/// Segments in one transaction.
const BATCH: u64 = 1000;
/// Entries of the old outbox read at a time.
const PENDING: u32 = 1000;

/// What came of a rebuild.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Rebuilt {
    /// Segments in the new index.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Notes of the journal that count.
    pub notes: usize,
    /// Lines of the journal that were not whole.
    pub broken_lines: u64,
    /// Events taken from the old index.
    pub events: u64,
    /// The old index, if there was one.
    pub kept: Option<PathBuf>,
    /// Files, by their paths, that are not in it, or were cut, and why; and what else is to be known.
    pub remarks: Vec<Remark>,
}

/// Something that a person should know of a rebuild.
#[derive(Clone, Debug, Serialize)]
pub struct Remark {
    /// The file or directory.
    pub path: PathBuf,
    /// What became of it.
    pub said: String,
}

/// A rebuild at work.
struct Builder<'a> {
    fs: &'a dyn Fs,
    root: &'a Path,
    store: String,
    new: &'a Connection,
    grounds: Vec<Ground>,
    progress: &'a mut dyn FnMut(u64),
    done: Rebuilt,
}

/// Makes the index of the store at `root` anew. `others` are further places, as configured: those
/// that journal and old index know are found without. `progress` is told how many segments are in.
///
/// # Errors
/// Refuses what is not a store, and one that is in use; or when it can't be read or written. The
/// old index is in its place then.
pub fn rebuild(
    fs: &dyn Fs,
    root: &Path,
    others: &[(String, PathBuf)],
    now: Timestamp,
    progress: &mut dyn FnMut(u64),
) -> Result<Rebuilt> {
    let marker = layout::marker(fs, root)?.filter(|marker| marker.of.is_none());
    let store = marker.map(|marker| marker.store).ok_or_else(|| {
        Error::refuse(format!("{} is no store: its marker file is missing", root.display()))
    })?;
    let _lock = layout::lock(fs, root)?;
    exchange::finish(fs, root, now)?;
    let part = layout::index_part(root);
    exchange::remove(fs, &part)?;
    let new = index::open_for_building(&part)?;
    let old = index::open_as_it_is(&layout::index(root));
    let mut builder = Builder {
        fs,
        root,
        store,
        new: &new,
        grounds: Vec::new(),
        progress,
        done: Rebuilt::default(),
    };
    let built = builder.build(old.as_ref(), others);
    let mut done = builder.done;
    drop(old);
    built?;
    index::close_built(new)?;
    done.kept = exchange::put_in_place(fs, root, now)?;
    Ok(done)
}

impl Builder<'_> {
    fn build(&mut self, old: Option<&Connection>, others: &[(String, PathBuf)]) -> Result<()> {
        let notes = self.notes(old)?;
        self.begin()?;
        if let Some(old) = old {
            self.salvage(old)?;
        }
        let early = notes.values().filter(|note| !matches!(note, Note::Segment { .. }));
        for note in early {
            restore::note(self.new, note).map_err(failed("apply the journal"))?;
        }
        let _locks = self.find_places(others)?;
        self.cameras()?;
        if self.grounds.iter().any(|ground| !ground.is_here) {
            restore::skip_sequences(self.new).map_err(failed("number what is to come"))?;
        }
        restore::number(self.new).map_err(failed("number segments"))?;
        for note in notes.values() {
            restore::note_last(self.new, note).map_err(failed("apply the journal"))?;
        }
        restore::note_flagged(self.new).map_err(failed("note segments"))?;
        self.commit()
    }

    fn begin(&self) -> Result<()> {
        self.new.execute_batch("BEGIN").map_err(failed("begin"))
    }

    fn commit(&self) -> Result<()> {
        self.new.execute_batch("COMMIT").map_err(failed("commit"))
    }

    fn remark(&mut self, path: impl Into<PathBuf>, said: impl Into<String>) {
        self.done.remarks.push(Remark { path: path.into(), said: said.into() });
    }

    /// The last note of each thing, from the journal and from what was on its way there.
    fn notes(&mut self, old: Option<&Connection>) -> Result<BTreeMap<Key, Note>> {
        let mut unreadable = Vec::new();
        let (mut notes, read): (HashMap<Key, Note>, _) =
            files::last_notes(self.fs, self.root, |path, error| {
                unreadable.push((path.to_owned(), error.chain()));
            })?;
        for (path, said) in unreadable {
            self.remark(path, said);
        }
        self.done.broken_lines = read.broken;
        let mut after = 0;
        while let Some(old) = old {
            // What can't be read is in the journal as it was before.
            let pending = outbox::pending(old, after, PENDING).unwrap_or_default();
            for note in pending.notes {
                if let Some(key) = note.key() {
                    notes.insert(key, note);
                }
            }
            match pending.seq {
                Some(seq) => after = seq,
                None => break,
            }
        }
        notes.retain(|_, note| !matches!(note, Note::Gone { .. }));
        self.done.notes = notes.len();
        Ok(notes.into_iter().collect())
    }

    /// Takes what stands nowhere else.
    fn salvage(&mut self, old: &Connection) -> Result<()> {
        let mut lost = restore::copy_meta(old, self.new).is_err().then_some("meta");
        for table in ["place", "camera", "judge"] {
            if restore::copy(old, self.new, table, "id").lost_pages > 0 {
                lost = Some(table);
            }
        }
        let events = restore::copy(old, self.new, "event", "sequence");
        self.done.events = events.rows;
        if events.lost_pages > 0 {
            lost = Some("event");
        }
        if let Some(table) = lost {
            let said = format!("the old index could not be read everywhere, as in `{table}`");
            self.remark(layout::index(self.root), said);
        }
        // Of the bytes that lie there nothing is known yet.
        self.new
            .execute_batch("UPDATE place SET bytes = 0; UPDATE camera SET bytes = 0")
            .map_err(failed("count"))
    }

    /// Locks and notes the places whose disks are there.
    fn find_places(&mut self, others: &[(String, PathBuf)]) -> Result<Vec<Lock>> {
        let root = std::path::absolute(self.root).unwrap_or_else(|_| self.root.to_owned());
        places::put(
            self.new,
            Some(PlaceId::MAIN),
            &self.store,
            super::MAIN_NAME,
            &root.to_string_lossy(),
        )
        .map_err(failed("note a place"))?;
        let mut known = places::all(self.new).map_err(failed("list places"))?;
        for (name, path) in others {
            let Some(marker) = layout::marker(self.fs, path)? else { continue };
            let is_new = !known.iter().any(|known| known.uuid == marker.store);
            if marker.of.as_ref() == Some(&self.store) && is_new {
                places::put(self.new, None, &marker.store, name, &path.to_string_lossy())
                    .map_err(failed("note a place"))?;
            }
        }
        known = places::all(self.new).map_err(failed("list places"))?;
        let mut locks = Vec::new();
        for place in known {
            let is_main = place.id == PlaceId::MAIN;
            let root = if is_main { self.root.to_owned() } else { PathBuf::from(&place.path) };
            let marker = layout::marker(self.fs, &root).ok().flatten();
            let is_here = is_main || marker.is_some_and(|marker| marker.store == place.uuid);
            if !is_here {
                let said = format!(
                    "store `{}` is not there: once it is, `wardline recordings check --repair` \
                     brings its segments in",
                    place.name
                );
                self.remark(&root, said);
            } else if !is_main {
                locks.push(layout::lock(self.fs, &root)?);
            }
            self.grounds.push(Ground { id: place.id, name: place.name, root, is_here });
        }
        Ok(locks)
    }

    /// All files of all cameras get their rows.
    fn cameras(&mut self) -> Result<()> {
        let grounds: Vec<Ground> =
            self.grounds.iter().filter(|ground| ground.is_here).cloned().collect();
        let mut cameras = BTreeSet::new();
        for ground in &grounds {
            let mut roots = Roots::default();
            survey::look_at_root(self.fs, ground, &mut roots)?;
            for name in roots.foreign {
                self.remark(ground.root.join(name), "left alone: nothing of Wardline's");
            }
            cameras.append(&mut roots.cameras);
        }
        for camera in cameras {
            let mut lying = Vec::new();
            for ground in &grounds {
                survey::walk(self.fs, ground, &camera, &mut |thing| {
                    match thing {
                        Thing::Segment(file) => lying.push(file),
                        Thing::Foreign(file) => {
                            self.remark(ground.root.join(file), "left alone: no segment");
                        }
                        Thing::Leftover(file) => {
                            self.remark(ground.root.join(file), "left alone: it is not whole");
                        }
                        Thing::Empty(_) => {}
                    }
                    Ok(())
                })?;
            }
            lying.sort();
            self.segments(&lying)?;
        }
        Ok(())
    }

    /// Files of one camera, by sequence.
    fn segments(&mut self, lying: &[Lying]) -> Result<()> {
        for group in lying.chunk_by(|one, other| one.sequence == other.sequence) {
            let mut rest = Vec::new();
            let mut best = None;
            for one in group {
                if let Some(account) = self.read(one)? {
                    rest.push((one, account));
                }
            }
            // The whole one wins, then the longer one.
            rest.sort_by_key(|(_, account)| (account.torn_bytes() == 0, account.end()));
            if let Some((one, account)) = rest.pop() {
                best = Some(self.enter(one, account)?);
            }
            for (one, _) in rest {
                let said = format!(
                    "left alone: a second file of its camera and sequence; {} is in the index",
                    best.as_ref().map_or(Path::new("?"), PathBuf::as_path).display()
                );
                let path = self.path(one);
                self.remark(path, said);
            }
        }
        Ok(())
    }

    fn path(&self, lying: &Lying) -> PathBuf {
        let ground = self.grounds.iter().find(|ground| ground.id == lying.place);
        ground.map_or_else(|| lying.file.clone(), |ground| ground.root.join(&lying.file))
    }

    /// What a file says, if it can be entered.
    fn read(&mut self, lying: &Lying) -> Result<Option<account::Account>> {
        let path = self.path(lying);
        let reading =
            self.fs.open(&path).and_then(|mut file| account::read(&mut file, &self.store));
        let said = match reading {
            Ok(Reading::Ours(account)) => {
                let identity = &account.identity;
                let named = layout::segment(&identity.camera, identity.start, identity.sequence);
                if named == lying.file {
                    return Ok(Some(account));
                }
                format!("left alone: it says that it is {}", named.display())
            }
            Ok(Reading::Foreign(store)) => format!("left alone: of another store, {store}"),
            Ok(Reading::Useless(why, _)) => format!("left alone: {why}"),
            Err(error) => format!("left alone: it can't be read: {error}"),
        };
        self.remark(path, said);
        Ok(None)
    }

    fn enter(&mut self, lying: &Lying, mut account: account::Account) -> Result<PathBuf> {
        let path = self.path(lying);
        let root = path.ancestors().nth(lying.file.components().count()).unwrap_or(self.root);
        let torn = account.torn_bytes();
        if let Err(error) = account.complete(self.fs, root, &lying.file) {
            self.remark(&path, format!("left alone: it is torn and can't be cut: {error}"));
            return Ok(path);
        }
        if torn > 0 {
            let said = format!("its last {torn} bytes were no whole fragment: cut off");
            self.remark(&path, said);
        }
        let entered = restore::segment(self.new, lying.place, &account);
        let entered = entered.map_err(failed("enter a segment"))?;
        self.done.bytes += entered.map_or(0, |segment| segment.bytes);
        self.done.segments += 1;
        (self.progress)(self.done.segments);
        if self.done.segments.is_multiple_of(BATCH) {
            self.commit()?;
            self.begin()?;
        }
        Ok(path)
    }
}
