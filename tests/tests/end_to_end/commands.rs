//! The commands that work beside a running host, and those that need none.

use std::time::Duration;

use serde_json::Value;
use wardline::store::query::RecordingState;
use wardline_tests::camera::Camera;
use wardline_tests::host::{Host, Place, wardline};
use wardline_tests::need::{Need, missing};
use wardline_tests::store::seconds;
use wardline_tests::wait;

const STEP: Duration = Duration::from_secs(40);

/// What a command prints, which must be JSON and success.
fn json(arguments: &[&str]) -> Value {
    let output = wardline(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

#[test]
fn trigger_records_now() {
    if missing("trigger", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("trigger");
    let camera = Camera::simulate(&["gate=scene:seconds=20,visit=none", "--loop"]);
    let url = camera.url("gate");
    // No policy: what is asked by hand needs none.
    let host = Host::start(&place.configure(&format!(
        "[cameras.gate]\nurl = \"{url}\"\nmode = \"both\"\nsegment = \"4s\"\n"
    )));
    wait::until("video", STEP, || {
        host.metric("wardline_fragments_total", "").filter(|count| *count >= 8.0)
    });
    let before = wait::now();
    let told = json(&[
        "trigger",
        "gate",
        "--host",
        host.base(),
        "--before",
        "3s",
        "--for",
        "4s",
        "--label",
        "parcel",
        "--json",
    ]);
    assert!(told["event"].is_string(), "{told}");
    let span = wait::until("the recording", STEP, || {
        let mut spans = place.evr("gate");
        assert!(spans.len() <= 1, "{spans:#?}");
        spans.pop().filter(|span| span.state == RecordingState::Closed)
    });
    host.stop();
    assert!((seconds(before, span.start) + 3.0).abs() < 1.0, "{span:#?}");
    assert!((seconds(span.start, span.end) - 7.0).abs() < 0.1, "{span:#?}");
    assert_eq!(span.span.as_ref().unwrap().label, "parcel");
    assert!(span.true_start.unwrap() <= span.start && span.true_end.unwrap() >= span.end);
}

#[test]
fn probe_tries_the_cameras() {
    if missing("probe", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("probe");
    let camera = Camera::simulate(&["gate=scene:seconds=2", "--user", "ann:secret"]);
    let url = camera.url("gate");
    let good =
        format!("[cameras.gate]\nurl = \"{url}\"\nusername = \"ann\"\npassword = \"secret\"\n");
    let config = place.configure(&good);
    let output = wardline(&["check", &config.to_string_lossy(), "--probe"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("320x192"), "{output:?}");

    let config = place.configure(&good.replace("\"secret\"", "\"guess-me\""));
    let output = wardline(&["check", &config.to_string_lossy(), "--probe"]);
    let said = format!("{output:?}").to_ascii_lowercase();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("password") && !said.contains("guess-me"), "{said}");
}

#[test]
fn a_store_has_one_writer() {
    if missing("one_writer", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("one-writer");
    let config = place.configure("[cameras.gate]\nurl = \"rtsp://127.0.0.1:1/x\"\n");
    let host = Host::start(&config);
    let second = wardline(&["run", &config.to_string_lossy()]);
    let said = String::from_utf8_lossy(&second.stderr).to_ascii_lowercase();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("store"), "{said}");
    // Reading is not writing.
    json(&["recordings", "list", &config.to_string_lossy(), "--json"]);
    host.stop();
}

#[test]
fn bundled_plugins_can_be_inspected() {
    if missing("inspect", &[Need::Wardline]) {
        return;
    }
    for plugin in ["analyzer-motion", "source-webhook", "policy-pre-post"] {
        let shown = json(&["plugin", "inspect", plugin, "--json"]);
        assert!(shown.to_string().contains(plugin), "{shown}");
    }
}

#[test]
fn simulate_tells_the_truth() {
    if missing("truth", &[Need::Wardline]) {
        return;
    }
    let shown = json(&["simulate", "--truth", "yard=scene:seconds=150&visits=60-70,90-95"]);
    assert_eq!(shown["yard"]["seconds"], 150.0, "{shown}");
    assert_eq!(shown["yard"]["visits"][1]["from"], 90.0, "{shown}");
}
