//! `wardline replay`: what would be kept, and how that differs from what was. Writes nothing.

mod choose;
mod show;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use self::choose::{Chosen, choose};
use super::recordings::{time, zone};
use super::{Process, output};
use crate::base::{Error, Result, Timestamp};
use crate::cli::Replay;
use crate::config::{self, Config};
use crate::ingest::mp4::Mp4File;
use crate::record::ticks_to_micros;
use crate::replay::diff::{Diff, Sides};
use crate::replay::recorded::{self, Neighbour, Wanted};
use crate::replay::report::Report;
use crate::replay::{Film, Plan, Seat, run};
use crate::store::Reader;
use crate::store::kept::Kept;

/// Time goes on so long after the range, so that what was closed at its end is asked about.
const RUN_ON: Duration = Duration::from_secs(10);

/// The same after files: nothing else follows them.
const RUN_ON_FILES: Duration = Duration::from_secs(60);

/// Files begin then where nobody says otherwise, so that every replay of them is the same.
const FILES_START: i64 = 946_684_800_000_000;

/// Beyond the last picture's start.
const LAST_PICTURE: Duration = Duration::from_secs(1);

pub(super) async fn replay(arguments: &Replay, process: &Process) -> Result<()> {
    let config = config::load(&arguments.config)?;
    let chosen = choose(arguments, &config)?;
    let shown = zone(arguments.tz.as_deref())?;
    let task = prepare(arguments, &config, chosen, process, &shown)?;
    let outcome = run(task.plan.clone(), process.shutdown.clone()).await?;
    let diff = task.kept.as_ref().filter(|_| arguments.diff).map(|kept| {
        let sides =
            Sides { outcome: &outcome, kept, replaced: &task.replaced, keep: task.plan.keep };
        Diff::new(&sides, task.from, task.to)
    });
    let report = Report { diff, ..Report::new(&task.plan, outcome, task.from, task.to) };
    if arguments.json {
        return output::json(&report);
    }
    output::line(show::text(&report, &shown))
}

/// A plan, and what its outcome is told of.
struct Task {
    plan: Plan,
    from: Timestamp,
    to: Timestamp,
    kept: Option<Kept>,
    /// Policies in whose place others judge.
    replaced: BTreeSet<String>,
}

fn prepare(
    arguments: &Replay,
    config: &Config,
    chosen: Chosen,
    process: &Process,
    shown: &TimeZone,
) -> Result<Task> {
    let camera = chosen.camera;
    let now = process.clock.wall();
    let moment =
        |text: &Option<String>| text.as_deref().map(|text| time(text, now, shown)).transpose();
    let (from, to) = (moment(&arguments.from)?, moment(&arguments.to)?);
    let mut plan = blank(camera, chosen.analyzers, chosen.policies);
    let mut replaced: BTreeSet<String> = camera.policies.iter().cloned().collect();
    replaced.extend(plan.policies.iter().map(|seat| seat.name.clone()));
    if !arguments.files.is_empty() {
        let from = from.unwrap_or(Timestamp::from_micros(FILES_START));
        let (films, to) = films(&arguments.files, from)?;
        plan = Plan {
            start: from,
            end: to,
            run_on: RUN_ON_FILES,
            films,
            cut: Some(camera.segment),
            ..plan
        };
        return Ok(Task { plan, from, to, kept: None, replaced });
    }
    let from = from.ok_or_else(|| {
        Error::refuse("say from when with `--from 24h`, or name MP4 files to look at")
    })?;
    let to = to.unwrap_or(now);
    if from >= to {
        return Err(Error::refuse(format!("the range is empty: {from} is not before {to}")));
    }
    let mut anew = replaced.clone();
    anew.extend(plan.analyzers.iter().map(|seat| seat.name.clone()));
    let video = !plan.analyzers.is_empty();
    let neighbours = camera.hears.iter().map(|hears| Neighbour {
        policies: config.camera(&hears.name).map_or_else(Vec::new, |other| other.policies.clone()),
        hears: hears.clone(),
    });
    let wanted = Wanted {
        camera: &camera.name,
        from,
        to,
        anew,
        keep: camera.keep,
        neighbours: neighbours.collect(),
        video,
    };
    let found = recorded::load(&Reader::open(&config.store.path)?, &wanted)?;
    plan = Plan {
        start: found.start,
        end: to,
        notices: found.notices,
        films: found.films,
        segments: found.segments,
        ..plan
    };
    Ok(Task { plan, from, to, kept: Some(found.kept), replaced })
}

/// A plan for the camera, with nothing in it yet.
fn blank(camera: &config::Camera, analyzers: Vec<Seat>, policies: Vec<Seat>) -> Plan {
    let zone = camera.timezone.as_deref().and_then(|name| TimeZone::get(name).ok());
    Plan {
        camera: camera.name.clone(),
        zone: zone.unwrap_or_else(TimeZone::system),
        keep: camera.keep,
        keep_max: camera.keep_max,
        hears: camera.hears.clone(),
        start: Timestamp::ZERO,
        end: Timestamp::ZERO,
        run_on: RUN_ON,
        notices: Vec::new(),
        messages: Vec::new(),
        films: Vec::new(),
        segments: Vec::new(),
        cut: None,
        source: None,
        analyzers,
        policies,
    }
}

/// Files one after the other, and where the last one ends.
fn films(files: &[PathBuf], start: Timestamp) -> Result<(Vec<Film>, Timestamp)> {
    let mut end = start;
    let mut films = Vec::with_capacity(files.len());
    for path in files {
        end = end.offset(ticks_to_micros(Mp4File::open(path)?.length()));
        let start = films.is_empty().then_some(start);
        films.push(Film { path: path.clone(), start, continues: false });
    }
    Ok((films, end + LAST_PICTURE))
}
