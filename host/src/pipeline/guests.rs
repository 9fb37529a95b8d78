//! The plugins that are there to be named: what was loaded of each, whom it comes after, and which of
//! them are candidates.

use std::collections::BTreeMap;

use super::plugins::Plugins;
use crate::config::{self, Chain, Config};
use crate::wasm::standing::Standing;

/// All of a configuration.
pub(super) struct Guests {
    pub(super) plugins: Plugins,
    /// By plugin: whom it comes after.
    chains: BTreeMap<String, Chain>,
    /// By the plugin in charge: who may take its place.
    candidates: BTreeMap<String, String>,
}

impl Guests {
    pub(super) fn new(config: &Config, plugins: Plugins) -> Self {
        let chain = |plugin: &config::Plugin| (plugin.name.clone(), plugin.chain.clone());
        let candidate =
            |plugin: &config::Plugin| Some((plugin.name.clone(), plugin.shadow.clone()?));
        Self {
            plugins,
            chains: config.plugins.iter().map(chain).collect(),
            candidates: config.plugins.iter().filter_map(candidate).collect(),
        }
    }

    /// Whom a plugin comes after.
    pub(super) fn chain(&self, name: &str) -> Option<&Chain> {
        self.chains.get(name)
    }

    /// Who may take the place of this one.
    pub(super) fn candidate(&self, place: &str) -> Option<&String> {
        self.candidates.get(place)
    }

    /// It is in charge nowhere.
    pub(super) fn is_candidate(&self, name: &str) -> bool {
        self.candidates.values().any(|candidate| candidate == name)
    }

    /// Places on a camera, each with who may take it.
    pub(super) fn candidates_of<'a>(
        &'a self,
        camera: &'a config::Camera,
    ) -> impl Iterator<Item = (&'a String, &'a String)> {
        let places = camera.policies.iter().chain(&camera.analyzers);
        places.filter_map(|place| Some((place, self.candidate(place)?)))
    }
}

/// The standing of a plugin that could not be loaded.
pub(super) fn unloaded(name: &str) -> Standing {
    Standing::Quarantined { reason: format!("plugin {name} could not be loaded: see the log") }
}
