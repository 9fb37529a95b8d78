//! What the configured plugins are and how they fare, for `wardline plugin status`.

use std::collections::BTreeMap;

use super::plugins::Plugins;
use super::status;
use crate::base::Error;
use crate::base::metrics::{Metrics, Plugin as Labels};
use crate::config::Config;
use crate::serve::{PluginComponent, PluginStatus};
use crate::wasm;
use crate::wasm::standing::Standing;

/// All plugins of the configuration: what was loaded of each, or why nothing was.
#[derive(Default)]
pub(super) struct Loaded {
    /// In the order of the configuration.
    names: Vec<String>,
    components: BTreeMap<String, Result<PluginComponent, String>>,
    metrics: Metrics,
}

impl Loaded {
    pub(super) fn new(config: &Config, plugins: &Plugins, metrics: Metrics) -> Self {
        let component = |(name, ready): (&String, &Result<_, Error>)| {
            let ready: &Result<crate::seat::Offer, _> = ready;
            let what = ready.as_ref().map(|ready| component(&ready.plugin)).map_err(Error::chain);
            (name.clone(), what)
        };
        Self {
            names: config.plugins.iter().map(|plugin| plugin.name.clone()).collect(),
            components: plugins.iter().map(component).collect(),
            metrics,
        }
    }

    /// How all fare: those that serve somebody as `serving` says, and those that do not.
    pub(super) fn status(&self, serving: &[status::Plugin]) -> Vec<PluginStatus> {
        let mut all = Vec::new();
        for name in &self.names {
            let before = all.len();
            let own = serving.iter().filter(|plugin| plugin.name == *name);
            all.extend(own.map(|plugin| self.serving(plugin)));
            if all.len() == before {
                all.push(self.unused(name));
            }
        }
        all
    }

    fn serving(&self, plugin: &status::Plugin) -> PluginStatus {
        let (state, mut reason) = match &*plugin.standing.borrow() {
            Standing::Starting => ("starting", None),
            Standing::Waiting => ("waiting", Some("its camera delivers nothing".to_owned())),
            Standing::Running => ("running", None),
            Standing::Down { reason } => ("down", Some(reason.clone())),
            Standing::Quarantined { reason } => ("quarantined", Some(reason.clone())),
        };
        let component = self.components.get(&plugin.name);
        if let Some(Err(why)) = component {
            reason = Some(why.clone());
        }
        let camera = plugin.camera.clone().unwrap_or_default();
        let labels = Labels { camera, plugin: plugin.name.clone() };
        let metrics = &self.metrics;
        let calls = metrics.call_lengths.get_or_create(&labels).summary();
        let micros = |length: std::time::Duration| length.as_nanos() as f64 / 1000.0;
        let peak = metrics.memory_peak_bytes.get_or_create(&labels).get();
        PluginStatus {
            name: plugin.name.clone(),
            camera: plugin.camera.clone(),
            state: state.into(),
            reason,
            since: None,
            component: component.and_then(|component| component.as_ref().ok()).cloned(),
            calls: calls.count,
            mean_micros: micros(calls.mean),
            p50_micros: micros(calls.p50),
            p99_micros: micros(calls.p99),
            overruns: metrics.overruns.get_or_create(&labels).get(),
            faults: metrics.faults.get_or_create(&labels).get(),
            memory_peak_bytes: u64::try_from(peak).unwrap_or(0),
        }
    }

    fn unused(&self, name: &str) -> PluginStatus {
        let component = self.components.get(name);
        let why = match component {
            Some(Err(why)) => why.clone(),
            _ => "no camera names it".into(),
        };
        PluginStatus {
            name: name.into(),
            state: "unused".into(),
            reason: Some(why),
            component: component.and_then(|component| component.as_ref().ok()).cloned(),
            ..PluginStatus::default()
        }
    }
}

fn component(plugin: &wasm::Plugin) -> PluginComponent {
    let manifest = plugin.manifest();
    PluginComponent {
        id: manifest.id.clone(),
        version: manifest.version.clone(),
        world: plugin.world().as_str().into(),
        digest: format!("sha256:{}", plugin.digest()),
        grants: plugin.grants().list(),
    }
}
