//! Puts right what was found. Files first, then rows: a repair that is cut off is found again.
//!
//! Nothing with video in it is deleted: what can't be used goes to `lost.d` of its place.

use std::io;
use std::path::{Path, PathBuf};

use super::super::account::{Account, Reading};
use super::super::index::row::Segment;
use super::super::index::{audit, edit, failed, outbox, restore};
use super::super::journal::{Key, files};
use super::super::layout;
use super::super::places::PlaceId;
use super::super::recover::entry;
use super::super::whereabouts::not_there;
use super::finding::{Finding, Subject};
use super::{Checker, Kind};
use crate::base::{Error, Result};
use crate::ingest::GapReason;
use crate::record::{GapMark, Scan};

/// Files of one name that are put aside.
const ASIDE_MAX: u32 = 1000;

/// What a repair did, for people; `None`: nothing could be done.
type Done = Result<Option<String>>;

impl Checker<'_> {
    /// Goes through what was found. What can't be put right is left as it is, and says so.
    pub(super) fn mend(&mut self) -> Result<()> {
        let mut findings = std::mem::take(&mut self.report.findings);
        for finding in findings.iter_mut() {
            if !finding.kind.is_mendable() || finding.repaired.is_some() {
                continue;
            }
            let (kind, subject) = (finding.kind, finding.subject.clone());
            let transaction =
                self.connection.unchecked_transaction().map_err(failed("begin a repair"))?;
            match self.mend_one(kind, subject) {
                Ok(done) => {
                    transaction.commit().map_err(failed("commit a repair"))?;
                    finding.repaired = done;
                }
                Err(error) => {
                    finding.advice = format!("could not be repaired: {}", error.chain());
                }
            }
        }
        let adopted: Vec<Key> = findings.iter().filter_map(adopted).collect();
        self.report.findings = findings;
        if adopted.is_empty() { Ok(()) } else { self.settle(&adopted) }
    }

    /// Segments that came in get what the journal knows of them. And all are numbered: in the order
    /// of ids they go when room is needed, and these are not the newest.
    fn settle(&self, adopted: &[Key]) -> Result<()> {
        // A day that can't be read is a finding of its own.
        let (notes, _) = files::last_notes(self.fs, self.root, |_, _| ())?;
        let transaction =
            self.connection.unchecked_transaction().map_err(failed("begin to settle"))?;
        for note in adopted.iter().filter_map(|key| notes.get(key)) {
            restore::note_last(&transaction, note).map_err(failed("apply the journal"))?;
        }
        restore::number(&transaction).map_err(failed("number segments"))?;
        transaction.commit().map_err(failed("commit what came in"))
    }

    fn mend_one(&self, kind: Kind, subject: Subject) -> Done {
        match (kind, subject) {
            (Kind::Reference, _) => {
                let c = self.connection;
                audit::drop_references(c).map_err(failed("remove rows"))?;
                let left = audit::references(c).map_err(failed("count"))?;
                Ok(left.is_empty().then(|| "removed".into()))
            }
            (Kind::Sum | Kind::Sequence, _) => {
                audit::count_again(self.connection).map_err(failed("count again"))?;
                Ok(Some("counted again".into()))
            }
            (Kind::Overlap, Subject::Rows(one, other)) => self.mend_overlap(one, other),
            (Kind::NoFile, Subject::Row(id)) => self.forget_gone(id),
            (Kind::Identity, Subject::Row(id)) => self.mend_identity(id),
            (_, Subject::Row(id)) => self.read_again(id),
            (Kind::NoRow, Subject::File(place, file)) => self.adopt(place, &file),
            (Kind::Twice, Subject::File(place, file)) => self.mend_twice(place, &file),
            (Kind::Empty, Subject::File(place, file)) => {
                let root = self.root_of(place)?;
                self.fs.remove_dir(&root.join(&file)).map_err(cant("remove", &file))?;
                layout::remove_empty_parents(self.fs, &root, &file);
                Ok(Some("removed".into()))
            }
            (_, Subject::File(place, file)) => self.put_aside(place, &file),
            (_, Subject::Notes(keys)) => self.renote(&keys),
            _ => Ok(None),
        }
    }

    fn root_of(&self, place: PlaceId) -> Result<PathBuf> {
        let ground = self.ground(place).map(|ground| ground.root.clone());
        ground.ok_or_else(|| Error::bug(format!("place {} is not known", place.0)))
    }

    fn row_of(&self, id: i64) -> Result<Segment> {
        let row = audit::segment(self.connection, id).map_err(failed("read a row"))?;
        row.ok_or_else(|| Error::retry("its row has gone: check again"))
    }

    fn read_below(&self, root: &Path, file: &Path) -> Result<Reading> {
        self.read(&root.join(file)).map_err(cant("read", file))
    }

    /// A row that nothing can be put behind: a gap stands in its place.
    fn forget(&self, id: i64, why: &str) -> Done {
        let segment = self.row_of(id)?;
        let file = layout::segment(&segment.camera, segment.start, segment.sequence);
        let mark = GapMark {
            start: segment.start,
            end: Some(segment.end),
            reason: GapReason::Lost,
            detail: format!("{}: {why}", file.display()),
        };
        edit::gap(self.connection, segment.camera_id, &mark).map_err(failed("add a gap"))?;
        audit::forget(self.connection, &segment).map_err(failed("forget a segment"))?;
        Ok(Some("row removed; a gap stands in its place".into()))
    }

    /// Looks once more: what is known of it may be hours old, and a disk can go meanwhile.
    fn forget_gone(&self, id: i64) -> Done {
        let segment = self.row_of(id)?;
        let root = self.root_of(segment.place)?;
        let file = root.join(layout::segment(&segment.camera, segment.start, segment.sequence));
        if self.length(&file)?.is_some() {
            return Ok(None);
        }
        if !self.is_here(segment.place)? {
            let name = self.ground(segment.place).map_or("", |ground| ground.name.as_str());
            return Err(not_there(name, &root));
        }
        self.forget(id, "its file was gone")
    }

    /// Makes a row say what its file does.
    fn read_again(&self, id: i64) -> Done {
        let segment = self.row_of(id)?;
        let file = layout::segment(&segment.camera, segment.start, segment.sequence);
        let root = self.root_of(segment.place)?;
        match self.read_below(&root, &file)? {
            Reading::Ours(account) => self.enter(segment.place, &root, &file, account),
            Reading::Useless(_, scan) if has_whole(&scan) => {
                let entries: Vec<_> = scan.fragments.iter().map(entry).collect();
                restore::damage(self.connection, &segment, &entries)
                    .map_err(failed("mark what is damaged"))?;
                Ok(Some("damaged fragments marked".into()))
            }
            Reading::Useless(why, _) => {
                let aside = self.put_aside(segment.place, &file)?;
                let forgotten = self.forget(id, why)?;
                Ok(aside.zip(forgotten).map(|(aside, forgotten)| format!("{aside}; {forgotten}")))
            }
            Reading::Foreign(_) => Ok(None),
        }
    }

    fn enter(&self, place: PlaceId, root: &Path, file: &Path, mut account: Account) -> Done {
        let torn = account.torn_bytes();
        account.complete(self.fs, root, file).map_err(cant("cut", file))?;
        restore::segment(self.connection, place, &account).map_err(failed("enter a segment"))?;
        Ok(Some(match torn {
            0 => "its row says what the file does".into(),
            torn => format!("{torn} bytes that were no whole fragment cut off; its row says so"),
        }))
    }

    fn adopt(&self, place: PlaceId, file: &Path) -> Done {
        let root = self.root_of(place)?;
        match self.read_below(&root, file)? {
            Reading::Ours(account) => self.enter(place, &root, file, account),
            _ => Ok(None),
        }
    }

    fn mend_overlap(&self, one: i64, other: i64) -> Done {
        self.read_again(one)?;
        self.read_again(other)?;
        let left = audit::overlaps(self.connection).map_err(failed("look for overlaps"))?;
        let is_left = left.iter().any(|(segment, before)| (*before, segment.id) == (one, other));
        Ok((!is_left).then(|| "both rows say what their files do".into()))
    }

    /// The file of a row is another's: it is put aside, whatever it is.
    fn mend_identity(&self, id: i64) -> Done {
        let segment = self.row_of(id)?;
        let file = layout::segment(&segment.camera, segment.start, segment.sequence);
        let aside = self.put_aside(segment.place, &file)?;
        let forgotten = self.forget(id, "its file was another's")?;
        Ok(aside.zip(forgotten).map(|(aside, forgotten)| format!("{aside}; {forgotten}")))
    }

    /// Of two files of one segment, that of the row counts; unless it is gone.
    fn mend_twice(&self, place: PlaceId, file: &Path) -> Done {
        let root = self.root_of(place)?;
        let Reading::Ours(account) = self.read_below(&root, file)? else {
            return self.put_aside(place, file);
        };
        let identity = &account.identity;
        let row = audit::named(self.connection, &identity.camera, identity.sequence)
            .map_err(failed("look for a row"))?;
        if let Some(row) = row {
            let ground = self.ground(row.place);
            let its = layout::segment(&row.camera, row.start, row.sequence);
            // What lies in a place that is away may be whole.
            let is_gone = match ground {
                Some(ground) if ground.is_here => self.length(&ground.root.join(its))?.is_none(),
                _ => false,
            };
            if !is_gone {
                return self.put_aside(place, file);
            }
        }
        self.enter(place, &root, file, account)
    }

    fn put_aside(&self, place: PlaceId, file: &Path) -> Done {
        let root = self.root_of(place)?;
        let lost = layout::lost(&root);
        let name = file.to_string_lossy().replace('/', "_");
        let rename = || {
            if self.fs.length(&lost)?.is_none() {
                self.fs.create_dir(&lost)?;
                self.fs.sync_dir(&root)?;
            }
            let names = (0..ASIDE_MAX).map(|n| match n {
                0 => name.clone(),
                n => format!("{name}.{n}"),
            });
            for name in names {
                let to = lost.join(name);
                if self.fs.length(&to)?.is_none() {
                    self.fs.rename(&root.join(file), &to)?;
                    self.fs.sync_dir(&lost)?;
                    self.fs.sync_dir(root.join(file).parent().unwrap_or(&root))?;
                    return Ok(to);
                }
            }
            Err(io::Error::from(io::ErrorKind::AlreadyExists))
        };
        let to = rename().map_err(cant("put aside", file))?;
        layout::remove_empty_parents(self.fs, &root, file);
        Ok(Some(format!("put aside as {}", to.display())))
    }

    fn renote(&self, keys: &[Key]) -> Done {
        let c = self.connection;
        let note = |key| outbox::renote(c, key).and_then(|()| outbox::renote_gone(c, key));
        keys.iter().try_for_each(note).map_err(failed("note once more"))?;
        Ok(Some("noted: the next run of the host brings it to the journal".into()))
    }
}

/// The segment that a repair brought in.
fn adopted(found: &Finding) -> Option<Key> {
    let is_new = matches!(found.kind, Kind::NoRow | Kind::Twice) && found.repaired.is_some();
    let Subject::File(_, file) = &found.subject else { return None };
    let (_, sequence) = layout::parse_segment(file).filter(|_| is_new)?;
    Some(Key::Segment(found.camera.clone()?, sequence))
}

fn has_whole(scan: &Scan) -> bool {
    scan.fragments.iter().any(|fragment| !fragment.damaged)
}

fn cant(what: &str, file: &Path) -> impl FnOnce(io::Error) -> Error {
    let what = format!("{what} {}", file.display());
    move |error| Error::retry(what).with(error)
}
