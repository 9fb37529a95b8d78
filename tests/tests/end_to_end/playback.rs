//! Playback over HTTP: ffmpeg follows a playlist and gets every coded slice of the range, once, in order,
//! with its sound; across files, gaps and other parameters, and of what is still being written.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use wardline::base::Timestamp;
use wardline_tests::camera::{Camera, Clip};
use wardline_tests::host::{Host, Place};
use wardline_tests::media::{self, Slice};
use wardline_tests::need::{BOTTLES, CARS, Need, ONE_BY_ONE, clip, missing};
use wardline_tests::wait;

const STEP: Duration = Duration::from_secs(90);

/// From long before to long after any test.
const EVER: &str = "from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z";

fn playlist(host: &Host, camera: &str, query: &str) -> String {
    let path = format!("/api/v1/cameras/{camera}/playback.m3u8?{query}");
    let (status, text) = host.get(&path).unwrap();
    assert_eq!(status, 200, "{text}");
    text
}

fn json_of(host: &Host, path: &str) -> Value {
    let (status, text) = host.get(path).unwrap();
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// As ffmpeg is told it.
fn url(host: &Host, camera: &str) -> PathBuf {
    format!("{}/api/v1/cameras/{camera}/playback.m3u8?{EVER}", host.base()).into()
}

/// What all files of a camera hold, one after the other.
fn in_files<T>(place: &Place, camera: &str, read: fn(&Path) -> Vec<T>) -> Vec<T> {
    place.files(camera).iter().flat_map(|file| read(file)).collect()
}

/// The configuration of cameras that read files as fast as they can.
fn files(clips: &[(&str, &Path)]) -> String {
    let camera = |(name, file): &(&str, &Path)| {
        let file = file.display();
        format!("[cameras.{name}]\nurl = \"{file}\"\npace = \"fast\"\nsegment = \"5s\"\n")
    };
    clips.iter().map(camera).collect()
}

#[test]
fn ffmpeg_gets_every_slice_once_in_order() {
    let needs = [Need::Wardline, Need::Ffmpeg, Need::Clip(CARS)];
    if missing("playback", &needs)
        || missing("playback", &[Need::Clip(BOTTLES), Need::Clip(ONE_BY_ONE)])
    {
        return;
    }
    let place = Place::new("playback");
    let clips = [("cars", CARS), ("bottles", BOTTLES), ("room", ONE_BY_ONE)];
    let clips = clips.map(|(name, file)| (name, clip(file).unwrap()));
    let named: Vec<(&str, &Path)> =
        clips.iter().map(|(name, file)| (*name, file.as_path())).collect();
    let host = Host::start(&place.configure(&files(&named)));
    for (name, _) in &named {
        host.wait_session_end(name, STEP);
    }
    for (name, source) in &named {
        let played = url(&host, name);
        assert!(media::slices(&played) == media::slices(source), "{name}: coded slices");
        let text = playlist(&host, name, EVER);
        assert_eq!(text.matches("#EXT-X-DISCONTINUITY").count(), 0, "{name}: {text}");
        // One time line: pictures are as far apart as in the source, across files too.
        let steps = |file: &Path| {
            let mut times = media::times(file, "v:0", 90_000);
            times.sort_by_key(|times| times.pts);
            times.windows(2).map(|pair| pair[1].pts - pair[0].pts).collect::<Vec<_>>()
        };
        let (ours, theirs) = (steps(&played), steps(source));
        assert_eq!(ours.len(), theirs.len(), "{name}");
        let near = |(ours, theirs): (&i64, &i64)| (ours - theirs).abs() <= 3;
        assert!(ours.iter().zip(&theirs).all(near), "{name}: {ours:?} are not {theirs:?}");
    }
    let sound = in_files(&place, "cars", media::audio_frames);
    assert!(!sound.is_empty() && media::audio_frames(&url(&host, "cars")) == sound, "sound");
    host.stop();
}

#[test]
fn over_a_gap_and_other_parameters() {
    let needs = [Need::Wardline, Need::Ffmpeg, Need::Clip(CARS), Need::Clip(BOTTLES)];
    if missing("playback_breaks", &needs) {
        return;
    }
    let place = Place::new("playback-breaks");
    let [cars, bottles] = [CARS, BOTTLES].map(|name| clip(name).unwrap());
    for file in [&cars, &bottles] {
        let host = Host::start(&place.configure(&files(&[("yard", file)])));
        host.wait_session_end("yard", STEP);
        host.stop();
    }
    let host = Host::start(&place.configure("[cameras.yard]\nurl = \"rtsp://127.0.0.1:1/x\"\n"));
    let expected: Vec<Slice> =
        [&cars, &bottles].into_iter().flat_map(|file| media::slices(file)).collect();
    let played = media::slices_of_several(&url(&host, "yard"));
    assert!(played == expected, "{} slices of both are not {}", played.len(), expected.len());
    let text = playlist(&host, "yard", EVER);
    assert_eq!(text.matches("#EXT-X-DISCONTINUITY").count(), 1, "{text}");
    assert_eq!(text.matches("#EXT-X-MAP:").count(), 2, "{text}");
    // Key frames alone decode, each by itself.
    let keys = url(&host, "yard").display().to_string() + "&keys=true";
    let keys = media::slices_of_several(Path::new(&keys));
    let wanted = expected.iter().filter(|slice| slice.key).count();
    assert!(keys.iter().all(|slice| slice.key) && !keys.is_empty());
    assert!(keys.len() <= wanted && keys.len() * 2 > wanted, "{} of {wanted}", keys.len());
    host.stop();
}

#[test]
fn a_live_camera_is_played_while_it_is_recorded() {
    let needs = [Need::Wardline, Need::Ffmpeg, Need::Gstreamer, Need::Clip(CARS)];
    if missing("playback_live", &needs) {
        return;
    }
    let place = Place::new("playback-live");
    let file = clip(CARS).unwrap();
    let camera = Camera::gstreamer(&[Clip { name: "cars", codec: "h264+aac", file: &file }]);
    let url_of = camera.url("cars");
    let host = Host::start(
        &place.configure(&format!("[cameras.gate]\nurl = \"{url_of}\"\nsegment = \"4s\"\n")),
    );
    // A file that is complete, and one that grows.
    wait::until("some files", STEP, || (place.files("gate").len() >= 3).then_some(()));
    let early = wait::until("a playlist", STEP, || {
        let slices = media::slices(&url(&host, "gate"));
        (slices.len() > 100).then_some(slices)
    });
    assert!(playlist(&host, "gate", EVER).ends_with("#EXT-X-ENDLIST\n"));
    host.wait_session_end("gate", STEP);
    let whole = media::slices(&url(&host, "gate"));
    assert!(whole.len() > early.len() && whole[..early.len()] == early, "it goes on as it was");
    host.stop();
    let recorded = in_files(&place, "gate", media::slices);
    assert!(recorded.len() >= whole.len() && recorded[..whole.len()] == whole, "as in the files");
}

#[test]
fn what_the_page_asks_for() {
    let needs = [Need::Wardline, Need::Ffmpeg, Need::Clip(CARS)];
    if missing("api", &needs) {
        return;
    }
    let place = Place::new("api");
    let file = clip(CARS).unwrap();
    let host = Host::start(&place.configure(&files(&[("cars", &file)])));
    host.wait_session_end("cars", STEP);
    let ask = |path: &str| json_of(&host, path);
    // What is read as fast as it can be lies in the future.
    let window = wait::until("complete files", STEP, || {
        let first: Timestamp =
            serde_json::from_value(ask("/api/v1/cameras/cars")["first"].clone()).ok()?;
        let (from, to) = (first - Duration::from_secs(3600), first + Duration::from_secs(3600));
        let window = format!("camera=cars&from={from}&to={to}");
        let all = ask(&format!("/api/v1/segments?{window}"))["segments"].clone();
        let all = all.as_array()?;
        (all.len() > 3 && all.iter().all(|one| one["state"] == "closed")).then_some(window)
    });
    let camera = ask("/api/v1/cameras/cars");
    assert_eq!(camera["streams"]["main"]["codec"], "h264", "{camera:#}");
    assert_eq!(ask("/api/v1/cameras")["cameras"][0], camera);
    let line = ask(&format!("/api/v1/cameras/cars/timeline?{EVER}&resolution=1s"));
    assert_eq!(line["recorded"].as_array().unwrap().len(), 1, "{line:#}");
    assert_eq!(line["recorded"][0]["start"], camera["first"], "{line:#}");
    let days = ask("/api/v1/cameras/cars/availability?precision=day");
    assert!(days["available"].as_array().is_some_and(|days| (1..=2).contains(&days.len())));
    let exact = ask("/api/v1/cameras/cars/availability?precision=exact");
    assert_eq!(exact["ranges"][0]["end"], camera["last"], "{exact:#}");
    let recordings = ask(&format!("/api/v1/recordings?{window}"));
    assert_eq!(recordings["recordings"][0]["kind"], "cvr", "{recordings:#}");
    files_are_fetched_in_parts(&host, &place, &window);
    let plan = ask("/api/v1/plan");
    assert!(plan["cameras"].is_array(), "{plan:#}");
    for (path, status) in [
        ("/api/v1/cameras/nobody", 404),
        ("/api/v1/cameras/cars/timeline?from=x&to=y", 400),
        ("/api/v1/cameras/cars/playback.m3u8", 400),
        (
            "/api/v1/cameras/cars/playback.m3u8?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z",
            404,
        ),
        ("/api/v1/cameras/..%2f..%2fetc/hls/1/init.mp4", 404),
        ("/api/v1/segments/cars/..%2f..%2fwardline-store.json", 404),
        ("/api/v1/segments/cars/99999.mp4", 404),
        ("/api/v1/events?colour=red", 400),
    ] {
        let answer = host.fetch("GET", path, &[]);
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
    }
    host.stop();
}

/// Lists of files by pages, and files as they lie on disk by parts.
fn files_are_fetched_in_parts(host: &Host, place: &Place, window: &str) {
    // A page at a time.
    let all = json_of(host, &format!("/api/v1/segments?{window}"));
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = json_of(host, &format!("/api/v1/segments?{window}&limit=2{cursor}"));
        paged.extend(page["segments"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(all["segments"], Value::from(paged.clone()));
    // A file as it lies on disk: whole, and by parts of it.
    let on_disk = std::fs::read(&place.files("cars")[0]).unwrap();
    let path = paged[0]["url"].as_str().unwrap();
    let whole = host.fetch("GET", path, &[]);
    assert!(whole.status == 200 && whole.body == on_disk);
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let tag = whole.header("etag");
    let head = host.fetch("HEAD", path, &[]);
    assert_eq!(head.header("content-length"), on_disk.len().to_string());
    assert_eq!((head.status, head.header("etag"), head.body.len()), (200, tag.clone(), 0));
    let part = host.fetch("GET", path, &[("range", "bytes=100-199"), ("if-range", &tag)]);
    assert_eq!((part.status, &part.body[..]), (206, &on_disk[100..200]));
    assert_eq!(part.header("content-range"), format!("bytes 100-199/{}", on_disk.len()));
    let beyond = host.fetch("GET", path, &[("range", "bytes=999999999-")]);
    assert_eq!(beyond.status, 416);
    assert_eq!(beyond.header("content-range"), format!("bytes */{}", on_disk.len()));
    assert_eq!(host.fetch("GET", path, &[("if-none-match", &tag)]).status, 304);
}

#[test]
fn events_are_told_as_they_come_and_what_was_missed() {
    if missing("event_stream", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("event-stream");
    let host = Host::start(&place.configure(
        "[plugins.door]\ncomponent = \"source-webhook\"\ncameras = [\"gate\"]\n\n[cameras.gate]\nurl = \"rtsp://127.0.0.1:1/x\"\n",
    ));
    let say = |kind: &str| {
        let (status, answer) =
            host.post("/hooks/door", &format!("{{\"kind\":\"{kind}\"}}")).unwrap();
        assert_eq!(status, 200, "{answer}");
    };
    let newest = || {
        let (_, text) = host.get("/api/v1/events?kind=door.*&origin=door&limit=1").unwrap();
        let page: Value = serde_json::from_str(&text).unwrap();
        page["events"][0]["sequence"].as_u64()
    };
    say("door.opened");
    let first = newest().expect("it is stored");
    let path = "/api/v1/events/stream?camera=gate&kind=door.*";
    let mut live = host.follow(path, &[]);
    // Told from here on: what was before is in nobody's way.
    say("door.closed");
    let told = live.event(STEP);
    assert_eq!(told["data"]["kind"], "door.closed", "{told:#}");
    assert_eq!(told["id"].as_u64(), told["data"]["sequence"].as_u64(), "{told:#}");
    drop(live);
    say("door.rung");
    // Who comes back is told what he missed, each once, in order.
    let mut again = host.follow(path, &[("last-event-id", &first.to_string())]);
    let kinds: Vec<Value> = (0..2).map(|_| again.event(STEP)["data"]["kind"].clone()).collect();
    assert_eq!(kinds, ["door.closed", "door.rung"]);
    say("door.opened");
    assert_eq!(again.event(STEP)["data"]["kind"], "door.opened");
    drop(again);
    host.stop();
}
