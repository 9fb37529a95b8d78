//! `cargo xtask lint`: what can be said of the code without running it.

use std::path::Path;

use crate::plugins;
use crate::step::{Step, is_installed, say};

/// Formatting, clippy and documentation of both workspaces, licences of all that is used.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    // The host's build script wants them, clippy or not.
    plugins::build(root)?;
    for (name, manifest) in [("host", "Cargo.toml"), ("plugins", "plugins/Cargo.toml")] {
        Step::cargo(&format!("check the formatting: {name}"))
            .args(["fmt", "--all", "--check", "--manifest-path", manifest])
            .run(root)?;
        Step::cargo(&format!("clippy: {name}"))
            .args(["clippy", "--quiet", "--locked", "--workspace", "--all-targets"])
            .args(["--manifest-path", manifest, "--", "-D", "warnings"])
            .run(root)?;
        Step::cargo(&format!("documentation: {name}"))
            .args(["doc", "--quiet", "--locked", "--workspace", "--no-deps"])
            .args(["--manifest-path", manifest])
            .env("RUSTDOCFLAGS", "-D warnings")
            .run(root)?;
    }
    if !is_installed("cargo-deny") {
        say(
            "skipped: licences and advisories: type `cargo install cargo-deny` to have them checked",
        );
        return Ok(());
    }
    Step::cargo("licences and advisories").args(["deny", "check"]).run(root)
}
