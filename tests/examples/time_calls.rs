//! What calls of plugins cost, and what instances take: one that does nothing beside each bundled
//! one. Prints a line a plugin: its name, what it was given, the processor time of a call in
//! nanoseconds (p50, p99), of its `init`, its memory in bytes, and the part of a call that copying
//! the input takes (`-` where there is nothing to copy). Then a line a plugin with the resident
//! bytes of an instance among [`INSTANCES`], all of them alive in one process.

use jiff::tz::TimeZone;
use serde_json::json;
use wardline::author::measure;
use wardline::base::Timestamp;
use wardline::base::metrics::Metrics;
use wardline::wasm::{
    Analyzer, Engine, InstanceConfig, Picture, Plugin, Policy, Services, Setup, Source, Video,
    bundled,
};
use wardline_tests::guests;

/// Alive together, of each bundled plugin.
const INSTANCES: usize = 100;

const PLUGINS: [&str; 3] = ["analyzer-motion", "source-webhook", "policy-pre-post"];

/// What the bundled source expects of a hook.
const BODY: &[u8] = br#"{"kind": "door.opened"}"#;

const WIDTH: u32 = 320;
const HEIGHT: u32 = 180;

#[allow(clippy::print_stdout, reason = "this is what the example is for")]
fn main() {
    for name in ["analyzer-quiet", "policy-quiet"] {
        row(name, &guests::component(name));
    }
    for name in PLUGINS {
        row(name, bundled(name).expect("it is bundled"));
    }
    let engine = Engine::new(None).expect("the engine's settings are constant");
    let mut all = Vec::new();
    for name in PLUGINS {
        let bytes = bundled(name).expect("it is bundled");
        let plugin = Plugin::load(&engine, name, bytes).expect("it is built for this host");
        let before = resident();
        all.extend((0..INSTANCES).map(|number| Alive::new(&plugin, number)));
        println!("instance {name} {}", resident().saturating_sub(before) / INSTANCES as u64);
    }
    println!("process {}", resident());
}

#[allow(clippy::print_stdout, reason = "this is what the example is for")]
fn row(name: &str, bytes: &[u8]) {
    let figures = measure::run(bytes, &json!({}), Some(BODY), None).expect("it works");
    let copying = figures.copying.map_or("-".to_owned(), |part| format!("{part:.3}"));
    println!(
        "call {name} {} {} {} {} {copying} {}",
        figures.p50.as_nanos(),
        figures.p99.as_nanos(),
        figures.init.as_nanos(),
        figures.memory_peak_bytes,
        figures.what,
    );
}

/// An instance that has done what it is there for once.
#[allow(dead_code, reason = "they are only to be alive")]
enum Alive {
    Analyzer(Analyzer),
    Source(Source),
    Policy(Policy),
}

impl Alive {
    fn new(plugin: &Plugin, number: usize) -> Self {
        let now = Timestamp::ZERO;
        let world = plugin.world().as_str();
        let config = InstanceConfig {
            name: world.into(),
            camera: (world != "source").then(|| format!("camera{number}")),
            zone: TimeZone::UTC,
            metrics: Metrics::default(),
            memory_bytes: None,
            services: Services::default(),
            proving: false,
        };
        let params = plugin.params(&json!({})).expect("all parameters have defaults");
        let video = Video { codec: "avc1.4d401f".into(), width: 1920, height: 1080, fps: 25.0 };
        let setup = Setup { params, video: Some(video), ..Setup::default() };
        match world {
            "analyzer" => {
                let (mut analyzer, _) =
                    Analyzer::new(plugin, config, &setup, now).expect("its defaults work");
                for sequence in 0..2 {
                    let picture = Picture {
                        sequence,
                        time: now.offset(sequence as i64 * 200_000),
                        width: WIDTH,
                        height: HEIGHT,
                        skipped: 0,
                        key: false,
                        gap: false,
                    };
                    let pixels = vec![90; (WIDTH * HEIGHT) as usize];
                    analyzer.analyze(picture, &pixels).expect("pictures are as wished");
                }
                Self::Analyzer(analyzer)
            }
            "source" => {
                let (source, _) =
                    Source::new(plugin, config, &setup, now).expect("its defaults work");
                Self::Source(source)
            }
            _ => {
                let mut policy =
                    Policy::new(plugin, config, &setup, now).expect("its defaults work");
                policy.on_wake(now).expect("nothing is due");
                Self::Policy(policy)
            }
        }
    }
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kibibytes.expect("it says so in kB") * 1024
}
