//! The motion kernel as WebAssembly beside the same Rust code native, in one process.

use std::process::Command;

use super::{Bench, process};

/// Prints the line that the measuring program prints.
pub(crate) fn run(bench: &Bench<'_>) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let text = process::run(Command::new(cargo).current_dir(bench.root).args([
        "bench",
        "--quiet",
        "--package",
        "wardline-tests",
        "--bench",
        "motion_kernel",
    ]))?;
    process::say(String::from_utf8_lossy(&text).trim());
    Ok(())
}
