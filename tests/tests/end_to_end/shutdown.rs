//! SIGTERM and SIGINT: everything ends within three seconds, and every file is closed.

use std::time::Duration;

use rustix::process::Signal;
use wardline_tests::camera::Camera;
use wardline_tests::host::{Host, Place};
use wardline_tests::media;
use wardline_tests::need::{Need, missing};
use wardline_tests::wait;

/// Two cameras with all there is, one that can't be reached, and one that does not answer.
fn configuration(camera: &Camera, deaf: u16) -> String {
    let (yard, gate) = (camera.url("yard"), camera.url("gate"));
    format!(
        r#"
[plugins.motion]
component = "analyzer-motion"

[plugins.keep]
component = "policy-pre-post"

[plugins.door]
component = "source-webhook"

[cameras.yard]
url = "{yard}"
mode = "both"
analyzers = ["motion"]
policies = ["keep"]

[cameras.gate]
url = "{gate}"
keep = "1d"

[cameras.nowhere]
url = "rtsp://127.0.0.1:1/x"

[cameras.deaf]
url = "rtsp://127.0.0.1:{deaf}/x"
"#
    )
}

fn check(name: &str, signal: Signal) {
    if missing(name, &[Need::Wardline, Need::Ffmpeg]) {
        return;
    }
    let place = Place::new(name);
    let scene = "scene:seconds=20,visit=2-15";
    let (yard, gate) = (format!("yard={scene}"), format!("gate={scene}"));
    let camera = Camera::simulate(&[&yard, &gate, "--loop"]);
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let rest = configuration(&camera, deaf.local_addr().unwrap().port());
    let host = Host::start(&place.configure(&rest));
    for camera in ["yard", "gate"] {
        wait::until("video", Duration::from_secs(60), || {
            host.metric("wardline_fragments_total", camera).filter(|count| *count >= 3.0)
        });
    }
    host.stop_by(signal);
    for camera in ["yard", "gate"] {
        let (files, segments) = (place.files(camera), place.segments(camera));
        assert!(!files.is_empty() && files.len() == segments.len(), "{files:?} {segments:#?}");
        for file in files {
            media::assert_decodes(&file);
            let bytes = std::fs::read(&file).unwrap();
            // `mfro`, the last box of `mfra`, ends with the length of that (ISO/IEC 14496-12, 8.8.11).
            assert_eq!(&bytes[bytes.len() - 12..][..4], b"mfro", "{} is closed", file.display());
        }
    }
}

#[test]
fn on_terminate() {
    check("sigterm", Signal::TERM);
}

#[test]
fn on_interrupt() {
    check("sigint", Signal::INT);
}
