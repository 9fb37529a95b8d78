//! What those who write plugins do: begin one, build it, try it, measure it. Each language needs its
//! tools; where they are missing, it is skipped by name.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use wardline_tests::host::{Place, wardline};
use wardline_tests::need::{Need, missing, say, workspace};

const KINDS: [&str; 3] = ["analyzer", "source", "policy"];

fn succeeds(what: &str, output: &Output) -> String {
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, error) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{what}:\n{out}\n{error}");
    out
}

fn new(place: &Place, language: &str, kind: &str) -> PathBuf {
    let folder = place.path(&format!("{language}-{kind}"));
    let path = folder.to_string_lossy().into_owned();
    let arguments = ["plugin", "new", "night-watch", "--lang", language, "--kind", kind];
    succeeds("new", &wardline(&[&arguments[..], &["--dir", &path]].concat()));
    folder
}

/// Builds and tries the plugin, and gives its component.
fn built(folder: &Path) -> PathBuf {
    let path = folder.to_string_lossy();
    let said = succeeds("build", &wardline(&["plugin", "build", &path]));
    assert!(said.contains("imports  wardline:plugin/types@0.1.0"), "{said}");
    let name = std::fs::read_dir(folder.join("dist")).unwrap().next().unwrap().unwrap().file_name();
    let component = folder.join("dist").join(name);
    let said = succeeds("check", &wardline(&["plugin", "check", &component.to_string_lossy()]));
    assert!(said.ends_with("ok\n"), "{said}");
    component
}

fn tested(folder: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    succeeds(&format!("{program} {}", arguments.join(" ")), &output);
}

/// Whether something for plugins in C is missing; the program may have been built without.
fn lacks_c(test: &str) -> bool {
    if missing(test, &[Need::Wardline, Need::Tool("clang"), Need::Tool("make")]) {
        return true;
    }
    let place = Place::new("without-c");
    let folder = new(&place, "c", "policy");
    let output = wardline(&["plugin", "build", &folder.to_string_lossy()]);
    let without = String::from_utf8_lossy(&output.stderr).contains("was built without C");
    if without {
        say(&format!("skipped: {test}: wardline was built without C"));
    }
    without
}

#[test]
fn a_plugin_in_c() {
    if lacks_c("a plugin in C") {
        return;
    }
    let place = Place::new("c");
    for kind in KINDS {
        let folder = new(&place, "c", kind);
        built(&folder);
        tested(&folder, "make", &["test"]);
    }
    // A mistake is shown where it is.
    let folder = place.path("c-policy");
    std::fs::write(folder.join("src/keeper.c"), "#include \"keeper.h\"\nint broken(").unwrap();
    let output = wardline(&["plugin", "build", &folder.to_string_lossy()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("keeper.c:2:"), "{said}");
}

#[test]
fn a_plugin_in_rust() {
    // The bundled plugins are built by the same compiler.
    if missing("a plugin in Rust", &[Need::Wardline, Need::Guest("tiers")]) {
        return;
    }
    let place = Place::new("rust");
    let folder = new(&place, "rust", "policy");
    // The standard library of the guests is there already.
    let target = workspace().join("plugins/target/guests");
    let mut command = Command::new(wardline_tests::need::wardline().unwrap());
    command.args(["plugin", "build", &folder.to_string_lossy()]).env("CARGO_TARGET_DIR", target);
    succeeds("build", &command.output().unwrap());
    let component = folder.join("dist/night-watch.wasm");
    let said = succeeds("check", &wardline(&["plugin", "check", &component.to_string_lossy()]));
    assert!(said.ends_with("ok\n"), "{said}");
}

#[test]
fn plugins_in_interpreted_languages() {
    for (language, example, tools, program, arguments) in [
        ("js", "working-hours", "node_modules", "npm", &["test"][..]),
        ("python", "escalation", ".venv", "python3", &["-m", "unittest", "discover", "test"][..]),
    ] {
        let folder = workspace().join("examples").join(example);
        let set_up = folder.join(tools);
        let what = format!("a plugin in {language}");
        if missing(&what, &[Need::Wardline, Need::Tool(program), Need::SetUp(example, tools)]) {
            continue;
        }
        built(&folder);
        tested(&folder, program, arguments);
        let place = Place::new(language);
        for kind in KINDS {
            let folder = new(&place, language, kind);
            std::os::unix::fs::symlink(&set_up, folder.join(tools)).unwrap();
            built(&folder);
            tested(&folder, program, arguments);
        }
    }
}

#[test]
fn the_example_in_c() {
    if lacks_c("the example in C") {
        return;
    }
    let folder = workspace().join("examples/covered");
    let component = built(&folder);
    tested(&folder, "make", &["test"]);
    let component = component.to_string_lossy().into_owned();
    let said = succeeds("bench", &wardline(&["plugin", "bench", &component, "--json"]));
    let figures: Value = serde_json::from_str(&said).unwrap();
    assert!(figures["instructions"].as_u64().unwrap() > 1000, "{figures}");
    assert!(figures["p50_us"].as_f64() <= figures["p99_us"].as_f64(), "{figures}");
    assert!((0.0..=1.0).contains(&figures["copying"].as_f64().unwrap()), "{figures}");
}

#[test]
fn bundled_plugins_stand_their_trial() {
    if missing("bundled plugins", &[Need::Wardline]) {
        return;
    }
    for name in ["analyzer-motion", "source-webhook", "policy-pre-post"] {
        let said = succeeds(name, &wardline(&["plugin", "check", name]));
        assert!(said.ends_with("ok\n"), "{said}");
    }
}

#[test]
fn a_missing_tool_is_named() {
    if missing("a missing tool", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("tools");
    for (language, said) in [("js", "type `npm install` in "), ("python", "pip install -r")] {
        let folder = new(&place, language, "policy");
        let mut command = Command::new(wardline_tests::need::wardline().unwrap());
        let output = command
            .args(["plugin", "build", &folder.to_string_lossy()])
            .env("PATH", place.path(""))
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(said), "{error}");
    }
}
