//! JavaScript: QuickJS with the sources in it, made by `componentize-qjs` from npm.

use std::process::Command;

use crate::{Project, contract, tools};

/// Where npm puts the tool.
const TOOL: &str = "node_modules/.bin/componentize-qjs";

/// The component of a project, without WASI and without anything asynchronous.
pub(crate) fn componentize(project: &Project) -> Result<Vec<u8>, String> {
    let folder = project.folder();
    let tool = tools::around(folder, TOOL).ok_or_else(|| {
        format!(
            "no componentize-qjs found: type `npm install` in {} (needs Node.js 20 or newer with npm)",
            folder.display()
        )
    })?;
    let world = contract::world_name(folder)?;
    let output = project.scratch()?.join("plugin.wasm");
    tools::run(
        &format!("make a component of plugin {}", project.id()),
        Command::new(tool)
            .current_dir(folder)
            .args(["--wit", "wit", "--world", &world, "--js", "src/plugin.js"])
            .args(["--sync", "--stub-wasi", "--output"])
            .arg(&output),
    )?;
    tools::read(&output)
}
