//! Guests that misbehave, each with the fault or refusal that it must get, and the message that
//! tells a person what to do.

mod bundled;
mod granted;
mod optional;

use std::time::Duration;

use jiff::tz::TimeZone;

use super::*;
use crate::base::Timestamp;
use crate::base::metrics::Metrics;
use crate::decode::{Fit, PixelFormat};
use crate::events::{Event, Notice, Phase};

const NOW: Timestamp = Timestamp::ZERO;

fn engine() -> Engine {
    static ENGINE: std::sync::OnceLock<Engine> = std::sync::OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(None).unwrap()).clone()
}

fn load(guest: &str) -> Plugin {
    Plugin::load(&engine(), "test", &guests::component(guest)).unwrap()
}

fn config(metrics: &Metrics) -> InstanceConfig {
    InstanceConfig {
        name: "test".into(),
        camera: Some("gate".into()),
        zone: TimeZone::UTC,
        metrics: metrics.clone(),
        memory_bytes: None,
        services: Services::default(),
        proving: false,
    }
}

fn analyzer(guest: &str, metrics: &Metrics) -> Analyzer {
    let made = Analyzer::new(&load(guest), config(metrics), &Setup::default(), NOW);
    let (analyzer, wishes) = made.unwrap();
    let pictures = wishes.pictures.unwrap();
    assert_eq!((pictures.max_width, pictures.max_height), (320, 180));
    assert_eq!((pictures.format, pictures.pace), (PixelFormat::Gray8, Pace::Fps(5.0)));
    analyzer
}

fn look(analyzer: &mut Analyzer, sequence: u64) -> Result<Vec<Event>, Fault> {
    let time = Timestamp::from_millis(200 * i64::try_from(sequence).unwrap());
    let (width, height, skipped, key, gap) = (320, 180, 0, false, false);
    let picture = Picture { sequence, time, width, height, skipped, key, gap };
    analyzer.analyze(picture, &vec![7; PixelFormat::Gray8.bytes(width, height)])
}

fn notice() -> Notice {
    let event = Event {
        id: "gate/motion/1/1".into(),
        kind: "motion".into(),
        phase: Phase::Instant,
        time: NOW,
        confidence: 1.0,
        regions: Vec::new(),
        cameras: Vec::new(),
        correlation: None,
        attributes: Vec::new(),
    };
    Notice { event, camera: "gate".into(), origin: "motion".into(), received: NOW, sequence: 1 }
}

fn policy(guest: &str) -> Policy {
    let metrics = Metrics::default();
    Policy::new(&load(guest), config(&metrics), &Setup::default(), NOW).unwrap()
}

#[test]
fn good_guests_are_well() {
    let metrics = Metrics::default();
    for guest in ["analyzer-quiet", "analyzer-lives-small", "contract-later"] {
        let mut analyzer = analyzer(guest, &metrics);
        for sequence in 0..50 {
            assert_eq!(look(&mut analyzer, sequence).unwrap(), [], "{guest}");
        }
    }
    let mut policy = policy("policy-quiet");
    assert_eq!(policy.on_event(&notice(), NOW).unwrap(), Answer::default());
    assert_eq!(policy.on_wake(NOW).unwrap(), Answer::default());
    let text = metrics.text();
    // 50 pictures and `init`, three times.
    assert!(text.contains("plugin_calls_total{camera=\"gate\",plugin=\"test\"} 153"), "{text}");
    assert!(text.contains("plugin_faults_total{camera=\"gate\",plugin=\"test\"} 0"), "{text}");
    // It grew by 16 pages as often as it might, from 2.
    let peak = (2 + 63 * 16) << 16;
    let peak = format!("plugin_memory_peak_bytes{{camera=\"gate\",plugin=\"test\"}} {peak}");
    assert!(text.contains(&peak), "{text}");
}

/// The first picture brings the fault, and what was poisoned stays so.
#[test]
fn bad_analyzers_get_their_fault() {
    for (guest, word, said) in [
        ("analyzer-loops", "deadline", "used more than 250 ms of processor time"),
        ("analyzer-eats-memory", "out-of-memory", "ran out of memory, limit 64 MiB: raise"),
        ("analyzer-traps", "trapped", "panicked at src/motion.rs:7:1 (in "),
        ("analyzer-recurses", "trapped", "call stack exhausted (in "),
        ("analyzer-grows-tables", "out-of-memory", "ran out of memory, limit 64 MiB: raise"),
        ("analyzer-not-finite", "nonsense", "event \"1\": an area is not finite"),
        ("analyzer-endless-list", "nonsense", "handed over more than 4 MiB in one call"),
        ("analyzer-wild-pointer", "nonsense", "answered against the contract: "),
    ] {
        let metrics = Metrics::default();
        let mut analyzer = analyzer(guest, &metrics);
        let fault = look(&mut analyzer, 1).unwrap_err();
        let text = fault.to_string();
        assert_eq!(fault.word(), word, "{text}");
        assert!(text.starts_with("plugin test 0.1.0 of camera gate: analyze "), "{text}");
        assert!(text.contains(said) && text.contains("author"), "{guest}: {text}");
        assert!(fault.wants_new_instance());
        if fault.poisons() {
            assert_eq!(look(&mut analyzer, 2).unwrap_err().cause, Cause::Gone);
        }
        let counted = "plugin_faults_total{camera=\"gate\",plugin=\"test\"} 1\n";
        assert!(metrics.text().contains(counted), "{guest} is counted once");
    }
}

#[test]
fn the_deadline_is_processor_time_and_half_of_it_an_overrun() {
    let mut analyzer = analyzer("analyzer-loops", &Metrics::default());
    look(&mut analyzer, 1).unwrap_err();
    let stats = analyzer.last_call();
    assert!(stats.overrun);
    let limits = Duration::from_millis(250)..Duration::from_millis(400);
    assert!(limits.contains(&stats.cpu), "{:?}", stats.cpu);
}

#[test]
fn the_operator_and_the_manifest_limit_memory_and_time() {
    let manifest = "id = \"test\"\nversion = \"2.0.0\"\nworld = \"analyzer-plugin\"\napi = \"0.1\"\n\
                    [[capability]]\nname = \"pictures\"\nreason = \"a test\"\n[limits]\nmemory = \"8MiB\"\ndeadline-ms = 30\n";
    for (operator, guest, said) in [
        (None, "analyzer-eats-memory", "limit 8 MiB"),
        (Some(2 << 20), "analyzer-eats-memory", "limit 2 MiB"),
        (None, "analyzer-loops", "more than 30 ms"),
    ] {
        let bytes = guests::component_with(guest, manifest);
        let plugin = Plugin::load(&engine(), "test", &bytes).unwrap();
        let config = InstanceConfig { memory_bytes: operator, ..config(&Metrics::default()) };
        let (mut analyzer, _) = Analyzer::new(&plugin, config, &Setup::default(), NOW).unwrap();
        let text = look(&mut analyzer, 1).unwrap_err().to_string();
        assert!(
            text.starts_with("plugin test 2.0.0 of camera gate: ") && text.contains(said),
            "{text}"
        );
    }
    let made = Analyzer::new(
        &load("analyzer-traps-at-start"),
        config(&Metrics::default()),
        &Setup::default(),
        NOW,
    );
    let text = made.err().unwrap().to_string();
    assert!(text.contains("init trapped: ") && text.contains("unreachable"), "{text}");
    // Its two pages of memory are more than it may have: it cannot even start.
    let config = InstanceConfig { memory_bytes: Some(100_000), ..config(&Metrics::default()) };
    let made = Analyzer::new(&load("analyzer-quiet"), config, &Setup::default(), NOW);
    assert_eq!(made.err().unwrap().word(), "out-of-memory");
}

#[test]
fn bad_policies_get_their_fault() {
    let cases: [(&str, &str); 2] =
        [("policy-loops", "more than 50 ms of processor time"), ("policy-traps", "unreachable")];
    for (guest, said) in cases {
        let mut policy = policy(guest);
        policy.on_wake(NOW).unwrap();
        let fault = policy.on_event(&notice(), NOW).unwrap_err();
        assert!(fault.to_string().contains(said), "{guest}: {fault}");
        assert_eq!(policy.on_wake(NOW).unwrap_err().cause, Cause::Gone);
    }
    let text = policy("policy-million-spans").on_event(&notice(), NOW).unwrap_err().to_string();
    assert!(text.contains("handed over more than 4 MiB in one call"), "{text}");
    policy("policy-floods-log").on_event(&notice(), NOW).unwrap();
    let mut policy = policy("policy-thousand-years");
    let text = policy.on_event(&notice(), NOW).unwrap_err().to_string();
    assert!(text.contains("span \"1\": end = 31536000000000000 microseconds is not in"), "{text}");
    // Nonsense spoils no store: whether to go on with it is the caller's decision.
    let text = policy.on_wake(NOW).unwrap_err().to_string();
    assert!(text.contains("on-wake answered against the contract: span \"1\": end = -1"), "{text}");
}

#[test]
fn a_source_may_reject_its_input() {
    let plugin = load("source-rejects");
    let config = InstanceConfig { camera: None, ..config(&Metrics::default()) };
    let (mut source, spec) = Source::new(&plugin, config, &Setup::default(), NOW).unwrap();
    assert_eq!(spec, SourceSpec { topics: vec!["hook:test".into()], tick: None });
    let message = Message {
        topic: "hook:test".into(),
        content_type: "application/json".into(),
        received: NOW,
        attributes: Vec::new(),
        body: b"{}".to_vec(),
    };
    for _ in 0..3 {
        let fault = source.on_message(&message).unwrap_err();
        assert_eq!(fault.cause, Cause::Rejected("no door in it.".into()));
        assert!(!fault.counts() && !fault.wants_new_instance());
    }
    assert_eq!(source.on_tick(NOW).unwrap(), []);
}

#[test]
fn logs_and_metrics_are_bounded() {
    let metrics = Metrics::default();
    let mut analyzer = analyzer("analyzer-chatty", &metrics);
    look(&mut analyzer, 1).unwrap();
    let text = metrics.text();
    let names = text.lines().filter(|line| line.starts_with("wardline_plugin_value{")).count();
    assert_eq!(names, limits::METRICS, "{text}");
}

#[test]
fn refusals_say_what_to_do() {
    let manifest = |world: &str, api: &str| {
        format!("id = \"x\"\nversion = \"0.1.0\"\nworld = \"{world}\"\napi = \"{api}\"\n")
    };
    let quiet = |text: &str| guests::component_with("analyzer-quiet", text);
    let wasi = "(component (import \"wasi:clocks/wall-clock@0.2.0\" (instance)))";
    let foreign = "(component (import \"acme:door/lock@1.0.0\" (instance)))";
    for (bytes, said) in [
        (
            guests::component("contract-next"),
            "was built for the contract wardline:plugin@0.2.0, and this host serves 0.1.0: update \
             the host, or rebuild the plugin with this host's SDK",
        ),
        (
            guests::component("source-without-messages"),
            "exports `event-source` but not `messages`, which every source needs",
        ),
        (
            guests::component("analyzer-wants-kv"),
            "plugin test (analyzer-wants-kv 0.1.0): needs the grant `kv` (a test): to allow it, \
             write `grant = [\"kv\"]` in `[plugins.test]`",
        ),
        (
            guests::component_with("analyzer-wants-kv", &manifest("analyzer-plugin", "0.1")),
            "imports `kv`, and plugin.toml does not ask for it: add a [[capability]]",
        ),
        (guests::component("policy-asks"), "a policy hears no answers: let an event source ask"),
        (
            quiet(&format!(
                "{}[[capability]]\nname = \"http:GET *\"\nreason = \"r\"\n",
                manifest("analyzer-plugin", "0.1")
            )),
            "the answers come to `messages`, which it does not export",
        ),
        (
            quiet(&format!(
                "{}[[capability]]\nname = \"topic:hook\"\nreason = \"r\"\n",
                manifest("analyzer-plugin", "0.1")
            )),
            "asks for `topic:hook`: only event sources hear what is posted",
        ),
        (guests::component_bare("analyzer-quiet"), "has no manifest inside"),
        (quiet(&manifest("policy-plugin", "0.1")), "the exports are those of analyzer-plugin"),
        (quiet(&manifest("analyzer-plugin", "0.3")), "api = \"0.3\", and this host serves 0.1.0"),
        (quiet("id = 7"), "plugin.toml: "),
        (wat::parse_str(wasi).unwrap(), "this host offers no WASI"),
        (
            wat::parse_str(foreign).unwrap(),
            "imports acme:door/lock@1.0.0, which this host does not",
        ),
        (wat::parse_str("(component)").unwrap(), "exports neither `analyzer` nor"),
        (wat::parse_str("(module)").unwrap(), "is a core module, not a component"),
        (b"#!/bin/sh".to_vec(), "is not WebAssembly"),
        (guests::component("analyzer-quiet")[..200].to_vec(), "is damaged"),
    ] {
        let text = Plugin::load(&engine(), "test", &bytes).unwrap_err().chain();
        assert!(text.starts_with("plugin test") && text.contains(said), "{said}\n{text}");
    }
}

#[test]
fn an_inspection_is_facts_without_running() {
    let inspection = inspect("test", &guests::component("analyzer-wants-kv")).unwrap();
    let json = serde_json::to_value(&inspection).unwrap();
    assert_eq!(json["world"], "analyzer-plugin");
    assert_eq!(json["contract"], "0.1.0");
    assert_eq!(json["manifest"]["id"], "analyzer-wants-kv");
    assert_eq!(json["manifest"]["capability"][2]["name"], "kv");
    assert_eq!(
        json["problems"],
        serde_json::json!([]),
        "whether it is granted is not its own fact"
    );
    assert_eq!(json["digest"].as_str().unwrap().len(), 64);
    assert!(inspection.imports.iter().any(|import| import == "wardline:plugin/kv@0.1.0"));
}

#[tokio::test]
async fn compiled_code_is_kept_and_an_instance_moves_between_threads() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("compiled");
    let engine = Engine::new(Some(&cache)).unwrap();
    let bytes = guests::component("analyzer-quiet");
    let plugin =
        in_background(move || Plugin::load(&engine, "test", &bytes)).await.unwrap().unwrap();
    assert!(std::fs::read_dir(&cache).unwrap().next().is_some(), "something was kept");
    let lanes = Lanes::start().unwrap();
    let config = config(&Metrics::default());
    let made = move || Analyzer::new(&plugin, config, &Setup::default(), NOW);
    let (mut analyzer, _) = lanes.decide.run(made).await.unwrap().unwrap();
    for lane in [&lanes.analyze, &lanes.decide, &lanes.analyze] {
        let (item, events) = lane.with(analyzer, |analyzer| look(analyzer, 1)).await.unwrap();
        assert_eq!(events.unwrap(), []);
        analyzer = item;
    }
    assert_eq!(lanes.end(Duration::from_secs(10)).await, [""; 0]);
}
