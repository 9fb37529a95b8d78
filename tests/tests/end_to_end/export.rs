//! Getting video out: every picture of a range and no other, in step with its sound, for any
//! player; beside a running host too.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use wardline::base::Timestamp;
use wardline_tests::camera::Camera;
use wardline_tests::host::{Host, Place, wardline};
use wardline_tests::media;
use wardline_tests::need::{BOTTLES, CARS, Need, ONE_BY_ONE, clip, missing};
use wardline_tests::store::seconds;
use wardline_tests::wait;

const STEP: Duration = Duration::from_secs(90);

/// Runs the command; gives its report.
fn export(place: &Place, camera: &str, from: Timestamp, to: Timestamp, more: &[&str]) -> Value {
    let out = place.path(&format!("{camera}.mp4"));
    let (from, to) = (from.civil().to_string(), to.civil().to_string());
    let (store, out) = (place.path("store"), out.to_string_lossy().into_owned());
    let store = store.to_string_lossy();
    let mut words = vec!["recordings", "export", camera, &from, &to, &out];
    words.extend(["--source", &store, "--json", "--force"]);
    words.extend(more);
    let output = wardline(&words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn file(report: &Value, index: usize) -> PathBuf {
    PathBuf::from(report["files"][index]["path"].as_str().expect("a file"))
}

/// UTC of each picture of a camera, in the order of showing, as the segments have it.
fn times(place: &Place, camera: &str) -> Vec<Timestamp> {
    let mut all = Vec::new();
    for segment in place.segments(camera) {
        let times = media::times(&segment.path, "v:0", 90_000);
        let mut shown: Vec<i64> = times.iter().map(|times| times.pts).collect();
        shown.sort_unstable();
        all.extend(shown.iter().map(|pts| segment.start.offset(pts * 100 / 9)));
    }
    all
}

/// Exports ranges of a recorded clip, and compares their pictures with the clip's own.
fn check_ranges(place: &Place, camera: &str, source: &Path, ranges: &[(f64, f64)]) {
    let (times, pictures) = (times(place, camera), media::pictures(source));
    assert_eq!(times.len(), pictures.len(), "{camera}: all is recorded");
    let whole = times[times.len() - 1].micros_since(times[0]) as f64;
    for (from, length) in ranges {
        let from = times[0].offset((whole * from) as i64 + 137);
        let to = from.offset((length * 1e6) as i64);
        let report = export(place, camera, from, to, &[]);
        let inside = |time: &Timestamp| *time >= from && *time < to;
        let first = times.iter().position(inside).unwrap();
        let count = times.iter().filter(|time| inside(time)).count();
        let written = file(&report, 0);
        media::assert_decodes(&written);
        let shown = media::pictures(&written);
        assert_eq!(shown.len(), count, "{camera}: {from} to {to}: {report:#}");
        assert!(shown == pictures[first..first + count], "{camera}: {from} to {to}");
        assert_eq!(report["files"][0]["pictures"], count, "{report:#}");
        let told: Timestamp =
            serde_json::from_value(report["files"][0]["from"].clone()).expect("a time");
        assert!(told.micros_since(times[first]).abs() <= 12, "{report:#}");
        // Pictures are shown when they were taken.
        let mut seen: Vec<i64> = media::times(&written, "v:0", 90_000)
            .iter()
            .map(|times| times.pts)
            .filter(|pts| *pts >= 0)
            .collect();
        seen.sort_unstable();
        for (pts, time) in seen.iter().zip(&times[first..first + count]) {
            let due = time.micros_since(times[first]) * 9 / 100;
            assert!((pts - due).abs() <= 3, "{camera}: {pts} is not {due}");
        }
    }
}

/// Records files as fast as they can be read.
fn record(place: &Place, clips: &[(&str, &Path)]) {
    let mut rest = String::new();
    for (name, file) in clips {
        rest.push_str(&format!(
            "[cameras.{name}]\nurl = \"{}\"\npace = \"fast\"\nsegment = \"5s\"\n",
            file.display()
        ));
    }
    let host = Host::start(&place.configure(&rest));
    for (name, _) in clips {
        host.wait_session_end(name, STEP);
    }
    host.stop();
}

#[test]
fn exactly_the_pictures_of_the_range() {
    let clips = [("cars", CARS), ("bottles", BOTTLES), ("room", ONE_BY_ONE)];
    let needs = [Need::Wardline, Need::Ffmpeg, Need::Clip(CARS)];
    if missing("export", &needs)
        || missing("export", &[Need::Clip(BOTTLES), Need::Clip(ONE_BY_ONE)])
    {
        return;
    }
    let place = Place::new("export");
    let files = clips.map(|(name, file)| (name, clip(file).unwrap()));
    let named: Vec<(&str, &Path)> =
        files.iter().map(|(name, file)| (*name, file.as_path())).collect();
    record(&place, &named);
    for (name, file) in &named {
        let ranges =
            [(0.0, 3.0), (0.11, 0.07), (0.28, 6.1), (0.47, 12.9), (0.6, 1.0), (0.93, 100.0)];
        check_ranges(&place, name, file, &ranges);
    }
    check_sound(&place, &named[0]);
    whole_and_refused(&place);
}

/// The sound of an export is the source's, and in step with its pictures.
fn check_sound(place: &Place, (camera, source): &(&str, &Path)) {
    let times = times(place, camera);
    let from = times[100].offset(-100);
    let report = export(place, camera, from, from.offset(9_000_000), &[]);
    let written = file(&report, 0);
    let (all, some) = (media::audio_frames(source), media::audio_frames(&written));
    let first = all.iter().position(|frame| *frame == some[0]).expect("a frame of the source");
    assert_eq!(some, all[first..first + some.len()], "none missing, doubled or alien");
    assert!(some.len() + 3 > 9 * 48_000 / 1024, "{} frames", some.len());
    let offset = |file: &Path, video: usize, audio: usize| {
        let video = &media::times(file, "v:0", 48_000)[video];
        media::times(file, "a:0", 48_000)[audio].pts - video.pts
    };
    let lead = media::times(&written, "v:0", 48_000).iter().filter(|times| times.pts < 0).count();
    // What the edit hides is not among the frames.
    let hidden = media::times(&written, "a:0", 48_000).len() - some.len();
    let late = offset(&written, lead, hidden) - offset(source, 100, first);
    assert!(late.abs() <= 1024, "{late} of 48000 out of step");
}

/// All of a camera, what is there already, and a place in the store.
fn whole_and_refused(place: &Place) {
    let segments = place.segments("room");
    let (from, to) = (segments[0].start, segments[segments.len() - 1].end);
    let report = export(place, "room", from, to, &[]);
    assert_eq!(report["interruptions"], serde_json::json!([]), "{report:#}");
    assert_eq!(report["files"][0]["lead_in_seconds"], 0.0, "{report:#}");
    let said = |out: &Path| {
        let (out, store) = (out.to_string_lossy(), place.path("store"));
        let store = store.to_string_lossy();
        let (from, to) = (from.civil().to_string(), to.civil().to_string());
        let words = ["recordings", "export", "room", &from, &to, &out, "--source", &store];
        let output = wardline(&words);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(said(&file(&report, 0)).contains("--force"));
    assert!(said(&place.path("store/room/x.mp4")).contains("lies in the store"));
}

#[test]
fn open_groups_of_pictures() {
    if missing("export_open_groups", &[Need::Wardline, Need::Ffmpeg, Need::Clip(ONE_BY_ONE)]) {
        return;
    }
    let place = Place::new("export-open");
    let (source, made) = (clip(ONE_BY_ONE).unwrap(), place.path("open.mp4"));
    let source = source.to_string_lossy();
    let coder = "log-level=error:keyint=20:min-keyint=20:bframes=3:open-gop=1";
    let arguments = ["-t", "20", "-i", &source, "-an", "-c:v", "libx265", "-preset", "ultrafast"];
    let arguments = [&arguments[..], &["-tag:v", "hvc1", "-x265-params", coder]].concat();
    media::make(&arguments, &made);
    record(&place, &[("open", &made)]);
    check_ranges(&place, "open", &made, &[(0.0, 4.0), (0.13, 3.3), (0.41, 7.7), (0.72, 50.0)]);
}

#[test]
fn beside_a_running_host() {
    if missing("export_live", &[Need::Wardline, Need::Ffmpeg]) {
        return;
    }
    let place = Place::new("export-live");
    let camera = Camera::simulate(&["gate=scene:seconds=20,visit=none", "--loop"]);
    let url = camera.url("gate");
    let host = Host::start(&place.configure(&format!("[cameras.gate]\nurl = \"{url}\"\n")));
    // The first segment is still open then.
    wait::until("8 s of video", STEP, || {
        host.metric("wardline_fragments_total", "").filter(|count| *count >= 10.0)
    });
    let start = place.segments("gate")[0].start;
    let (from, to) = (start.offset(2_050_000), start.offset(6_050_000));
    let report = export(&place, "gate", from, to, &[]);
    let written = file(&report, 0);
    media::assert_decodes(&written);
    assert_eq!(media::pictures(&written).len(), 40, "{report:#}");
    assert!((seconds(from, to) - report["files"][0]["seconds"].as_f64().unwrap()).abs() < 0.11);

    let told =
        wardline(&["trigger", "gate", "--host", host.base(), "--before", "3s", "--for", "1s"]);
    assert!(told.status.success(), "{told:?}");
    let span = wait::until("the span", STEP, || {
        place.evr("gate").pop().filter(|span| span.true_end.is_some_and(|end| end >= span.end))
    });
    let (id, out) = (span.span.unwrap().id, place.path("span.mp4"));
    let (store, name) = (place.path("store"), out.to_string_lossy());
    let words = ["recordings", "export", "--span", &id, &name, "--source"];
    let output = wardline(&[&words[..], &[&store.to_string_lossy()]].concat());
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("span.mp4"), "{output:?}");
    assert!((39..=41).contains(&media::pictures(&out).len()));
    host.stop();
    assert_eq!(place.segments("gate").len(), 1);
}
