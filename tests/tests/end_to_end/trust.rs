//! What a person lets a plugin do, and what is seen of it: grants, signatures, status.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use wardline_tests::camera::Camera;
use wardline_tests::guests;
use wardline_tests::host::{Host, Place, wardline};
use wardline_tests::need::{Need, missing};
use wardline_tests::wait;

const STEP: Duration = Duration::from_secs(40);

/// Runs a command; whether it succeeded, and what it said.
fn run(arguments: &[&str]) -> (bool, String) {
    let output = wardline(arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

fn path(path: &Path) -> &str {
    path.to_str().expect("the path of a test")
}

/// The way of a plugin of somebody else into a host: refused with what to write, step by step, and
/// then seen at work.
#[test]
fn a_plugin_is_granted_signed_and_seen() {
    if missing("trust", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("trust");
    let camera = Camera::simulate(&["gate=scene:seconds=20,visit=none", "--loop"]);
    let url = camera.url("gate");
    let plugin = guests::write(&place.path(""), "policy-remembers");
    let configure = |trust: &str, grant: &str| {
        place.configure(&format!(
            "{trust}\n[plugins.keep]\ncomponent = \"policy-remembers.wasm\"\n{grant}\n\
             [plugins.idle]\ncomponent = \"analyzer-motion\"\n\n\
             [cameras.gate]\nurl = \"{url}\"\nmode = \"both\"\npolicies = [\"keep\"]\n"
        ))
    };
    let config = configure("", "");
    let (ok, said) = run(&["check", path(&config)]);
    assert!(!ok && said.contains("write `grant = [\"kv:1KiB\"]` in `[plugins.keep]`"), "{said}");

    let key = place.path("anna");
    let (ok, said) = run(&["plugin", "keygen", path(&key)]);
    let line = said.lines().find(|line| line.starts_with("trusted-keys"));
    let trust = format!("[trust]\nrequire-signature = true\n{}\n", line.expect("the key"));
    let secret = std::fs::read_to_string(place.path("anna.key")).unwrap();
    let seed = secret.trim().rsplit(' ').next().unwrap();
    assert!(ok && !said.contains(seed), "{said}");
    let config = configure(&trust, "grant = [\"kv:1KiB\"]\n");
    let (ok, said) = run(&["check", path(&config)]);
    assert!(!ok && said.contains("plugin keep: is not signed"), "{said}");

    let secret = place.path("anna.key");
    assert!(run(&["plugin", "sign", "--key", path(&secret), path(&plugin)]).0);
    let public = place.path("anna.pub");
    let (ok, said) = run(&["plugin", "verify", "--trusted", path(&public), path(&plugin)]);
    assert!(ok && said.starts_with("ok: policy-remembers 0.1.0, sha256:"), "{said}");
    let (ok, said) = run(&["check", path(&config)]);
    assert!(ok, "{said}");

    let host = Host::start(&config);
    host.wait_connected("gate", true, STEP);
    let (_, answer) = host.post("/api/v1/cameras/gate/trigger", "{}").unwrap();
    assert!(answer.contains("event"), "{answer}");
    let status = || -> Option<Value> {
        let (ok, said) = run(&["plugin", "status", "--json", "--host", host.base()]);
        assert!(ok, "{said}");
        let status: Value = serde_json::from_str(&said).unwrap();
        // `init`, the first wake, and the event.
        (status[0]["calls"].as_u64() >= Some(3)).then_some(status)
    };
    let status = wait::until("calls of the policy", STEP, status);
    let (keep, idle) = (&status[0], &status[1]);
    assert_eq!(
        (&keep["name"], &keep["camera"], &keep["state"]),
        (&"keep".into(), &"gate".into(), &"running".into())
    );
    assert_eq!(keep["component"]["grants"], serde_json::json!(["kv:1KiB"]));
    assert!(said.contains("ok"), "{said}");
    assert!(keep["mean_micros"].as_f64() > Some(0.0) && keep["faults"] == 0, "{keep}");
    assert_eq!((&idle["state"], &idle["reason"]), (&"unused".into(), &"no camera names it".into()));
    let (_, table) = run(&["plugin", "status", "keep", "--host", host.base()]);
    assert!(table.contains("running") && !table.contains("idle"), "{table}");
    host.stop();
    let kept = std::fs::read(place.path("store/plugins.d/kv/keep/gate.kv")).unwrap();
    assert!(kept.windows(8).any(|bytes| bytes == b"12345678"), "{kept:?}");

    // A changed component under the old signature is not even compiled.
    std::fs::write(&plugin, guests::component("policy-quiet")).unwrap();
    let (ok, said) = run(&["check", path(&config)]);
    assert!(!ok && said.contains("its signature is for another component"), "{said}");
}
