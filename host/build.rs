//! Puts the bundled plugins where the host's source includes them from.

use std::path::Path;

/// The plugins that are part of the binary. `src/wasm/bundled.rs` names the same.
const BUNDLED: [&str; 3] = ["analyzer-motion", "source-webhook", "policy-pre-post"];

#[allow(clippy::print_stdout, reason = "so a build script talks to cargo")]
fn main() {
    let variable = |name| std::env::var(name).expect("set by cargo");
    let dist = Path::new(&variable("CARGO_MANIFEST_DIR")).join("../plugins/dist");
    let out = variable("OUT_DIR");
    let mut missing = false;
    for name in BUNDLED {
        let file = dist.join(name).with_extension("wasm");
        println!("cargo::rerun-if-changed={}", file.display());
        missing |= std::fs::copy(&file, Path::new(&out).join(name).with_extension("wasm")).is_err();
    }
    if missing {
        println!("cargo::error=the bundled plugins are not built yet: run `cargo xtask plugins`");
    }
}
