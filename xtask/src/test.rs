//! `cargo xtask test`: everything that can be tested, in the order in which it is built.

use std::path::{Path, PathBuf};

use crate::step::{Quiet, Step, say};
use crate::{browser, build_host, plugins, setup, target};

/// Most of the end-to-end tests' time is waiting for cameras: so many run side by side.
const THREADS: &str = "10";

/// What a test that passes has to say is usually kept back; here it says what it skipped.
const SHOW_SKIPPED: [&str; 2] = ["--", "--show-output"];

/// Runs all tests; arguments go to the end-to-end tests' and the host's filter. `browser` alone means
/// the page's, `--lint` alone all and the lint.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    if arguments == ["browser"] {
        plugins::build(root)?;
        return browser::run(root, &build_host(root)?);
    }
    let with_lint = arguments == ["--lint"];
    let filter = if with_lint { &[] } else { arguments };
    let program = run_but_browser(root, filter)?;
    if filter.is_empty() {
        // The page's tests wait most of their time; what is linted beside them gives way.
        let lint = with_lint.then(|| Quiet::start("lint", root, &target(root))).transpose()?;
        let browser = browser::run(root, &program);
        lint.map_or(Ok(()), Quiet::end)?;
        browser?;
    }
    say("xtask: all tests passed; what was skipped is named above, after `skipped:`");
    Ok(())
}

/// All that needs no browser. Gives the host's program.
fn run_but_browser(root: &Path, arguments: &[String]) -> Result<PathBuf, String> {
    setup::run(&[setup::TESTS])?;
    setup::tell_languages(root);
    Step::cargo("test the plugins natively")
        .args(["test", "--quiet", "--locked", "--manifest-path", "plugins/Cargo.toml"])
        .args(SHOW_SKIPPED)
        .args(arguments)
        .run(root)?;
    plugins::build(root)?;
    let program = build_host(root)?;
    test_plugins(root, &program)?;
    // Not the programs for measuring, which `cargo test` would build too.
    Step::cargo("test the host, xtask, and the whole end to end")
        .args(["test", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests"])
        .args(SHOW_SKIPPED)
        .args(arguments)
        .env("WARDLINE_BIN", &program)
        .env("RUST_TEST_THREADS", THREADS)
        .run(root)?;
    Step::cargo("test the examples in the documentation")
        .args(["test", "--workspace", "--doc"])
        .args(SHOW_SKIPPED)
        .args(arguments)
        .run(root)?;
    Ok(program)
}

/// Runs what the manifests of the bundled plugins and of the examples' say of themselves.
fn test_plugins(root: &Path, program: &Path) -> Result<(), String> {
    for folder in plugins::folders(root)? {
        let component = plugins::component(root, &folder);
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Step::new(&format!("run the tests in the manifest of {name}"), program)
            .args(["plugin", "test"])
            .arg(folder)
            .arg("--component")
            .arg(component)
            .env("WARDLINE_CLIPS", clips(root))
            .run(root)?;
    }
    Ok(())
}

/// As the tests find them: in a folder that the environment names, or beside the workspace.
fn clips(root: &Path) -> PathBuf {
    std::env::var_os("WARDLINE_CLIPS").map_or_else(|| root.join("../shared/clips"), PathBuf::from)
}
