//! Plugins that loop, eat memory, trap and lie: each costs itself only.

use std::fmt::Write as _;
use std::time::Duration;

use wardline_tests::camera::Camera;
use wardline_tests::guests;
use wardline_tests::host::{Host, Place};
use wardline_tests::media;
use wardline_tests::need::{Need, missing};
use wardline_tests::wait;

/// Each serves a camera of its own, which has the same name.
const ANALYZERS: [&str; 4] =
    ["analyzer-loops", "analyzer-eats-memory", "analyzer-traps", "analyzer-not-finite"];

/// They see the events of an honest analyzer.
const POLICIES: [&str; 2] = ["policy-loops", "policy-traps"];

/// Faults, back-off, and the 5 s until a camera fails open.
const FAIL_OPEN: Duration = Duration::from_secs(60);

fn configuration(place: &Place, url: &str) -> String {
    let mut text = String::from(
        "[plugins.honest]\ncomponent = \"policy-pre-post\"\n\n[plugins.motion]\ncomponent = \"analyzer-motion\"\n\n",
    );
    let mut add = |guest: &str, analyzer: &str, policy: &str| {
        let file = guests::write(&place.path(""), guest);
        let file = file.file_name().unwrap().to_string_lossy();
        let _ = write!(
            text,
            "[plugins.{guest}]\ncomponent = \"{file}\"\n\n[cameras.{guest}]\nurl = \"{url}\"\n\
             mode = \"events\"\nanalyzers = [\"{analyzer}\"]\npolicies = [\"{policy}\"]\n\n"
        );
    };
    ANALYZERS.iter().for_each(|guest| add(guest, guest, "honest"));
    POLICIES.iter().for_each(|guest| add(guest, "motion", guest));
    text
}

#[test]
fn bad_guests_cost_only_themselves() {
    if missing("guests", &[Need::Wardline, Need::Ffmpeg]) {
        return;
    }
    let place = Place::new("guests");
    let camera = Camera::simulate(&["yard=scene:seconds=8,visit=3-7", "--loop"]);
    let host = Host::start(&place.configure(&configuration(&place, &camera.url("yard"))));
    let all = || ANALYZERS.iter().chain(&POLICIES);
    for guest in all() {
        wait::until(&format!("{guest} fails open"), FAIL_OPEN, || {
            (host.camera(guest)?["fail_open"] == true).then_some(())
        });
        let label = format!("\"{guest}\"");
        wait::until(&format!("a fault of {guest}"), FAIL_OPEN, || {
            host.metric("wardline_plugin_faults_total", &label).filter(|count| *count >= 1.0)
        });
        wait::until(&format!("video of {guest}"), FAIL_OPEN, || {
            host.metric("wardline_fragments_total", &label).filter(|count| *count >= 5.0)
        });
    }
    let log = host.stop();
    for guest in all() {
        let said = log.lines().filter(|line| line.contains(guest) && is_alarm(line)).count();
        // One for each state that it goes through, none for each picture.
        assert!((1..=20).contains(&said), "{guest}: {said} lines in\n{log}");
        assert_eq!(place.gaps(guest), [], "{guest}");
        let files = place.files(guest);
        assert!(!files.is_empty(), "{guest}");
        let pictures: usize = files.iter().map(|file| media::pictures(file).len()).sum();
        assert!(pictures > 50, "{guest}: {pictures}");
        let held = place.cvr(guest).into_iter().chain(place.evr(guest));
        let held: Vec<_> = held.flat_map(|recording| recording.holds).collect();
        assert!(held.iter().any(|hold| hold.what == "fail-open"), "{guest}: {held:?}");
    }
}

fn is_alarm(line: &str) -> bool {
    line.contains("WARN") || line.contains("ERROR")
}
