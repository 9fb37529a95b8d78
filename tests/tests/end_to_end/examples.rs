//! Each folder of `examples/`, run as its README says, against the simulated camera it names.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use wardline::base::Timestamp;
use wardline::base::metrics::Metrics;
use wardline::events::{Phase, Value as EventValue};
use wardline::store::StoredEvent;
use wardline::wasm::{self, Engine, Plugin};
use wardline_tests::camera::Camera;
use wardline_tests::host::{Host, Place, anywhere, wardline};
use wardline_tests::need::{Need, guest, missing, workspace};
use wardline_tests::wait;

/// Enough for a session to begin, and for a span to appear in the index.
const SOON: Duration = Duration::from_secs(60);

/// The example's configuration in a folder of its own: with this camera, and any free port.
fn configure(place: &Place, example: &str, camera: &Camera) -> PathBuf {
    let file = workspace().join("examples").join(example).join("wardline.toml");
    let text = std::fs::read_to_string(&file).expect("the example has a configuration");
    assert!(text.contains("rtsp://127.0.0.1:8554/"), "{example} uses the simulated camera");
    let text = text.replace("127.0.0.1:8554", &format!("127.0.0.1:{}", camera.port()));
    let config = place.path("wardline.toml");
    std::fs::write(&config, anywhere(&text)).unwrap();
    config
}

/// The bundled guest of `examples/tiers`, asked as the host asks it.
#[test]
fn tiers_by_what_happened() {
    if missing("tiers_by_what_happened", &[Need::Guest("tiers")]) {
        return;
    }
    let bytes = std::fs::read(guest("tiers")).unwrap();
    let plugin = Plugin::load(&Engine::new(None).unwrap(), "tiers", &bytes).unwrap();
    let instance = wasm::InstanceConfig {
        name: "tiers".into(),
        camera: Some("yard".into()),
        zone: jiff::tz::TimeZone::UTC,
        metrics: Metrics::default(),
        memory_bytes: None,
        services: wasm::Services::default(),
        proving: false,
    };
    let params = plugin.params(&serde_json::json!({ "motion": "8d" })).unwrap();
    let setup = wasm::Setup { params, ..wasm::Setup::default() };
    let now = Timestamp::from_millis(1_763_800_000_000);
    let mut policy = wasm::Policy::new(&plugin, instance, &setup, now).unwrap();
    for (kinds, days) in
        [(&[][..], 3), (&["door.opened"], 3), (&["motion"], 8), (&["alert", "motion"], 30)]
    {
        let tally = |kind: &&str| wasm::Tally { kind: (*kind).into(), count: 2 };
        let segment = wasm::ClosedSegment {
            start: now,
            end: now + Duration::from_secs(60),
            bytes: 1,
            gap: false,
            events: kinds.iter().map(tally).collect(),
            attributes: Vec::new(),
        };
        let kept = policy.keep_continuous(&segment, now).unwrap();
        assert_eq!(kept, Some(Duration::from_secs(days * 86_400)), "{kinds:?}");
    }
}

/// Days from the end of the only stretch of continuous video to the end of its hold.
fn days_kept(config: &std::path::Path) -> Option<i64> {
    let found = recordings(config);
    let hold = found[0]["holds"].as_array()?.first()?;
    let kept = moment(&hold["until"]).duration_since(moment(&found[0]["end"])).as_secs();
    Some(kept / 86_400)
}

/// What has an alert in it is kept longer; other parameters apply to what is there already.
#[test]
fn tiers() {
    if missing("tiers", &[Need::Wardline, Need::Guest("tiers")]) {
        return;
    }
    let place = Place::new("tiers");
    let camera = Camera::simulate(&["yard=scene", "--loop"]);
    let config = configure(&place, "tiers", &camera);
    let text = std::fs::read_to_string(&config).unwrap();
    let built = guest("tiers").to_string_lossy().into_owned();
    let text = text.replace("../../plugins/dist/tiers.wasm", &built);
    std::fs::write(&config, &text).unwrap();
    let output = wardline(&["check", &config.to_string_lossy()]);
    assert!(output.status.success(), "{output:?}");
    let host = Host::start(&config);
    host.wait_connected("yard", true, SOON);
    wait::until("a recording", SOON, || recordings(&config).pop());
    let (status, answer) = host.post("/hooks/alarm", "{}").expect("an answer");
    assert_eq!(status, 200, "{answer}");
    host.stop();
    // The camera is not there any more, so that what was recorded is all there is.
    drop(camera);
    for (alerts, days) in [("30d", 30), ("40d", 40)] {
        std::fs::write(
            &config,
            text.replace("alerts = \"30d\"", &format!("alerts = \"{alerts}\"")),
        )
        .unwrap();
        let host = Host::start(&config);
        wait::until("the policy's answer", SOON, || {
            (days_kept(&config) == Some(days)).then_some(())
        });
        host.stop();
    }
}

/// The configuration of an example with guests of its own, built beforehand.
fn configure_guests(place: &Place, example: &str, camera: &Camera, guests: &[&str]) -> PathBuf {
    let config = configure(place, example, camera);
    let text = std::fs::read_to_string(&config).unwrap();
    let mut text = text.replace("path = \"recordings\"", "path = \"store\"");
    for name in guests {
        let built = guest(name).to_string_lossy().into_owned();
        text = text.replace(&format!("../../plugins/dist/{name}.wasm"), &built);
    }
    std::fs::write(&config, &text).unwrap();
    let output = wardline(&["check", &config.to_string_lossy()]);
    assert!(output.status.success(), "{output:?}");
    config
}

/// The value of an attribute, as text.
fn attribute(stored: &StoredEvent, key: &str) -> String {
    let found = stored.event.attributes.iter().find(|attribute| attribute.key == key);
    match found.map(|attribute| &attribute.value) {
        Some(EventValue::Text(text)) => text.clone(),
        Some(EventValue::Integer(number)) => number.to_string(),
        other => panic!("{key}: {other:?} in {stored:?}"),
    }
}

/// Motion, tracker, line: each visit goes in once and out once.
#[test]
fn line_crossing() {
    let guests = ["tracker", "line-crossing"];
    let needs = [Need::Wardline, Need::Guest(guests[0]), Need::Guest(guests[1])];
    if missing("line_crossing", &needs) {
        return;
    }
    let place = Place::new("line-crossing");
    let camera = Camera::simulate(&["yard=scene:seconds=24&visits=4-14", "--loop"]);
    let config = configure_guests(&place, "line-crossing", &camera, &guests);
    let host = Host::start(&config);
    let crossed = wait::until("a visit", SOON, || {
        let crossed = place.events("yard", "line.crossed");
        (crossed.len() >= 2).then_some(crossed)
    });
    for (number, way) in [(0, "in"), (1, "out")] {
        let one = &crossed[number];
        assert_eq!(attribute(one, "direction"), way);
        assert_eq!(attribute(one, "count"), "1");
        assert_eq!(attribute(one, "line"), "path");
        assert_eq!((attribute(one, "hops").as_str(), one.origin.as_str()), ("2", "line"));
        assert_eq!(attribute(one, "track"), attribute(&crossed[0], "track"), "the same visitor");
    }
    wait::until("a recording of it", SOON, || (!place.evr("yard").is_empty()).then_some(()));
    host.stop();
}

/// A visit of twelve seconds is longer than five.
#[test]
fn loitering() {
    let guests = ["tracker", "loitering"];
    let needs = [Need::Wardline, Need::Guest(guests[0]), Need::Guest(guests[1])];
    if missing("loitering", &needs) {
        return;
    }
    let place = Place::new("loitering");
    let camera = Camera::simulate(&["yard=scene:seconds=26&visits=4-16", "--loop"]);
    let config = configure_guests(&place, "loitering", &camera, &guests);
    let host = Host::start(&config);
    let stay = wait::until("the end of a stay", SOON, || {
        let stays = place.events("yard", "loitering");
        stays.iter().any(|stored| stored.event.phase == Phase::End).then_some(stays)
    });
    assert_eq!((stay[0].event.phase, attribute(&stay[0], "zone")), (Phase::Begin, "middle".into()));
    wait::until("a recording of it", SOON, || (!place.evr("yard").is_empty()).then_some(()));
    host.stop();
}

/// What `wardline recordings list --json` gives.
fn recordings(config: &std::path::Path) -> Vec<Value> {
    let output = wardline(&["recordings", "list", &config.to_string_lossy(), "--json"]);
    assert!(output.status.success(), "{output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    document["recordings"].as_array().expect("a list").clone()
}

fn moment(value: &Value) -> jiff::Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no time: {value}"))
}

#[test]
fn first_recording() {
    if missing("first_recording", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("first-recording");
    let camera = Camera::simulate(&["gate=scene", "--loop"]);
    let config = configure(&place, "first-recording", &camera);
    let host = Host::start(&config);
    host.wait_connected("gate", true, SOON);
    let found = wait::until("a recording", SOON, || recordings(&config).pop());
    assert_eq!((&found["kind"], &found["state"]), (&"cvr".into(), &"open".into()), "{found}");
    host.stop();
    let found = recordings(&config);
    assert_eq!((found.len(), &found[0]["state"]), (1, &"closed".into()), "{found:?}");
    let (end, until) = (moment(&found[0]["end"]), moment(&found[0]["holds"][0]["until"]));
    assert_eq!(until.duration_since(end).as_secs(), 7 * 86_400, "kept for a week");
}

#[test]
fn door_sensor() {
    if missing("door_sensor", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("door-sensor");
    let camera = Camera::simulate(&["hall=scene", "--loop"]);
    let config = configure(&place, "door-sensor", &camera);
    let host = Host::start(&config);
    host.wait_connected("hall", true, SOON);
    assert!(recordings(&config).is_empty(), "nothing is recorded before the door opens");
    let opened = wait::now().civil();
    let body = format!(r#"{{"event": "door.opened", "opened_at": "{opened}", "door": "front"}}"#);
    let (status, answer) = host.post("/hooks/door", &body).expect("an answer");
    assert_eq!(status, 200, "{answer}");
    let found = wait::until("a recording", SOON, || recordings(&config).pop());
    assert_eq!(found["kind"], "evr", "{found}");
    let seconds = |value: &Value| moment(value).duration_since(opened).as_secs();
    assert_eq!((seconds(&found["start"]), seconds(&found["end"])), (-30, 90), "{found}");
    let (status, answer) = host.post("/hooks/door", r#"{"opened_at": "soon"}"#).expect("an answer");
    assert_eq!(status, 400, "{answer}");
    host.stop();
    assert_eq!(recordings(&config).len(), 1, "one event, one recording");
}

#[test]
fn fast_and_large() {
    if missing("fast_and_large", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("fast-and-large");
    let camera = Camera::simulate(&["gate=scene", "--loop"]);
    let config = configure(&place, "fast-and-large", &camera);
    let host = Host::start(&config);
    for (camera, store) in [("gate", "recordings"), ("yard", "large")] {
        let folder = place.path(store).to_string_lossy().into_owned();
        wait::until("a recording", SOON, || {
            let found = recordings(&config).into_iter().find(|one| one["camera"] == camera)?;
            assert_eq!(found["stores"], serde_json::json!([folder]), "{found}");
            Some(())
        });
    }
    host.stop();
}
