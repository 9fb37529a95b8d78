//! From files to rows: everything that lies in the places has its row, or is none of ours.

use std::path::{Path, PathBuf};

use super::super::account::Reading;
use super::super::index::row::Segment;
use super::super::index::{audit, failed};
use super::super::layout;
use super::super::survey::{self, Ground, Lying, Roots, Thing};
use super::finding::Subject;
use super::{Checker, Finding, Kind};
use crate::base::{Error, Result};

impl Checker<'_> {
    /// Looks at all that lies in the places.
    pub(super) fn things(&mut self) -> Result<()> {
        let here: Vec<Ground> =
            self.places.iter().filter(|ground| ground.is_here).cloned().collect();
        for ground in &here {
            let mut roots = Roots::default();
            survey::look_at_root(self.fs, ground, &mut roots)?;
            for file in roots.leftovers {
                self.leftover(ground, file);
            }
            for file in roots.foreign {
                self.foreign(ground, file, "nothing of Wardline's");
            }
            for camera in &roots.cameras {
                self.things_of(ground, camera, &mut || Ok(()))?;
            }
        }
        Ok(())
    }

    /// The cameras with a directory, by the places where they have it, in order.
    pub(in super::super) fn cameras(&self) -> Result<Vec<(Ground, String)>> {
        let mut all = Vec::new();
        let mut here: Vec<_> = self.places.iter().filter(|ground| ground.is_here).collect();
        here.sort_by_key(|ground| ground.id);
        for ground in here {
            let mut roots = Roots::default();
            survey::look_at_root(self.fs, ground, &mut roots)?;
            all.extend(roots.cameras.into_iter().map(|camera| (ground.clone(), camera)));
        }
        Ok(all)
    }

    /// Looks at all that lies in a camera's directory; `before` is called before each thing.
    pub(in super::super) fn things_of(
        &mut self,
        ground: &Ground,
        camera: &str,
        before: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        let fs = self.fs;
        survey::walk(fs, ground, camera, &mut |thing| {
            before()?;
            self.thing(ground, camera, thing)
        })
    }

    fn thing(&mut self, ground: &Ground, camera: &str, thing: Thing) -> Result<()> {
        match thing {
            Thing::Segment(lying) => return self.lying(ground, camera, &lying),
            // A host copies, and makes directories before their files.
            Thing::Leftover(_) | Thing::Empty(_) if self.has_host => {}
            Thing::Leftover(file) => self.leftover(ground, file),
            Thing::Foreign(file) => self.foreign(ground, file, "nothing of Wardline's"),
            Thing::Empty(file) => self.report.add(
                Finding::of(Kind::Empty, "a directory with nothing in it")
                    .camera(camera)
                    .subject(Subject::File(ground.id, file)),
            ),
        }
        Ok(())
    }

    fn leftover(&mut self, ground: &Ground, file: PathBuf) {
        let found = "left by something that did not come to its end";
        self.report.add(Finding::of(Kind::Leftover, found).subject(Subject::File(ground.id, file)));
    }

    fn foreign(&mut self, ground: &Ground, file: PathBuf, found: &str) {
        self.report.add(Finding::of(Kind::Foreign, found).subject(Subject::File(ground.id, file)));
    }

    /// A file that is named as a segment.
    fn lying(&mut self, ground: &Ground, camera: &str, lying: &Lying) -> Result<()> {
        let path = ground.root.join(&lying.file);
        let row = audit::named(self.connection, camera, lying.sequence)
            .map_err(failed("look for a row"))?;
        let file = lying.file.clone();
        match row {
            Some(row) if is_its(&row, ground, &lying.file) => Ok(()),
            // Gone since it was listed: with its row, or to another place.
            _ if self.length(&path)?.is_none() => Ok(()),
            Some(row) => {
                let place = self.ground(row.place).map_or("?", |ground| &ground.name);
                let found = format!(
                    "a second file of camera {camera}, sequence {}: its row names {} in store \
                     `{place}`",
                    row.sequence,
                    layout::segment(&row.camera, row.start, row.sequence).display()
                );
                self.report.add(
                    Finding::of(Kind::Twice, found)
                        .camera(camera)
                        .subject(Subject::File(ground.id, file)),
                );
                Ok(())
            }
            None => self.without_row(ground, camera, &lying.file),
        }
    }

    fn without_row(&mut self, ground: &Ground, camera: &str, file: &Path) -> Result<()> {
        let path = ground.root.join(file);
        let (kind, found) = match self.read(&path).map_err(cant(&path))? {
            Reading::Foreign(store) => {
                (Kind::Foreign, format!("a segment of another store, {store}"))
            }
            Reading::Useless(why, _) => {
                (Kind::Useless, format!("has no row, and can't get one: {why}"))
            }
            Reading::Ours(account) => {
                let identity = &account.identity;
                let named = layout::segment(&identity.camera, identity.start, identity.sequence);
                if named == file {
                    (Kind::NoRow, "a segment without a row".into())
                } else {
                    (Kind::Useless, format!("has no row, and says that it is {}", named.display()))
                }
            }
        };
        self.report.add(
            Finding::of(kind, found)
                .camera(camera)
                .subject(Subject::File(ground.id, file.to_owned())),
        );
        Ok(())
    }

    pub(super) fn length(&self, path: &Path) -> Result<Option<u64>> {
        self.fs.length(path).map_err(cant(path))
    }
}

/// The file is where its row says, or where a move has it.
fn is_its(row: &Segment, ground: &Ground, file: &Path) -> bool {
    let named = layout::segment(&row.camera, row.start, row.sequence) == file;
    named && (row.place == ground.id || row.moving == Some(ground.id))
}

/// What was attempted, for people.
pub(super) fn cant(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let what = format!("read {}", path.display());
    move |error| Error::retry(what).with(error)
}
