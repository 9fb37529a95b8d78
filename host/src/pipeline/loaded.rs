//! What the configured plugins are and how they fare, for `wardline plugin status`.

use std::collections::BTreeMap;

use super::plugins::Plugins;
use super::status;
use crate::base::Error;
use crate::base::metrics::{Metrics, Plugin as Labels};
use crate::config::Config;
use crate::seat::Facts;
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

    /// How all fare: those that serve somebody as `serving` says, those that are only `tried`, and
    /// those that do neither.
    pub(super) fn status(
        &self,
        serving: &[status::Plugin],
        tried: &[status::Plugin],
    ) -> Vec<PluginStatus> {
        let mut all = Vec::new();
        for name in &self.names {
            let before = all.len();
            let own = serving.iter().chain(tried).filter(|plugin| plugin.name == *name);
            all.extend(own.map(|plugin| self.serving(plugin)));
            if all.len() == before {
                all.push(self.unused(name));
            }
        }
        all
    }

    fn serving(&self, plugin: &status::Plugin) -> PluginStatus {
        let facts = plugin.facts.borrow().clone();
        let loaded = self.components.get(&plugin.name);
        let (state, mut reason) = match &*plugin.standing.borrow() {
            Standing::Starting => ("starting", None),
            Standing::Waiting => ("waiting", Some("its camera delivers nothing".to_owned())),
            Standing::Running => ("running", remark(&facts)),
            Standing::Down { reason } => ("down", Some(reason.clone())),
            Standing::Quarantined { reason } => ("quarantined", Some(reason.clone())),
        };
        if let (Some(Err(why)), None) = (loaded, &facts.offer) {
            reason = Some(why.clone());
        }
        if let Some(place) = &plugin.candidate_for {
            let more = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            reason = Some(format!("a candidate for `{place}`, neither heard nor obeyed{more}"));
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
            since: facts.since,
            component: match &facts.offer {
                Some(offer) => Some(component(&offer.plugin)),
                None => loaded.and_then(|loaded| loaded.as_ref().ok()).cloned(),
            },
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

/// What is to be said of one that runs.
fn remark(facts: &Facts) -> Option<String> {
    match &facts.reload_failed {
        Some(why) => Some(format!("runs on after a reload that failed: {why}")),
        None => facts.on_probation.then(|| "on probation: the one before stands by".to_owned()),
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

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::base::Timestamp;
    use crate::seat::Offer;
    use crate::wasm::standing::standing;
    use crate::wasm::{Engine, guests};

    fn shown(standing: Standing, facts: Facts, candidate_for: Option<&str>) -> PluginStatus {
        let component = PluginComponent {
            version: "2.0.0".into(),
            digest: "sha256:22".into(),
            ..PluginComponent::default()
        };
        let loaded = Loaded {
            names: vec!["keep".into()],
            components: BTreeMap::from([("keep".into(), Ok(component))]),
            metrics: Metrics::default(),
        };
        let (teller, asker) = self::standing();
        teller.send_replace(standing);
        let plugin = status::Plugin {
            name: "keep".into(),
            camera: Some("gate".into()),
            standing: asker,
            facts: watch::channel(facts).1,
            candidate_for: candidate_for.map(Into::into),
        };
        loaded.status(&[], &[plugin]).remove(0)
    }

    #[test]
    fn who_is_in_charge_is_shown_and_since_when() {
        let since = Some(Timestamp::from_millis(1_763_800_000_000));
        let component = guests::component("policy-remembers");
        let (engine, asked) = (Engine::new(None).unwrap(), wasm::Terms::AsAsked);
        let plugin = wasm::Plugin::load_on(&asked, &engine, "keep", &component).unwrap();
        let digest = format!("sha256:{}", plugin.digest());
        let offer = Some(Offer { plugin, params: "{}".into() });
        let facts = Facts { offer, since, ..Facts::default() };
        let failed = Facts { reload_failed: Some("init trapped".into()), ..facts.clone() };
        let found = shown(Standing::Running, failed, None);
        let component = found.component.unwrap();
        assert_eq!((component.digest, component.grants), (digest, vec!["kv:1KiB".to_owned()]));
        assert_eq!(found.since, since);
        assert!(found.reason.unwrap().ends_with("reload that failed: init trapped"));
        let tried = shown(Standing::Down { reason: "trap".into() }, facts.clone(), Some("now"));
        assert_eq!(tried.reason.unwrap(), "a candidate for `now`, neither heard nor obeyed: trap");
        assert_eq!(shown(Standing::Running, facts, None).reason, None);
        let never = shown(Standing::Starting, Facts::default(), None);
        assert_eq!((never.since, never.component.unwrap().version), (None, "2.0.0".to_owned()));
    }
}
