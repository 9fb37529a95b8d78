//! `cargo xtask test`: everything that can be tested, in the order in which it is built.

use std::path::Path;

use crate::step::{Step, say};
use crate::{build_host, plugins, setup};

/// Most of the end-to-end tests' time is waiting for cameras: so many run side by side.
const THREADS: &str = "10";

/// What a test that passes has to say is usually kept back; here it says what it skipped.
const SHOW_SKIPPED: [&str; 2] = ["--", "--show-output"];

/// Runs all tests; arguments go to the end-to-end tests' and the host's filter.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    setup::run(&[setup::TESTS])?;
    Step::cargo("test the plugins natively")
        .args(["test", "--quiet", "--locked", "--manifest-path", "plugins/Cargo.toml"])
        .args(SHOW_SKIPPED)
        .args(arguments)
        .run(root)?;
    plugins::build(root)?;
    let program = build_host(root)?;
    Step::cargo(
        "test the host, xtask, the whole end to end, and the examples in the documentation",
    )
    .args(["test", "--workspace", "--no-fail-fast"])
    .args(SHOW_SKIPPED)
    .args(arguments)
    .env("WARDLINE_BIN", &program)
    .env("RUST_TEST_THREADS", THREADS)
    .run(root)?;
    say("xtask: all tests passed; what was skipped is named above, after `skipped:`");
    Ok(())
}
