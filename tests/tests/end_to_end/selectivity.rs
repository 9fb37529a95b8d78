//! A minute of nothing, a visit, a minute of nothing: only the visit is on disk.

use std::time::Duration;

use wardline_tests::camera::Camera;
use wardline_tests::host::{Host, Place};
use wardline_tests::media;
use wardline_tests::need::{Need, missing};
use wardline_tests::store::seconds;
use wardline_tests::wait;

const CAMERA: &str = r#"
[plugins.motion]
component = "analyzer-motion"

[plugins.visits]
component = "policy-pre-post"
params = { kinds = ["motion"], before = "5s", after = "10s" }

[cameras.yard]
url = "URL"
mode = "events"
analyzers = ["motion"]
policies = ["visits"]
"#;

#[test]
fn nothing_outside_the_span_is_on_disk() {
    if missing("selectivity", &[Need::Wardline, Need::Ffmpeg]) {
        return;
    }
    let place = Place::new("selectivity");
    let camera = Camera::simulate(&["yard=scene:seconds=135,visit=62-70,noise=2"]);
    let host = Host::start(&place.configure(&CAMERA.replace("URL", &camera.url("yard"))));
    let start = wait::until("a session", Duration::from_secs(20), || {
        let camera = host.camera("yard")?;
        let since = camera["since"].as_str().filter(|_| camera["connected"] == true)?;
        serde_json::from_value(since.into()).ok()
    });
    host.wait_session_end("yard", Duration::from_secs(160));
    host.stop();

    let spans = place.evr("yard");
    assert_eq!(spans.len(), 1, "{spans:#?}");
    let span = &spans[0];
    let (from, to) = (span.true_start.unwrap(), span.true_end.unwrap());
    assert!(seconds(from, span.start) >= 0.0 && seconds(span.end, to) >= -0.2, "{span:#?}");
    // The visit is covered, with at most one group of pictures (1 s) too much at either edge.
    assert!((seconds(start, from) - 56.5).abs() < 2.5, "{span:#?}, began {start}");
    assert!((seconds(start, to) - 81.0).abs() < 3.5, "{span:#?}, began {start}");

    let files = place.files("yard");
    let segments = place.segments("yard");
    assert_eq!(files.len(), segments.len(), "{files:?}");
    for segment in &segments {
        assert!(segment.start >= from && segment.end <= to, "{segment:?} outside {span:#?}");
    }
    let pictures: usize = files.iter().map(|file| media::pictures(file).len()).sum();
    let expected = seconds(from, to) * 10.0;
    assert!((pictures as f64 - expected).abs() <= 1.0, "{pictures} pictures, {expected} expected");
}
