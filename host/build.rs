//! Puts the bundled plugins, what new plugins are begun from, and the page where the host's source
//! includes them from.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Folders whose files are part of the binary, seen from the host's: what `wardline plugin new` writes.
const EMBEDDED: [(&str, &str); 4] = [
    ("templates", "templates"),
    ("wit", "../wit"),
    ("sdk/src", "../plugins/sdk/src"),
    ("sdk/readme", "../plugins/sdk/README.md"),
];

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
    embed(Path::new(&variable("CARGO_MANIFEST_DIR")), Path::new(&out));
}

/// Writes `embedded.rs`: a list of names and texts, in order of name; and `page.rs`: the same of the
/// files of the page, as bytes.
fn embed(host: &Path, out: &Path) {
    list(host, &EMBEDDED, "include_str!", &out.join("embedded.rs"));
    list(host, &[("", "page")], "include_bytes!", &out.join("page.rs"));
}

#[allow(clippy::print_stdout, reason = "so a build script talks to cargo")]
fn list(host: &Path, folders: &[(&str, &str)], include: &str, to: &Path) {
    let mut list = String::from("&[\n");
    for (name, folder) in folders {
        let folder = host.join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut files = Vec::new();
        collect(&folder, &mut files);
        // As texts: by parts of a path, `a/b` would come before `a.b`.
        files.sort_by(|one, other| one.as_os_str().cmp(other.as_os_str()));
        for file in files {
            let below = file.strip_prefix(&folder).expect("found in it");
            let name = Path::new(name).join(below);
            let name = name.to_string_lossy();
            let name = name.trim_end_matches('/');
            writeln!(list, "    ({name:?}, {include}({file:?})),").expect("a string has room");
        }
    }
    list.push_str("]\n");
    std::fs::write(to, list).expect("cargo's folder can be written");
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    match std::fs::read_dir(path) {
        Ok(entries) => {
            entries.flatten().for_each(|entry| collect(&entry.path(), files));
        }
        Err(_) => files.push(path.to_owned()),
    }
}
