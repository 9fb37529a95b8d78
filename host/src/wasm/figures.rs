//! What the host counts of an instance's calls.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::instance::{CallStats, InstanceConfig};
use crate::base::latency::Latencies;
use crate::base::metrics::Plugin as Labels;

/// The figures of one instance's calls.
pub(super) struct Figures {
    calls: Counter,
    seconds: Histogram,
    lengths: Arc<Latencies>,
    overruns: Counter,
    pub(super) faults: Counter,
    memory_peak: Gauge,
}

impl Figures {
    pub(super) fn new(config: &InstanceConfig) -> Self {
        let labels = Labels {
            camera: config.camera.clone().unwrap_or_default(),
            plugin: config.name.clone(),
        };
        let metrics = &config.metrics;
        Self {
            calls: metrics.calls.get_or_create(&labels).clone(),
            seconds: metrics.call_seconds.get_or_create(&labels).clone(),
            lengths: metrics.call_lengths.get_or_create(&labels).clone(),
            overruns: metrics.overruns.get_or_create(&labels).clone(),
            faults: metrics.faults.get_or_create(&labels).clone(),
            memory_peak: metrics.memory_peak_bytes.get_or_create(&labels).clone(),
        }
    }

    pub(super) fn count(&self, stats: CallStats, memory_peak_bytes: u64) {
        self.calls.inc();
        self.seconds.observe(stats.cpu.as_secs_f64());
        self.lengths.count(stats.cpu);
        self.overruns.inc_by(u64::from(stats.overrun));
        let peak = i64::try_from(memory_peak_bytes).unwrap_or(i64::MAX);
        self.memory_peak.set(self.memory_peak.get().max(peak));
    }
}
