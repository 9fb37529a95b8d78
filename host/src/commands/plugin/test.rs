//! `wardline plugin test`: a plugin's own tests, through the engine and the stages that judge live.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::base::Result;
use crate::cli::PluginTest;
use crate::commands::{Process, output};
use crate::replay::cases::{Suite, Verdict};
use crate::wasm::{Engine, Plugin};

/// Lines of one difference that are shown.
const LINES_MAX: usize = 60;

pub(super) async fn test(arguments: &PluginTest, process: &Process) -> Result<ExitCode> {
    let (name, bytes, directory) = find(arguments)?;
    let engine = Engine::new(super::cache().as_deref())?;
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

/// The component with its name, and the folder in which its tests' files lie. A folder is built, as
/// by `check` and `bench`: what is tested is what was written last.
fn find(arguments: &PluginTest) -> Result<(String, Cow<'static, [u8]>, PathBuf)> {
    let given = &arguments.plugin;
    let (component, folder) = match &arguments.component {
        Some(component) => (component, given.clone()),
        None if given.is_dir() => (given, given.clone()),
        None => (given, given.parent().unwrap_or(Path::new(".")).to_owned()),
    };
    let (name, bytes) = super::component(&component.to_string_lossy())?;
    Ok((name, bytes, folder))
}
