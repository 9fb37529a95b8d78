//! What a camera sends, looked at while it comes: how late it is, whether it is whole, and what it
//! costs the recorder.

use std::time::Duration;

use wardline_tests::camera::Camera;
use wardline_tests::host::{Host, Place};
use wardline_tests::media;
use wardline_tests::need::{Need, missing};
use wardline_tests::store::seconds;
use wardline_tests::truth::{self, Account};
use wardline_tests::viewer::{self, Seen};
use wardline_tests::wait;

const STEP: Duration = Duration::from_secs(60);

/// How late the newest picture may be, from the camera's socket to the viewer's.
const LATE_SECONDS_MAX: f64 = 2.0;

/// A simulated camera with a path for each name, and its log.
fn cameras(place: &Place, names: &[&str]) -> Camera {
    let log = place.path("sent.jsonl");
    let log = log.to_str().expect("a plain path");
    let path = |name: &&str| format!("{name}=scene:seconds=30,visit=0-30,size=320x192");
    let paths: Vec<String> = names.iter().map(path).collect();
    let mut arguments = vec!["--loop", "--log", log];
    arguments.extend(paths.iter().map(String::as_str));
    Camera::simulate(&arguments)
}

fn live(host: &Host, camera: &str) -> String {
    format!("{}/api/v1/cameras/{camera}/live.mp4", host.base())
}

/// Each slice that the camera sent while the viewer looked came once, in order, and in time.
fn in_time(place: &Place, camera: &str, seen: &Seen) {
    let file = place.path(&format!("{camera}.mp4"));
    std::fs::write(&file, seen.whole()).unwrap();
    media::assert_decodes(&file);
    let slices = seen.slices();
    let sent = truth::sent(&place.path("sent.jsonl"));
    let sent: Vec<_> = sent.iter().filter(|unit| unit.path == camera).collect();
    // Sessions of a scene are alike: the one that the host plays now began last.
    let session = &sent.last().expect("something was sent").session;
    let sent: Vec<_> = sent.iter().filter(|unit| unit.session == *session).collect();
    let md5s: Vec<&str> = sent.iter().flat_map(|unit| &unit.slices).map(String::as_str).collect();
    let seen_md5s: Vec<&str> = slices.iter().map(|slice| slice.md5.as_str()).collect();
    let first = md5s.windows(seen_md5s.len()).rposition(|part| part == seen_md5s);
    let first = first.expect("what is seen is what was sent, without a hole");
    let times = sent.iter().flat_map(|unit| unit.slices.iter().map(|_| unit.time));
    let delays = times.skip(first).zip(&slices).map(|(sent, seen)| seconds(sent, seen.time));
    let delays: Vec<f64> = delays.collect();
    assert!(sent[first].key, "begins at a key frame");
    // The first of them were there before the viewer came.
    let began = slices[0].time;
    let late = slices.iter().zip(&delays).filter(|(slice, _)| slice.time > began);
    let late: Vec<f64> = late.map(|(_, delay)| *delay).collect();
    let most = late.iter().copied().fold(0.0, f64::max);
    assert!(late.len() > 20 && most < LATE_SECONDS_MAX, "{camera}: {most} s late: {late:?}");
    // The clock of the answer is that of the camera.
    let start = seen.start.parse::<jiff::Timestamp>().expect("RFC 3339").into();
    let shown = media::times(&file, "v:0", 90_000).last().expect("packets").pts as f64 / 9e4;
    let last = sent[first + slices.len() - 1].time;
    let apart = seconds(start, last) - shown;
    assert!(apart.abs() < LATE_SECONDS_MAX, "the clock is {apart} s off");
}

#[test]
fn the_picture_is_there_at_once_in_every_mode() {
    if missing("live_view", &[Need::Wardline, Need::Ffmpeg]) {
        return;
    }
    let place = Place::new("live-view");
    let names = ["continuous", "events", "off"];
    let camera = cameras(&place, &names);
    let entry = |name: &&str| {
        let policies = if *name == "events" { "policies = [\"never\"]\n" } else { "" };
        let url = camera.url(name);
        format!("[cameras.{name}]\nurl = \"{url}\"\nmode = \"{name}\"\n{policies}\n")
    };
    let policy = "[plugins.never]\ncomponent = \"policy-pre-post\"\n\
                  params = { kinds = [\"none\"], before = \"1s\", after = \"1s\" }\n\n";
    let entries: String = names.iter().map(entry).collect();
    let config = format!("{policy}{entries}");
    let host = Host::start(&place.configure(&config));
    for name in names {
        host.wait_connected(name, true, STEP);
    }
    let length = Duration::from_secs(6);
    let viewers = names.map(|name| viewer::watch(live(&host, name), length));
    let seen = viewers.map(|viewer| viewer.join().expect("the viewer saw something"));
    host.stop();
    for (name, seen) in names.iter().zip(&seen) {
        in_time(&place, name, seen);
        assert!(seen.codecs.starts_with("avc1."), "{}", seen.codecs);
    }
    assert_eq!(place.files("off"), Vec::<std::path::PathBuf>::new());
}

#[test]
fn many_viewers_take_nothing_from_the_recorder() {
    if missing("many_viewers", &[Need::Wardline, Need::Ffmpeg]) {
        return;
    }
    let place = Place::new("many-viewers");
    let camera = cameras(&place, &["gate"]);
    let url = camera.url("gate");
    let config = format!("[cameras.gate]\nurl = \"{url}\"\nsegment = \"2s\"\n");
    let host = Host::start(&place.configure(&config));
    host.wait_connected("gate", true, STEP);
    let deaf: Vec<_> =
        (0..10).map(|_| viewer::deaf(host.base(), "/api/v1/cameras/gate/live.mp4")).collect();
    let length = Duration::from_secs(8);
    let viewers: Vec<_> = (0..10).map(|_| viewer::watch(live(&host, "gate"), length)).collect();
    wait::until("all viewers", STEP, || {
        (host.metric("wardline_live_viewers", "gate") == Some(20.0)).then_some(())
    });
    let seen: Vec<Seen> =
        viewers.into_iter().map(|viewer| viewer.join().expect("saw something")).collect();
    assert_eq!(host.metric("wardline_queue_drops_total", "edge=\"record\"").unwrap_or(0.0), 0.0);
    drop(deaf);
    wait::until("all have gone", STEP, || {
        (host.metric("wardline_live_viewers", "gate") == Some(0.0)).then_some(())
    });
    host.stop();
    for one in &seen {
        in_time(&place, "gate", one);
    }
    let sent = truth::sent(&place.path("sent.jsonl"));
    let account = Account::of("gate", &place.segments("gate"), &sent);
    // A unit is missing neither inside (that is asserted already) nor before the end.
    assert!(account.units() + 10 > sent.len(), "{} of {}", account.units(), sent.len());
}

#[test]
fn players_that_want_hls_have_it() {
    if missing("live_hls", &[Need::Wardline, Need::Ffmpeg]) {
        return;
    }
    let place = Place::new("live-hls");
    let camera = cameras(&place, &["gate"]);
    let config = format!("[cameras.gate]\nurl = \"{}\"\nmode = \"off\"\n", camera.url("gate"));
    let host = Host::start(&place.configure(&config));
    host.wait_connected("gate", true, STEP);
    let url = format!("{}/api/v1/cameras/gate/live.m3u8", host.base());
    let file = place.path("hls.mp4");
    media::make(&["-i", &url, "-t", "5", "-c", "copy"], &file);
    media::assert_decodes(&file);
    let times = media::times(&file, "v:0", 90_000);
    assert!(times.len() >= 45, "{} pictures", times.len());
    assert!(times.windows(2).all(|pair| pair[1].pts - pair[0].pts == 9000), "without a hole");
    host.stop();
}

#[test]
fn the_second_stream_comes_when_somebody_looks() {
    if missing("live_second", &[Need::Wardline, Need::Ffmpeg]) {
        return;
    }
    let place = Place::new("live-second");
    let camera = Camera::simulate(&[
        "--loop",
        "main=scene:seconds=30,visit=none,size=320x192",
        "small=scene:seconds=30,visit=none,size=160x96",
    ]);
    let (main, small) = (camera.url("main"), camera.url("small"));
    let config = format!("[cameras.gate]\nurl = \"{main}\"\nanalysis-url = \"{small}\"\n");
    let host = Host::start(&place.configure(&config));
    host.wait_connected("gate", true, STEP);
    assert_eq!(host.metric("wardline_connected", "gate/analysis").unwrap_or(0.0), 0.0);
    let url = format!("{}?stream=second", live(&host, "gate"));
    let seen = viewer::watch(url, Duration::from_secs(3)).join().expect("saw something");
    let file = place.path("second.mp4");
    std::fs::write(&file, seen.whole()).unwrap();
    media::assert_decodes(&file);
    assert_eq!(media::size(&file), (160, 96));
    host.stop();
}
