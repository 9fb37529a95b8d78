//! One round of the slow check: first the segments by their rows, in the order of recording, then
//! what lies in the cameras' directories.
//!
//! One step a file, or a directory. Knows how far it has come in numbers and names that a restart
//! leaves alone; what was recorded since it began is for the next one.

use std::path::Path;

use prometheus_client::metrics::counter::Counter;
use serde::{Deserialize, Serialize};

use super::super::check::{Checker, Depth, Finding, Report};
use super::super::fs::Fs;
use super::super::index::{Connection, audit, failed};
use super::super::survey::Ground;
use super::Pace;
use crate::base::{Error, Result, Timestamp};

/// Looking for the row of a file counts as so many bytes read.
const NAME_BYTES: u64 = 4096;

/// How far a round has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Round {
    /// When it began.
    pub(super) began: Timestamp,
    /// The newest row of then.
    last: i64,
    at: At,
    /// Segments looked at, their bytes, and what was found.
    pub(super) segments: u64,
    pub(super) bytes: u64,
    pub(super) findings: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum At {
    /// After this row.
    Rows(i64),
    /// After what this camera has in this place.
    Things(i64, String),
    Over,
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    More,
    Over,
}

/// What a step looks at, and how fast.
pub(super) struct Look<'a> {
    pub(super) fs: &'a dyn Fs,
    pub(super) connection: &'a Connection,
    pub(super) root: &'a Path,
    /// The store's name.
    pub(super) store: &'a str,
    pub(super) pace: &'a Pace<'a>,
    /// Counts bytes.
    pub(super) checked: &'a Counter,
}

impl Round {
    /// A round over all that is stored now.
    ///
    /// # Errors
    /// When the index can't be read.
    pub(super) fn begin(connection: &Connection, now: Timestamp) -> Result<Self> {
        let last = audit::newest(connection).map_err(failed("look for the newest segment"))?;
        let at = At::Rows(0);
        Ok(Self { began: now, last, at, segments: 0, bytes: 0, findings: 0 })
    }

    pub(super) fn is_over(&self) -> bool {
        self.at == At::Over
    }

    /// Looks at the next file, or at the next camera's directory. What was looked at in a step that
    /// fails is looked at again.
    ///
    /// # Errors
    /// When index or files can't be read, and when the host ends.
    pub(super) fn step(&mut self, look: &Look<'_>, tell: &mut dyn FnMut(Finding)) -> Result<Next> {
        let (next, report) = match &self.at {
            At::Rows(after) => self.row(look, *after)?,
            At::Things(place, camera) => things(look, *place, camera)?,
            At::Over => return Ok(Next::Over),
        };
        self.at = next;
        self.segments += report.segments;
        self.bytes += report.bytes;
        look.checked.inc_by(report.bytes);
        for finding in report.findings.into_iter().filter(Finding::is_open) {
            self.findings += 1;
            tell(finding);
        }
        Ok(if self.is_over() { Next::Over } else { Next::More })
    }

    fn row(&self, look: &Look<'_>, after: i64) -> Result<(At, Report)> {
        let mut page = audit::page(look.connection, after, 1).map_err(failed("read a row"))?;
        let Some((segment, map)) = page.pop().filter(|(segment, _)| segment.id <= self.last) else {
            return Ok((At::Things(i64::MIN, String::new()), Report::default()));
        };
        let mut checker = look.checker()?;
        checker.row(&segment, map.as_deref())?;
        Ok((At::Rows(segment.id), checker.into_report()))
    }
}

/// The camera's directory after the one that was looked at last.
fn things(look: &Look<'_>, place: i64, camera: &str) -> Result<(At, Report)> {
    let mut checker = look.checker()?;
    let is_after =
        |(ground, name): &(Ground, String)| (ground.id.0, name.as_str()) > (place, camera);
    let next = checker.cameras()?.into_iter().find(is_after);
    let Some((ground, camera)) = next else { return Ok((At::Over, Report::default())) };
    checker.things_of(&ground, &camera, &mut || {
        look.pace.take(NAME_BYTES).map_err(|error| Error::retry("look at files").with(error))
    })?;
    Ok((At::Things(ground.id.0, camera), checker.into_report()))
}

impl Look<'_> {
    fn checker(&self) -> Result<Checker<'_>> {
        let store = self.store.to_owned();
        let checker = Checker::new(self.fs, self.connection, self.root, store, Depth::Deep)?;
        Ok(checker.beside_a_host(self.pace))
    }
}
