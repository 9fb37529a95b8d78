//! What is in a media file, as ffmpeg sees it: a reader that is not ours.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::hash::md5;

/// One coded slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// MD5 of its NAL unit.
    pub md5: String,
    /// It belongs to a picture at which decoding can start: H.264 type 5, H.265 types 16 to 21.
    pub key: bool,
}

/// All coded slices of a file's video (H.264 NAL types 1-5, H.265 0-31) in order of decoding.
pub fn slices(file: &Path) -> Vec<Slice> {
    slices_by(file, ffmpeg_output)
}

/// The same of what changes its parameters in the middle: ffmpeg passes the slices on as they are, but
/// reads all of them by the first parameters, and complains.
pub fn slices_of_several(file: &Path) -> Vec<Slice> {
    slices_by(file, |file, arguments| ffmpeg(file, arguments).stdout)
}

fn slices_by(file: &Path, output: fn(&Path, &[&str]) -> Vec<u8>) -> Vec<Slice> {
    let codec = video_codec(file);
    let (filter, format) = match codec.as_str() {
        // Times of their own: ffmpeg rounds those of the file to the frame rate, and finds some equal.
        "h264" => ("h264_mp4toannexb,setts=ts=N", "h264"),
        "hevc" => ("hevc_mp4toannexb,setts=ts=N", "hevc"),
        other => panic!("{}: no coded slices of {other}", file.display()),
    };
    let arguments = ["-map", "0:v:0", "-c", "copy", "-bsf:v", filter, "-f", format, "-"];
    let stream = output(file, &arguments);
    let slice = |nal: &[u8]| {
        let (slice, key) = match codec.as_str() {
            "h264" => ((1..=5).contains(&(nal[0] & 0x1f)), nal[0] & 0x1f == 5),
            _ => (nal[0] >> 1 & 0x3f <= 31, (16..=21).contains(&(nal[0] >> 1 & 0x3f))),
        };
        slice.then(|| Slice { md5: md5(nal), key })
    };
    nals(&stream).into_iter().filter_map(slice).collect()
}

/// The coded slices of a file's H.264 video, after ffmpeg has decoded all of the file. Panics
/// where it finds anything wrong.
pub fn whole_slices(file: &Path) -> Vec<Slice> {
    let copy = ["-map", "0:v:0", "-c", "copy", "-bsf:v", "h264_mp4toannexb,setts=ts=N"];
    let arguments = [&["-map", "0", "-f", "null", "-"], &copy[..], &["-f", "h264", "-"]].concat();
    let stream = ffmpeg_output(file, &arguments);
    let slices = nals(&stream).into_iter().filter(|nal| (1..=5).contains(&(nal[0] & 0x1f)));
    slices.map(|nal| Slice { md5: md5(nal), key: nal[0] & 0x1f == 5 }).collect()
}

/// The NAL units of a byte stream (annex B of H.264 and H.265).
fn nals(stream: &[u8]) -> Vec<&[u8]> {
    let mut nals = Vec::new();
    let mut start = None;
    let mut at = 0;
    while at + 3 <= stream.len() {
        if stream[at..at + 3] != [0, 0, 1] {
            at += 1;
            continue;
        }
        if let Some(start) = start {
            nals.push(trimmed(&stream[start..at]));
        }
        at += 3;
        start = Some(at);
    }
    if let Some(start) = start {
        nals.push(trimmed(&stream[start..]));
    }
    nals.retain(|nal| !nal.is_empty());
    nals
}

/// Without the zeros that may follow a NAL unit: it never ends with one itself.
fn trimmed(mut nal: &[u8]) -> &[u8] {
    while let [rest @ .., 0] = nal {
        nal = rest;
    }
    nal
}

/// Times of one packet, in seconds' parts of the stream's time base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Presentation.
    pub pts: i64,
    /// Decoding.
    pub dts: i64,
}

#[derive(Deserialize)]
struct Probe {
    #[serde(default)]
    packets: Vec<ProbePacket>,
    #[serde(default)]
    streams: Vec<ProbeStream>,
}

#[derive(Deserialize)]
struct ProbePacket {
    pts: Option<i64>,
    dts: Option<i64>,
}

#[derive(Deserialize)]
struct ProbeStream {
    codec_name: String,
    time_base: String,
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
}

/// Times of a stream's packets in ticks of `rate` a second, in order of decoding. `stream` is
/// ffmpeg's, for example `v:0`.
pub fn times(file: &Path, stream: &str, rate: i64) -> Vec<Times> {
    let probe = probe(file, stream, "packet=pts,dts:stream=codec_name,time_base");
    let base = &probe.streams.first().expect("the stream is there").time_base;
    let (number, of) = base.split_once('/').expect("a time base is a fraction");
    let (number, of): (i64, i64) =
        (number.parse().expect("a number"), of.parse().expect("a number"));
    // Those of playback count from 1970.
    let parts = |ticks: i64| i128::from(ticks) * i128::from(number) * i128::from(rate);
    let scaled = |ticks: Option<i64>| {
        let parts = parts(ticks.expect("a packet has times")) / i128::from(of);
        i64::try_from(parts).expect("a time")
    };
    let packets = probe.packets.iter();
    packets.map(|packet| Times { pts: scaled(packet.pts), dts: scaled(packet.dts) }).collect()
}

/// Width and height of the first video stream, in pixels.
pub fn size(file: &Path) -> (u32, u32) {
    let stream = probe(file, "v:0", "stream=codec_name,time_base,width,height").streams.remove(0);
    (stream.width, stream.height)
}

/// ffmpeg's name of the codec of the first video stream.
pub fn video_codec(file: &Path) -> String {
    let mut streams = probe(file, "v:0", "stream=codec_name,time_base").streams;
    assert_eq!(streams.len(), 1, "{}: a video stream", file.display());
    streams.remove(0).codec_name
}

fn probe(file: &Path, stream: &str, entries: &str) -> Probe {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", stream, "-show_entries", entries, "-of", "json"])
        .arg(file)
        .output()
        .expect("ffprobe runs");
    assert!(output.status.success(), "ffprobe {}: {}", file.display(), said(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("ffprobe writes JSON")
}

/// MD5 of each decoded picture, in order of presentation. Panics where anything does not decode.
pub fn pictures(file: &Path) -> Vec<String> {
    // Every picture once, whatever the times say.
    frame_hashes(file, &["-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-"])
}

/// MD5 of each raw audio frame, in order.
pub fn audio_frames(file: &Path) -> Vec<String> {
    frame_hashes(file, &["-map", "0:a:0", "-c", "copy", "-f", "framemd5", "-"])
}

fn frame_hashes(file: &Path, arguments: &[&str]) -> Vec<String> {
    let output = ffmpeg_output(file, arguments);
    let text = String::from_utf8(output).expect("framemd5 is text");
    let hash = |line: &str| line.rsplit(',').next().map(|hash| hash.trim().to_owned());
    text.lines().filter(|line| !line.starts_with('#')).filter_map(hash).collect()
}

/// Panics where ffmpeg finds anything wrong while it decodes all streams of a file.
pub fn assert_decodes(file: &Path) {
    ffmpeg_output(file, &["-map", "0", "-f", "null", "-"]);
}

fn ffmpeg(file: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-threads", "1", "-i"]).arg(file).args(arguments);
    command.output().expect("ffmpeg runs")
}

fn ffmpeg_output(file: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = ffmpeg(file, arguments);
    let said = said(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{}: {said}", file.display());
    output.stdout
}

/// Makes a clip: `arguments` are ffmpeg's, without the output.
pub fn make(arguments: &[&str], file: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y"]).args(arguments).arg(file);
    let output = command.output().expect("ffmpeg runs");
    assert!(output.status.success(), "ffmpeg {arguments:?}: {}", said(&output.stderr));
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nal_units_end_at_start_codes() {
        let stream = [0, 0, 0, 1, 7, 9, 0, 0, 1, 8, 0, 0, 0, 1];
        assert_eq!(nals(&stream), [&[7_u8, 9][..], &[8]]);
        assert!(nals(&[1, 2]).is_empty());
    }
}
