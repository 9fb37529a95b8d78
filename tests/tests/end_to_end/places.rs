//! Several directories for recordings: cameras name one, old files move, and a disk may go away.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use wardline_tests::camera::Camera;
use wardline_tests::host::{Host, Place, wardline};
use wardline_tests::need::{Need, missing};
use wardline_tests::wait;

/// Enough for a session to begin, files to close, and the mover to look.
const SOON: Duration = Duration::from_secs(60);

/// Two cameras: one is recorded to `fast` and moves on, the other to the store itself.
fn configure(place: &Place, camera: &Camera) -> PathBuf {
    let port = camera.port();
    place.configure(&format!(
        r#"
[stores.fast]
path = "fast"
free-floor = "0B"
move-to = "large"
move-after = "1s"

[stores.large]
path = "large"
free-floor = "0B"

[cameras.gate]
url = "rtsp://127.0.0.1:{port}/gate"
segment = "1s"
store = "fast"

[cameras.door]
url = "rtsp://127.0.0.1:{port}/gate"
segment = "1s"
"#
    ))
}

fn stores(host: &Host) -> Vec<Value> {
    let (_, body) = host.get("/healthz").unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    body["health"]["store"]["places"].as_array().expect("places").clone()
}

#[test]
fn recordings_move_while_they_are_made() {
    if missing("recordings_move_while_they_are_made", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("places");
    let camera = Camera::simulate(&["gate=scene", "--loop"]);
    let config = configure(&place, &camera);
    let host = Host::start(&config);
    let lying = |store: &str| {
        let all = place.segments("gate").into_iter().filter(|one| one.store == store);
        all.filter(|one| one.path.is_file()).count()
    };
    wait::until("moved segments", SOON, || (lying("large") >= 4).then_some(()));
    assert_eq!(place.files("gate").len(), 0, "nothing of it lies in the store itself");
    // A move is counted when nothing is left at its source.
    wait::until("moves that are counted", SOON, || {
        let moved = host.metric("wardline_moved_segments_total", "store=\"large\"");
        moved.filter(|moved| *moved >= 4.0)
    });
    let names: Vec<_> = stores(&host).iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["main", "fast", "large"]);
    host.stop();
    let gate = place.segments("gate");
    for one in &gate {
        assert_eq!(std::fs::metadata(&one.path).unwrap().len(), one.bytes, "{one:?}");
    }
    let gaps = place.gaps("gate");
    assert!(gaps.is_empty(), "moving left gaps: {gaps:?}");
    // No copy is left beside: as many files as rows.
    let files = |store: &str| {
        let output = std::process::Command::new("find")
            .arg(place.path(store))
            .args(["-name", "*-*.mp4*"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().lines().count()
    };
    assert_eq!(files("fast") + files("large"), gate.len());
    let source = config.to_string_lossy();
    let output = wardline(&["recordings", "list", &source, "--camera", "gate", "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let large = place.path("large");
    assert!(text.contains(&*large.to_string_lossy()), "{text}");
}

#[test]
fn a_store_that_goes_away_is_not_replaced_by_the_disk_beneath() {
    if missing("a_store_that_goes_away", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("places-gone");
    let camera = Camera::simulate(&["gate=scene", "--loop"]);
    let config = configure(&place, &camera);
    let host = Host::start(&config);
    let made = |camera: &str| place.segments(camera).len();
    wait::until("both recorded", SOON, || (made("gate") > 1 && made("door") > 1).then_some(()));
    let (fast, away) = (place.path("fast"), place.path("away"));
    std::fs::rename(&fast, &away).unwrap();
    std::fs::create_dir(&fast).unwrap();
    wait::until("the host to say so", SOON, || {
        let fast = stores(&host).into_iter().find(|one| one["name"] == "fast")?;
        (fast["healthy"] == false).then_some(())
    });
    let before = made("door");
    wait::until("the other camera to go on", SOON, || (made("door") > before + 2).then_some(()));
    assert_eq!(std::fs::read_dir(&fast).unwrap().count(), 0);
    std::fs::remove_dir(&fast).unwrap();
    std::fs::rename(&away, &fast).unwrap();
    let before = made("gate");
    wait::until("it to be used again", SOON, || (made("gate") > before + 1).then_some(()));
    host.stop();
    std::fs::rename(&fast, &away).unwrap();
    let output = wardline(&["run", &config.to_string_lossy()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("mount its disk"), "{said}");
    assert!(!fast.exists());
}
