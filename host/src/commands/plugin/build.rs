//! `wardline plugin build`: a component from a folder of sources, and what it turned out to be.

use std::path::{Path, PathBuf};

use wardline_builder::{Project, component};

use super::output;
use crate::base::{Error, Result};
use crate::cli::Build;
use crate::config::show_size;
use crate::wasm::{self, Inspection, World};

pub(super) fn build(arguments: &Build) -> Result<()> {
    let built = make(&arguments.dir)?;
    output::line(describe(&built))?;
    // Built, but no host would take it: the exit code says so.
    built.inspection.accept(built.project.id()).map(drop)
}

/// A component that was made just now.
pub(super) struct Built {
    pub(super) project: Project,
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    pub(super) inspection: Inspection,
}

/// Builds the plugin in `folder`, and writes its component into `dist/`.
pub(super) fn make(folder: &Path) -> Result<Built> {
    let project = Project::open(folder).map_err(Error::refuse)?;
    let bytes = wardline_builder::build(&project).map_err(Error::refuse)?;
    let inspection = wasm::inspect(project.id(), &bytes)?;
    let path = project.output();
    replace(&path, &bytes).map_err(|error| {
        Error::stop(format!("write the component {}", path.display())).with(error)
    })?;
    Ok(Built { project, path, bytes, inspection })
}

/// Written beside and renamed: a host that watches the file never sees half of it.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
    let part = path.with_extension("part");
    std::fs::write(&part, bytes)?;
    std::fs::rename(part, path)
}

/// A few lines for people.
pub(super) fn describe(built: &Built) -> String {
    let Built { project, path, bytes, inspection } = built;
    let here = std::env::current_dir().unwrap_or_default();
    let shown = path.strip_prefix(&here).unwrap_or(path);
    let mut lines = vec![format!(
        "built    {} ({}, {})",
        shown.display(),
        project.language(),
        show_size(bytes.len() as u64)
    )];
    lines.push(format!("imports  {}", inspection.imports.join(", ")));
    let wants: Vec<String> = inspection
        .manifest
        .iter()
        .flat_map(|manifest| &manifest.capabilities)
        .map(|wish| format!("{}: {}", wish.name, wish.reason))
        .collect();
    let wants =
        if wants.is_empty() { "nothing that needs a grant".into() } else { wants.join("; ") };
    lines.push(format!("wants    {wants}"));
    if inspection.world == Some(World::Analyzer) && !component::has_simd(bytes) {
        lines.push(
            "warning  it has no SIMD: work on each pixel takes several times as long as it could"
                .to_owned(),
        );
    }
    lines.join("\n")
}
