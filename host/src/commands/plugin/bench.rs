//! `wardline plugin bench`: what a plugin's calls cost on this machine.

use std::time::Duration;

use serde_json::json;

use super::{component, output, params};
use crate::author::measure::{self, Figures};
use crate::base::Result;
use crate::cli::BenchPlugin;
use crate::config::show_size;

pub(super) fn bench(arguments: &BenchPlugin) -> Result<()> {
    let (_, bytes) = component(&arguments.plugin)?;
    let params = params(arguments.params.as_deref())?;
    let cache = super::cache();
    let body = arguments.body.as_deref().map(str::as_bytes);
    let figures = measure::run(&bytes, &params, body, cache.as_deref())?;
    if arguments.json {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        return output::json(&json!({
            "what": figures.what,
            "calls": figures.calls,
            "init_us": micros(figures.init),
            "p50_us": micros(figures.p50),
            "p99_us": micros(figures.p99),
            "instructions": figures.instructions,
            "memory_peak_bytes": figures.memory_peak_bytes,
            "copying": figures.copying,
        }));
    }
    output::line(describe(&figures))
}

fn describe(figures: &Figures) -> String {
    let micros = |time: Duration| format!("{:.1} us", time.as_secs_f64() * 1e6);
    let mut rows = vec![
        ("call", figures.what.clone()),
        ("calls", figures.calls.to_string()),
        ("init", micros(figures.init)),
        ("p50", micros(figures.p50)),
        ("p99", micros(figures.p99)),
        ("instructions", format!("{} a call", figures.instructions)),
        ("memory", show_size(figures.memory_peak_bytes)),
    ];
    if let Some(copying) = figures.copying {
        rows.push(("copying", format!("{:.0} % of a call", copying * 100.0)));
    }
    let rows = rows.into_iter().map(|(name, value)| format!("{name:<13}{value}"));
    rows.collect::<Vec<_>>().join("\n")
}
