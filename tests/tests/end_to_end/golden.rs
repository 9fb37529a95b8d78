//! Plugins that were built for contract 0.1 when it was released, one in each language: what loads,
//! runs and behaves today does so in every host of 0.1. `tests/golden/README.md` says how they were made.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::time::Duration;

use serde_json::{Value, json};
use wardline::base::Timestamp;
use wardline::base::metrics::Metrics;
use wardline::decode::PixelFormat;
use wardline::events::{Event, Notice, Phase};
use wardline::wasm::{
    Analyzer, Cause, Engine, InstanceConfig, Message, Picture, Plugin, Policy, Setup, Source,
};
use wardline_tests::need::workspace;

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000 + seconds * 1000)
}

/// The golden component of this name.
fn load(name: &str) -> Plugin {
    let path = workspace().join("tests/golden/0.1").join(format!("{name}.wasm.xz"));
    let packed = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    lzma_rs::xz_decompress(&mut Cursor::new(packed), &mut bytes).unwrap();
    Plugin::load(&Engine::new(None).unwrap(), "golden", &bytes).unwrap()
}

fn instance(camera: Option<&str>) -> InstanceConfig {
    InstanceConfig {
        name: "golden".into(),
        camera: camera.map(str::to_owned),
        zone: jiff::tz::TimeZone::UTC,
        metrics: Metrics::default(),
        memory_bytes: None,
        services: wardline::wasm::Services::default(),
        proving: false,
    }
}

fn setup(plugin: &Plugin, params: &Value) -> Setup {
    Setup { params: plugin.params(params).unwrap(), ..Setup::default() }
}

fn notice(number: u64, origin: &str, time: Timestamp) -> Notice {
    let event = Event {
        id: format!("yard/motion/1/{number}"),
        kind: "motion".into(),
        phase: Phase::Instant,
        time,
        confidence: 1.0,
        regions: Vec::new(),
        cameras: Vec::new(),
        correlation: None,
        attributes: Vec::new(),
    };
    let origin = origin.into();
    Notice { event, camera: "yard".into(), origin, received: time, sequence: number }
}

/// The policy that `wardline plugin new` begins keeps video around events, in any language.
fn keeps_around_events(name: &str) {
    let plugin = load(name);
    let setup = setup(&plugin, &json!({ "before": 5 }));
    let mut policy = Policy::new(&plugin, instance(Some("yard")), &setup, seconds(0)).unwrap();
    assert_eq!(policy.on_wake(seconds(0)).unwrap().spans, [], "{name}");
    let mut asked = Vec::new();
    for (number, origin, time) in
        [(1, "motion", 100), (2, "host", 110), (3, "motion", 120), (4, "motion", 300)]
    {
        let answer =
            policy.on_event(&notice(number, origin, seconds(time)), seconds(time)).unwrap();
        asked.extend(answer.spans.into_iter().map(|span| {
            let ids: Vec<String> =
                span.because.iter().map(|id| id.rsplit('/').next().unwrap().to_owned()).collect();
            (span.id, span.start, span.end, span.label, ids.join(","))
        }));
    }
    let span = |id: &str, start, end, because: &str| {
        (id.to_owned(), seconds(start), seconds(end), "motion".to_owned(), because.to_owned())
    };
    let expected = [span("1", 95, 120, "1"), span("1", 95, 140, "1,3"), span("2", 295, 320, "4")];
    assert_eq!(asked, expected, "{name}");
}

#[test]
fn a_policy_in_rust() {
    keeps_around_events("rust-policy");
}

#[test]
fn a_policy_in_python() {
    keeps_around_events("python-policy");
}

#[test]
fn an_analyzer_in_c() {
    let plugin = load("c-analyzer");
    let setup = setup(&plugin, &json!({ "level": 100 }));
    let (mut analyzer, wishes) =
        Analyzer::new(&plugin, instance(Some("yard")), &setup, seconds(0)).unwrap();
    let request = wishes.pictures.unwrap();
    assert_eq!((request.format, request.max_width, wishes.units), (PixelFormat::Gray8, 64, false));
    let mut said = Vec::new();
    for (number, level, gap) in [
        (0, 99, false),
        (1, 100, false),
        (2, 200, false),
        (3, 0, false),
        (4, 255, false),
        (5, 255, true),
    ] {
        let picture = Picture {
            sequence: number,
            time: seconds(i64::try_from(number).unwrap()),
            width: 64,
            height: 36,
            skipped: 0,
            key: false,
            gap,
        };
        for event in analyzer.analyze(picture, &vec![level; 64 * 36]).unwrap() {
            assert_eq!((event.kind.as_str(), event.time), ("light", picture.time));
            said.push((number, event.id, event.phase));
        }
    }
    let expected = [
        (1, "1".to_owned(), Phase::Begin),
        (2, "1".to_owned(), Phase::Update),
        (3, "1".to_owned(), Phase::End),
        (4, "2".to_owned(), Phase::Begin),
        (5, "3".to_owned(), Phase::Begin),
    ];
    assert_eq!(said, expected);
    assert!(analyzer.last_call().cpu < Duration::from_millis(250));
}

#[test]
fn a_source_in_javascript() {
    let plugin = load("js-source");
    let setup = setup(&plugin, &Value::Null);
    let (mut source, spec) = Source::new(&plugin, instance(None), &setup, seconds(0)).unwrap();
    assert_eq!((spec.topics, spec.tick), (vec!["hook:golden".to_owned()], None));
    let mut message = |body: &[u8]| {
        source.on_message(&Message {
            topic: "hook:golden".into(),
            content_type: "text/plain".into(),
            received: seconds(7),
            attributes: Vec::new(),
            body: body.to_vec(),
        })
    };
    let kinds: BTreeMap<String, String> = [&b"open"[..], b"closed\n"]
        .into_iter()
        .map(|body| {
            let event = message(body).unwrap().remove(0);
            assert_eq!((event.phase, event.time), (Phase::Instant, seconds(7)));
            (event.id, event.kind)
        })
        .collect();
    let expected = [("1", "door.opened"), ("2", "door.closed")];
    assert_eq!(kinds, expected.map(|(id, kind)| (id.to_owned(), kind.to_owned())).into());
    let fault = message(b"ajar").unwrap_err();
    assert_eq!(fault.cause, Cause::Rejected("say `open` or `closed`".into()));
}
