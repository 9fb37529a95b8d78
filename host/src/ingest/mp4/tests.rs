//! Files that ffmpeg writes, read back; and files that lie.

use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::{any, proptest};

use super::{FileSample, Mp4File};
use crate::ingest::packet::Codec;

/// Two seconds of video (25 pictures a second, with B-frames) and audio, or nothing where ffmpeg
/// is missing.
fn clip(folder: &Path, test: &str, arguments: &[&str]) -> Option<PathBuf> {
    let path = folder.join("clip.mp4");
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x96:rate=25:duration=2"])
        .args(["-f", "lavfi", "-i", "sine=sample_rate=48000:duration=2"])
        .args(arguments)
        .arg(&path)
        .status();
    match status {
        Ok(status) => assert!(status.success(), "{arguments:?}"),
        Err(error) => {
            eprintln!("skipped: {test}: run ffmpeg: {error}");
            return None;
        }
    }
    Some(path)
}

/// Presentation times of all video in decoding order, and of all audio.
fn times(file: &mut Mp4File) -> (Vec<i64>, Vec<i64>) {
    let (mut video, mut audio) = (Vec::new(), Vec::new());
    let mut last = i64::MIN;
    while let Some(sample) = file.read().unwrap() {
        match sample {
            FileSample::Video(sample) => {
                assert!(sample.dts > last && !sample.data.is_empty());
                last = sample.dts;
                video.push(sample.pts);
            }
            FileSample::Audio(sample) => audio.push(sample.pts),
        }
    }
    (video, audio)
}

#[test]
fn what_ffmpeg_writes_is_read() {
    const FRAGMENTED: &[&str] = &["-movflags", "frag_keyframe+empty_moov+default_base_moof"];
    const X265: &[&str] = &["-c:v", "libx265", "-x265-params", "log-level=none"];
    for (codec, name, arguments) in [
        (Codec::H264, "avc1.", [&["-c:v", "libx264", "-bf", "2", "-g", "25"][..], &[]]),
        (Codec::H264, "avc1.", [&["-c:v", "libx264", "-bf", "2", "-g", "25"], FRAGMENTED]),
        (Codec::H264, "avc1.", [&["-c:v", "libx264"], &["-movflags", "frag_every_frame"]]),
        (Codec::H264, "avc1.", [&["-c:v", "libx264"], &["-movflags", "+faststart"]]),
        (Codec::H265, "hvc1.1.", [X265, &["-tag:v", "hev1"]]),
        (Codec::H265, "hvc1.1.", [X265, FRAGMENTED]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let arguments = arguments.concat();
        let Some(path) = clip(folder.path(), "what_ffmpeg_writes_is_read", &arguments) else {
            return;
        };
        let mut file = Mp4File::open(&path).unwrap();
        let video = file.video().clone();
        assert_eq!((video.codec, video.width, video.height), (codec, 160, 96));
        assert!(video.rfc6381.starts_with(name), "{}", video.rfc6381);
        let audio = file.audio().unwrap().clone();
        assert_eq!((audio.rfc6381.as_str(), audio.clock_rate), ("mp4a.40.2", 48_000));
        assert_eq!(audio.frame_ticks, 1024);
        let (mut shown, heard) = times(&mut file);
        if arguments.contains(&"-bf") {
            assert!(!shown.is_sorted(), "B-frames are in decoding order");
        }
        shown.sort_unstable();
        let first = shown[0];
        let expected: Vec<i64> = (0..50).map(|n| first + n * 3600).collect();
        assert_eq!(shown, expected, "{arguments:?}");
        assert_eq!(file.length(), 50 * 3600);
        // The encoder's priming comes before the start.
        assert!((-1024..=0).contains(&heard[0]) && heard.len() >= 94, "{arguments:?} {heard:?}");
        file.rewind();
        assert_eq!(times(&mut file).0.len(), 50);
    }
}

#[test]
fn what_is_no_mp4_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no.mp4");
    let reason = |data: &[u8]| {
        std::fs::write(&path, data).unwrap();
        Mp4File::open(&path).err().unwrap().chain()
    };
    assert!(reason(b"hello, this is text").contains("no.mp4: it has no moov box"));
    assert!(reason(b"").contains("it has no moov box"));
    assert!(reason(b"\0\0\0\x10moov\0\0\0\x08free").contains("it has no video"));
    assert!(
        Mp4File::open(Path::new("/nowhere.mp4")).err().unwrap().chain().contains("/nowhere.mp4")
    );
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(40))]

    /// A byte changed anywhere: an error or other samples, but never a panic.
    #[test]
    fn a_damaged_file_is_survived(at in any::<proptest::sample::Index>(), byte: u8) {
        static CLIP: std::sync::OnceLock<Option<Vec<u8>>> = std::sync::OnceLock::new();
        let clip = CLIP.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let arguments = ["-c:v", "libx264", "-t", "0.2", "-movflags", "+faststart"];
            let path = clip(folder.path(), "a_damaged_file_is_survived", &arguments)?;
            Some(std::fs::read(path).unwrap())
        });
        if let Some(clip) = clip {
            let mut data = clip.clone();
            let at = at.index(data.len().min(4096));
            data[at] = byte;
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("damaged.mp4");
            std::fs::write(&path, data).unwrap();
            if let Ok(mut file) = Mp4File::open(&path) {
                while let Ok(Some(_)) = file.read() {}
            }
        }
    }
}
