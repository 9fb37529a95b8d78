//! What a check found: a kind, where, what it means and what to do.

use std::path::PathBuf;

use serde::Serialize;

use super::super::index::row::Segment;
use super::super::journal::Key;
use super::super::layout;
use super::super::places::PlaceId;
use super::super::recover::{Action, Recovered};

/// In what index, files and journal disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// SQLite finds the index damaged.
    Index,
    /// Rows name rows that are not there.
    Reference,
    /// A sum in the index is not what it comes to.
    Sum,
    /// A camera would give a sequence twice.
    Sequence,
    /// Two segments of one epoch lie over each other in time.
    Overlap,
    /// A row has no file.
    NoFile,
    /// A file has no row.
    NoRow,
    /// Two files have the same camera and sequence.
    Twice,
    /// A file without a row holds nothing that can be used.
    Useless,
    /// A file has another length than its row says.
    Length,
    /// A row was not brought to its end, and no host is doing it.
    Unfinished,
    /// Something half done was left behind.
    Leftover,
    /// A directory with nothing in it: costs nothing, and a repair removes it.
    Empty,
    /// A fragment map can't be read, or is not that of its file.
    Map,
    /// A file says other things of itself than its row.
    Row,
    /// A file is another's than its row says.
    Identity,
    /// The disk does not give a file's bytes.
    Unreadable,
    /// A file ends in the middle of a fragment.
    Torn,
    /// Fragments have lost bytes, and the map does not say so.
    Damaged,
    /// The journal does not know what the index does.
    Journal,
    /// A place is not there; nothing is wrong with it.
    Away,
    /// Something that Wardline did not make, or of another store; left alone.
    Foreign,
}

impl Kind {
    /// Something disagrees; otherwise it is only told.
    pub fn is_fault(self) -> bool {
        !matches!(self, Self::Away | Self::Foreign | Self::Empty)
    }

    /// A repair can do something about it.
    pub(super) fn is_mendable(self) -> bool {
        self.is_fault() || self == Self::Empty
    }

    /// What a person can do.
    fn advice(self) -> &'static str {
        match self {
            Self::Index => "make it anew with `wardline recordings rebuild`",
            Self::Unreadable => "look at the disk: copy what it still gives, and replace it",
            Self::Empty => "nothing is wrong; `wardline recordings check --repair` removes it",
            Self::Away => "mount its disk and check again",
            Self::Foreign => "move it elsewhere if it is not wanted here",
            _ => "repair it with `wardline recordings check --repair`",
        }
    }
}

/// What a repair is to be done on.
#[derive(Clone, Debug, Default)]
pub(super) enum Subject {
    #[default]
    Nothing,
    /// The row of a segment.
    Row(i64),
    /// Those of two.
    Rows(i64, i64),
    /// Something in a place, below its root.
    File(PlaceId, PathBuf),
    /// What the journal does not know.
    Notes(Vec<Key>),
}

/// One thing that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Of what kind.
    pub kind: Kind,
    /// The camera, where it is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// The file, below the root of its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub advice: String,
    /// What a repair did about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repaired: Option<String>,
    #[serde(skip)]
    pub(super) subject: Subject,
}

impl Finding {
    pub(in super::super) fn of(kind: Kind, found: impl Into<String>) -> Self {
        Self {
            kind,
            camera: None,
            file: None,
            found: found.into(),
            advice: kind.advice().into(),
            repaired: None,
            subject: Subject::Nothing,
        }
    }

    pub(in super::super) fn camera(mut self, camera: &str) -> Self {
        self.camera = Some(camera.to_owned());
        self
    }

    pub(super) fn segment(self, segment: &Segment) -> Self {
        let file = layout::segment(&segment.camera, segment.start, segment.sequence);
        Self { file: Some(file), ..self.camera(&segment.camera) }
    }

    pub(super) fn subject(mut self, subject: Subject) -> Self {
        if let (Subject::File(_, file), None) = (&subject, &self.file) {
            self.file = Some(file.clone());
        }
        self.subject = subject;
        self
    }

    /// It disagrees still.
    pub fn is_open(&self) -> bool {
        self.kind.is_fault() && self.repaired.is_none()
    }
}

/// What came of a check.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Segments looked at.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What was found, in the order of places and segments.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// What the start of a repair did already.
    pub(super) fn recovered(&mut self, recovered: &Recovered) {
        for repair in &recovered.repairs {
            let mut finding = Finding::of(Kind::Unfinished, "was not brought to its end");
            finding = finding.camera(&repair.camera);
            finding.file = Some(repair.file.clone());
            finding.repaired = match &repair.action {
                Action::Failed { .. } => None,
                action => Some(format!("as a start does: {action:?}").to_lowercase()),
            };
            self.findings.push(finding);
        }
    }

    /// Nothing disagrees, or nothing any more.
    pub fn is_clean(&self) -> bool {
        !self.findings.iter().any(Finding::is_open)
    }
}
