//! `wardline:plugin/metrics`: figures of guests in the host's, with bounded names.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::gauge::Gauge;

use crate::base::metrics::{Guest, Metrics};
use crate::wasm::bindings::wardline::plugin::metrics;
use crate::wasm::instance::Host;
use crate::wasm::limits;

/// The figures of one instance.
pub(in crate::wasm) struct Figures {
    metrics: Metrics,
    plugin: String,
    camera: String,
    known: BTreeMap<String, Gauge<f64, AtomicU64>>,
    /// Calls with a name or a number that is against the contract.
    ignored: u64,
    /// Nothing of it counts.
    muted: bool,
}

impl Figures {
    pub(in crate::wasm) fn new(metrics: Metrics, plugin: &str, camera: Option<&str>) -> Self {
        Self {
            metrics,
            plugin: plugin.to_owned(),
            camera: camera.unwrap_or_default().to_owned(),
            known: BTreeMap::new(),
            ignored: 0,
            muted: false,
        }
    }

    /// From here on nothing counts, or all does again.
    pub(in crate::wasm) fn mute(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// The figure of this name, where the name is allowed and there is room for it.
    fn figure(&mut self, name: String) -> Option<&Gauge<f64, AtomicU64>> {
        if self.muted {
            return None;
        }
        if !self.known.contains_key(&name) {
            if self.known.len() >= limits::METRICS || !is_name(&name) {
                self.complain(&name);
                return None;
            }
            let labels = Guest {
                camera: self.camera.clone(),
                plugin: self.plugin.clone(),
                name: name.clone(),
            };
            let gauge = self.metrics.guest.get_or_create(&labels).clone();
            self.known.insert(name.clone(), gauge);
        }
        self.known.get(&name)
    }

    /// Says so once an instance, and counts.
    fn complain(&mut self, name: &str) {
        if self.ignored == 0 {
            let (plugin, camera) = (&self.plugin, &self.camera);
            let name = super::cut(name, limits::METRIC_BYTES);
            tracing::warn!(
                plugin,
                camera,
                name,
                "plugin's metric ignored, and further ones like it"
            );
        }
        self.ignored += 1;
    }
}

impl metrics::Host for Host {
    fn add(&mut self, name: String, delta: f64) {
        if !delta.is_finite() || delta < 0.0 {
            self.metrics.complain(&name);
        } else if let Some(figure) = self.metrics.figure(name) {
            figure.inc_by(delta);
        }
    }

    fn set(&mut self, name: String, value: f64) {
        if !value.is_finite() {
            self.metrics.complain(&name);
        } else if let Some(figure) = self.metrics.figure(name) {
            figure.set(value);
        }
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= limits::METRIC_BYTES
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_bounded() {
        let metrics = Metrics::default();
        let mut figures = Figures::new(metrics.clone(), "motion", Some("gate"));
        for bad in ["", "Score", "a b", "1st", "é", &"x".repeat(65)] {
            assert!(figures.figure(bad.into()).is_none(), "{bad}");
        }
        assert_eq!(figures.ignored, 6);
        let known = (0..100).filter(|n| figures.figure(format!("n{n}")).is_some()).count();
        assert_eq!(known, limits::METRICS);
        figures.figure("n0".into()).unwrap().set(0.5);
        let text = metrics.text();
        assert!(text.contains("plugin=\"motion\",name=\"n0\"} 0.5"), "{text}");
    }
}
