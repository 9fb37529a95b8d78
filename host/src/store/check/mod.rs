//! Whether index, files and journal of a store agree, and what to do where they do not.
//!
//! [`check`] reads, also beside a running host: what changes meanwhile is looked at again before it
//! is called wrong. [`repair`] needs the store for itself. Neither deletes video: what can't be used
//! is put aside and named. Memory does not grow with the store.

mod finding;
mod rows;
mod things;
mod files;
mod notes;
mod mend;

pub use finding::{Finding, Kind, Report};

use std::path::Path;
use std::sync::Arc;

use super::account::{self, Reading};
use super::fs::Fs;
use super::index::{self, Connection, audit, failed, places};
use super::places::PlaceId;
use super::scrub::Pace;
use super::survey::Ground;
use super::{StoreConfig, layout, opening};
use crate::base::{Error, Result, Timestamp};
use finding::Subject;

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Presence, sizes and sums.
    Fast,
    /// Every box and checksum of every file, and the journal.
    Deep,
}

/// How far a check has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Segments looked at.
    pub done: u64,
    /// Segments that the index knows.
    pub total: u64,
}

/// A check at work.
pub(super) struct Checker<'a> {
    fs: &'a dyn Fs,
    connection: &'a Connection,
    root: &'a Path,
    /// The store's name.
    store: String,
    places: Vec<Ground>,
    depth: Depth,
    /// A host is writing: what is unfinished is its own affair.
    has_host: bool,
    /// How fast files may be read; `None`: as fast as they can be.
    pace: Option<&'a Pace<'a>>,
    report: Report,
}

/// Looks at the store at `root`, and changes nothing.
///
/// # Errors
/// Refuses what is not a store; or when it can't be read.
pub fn check(
    fs: &dyn Fs,
    root: &Path,
    depth: Depth,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report> {
    let store = store(fs, root)?;
    let path = layout::index(root);
    if let Some(complaint) = index::damage(&path) {
        let mut report = Report::default();
        report.add(Finding::of(Kind::Index, complaint));
        return Ok(report);
    }
    let connection = index::open_read_only(&path)?;
    let has_host = fs.is_locked(&layout::lock_file(root)).map_err(|error| {
        Error::retry(format!("look whether a host has store {}", root.display())).with(error)
    })?;
    let mut checker = Checker::new(fs, &connection, root, store, depth)?;
    checker.has_host = has_host;
    checker.run(progress)?;
    Ok(checker.report)
}

/// Looks at the store at `root`, and puts right what can be.
///
/// # Errors
/// Refuses what is not a store, and one that a host has; or when it can't be read.
pub fn repair(
    fs: &Arc<dyn Fs>,
    root: &Path,
    depth: Depth,
    now: Timestamp,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report> {
    let store = store(&**fs, root)?;
    let config = StoreConfig { visit: true, ..StoreConfig::new(root) };
    // Locks all places, and does what each start does.
    let ready = opening::ready(&config, &**fs, now)?;
    let mut checker = Checker::new(&**fs, &ready.connection, root, store, depth)?;
    checker.report.recovered(&ready.recovered);
    checker.run(progress)?;
    checker.mend()?;
    Ok(checker.report)
}

fn store(fs: &dyn Fs, root: &Path) -> Result<String> {
    let marker = layout::marker(fs, root)?;
    marker.filter(|marker| marker.of.is_none()).map(|marker| marker.store).ok_or_else(|| {
        Error::refuse(format!(
            "{} is no store: its marker file is missing; is its disk mounted?",
            root.display()
        ))
    })
}

/// The places of a store, as its index knows them.
fn grounds(fs: &dyn Fs, connection: &Connection, root: &Path) -> Result<Vec<Ground>> {
    let known = places::all(connection).map_err(failed("list places"))?;
    let ground = |known: places::Known| {
        let is_main = known.id == PlaceId::MAIN;
        let root = if is_main { root.to_owned() } else { known.path.into() };
        let marker = layout::marker(fs, &root).ok().flatten();
        let is_its = |marker: layout::Marker| match marker.of {
            None => is_main,
            Some(_) => marker.store == known.uuid,
        };
        let is_here = marker.is_some_and(is_its);
        Ground { id: known.id, name: known.name, root, is_here }
    };
    Ok(known.into_iter().map(ground).collect())
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        fs: &'a dyn Fs,
        connection: &'a Connection,
        root: &'a Path,
        store: String,
        depth: Depth,
    ) -> Result<Self> {
        let places = grounds(fs, connection, root)?;
        let report = Report::default();
        let (has_host, pace) = (false, None);
        Ok(Self { fs, connection, root, store, places, depth, has_host, pace, report })
    }

    /// One that looks for a host that is recording, at its pace.
    pub(super) fn beside_a_host(self, pace: &'a Pace<'a>) -> Self {
        Self { has_host: true, pace: Some(pace), ..self }
    }

    /// What was found until now.
    pub(super) fn into_report(self) -> Report {
        self.report
    }

    /// Looks at everything.
    fn run(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        let complaints = audit::complaints(self.connection, self.depth == Depth::Deep);
        let complaints = complaints.unwrap_or_else(|error| vec![error.to_string()]);
        if !complaints.is_empty() {
            for complaint in complaints {
                self.report.add(Finding::of(Kind::Index, complaint));
            }
            // What such an index says of files is worth nothing.
            return Ok(());
        }
        self.sums()?;
        self.places_away()?;
        self.things()?;
        self.rows(progress)?;
        self.overlaps()?;
        if self.depth == Depth::Deep {
            self.journal()?;
        }
        Ok(())
    }

    /// What a file says of itself.
    fn read(&self, path: &Path) -> std::io::Result<Reading> {
        match self.pace {
            Some(pace) => account::read(&mut pace.open(self.fs, path)?, &self.store),
            None => account::read(&mut self.fs.open(path)?, &self.store),
        }
    }

    /// The host whose check this is ends.
    fn is_ended(&self) -> bool {
        self.pace.is_some_and(Pace::is_ended)
    }

    fn ground(&self, place: PlaceId) -> Option<&Ground> {
        self.places.iter().find(|ground| ground.id == place)
    }

    fn places_away(&mut self) -> Result<()> {
        for ground in self.places.iter().filter(|ground| !ground.is_here) {
            let segments = audit::in_place(self.connection, ground.id)
                .map_err(failed("count what lies in a place"))?;
            self.report.add(Finding::of(
                Kind::Away,
                format!(
                    "store `{}` is not at {}: {segments} segments were not looked at",
                    ground.name,
                    ground.root.display()
                ),
            ));
        }
        Ok(())
    }

    fn sums(&mut self) -> Result<()> {
        let c = self.connection;
        let list = || {
            Ok((audit::references(c)?, audit::bytes(c)?, audit::sequences(c)?, audit::longest(c)?))
        };
        let (references, bytes, sequences, longest) = list().map_err(failed("count"))?;
        for (table, parent) in references {
            let found = format!("rows of `{table}` name a `{parent}` that is not there");
            self.report.add(Finding::of(Kind::Reference, found));
        }
        for audit::Sum { of, kept, counted } in bytes {
            let found = format!("{of} has {counted} bytes, and the index says {kept}");
            self.report.add(Finding::of(Kind::Sum, found));
        }
        for audit::Sum { of, kept, counted } in sequences {
            let found = format!("the next sequence is {kept}, and {counted} is the first free one");
            self.report.add(Finding::of(Kind::Sequence, found).camera(&of));
        }
        for audit::Sum { of, kept, counted } in longest {
            let found =
                format!("the longest segment or span has {counted} µs, and the index says {kept}");
            self.report.add(Finding::of(Kind::Sum, found).camera(&of));
        }
        Ok(())
    }

    fn overlaps(&mut self) -> Result<()> {
        for (segment, before) in
            audit::overlaps(self.connection).map_err(failed("look for overlaps"))?
        {
            let found = format!(
                "begins at {}, before the segment before it in epoch {} ends",
                segment.start, segment.epoch
            );
            // Each of the two may be the one that is wrong.
            let subject = Subject::Rows(before, segment.id);
            self.report.add(Finding::of(Kind::Overlap, found).segment(&segment).subject(subject));
        }
        Ok(())
    }
}
