//! Where pictures come from besides one RTSP stream: a second stream for analysis, and files; and
//! what becomes of them in mode `off`.

use std::time::Duration;

use wardline::events::event::Phase;
use wardline_tests::camera::Camera;
use wardline_tests::follow::{assert_times, first_session};
use wardline_tests::host::{Host, Place};
use wardline_tests::media;
use wardline_tests::need::{BOTTLES, CARS, Need, clip, missing};
use wardline_tests::store::seconds;
use wardline_tests::wait;

const STEP: Duration = Duration::from_secs(60);

/// The camera's main stream is one scene, and its second stream another: `visit` is only there.
fn two_streams(place: &Place, mode: &str) -> (Camera, Host) {
    let camera = Camera::simulate(&[
        "main=scene:seconds=30,visit=none,size=640x384",
        "small=scene:seconds=30,visit=8-14,size=320x192",
    ]);
    let (url, analysis) = (camera.url("main"), camera.url("small"));
    let rest = format!(
        "[plugins.motion]\ncomponent = \"analyzer-motion\"\n\n[cameras.yard]\nurl = \"{url}\"\n\
         analysis-url = \"{analysis}\"\nmode = \"{mode}\"\nanalyzers = [\"motion\"]\n"
    );
    let host = Host::start(&place.configure(&rest));
    (camera, host)
}

fn wait_motion(place: &Place, phase: Phase) -> wardline::base::Timestamp {
    wait::until(&format!("motion: {phase:?}"), STEP, || {
        let events = place.events("yard", "motion");
        events.iter().find(|stored| stored.event.phase == phase).map(|stored| stored.event.time)
    })
}

#[test]
fn the_second_stream_is_analysed_and_the_main_one_recorded() {
    if missing("analysis_url", &[Need::Wardline, Need::Ffmpeg]) {
        return;
    }
    let place = Place::new("analysis-url");
    let (_camera, host) = two_streams(&place, "continuous");
    let begin = wait_motion(&place, Phase::Begin);
    host.stop();
    let segments = place.segments("yard");
    let since = seconds(segments[0].start, begin);
    assert!((since - 8.0).abs() < 1.5, "the visit begins at 8 s, motion at {since} s");
    for file in place.files("yard") {
        media::assert_decodes(&file);
        assert_eq!(media::size(&file), (640, 384));
    }
}

#[test]
fn mode_off_sees_and_records_nothing() {
    if missing("mode_off", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("mode-off");
    let (_camera, host) = two_streams(&place, "off");
    wait_motion(&place, Phase::Begin);
    host.stop();
    assert_eq!(place.files("yard"), Vec::<std::path::PathBuf>::new());
}

/// Records a clip as fast as it can be read.
fn record_file(name: &str, file: &str) {
    if missing(name, &[Need::Wardline, Need::Ffmpeg]) {
        return;
    }
    let (place, file) = (Place::new(name), clip(file).unwrap());
    let rest = format!(
        "[cameras.clip]\nurl = \"{}\"\npace = \"fast\"\nsegment = \"10s\"\n",
        file.display()
    );
    let host = Host::start(&place.configure(&rest));
    host.wait_session_end("clip", STEP);
    host.stop();
    let source = media::slices(&file);
    let (files, run) = first_session(place.files("clip"), &source);
    assert_eq!((run.first, run.count), (0, source.len()));
    assert_times(&files, &media::times(&file, "v:0", 90_000), 0);
    let recorded: Vec<String> = files.iter().flat_map(|file| media::pictures(file)).collect();
    assert!(recorded == media::pictures(&file), "decoded pictures differ");
}

#[test]
fn a_file_with_deep_reordering() {
    if missing("file", &[Need::Clip(BOTTLES)]) {
        return;
    }
    record_file("file-bottles", BOTTLES);
}

#[test]
fn a_file_with_sound() {
    if missing("file", &[Need::Clip(CARS)]) {
        return;
    }
    record_file("file-cars", CARS);
}

/// A file that is read as fast as it goes waits for the disk.
#[test]
fn a_file_read_fast_is_recorded_whole() {
    let needs = [Need::Wardline, Need::Ffmpeg, Need::Clip(CARS)];
    if missing("a file read fast is recorded whole", &needs) {
        return;
    }
    let place = Place::new("read-fast");
    let (source, long) = (clip(CARS).expect("it is there"), place.path("long.mp4"));
    let source = source.to_str().expect("UTF-8");
    media::make(&["-stream_loop", "9", "-i", source, "-map", "0:v", "-c", "copy"], &long);
    let rest = format!(
        "[cameras.past]\nurl = \"{}\"\npace = \"fast\"\nkeep = \"3650d\"\n",
        long.display()
    );
    let host = Host::start(&place.configure(&rest));
    host.wait_session_end("past", 3 * STEP);
    host.stop();
    let kept: Vec<_> = place.files("past").iter().flat_map(|file| media::slices(file)).collect();
    let sent = media::slices(&long);
    assert_eq!(kept.len(), sent.len(), "slices are missing");
    assert!(kept == sent);
}
