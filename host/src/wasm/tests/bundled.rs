//! The bundled plugins, as the host runs them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::*;
use crate::events::{Attribute, Value as Text};

/// 2025-11-22T08:26:40Z.
const START: Timestamp = Timestamp::ZERO;

fn at(millis: i64) -> Timestamp {
    START + Duration::from_millis(1_763_800_000_000 + u64::try_from(millis).unwrap())
}

/// Compiled once for all tests.
fn bundled_plugin(name: &str) -> Plugin {
    static LOADED: Mutex<BTreeMap<String, Plugin>> = Mutex::new(BTreeMap::new());
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let load = || Plugin::load(&engine(), "test", bundled(name).unwrap()).unwrap();
    loaded.entry(name.to_owned()).or_insert_with(load).clone()
}

fn setup(plugin: &Plugin, params: &Value) -> Setup {
    let params = plugin.params(params).unwrap();
    Setup { video: None, params, attributes: Vec::new() }
}

#[test]
fn manifests_agree_with_the_components() {
    for name in BUNDLED {
        let inspection = inspect(name, bundled(name).unwrap()).unwrap();
        assert_eq!(inspection.problems, [""; 0], "{name}");
        assert_eq!(inspection.manifest.unwrap().id, name);
        assert!(inspection.imports.iter().all(|import| import.starts_with("wardline:plugin/")));
    }
}

#[test]
fn an_instance_of_the_wrong_kind_is_refused() {
    let plugin = bundled_plugin("policy-pre-post");
    let config = config(&Metrics::default());
    let fault = Analyzer::new(&plugin, config, &Setup::default(), NOW).err().unwrap();
    assert!(fault.to_string().contains("it is no analyzer"), "{fault}");
}

/// A gray scene with grain, and in it a square that moves from 8 s to 14 s.
fn scene(millis: i64, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut pixels: Vec<u8> = (0..320 * 180).map(|_| 100 + random.u8(0..5)).collect();
    if (8_000..14_000).contains(&millis) {
        let left = usize::try_from((millis - 8_000) / 25).unwrap();
        for row in 60..110 {
            pixels[row * 320 + left..][..50].fill(220);
        }
    }
    pixels
}

#[test]
fn motion_sees_what_moves_and_nothing_else() {
    let plugin = bundled_plugin("analyzer-motion");
    let setup = setup(&plugin, &json!({ "sensitivity": "medium" }));
    let made = Analyzer::new(&plugin, config(&Metrics::default()), &setup, at(0));
    let (mut analyzer, wishes) = made.unwrap();
    let wished = wishes.pictures.unwrap();
    assert_eq!((wished.format, wished.fit), (PixelFormat::Gray8, Fit::Preserve));
    let mut random = fastrand::Rng::with_seed(7);
    let mut phases = Vec::new();
    for sequence in 0..125_u32 {
        let millis = i64::from(sequence) * 200;
        let picture = Picture {
            sequence: sequence.into(),
            time: at(millis),
            width: 320,
            height: 180,
            skipped: 0,
            key: sequence.is_multiple_of(10),
            gap: sequence == 0,
        };
        let events = analyzer.analyze(picture, &scene(millis, &mut random)).unwrap();
        phases.extend(events.into_iter().map(|event| (event.phase, millis, event)));
    }
    let (first, last) = (phases.first().unwrap(), phases.last().unwrap());
    assert_eq!((first.0, last.0), (Phase::Begin, Phase::End));
    assert!((8_000..9_500).contains(&first.1), "begin at {} ms", first.1);
    assert!((14_000..20_000).contains(&last.1), "end at {} ms", last.1);
    assert!(phases.iter().all(|(_, _, event)| event.kind == "motion" && event.id == first.2.id));
    let area = first.2.regions[0].area;
    assert!(area.y < 110.0 / 180.0 && area.y + area.height > 60.0 / 180.0, "{area:?}");
}

#[test]
fn motion_refuses_params_that_cannot_work() {
    let plugin = bundled_plugin("analyzer-motion");
    let error = plugin.params(&json!({ "sensitivity": "extreme", "colour": 1 })).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("plugin test (analyzer-motion "), "{text}");
    assert!(text.contains("params.sensitivity") && text.contains("colour"), "{text}");
    let setup = Setup { params: "{\"sensitivity\":7}".into(), ..Setup::default() };
    let made = Analyzer::new(&plugin, config(&Metrics::default()), &setup, NOW);
    let fault = made.err().unwrap();
    assert!(fault.is_final() && fault.to_string().contains("init refused its params"), "{fault}");
}

fn post(body: &str) -> Message {
    Message {
        topic: "hook:test".into(),
        content_type: "application/json".into(),
        received: at(10_000),
        attributes: vec![Attribute { key: "query.door".into(), value: Text::Text("1".into()) }],
        body: body.into(),
    }
}

#[test]
fn webhook_makes_events_of_bodies_and_rejects_others() {
    let plugin = bundled_plugin("source-webhook");
    let config = InstanceConfig { camera: None, ..config(&Metrics::default()) };
    let setup = setup(&plugin, &Value::Null);
    let (mut source, spec) = Source::new(&plugin, config, &setup, at(0)).unwrap();
    assert_eq!(spec.topics, ["hook:test"]);
    let time = serde_json::to_value(at(0)).unwrap();
    let body = json!({ "kind": "door.opened", "time": time, "camera": "gate", "battery": 0.5 });
    let events = source.on_message(&post(&body.to_string())).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].kind.as_str(), events[0].phase), ("door.opened", Phase::Instant));
    assert_eq!((events[0].time, &events[0].cameras[..]), (at(0), &["gate".to_owned()][..]));
    assert!(events[0].attributes.iter().any(|attribute| attribute.key == "battery"));
    for body in ["", "[]", "{\"kind\":[]}", "{\"time\":\"noon\",\"kind\":\"a\"}", "\u{7f}"] {
        let fault = source.on_message(&post(body)).unwrap_err();
        assert!(matches!(&fault.cause, Cause::Rejected(why) if !why.is_empty()), "{body}: {fault}");
    }
}

/// Any field of any body may come through as an attribute: whatever a sender posts, the answer is
/// events or a rejection, never a fault of the plugin.
#[test]
fn webhook_never_faults_over_a_body() {
    let plugin = bundled_plugin("source-webhook");
    let setup = setup(&plugin, &Value::Null);
    let config = InstanceConfig { camera: None, ..config(&Metrics::default()) };
    let (mut source, _) = Source::new(&plugin, config, &setup, at(0)).unwrap();
    let large = json!({ "kind": "a", "text": "x".repeat(100_000) });
    let mut many: Value = (0..500).map(|n| (format!("key-{n}"), json!(n))).collect();
    many["kind"] = json!("a");
    let deep = format!("{{\"kind\":\"a\",\"deep\":{}{}}}", "[".repeat(2000), "]".repeat(2000));
    let mut bad = Vec::new();
    for body in [
        json!({ "kind": "Door Opened" }).to_string(),
        json!({ "kind": "a", "Camel_Case Key": 1, "ünï": 2, "": 3 }).to_string(),
        json!({ "kind": "a", "confidence": 7 }).to_string(),
        json!({ "kind": "a", "confidence": "high" }).to_string(),
        json!({ "kind": "a", "time": "9999-12-31T23:59:59Z" }).to_string(),
        json!({ "kind": "a", "time": -1e300 }).to_string(),
        json!({ "kind": "a", "camera": ["x".repeat(500)] }).to_string(),
        json!({ "kind": "a", "camera": vec!["gate"; 1000] }).to_string(),
        json!({ "kind": "a", "id": "line\nbreak" }).to_string(),
        json!({ "kind": "a", "id": "x".repeat(500) }).to_string(),
        json!({ "kind": "a", "correlation": "x".repeat(500) }).to_string(),
        json!({ "kind": "x".repeat(300) }).to_string(),
        large.to_string(),
        many.to_string(),
        deep,
    ] {
        if let Err(fault) = source.on_message(&post(&body))
            && !matches!(fault.cause, Cause::Rejected(_))
        {
            bad.push(format!("{}: {fault}", &body[..body.len().min(80)]));
        }
    }
    assert_eq!(bad, [""; 0]);
}

#[test]
fn policy_keeps_before_and_after() {
    let plugin = bundled_plugin("policy-pre-post");
    let params = json!({ "before": "5s", "after": "20s", "keep": "7d", "keep-continuous": "1d" });
    let setup = setup(&plugin, &params);
    let mut policy = Policy::new(&plugin, config(&Metrics::default()), &setup, at(0)).unwrap();
    assert_eq!(policy.on_wake(at(0)).unwrap().spans, []);
    let mut said = notice();
    (said.event.time, said.received) = (at(100_000), at(100_200));
    let answer = policy.on_event(&said, at(100_200)).unwrap();
    let span = &answer.spans[0];
    assert_eq!((span.start, span.end), (at(95_000), at(120_000)));
    assert_eq!(span.keep, Some(Duration::from_secs(7 * 24 * 3600)));
    assert_eq!(span.because, [said.event.id]);
    let segment = ClosedSegment {
        start: at(0),
        end: at(60_000),
        bytes: 1 << 20,
        gap: false,
        events: vec![Tally { kind: "motion".into(), count: 1 }],
        attributes: Vec::new(),
    };
    let keep = policy.keep_continuous(&segment, at(60_000)).unwrap();
    assert_eq!(keep, Some(Duration::from_secs(24 * 3600)));
}
