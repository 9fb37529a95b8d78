//! What a store has recorded of a camera, as a plan wants it. Reads beside a running host.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Film, Segment};
use crate::base::kinds::KindsOf;
use crate::base::{Result, Timestamp, limits};
use crate::events::Notice;
use crate::store::holds::Until;
use crate::store::kept::{Kept, KeptFile};
use crate::store::{EventFilter, Outcome, Reader, StoredEvent};

/// A replay begins so long before what is asked for, so that what is under way then is known: the
/// longest activation that is usual. What it gives there is left out.
pub const LEAD_IN: Duration = Duration::from_secs(600);

/// The same where video is looked at: that takes its time.
pub const LEAD_IN_VIDEO: Duration = Duration::from_secs(60);

/// An event may come so long after it happened, and is found all the same.
const LATE: Duration = Duration::from_secs(86_400);

/// Files that follow on within this are one session.
const SEAM_MICROS: i64 = crate::store::edges::SEAM_MICROS;

/// What is to be replayed of a camera's recordings.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The camera.
    pub camera: &'a str,
    /// From when.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub to: Timestamp,
    /// Those who speak anew in the replay: what they said then is left out.
    pub anew: BTreeSet<String>,
    /// How long the camera keeps what no policy speaks of.
    pub keep: Duration,
    /// What its policies hear of other cameras.
    pub neighbours: Vec<Neighbour>,
    /// Analyzers look at the video again.
    pub video: bool,
}

/// Another camera that policies hear.
#[derive(Clone, Debug)]
pub struct Neighbour {
    /// Its name, and what of it.
    pub hears: KindsOf,
    /// Its policies: what they say is its own.
    pub policies: Vec<String>,
}

/// What was recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Where simulated time begins.
    pub start: Timestamp,
    /// Events, in order of receipt.
    pub notices: Vec<Notice>,
    /// Video, if it is wanted.
    pub films: Vec<Film>,
    /// Files, by sequence.
    pub segments: Vec<Segment>,
    /// What was really kept.
    pub kept: Kept,
}

/// Looks it up.
///
/// # Errors
/// Refuses a camera of which nothing was recorded; or when the index can't be read.
pub fn load(reader: &Reader, wanted: &Wanted<'_>) -> Result<Recorded> {
    let lead_in = if wanted.video { LEAD_IN_VIDEO } else { LEAD_IN };
    let mut start = wanted.from - lead_in;
    let kept = reader.kept(wanted.camera, start, wanted.to)?;
    let films = if wanted.video { films(&kept.files) } else { Vec::new() };
    if let Some(first) = films.first().and_then(|film| film.start) {
        start = start.min(first);
    }
    let of = |camera: &str| {
        reader.events(&EventFilter {
            camera: Some(camera.to_owned()),
            since: Some(start - LATE),
            until: Some(wanted.to + limits::EVENT_LEAD),
            ..EventFilter::default()
        })
    };
    let events = of(wanted.camera)?;
    let mut overheard = Vec::new();
    for neighbour in &wanted.neighbours {
        let all = of(&neighbour.hears.name)?;
        overheard.extend(all.into_iter().filter(|event| {
            neighbour.hears.kinds.contains(&event.event.kind)
                && !neighbour.policies.contains(&event.origin)
        }));
    }
    let mut notices: Vec<Notice> = events
        .into_iter()
        .filter(|event| !wanted.anew.contains(&event.origin))
        .chain(overheard)
        .filter(|event| event.received >= start && event.received < wanted.to)
        .filter(|event| event.outcome == Outcome::Accepted)
        .map(notice)
        .collect();
    notices.sort_by_key(|notice| notice.sequence);
    let closed = kept.files.iter().filter(|file| file.end <= wanted.to);
    let segments = closed.map(|file| segment(file, wanted.keep)).collect();
    Ok(Recorded { start, notices, films, segments, kept })
}

fn notice(stored: StoredEvent) -> Notice {
    let StoredEvent { sequence, camera, origin, received, event, .. } = stored;
    Notice { event, camera, origin, received, sequence }
}

fn segment(file: &KeptFile, keep: Duration) -> Segment {
    Segment {
        sequence: file.sequence,
        start: file.start,
        end: file.end,
        bytes: file.bytes,
        gap_before: file.gap_before,
        asked: file.asked,
        held: if file.asked { Until::NEVER } else { file.continuous_until(Some(keep)) },
    }
}

fn films(files: &[KeptFile]) -> Vec<Film> {
    let mut last: Option<&KeptFile> = None;
    let mut films = Vec::with_capacity(files.len());
    for file in files {
        let continues = last.is_some_and(|last| {
            last.epoch == file.epoch
                && !file.gap_before
                && file.start.micros_since(last.end).abs() < SEAM_MICROS
        });
        films.push(Film { path: file.path.clone(), start: Some(file.start), continues });
        last = Some(file);
    }
    films
}
