//! Signs of life: what is said of recordings and the store, by a host that runs.

use std::time::Duration;

use rustix::process::Signal;
use wardline::events::{Event, Value};
use wardline::store::{Outcome, StoredEvent};
use wardline_tests::camera::Camera;
use wardline_tests::host::{Host, Place, wardline};
use wardline_tests::need::{Need, missing};
use wardline_tests::wait;

const WAIT: Duration = Duration::from_secs(60);

fn text(event: &Event, key: &str) -> String {
    let found = event.attributes.iter().find(|attribute| attribute.key == key);
    match found.map(|attribute| &attribute.value) {
        Some(Value::Text(text) | Value::Json(text)) => text.clone(),
        Some(Value::Integer(number)) => number.to_string(),
        other => panic!("{key}: {other:?} in {event:?}"),
    }
}

/// The first event of this kind of camera `gate`.
fn wait_event(place: &Place, kind: &str) -> StoredEvent {
    wait::until(kind, WAIT, || place.events("gate", kind).into_iter().next())
}

#[test]
fn a_door_leads_to_a_recording() {
    if missing("life_door", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("life-door");
    let camera = Camera::simulate(&["gate=scene:seconds=20,visit=none", "--loop"]);
    // A policy that asks for everything hears nothing of its own effect.
    let config = place.configure(&format!(
        r#"
[plugins.door]
component = "source-webhook"
cameras = ["gate"]

[plugins.keep]
component = "policy-pre-post"
params = {{ kinds = ["*", "camera.*", "recording.*", "store.*"], before = "2s", after = "3s" }}

[cameras.gate]
url = "{}"
mode = "events"
policies = ["keep"]
"#,
        camera.url("gate")
    ));
    let host = Host::start(&config);
    // The camera's own arrival is an event, too, and so is a span of its own.
    let first = wait_event(&place, "recording.available");
    wait::until("the gate is shut", WAIT, || {
        (host.camera("gate")?["recording"] == false).then_some(())
    });
    let body = r#"{"kind":"door.opened","correlation":"order-66"}"#;
    assert_eq!(host.post("/hooks/door", body).unwrap().0, 200);
    wait::until("the gate is open", WAIT, || {
        (host.camera("gate")?["recording"] == true).then_some(())
    });
    let door = wait_event(&place, "door.opened");
    let about = |kind: &str| {
        wait::until(kind, WAIT, || {
            let mut all = place.events("gate", kind);
            all.retain(|stored| stored.event.correlation.as_deref() == Some("order-66"));
            all.pop()
        })
    };
    let said = ["recording.started", "recording.stopped", "recording.available"].map(about);
    let span = place.evr("gate").pop().expect("a span").span.expect("its facts");
    for stored in &said {
        assert_eq!((stored.outcome.clone(), stored.origin.as_str()), (Outcome::Noted, "host"));
        assert_eq!(text(&stored.event, "span"), span.id);
        assert_eq!(text(&stored.event, "policy"), "keep");
        assert!(text(&stored.event, "because").contains(&door.event.id), "{stored:?}");
    }
    assert!(said.windows(2).all(|pair| pair[0].sequence < pair[1].sequence), "{said:#?}");
    assert_eq!(text(&said[1].event, "reason"), "ended");
    assert_ne!(text(&said[2].event, "bytes"), "0");
    let correlated = &first.event.correlation.expect("by its trigger");
    assert!(correlated.contains("camera.online"), "{correlated}");
    host.stop();
    assert_eq!(place.evr("gate").len(), 2, "an effect is no cause");
    for kind in ["recording.started", "recording.stopped", "recording.available"] {
        assert_eq!(place.events("gate", kind).len(), 2, "{kind} once a span");
    }
    shown(&config.to_string_lossy());
}

/// `recordings events` has them.
fn shown(config: &str) {
    let arguments = ["recordings", "events", "--source", config, "--kind", "recording.*"];
    let table = wardline(&arguments);
    assert!(table.status.success(), "{}", String::from_utf8_lossy(&table.stderr));
    let table = String::from_utf8(table.stdout).unwrap();
    assert_eq!(table.lines().count(), 1 + 6, "{table}");
    assert!(table.contains("recording.available") && !table.contains("door.opened"), "{table}");
    let json = wardline(&[&arguments[..], &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["events"][0]["outcome"], "noted");
    assert_eq!(json["events"][0]["event"]["kind"], "recording.started");
}

#[test]
fn the_end_of_the_host_is_the_end_of_its_recordings() {
    if missing("life_end", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("life-end");
    let camera = Camera::simulate(&["gate=scene:seconds=20,visit=none", "--loop"]);
    let url = camera.url("gate");
    let config = place.configure(&format!("[cameras.gate]\nurl = \"{url}\"\nkeep = \"1d\"\n"));
    let host = Host::start(&config);
    let started = wait_event(&place, "recording.started").event;
    assert_eq!(text(&started, "reason"), "continuous");
    assert_eq!(host.post("/api/v1/cameras/gate/trigger", "{}").unwrap().0, 200);
    wait::until("the span has started", WAIT, || {
        (place.events("gate", "recording.started").len() == 2).then_some(())
    });
    // The watchdog looks once a second.
    wait::until("the metric says so", WAIT, || {
        host.metric("wardline_recording", "gate").filter(|value| *value == 1.0)
    });
    host.stop_by(Signal::TERM);
    let stopped = place.events("gate", "recording.stopped");
    let reasons: Vec<_> = stopped.iter().map(|stored| text(&stored.event, "reason")).collect();
    assert_eq!(reasons, ["host-ended", "host-ended"]);
    let segments = place.segments("gate");
    let last = segments.last().expect("a file");
    assert_eq!(stopped[0].event.time, last.end, "{stopped:#?}");
    assert_eq!(text(&stopped[0].event, "start"), started.time.micros().to_string());
    let bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
    assert_eq!(text(&stopped[0].event, "bytes"), bytes.to_string());

    // The next start says how long it was away. The camera's times may be ahead of the clock.
    wait::until("a while", WAIT, || {
        (wait::now() > last.end + Duration::from_secs(1)).then_some(())
    });
    let host = Host::start(&config);
    let gap = wait_event(&place, "recording.gap").event;
    assert_eq!(text(&gap, "reason"), "stopped");
    assert_eq!(text(&gap, "start"), last.end.micros().to_string());
    host.stop();
}

#[test]
fn what_is_deleted_is_told_with_the_reason() {
    if missing("life_deleted", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("life-deleted");
    let camera = Camera::simulate(&["gate=scene:seconds=20,visit=none", "--loop"]);
    let config = place.path("full.toml");
    let start = |floor: &str| {
        let text_of = format!(
            "[store]\npath = \"store\"\nfree-floor = \"{floor}\"\n\n[http]\nlisten = \"127.0.0.1:0\"\n\n[cameras.gate]\nurl = \"{}\"\nkeep = \"1d\"\nsegment = \"2s\"\n",
            camera.url("gate")
        );
        std::fs::write(&config, text_of).unwrap();
        Host::start(&config)
    };
    let host = start("0B");
    wait::until("files", WAIT, || (place.segments("gate").len() >= 3).then_some(()));
    host.stop();
    // No disk has so much room: what is there goes at once, and nothing more is recorded.
    let host = start("900TiB");
    let deleted = wait_event(&place, "recording.deleted").event;
    assert_eq!(text(&deleted, "reason"), "full-continuous");
    assert_ne!(text(&deleted, "bytes"), "0");
    let full = wait::until("store.full", WAIT, || place.events("", "store.full").pop()).event;
    assert_eq!(text(&full, "floor"), (900_u64 << 40).to_string());
    assert_eq!(place.events("", "store.low").len(), 1);
    host.stop();
}
