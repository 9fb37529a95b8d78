//! Each folder of `examples/`, run as its README says, against the simulated camera it names.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use wardline_tests::camera::Camera;
use wardline_tests::host::{Host, Place, wardline};
use wardline_tests::need::{Need, missing, workspace};
use wardline_tests::wait;

/// Enough for a session to begin, and for a span to appear in the index.
const SOON: Duration = Duration::from_secs(30);

/// The example's configuration in a folder of its own: with this camera, and any free port.
fn configure(place: &Place, example: &str, camera: &Camera) -> PathBuf {
    let file = workspace().join("examples").join(example).join("wardline.toml");
    let text = std::fs::read_to_string(&file).expect("the example has a configuration");
    assert!(text.contains("rtsp://127.0.0.1:8554/"), "{example} uses the simulated camera");
    let text = text.replace("127.0.0.1:8554", &format!("127.0.0.1:{}", camera.port()));
    let config = place.path("wardline.toml");
    std::fs::write(&config, text + "\n[http]\nlisten = \"127.0.0.1:0\"\n").unwrap();
    config
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
