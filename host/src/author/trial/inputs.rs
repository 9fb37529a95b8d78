//! Input that nobody wishes a plugin, within what the contract allows.

use crate::base::Timestamp;
use crate::events::{Area, Attribute, Event, Notice, Phase, Region, Value};
use crate::wasm::limits;

/// Bytes without a pattern, the same at every trial.
pub(super) fn noise(count: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut bytes = vec![0; count];
    random.fill(&mut bytes);
    bytes
}

/// An event of another plugin, as a policy hears it.
pub(super) fn notice(sequence: u64, phase: Phase, time: Timestamp) -> Notice {
    let event = Event {
        id: format!("trial/motion/1/{sequence}"),
        kind: "motion".into(),
        phase,
        time,
        confidence: 1.0,
        regions: Vec::new(),
        cameras: Vec::new(),
        correlation: None,
        attributes: Vec::new(),
    };
    Notice { event, camera: "trial".into(), origin: "motion".into(), received: time, sequence }
}

/// An event with as much of everything as there may be in one call.
pub(super) fn notice_full(time: Timestamp) -> Notice {
    let mut notice = notice(u64::MAX, Phase::Update, time);
    let event = &mut notice.event;
    event.id = "i".repeat(limits::QUALIFIED_BYTES);
    event.kind = "k".repeat(limits::KIND_BYTES);
    event.correlation = Some("ü".repeat(limits::LABEL_BYTES / 2));
    event.confidence = 0.0;
    let area = Area { x: 0.0, y: 1.0, width: 1.0, height: 0.0 };
    let label = Some("人".repeat(limits::NAME_BYTES / 3));
    event.regions =
        vec![Region { area, label, confidence: 0.0, track: Some(u64::MAX) }; limits::REGIONS];
    event.cameras = vec!["trial".into(); limits::CAMERAS];
    event.attributes = attributes();
    notice
}

/// Attributes with the ends of what each kind of value can be.
pub(super) fn attributes() -> Vec<Attribute> {
    let json = format!("[{}1]", "0,".repeat(8000));
    let values = [
        Value::Text(String::new()),
        Value::Text("\u{10FFFF}".repeat(limits::TEXT_BYTES / 4)),
        Value::Integer(i64::MIN),
        Value::Integer(i64::MAX),
        Value::Number(f64::MIN_POSITIVE),
        Value::Number(f64::MAX),
        Value::Flag(true),
        Value::Bytes(noise(limits::BLOB_BYTES)),
        Value::Json(json),
        Value::Json("{\"a\":{\"a\":null}}".into()),
    ];
    let mut attributes: Vec<Attribute> = values
        .into_iter()
        .enumerate()
        .map(|(number, value)| Attribute { key: format!("odd-{number}"), value })
        .collect();
    let small = |number| Attribute { key: format!("small-{number}"), value: Value::Flag(false) };
    attributes.extend((attributes.len()..limits::ATTRIBUTES).map(small));
    attributes
}

/// Bodies of messages, each with what it is.
pub(super) fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let large = crate::base::limits::HOOK_BODY_BYTES;
    let texts = |texts: &[&str]| -> Vec<Vec<u8>> {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    };
    let mut bodies = vec![
        ("an empty body", Vec::new()),
        ("a body of zeros, as large as may be", vec![0; large]),
        ("a body of brackets, as large as may be", vec![b'['; large]),
        ("a body of digits, as large as may be", vec![b'9'; large]),
        ("a body of noise, as large as may be", noise(large)),
        ("a body that is no UTF-8", b"{\"kind\":\"\xff\xfe\"}".to_vec()),
    ];
    let documents = [
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "-0",
        "1e999",
        "123456789012345678901234567890",
        "{\"kind\":null}",
        "{\"kind\":7}",
        "{\"kind\":\"\"}",
        "{\"kind\":\"a\",\"kind\":\"b\"}",
        "{\"kind\":\"a\",\"time\":-1}",
        "{\"kind\":\"a\",\"time\":1e300}",
        "{\"kind\":\"\\ud800\"}",
        "{\"kind\":\"a\\u0000b\"}",
        "{",
        "[1,",
        "open",
        "closed\n",
    ];
    bodies
        .extend(texts(&documents).into_iter().map(|body| ("JSON and words of every shape", body)));
    bodies
}
