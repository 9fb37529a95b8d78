//! The commands that work beside a running host, and those that need none.

use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use wardline::store::query::RecordingState;
use wardline_tests::camera::Camera;
use wardline_tests::host::{Host, Place, SHUTDOWN, wardline};
use wardline_tests::need::{self, Need, missing};
use wardline_tests::process::Process;
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
    let after = wait::now();
    assert!(told["event"].is_string(), "{told}");
    let span = wait::until("the recording", STEP, || {
        let mut spans = place.evr("gate");
        assert!(spans.len() <= 1, "{spans:#?}");
        spans.pop().filter(|span| span.state == RecordingState::Closed)
    });
    host.stop();
    let asked = span.start + Duration::from_secs(3);
    assert!(before <= asked && asked <= after, "{before} {after} {span:#?}");
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

/// Beside a running host through it, without one on the store itself.
#[test]
fn recordings_are_pinned_and_deleted() {
    if missing("pin", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("pin");
    let camera = Camera::simulate(&["gate=scene:seconds=20,visit=none", "--loop"]);
    let url = camera.url("gate");
    let config = place
        .configure(&format!("[cameras.gate]\nurl = \"{url}\"\nsegment = \"2s\"\nkeep = \"1d\"\n"));
    let source = config.to_string_lossy().into_owned();
    let host = Host::start(&config);
    // The last of them is still being written.
    wait::until("files", STEP, || (place.segments("gate").len() >= 4).then_some(()));
    let refused = wardline(&["recordings", "pin", "gate", "1h", "0s", "--source", &source]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    // The host listens on any free port, which its configuration does not tell.
    assert!(!refused.status.success() && said.contains("is the host running"), "{said}");
    let first = place.segments("gate")[0].clone();
    let (from, to) = (first.start.to_string(), (first.start + STEP / 100).to_string());
    let change = |words: &[&str], way: [&str; 2]| {
        json(&[&["recordings"], words, &["--json"], &way].concat())
    };
    let by_host = ["--host", host.base()];
    let pin = change(&["pin", "gate", &from, &to, "--label", "fox"], by_host);
    let id = pin["id"].as_str().unwrap().to_owned();
    let plan = json(&["recordings", "plan", &source, "--json"]);
    let gate = &plan["cameras"][0];
    assert_eq!((&gate["name"], &gate["asked_days"]), (&"gate".into(), &1.0.into()), "{plan}");
    assert!(gate["held"]["pinned"].as_u64() > Some(0) && plan["now"] == Value::Array(vec![]));
    assert!(gate["sustainable_days"].as_f64() > Some(0.0), "{plan}");
    let confirmed = change(&["confirm-time"], by_host);
    assert!(confirmed["guarded"].is_null(), "{confirmed}");
    let gone = change(&["delete", "gate", "1h", "0s", "--yes"], by_host);
    assert!(gone["segments"].as_u64() >= Some(2), "{gone}");
    let why: Vec<&Value> =
        gone["remained"].as_array().unwrap().iter().map(|left| &left["why"]).collect();
    assert!(why.contains(&&Value::from("pinned")), "{gone}");
    assert!(place.segments("gate").iter().any(|one| one.sequence == first.sequence));
    let unknown = wardline(&["recordings", "unpin", "nothing", "--host", host.base()]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("404"), "{unknown:?}");
    host.stop();

    // A pipe is no terminal that could be asked.
    let asked = wardline(&["recordings", "delete", "gate", "1h", "0s", "--source", &source]);
    assert!(String::from_utf8_lossy(&asked.stderr).contains("--yes"), "{asked:?}");
    let by_store = ["--source", &*source];
    let list = json(&["recordings", "list", &source, "--json"]);
    assert!(list.to_string().contains(&format!("\"id\":\"{id}\"")), "{list}");
    change(&["unpin", &id], by_store);
    // The camera's times may be ahead of the clock, and only whole files go.
    let end = place.segments("gate").last().expect("a file").end;
    wait::until("the last file to be over", STEP, || (wait::now() > end).then_some(()));
    let told = place.events("gate", "recording.deleted").len();
    let gone = change(&["delete", "gate", "1h", "0s", "--yes"], by_store);
    let events = place.events("gate", "recording.deleted");
    assert!(events.len() > told, "it is told without a host too");
    assert!(format!("{events:?}").contains("person"), "{events:?}");
    assert!(place.segments("gate").is_empty() && place.files("gate").is_empty(), "{gone}");
}

#[test]
fn demo_shows_what_it_recorded_until_told_to_end() {
    if missing("demo", &[Need::Wardline]) {
        return;
    }
    let mut command = Command::new(need::wardline().expect("asked for"));
    command.args(["demo", "--for", "5s", "--stay"]).env_remove("RUST_LOG");
    let mut demo = Process::start("wardline demo", &mut command);
    let page = demo.wait_for("the page", Duration::from_secs(90), |line| {
        line.strip_prefix("page: ")?.split(' ').next().map(str::to_owned)
    });
    let base = page.strip_suffix("#/play/demo").expect("it opens on the recordings");
    let get = |path: &str| {
        let mut answer = ureq::get(format!("{base}{path}")).call().expect("it is served");
        answer.body_mut().read_to_string().expect("text")
    };
    assert!(get("").contains("/page/app.js"));
    let cameras: Value = serde_json::from_str(&get("api/v1/cameras")).expect("JSON");
    assert_eq!(cameras["cameras"][0]["name"], "demo");
    assert!(cameras["cameras"][0]["first"].is_string(), "{cameras}");
    demo.signal(Signal::INT);
    assert!(demo.wait(SHUTDOWN + Duration::from_secs(2)).success());
}
