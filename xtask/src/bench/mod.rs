//! `cargo xtask bench`: Wardline beside ffmpeg and motion on the same feeds, as ratios in one run.
//!
//! A run in which a contender did not write every coded slice is void, and said so.

mod calls;
mod feed;
mod kernel;
mod motion;
mod process;
mod record;
mod slices;
mod swap;
mod view;

use std::path::Path;

/// Where everything that a run makes is kept.
pub(crate) struct Bench<'a> {
    /// The workspace.
    pub(crate) root: &'a Path,
    /// A directory of this run.
    pub(crate) work: std::path::PathBuf,
    /// The release binary.
    pub(crate) wardline: std::path::PathBuf,
}

/// Runs the named cases, or all: `record`, `motion`, `kernel`, `swap`, `calls`, `view`.
pub(crate) fn run(root: &Path, cases: &[String]) -> Result<(), String> {
    let work = root.join("target/bench");
    std::fs::create_dir_all(&work).map_err(|e| format!("create {}: {e}", work.display()))?;
    let wardline = process::release_binary(root)?;
    let bench = Bench { root, work, wardline };
    let wanted = |name: &str| cases.is_empty() || cases.iter().any(|case| case == name);
    process::say(&format!("machine: {}", process::machine()));
    if wanted("record") {
        record::run(&bench)?;
    }
    if wanted("motion") {
        motion::run(&bench)?;
    }
    if wanted("kernel") {
        kernel::run(&bench)?;
    }
    if wanted("swap") {
        swap::run(&bench)?;
    }
    if wanted("calls") {
        calls::run(&bench)?;
    }
    if wanted("view") {
        view::run(&bench)?;
    }
    Ok(())
}
