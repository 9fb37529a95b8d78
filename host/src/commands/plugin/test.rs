//! `wardline plugin test`: a plugin's own tests, through the engine and the stages that judge live.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::base::{Error, Result};
use crate::cli::PluginTest;
use crate::commands::{Process, output};
use crate::replay::cases::{Suite, Verdict};
use crate::wasm::{Engine, Plugin};

/// Lines of one difference that are shown.
const LINES_MAX: usize = 60;

pub(super) async fn test(arguments: &PluginTest, process: &Process) -> Result<ExitCode> {
    let (component, directory) = find(arguments)?;
    let bytes = std::fs::read(&component).map_err(|error| {
        Error::refuse(format!("read the component {}", component.display())).with(error)
    })?;
    let name = component.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let engine = Engine::new(None)?;
    let plugin = Plugin::load(&engine, &name, &bytes)?;
    let suite = Suite::new(&engine, plugin, &directory)?;
    let filter = arguments.filter.as_deref().unwrap_or_default();
    let chosen: Vec<&str> = suite.names().filter(|name| name.contains(filter)).collect();
    if chosen.is_empty() {
        output::line(format!("plugin {name}: no tests{}", none_because(filter)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for test in chosen {
        match suite.run(test, arguments.bless, &process.shutdown).await? {
            Verdict::Passed => {
                passed += 1;
                output::line(format!("ok       {test}"))?;
            }
            Verdict::Blessed(path) => {
                passed += 1;
                output::line(format!("blessed  {test}: {}", path.display()))?;
            }
            Verdict::Skipped(why) => {
                skipped += 1;
                output::line(format!("skipped: {test}: {why}"))?;
            }
            Verdict::Failed(lines) => {
                failed += 1;
                output::line(format!("FAILED   {test}"))?;
                for line in lines.iter().take(LINES_MAX) {
                    output::line(format!("         {line}"))?;
                }
                if let Some(more) = lines.len().checked_sub(LINES_MAX + 1) {
                    output::line(format!("         ... and {} more", more + 1))?;
                }
            }
        }
    }
    output::line(format!("plugin {name}: {passed} passed, {failed} failed, {skipped} skipped"))?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn none_because(filter: &str) -> String {
    if filter.is_empty() {
        ": write `[[test]]` sections into plugin.toml".into()
    } else {
        format!(" with `{filter}` in their names")
    }
}

/// The component, and the folder in which its tests' files lie.
fn find(arguments: &PluginTest) -> Result<(PathBuf, PathBuf)> {
    let given = &arguments.plugin;
    if !given.is_dir() {
        let folder = given.parent().unwrap_or(Path::new(".")).to_owned();
        return Ok((given.clone(), folder));
    }
    if let Some(component) = &arguments.component {
        return Ok((component.clone(), given.clone()));
    }
    let folder = given.canonicalize().map_err(|error| {
        Error::refuse(format!("open the folder {}", given.display())).with(error)
    })?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned() + ".wasm";
    // Where `plugin build` puts it, and where those that are built together lie.
    let places = [folder.join("dist").join(&name), folder.join("../dist").join(&name)];
    let found = places.iter().find(|path| path.is_file()).ok_or_else(|| {
        let shown = given.display();
        Error::refuse(format!(
            "there is no dist/{name} in {shown}: build the plugin first, or name its component with `--component`"
        ))
    })?;
    Ok((found.clone(), given.clone()))
}
