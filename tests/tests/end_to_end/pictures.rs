//! Pictures of moments: the right moment, and the picture that ffmpeg decodes from the file there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use wardline::base::Timestamp;
use wardline::store::State;
use wardline_tests::camera::Camera;
use wardline_tests::host::{Host, Place};
use wardline_tests::media;
use wardline_tests::need::{BOTTLES, CARS, Need, ONE_BY_ONE, clip, missing};
use wardline_tests::store::seconds;
use wardline_tests::wait;

const STEP: Duration = Duration::from_secs(60);

/// As alike as a JPEG of this quality is to what it was made of, in dB.
const ALIKE: f64 = 33.0;

/// A picture, or the status of a refusal.
struct Picture {
    file: PathBuf,
    time: Timestamp,
    tag: String,
    kept: String,
}

fn picture(host: &Host, place: &Place, path: &str) -> Result<Picture, u16> {
    let url = format!("{}/api/v1/{path}", host.base());
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let agent = ureq::Agent::from(config);
    // Pictures come after everything else: a busy machine says to come again, and goes on meanwhile.
    let mut response = wait::until("a picture or a refusal", STEP, || {
        let response = agent.get(&url).call().expect("an answer");
        (![408, 503].contains(&response.status().as_u16())).then_some(response)
    });
    if response.status() != 200 {
        return Err(response.status().as_u16());
    }
    let header = |name: &str| {
        let value = response.headers().get(name).map(|value| value.to_str().expect("text"));
        value.unwrap_or_default().to_owned()
    };
    assert_eq!(header("content-type"), "image/jpeg");
    let time = header("x-wardline-time").parse::<jiff::Timestamp>().expect("RFC 3339").into();
    let (tag, kept) = (header("etag"), header("cache-control"));
    let body = response.body_mut().read_to_vec().expect("a body");
    let file = place.path(&format!("picture-{}.jpg", tag.trim_matches('"')));
    std::fs::write(&file, body).expect("the folder can be written");
    Ok(Picture { file, time, tag, kept })
}

/// How alike a JPEG is to the picture that a file shows at `at` seconds: PSNR in dB.
fn alike(jpeg: &Path, video: &Path, at: f64) -> f64 {
    let graph = "[0:v]format=gbrp[a];[1:v]trim=end_frame=1,format=gbrp[b];[a][b]psnr";
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostdin", "-i"])
        .arg(jpeg)
        .args(["-ss", &format!("{at:.6}"), "-i"])
        .arg(video)
        .args(["-frames:v", "1", "-lavfi", graph, "-f", "null", "-"])
        .output()
        .expect("ffmpeg runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let average = said.split("average:").nth(1).and_then(|rest| rest.split_whitespace().next());
    average.and_then(|psnr| psnr.parse().ok()).unwrap_or_else(|| panic!("no PSNR: {said}"))
}

/// Records a clip as fast as it can be read; gives a host that runs on.
fn recorded(name: &str, clip_name: &str) -> (Place, Host) {
    let (place, file) = (Place::new(name), clip(clip_name).unwrap());
    let rest = format!(
        "[cameras.clip]\nurl = \"{}\"\npace = \"fast\"\nsegment = \"10s\"\n",
        file.display()
    );
    let host = Host::start(&place.configure(&rest));
    host.wait_session_end("clip", STEP);
    let all_closed =
        || place.segments("clip").iter().all(|one| one.state == State::Closed).then_some(());
    wait::until("all files are closed", STEP, all_closed);
    (place, host)
}

fn pictures_of(name: &str, clip_name: &'static str) {
    if missing(name, &[Need::Wardline, Need::Ffmpeg, Need::Clip(clip_name)]) {
        return;
    }
    let (place, host) = recorded(name, clip_name);
    let segments = place.segments("clip");
    for segment in &segments {
        let keys = key_times(&segment.path);
        for at in [0.0, 0.4, 0.7, 0.99] {
            let length = seconds(segment.start, segment.end);
            // Addresses say milliseconds: a little later than the first moment of a file.
            let asked = segment.start.offset((at * length * 1e6) as i64 + 2000);
            let path = format!("cameras/clip/snapshot.jpg?at={asked}");
            let found = picture(&host, &place, &path).expect("a picture");
            let shown = seconds(segment.start, found.time);
            let before = keys.iter().rfind(|key| **key <= at * length + 1.5e-3);
            let expected = before.or(keys.first()).expect("the file has a key frame");
            assert!((shown - expected).abs() < 2e-3, "{path}: {shown} s is not {expected} s");
            let psnr = alike(&found.file, &segment.path, shown);
            assert!(psnr > ALIKE, "{path}: {psnr} dB");
            assert_eq!(media::size(&found.file), media::size(&segment.path));
            assert!(found.kept.contains("max-age"), "{}", found.kept);
        }
    }
    let middle = segments[segments.len() / 2].start;
    refusals_and_strips(&host, &place, middle);
    host.stop();
}

fn refusals_and_strips(host: &Host, place: &Place, middle: Timestamp) {
    let ask = |path: &str| picture(host, place, &format!("cameras/clip/{path}"));
    let small = ask(&format!("snapshot.jpg?at={middle}&width=160")).expect("a picture");
    assert_eq!(media::size(&small.file).0, 160);
    for (path, status) in [
        ("snapshot.jpg?at=2001-01-01T00:00:00Z", 404),
        ("snapshot.jpg?at=yesterday", 400),
        ("snapshot.jpg?width=4", 400),
        ("snapshot.jpg?other=1", 400),
        ("strip.jpg?from=2020-01-01T00:00:00Z&step=1s&count=61&width=160", 400),
        ("strip.jpg?from=2020-01-01T00:00:00Z&step=1s&count=6&width=321", 400),
    ] {
        assert_eq!(ask(path).err(), Some(status), "{path}");
    }
    let strip = format!("strip.jpg?from={middle}&step=1s&count=8&width=120");
    let (first, again) = (ask(&strip).expect("a strip"), ask(&strip).expect("a strip"));
    assert_eq!((media::size(&first.file).0, &first.tag), (960, &again.tag));
    let url = format!("{}/api/v1/cameras/clip/{strip}", host.base());
    let known = ureq::get(&url).header("if-none-match", &first.tag).call().expect("an answer");
    assert_eq!(known.status(), 304);
    // Without a moment it is the newest, also where the camera is gone.
    let newest = ask("snapshot.jpg").expect("a picture");
    assert!(newest.time > middle && newest.kept.contains("no-cache"));
    assert_eq!(picture(host, place, "cameras/none/snapshot.jpg").err(), Some(404));
    assert_eq!(picture(host, place, "events/99999/picture.jpg").err(), Some(404));
}

/// Presentation times of the key frames of a file, in seconds.
fn key_times(file: &Path) -> Vec<f64> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-skip_frame", "nokey"])
        .args(["-show_entries", "frame=pts_time", "-of", "csv=p=0"])
        .arg(file)
        .output()
        .expect("ffprobe runs");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().filter_map(|line| line.trim_matches([',', ' ']).parse().ok()).collect()
}

#[test]
fn of_a_clip_with_reordering() {
    pictures_of("pictures-one-by-one", ONE_BY_ONE);
}

#[test]
fn of_a_clip_with_sound() {
    pictures_of("pictures-cars", CARS);
}

#[test]
fn of_a_clip_with_deep_reordering() {
    pictures_of("pictures-bottles", BOTTLES);
}

#[test]
fn of_what_comes_now_and_of_its_events() {
    if missing("pictures-live", &[Need::Wardline, Need::Ffmpeg]) {
        return;
    }
    let place = Place::new("pictures-live");
    let camera = Camera::simulate(&["gate=scene:seconds=30,visit=3-9,size=320x192"]);
    let rest = format!(
        "[plugins.motion]\ncomponent = \"analyzer-motion\"\n\n[cameras.gate]\nurl = \"{}\"\n\
         analyzers = [\"motion\"]\n",
        camera.url("gate")
    );
    let host = Host::start(&place.configure(&rest));
    let motion = wait::until("motion with regions", STEP, || {
        let events = place.events("gate", "motion");
        events.into_iter().find(|stored| !stored.event.regions.is_empty())
    });
    // The file is being written.
    let asked = wait::now();
    let now = picture(&host, &place, "cameras/gate/snapshot.jpg").expect("a picture");
    assert!(seconds(now.time, asked) < 3.0, "{:?} when it was {asked:?}", now.time);
    let path = format!("events/{}/picture.jpg", motion.sequence);
    let plain = picture(&host, &place, &path).expect("a picture");
    let marked = picture(&host, &place, &format!("{path}?regions=true")).expect("a picture");
    assert!(seconds(plain.time, motion.event.time).abs() < 1.5);
    assert_ne!(plain.tag, marked.tag);
    let a_second_ago = wait::now().offset(-2_000_000);
    let past = format!("cameras/gate/snapshot.jpg?at={a_second_ago}");
    let past = picture(&host, &place, &past).expect("a picture of the file that grows");
    assert!(past.time <= a_second_ago && seconds(past.time, a_second_ago) < 1.5);
    host.stop();
    let segment = &place.segments("gate")[0];
    for one in [&plain, &past, &now] {
        let psnr = alike(&one.file, &segment.path, seconds(segment.start, one.time));
        assert!(psnr > ALIKE, "{psnr} dB");
    }
}
