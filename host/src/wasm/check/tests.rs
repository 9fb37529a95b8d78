//! Whatever a guest answers is refused or within the limits; and what is good comes through.

use proptest::prelude::*;

use super::*;
use crate::events::Event;
use crate::wasm::bindings::exports::wardline::plugin::{analyzer, event_source, recording_policy};

fn good() -> types::Event {
    types::Event {
        id: "1".into(),
        kind: "door.opened".into(),
        phase: types::Phase::Instant,
        time: 1_763_800_000_000_000,
        confidence: 1.0,
        regions: vec![types::Region {
            area: types::Area { x: 0.25, y: 0.25, width: 0.5, height: 0.5 },
            label: Some("person".into()),
            confidence: 0.5,
            track: Some(7),
        }],
        cameras: vec!["gate".into()],
        correlation: None,
        attributes: vec![attribute("zone", types::Value::Text("door".into()))],
    }
}

fn attribute(key: &str, value: types::Value) -> types::Attribute {
    types::Attribute { key: key.into(), value }
}

/// What `change` makes of a good event, and what is said of it.
fn check(change: impl FnOnce(&mut types::Event), said: &str) {
    let mut event = good();
    change(&mut event);
    let what = events(vec![event]).unwrap_err();
    assert!(what.starts_with("event \"") && what.contains(said), "{said}: {what}");
}

#[test]
fn a_good_event_comes_through() {
    let (events, clipped) = events(vec![good()]).unwrap();
    assert_eq!((events.len(), clipped), (1, 0));
    assert_eq!(format!("{:?}", convert::event(&events[0])), format!("{:?}", good()));
}

#[test]
fn nonsense_is_named() {
    let text = |bytes: usize| types::Value::Text("x".repeat(bytes));
    check(|event| event.id.clear(), "the id is empty");
    check(|event| event.id = "x".repeat(129), "the id is longer than 128 bytes (129)");
    check(|event| event.id = "a\nb".into(), "control characters");
    for kind in ["", "Motion", "door..opened", ".", "door.", "a b", &"x".repeat(65)] {
        check(|event| event.kind = kind.into(), "is not dotted lower case");
    }
    check(|event| event.time = -1, "time = -1 microseconds is not in the years 1970 to 2255");
    check(|event| event.time = i64::MAX, "is not in the years");
    for confidence in [f32::NAN, f32::INFINITY, -0.1, 1.1] {
        check(|event| event.confidence = confidence, "is not in 0..1");
    }
    check(|event| event.regions[0].area.y = f32::NEG_INFINITY, "an area is not finite");
    check(|event| event.regions[0].area.width = -0.1, "negative size");
    check(|event| event.regions = vec![event.regions[0].clone(); 257], "257 regions");
    check(|event| event.cameras = vec!["gate".into(); 257], "257 cameras");
    check(|event| event.correlation = Some("x".repeat(257)), "correlation is longer");
    check(|event| event.attributes[0].key = "Zone".into(), "the attribute \"Zone\"");
    check(|event| event.attributes.push(event.attributes[0].clone()), "comes twice");
    for (value, said) in [
        (text(4097), "4097 bytes of text"),
        (types::Value::Number(f64::NAN), "is not finite"),
        (types::Value::Bytes(vec![0; (64 << 10) + 1]), "65537 bytes"),
        (types::Value::Json("{\"a\":".into()), "is not JSON"),
    ] {
        check(|event| event.attributes[0].value = value, said);
    }
    assert!(events(vec![good(); 257]).unwrap_err().contains("257 events"));
}

#[test]
fn areas_outside_are_clipped_and_counted() {
    let mut event = good();
    let place = |x, y, width, height| types::Area { x, y, width, height };
    for (area, clipped, kept) in [
        (place(0.0, 0.0, 1.0, 1.0), 0, (0.0, 0.0, 1.0, 1.0)),
        (place(-0.5, 0.5, 1.0, 1.0), 1, (0.0, 0.5, 0.5, 0.5)),
        (place(2.0, 0.0, 1.0, 1.0), 1, (1.0, 0.0, 0.0, 1.0)),
        (place(0.9, 0.0, 0.1, 0.3), 0, (0.9, 0.0, 1.0 - 0.9, 0.3)),
    ] {
        event.regions[0].area = area;
        let (events, count) = events(vec![event.clone()]).unwrap();
        let area = events[0].regions[0].area;
        assert_eq!((area.x, area.y, area.width, area.height), kept);
        assert_eq!(count, clipped, "{area:?}");
    }
}

fn span(start: i64, end: i64) -> recording_policy::Span {
    recording_policy::Span {
        id: "1".into(),
        start,
        end,
        keep: None,
        label: String::new(),
        because: Vec::new(),
        attributes: Vec::new(),
    }
}

fn answer(spans: Vec<recording_policy::Span>) -> recording_policy::Answer {
    recording_policy::Answer { spans, wake: None, events: Vec::new() }
}

#[test]
fn spans_are_checked() {
    const DAY: i64 = 24 * 3_600_000_000;
    let now = Timestamp::from_micros(1000 * DAY);
    let at = |from: i64, to: i64| span((1000 + from) * DAY, (1000 + to) * DAY);
    for good in [at(0, 1), at(0, 0), at(-900, -899), at(0, 7), at(7, 14)] {
        let (answer, _) = policy_answer(answer(vec![good.clone()]), now).unwrap();
        assert_eq!(answer.spans[0].end.micros(), good.end);
    }
    let with = |change: fn(&mut recording_policy::Span)| {
        let mut span = at(0, 1);
        change(&mut span);
        span
    };
    for (bad, said) in [
        (at(0, -1), "before its start"),
        (at(0, 8), "is longer than 7 days"),
        (at(8, 9), "more than 7 days after"),
        (span(-1, 5), "start = -1"),
        (with(|span| span.id.clear()), "the id is empty"),
        (with(|span| span.keep = Some(-5)), "keep = -5 microseconds is negative"),
        (with(|span| span.keep = Some(i64::MAX)), "more than 285 years"),
        (with(|span| span.label = "x".repeat(257)), "the label is longer"),
        (with(|span| span.because = vec![String::new(); 65]), "65 reasons"),
    ] {
        let what = policy_answer(answer(vec![bad]), now).unwrap_err();
        assert!(what.contains(said), "{said}: {what}");
    }
    let what = policy_answer(answer(vec![at(0, 1); 65]), now).unwrap_err();
    assert!(what.contains("65 spans"), "{what}");
    let wake = recording_policy::Answer { wake: Some(-7), ..answer(Vec::new()) };
    assert!(policy_answer(wake, now).unwrap_err().contains("wake = -7"));
}

#[test]
fn wishes_and_specs_are_checked() {
    let request = |max_width, pace| analyzer::Wishes {
        pictures: Some(analyzer::PictureRequest {
            format: types::PixelFormat::Gray8,
            max_width,
            max_height: 180,
            fit: analyzer::Fit::Preserve,
            pace,
        }),
        units: false,
    };
    wishes(request(320, analyzer::Pace::Fps(5.0))).unwrap();
    for (bad, said) in [
        (request(8, analyzer::Pace::Every), "8x180: both sides must be 16 to 4096"),
        (request(5000, analyzer::Pace::Every), "5000x180"),
        (request(320, analyzer::Pace::Fps(0.0)), "asks for 0 pictures"),
        (request(320, analyzer::Pace::Fps(f32::NAN)), "asks for NaN pictures"),
        (request(320, analyzer::Pace::Fps(f32::INFINITY)), "asks for inf pictures"),
    ] {
        let what = wishes(bad).unwrap_err();
        assert!(what.contains(said), "{said}: {what}");
    }
    let spec = |topics: usize, tick| event_source::SourceSpec {
        topics: vec!["hook:door".into(); topics],
        tick,
    };
    assert_eq!(source_spec(spec(1, Some(100_000))).unwrap().tick, Some(Duration::from_millis(100)));
    for (bad, said) in [
        (spec(65, None), "65 topics"),
        (spec(0, Some(99_999)), "is less than 100ms"),
        (spec(0, Some(-1)), "is negative"),
    ] {
        let what = source_spec(bad).unwrap_err();
        assert!(what.contains(said), "{said}: {what}");
    }
}

fn any_value() -> impl Strategy<Value = types::Value> {
    prop_oneof![
        ".*".prop_map(types::Value::Text),
        any::<i64>().prop_map(types::Value::Integer),
        any::<f64>().prop_map(types::Value::Number),
        any::<bool>().prop_map(types::Value::Flag),
        any::<Vec<u8>>().prop_map(types::Value::Bytes),
        prop_oneof![Just("[1]".to_owned()), ".*".boxed()].prop_map(types::Value::Json),
    ]
}

fn any_region() -> impl Strategy<Value = types::Region> {
    let number = || prop_oneof![4 => -1.0_f32..2.0, 1 => any::<f32>()];
    (number(), number(), number(), number(), number(), any::<Option<String>>()).prop_map(
        |(x, y, width, height, confidence, label)| types::Region {
            area: types::Area { x, y, width, height },
            label,
            confidence,
            track: None,
        },
    )
}

fn any_event() -> impl Strategy<Value = types::Event> {
    let text = || prop_oneof![3 => "[a-z]{1,8}", 1 => ".{0,200}"];
    let attribute = (text(), any_value()).prop_map(|(key, value)| types::Attribute { key, value });
    let attributes = prop::collection::vec(attribute, 0..4);
    let regions = prop::collection::vec(any_region(), 0..4);
    let time = prop_oneof![3 => 0..Timestamp::MAX.micros(), 1 => any::<i64>()];
    let confidence = prop_oneof![3 => 0.0_f32..1.0, 1 => any::<f32>()];
    (text(), text(), time, confidence, regions, attributes).prop_map(
        |(id, kind, time, confidence, regions, attributes)| types::Event {
            id,
            kind,
            phase: types::Phase::Update,
            time,
            confidence,
            regions,
            cameras: Vec::new(),
            correlation: None,
            attributes,
        },
    )
}

fn is_within_limits(event: &Event) {
    assert!((1..=limits::NAME_BYTES).contains(&event.id.len()));
    assert!((1..=limits::KIND_BYTES).contains(&event.kind.len()));
    assert!((0.0..=1.0).contains(&event.confidence));
    for region in &event.regions {
        let Area { x, y, width, height } = region.area;
        for edge in [x, y, width, height, x + width, y + height] {
            assert!((0.0..=1.0 + f32::EPSILON).contains(&edge), "{region:?}");
        }
        assert!((0.0..=1.0).contains(&region.confidence));
    }
    for attribute in &event.attributes {
        assert!(check_value(&attribute.value).is_ok());
    }
    let json = serde_json::to_string(event).unwrap();
    assert_eq!(serde_json::from_str::<Event>(&json).unwrap().id, event.id);
}

proptest! {
    #[test]
    fn whatever_passes_is_within_limits(said in prop::collection::vec(any_event(), 0..4)) {
        if let Ok((checked, _)) = events(said.clone()) {
            prop_assert_eq!(checked.len(), said.len());
            checked.iter().for_each(is_within_limits);
        }
    }

    #[test]
    fn spans_that_pass_are_short_and_not_far_ahead(
        start in any::<i64>(),
        length in any::<i64>(),
        now in 0..Timestamp::MAX.micros(),
    ) {
        let now = Timestamp::from_micros(now);
        let said = answer(vec![span(start, start.saturating_add(length))]);
        if let Ok((answer, _)) = policy_answer(said, now) {
            let span = &answer.spans[0];
            prop_assert!(span.start <= span.end);
            prop_assert!(span.end.since(span.start) <= limits::SPAN_LENGTH);
            prop_assert!(span.start.since(now) <= limits::SPAN_LEAD);
        }
    }
}
