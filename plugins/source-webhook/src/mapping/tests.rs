//! Bodies as door sensors and scripts send them, and bodies that nobody should send.

use proptest::collection;
use proptest::prelude::{any, proptest};

use super::*;

const RECEIVED: i64 = 1_763_806_200_000_000;

fn events(params: &str, body: &str) -> Result<Vec<Event>, String> {
    let settings: Settings = serde_json::from_str(params).unwrap();
    settings.events(body.as_bytes(), RECEIVED)
}

fn one(params: &str, body: &str) -> Event {
    events(params, body).unwrap().remove(0)
}

#[test]
fn a_door_sensor_needs_no_mapping() {
    let event = one(
        "{}",
        r#"{"kind":"door.opened","time":"2025-11-22T10:09:50Z","camera":"porch","battery":87,
            "sensor":{"name":"front door","open":true},"note":null}"#,
    );
    assert_eq!(
        (event.id.as_str(), event.kind.as_str(), event.phase),
        ("", "door.opened", Phase::Instant)
    );
    assert_eq!(event.time, RECEIVED - 10_000_000);
    assert_eq!(event.cameras, ["porch"]);
    assert_eq!(
        event.attributes,
        [
            Attribute::integer("battery", 87),
            Attribute::text("sensor.name", "front door"),
            Attribute { key: "sensor.open".to_owned(), value: Value::Flag(true) },
        ]
    );
}

#[test]
fn what_is_missing_has_a_default() {
    let event = one(r#"{"kind":"door.opened","cameras":["a","b"]}"#, r#"{"kind":7}"#);
    assert_eq!((event.kind.as_str(), event.time, event.confidence), ("door.opened", RECEIVED, 1.0));
    assert_eq!(event.cameras, ["a", "b"]);
}

#[test]
fn a_mapping_says_where_things_are() {
    let params = r#"{"others":"ignore","mapping":{"kind":"event.type","time":"/event/at","camera":"cams",
        "id":"event.id","confidence":"scores.0","correlation":"trace.id","attributes":{"zone":"area.name"}}}"#;
    let body = r#"{"event":{"type":"person","at":1763806200500,"id":"x"},"cams":["a","b"],"scores":[0.5,1],
        "trace.id":"t1","area":{"name":"drive","size":3}}"#;
    let event = one(params, body);
    assert_eq!((event.id.as_str(), event.kind.as_str()), ("x", "person"));
    assert_eq!((event.time, event.confidence), (RECEIVED + 500_000, 0.5));
    assert_eq!(event.cameras, ["a", "b"]);
    assert_eq!(event.correlation.as_deref(), Some("t1"));
    assert_eq!(event.attributes, [Attribute::text("zone", "drive")]);
}

#[test]
fn a_happening_keeps_its_id_from_begin_to_end() {
    let begin = one("{}", r#"{"kind":"door.open","phase":"begin","id":"front"}"#);
    let end = one("{}", r#"{"kind":"door.open","phase":"end","id":"front"}"#);
    assert_eq!((begin.id.as_str(), begin.phase), ("front", Phase::Begin));
    assert_eq!((end.id.as_str(), end.phase), ("front", Phase::End));
}

#[test]
fn a_list_is_many_events() {
    let list = events("{}", r#"[{"kind":"a"},{"kind":"b"}]"#).unwrap();
    assert_eq!(list.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn what_cannot_be_read_is_refused_with_the_reason() {
    for (body, reason) in [
        ("", "not JSON"),
        ("hello", "not JSON"),
        ("7", "must be a JSON object"),
        ("[]", "empty list"),
        ("[{\"kind\":\"a\"},7]", "event 2: the body must be"),
        ("{}", "the body has no field \"kind\""),
        (r#"{"kind":"Door opened"}"#, "lower case words"),
        (r#"{"kind":"door..opened"}"#, "lower case words"),
        (r#"{"kind":["a"]}"#, "kind is"),
        (r#"{"kind":"a","time":"noon"}"#, "time \"noon\" is neither RFC 3339"),
        (r#"{"kind":"a","camera":{}}"#, "camera is {}"),
        (r#"{"kind":"a","confidence":2}"#, "confidence is 2"),
        (r#"{"kind":"a","phase":"start"}"#, "phase is \"start\""),
        (r#"{"kind":"a","phase":"begin"}"#, "needs an id"),
    ] {
        let why = events("{}", body).unwrap_err();
        assert!(why.contains(reason), "{body}: {why}");
    }
}

#[test]
fn sizes_are_bounded() {
    let fields: String = (0..65).map(|index| format!(r#","f{index}":1"#)).collect();
    let many: String = (0..257).map(|_| r#"{"kind":"a"},"#).collect();
    let long = "x".repeat(5000);
    for (body, reason) in [
        (format!(r#"{{"kind":"a"{fields}}}"#), "65 attributes"),
        (format!("[{}]", many.trim_end_matches(',')), "257 events"),
        (format!(r#"{{"kind":"a","id":"{long}"}}"#), "id has 5000 bytes"),
        (format!(r#"{{"kind":"a","{long}":1}}"#), "name has 5000 bytes"),
    ] {
        let why = events("{}", &body).unwrap_err();
        assert!(why.contains(reason), "{why}");
    }
    let event = one("{}", &format!(r#"{{"kind":"a","note":"{long}"}}"#));
    assert!(matches!(&event.attributes[0].value, Value::Json(text) if text.len() == 5002));
}

proptest! {
    #[test]
    fn no_body_breaks_it(body in collection::vec(any::<u8>(), 0..200)) {
        let _ = Settings::default().events(&body, RECEIVED);
    }

    #[test]
    fn no_place_breaks_it(place in ".{0,20}", other in "[/~.a0]{0,12}") {
        let mut body: Json = serde_json::from_str(r#"{"a":{"0":[1,{"a/":2}]},"/":1,"~":2}"#).unwrap();
        take(&mut body, &place);
        take(&mut body, &other);
    }
}
