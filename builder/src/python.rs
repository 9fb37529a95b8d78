//! Python: CPython with the sources in it, made by `componentize-py` from PyPI.

use std::process::Command;

use crate::{Project, contract, tools};

const TOOL: &str = "componentize-py";

/// The component of a project, without WASI.
pub(crate) fn componentize(project: &Project) -> Result<Vec<u8>, String> {
    let folder = project.folder();
    let tool = tools::around(folder, &format!(".venv/bin/{TOOL}"))
        .or_else(|| tools::on_path(&[TOOL]))
        .ok_or_else(|| {
            format!(
                "no {TOOL} found: type `python3 -m venv .venv && .venv/bin/pip install -r \
                 requirements.txt` in {} (needs Python 3.10 or newer)",
                folder.display()
            )
        })?;
    let world = contract::world_name(folder)?;
    let output = project.scratch()?.join("plugin.wasm");
    tools::run(
        &format!("make a component of plugin {}", project.id()),
        Command::new(tool)
            .current_dir(folder)
            .args(["--wit-path", "wit", "--world", &world, "componentize", "plugin"])
            .args(["--python-path", "src", "--stub-wasi", "--output"])
            .arg(&output),
    )?;
    tools::read(&output)
}
