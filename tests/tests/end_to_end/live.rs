//! A whole clip, live, in mode `both`, with motion and a policy.

use std::time::Duration;

use wardline::events::event::Phase;
use wardline_tests::camera::{Camera, Clip};
use wardline_tests::follow::{assert_times, first_session};
use wardline_tests::host::{Host, Place};
use wardline_tests::media;
use wardline_tests::need::{Need, ONE_BY_ONE, clip, missing};
use wardline_tests::store::seconds;

/// Someone is in the picture, in seconds of the clip, to half a second.
const VISITS: [(f64, f64); 6] =
    [(6.0, 20.3), (22.7, 45.3), (50.2, 70.5), (74.5, 87.4), (92.1, 120.7), (123.5, 136.6)];

/// The clip's length is 139.4 s; the rest is for a busy machine.
const WHOLE: Duration = Duration::from_secs(200);

const CAMERA: &str = r#"
[plugins.motion]
component = "analyzer-motion"

[plugins.visits]
component = "policy-pre-post"
params = { kinds = ["motion"], before = "5s", after = "20s" }

[cameras.room]
url = "URL"
mode = "both"
segment = "20s"
analyzers = ["motion"]
policies = ["visits"]
"#;

#[test]
fn one_by_one() {
    if missing(
        "one_by_one",
        &[Need::Wardline, Need::Ffmpeg, Need::Gstreamer, Need::Clip(ONE_BY_ONE)],
    ) {
        return;
    }
    let place = Place::new("live");
    let file = clip(ONE_BY_ONE).unwrap();
    let camera = Camera::gstreamer(&[Clip { name: "room", codec: "h264", file: &file }]);
    let host = Host::start(&place.configure(&CAMERA.replace("URL", &camera.url("room"))));
    host.wait_session_end("room", WHOLE);
    host.stop();

    let source = media::slices(&file);
    let (files, run) = first_session(place.files("room"), &source);
    assert!(files.len() >= 6, "{files:?}");
    assert!(run.first < source.len() / 20, "{run:?}");
    assert_eq!(run.first + run.count, source.len(), "to the end");

    let times = media::times(&file, "v:0", 90_000);
    assert_eq!(source.len() % times.len(), 0, "as many slices in each picture");
    let first = run.first / (source.len() / times.len());
    assert_times(&files, &times, first);
    let recorded: Vec<String> = files.iter().flat_map(|file| media::pictures(file)).collect();
    assert!(recorded == media::pictures(&file)[first..], "decoded pictures differ");

    visits_are_seen(&place, times[first].pts as f64 / 90_000.0);
}

/// `offset` is the clip's time of the first recorded picture.
fn visits_are_seen(place: &Place, offset: f64) {
    let origin = place.segments("room")[0].start;
    let clip_time = |time| seconds(origin, time) + offset;
    let begins: Vec<f64> = place
        .events("room", "motion")
        .iter()
        .filter(|stored| stored.event.phase == Phase::Begin)
        .map(|stored| clip_time(stored.event.time))
        .collect();
    for (from, _) in VISITS {
        let seen = begins.iter().any(|begin| (begin - from).abs() <= 1.5);
        assert!(seen, "the visit at {from} s has no begin: {begins:?}");
    }
    let empty = VISITS.windows(2).map(|pair| (pair[0].1 + 0.5, pair[1].0 - 0.5));
    for (from, to) in empty.chain([(1.0, 5.5), (VISITS[5].1 + 0.5, 139.4)]) {
        let ghost = begins.iter().find(|begin| (from..to).contains(*begin));
        assert_eq!(ghost, None, "nobody is there from {from} to {to} s: {begins:?}");
    }
    let spans = place.evr("room");
    for (from, to) in VISITS {
        // Spans that abut cover together.
        let mut covered = from;
        for span in &spans {
            if clip_time(span.start) <= covered {
                covered = covered.max(clip_time(span.end));
            }
        }
        assert!(covered >= to, "the visit {from}-{to} s is covered to {covered}: {spans:#?}");
    }
    let truth = spans.iter().all(|span| {
        span.true_start.is_some_and(|start| start <= span.start) || clip_time(span.start) < offset
    });
    assert!(truth, "a span begins after what was asked: {spans:#?}");
}
