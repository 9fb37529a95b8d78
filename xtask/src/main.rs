//! `cargo xtask`: sets up, builds, tests, demonstrates and measures Wardline.
//!
//! Takes a command's name; runs cargo and the programs it needs, saying each step in one line.
//! Must not depend on the host: that needs the plugins, which are built here.

mod bench;
mod browser;
mod fuzz;
mod lint;
mod plugins;
mod reference;
mod setup;
mod step;
mod test;
mod torture;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use step::{Step, say};

const HELP: &str = "cargo xtask COMMAND

  demo [ARGUMENTS]   build, then record a simulated camera and show what was written
  test [FILTER]      run every test: plugins, host, end to end, documentation, and, without a filter
                     or with `browser`, the page in Chromium; with `--lint`, the lint beside the last
  plugins [FOLDER]   build the bundled plugins, or a plugin of your own, into plugins/dist
  bench              measure against ffmpeg and motion, and print a table
  torture [--kills N] [--seed N] ...
                     loss under fault in numbers: kills, power cuts, failing and full disks
  fuzz [TARGET ...] [--seconds N]
                     feed what reads bytes from outside, each for a minute
  lint               formatting, clippy, documentation, licences
  reference          write docs/plugin-reference.md from the contract
  setup              install what the tests need (each command does this for itself)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest = arguments.get(1..).unwrap_or_default();
    let root = root();
    let done = match arguments.first().map(String::as_str) {
        Some("demo") => demo(&root, rest),
        Some("test") => test::run(&root, rest),
        Some("plugins") => build_plugins(&root, rest),
        Some("bench") => bench(&root, rest),
        Some("torture") => torture::run(&root, rest),
        Some("fuzz") => fuzz::run(&root, rest),
        Some("lint") => lint::run(&root),
        Some("reference") => reference::run(&root),
        Some("setup") => setup::run(&[setup::TESTS, setup::BENCH]),
        None | Some("help" | "--help" | "-h") => {
            say(HELP);
            Ok(())
        }
        Some(other) => Err(format!("there is no command `{other}`\n\n{HELP}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            step::complain(&format!("error: {why}"));
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder: as cargo says now, since a shared target folder may hold an `xtask` that
/// was built in another clone.
fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.parent().expect("xtask stands in the workspace").to_owned()
}

/// Needs nothing that is not built here.
fn demo(root: &Path, arguments: &[String]) -> Result<(), String> {
    plugins::build(root)?;
    let program = build_host(root)?;
    Step::new("record a simulated camera", &program).arg("demo").args(arguments).run(root)
}

fn build_plugins(root: &Path, folders: &[String]) -> Result<(), String> {
    if folders.is_empty() {
        return plugins::build(root).map(drop);
    }
    let here =
        std::env::current_dir().map_err(|error| format!("find the working directory: {error}"))?;
    for folder in folders {
        plugins::build_folder(root, &here.join(folder), &root.join("plugins/dist"))?;
    }
    Ok(())
}

fn bench(root: &Path, cases: &[String]) -> Result<(), String> {
    setup::run(&[setup::TESTS, setup::BENCH])?;
    plugins::build(root)?;
    bench::run(root, cases)
}

/// Builds the program and gives its path. All of the workspace is selected, so that tests, demo
/// and program share every dependency as built once.
fn build_host(root: &Path) -> Result<PathBuf, String> {
    Step::cargo("build the host (minutes, the first time)")
        .args(["build", "--workspace", "--bin", "wardline"])
        .run(root)?;
    Ok(target(root).join("debug/wardline"))
}

/// Where cargo itself puts what it builds.
fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |folder| root.join(folder))
}
