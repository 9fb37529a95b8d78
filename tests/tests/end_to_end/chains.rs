//! Cameras that hear each other, and analyzers that others wake.

use std::time::Duration;

use wardline_tests::camera::Camera;
use wardline_tests::host::{Host, Place, anywhere, wardline};
use wardline_tests::need::{Need, missing, workspace};
use wardline_tests::wait;

const SOON: Duration = Duration::from_secs(60);

/// `examples/neighbours`: something moves at the gate only, and the yard is recorded.
#[test]
fn neighbours() {
    if missing("neighbours", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("neighbours");
    let scenes = ["gate=scene:seconds=20&visits=4-14", "yard=scene:seconds=20&visits=none"];
    let camera = Camera::simulate(&[scenes[0], scenes[1], "--loop"]);
    let file = workspace().join("examples/neighbours/wardline.toml");
    let text = std::fs::read_to_string(file).unwrap();
    let text = text.replace("127.0.0.1:8554", &format!("127.0.0.1:{}", camera.port()));
    let text = text.replace("path = \"recordings\"", "path = \"store\"");
    let config = place.path("wardline.toml");
    std::fs::write(&config, anywhere(&text)).unwrap();
    let host = Host::start(&config);
    let recorded = wait::until("a recording of the yard", SOON, || place.evr("yard").pop());
    let because = recorded.span.expect("it is of an event").because;
    assert!(because.iter().all(|id| id.starts_with("gate/motion/")), "{because:?}");
    assert!(place.events("yard", "motion").is_empty());
    host.stop();
}

/// Nothing is decoded before somebody is at the door, nor for long after.
#[test]
fn an_analyzer_sleeps_until_the_door_opens() {
    if missing("asleep", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("asleep");
    let camera = Camera::simulate(&["gate=scene:seconds=20&visits=none", "--loop"]);
    let config = place.configure(&format!(
        r#"
[plugins.door]
component = "source-webhook"
cameras = ["gate"]

[plugins.dear]
component = "analyzer-motion"
after = ["door/door.*"]
pictures = "while-open"
tail = "2s"

[cameras.gate]
url = "{}"
analyzers = ["dear"]
"#,
        camera.url("gate")
    ));
    let output = wardline(&["check", &config.to_string_lossy()]);
    assert!(output.status.success(), "{output:?}");
    let host = Host::start(&config);
    let video = || host.metric("wardline_fragments_total", "gate");
    let pictures = || host.metric("wardline_pictures_total", "gate").unwrap_or(0.0);
    let wait_video = || {
        let before = video().unwrap_or(0.0);
        wait::until("video", SOON, || video().filter(|count| *count >= before + 3.0));
    };
    wait_video();
    assert_eq!(pictures(), 0.0, "asleep");
    let (status, answer) = host.post("/hooks/door", r#"{"kind":"door.opened"}"#).unwrap();
    assert_eq!(status, 200, "{answer}");
    wait::until("pictures", SOON, || (pictures() > 0.0).then_some(()));
    // Asleep again: no further picture while video goes on.
    wait::until("an end of the pictures", SOON, || {
        let before = pictures();
        wait_video();
        (pictures() == before).then_some(())
    });
    assert!(pictures() < 60.0, "{} pictures for two seconds", pictures());
    host.stop();
}
