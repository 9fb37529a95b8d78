//! Real clips and clips that ffmpeg makes, against what ffmpeg decodes and scales. Where ffmpeg, an
//! encoder or the shared clips are missing, a test says so and passes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::parameter_sets;
use super::{
    Access, Codec, DecodeError, Due, Fit, Image, Pace, Picture, PixelFormat, Request, Scaler,
    Thrift, VideoUnit, feed_all, parameters, unit,
};

/// The shared clips, if they are there.
fn clip(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/clips").join(name);
    path.exists().then_some(path)
}

fn ffmpeg(arguments: &[&str], output: &Path) -> bool {
    Command::new("ffmpeg")
        .args(["-v", "error", "-y"])
        .args(arguments)
        .arg(output)
        .status()
        .is_ok_and(|status| status.success())
}

/// The video units of an MP4 file, classified by what the container and the NAL types say.
fn units_of(path: &Path) -> Vec<VideoUnit> {
    let (mp4, bytes) = re_mp4::Mp4::read_file(path).unwrap();
    let track =
        mp4.tracks().values().find(|track| track.kind == Some(re_mp4::TrackKind::Video)).unwrap();
    let stsd = &track.trak(&mp4).mdia.minf.stbl.stsd.contents;
    let h264 = matches!(stsd, re_mp4::StsdBoxContent::Avc1(_));
    let codec = if h264 { Codec::H264 } else { Codec::H265 };
    let parameters = parameters(codec, &track.raw_codec_config(&mp4).unwrap());
    let timescale = i64::try_from(track.timescale).unwrap();
    track
        .samples
        .iter()
        .map(|sample| {
            let data = &bytes[sample.byte_range()];
            let pts = sample.composition_timestamp * 90_000 / timescale;
            unit(&parameters, pts, access_of(codec, data), data)
        })
        .collect()
}

fn access_of(codec: Codec, data: &[u8]) -> Access {
    for nal in parameter_sets::nal_units(data) {
        let (h264, h265) = (nal[0] & 0x1f, (nal[0] >> 1) & 0x3f);
        match codec {
            Codec::H264 if h264 == 5 => return Access::Key,
            // A recovery point, which x264 puts into a message of its own.
            Codec::H264 if h264 == 6 && nal[1] == 6 => return Access::OpenKey,
            Codec::H264 if h264 == 1 && nal[0] & 0x60 == 0 => return Access::Disposable,
            Codec::H264 if h264 == 1 => return Access::Reference,
            Codec::H265 if (16..=20).contains(&h265) => return Access::Key,
            Codec::H265 if h265 == 21 => return Access::OpenKey,
            Codec::H265 if h265 < 16 && h265 % 2 == 0 => return Access::Disposable,
            Codec::H265 if h265 < 16 => return Access::Reference,
            _ => {}
        }
    }
    Access::Reference
}

/// Compares every picture with what ffmpeg decodes; the first `learning` may be missing.
fn check_against_ffmpeg(path: &Path, learning: usize) {
    let directory = tempfile::tempdir().unwrap();
    let raw = directory.path().join("raw.yuv");
    let input = path.to_str().unwrap();
    let format = ["-map", "0:v", "-pix_fmt", "yuv420p", "-vsync", "0", "-f", "rawvideo"];
    assert!(ffmpeg(&[&["-i", input][..], &format].concat(), &raw));
    let raw = std::fs::read(raw).unwrap();
    let units = units_of(path);
    let (pictures, errors) = feed_all(Pace::Every, &units);
    assert_eq!(errors, [], "{input}");
    assert!(pictures.len() + learning >= units.len(), "{} of {}", pictures.len(), units.len());
    let size = raw.len() / units.len();
    for picture in &pictures {
        let Image { y, u, v, .. } = &*picture.image;
        let place = usize::try_from(picture.sequence).unwrap() * size;
        let expected = &raw[place..place + size];
        assert!(expected == [&y[..], u, v].concat(), "{input}: picture {}", picture.sequence);
    }
}

#[test]
fn shared_clips_decode_as_ffmpeg_does() {
    for name in ["one-by-one-person-detection.mp4", "car-detection.mp4", "bottle-detection.mp4"] {
        match clip(name) {
            Some(path) if has_ffmpeg() => check_against_ffmpeg(&path, 3),
            _ => eprintln!("skipped: {name}: no shared clips or no ffmpeg"),
        }
    }
}

fn has_ffmpeg() -> bool {
    Command::new("ffmpeg").arg("-version").output().is_ok()
}

#[test]
fn other_streams_decode_as_ffmpeg_does() {
    let directory = tempfile::tempdir().unwrap();
    let source = ["-f", "lavfi", "-i", "testsrc2=size=318x182:rate=10:duration=6"];
    for (name, arguments) in [
        ("h265-closed", "-c:v libx265 -x265-params log-level=error:keyint=15:open-gop=0"),
        ("h265-open", "-c:v libx265 -x265-params log-level=error:keyint=15"),
        ("h265-no-b", "-c:v libx265 -x265-params log-level=error:keyint=15:bframes=0"),
        ("h264-open", "-c:v libx264 -x264-params keyint=15:open-gop=1:bframes=4:b-pyramid=normal"),
        ("h264-slices", "-c:v libx264 -x264-params keyint=15:slices=4:weightp=2:8x8dct=1"),
    ] {
        let path = directory.path().join(format!("{name}.mp4"));
        let made: Vec<&str> = source
            .into_iter()
            .chain(arguments.split(' '))
            .chain(["-preset", "fast", "-pix_fmt", "yuv420p"])
            .collect();
        if !ffmpeg(&made, &path) {
            eprintln!("skipped: {name}: no ffmpeg with this encoder");
            continue;
        }
        check_against_ffmpeg(&path, 2);
    }
}

#[test]
fn an_open_key_frame_begins_a_stream() {
    let directory = tempfile::tempdir().unwrap();
    let source = "-f lavfi -i testsrc2=size=320x180:rate=10:duration=6 -pix_fmt yuv420p";
    for (name, encoder) in [
        ("H.264", "-c:v libx264 -x264-params keyint=15:open-gop=1:bframes=4:b-pyramid=normal"),
        ("H.265", "-c:v libx265 -x265-params log-level=error:keyint=15"),
    ] {
        let path = directory.path().join("open.mp4");
        let arguments: Vec<&str> = source.split(' ').chain(encoder.split(' ')).collect();
        if !ffmpeg(&arguments, &path) {
            eprintln!("skipped: an open key frame of {name}: no ffmpeg with this encoder");
            continue;
        }
        let units = units_of(&path);
        let (whole, _) = feed_all(Pace::Every, &units);
        let start = units.iter().position(|unit| unit.access == Access::OpenKey).unwrap();
        let (pictures, errors) = feed_all(Pace::Every, &units[start..]);
        assert_eq!(errors, [], "{name}");
        assert_eq!(pictures[0].pts, units[start].pts, "{name}");
        assert!(pictures.len() > 20, "{name}");
        let is_same = |picture: &Picture| {
            let other = whole.iter().find(|other| other.pts == picture.pts);
            other.is_some_and(|other| other.image == picture.image)
        };
        assert!(pictures.iter().all(is_same), "{name}");
    }
}

#[test]
fn a_stream_beyond_us_is_unsupported_once() {
    let directory = tempfile::tempdir().unwrap();
    for (name, arguments) in [
        ("10 bits", "-c:v libx264 -pix_fmt yuv420p10le"),
        ("4:2:2", "-c:v libx264 -pix_fmt yuv422p"),
        ("interlaced", "-c:v libx264 -pix_fmt yuv420p -x264-params interlaced=1:keyint=3"),
        ("H.265 4:2:2", "-c:v libx265 -pix_fmt yuv422p -x265-params log-level=error"),
    ] {
        let path = directory.path().join("clip.mp4");
        let source = ["-f", "lavfi", "-i", "testsrc2=size=320x192:rate=10:duration=2"];
        let made: Vec<&str> = source.into_iter().chain(arguments.split(' ')).collect();
        if !ffmpeg(&made, &path) {
            eprintln!("skipped: {name}: no ffmpeg with this encoder");
            continue;
        }
        let (pictures, errors) = feed_all(Pace::Every, &units_of(&path));
        assert!(pictures.is_empty(), "{name}");
        assert!(matches!(errors[..], [DecodeError::Unsupported(_)]), "{name}: {errors:?}");
    }
}

#[test]
fn scaled_as_ffmpeg_does() {
    let Some(path) = clip("one-by-one-person-detection.mp4").filter(|_| has_ffmpeg()) else {
        eprintln!("skipped: scaled_as_ffmpeg_does: no shared clips or no ffmpeg");
        return;
    };
    let units = &units_of(&path)[..100];
    let (pictures, _) = feed_all(Pace::Every, units);
    for (format, name, filter, tolerance) in [
        (PixelFormat::I420, "yuv420p", "scale=320:180:flags=area", 0.6),
        (PixelFormat::Rgb24, "rgb24", "scale=320:180:flags=area+accurate_rnd", 2.0),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let raw = directory.path().join("raw");
        let input = ["-i", path.to_str().unwrap(), "-vframes", "80", "-vf", filter];
        let output = ["-pix_fmt", name, "-vsync", "0", "-f", "rawvideo"];
        assert!(ffmpeg(&[&input[..], &output].concat(), &raw));
        let raw = std::fs::read(raw).unwrap();
        let request = Request { format, width_max: 320, height_max: 320, fit: Fit::Preserve };
        let mut scaler = Scaler::new(request);
        let mut pixels = Vec::new();
        for (picture, expected) in pictures.iter().zip(raw.chunks(raw.len() / 80)) {
            assert_eq!(scaler.scale(&picture.image, &mut pixels), (320, 180));
            assert_eq!(pixels.len(), expected.len());
            let sum: u32 =
                pixels.iter().zip(expected).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
            let mean = f64::from(sum) / f64::from(u32::try_from(pixels.len()).unwrap());
            assert!(mean < tolerance, "{format:?} differs by {mean} on average");
        }
    }
}

#[test]
fn five_a_second_of_ten_leave_out_what_nothing_refers_to() {
    let Some(path) = clip("one-by-one-person-detection.mp4") else {
        eprintln!("skipped: five_a_second_of_ten: no shared clips");
        return;
    };
    let units = units_of(&path);
    let mut thrift = Thrift::new(Pace::AtMost(5.0));
    let wanted = units.iter().filter(|unit| thrift.wants(unit.pts, unit.access)).count();
    // 574 of 1394 are referred to; 697 slots are to be filled.
    assert!((697..900).contains(&wanted), "{wanted}");
    let (pictures, _) = feed_all(Pace::AtMost(5.0), &units[..200]);
    let mut due = Due::new(Pace::AtMost(5.0));
    let times: Vec<i64> = pictures
        .iter()
        .filter(|picture| due.is_due(picture.pts, picture.key))
        .map(|picture| picture.pts)
        .collect();
    assert!(times.len() >= 98, "{}", times.len());
    assert!(times.windows(2).all(|pair| (pair[1] - pair[0] - 18_000).abs() <= 9_002), "{times:?}");
}

/// Four closed groups of ten.
static H265: LazyLock<Option<Vec<VideoUnit>>> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("clip.mp4");
    let arguments = "-f lavfi -i testsrc2=size=128x96:rate=10:duration=4 -pix_fmt yuv420p \
                     -c:v libx265 -x265-params log-level=error:keyint=10:min-keyint=10:open-gop=0";
    let made = ffmpeg(&arguments.split_whitespace().collect::<Vec<_>>(), &path);
    if !made {
        eprintln!("skipped: damage_passes_in_h265: no ffmpeg with libx265");
    }
    made.then(|| units_of(&path))
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Damage passes in H.265 too.
    #[test]
    fn damage_passes_in_h265(
        flips in prop::collection::vec((0usize..24, any::<prop::sample::Index>(), 1u8..), 1..6),
    ) {
        let Some(whole) = &*H265 else { return Ok(()) };
        let mut units = whole.clone();
        for (index, place, bits) in flips {
            let mut data = units[index].data.to_vec();
            let at = 4 + place.index(data.len() - 4);
            data[at] ^= bits;
            units[index].data = data.into();
        }
        let (pictures, _) = feed_all(Pace::Every, &units);
        let ordered = pictures.is_sorted_by_key(|picture| picture.pts);
        prop_assert!(ordered && pictures.last().map(|picture| picture.pts) == Some(39 * 9000));
    }
}
