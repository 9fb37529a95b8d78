//! Segments of the store -> one file that any player opens: nothing is coded again.
//!
//! Takes a camera and a range of time, gives progressive MP4 files that are exact to the picture,
//! with a report. Two passes: the tables of the segments are read and put together, then the
//! samples are copied; memory grows with the number of samples only (about 3 MB an hour of 25
//! pictures a second, 8 MB with AAC). Reads beside a running host, and changes nothing in the store.

mod choose;
mod film;
mod join;
mod journal;
mod plan;
mod report;
mod sources;
mod write;
#[cfg(test)]
pub(crate) mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::base::{Error, Result, Timestamp};
use crate::store::fs::Fs;
use crate::store::{Filter, Reader};
pub use journal::{Journal, Made};
use plan::{Plan, Planner, Rules};
pub use report::{Interruption, Report, Why, Written};
use sources::Sources;

/// Less than this missing at an edge is not told, in microseconds: as in lists of recordings.
const EDGE_MICROS: i64 = 500_000;

/// A range of time, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// The first moment.
    pub from: Timestamp,
    /// The moment after the last.
    pub to: Timestamp,
}

/// What stands for time without video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gaps {
    /// The last picture, until video goes on: the clock stays true.
    Hold,
    /// Nothing: what follows is shown at once.
    Cut,
}

/// What is to be exported.
#[derive(Clone, Debug)]
pub struct Order {
    /// The camera.
    pub camera: String,
    /// From when until when.
    pub wanted: Wanted,
    /// The first file. Further ones get `-2`, `-3` and so on before their ending.
    pub out: PathBuf,
    /// Files that are there are written over.
    pub force: bool,
    /// What becomes of gaps.
    pub gaps: Gaps,
    /// Other parameters, another epoch and long gaps begin no further file.
    pub one_file: bool,
    /// Beside camera and times, for people: what a player shows as comment.
    pub comment: String,
}

/// How far an export has come, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Copied so far.
    pub done: u64,
    /// In all.
    pub total: u64,
}

/// Where an export reads and writes, and who follows it.
pub struct Setting<'s> {
    /// The file layer.
    pub fs: &'s Arc<dyn Fs>,
    /// The store.
    pub reader: &'s Reader,
    /// Told of each step.
    pub progress: &'s mut dyn FnMut(Progress),
    /// Ends the export; nothing is left of it.
    pub cancel: &'s CancellationToken,
}

/// Exports. Blocks until the files are on the medium.
///
/// # Errors
/// Refuses a range without video, files that are there already, and places inside a store; fails
/// when the disk does. Nothing is left of a failed export.
pub fn export(order: &Order, setting: &mut Setting<'_>) -> Result<Report> {
    let Wanted { from, to } = order.wanted;
    if from >= to {
        return Err(Error::refuse(format!("the range ends at {to}, before it begins at {from}")));
    }
    write::check_place(setting, &order.out)?;
    let mut sources = sources::open(setting.fs, setting.reader, &order.camera, order.wanted)?;
    let mut plan = plan(order, setting, &mut sources)?;
    if plan.films.iter().all(|film| film.scenes.is_empty()) {
        return Err(nothing(order, setting.reader));
    }
    explain(order, setting.reader, &sources, &mut plan)?;
    let files = write::all(order, setting, &mut sources.held, &mut plan.films)?;
    let edge = |end: fn(&Written) -> Timestamp, file: Option<&Written>| file.map_or(from, end);
    let exported = Wanted {
        from: edge(|file| file.from, files.first()),
        to: edge(|file| file.to, files.last()),
    };
    Ok(Report {
        camera: order.camera.clone(),
        asked: order.wanted,
        exported,
        files,
        interruptions: plan.interruptions,
    })
}

fn plan(order: &Order, setting: &Setting<'_>, sources: &mut Sources) -> Result<Plan> {
    let rules = Rules { wanted: order.wanted, gaps: order.gaps, one_file: order.one_file };
    let mut planner = Planner::new(rules);
    for (index, held) in sources.held.iter_mut().enumerate() {
        if setting.cancel.is_cancelled() {
            return Err(cancelled());
        }
        if let Some(tables) = held.tables()? {
            planner.take(index, tables)?;
        }
    }
    let mut plan = planner.finish();
    plan.films.retain(|film| !film.scenes.is_empty());
    Ok(plan)
}

/// Adds what is missing at the edges, and what the store knows of each interruption.
fn explain(order: &Order, reader: &Reader, sources: &Sources, plan: &mut Plan) -> Result<()> {
    let Wanted { from, to } = order.wanted;
    let edges: Vec<_> = plan.films.iter().flat_map(|film| &film.scenes).map(|s| s.utc).collect();
    let missing = |start: Timestamp, end: Timestamp| {
        let detail = String::new();
        (end.micros_since(start) > EDGE_MICROS).then_some(Interruption {
            start,
            end,
            why: Why::Gap,
            detail,
        })
    };
    let stepped = plan.interruptions.iter().any(|found| found.why == Why::ClockStepped);
    // Over a step of the clock no time is missing for sure.
    if let (Some(first), Some(last), false) = (edges.first(), edges.last(), stepped) {
        let told = plan.interruptions.first().is_some_and(|found| found.start <= first.0);
        if let Some(early) = missing(from, first.0).filter(|_| !told) {
            plan.interruptions.insert(0, early);
        }
        plan.interruptions.extend(missing(last.1, to));
    }
    let filter = Filter { camera: Some(order.camera.clone()), since: Some(from), until: Some(to) };
    let gaps = reader.gaps(&filter)?;
    for found in plan.interruptions.iter_mut().filter(|found| found.why == Why::Gap) {
        let touches = |start: Timestamp, end: Timestamp| start < found.end && end > found.start;
        let gone = sources.vanished.iter().any(|(start, end)| touches(*start, *end));
        let known = gaps.iter().find(|gap| touches(gap.start, gap.end.unwrap_or(Timestamp::MAX)));
        found.detail = match known {
            _ if gone => "deleted while it was to be exported".into(),
            Some(gap) if gap.detail.is_empty() => gap.reason.clone(),
            Some(gap) => format!("{}: {}", gap.reason, gap.detail),
            None => String::new(),
        };
    }
    Ok(())
}

/// Why nothing was exported.
fn nothing(order: &Order, reader: &Reader) -> Error {
    let filter = Filter { camera: Some(order.camera.clone()), ..Filter::default() };
    let (camera, Wanted { from, to }) = (&order.camera, order.wanted);
    match reader.recordings(&filter) {
        Ok(known) if known.is_empty() => Error::refuse(format!(
            "camera {camera} has no recordings here: `wardline recordings list` shows what there is"
        )),
        _ => Error::refuse(format!(
            "camera {camera} has no video from {from} to {to}: `wardline recordings list --camera \
             {camera}` shows what there is"
        )),
    }
}

fn cancelled() -> Error {
    Error::stop("the export was ended: nothing is left of it")
}
