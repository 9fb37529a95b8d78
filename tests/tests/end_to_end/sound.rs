//! A camera with a microphone.

use std::time::Duration;

use wardline_tests::camera::{Camera, Clip};
use wardline_tests::follow::{assert_times, first_session};
use wardline_tests::host::{Host, Place};
use wardline_tests::media;
use wardline_tests::need::{CARS, Need, clip, missing};

/// Ticks a second in which sound is compared.
const RATE: i64 = 48_000;

/// Length of an AAC frame in those ticks.
const FRAME: i64 = 1024;

#[test]
fn every_audio_frame_is_recorded_in_sync() {
    if missing("sound", &[Need::Wardline, Need::Ffmpeg, Need::Gstreamer, Need::Clip(CARS)]) {
        return;
    }
    let place = Place::new("sound");
    let file = clip(CARS).unwrap();
    let camera = Camera::gstreamer(&[Clip { name: "cars", codec: "h264+aac", file: &file }]);
    let url = camera.url("cars");
    let rest = format!("[cameras.cars]\nurl = \"{url}\"\nkeep = \"7d\"\nsegment = \"10s\"\n");
    let host = Host::start(&place.configure(&rest));
    host.wait_session_end("cars", Duration::from_secs(60));
    host.stop();

    let source = media::slices(&file);
    let (files, run) = first_session(place.files("cars"), &source);
    assert!(files.len() >= 2, "{files:?}");
    assert_eq!((run.first, run.count), (0, source.len()), "{run:?}");
    assert_times(&files, &media::times(&file, "v:0", 90_000), 0);

    // GStreamer ends both streams with the shorter one; the start must be whole.
    let frames = media::audio_frames(&file);
    let recorded: Vec<String> = files.iter().flat_map(|file| media::audio_frames(file)).collect();
    let first = frames.iter().position(|frame| *frame == recorded[0]).expect("of the source");
    assert!(first <= 2, "sound begins with frame {first}");
    assert_eq!(recorded, frames[first..][..recorded.len()], "none missing, doubled or alien");
    assert!(first + recorded.len() + 3 >= frames.len(), "{} of {}", recorded.len(), frames.len());

    let offset = |video: &media::Times, audio: &media::Times| audio.pts - video.pts;
    let (video, audio) = (media::times(&file, "v:0", RATE), media::times(&file, "a:0", RATE));
    let (mut video_at, mut audio_at) = (0, first);
    for file in &files {
        media::assert_decodes(file);
        let (seen, heard) = (media::times(file, "v:0", RATE), media::times(file, "a:0", RATE));
        let expected = offset(&video[video_at], &audio[audio_at]);
        let difference = offset(&seen[0], &heard[0]) - expected;
        assert!(difference.abs() <= FRAME, "{}: out of sync by {difference}", file.display());
        video_at += seen.len();
        audio_at += heard.len();
    }
}
