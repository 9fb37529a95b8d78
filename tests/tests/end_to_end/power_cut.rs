//! The host is killed in the middle of a file: what was on disk is found again, and plays.

use std::time::Duration;

use wardline_tests::camera::{Camera, Clip};
use wardline_tests::follow::follow;
use wardline_tests::host::{Host, Place};
use wardline_tests::media;
use wardline_tests::need::{Need, ONE_BY_ONE, clip, missing};
use wardline_tests::store::seconds;
use wardline_tests::wait;

/// A fragment may wait 0.8 s, its write takes a moment, and one picture (0.1 s) is on its way.
const LOSS_SECONDS_MAX: f64 = 1.0 + 0.1;

/// A door opens a span of a minute.
const SPAN: &str = r#"
[plugins.door]
component = "source-webhook"
cameras = ["gate"]

[plugins.keep]
component = "policy-pre-post"
params = { kinds = ["door.*"], before = "3s", after = "60s" }

[cameras.gate]
url = "URL"
mode = "events"
policies = ["keep"]
"#;

#[test]
fn everything_up_to_the_last_second_is_found_again() {
    if missing(
        "power_cut",
        &[Need::Wardline, Need::Ffmpeg, Need::Gstreamer, Need::Clip(ONE_BY_ONE)],
    ) {
        return;
    }
    let place = Place::new("power-cut");
    let file = clip(ONE_BY_ONE).unwrap();
    let camera = Camera::gstreamer(&[Clip { name: "room", codec: "h264", file: &file }]);
    let url = camera.url("room");
    let config = place.configure(&format!("[cameras.room]\nurl = \"{url}\"\nkeep = \"1d\"\n"));
    let host = Host::start(&config);
    wait::until("16 fragments", Duration::from_secs(60), || {
        host.metric("wardline_fragments_total", "").filter(|count| *count >= 16.0)
    });
    let killed = wait::now();
    host.kill();
    wait_a_while(killed);

    let host = Host::start(&config);
    let segments = place.segments("room");
    assert_eq!(segments.len(), 1, "{segments:#?}");
    let lost = seconds(segments[0].end, killed);
    assert!(lost <= LOSS_SECONDS_MAX, "{lost} s are lost: {segments:#?}");
    assert!(seconds(segments[0].start, segments[0].end) > 6.0, "{segments:#?}");
    wait::until("new video", Duration::from_secs(30), || {
        host.metric("wardline_fragments_total", "").filter(|count| *count >= 3.0)
    });
    host.stop();

    let files = place.files("room");
    assert_eq!(files.len(), 2, "{files:?}");
    files.iter().for_each(|file| media::assert_decodes(file));
    let runs = follow(&files, &media::slices(&file));
    let firsts: Vec<usize> = runs.iter().map(|run| run.first).collect();
    assert_eq!(firsts, [0, 0], "{runs:?}");
    let segments = place.segments("room");
    let (gap, second) = (&place.gaps("room"), &segments[1]);
    assert!(
        gap.iter().any(|gap| gap.start == segments[0].end && gap.end == Some(second.start)),
        "no gap between {segments:#?}: {gap:#?}"
    );
}

/// No machine is back at once: a gap that is too short to tell would not be shown.
fn wait_a_while(killed: wardline::base::Timestamp) {
    wait::until("time to pass", Duration::from_secs(5), || {
        (seconds(killed, wait::now()) > 2.0).then_some(())
    });
}

#[test]
fn an_open_span_is_found_again() {
    if missing("power_cut_in_span", &[Need::Wardline, Need::Ffmpeg]) {
        return;
    }
    let place = Place::new("power-cut-span");
    let camera = Camera::simulate(&["gate=scene:seconds=20&visits=none", "--loop"]);
    let config = place.configure(&SPAN.replace("URL", &camera.url("gate")));
    let host = Host::start(&config);
    wait::until("5 s of pre-roll", Duration::from_secs(60), || {
        host.metric("wardline_preroll_seconds", "").filter(|length| *length >= 5.0)
    });
    let (status, answer) = host.post("/hooks/door", "{\"kind\":\"door.opened\"}").unwrap();
    assert_eq!(status, 200, "{answer}");
    wait::until("8 fragments", Duration::from_secs(60), || {
        host.metric("wardline_fragments_total", "").filter(|count| *count >= 8.0)
    });
    let killed = wait::now();
    host.kill();
    wait_a_while(killed);

    let host = Host::start(&config);
    let segments = place.segments("gate");
    let (first, last) = (segments.first().expect("a file"), segments.last().expect("a file"));
    let lost = seconds(last.end, killed);
    assert!(lost <= LOSS_SECONDS_MAX, "{lost} s are lost: {segments:#?}");
    assert!(seconds(first.start, last.end) > 4.0, "{segments:#?}");
    host.stop();
    place.files("gate").iter().for_each(|file| media::assert_decodes(file));
    let spans = place.evr("gate");
    assert!(spans.first().is_some_and(|span| span.true_start == Some(first.start)), "{spans:#?}");
}
