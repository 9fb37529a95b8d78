//! `wardline plugin inspect`: what a plugin is and wants, without running any of it.

use super::{bytes, output};
use crate::base::Result;
use crate::cli::Inspect;
use crate::config::show_size;
use crate::wasm::{self, Inspection};

pub(super) fn inspect(arguments: &Inspect) -> Result<()> {
    let name = &arguments.plugin;
    let found = wasm::inspect(name, &bytes(name)?)?;
    if arguments.json {
        return output::json(&found);
    }
    output::line(describe(&found))?;
    // The exit code says whether a host would take it.
    found.accept(name).map(drop)
}

fn describe(found: &Inspection) -> String {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("{name:<12} {value}"));
        }
    };
    if let Some(manifest) = &found.manifest {
        line("id", format!("{} {}", manifest.id, manifest.version));
        line("description", manifest.description.clone());
        line("license", manifest.license.clone().unwrap_or_default());
        for wish in &manifest.capabilities {
            line("wants", format!("{}: {}", wish.name, wish.reason));
        }
    }
    line("world", found.world.map(|world| world.as_str().to_owned()).unwrap_or_default());
    line("contract", found.contract.clone().unwrap_or_default());
    line("size", show_size(found.bytes as u64));
    line("sha256", found.digest.clone());
    line("imports", found.imports.join(", "));
    line("exports", found.exports.join(", "));
    if let Some(manifest) = &found.manifest {
        params(&manifest.params).into_iter().for_each(|(name, text)| line(&name, text));
    }
    lines.join("\n")
}

/// The parameters that a schema describes, a line each.
fn params(schema: &serde_json::Value) -> Vec<(String, String)> {
    let Some(properties) = schema.get("properties").and_then(|value| value.as_object()) else {
        return Vec::new();
    };
    let text = |property: &serde_json::Value, key: &str| {
        property.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
    };
    properties
        .iter()
        .map(|(name, property)| {
            let default = property
                .get("default")
                .filter(|_| property.get("secret").is_none())
                .map(|value| format!(" (default {value})"));
            let said = text(property, "description");
            ("param".into(), format!("{name}: {said}{}", default.unwrap_or_default()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::BUNDLED;

    #[test]
    fn bundled_plugins_are_described() {
        for name in BUNDLED {
            let found = wasm::inspect(name, &bytes(name).unwrap()).unwrap();
            let text = describe(&found);
            assert!(text.starts_with(&format!("id           {name} ")), "{text}");
            assert!(
                text.contains("param        ") && text.contains("wardline:plugin/log"),
                "{text}"
            );
        }
    }
}
