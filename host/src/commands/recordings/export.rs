//! `wardline recordings export`: a range of a camera, or a span, as a file for any player.

use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use super::super::{Process, output};
use super::{store, time, zone};
use crate::base::{Error, Result};
use crate::cli::{Export, GapChoice};
use crate::config::show_size;
use crate::export::{self, Gaps, Interruption, Order, Progress, Report, Setting, Wanted, Why};
use crate::store::Reader;
use crate::store::fs::{Disk, Fs};

pub(super) async fn export(arguments: &Export, process: &Process) -> Result<()> {
    let root = store(&arguments.source)?;
    let order = order(arguments, &Reader::open(&root)?, process)?;
    let cancel = process.shutdown.clone();
    // SIGINT and SIGTERM are heard meanwhile: they leave nothing behind.
    let work = tokio::task::spawn_blocking(move || {
        let reader = Reader::open(&root)?;
        let fs: Arc<dyn Fs> = Arc::new(Disk);
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("exporting {bar:40} {bytes}/{total_bytes} {eta}")
            .expect("the template is right");
        bar.set_style(style);
        let mut progress = |step: Progress| {
            bar.set_length(step.total);
            bar.set_position(step.done);
        };
        let mut setting =
            Setting { fs: &fs, reader: &reader, progress: &mut progress, cancel: &cancel };
        let report = export::export(&order, &mut setting);
        bar.finish_and_clear();
        report
    });
    let report = work.await.map_err(|error| Error::bug("the export panicked").with(error))??;
    match arguments.json {
        true => output::json(&report),
        false => show(&report),
    }
}

/// What the arguments mean.
fn order(arguments: &Export, reader: &Reader, process: &Process) -> Result<Order> {
    let gaps = match arguments.gaps {
        GapChoice::Hold => Gaps::Hold,
        GapChoice::Cut => Gaps::Cut,
    };
    let (camera, wanted, out, comment) = match (&arguments.span, arguments.words.as_slice()) {
        (Some(id), [out]) => {
            let span = reader.find_span(id)?.ok_or_else(|| {
                Error::refuse(format!(
                    "there is no span {id} here: `wardline recordings list --json` shows their ids"
                ))
            })?;
            let comment = match span.label.as_str() {
                "" => format!("span {id}"),
                label => format!("span {id}: {label}"),
            };
            (span.camera, Wanted { from: span.start, to: span.end }, out, comment)
        }
        (None, [camera, from, to, out]) => {
            let (zone, now) = (zone(arguments.tz.as_deref())?, process.clock.wall());
            let wanted = Wanted { from: time(from, now, &zone)?, to: time(to, now, &zone)? };
            (camera.clone(), wanted, out, String::new())
        }
        _ => {
            return Err(Error::refuse(
                "write CAMERA FROM TO OUT.mp4, or `--span ID` and OUT.mp4 (see `--help`)",
            ));
        }
    };
    Ok(Order {
        camera,
        wanted,
        out: Path::new(out).to_owned(),
        force: arguments.force,
        gaps,
        one_file: arguments.one_file,
        comment,
    })
}

/// For people, on standard error: standard output has only the names of the files.
fn show(report: &Report) -> Result<()> {
    let say = output::note;
    say(format!("asked:    {} to {}", report.asked.from, report.asked.to))?;
    say(format!("exported: {} to {}", report.exported.from, report.exported.to))?;
    for found in &report.interruptions {
        say(interruption(found))?;
    }
    for file in &report.files {
        let audio = file.audio.as_deref().map_or("no audio".into(), str::to_owned);
        say(format!(
            "{}: {}, {:.3} s, {} pictures, {}x{} {}, {audio}",
            file.path.display(),
            show_size(file.bytes),
            file.seconds,
            file.pictures,
            file.width,
            file.height,
            file.video
        ))?;
        if file.lead_in_seconds > 0.0 {
            say(format!(
                "  {:.3} s of video before it are inside, hidden: players that ignore edits show them",
                file.lead_in_seconds
            ))?;
        }
        output::line(file.path.display())?;
    }
    Ok(())
}

fn interruption(found: &Interruption) -> String {
    let why = match found.why {
        Why::Gap => "no video",
        Why::ClockStepped => "the host's clock stepped",
        Why::Parameters => "the camera sent other parameters",
        Why::NotDecodable => "left out, its key frame is missing",
    };
    let detail = if found.detail.is_empty() { "" } else { ": " };
    format!("{} to {}: {why}{detail}{}", found.start, found.end, found.detail)
}
