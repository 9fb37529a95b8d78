//! Times the bundled motion analyzer as a component: call, copy and kernel, on the pictures that
//! the plugin's own example `time` gives to the same code compiled natively; or another build of it,
//! whose path is given. Prints nanoseconds of processor time a picture, the median of batches.

use std::sync::Arc;

use tokio::time::Instant;
use wardline::base::Timestamp;
use wardline::base::metrics::Metrics;
use wardline::wasm::{Analyzer, Engine, InstanceConfig, Picture, Plugin, Services, Setup, bundled};

const WIDTH: u32 = 320;
const HEIGHT: u32 = 180;
const BATCHES: usize = 31;
const PICTURES: usize = 200;

#[allow(clippy::print_stdout, reason = "this is what the example is for")]
fn main() {
    let engine = Engine::new(None).expect("the engine's settings are constant");
    let bytes = match std::env::args_os().nth(1) {
        Some(path) => std::fs::read(path).expect("the component can be read"),
        None => bundled("analyzer-motion").expect("it is bundled").to_vec(),
    };
    let plugin = Plugin::load(&engine, "motion", &bytes).expect("it is built for this host");
    let params = plugin.params(&serde_json::json!({})).expect("all parameters have defaults");
    let config = InstanceConfig {
        name: "motion".into(),
        camera: Some("bench".into()),
        zone: jiff::tz::TimeZone::UTC,
        metrics: Metrics::default(),
        memory_bytes: None,
        services: Services::default(),
        proving: false,
    };
    let setup = Setup { params, ..Setup::default() };
    let (mut analyzer, _) =
        Analyzer::new(&plugin, config, &setup, Timestamp::ZERO).expect("its defaults work");
    let pictures: Vec<Arc<Vec<u8>>> = (0..PICTURES).map(|n| Arc::new(picture(n))).collect();
    let mut sequence = 0;
    let mut medians: Vec<u128> = (0..BATCHES)
        .map(|_| {
            let start = Instant::now();
            for pixels in &pictures {
                sequence += 1;
                let picture = Picture {
                    sequence,
                    time: Timestamp::from_millis(sequence as i64 * 200),
                    width: WIDTH,
                    height: HEIGHT,
                    skipped: 0,
                    key: false,
                    gap: false,
                };
                analyzer.analyze(picture, pixels).expect("pictures are as wished");
            }
            start.elapsed().as_nanos() / PICTURES as u128
        })
        .collect();
    medians.sort_unstable();
    println!("{}", medians[BATCHES / 2]);
}

/// Noise of a camera, and a box that moves through it.
fn picture(number: usize) -> Vec<u8> {
    let mut random = 0x9e37_79b9_u32.wrapping_mul(number as u32 + 1);
    let (left, top) = (number % 280, 60 + number % 40);
    (0..(WIDTH * HEIGHT) as usize)
        .map(|at| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y) = (at % WIDTH as usize, at / WIDTH as usize);
            let inside = (left..left + 40).contains(&x) && (top..top + 60).contains(&y);
            let level = if inside { 200 } else { 90 };
            level + (random >> 29) as u8
        })
        .collect()
}
