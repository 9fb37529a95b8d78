//! `wardline recordings rebuild`: the index made anew, from files and journal.

use std::path::PathBuf;

use indicatif::ProgressBar;

use super::super::{Process, output};
use super::store;
use crate::base::{Error, Result};
use crate::cli::Rebuild;
use crate::config::{self, show_size};
use crate::store::fs::Disk;
use crate::store::{self as stores, Rebuilt};

pub(super) async fn rebuild(arguments: &Rebuild, process: &Process) -> Result<()> {
    let (root, now) = (store(&arguments.source)?, process.clock.wall());
    let others: Vec<(String, PathBuf)> = match arguments.source.is_dir() {
        true => Vec::new(),
        false => {
            let others = config::load(&arguments.source)?.stores;
            others.into_iter().map(|other| (other.name, other.path)).collect()
        }
    };
    let work = tokio::task::spawn_blocking(move || {
        let bar = ProgressBar::new_spinner().with_message("reading recordings");
        let done = stores::rebuild(&Disk, &root, &others, now, &mut |segments| {
            bar.set_message(format!("{segments} recordings read"));
            bar.tick();
        });
        bar.finish_and_clear();
        done
    });
    let done = tokio::select! {
        biased;
        // The old index is in its place until the new one is whole.
        () = process.shutdown.cancelled() => return Err(Error::stop("the rebuild was ended")),
        done = work => done.map_err(|error| Error::bug("the rebuild panicked").with(error))??,
    };
    match arguments.json {
        true => output::json(&done),
        false => show(&done),
    }
}

fn show(done: &Rebuilt) -> Result<()> {
    for remark in &done.remarks {
        output::line(format!("{}: {}", remark.path.display(), remark.said))?;
    }
    let Rebuilt { segments, bytes, notes, events, .. } = done;
    output::line(format!(
        "index made anew: {segments} segments, {}, {notes} notes, {events} events",
        show_size(*bytes)
    ))?;
    if let Some(kept) = &done.kept {
        output::line(format!("the old index is kept as {}", kept.display()))?;
    }
    Ok(())
}
