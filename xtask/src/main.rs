//! `cargo xtask`: sets up, builds, tests, demonstrates and measures Wardline.
//!
//! Takes a command's name; runs cargo and the programs it needs, saying each step in one line.
//! Must not depend on the host: that needs the plugins, which are built here.

mod bench;
mod lint;
mod plugins;
mod setup;
mod step;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use step::{Step, say};

const HELP: &str = "cargo xtask COMMAND

  demo [ARGUMENTS]   build, then record a simulated camera and show what was written
  test [FILTER]      run every test: plugins, host, end to end, documentation
  plugins            build the bundled plugins into plugins/dist
  bench              measure against ffmpeg and motion, and print a table
  lint               formatting, clippy, documentation, licences
  setup              install what the tests need (each command does this for itself)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest = arguments.get(1..).unwrap_or_default();
    let root = root();
    let done = match arguments.first().map(String::as_str) {
        Some("demo") => demo(&root, rest),
        Some("test") => test::run(&root, rest),
        Some("plugins") => plugins::build(&root).map(drop),
        Some("bench") => bench(&root, rest),
        Some("lint") => lint::run(&root),
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

/// The workspace's folder.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().expect("xtask stands in the workspace").to_owned()
}

/// Needs nothing that is not built here.
fn demo(root: &Path, arguments: &[String]) -> Result<(), String> {
    plugins::build(root)?;
    let program = build_host(root, "dev")?;
    Step::new("record a simulated camera", &program).arg("demo").args(arguments).run(root)
}

fn bench(root: &Path, arguments: &[String]) -> Result<(), String> {
    setup::run(&[setup::TESTS, setup::BENCH])?;
    plugins::build(root)?;
    let program = build_host(root, "release")?;
    bench::run(root, &program, arguments)
}

/// Builds the program and gives its path. All of the workspace is selected, so that tests, demo
/// and program share every dependency as built once.
fn build_host(root: &Path, profile: &str) -> Result<PathBuf, String> {
    Step::cargo("build the host (the first time takes some minutes)")
        .args(["build", "--workspace", "--bin", "wardline", "--profile", profile])
        .run(root)?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(target(root).join(folder).join("wardline"))
}

/// Where cargo puts what it builds.
fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |set| root.join(set))
}
