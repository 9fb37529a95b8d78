//! The figures that `/metrics` shows. Stages count; `serve` prints.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::latency::Latencies;

/// Figures of one camera.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Camera {
    /// The camera's name in the configuration.
    pub camera: String,
}

/// Drops on one edge of a camera's flow.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Edge {
    /// The camera's name in the configuration.
    pub camera: String,
    /// `record`, `decode`, `live`, `view`, `analyze`, `listen` or `disk`: the stage that could not
    /// take more. `say`: what a plugin may not have stored.
    pub edge: &'static str,
}

/// Figures of one directory that holds recordings.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Place {
    /// Its name in the configuration; `main` for `[store]`.
    pub store: String,
}

/// Figures of one plugin on one camera (`camera` is empty for event sources).
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Plugin {
    /// The camera's name, or nothing.
    pub camera: String,
    /// The plugin's name in the configuration.
    pub plugin: String,
}

/// A figure that a guest set through `metrics`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Guest {
    /// The camera's name, or nothing.
    pub camera: String,
    /// The plugin's name in the configuration.
    pub plugin: String,
    /// The name that the guest chose.
    pub name: String,
}

/// A gauge of a real number.
pub type FloatGauge = Gauge<f64, AtomicU64>;
type Latency = Family<Plugin, Histogram, fn() -> Histogram>;

/// All figures. Cheap to clone: clones share the figures.
#[derive(Clone)]
#[allow(missing_docs, reason = "the help texts in `register` are the documentation")]
pub struct Metrics {
    pub packets: Family<Camera, Counter>,
    pub bytes: Family<Camera, Counter>,
    pub lost_packets: Family<Camera, Counter>,
    pub connected: Family<Camera, Gauge>,
    pub reconnects: Family<Camera, Counter>,
    pub gaps: Family<Camera, Counter>,
    pub drops: Family<Edge, Counter>,
    pub viewers: Family<Camera, Gauge>,
    pub fragments: Family<Camera, Counter>,
    pub written_bytes: Family<Camera, Counter>,
    pub segments: Family<Camera, Counter>,
    pub preroll_seconds: Family<Camera, FloatGauge>,
    pub pictures: Family<Camera, Counter>,
    pub decode_errors: Family<Camera, Counter>,
    pub fail_open: Family<Camera, Gauge>,
    pub recording: Family<Camera, Gauge>,
    pub stalled: Family<Camera, Gauge>,
    pub events: Family<Plugin, Counter>,
    pub requests: Family<Plugin, Counter>,
    pub calls: Family<Plugin, Counter>,
    pub call_seconds: Latency,
    /// The same lengths, for those who ask for percentiles: not registered.
    pub call_lengths: Family<Plugin, Arc<Latencies>>,
    pub overruns: Family<Plugin, Counter>,
    pub faults: Family<Plugin, Counter>,
    pub memory_peak_bytes: Family<Plugin, Gauge>,
    pub guest: Family<Guest, FloatGauge>,
    pub sync_seconds: Histogram,
    pub deleted_segments: Family<Camera, Counter>,
    pub moved_segments: Family<Place, Counter>,
    pub free_bytes: Family<Place, Gauge>,
    pub stored_bytes: Family<Place, Gauge>,
    pub store_errors: Counter,
    pub checked: Counter,
    pub checked_at: Gauge,
    pub found: Counter,
}

fn latency() -> Histogram {
    Histogram::new(exponential_buckets(10e-6, 4.0, 9))
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            packets: Family::default(),
            bytes: Family::default(),
            lost_packets: Family::default(),
            connected: Family::default(),
            reconnects: Family::default(),
            gaps: Family::default(),
            drops: Family::default(),
            viewers: Family::default(),
            fragments: Family::default(),
            written_bytes: Family::default(),
            segments: Family::default(),
            preroll_seconds: Family::default(),
            pictures: Family::default(),
            decode_errors: Family::default(),
            fail_open: Family::default(),
            recording: Family::default(),
            stalled: Family::default(),
            events: Family::default(),
            requests: Family::default(),
            calls: Family::default(),
            call_seconds: Family::new_with_constructor(latency),
            call_lengths: Family::default(),
            overruns: Family::default(),
            faults: Family::default(),
            memory_peak_bytes: Family::default(),
            guest: Family::default(),
            sync_seconds: Histogram::new(exponential_buckets(0.001, 4.0, 8)),
            deleted_segments: Family::default(),
            moved_segments: Family::default(),
            free_bytes: Family::default(),
            stored_bytes: Family::default(),
            store_errors: Counter::default(),
            checked: Counter::default(),
            checked_at: Gauge::default(),
            found: Counter::default(),
        }
    }
}

impl Metrics {
    /// The Prometheus text form of all figures.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.register()).expect("a String takes everything");
        text
    }

    fn register(&self) -> Registry {
        let mut r = Registry::with_prefix("wardline");
        r.register("packets", "Video units and audio frames received", self.packets.clone());
        r.register_with_unit("received", "Media received", Unit::Bytes, self.bytes.clone());
        r.register("lost_packets", "RTP packets that never came", self.lost_packets.clone());
        r.register("connected", "1 while the camera delivers", self.connected.clone());
        r.register("reconnects", "Sessions after the first", self.reconnects.clone());
        r.register("gaps", "Interruptions of a camera's video", self.gaps.clone());
        r.register("live_viewers", "Viewers of live video", self.viewers.clone());
        r.register("queue_drops", "What a stage had no room for", self.drops.clone());
        r.register("fragments", "Fragments handed to the disk", self.fragments.clone());
        r.register_with_unit("written", "Bytes on disk", Unit::Bytes, self.written_bytes.clone());
        r.register("segments", "Segments closed and indexed", self.segments.clone());
        r.register_with_unit(
            "preroll",
            "Length of the pre-roll ring",
            Unit::Seconds,
            self.preroll_seconds.clone(),
        );
        r.register("pictures", "Pictures decoded", self.pictures.clone());
        r.register("decode_errors", "Units that did not decode", self.decode_errors.clone());
        r.register(
            "fail_open",
            "1 while everything is recorded because a plugin is down",
            self.fail_open.clone(),
        );
        r.register("recording", "1 while video reaches the disk", self.recording.clone());
        r.register(
            "stalled",
            "1 while a camera delivers what is to be recorded, and nothing reaches the disk",
            self.stalled.clone(),
        );
        r.register("events", "Events stored", self.events.clone());
        r.register("plugin_requests", "Requests that plugins sent", self.requests.clone());
        r.register("plugin_calls", "Calls of a plugin", self.calls.clone());
        r.register_with_unit(
            "plugin_call",
            "Length of a call",
            Unit::Seconds,
            self.call_seconds.clone(),
        );
        r.register("plugin_overruns", "Calls over half their deadline", self.overruns.clone());
        r.register("plugin_faults", "Traps, missed deadlines and nonsense", self.faults.clone());
        r.register_with_unit(
            "plugin_memory_peak",
            "Most memory that an instance has had",
            Unit::Bytes,
            self.memory_peak_bytes.clone(),
        );
        r.register("plugin_value", "What plugins report of themselves", self.guest.clone());
        r.register_with_unit("sync", "Length of a sync", Unit::Seconds, self.sync_seconds.clone());
        r.register("deleted_segments", "Segments deleted", self.deleted_segments.clone());
        let moved = self.moved_segments.clone();
        r.register("moved_segments", "Segments that came from another store", moved);
        let free = self.free_bytes.clone();
        r.register_with_unit("store_free", "Free where recordings lie", Unit::Bytes, free);
        let stored = self.stored_bytes.clone();
        r.register_with_unit("store_used", "Recordings that lie there", Unit::Bytes, stored);
        r.register(
            "store_errors",
            "Failed writes, syncs and index steps",
            self.store_errors.clone(),
        );
        r.register_with_unit("checked", "Recordings checked", Unit::Bytes, self.checked.clone());
        r.register("checked_at_seconds", "When all was last checked", self.checked_at.clone());
        r.register("check_findings", "Recordings found damaged or lost", self.found.clone());
        r
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_names_labels_and_values() {
        let metrics = Metrics::default();
        metrics.gaps.get_or_create(&Camera { camera: "gate".into() }).inc();
        let text = metrics.text();
        assert!(text.contains("wardline_gaps_total{camera=\"gate\"} 1"), "{text}");
    }
}
