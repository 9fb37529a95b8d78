//! H.265 as cameras send it: each group of pictures by itself, or open at its start.

use std::time::Duration;

use wardline::events::event::Phase;
use wardline_tests::camera::{Camera, Clip};
use wardline_tests::follow::{assert_times, first_session};
use wardline_tests::host::{Host, Place};
use wardline_tests::media;
use wardline_tests::need::{Need, missing};
use wardline_tests::store::seconds;

const CAMERA: &str = r#"
[plugins.motion]
component = "analyzer-motion"

[plugins.visits]
component = "policy-pre-post"
params = { kinds = ["motion"], before = "2s", after = "5s" }

[cameras.room]
url = "URL"
mode = "both"
segment = "5s"
analyzers = ["motion"]
policies = ["visits"]
"#;

/// When the box of the clip appears, and when it goes again.
const VISIT: (f64, f64) = (8.0, 14.0);

/// 24 s of a grey room in which a box walks, a key frame every 2 s.
fn make(place: &Place, parameters: &str) -> std::path::PathBuf {
    let file = place.path("clip.mp4");
    let (from, to) = VISIT;
    let walk = format!(
        "[0]noise=alls=3:allf=t[room];[room][1]overlay=x='20+40*(t-{from})':y=60:enable='between(t,{from},{to})'"
    );
    let parameters = format!("log-level=error:keyint=20:min-keyint=20:scenecut=0{parameters}");
    media::make(
        &[
            "-f",
            "lavfi",
            "-i",
            "color=0x707070:s=384x216:r=10:d=24",
            "-f",
            "lavfi",
            "-i",
            "color=0xd0d0d0:s=48x80:r=10:d=24",
            "-filter_complex",
            &walk,
            "-t",
            "24",
            "-pix_fmt",
            "yuv420p",
            "-c:v",
            "libx265",
            "-preset",
            "ultrafast",
            "-bf",
            "3",
            "-x265-params",
            &parameters,
        ],
        &file,
    );
    file
}

fn check(name: &str, parameters: &str) {
    if missing(name, &[Need::Wardline, Need::Ffmpeg, Need::Gstreamer]) {
        return;
    }
    let place = Place::new(name);
    let clip = make(&place, parameters);
    let camera = Camera::gstreamer(&[Clip { name: "room", codec: "h265", file: &clip }]);
    let host = Host::start(&place.configure(&CAMERA.replace("URL", &camera.url("room"))));
    host.wait_session_end("room", Duration::from_secs(60));
    host.stop();

    let source = media::slices(&clip);
    let (files, run) = first_session(place.files("room"), &source);
    assert!(files.len() >= 3, "cut: {files:?}");
    assert_eq!((run.first, run.count), (0, source.len()), "{run:?}");
    assert_times(&files, &media::times(&clip, "v:0", 90_000), 0);
    files.iter().for_each(|file| media::assert_decodes(file));

    let origin = place.segments("room")[0].start;
    let begins: Vec<f64> = place
        .events("room", "motion")
        .iter()
        .filter(|stored| stored.event.phase == Phase::Begin)
        .map(|stored| seconds(origin, stored.event.time))
        .collect();
    assert!(begins.iter().any(|begin| (begin - VISIT.0).abs() <= 1.5), "{begins:?}");
    assert!(!place.evr("room").is_empty());
}

#[test]
fn closed_groups_of_pictures() {
    check("h265-closed", ":open-gop=0");
}

#[test]
fn open_groups_of_pictures() {
    check("h265-open", "");
}
