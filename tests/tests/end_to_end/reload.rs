//! The configuration is read anew while the host records: who is not touched goes on.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use wardline_tests::camera::Camera;
use wardline_tests::host::{HEAD, Host, Place, wardline};
use wardline_tests::media;
use wardline_tests::need::{Need, missing};
use wardline_tests::wait;

const SOON: Duration = Duration::from_secs(60);

fn configuration(server: &Camera, cameras: &[(&str, &str)]) -> String {
    let camera = |(name, more): &(&str, &str)| {
        format!("[cameras.{name}]\nurl = \"{}\"\nkeep = \"1d\"\n{more}\n", server.url(name))
    };
    let cameras: String = cameras.iter().map(camera).collect();
    format!(
        "[plugins.door]\ncomponent = \"source-webhook\"\ncameras = [\"gate\"]\n\n\
         [plugins.keep]\ncomponent = \"policy-pre-post\"\n\n\
         [plugins.motion]\ncomponent = \"analyzer-motion\"\n\n{cameras}"
    )
}

/// Written beside and put in its place, as editors do.
fn write(place: &Place, rest: &str) {
    let fresh = place.path("fresh.toml");
    std::fs::write(&fresh, format!("{HEAD}{rest}")).unwrap();
    std::fs::rename(&fresh, place.path("wardline.toml")).unwrap();
}

/// What `wardline reload` says of it, and whether it succeeds.
fn reload(host: &Host) -> (bool, String) {
    let output = wardline(&["reload", "--host", host.base()]);
    let said = [&output.stdout[..], &output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn records(host: &Host, camera: &str) {
    let before = host.metric("wardline_fragments_total", camera).unwrap_or(0.0);
    wait::until(&format!("video of {camera}"), SOON, || {
        host.metric("wardline_fragments_total", camera).filter(|count| *count >= before + 2.0)
    });
}

fn closed(files: &[PathBuf]) {
    for file in files {
        media::assert_decodes(file);
        let bytes = std::fs::read(file).unwrap();
        // `mfro`, the last box of `mfra`, ends with the length of that (ISO/IEC 14496-12, 8.8.11).
        assert_eq!(&bytes[bytes.len() - 12..][..4], b"mfro", "{} is closed", file.display());
    }
}

#[test]
fn cameras_come_go_and_change_beside_one_that_goes_on() {
    if missing("reload", &[Need::Wardline, Need::Ffmpeg]) {
        return;
    }
    let place = Place::new("reload");
    let scenes = ["gate", "yard", "porch"].map(|name| format!("{name}=scene:seconds=20"));
    let server = Camera::simulate(&[&scenes[0], &scenes[1], &scenes[2], "--loop"]);
    let first = configuration(&server, &[("gate", ""), ("yard", "")]);
    let config = place.configure(&first);
    let mut host = Host::start(&config);
    ["gate", "yard"].iter().for_each(|camera| records(&host, camera));

    // One comes, one is another: seen in the file by itself. Who works on the third is another, too,
    // and its recording notices nothing.
    let crew = "policies = [\"keep\"]\nhears = [\"yard\"]\nanalyzers = [\"motion\"]";
    let second =
        configuration(&server, &[("gate", crew), ("yard", "segment = \"30s\""), ("porch", "")]);
    write(&place, &second);
    host.wait_connected("porch", true, SOON);
    ["gate", "yard", "porch"].iter().for_each(|camera| records(&host, camera));
    let calls = || host.metric("wardline_plugin_calls_total", "\"motion\"");
    wait::until("pictures for motion", SOON, || calls().filter(|count| *count > 5.0));
    let gap = wait::until("the gap of yard", SOON, || {
        let gaps = place.gaps("yard");
        gaps.into_iter().find(|gap| gap.end.is_some() && gap.reason == "stopped")
    });
    assert_eq!(gap.detail, "the configuration changed");
    assert_eq!(place.events("", "config.reloaded").len(), 1);

    // What does not check changes nothing.
    for (text, said) in [
        (second.replace("keep = \"1d\"", "kepe = \"1d\""), "unknown key `kepe`"),
        (second.replace("policy-pre-post", "policy-pre-past"), "policy-pre-past"),
    ] {
        write(&place, &text);
        let (done, answer) = reload(&host);
        assert!(!done && answer.contains(said), "{answer}");
    }
    let moved = std::fs::read_to_string(&config).unwrap().replace(":0\"", ":1\"");
    std::fs::write(&config, moved.replace("policy-pre-past", "policy-pre-post")).unwrap();
    let (done, answer) = reload(&host);
    assert!(!done && answer.contains("restart needed for: http.listen"), "{answer}");
    assert!(host.camera("porch").is_some());
    records(&host, "gate");

    // One goes, at a signal; the door has another camera.
    write(&place, &first.replace("cameras = [\"gate\"]", "cameras = [\"yard\"]"));
    host.signal(Signal::HUP);
    wait::until("the end of porch", SOON, || host.camera("porch").is_none().then_some(()));
    let (status, answer) = host.post("/hooks/door", r#"{"kind":"door.opened"}"#).unwrap();
    assert!(status == 200 && answer.contains("\"door/"), "{answer}");
    assert_eq!(place.events("yard", "door.opened").len(), 1);
    closed(&place.files("porch"));
    assert!(!place.cvr("porch").is_empty(), "what was recorded is kept");
    let (done, answer) = reload(&host);
    assert!(done && answer.contains("cameras: -"), "{answer}");
    ["gate", "yard"].iter().for_each(|camera| records(&host, camera));

    // The one that was never touched was never interrupted.
    assert_eq!(host.metric("wardline_reconnects_total", "\"gate\"").unwrap_or(0.0), 0.0);
    assert_eq!(host.metric("wardline_gaps_total", "\"gate\"").unwrap_or(0.0), 0.0);
    assert_eq!(place.gaps("gate").len(), 0);
    host.stop();
    ["gate", "yard"].iter().for_each(|camera| closed(&place.files(camera)));
    // Ten pictures a second, from the first to the last.
    let pictures: usize = place.files("gate").iter().map(|file| media::slices(file).len()).sum();
    let segments = place.segments("gate");
    let whole = segments[segments.len() - 1].end.since(segments[0].start).as_secs_f64();
    assert!((whole * 10.0 - pictures as f64).abs() < 3.0, "{pictures} pictures in {whole} s");
}
