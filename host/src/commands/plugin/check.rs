//! `wardline plugin check`: whether a host would take a plugin, and whether it stands what comes.

use super::{component, output, params};
use crate::author::trial::{self, Outcome};
use crate::base::{Error, Result};
use crate::cli::CheckPlugin;
use crate::config::show_size;
use crate::wasm::{self, Engine, Plugin, Terms};

pub(super) fn check(arguments: &CheckPlugin) -> Result<()> {
    let (name, bytes) = component(&arguments.plugin)?;
    let inspection = wasm::inspect(&name, &bytes)?;
    output::line(format!(
        "plugin   {name}, {}, sha256 {}",
        show_size(bytes.len() as u64),
        &inspection.digest[..16]
    ))?;
    let (world, manifest) = inspection.accept(&name)?;
    output::line(format!(
        "manifest {} {}, {} for contract {}",
        manifest.id,
        manifest.version,
        world.as_str(),
        inspection.contract.as_deref().unwrap_or("?")
    ))?;
    output::line(format!("imports  {}", inspection.imports.join(", ")))?;
    let plugin =
        Plugin::load_on(&Terms::AsAsked, &Engine::new(super::cache().as_deref())?, &name, &bytes)?;
    let params = plugin.params(&params(arguments.params.as_deref())?)?;
    let outcome = trial::run(&plugin, &params);
    output::line(describe(&outcome))?;
    match outcome.findings.len() {
        0 => output::line("ok"),
        count => Err(Error::refuse(format!(
            "plugin {name}: failed in {count} cases, see above: mend it, or it costs the camera \
             its judge when this happens"
        ))),
    }
}

fn describe(outcome: &Outcome) -> String {
    let Outcome { calls, declined, slowest: (slowest, case), memory_peak_bytes, findings } =
        outcome;
    let mut lines = vec![format!(
        "tried    {calls} calls, {declined} declined; slowest {:.1} ms ({case}); memory {}",
        slowest.as_secs_f64() * 1e3,
        show_size(*memory_peak_bytes)
    )];
    lines.extend(findings.iter().map(|found| format!("failed   {}: {}", found.case, found.what)));
    lines.join("\n")
}
