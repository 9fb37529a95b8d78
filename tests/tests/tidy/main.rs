//! Rules of the project that a machine can check, over its text alone: nothing is run.
//!
//! Each module is one kind of rule. A failure lists every place, so that one run is enough.

// Files: their sign, their length, the length of their functions.
mod shape;
// Third-party crates at an edge: each has one home that names it.
mod homes;
// The plugin contract: what it says may grow, but not change unseen.
mod contract;
// Documents and examples: what they name exists, and what they show works.
mod documents;

use std::path::{Path, PathBuf};

/// Folders that hold what was made, not what was written.
const MADE: [&str; 4] = ["target", "dist", ".git", "node_modules"];

/// The root of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

/// A file of the project.
struct Text {
    /// Seen from the root, with `/`.
    path: String,
    text: String,
}

/// All files below the root whose name ends with one of `endings`, by path.
fn texts(endings: &[&str]) -> Vec<Text> {
    let mut paths = Vec::new();
    collect(root(), &mut paths);
    let mut texts: Vec<Text> = paths
        .into_iter()
        .filter(|path| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)))
        .filter_map(|path| {
            let text = std::fs::read_to_string(&path).ok()?;
            let below = path.strip_prefix(root()).expect("found below the root");
            Some(Text { path: below.to_string_lossy().into_owned(), text })
        })
        .collect();
    texts.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!texts.is_empty(), "no {endings:?} found");
    texts
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project").flatten() {
        let name = entry.file_name();
        let path = entry.path();
        if MADE.iter().any(|made| name == *made) {
            continue;
        }
        if path.is_dir() {
            collect(&path, paths);
        } else {
            paths.push(path);
        }
    }
}

/// Fails with all `places`, if there are any.
fn none(rule: &str, places: &[String]) {
    assert!(places.is_empty(), "{rule}:\n  {}", places.join("\n  "));
}
