//! Real encoders' streams through the recorder, judged by ffmpeg. Skipped where there is none.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use re_mp4::{Mp4, TrackKind};
use tempfile::TempDir;
use tokio::time::Instant;

use super::{Found, Mode, Recorder, Tape, feed, recorder, utc_ticks};
use crate::ingest::{Access, AudioFrame, AudioParameters, Codec, VideoParameters, VideoUnit};

/// Makes a clip of ten seconds; `None` and a word about it where that can't be.
fn clip(name: &str, arguments: &str) -> Option<(TempDir, Vec<u8>)> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("source.mp4");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25:duration=10"])
        .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=10"])
        .args(["-pix_fmt", "yuv420p"])
        .args(arguments.split_whitespace())
        .arg(&path)
        .output();
    match made {
        Ok(output) if output.status.success() => {
            let bytes = std::fs::read(&path).unwrap();
            Some((folder, bytes))
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("Unknown encoder"), "{name}: {said}");
            eprintln!("skipped: {name}: {}", said.trim());
            None
        }
        Err(error) => {
            eprintln!("skipped: {name}: ffmpeg can't be run: {error}");
            None
        }
    }
}

fn sample_entry(file: &[u8], kind: &[u8; 4]) -> Bytes {
    let find = |from: usize, what: &[u8; 4]| {
        from + file[from..].windows(4).position(|window| window == what).unwrap()
    };
    let at = find(find(0, b"moov"), kind) - 4;
    let size = u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    Bytes::copy_from_slice(&file[at..at + size])
}

fn access(codec: Codec, data: &[u8]) -> Access {
    let mut rest = data;
    let mut found = Access::Disposable;
    while rest.len() > 4 {
        let size = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        let nal = rest[4];
        match codec {
            Codec::H264 if nal & 31 == 5 => return Access::Key,
            Codec::H264 if nal & 31 == 1 && nal & 0x60 != 0 => found = Access::Reference,
            Codec::H265 if matches!(nal >> 1 & 63, 19 | 20) => return Access::Key,
            Codec::H265 if nal >> 1 & 63 == 21 => return Access::OpenKey,
            Codec::H265 if nal >> 1 & 63 < 16 && nal >> 1 & 1 == 1 => found = Access::Reference,
            _ => {}
        }
        rest = &rest[4 + size..];
    }
    found
}

struct Source {
    video: Vec<VideoUnit>,
    audio: Vec<AudioFrame>,
}

fn source(file: &[u8], codec: Codec) -> Source {
    let start = Instant::now();
    let mp4 = Mp4::read_bytes(file).unwrap();
    let track = |kind| mp4.tracks().values().find(|track| track.kind == Some(kind));
    let video = track(TrackKind::Video).unwrap();
    let kind = if codec == Codec::H264 { b"avc1" } else { b"hvc1" };
    let parameters = Arc::new(VideoParameters {
        codec,
        width: 320,
        height: 240,
        rfc6381: String::from_utf8_lossy(kind).into_owned(),
        sample_entry: sample_entry(file, kind),
        decoder_config: Bytes::new(),
    });
    let units = video.samples.iter().map(|sample| {
        let data = Bytes::copy_from_slice(&file[sample.byte_range()]);
        let ticks = |time: i64| time * 90_000 / sample.timescale as i64;
        let pts = ticks(sample.composition_timestamp);
        let sent = Duration::from_micros(ticks(sample.decode_timestamp).max(0) as u64 * 100 / 9);
        VideoUnit {
            parameters: Arc::clone(&parameters),
            session: 0,
            epoch: 0,
            pts: 1_000_000 + pts,
            time: utc_ticks(pts),
            arrived: start + sent,
            access: access(codec, &data),
            damaged: false,
            data,
        }
    });
    let mut audio = Vec::new();
    if let Some(track) = track(TrackKind::Audio) {
        let parameters = Arc::new(AudioParameters {
            rfc6381: "mp4a.40.2".into(),
            sample_entry: sample_entry(file, b"mp4a"),
            clock_rate: 48_000,
            frame_ticks: 1024,
        });
        audio.extend(track.samples.iter().map(|sample| AudioFrame {
            parameters: Arc::clone(&parameters),
            session: 0,
            pts: sample.decode_timestamp,
            time: utc_ticks(sample.decode_timestamp * 90_000 / 48_000),
            data: Bytes::copy_from_slice(&file[sample.byte_range()]),
        }));
    }
    Source { video: units.collect(), audio }
}

/// Plays a source as a camera would send it.
fn play(source: &Source, recorder: &mut Recorder<Tape>) {
    let mut audio = source.audio.iter().peekable();
    for unit in &source.video {
        while let Some(frame) = audio.next_if(|frame| frame.time <= unit.time) {
            recorder.audio(frame.clone(), unit.arrived);
        }
        feed(recorder, unit.clone());
    }
    let end = source.video.last().unwrap().arrived;
    audio.for_each(|frame| recorder.audio(frame.clone(), end));
    recorder.finish(end);
}

fn run(program: &str, arguments: &[&str], path: &Path) -> String {
    let output = Command::new(program).args(arguments).arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{program} {path:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The md5 of each decoded picture, in the order of showing.
fn pictures(path: &Path) -> Vec<String> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-"])
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{path:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit(',').next().unwrap().trim().to_owned()).collect()
}

fn check(name: &str, codec: Codec, arguments: &str, segment_seconds: u64, files: usize) {
    let Some((folder, bytes)) = clip(name, arguments) else { return };
    let source = source(&bytes, codec);
    let mut recorder = recorder(Mode::Continuous, segment_seconds);
    play(&source, &mut recorder);
    assert_eq!(recorder.figures().dropped_audio, 0, "{name}");
    let tape = recorder.sink_mut();
    assert_eq!(tape.files.len(), files, "{name}");
    let mut video: Vec<Found> = Vec::new();
    let mut frames = 0;
    let mut shown = Vec::new();
    let mut leading = false;
    for (sequence, file) in &tape.files {
        file.check();
        let path = folder.path().join(format!("{sequence}.mp4"));
        std::fs::write(&path, &file.bytes).unwrap();
        let start = file.start.start.micros_since(utc_ticks(0)) * 9 / 100;
        let samples = file.samples(1);
        let probed = run(
            "ffprobe",
            &[
                "-v",
                "error",
                "-select_streams",
                "v",
                "-show_entries",
                "packet=pts",
                "-of",
                "csv=p=0",
            ],
            &path,
        );
        let probed: Vec<i64> =
            probed.lines().map(|line| line.trim_end_matches(',').parse().unwrap()).collect();
        let ours: Vec<i64> = samples.iter().map(|sample| sample.shown).collect();
        assert_eq!(probed, ours, "{name}: {sequence}: ffprobe's presentation times");
        video.extend(
            samples.into_iter().map(|sample| Found { shown: sample.shown + start, ..sample }),
        );
        let audio = file.samples(2);
        for (index, sample) in audio.iter().enumerate() {
            let frame: &AudioFrame = &source.audio[frames + index];
            assert_eq!(sample.data, frame.data, "{name}: audio frame {}", frames + index);
            let due = frame.time.micros_since(file.start.start) * 48 / 1000;
            assert!((sample.decode - due).abs() <= 1024, "{name}: {} is not {due}", sample.decode);
        }
        frames += audio.len();
        leading |= file.start.leading;
        shown.extend(pictures(&path));
    }
    assert_eq!(frames, source.audio.len(), "{name}: audio frames");
    assert_eq!(video.len(), source.video.len(), "{name}: units");
    for (sample, unit) in video.iter().zip(&source.video) {
        assert_eq!(sample.data, unit.data, "{name}");
        assert!(
            (sample.shown + 1_000_000 - unit.pts).abs() <= 1,
            "{name}: {} {}",
            sample.shown,
            unit.pts
        );
        assert_eq!(sample.key, unit.access.is_key(), "{name}");
    }
    let original = pictures(&folder.path().join("source.mp4"));
    if leading {
        // Leading pictures at the start of a file can't be decoded there.
        assert!(shown.iter().all(|picture| original.contains(picture)), "{name}");
    } else {
        assert_eq!(shown, original, "{name}: pictures");
    }
}

#[test]
fn baseline_with_audio() {
    let arguments = "-c:v libx264 -profile:v baseline -g 50 -c:a aac";
    check("baseline, one file", Codec::H264, arguments, 60, 1);
    check("baseline, cut", Codec::H264, arguments, 4, 3);
}

#[test]
fn pyramid() {
    let arguments =
        "-an -c:v libx264 -bf 3 -x264-params b-pyramid=normal:b-adapt=0:keyint=50:scenecut=0";
    check("pyramid, one file", Codec::H264, arguments, 60, 1);
    check("pyramid, cut", Codec::H264, arguments, 2, 5);
}

#[test]
fn adaptive_with_audio() {
    let arguments = "-c:v libx264 -bf 2 -g 48 -c:a aac";
    check("adaptive, cut", Codec::H264, arguments, 3, 3);
}

#[test]
fn h265() {
    let closed = "-an -c:v libx265 -preset ultrafast -tag:v hvc1 \
        -x265-params log-level=error:keyint=50:open-gop=0";
    check("h265, closed groups, one file", Codec::H265, closed, 60, 1);
    check("h265, closed groups, cut", Codec::H265, closed, 2, 5);
    let open = "-an -c:v libx265 -preset ultrafast -tag:v hvc1 \
        -x265-params log-level=error:keyint=50:min-keyint=50";
    check("h265, open groups, one file", Codec::H265, open, 60, 1);
    check("h265, open groups, cut", Codec::H265, open, 2, 4);
}
