//! The harness: whether its servers serve and its relays fail, without the program under test.

use std::path::Path;
use std::process::Command;

use wardline_tests::camera::{Camera, Clip};
use wardline_tests::host::Place;
use wardline_tests::media;
use wardline_tests::need::{CARS, Need, clip, missing};
use wardline_tests::relay::Relay;

/// Records two seconds with ffmpeg.
fn record(url: &str, transport: &str, to: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y", "-rtsp_transport", transport, "-t", "2"]);
    let output = command.args(["-i", url, "-c", "copy"]).arg(to).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn gstreamer_serves_through_a_relay() {
    if missing("harness", &[Need::Ffmpeg, Need::Gstreamer, Need::Clip(CARS)]) {
        return;
    }
    let place = Place::new("harness");
    let file = clip(CARS).unwrap();
    let camera = Camera::gstreamer(&[Clip { name: "cars", codec: "h264+aac", file: &file }]);
    let relay = Relay::to(camera.port());
    let source = media::slices(&file);
    for transport in ["tcp", "udp"] {
        let to = place.path(&format!("{transport}.mp4"));
        record(&relay.url("cars"), transport, &to);
        let seen = media::slices(&to);
        assert!(seen.len() > 20, "{transport}: {} slices", seen.len());
        assert_eq!(seen, source[..seen.len()], "{transport}");
        assert!(media::audio_frames(&to).len() > 50, "{transport}");
    }
    assert_eq!(relay.connections(), 2);
    relay.lose_one_in(20);
    record(&relay.url("cars"), "udp", &place.path("lossy.mp4"));
    assert!(relay.lost() > 0);
}

#[test]
fn a_password_is_asked_for() {
    if missing("password", &[Need::Ffmpeg, Need::Gstreamer, Need::Clip(CARS)]) {
        return;
    }
    let place = Place::new("password");
    let file = clip(CARS).unwrap();
    let clips = [Clip { name: "cars", codec: "h264+aac", file: &file }];
    let camera = Camera::gstreamer_with("0", "ann", "secret", &clips);
    let url = camera.url("cars").replace("rtsp://", "rtsp://ann:secret@");
    record(&url, "tcp", &place.path("video.mp4"));
    media::assert_decodes(&place.path("video.mp4"));
}
