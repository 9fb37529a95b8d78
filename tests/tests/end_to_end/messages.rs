//! What a person is told: what is wrong, where, and what to do. Never a password.

use std::path::Path;
use std::time::Duration;

use wardline_tests::camera::{Camera, Clip};
use wardline_tests::guests;
use wardline_tests::host::{Host, Place, wardline};
use wardline_tests::need::{CARS, Need, clip, missing};
use wardline_tests::wait;

/// `check` of a configuration that has mistakes: both its outputs.
fn check(config: &Path) -> String {
    let output = wardline(&["check", &config.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}{err}")
}

/// Panics unless `text` has all of `parts`, in any case.
fn assert_says(text: &str, parts: &[&str]) {
    let lower = text.to_ascii_lowercase();
    for part in parts {
        assert!(lower.contains(&part.to_ascii_lowercase()), "`{part}` is not in:\n{text}");
    }
}

/// Waits until the log of a host has one line with all of `parts`.
fn wait_says(host: &Host, parts: &[&str]) {
    wait::until(&format!("a line with {parts:?}"), Duration::from_secs(40), || {
        let log = host.log().to_ascii_lowercase();
        let says = |line: &str| parts.iter().all(|part| line.contains(&part.to_ascii_lowercase()));
        log.lines().any(says).then_some(())
    });
}

#[test]
fn all_mistakes_at_once() {
    if missing("mistakes", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("mistakes");
    // The first line of what is added is line 8 of the file.
    let config = place.configure(
        "[cameras.gate]\nurl = \"rtsp://127.0.0.1/x\"\nkep = \"7d\"\nsegment = \"soon\"\npolicies = [\"gone\"]\n",
    );
    let said = check(&config);
    assert_says(&said, &[":10", "kep", "did you mean `keep`", ":11", "soon", ":12", "gone"]);
    let run = wardline(&["run", &config.to_string_lossy()]);
    assert_eq!(run.status.code(), Some(1));
    assert_says(&String::from_utf8_lossy(&run.stderr), &[":10", ":11", ":12"]);
}

#[test]
fn a_missing_variable_is_named() {
    if missing("variable", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("variable");
    let config = place.configure(
        "[cameras.gate]\nurl = \"rtsp://127.0.0.1/x\"\nusername = \"ann\"\npassword = \"${NO_SUCH_PASSWORD}\"\n",
    );
    assert_says(&check(&config), &["NO_SUCH_PASSWORD", "set it"]);
}

#[test]
fn an_unreachable_camera() {
    if missing("unreachable", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("unreachable");
    let host = Host::start(&place.configure("[cameras.gate]\nurl = \"rtsp://127.0.0.1:1/x\"\n"));
    wait_says(&host, &["gate", "connect", "refused"]);
    let health = host.camera("gate").expect("the camera is known");
    assert_eq!(health["connected"], false, "{health}");
    host.stop();
}

#[test]
fn a_wrong_password() {
    let needs = [Need::Wardline, Need::Gstreamer, Need::Clip(CARS)];
    if missing("wrong_password", &needs) {
        return;
    }
    let place = Place::new("wrong-password");
    let file = clip(CARS).unwrap();
    let clips = [Clip { name: "cars", codec: "h264+aac", file: &file }];
    let camera = Camera::gstreamer_with("0", "ann", "right-secret", &clips);
    let url = camera.url("cars");
    let rest = format!(
        "[cameras.gate]\nurl = \"{url}\"\nusername = \"ann\"\npassword = \"${{CAMERA_PASSWORD}}\"\n"
    );
    let config = place.configure(&rest);
    let host =
        Host::start_with(&config, &[("CAMERA_PASSWORD", "wrong-secret"), ("RUST_LOG", "trace")]);
    wait_says(&host, &["gate", "password"]);
    let shown = format!("{}{:?}{:?}", host.log(), host.get("/healthz"), host.get("/metrics"));
    assert!(!shown.contains("wrong-secret"), "the password is shown");
    host.stop();

    let place = Place::new("right-password");
    let host = Host::start_with(&place.configure(&rest), &[("CAMERA_PASSWORD", "right-secret")]);
    host.wait_connected("gate", true, Duration::from_secs(60));
    host.stop();
}

#[test]
fn a_plugin_for_another_contract() {
    if missing("contract", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("contract");
    guests::write(&place.path(""), "contract-next");
    let config = place.configure(
        "[plugins.next]\ncomponent = \"contract-next.wasm\"\n\n[cameras.gate]\nurl = \"rtsp://127.0.0.1:1/x\"\nanalyzers = [\"next\"]\n",
    );
    assert_says(&check(&config), &["next", "0.2", "0.1"]);
}

#[test]
fn a_plugin_that_wants_what_is_not_there() {
    if missing("grants", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("grants");
    guests::write(&place.path(""), "analyzer-wants-kv");
    let config = place.configure(
        "[plugins.greedy]\ncomponent = \"analyzer-wants-kv.wasm\"\n\n[cameras.gate]\nurl = \"rtsp://127.0.0.1:1/x\"\nanalyzers = [\"greedy\"]\n",
    );
    assert_says(&check(&config), &["greedy", "kv"]);
}

#[test]
fn a_full_store() {
    if missing("full", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("full");
    let camera = Camera::simulate(&["yard=scene:seconds=10,visit=2-8", "--loop"]);
    let url = camera.url("yard");
    // No disk has so much room: the floor is reached from the start.
    let config = place.path("full.toml");
    let text = format!(
        "[store]\npath = \"store\"\nfree-floor = \"900TiB\"\n\n[http]\nlisten = \"127.0.0.1:0\"\n\n[cameras.gate]\nurl = \"{url}\"\nkeep = \"1d\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let host = Host::start(&config);
    wait_says(&host, &["free", "floor"]);
    // Never a crash: it still answers, and ends in order.
    assert!(host.get("/healthz").is_ok());
    host.stop();
}

#[test]
fn a_hook_that_cannot_be_read() {
    if missing("hook", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("hook");
    let host = Host::start(&place.configure(
        "[plugins.door]\ncomponent = \"source-webhook\"\ncameras = [\"gate\"]\n\n[cameras.gate]\nurl = \"rtsp://127.0.0.1:1/x\"\n",
    ));
    for (path, body, status, parts) in [
        ("/hooks/door", "{\"kind\":\"door.opened\"}", 200, &["events"][..]),
        ("/hooks/door", "not json", 400, &["detail"]),
        ("/hooks/door", "{\"time\":\"2025-11-22T10:00:00Z\"}", 400, &["kind"]),
        ("/hooks/dor", "{}", 404, &["dor", "door"]),
    ] {
        let (seen, answer) = host.post(path, body).unwrap();
        assert_eq!(seen, status, "{path} {body}: {answer}");
        assert_says(&answer, parts);
    }
    assert_eq!(place.events("gate", "door.opened").len(), 1);
    host.stop();
}
