//! `wardline plugin status`: what runs, since when, how it fares, and why something does not.

use crate::base::{Error, Result};
use crate::cli::Status;
use crate::commands::host::Destination;
use crate::commands::output;
use crate::config::show_size;
use crate::serve::PluginStatus;

pub(super) async fn status(arguments: &Status) -> Result<()> {
    let host = Destination::named(&arguments.host)?;
    let mut plugins: Vec<PluginStatus> = host.get("/api/v1/plugins").await?;
    if let Some(name) = &arguments.plugin {
        let known: Vec<String> = plugins.iter().map(|plugin| plugin.name.clone()).collect();
        plugins.retain(|plugin| plugin.name == *name);
        if plugins.is_empty() {
            let known = known.join("`, `");
            return Err(Error::refuse(format!("there is no plugin `{name}`: there are `{known}`")));
        }
    }
    if arguments.json {
        return output::json(&plugins);
    }
    output::line(describe(&plugins))
}

/// A row for each, and below what does not run and why.
fn describe(plugins: &[PluginStatus]) -> String {
    let header = [
        "plugin", "camera", "version", "state", "since", "calls", "mean", "p99", "overruns",
        "faults", "memory", "digest",
    ];
    let rows: Vec<Vec<String>> = plugins.iter().map(row).collect();
    let mut text = output::table(&header, &rows);
    for plugin in plugins {
        let Some(reason) = &plugin.reason else { continue };
        let camera = plugin.camera.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
        text.push_str(&format!("\n{}{camera}: {reason}", plugin.name));
    }
    text
}

fn row(plugin: &PluginStatus) -> Vec<String> {
    let dash = || "-".to_owned();
    let component = plugin.component.as_ref();
    let digest = |digest: &str| digest.chars().take("sha256:".len() + 12).collect::<String>();
    let called = |text: String| if plugin.calls == 0 { dash() } else { text };
    let since = plugin.since.map(|since| {
        since.civil().to_zoned(jiff::tz::TimeZone::system()).strftime("%F %T").to_string()
    });
    vec![
        plugin.name.clone(),
        plugin.camera.clone().unwrap_or_else(dash),
        component.map_or_else(dash, |component| component.version.clone()),
        plugin.state.clone(),
        since.unwrap_or_else(dash),
        plugin.calls.to_string(),
        called(micros(plugin.mean_micros)),
        called(micros(plugin.p99_micros)),
        plugin.overruns.to_string(),
        plugin.faults.to_string(),
        called(show_size(plugin.memory_peak_bytes)),
        component.map_or_else(dash, |component| digest(&component.digest)),
    ]
}

fn micros(micros: f64) -> String {
    if micros < 1000.0 { format!("{micros:.0} us") } else { format!("{:.1} ms", micros / 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::PluginComponent;

    #[test]
    fn what_runs_and_what_does_not() {
        let component = PluginComponent {
            id: "analyzer-motion".into(),
            version: "0.1.0".into(),
            world: "analyzer".into(),
            digest: format!("sha256:{}", "0123456789abcdef".repeat(4)),
            grants: vec!["pictures".into()],
        };
        let plugins = [
            PluginStatus {
                name: "motion".into(),
                camera: Some("gate".into()),
                state: "running".into(),
                component: Some(component),
                calls: 7,
                mean_micros: 41.2,
                p99_micros: 1250.0,
                memory_peak_bytes: 3 << 20,
                ..PluginStatus::default()
            },
            PluginStatus {
                name: "mine".into(),
                state: "unused".into(),
                reason: Some("no camera names it".into()),
                ..PluginStatus::default()
            },
        ];
        let text = describe(&plugins);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("plugin  camera  version  state    since"), "{text}");
        assert!(lines[1].contains("41 us  1.3 ms") || lines[1].contains("41 us  1.2 ms"), "{text}");
        assert!(
            lines[1].ends_with("sha256:0123456789ab") && lines[1].contains("3.0 MiB"),
            "{text}"
        );
        assert_eq!(lines[3], "mine: no camera names it");
    }
}
