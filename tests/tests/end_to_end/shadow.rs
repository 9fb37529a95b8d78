//! A candidate beside a policy in charge, on live video: it is seen what it would do, and then it does.

use std::time::Duration;

use serde_json::Value;
use wardline::store::Recording;
use wardline_tests::camera::Camera;
use wardline_tests::host::{Host, Place, wardline};
use wardline_tests::need::{Need, missing};
use wardline_tests::wait;

const STEP: Duration = Duration::from_secs(60);

fn configuration(url: &str) -> String {
    format!(
        "[plugins.motion]\ncomponent = \"analyzer-motion\"\n\n\
         [plugins.keep]\ncomponent = \"policy-pre-post\"\nparams = {{ before = \"1s\", after = \"2s\" }}\n\
         shadow = \"next\"\n\n\
         [plugins.next]\ncomponent = \"policy-pre-post\"\nparams = {{ before = \"3s\", after = \"6s\" }}\n\n\
         [cameras.gate]\nurl = \"{url}\"\nmode = \"both\"\nsegment = \"4s\"\n\
         analyzers = [\"motion\"]\npolicies = [\"keep\"]\n"
    )
}

fn json(arguments: &[&str]) -> Value {
    let output = wardline(arguments);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_candidate_runs_beside_the_one_in_charge_until_it_is_promoted() {
    if missing("shadow", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("shadow");
    let camera = Camera::simulate(&["yard=scene:seconds=16,visit=2-5", "--loop"]);
    let config = place.configure(&configuration(&camera.url("yard")));
    let file = config.to_string_lossy().into_owned();
    let host = Host::start(&config);
    let base = host.base().to_owned();
    let shadow =
        || json(&["plugin", "shadow", "next", "--config", &file, "--since", "1h", "--json"]);
    let seconds = |side: &str| {
        let found = shadow();
        found[0][side]["span"].as_f64().unwrap_or_default()
    };
    wait::until("what both would keep", STEP, || {
        (seconds("in_charge") > 2.0 && seconds("candidate") > seconds("in_charge")).then_some(())
    });
    // It is there, and on no list of those on whom anything depends.
    let status = json(&["plugin", "status", "--host", &base, "--json"]);
    let candidate = status.as_array().unwrap().iter().find(|one| one["name"] == "next").unwrap();
    assert_eq!((&candidate["state"], &candidate["camera"]), (&"running".into(), &"gate".into()));
    assert!(candidate["since"].is_string(), "{candidate}");
    let reason = candidate["reason"].as_str().unwrap();
    assert!(reason.starts_with("a candidate for `keep`"), "{reason}");
    let (_, health) = host.get("/healthz").unwrap();
    assert!(!health.contains("\"next\""), "{health}");
    let by_keep = |one: &Recording| one.span.as_ref().is_some_and(|span| span.policy == "keep");
    assert!(place.evr("gate").iter().all(by_keep));

    let output = wardline(&["plugin", "promote", "next", "--config", &file, "--host", &base]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert!(said.ends_with("the running host has taken it over\n"), "{said}");
    let lengths = || {
        let spans = place.evr("gate");
        spans.iter().map(|span| span.end.since(span.start).as_secs()).max()
    };
    // What it asks for now is kept: before, motion, after.
    wait::until("a longer span", STEP, || lengths().filter(|longest| *longest >= 9));
    let said = wardline(&["plugin", "shadow", "keep", "--config", &file]);
    assert!(!said.status.success(), "the name stays with the place");

    host.stop();
    assert_eq!(place.gaps("gate"), []);
}

#[test]
fn what_can_not_be_promoted_leaves_the_file_as_it_was() {
    if missing("promote", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("promote");
    let camera = Camera::simulate(&["yard=scene:seconds=16", "--loop"]);
    let config = place.configure(&configuration(&camera.url("yard")));
    let file = config.to_string_lossy().into_owned();
    let host = Host::start(&config);
    let base = host.base().to_owned();
    // What would be in force then is refused for another reason: the port is another.
    let text = std::fs::read_to_string(&config).unwrap().replace(":0\"", ":1\"");
    std::fs::write(&config, &text).unwrap();
    let output = wardline(&["plugin", "promote", "next", "--config", &file, "--host", &base]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("restart needed for: http.listen"), "{said}");
    assert!(said.contains("nothing was promoted"), "{said}");
    assert_eq!(std::fs::read_to_string(&config).unwrap(), text);
    host.stop();
    // Nobody runs: it is done, and said what that means.
    let output = wardline(&["plugin", "promote", "next", "--config", &file]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("no running host was reached"), "{said}");
    assert_ne!(std::fs::read_to_string(&config).unwrap(), text);
}
