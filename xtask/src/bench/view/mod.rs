//! Looking at video: a day of a camera, files beside nginx, and a crowd of viewers while many cameras
//! record.

mod crowd;
mod day;
mod fetch;
mod live;
mod sending;

use super::{Bench, process};

/// Prints a line a figure, and tables.
pub(crate) fn run(bench: &Bench<'_>) -> Result<(), String> {
    let archive = day::run(bench)?;
    sending::run(bench, &archive)?;
    archive.host.end();
    crowd::run(bench)
}

/// Prints the middle, and what 95 of 100 took at most.
fn show(what: &str, times: &mut [f64]) {
    times.sort_by(f64::total_cmp);
    let part = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or(f64::NAN);
    process::say(&format!("{what}: median {:.2} ms, p95 {:.2} ms", part(50), part(95)));
}
