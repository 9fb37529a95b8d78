//! What was recorded, judged again: the same as then, the same each time, otherwise by another
//! policy. And plugins' own tests.

use std::time::Duration;

use serde_json::Value;
use wardline_tests::camera::Camera;
use wardline_tests::host::{Host, Place, wardline};
use wardline_tests::need::{Need, ONE_BY_ONE, clip, guest, missing, workspace};

const CAMERA: &str = r#"
[plugins.motion]
component = "analyzer-motion"

[plugins.visits]
component = "policy-pre-post"
params = { kinds = ["motion"], before = "3s", after = "2s" }

[cameras.yard]
url = "URL"
mode = "both"
segment = "5s"
analyzers = ["motion"]
policies = ["visits"]
"#;

fn replay(config: &std::path::Path, arguments: &[&str]) -> String {
    let config = config.to_string_lossy();
    let fixed = ["replay", &config, "--camera", "yard"];
    let output = wardline(&[&fixed[..], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Start and end of each span.
fn edges(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let spans = report["spans"].as_array().unwrap();
    spans.iter().map(|span| (text(&span["start"]), text(&span["end"]))).collect()
}

#[test]
fn a_clip_is_judged_the_same_each_time() {
    if missing("replay of a clip", &[Need::Wardline, Need::Clip(ONE_BY_ONE)]) {
        return;
    }
    let place = Place::new("replay-clip");
    let file = clip(ONE_BY_ONE).unwrap();
    let file = file.to_string_lossy();
    let config = place.configure(&CAMERA.replace("URL", &file));
    let once = replay(&config, &[&file, "--json"]);
    assert_eq!(once, replay(&config, &[&file, "--json"]), "byte for byte");
    let report = json(&once);
    // 139 s at 12 pictures a second, of which some five a second are wanted.
    assert!(report["pictures"].as_u64().unwrap() > 500, "{}", report["pictures"]);
    assert!(edges(&report).len() >= 4, "{:?}", edges(&report));
    assert!(!place.path("store").exists(), "a replay makes no store");
}

#[test]
fn what_was_recorded_is_judged_as_it_was_and_by_another_policy_otherwise() {
    if missing("replay of a recording", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("replay");
    let camera = Camera::simulate(&["yard=scene:seconds=30,visits=8-12,20-23"]);
    let config = place.configure(&CAMERA.replace("URL", &camera.url("yard")));
    let host = Host::start(&config);
    host.wait_session_end("yard", Duration::from_secs(60));
    host.stop();

    let then = place.evr("yard");
    assert_eq!(then.len(), 2, "{then:#?}");
    let same = json(&replay(&config, &["--from", "1h", "--diff", "--json"]));
    let asked: Vec<(String, String)> = then
        .iter()
        .map(|span| (span.start.civil().to_string(), span.end.civil().to_string()))
        .collect();
    assert_eq!(edges(&same), asked);
    for part in ["more", "lost", "saved", "spent"] {
        assert_eq!(same["diff"][part]["seconds"], 0.0, "{part}: {}", same["diff"]);
    }

    let shorter = r#"{"kinds":["motion"],"before":"1s","after":"2s"}"#;
    let other = json(&replay(
        &config,
        &["--from", "1h", "--policy", "visits", "--params", shorter, "--diff", "--json"],
    ));
    let lost = other["diff"]["lost"]["seconds"].as_f64().unwrap();
    assert!((lost - 4.0).abs() < 0.01, "two seconds of each: {}", other["diff"]);
    assert_eq!(other["diff"]["more"]["seconds"], 0.0);

    // The same video, looked at again: no picture is left out, and the same is seen.
    let again = json(&replay(&config, &["--from", "1h", "--analyzer", "motion", "--json"]));
    assert_eq!(again["spans"].as_array().unwrap().len(), 2, "{}", again["spans"]);
    assert!(again["pictures"].as_u64().unwrap() > 100, "{}", again["pictures"]);

    let text = replay(&config, &["--from", "1h", "--diff"]);
    for said in ["decided by visits", "spans: 2", "against what was really kept"] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn mistakes_are_named() {
    if missing("mistakes of a replay", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("replay-mistakes");
    let config = place.configure(&CAMERA.replace("URL", "rtsp://127.0.0.1:1/yard"));
    let config = config.to_string_lossy();
    for (arguments, said) in [
        (&["--camera", "gate", "--from", "1h"][..], "no camera `gate`; there is: yard"),
        (&["--camera", "yard"], "`--from 24h`"),
        (&["--camera", "yard", "--from", "1h", "--policy", "mine"], "`mine` is no plugin"),
        (&["--camera", "yard", "--from", "1h", "--params", "{}"], "needs one `--policy`"),
        (&["--camera", "yard", "--from", "1h", "--policy", "motion"], "world analyzer"),
    ] {
        let output = wardline(&[&["replay", &config][..], arguments].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(said), "{said}: {error}");
    }
}

#[test]
fn a_plugin_is_tested_by_its_manifest() {
    if missing("plugin test", &[Need::Wardline, Need::Guest("tiers")]) {
        return;
    }
    let (folder, component) = (workspace().join("examples/tiers"), guest("tiers"));
    let (folder, component) = (folder.to_string_lossy(), component.to_string_lossy());
    let output = wardline(&["plugin", "test", &folder, "--component", &component]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed, 0 failed"), "{text}");
}
