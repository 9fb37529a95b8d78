//! What happened is known only afterwards: spans begin before anybody asked for them.

use std::time::Duration;

use wardline::base::Timestamp;
use wardline::store::Recording;
use wardline::store::query::RecordingState;
use wardline_tests::camera::{Camera, Clip};
use wardline_tests::follow::follow;
use wardline_tests::host::{Host, Place};
use wardline_tests::media;
use wardline_tests::need::{BOTTLES, Need, clip, missing};
use wardline_tests::store::seconds;
use wardline_tests::wait;

/// A door that says when it opens, and a policy that listens.
fn configuration(camera: &str, url: &str, more: &str, window: &str) -> String {
    format!(
        r#"
[plugins.door]
component = "source-webhook"
cameras = ["{camera}"]

[plugins.keep]
component = "policy-pre-post"
params = {{ kinds = ["door.*"], {window} }}

[cameras.{camera}]
url = "{url}"
policies = ["keep"]
{more}
"#
    )
}

/// Says that the door opened at this time.
fn open_door(host: &Host, time: Timestamp) {
    let body = format!("{{\"kind\":\"door.opened\",\"time\":\"{}\"}}", time.civil());
    let (status, answer) = host.post("/hooks/door", &body).unwrap();
    assert_eq!(status, 200, "{answer}");
}

fn wait_preroll(host: &Host, least: f64) {
    let what = format!("{least} s of pre-roll");
    wait::until(&what, Duration::from_secs(90), || {
        host.metric("wardline_preroll_seconds", "").filter(|length| *length >= least)
    });
}

/// The camera's one span, once all of it is recorded.
fn wait_whole(place: &Place, camera: &str, deadline: Duration) -> Recording {
    wait::until("the whole recording", deadline, || {
        let spans = place.evr(camera);
        assert!(spans.len() <= 1, "{spans:#?}");
        spans.into_iter().find(|span| {
            span.state == RecordingState::Closed && span.true_end.is_some_and(|end| end >= span.end)
        })
    })
}

#[test]
fn preroll_begins_at_the_key_frame_before() {
    if missing("preroll", &[Need::Wardline, Need::Ffmpeg, Need::Gstreamer, Need::Clip(BOTTLES)]) {
        return;
    }
    let place = Place::new("preroll");
    let file = clip(BOTTLES).unwrap();
    let camera = Camera::gstreamer(&[Clip { name: "table", codec: "h264", file: &file }]);
    let window = r#"before = "5s", after = "2s""#;
    let rest = configuration("table", &camera.url("table"), "mode = \"events\"", window);
    let config = place.configure(&rest);
    let host = Host::start(&config);
    wait_preroll(&host, 15.0);
    let opened = wait::now();
    open_door(&host, opened);
    let span = wait_whole(&place, "table", Duration::from_secs(60));
    host.stop();

    assert!((seconds(opened, span.start) + 5.0).abs() < 0.001, "{span:#?}");
    assert!((seconds(opened, span.end) - 2.0).abs() < 0.001, "{span:#?}");
    let source = media::slices(&file);
    let files = place.files("table");
    let runs = follow(&files, &source);
    assert_eq!(runs.len(), 1, "{runs:?}");

    let times = media::times(&file, "v:0", 90_000);
    let slices_each = source.len() / times.len();
    let at = |index: usize| times[index / slices_each].pts as f64 / 90_000.0;
    let key = at(runs[0].first);
    let next = (runs[0].first + 1..source.len()).find(|index| source[*index].key).map(at);
    let first = &place.segments("table")[0];
    let asked = key + seconds(first.start, span.start);
    assert!(asked >= key && next.is_none_or(|next| asked < next), "{key} {asked} {next:?}");
    assert!(seconds(first.start, span.true_start.unwrap()).abs() < 0.001, "{span:#?}");

    let listed = list(&config);
    let listed = listed.iter().find(|recording| recording["kind"] == "evr").unwrap();
    for key in ["start", "end", "true_start", "true_end"] {
        assert!(listed[key].is_string(), "{key} in {listed:#}");
    }
}

/// What `recordings list` prints.
fn list(config: &std::path::Path) -> Vec<serde_json::Value> {
    let config = config.to_string_lossy();
    let output = wardline_tests::host::wardline(&["recordings", "list", &config, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    document["recordings"].as_array().unwrap().clone()
}

#[test]
fn a_door_that_opened_ten_seconds_ago() {
    if missing("door", &[Need::Wardline, Need::Ffmpeg]) {
        return;
    }
    let place = Place::new("door");
    let camera = Camera::simulate(&["gate=scene:seconds=20,visit=none", "--loop"]);
    let window = r#"before = "30s", after = "90s""#;
    let rest = configuration("gate", &camera.url("gate"), "mode = \"events\"", window);
    let host = Host::start(&place.configure(&rest));
    wait_preroll(&host, 43.0);
    let opened = wait::now() - Duration::from_secs(10);
    open_door(&host, opened);
    let span = wait_whole(&place, "gate", Duration::from_secs(110));
    host.stop();

    assert!((seconds(opened, span.start) + 30.0).abs() < 0.001, "{span:#?}");
    assert!((seconds(opened, span.end) - 90.0).abs() < 0.001, "{span:#?}");
    let (from, to) = (span.true_start.unwrap(), span.true_end.unwrap());
    // A key frame comes each second.
    assert!((0.0..1.2).contains(&seconds(from, span.start)), "{span:#?}");
    assert!((0.0..1.2).contains(&seconds(span.end, to)), "{span:#?}");
    for segment in place.segments("gate") {
        assert!(segment.start >= from && segment.end <= to, "{segment:?} outside {span:#?}");
    }
    let files = place.files("gate");
    let pictures: usize = files.iter().map(|file| media::pictures(file).len()).sum();
    let expected = seconds(from, to) * 10.0;
    assert!((pictures as f64 - expected).abs() <= 2.0, "{pictures} pictures, {expected} expected");
}

#[test]
fn an_event_later_than_the_preroll_finds_the_video_on_disk() {
    if missing("late", &[Need::Wardline, Need::Ffmpeg]) {
        return;
    }
    let place = Place::new("late");
    let camera = Camera::simulate(&["gate=scene:seconds=20,visit=none", "--loop"]);
    let window = r#"before = "10s", after = "5s""#;
    let more = "mode = \"both\"\npreroll = \"10s\"\nsegment = \"4s\"";
    let host =
        Host::start(&place.configure(&configuration("gate", &camera.url("gate"), more, window)));
    wait::until("40 s of video on disk", Duration::from_secs(70), || {
        let segments = place.segments("gate");
        (seconds(segments.first()?.start, segments.last()?.end) > 40.0).then_some(())
    });
    let opened = wait::now() - Duration::from_secs(25);
    open_door(&host, opened);
    let span = wait_whole(&place, "gate", Duration::from_secs(60));
    host.stop();
    assert!((seconds(opened, span.start) + 10.0).abs() < 0.001, "{span:#?}");
    assert!((seconds(opened, span.end) - 5.0).abs() < 0.001, "{span:#?}");
    assert!(span.true_start.unwrap() <= span.start, "{span:#?}");
    assert!(span.segments >= 3 && span.holds.iter().any(|hold| hold.what == "span"), "{span:#?}");
}
