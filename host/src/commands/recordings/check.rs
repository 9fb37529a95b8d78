//! `wardline recordings check`: whether index, files and journal of a store agree.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use indicatif::ProgressBar;

use super::super::{Process, output};
use super::store;
use crate::base::{Error, Result, Timestamp};
use crate::cli::CheckRecordings;
use crate::config::show_size;
use crate::store::check::{self, Depth, Finding, Progress, Report};
use crate::store::fs::{Disk, Fs};

/// Something disagrees.
const DISAGREES: u8 = 1;
/// It could not be looked at.
const FAILED: u8 = 2;

pub(super) async fn check(arguments: &CheckRecordings, process: &Process) -> ExitCode {
    match looked(arguments, process).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(DISAGREES),
        Err(error) => {
            // When standard error is closed too, the exit code has to say it.
            let _ = output::note(format!("error: {}", error.chain()));
            ExitCode::from(FAILED)
        }
    }
}

/// Gives whether all agrees.
async fn looked(arguments: &CheckRecordings, process: &Process) -> Result<bool> {
    let (root, now) = (store(&arguments.source)?, process.clock.wall());
    let depth = if arguments.deep { Depth::Deep } else { Depth::Fast };
    let repair = arguments.repair;
    let work = tokio::task::spawn_blocking(move || look(&root, depth, repair.then_some(now)));
    let report = tokio::select! {
        biased;
        // What was repaired so far is whole: each repair is.
        () = process.shutdown.cancelled() => return Err(Error::stop("the check was ended")),
        report = work => report.map_err(|error| Error::bug("the check panicked").with(error))??,
    };
    match arguments.json {
        true => output::json(&report)?,
        false => show(&report)?,
    }
    Ok(report.is_clean())
}

fn look(root: &Path, depth: Depth, repair: Option<Timestamp>) -> Result<Report> {
    let bar = ProgressBar::new(0).with_message("checking");
    let mut progress = |step: Progress| {
        bar.set_length(step.total);
        bar.set_position(step.done);
    };
    let fs: Arc<dyn Fs> = Arc::new(Disk);
    let report = match repair {
        None => check::check(&*fs, root, depth, &mut progress),
        Some(now) => check::repair(&fs, root, depth, now, &mut progress),
    };
    bar.finish_and_clear();
    report
}

fn show(report: &Report) -> Result<()> {
    report.findings.iter().try_for_each(|finding| output::line(line(finding)))?;
    let open = report.findings.iter().filter(|finding| finding.is_open()).count();
    let verdict = match open {
        0 => "all agrees".to_owned(),
        open => format!("{open} disagreements"),
    };
    let Report { segments, bytes, .. } = report;
    output::line(format!("{segments} segments, {}: {verdict}", show_size(*bytes)))
}

/// One line for one thing that was found.
fn line(finding: &Finding) -> String {
    let kind = serde_json::to_value(finding.kind).ok();
    let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default();
    let place = match (&finding.file, &finding.camera) {
        (Some(file), _) => format!(" {}", file.display()),
        (None, Some(camera)) => format!(" camera {camera}"),
        (None, None) => String::new(),
    };
    let done = match &finding.repaired {
        Some(done) => format!("repaired: {done}"),
        None => finding.advice.clone(),
    };
    format!("{kind}{place}: {} ({done})", finding.found)
}
