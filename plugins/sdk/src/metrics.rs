//! Counters and gauges for the host's /metrics. On native targets they go nowhere.

/// Adds to a counter. Names are `[a-z][a-z0-9_]*`.
pub fn add(name: &str, delta: f64) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::base::wardline::plugin::metrics::add(name, delta);
    #[cfg(not(target_arch = "wasm32"))]
    let _ = (name, delta);
}

/// Sets a gauge. Names are `[a-z][a-z0-9_]*`.
pub fn set(name: &str, value: f64) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::base::wardline::plugin::metrics::set(name, value);
    #[cfg(not(target_arch = "wasm32"))]
    let _ = (name, value);
}
