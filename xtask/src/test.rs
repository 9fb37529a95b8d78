//! `cargo xtask test`: everything that can be tested, in the order in which it is built.

use std::path::Path;

use crate::step::Step;
use crate::{build_host, plugins, setup};

/// Most of the end-to-end tests' time is waiting for cameras: so many run side by side.
const THREADS: &str = "10";

/// Runs all tests; arguments go to the end-to-end tests' and the host's filter.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    setup::run(&[setup::TESTS])?;
    Step::cargo("test the plugins natively")
        .args(["test", "--quiet", "--locked", "--manifest-path", "plugins/Cargo.toml", "--"])
        .args(arguments)
        .run(root)?;
    plugins::build(root)?;
    let program = build_host(root)?;
    Step::cargo("test the host, xtask, the whole end to end, and the examples in the documentation")
        .args(["test", "--workspace", "--"])
        .args(arguments)
        .env("WARDLINE_BIN", &program)
        .env("RUST_TEST_THREADS", THREADS)
        .run(root)
}
