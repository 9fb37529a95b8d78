//! Export from recorded segments: a camera made of numbers, the real recorder, and readers that
//! are not ours.

mod ranges;
mod breaks;
pub(crate) mod store;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::film::Film;
use super::plan::{Plan, Planner, Rules};
use super::{Gaps, Wanted};
use crate::base::Timestamp;
use crate::ingest::{Access, AudioFrame, AudioParameters, Codec, VideoParameters, VideoUnit};
use crate::record::tables::{Tables, tables};
use crate::record::{
    Fragment, Full, GapMark, Mode, Recorder, RecorderConfig, SegmentEnd, SegmentStart, Sink, movie,
};

/// Ticks of a picture: 25 a second.
const PICTURE: i64 = 3600;
const BASE_MICROS: i64 = 1_763_800_000_000_000;

/// UTC of ticks of 90 kHz of the camera's life.
fn utc(ticks: i64) -> Timestamp {
    Timestamp::from_micros(BASE_MICROS + ticks * 100 / 9)
}

pub(crate) fn seconds(seconds: f64) -> Timestamp {
    Timestamp::from_micros(BASE_MICROS + (seconds * 1e6) as i64)
}

fn wanted(from: f64, to: f64) -> Wanted {
    Wanted { from: seconds(from), to: seconds(to) }
}

/// The bytes of each segment, by its sequence.
#[derive(Default)]
struct Tape(BTreeMap<u64, Vec<u8>>);

impl Sink for Tape {
    fn open(&mut self, start: SegmentStart) -> Result<(), Full> {
        self.0.insert(start.sequence, start.header.to_vec());
        Ok(())
    }

    fn append(&mut self, sequence: u64, fragment: Fragment) -> Result<(), Full> {
        self.0.get_mut(&sequence).unwrap().extend_from_slice(&fragment.data);
        Ok(())
    }

    fn close(&mut self, sequence: u64, end: SegmentEnd) {
        self.0.get_mut(&sequence).unwrap().extend_from_slice(&end.trailer);
    }

    fn gap(&mut self, _: GapMark) {}
}

/// What a camera sends without an interruption.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Pictures in each group.
    pub(crate) groups: Vec<u8>,
    /// Every other picture is shown before the one that is decoded before it.
    pub(crate) reorder: bool,
    /// Groups after the first begin with a picture that needs the group before.
    pub(crate) open: bool,
    /// Ticks without video before it; 0: it goes on.
    pub(crate) gap: i64,
    /// Another one is other parameters.
    pub(crate) version: u8,
    /// Counts steps of the clock.
    pub(crate) epoch: u32,
    /// How far the clock is ahead, in microseconds.
    pub(crate) ahead: i64,
}

impl Part {
    pub(crate) fn plain(seconds: u8) -> Self {
        let groups = vec![25; usize::from(seconds)];
        Self { groups, reorder: false, open: false, gap: 0, version: 0, epoch: 0, ahead: 0 }
    }

    /// Offsets, in pictures, in the order of decoding, and what each is.
    fn group(&self, index: usize) -> Vec<(i64, Access)> {
        let count = i64::from(self.groups[index]);
        let is_open = self.open && self.reorder && index > 0 && count > 1;
        let mut order = Vec::new();
        let mut next = 0;
        if is_open {
            order.extend([(1, Access::OpenKey), (0, Access::Disposable)]);
            next = 2;
        } else {
            order.push((0, Access::Key));
            next += 1;
        }
        while next < count {
            if self.reorder && next + 1 < count {
                order.extend([(next + 1, Access::Reference), (next, Access::Disposable)]);
                next += 2;
            } else {
                order.push((next, Access::Reference));
                next += 1;
            }
        }
        order
    }
}

/// One picture that was sent.
#[derive(Clone, Debug)]
struct Sent {
    time: Timestamp,
    data: Bytes,
}

/// A recorded camera.
struct Recorded {
    files: Vec<Vec<u8>>,
    /// In order of epoch and showing.
    video: Vec<Sent>,
    audio: Vec<Sent>,
}

fn video_parameters(version: u8) -> Arc<VideoParameters> {
    let mut entry = vec![0; 8 + 78];
    entry.extend_from_slice(&[
        0, 0, 0, 15, b'a', b'v', b'c', b'C', 1, 0x4d, version, 0x1f, 255, 224, 0,
    ]);
    let size = entry.len() as u32;
    entry[..4].copy_from_slice(&size.to_be_bytes());
    // Version 9 is another codec.
    entry[4..8].copy_from_slice(if version == 9 { b"hvc1" } else { b"avc1" });
    Arc::new(VideoParameters {
        codec: Codec::H264,
        width: 640,
        height: 480,
        rfc6381: "avc1.4d401f".into(),
        sample_entry: Bytes::from(entry),
        decoder_config: Bytes::from(vec![1, 0x4d, 0x40, 0x1f, version]),
    })
}

fn audio_parameters() -> Arc<AudioParameters> {
    let mut entry = vec![0; 8 + 28];
    let size = entry.len() as u32;
    entry[..4].copy_from_slice(&size.to_be_bytes());
    entry[4..8].copy_from_slice(b"mp4a");
    entry[17] = 2;
    Arc::new(AudioParameters {
        rfc6381: "mp4a.40.2".into(),
        sample_entry: Bytes::from(entry),
        clock_rate: 48_000,
        frame_ticks: 1024,
    })
}

/// Sends `parts` to `recorder`. Gives what was sent.
fn send<S: Sink>(
    parts: &[Part],
    with_audio: bool,
    recorder: &mut Recorder<S>,
) -> (Vec<Sent>, Vec<Sent>) {
    let began = Instant::now();
    let (video_parameters, audio_parameters): (Vec<_>, _) =
        ((0..10).map(video_parameters).collect(), audio_parameters());
    let (mut at, mut session, mut number) = (0, 0, 0_u64);
    let mut frame = 1;
    let (mut video, mut audio) = (Vec::new(), Vec::new());
    for part in parts {
        if part.gap > 0 {
            (at, session) = (at + part.gap, session + 1);
            frame = at * 48 / 90 / 1024 + 1;
        }
        let mut shown = Vec::new();
        let arrival = |ticks: i64| began + Duration::from_micros((ticks * 100 / 9) as u64);
        for group in 0..part.groups.len() {
            for (offset, access) in part.group(group) {
                let pts = at + offset * PICTURE;
                number += 1;
                let mut data = vec![0, 0, 0, 12, 0x65];
                data.extend_from_slice(&number.to_be_bytes());
                data.extend_from_slice(&[1, 2, 3]);
                let data = Bytes::from(data);
                let time = utc(pts).offset(part.ahead);
                shown.push(Sent { time, data: data.clone() });
                let parameters = Arc::clone(&video_parameters[usize::from(part.version)]);
                let arrived = arrival(pts);
                while let Some(due) = recorder.deadline().filter(|due| *due <= arrived) {
                    recorder.tick(due);
                }
                let (epoch, damaged) = (part.epoch, false);
                let unit = VideoUnit {
                    parameters,
                    session,
                    epoch,
                    pts,
                    time,
                    arrived,
                    access,
                    damaged,
                    data,
                };
                recorder.video(unit, arrived);
                while with_audio && frame * 1024 * 90 / 48 <= pts {
                    let ticks = frame * 1024 * 90 / 48;
                    let time = utc(ticks).offset(part.ahead);
                    let data = Bytes::from((frame | 1 << 40).to_be_bytes().to_vec());
                    audio.push(Sent { time, data: data.clone() });
                    let parameters = Arc::clone(&audio_parameters);
                    let frame_at =
                        AudioFrame { parameters, session, pts: frame * 1024, time, data };
                    recorder.audio(frame_at, arrived);
                    frame += 1;
                }
            }
            at += i64::from(part.groups[group]) * PICTURE;
        }
        shown.sort_by_key(|sent| sent.time);
        video.extend(shown);
    }
    recorder.finish(began + Duration::from_micros((at * 100 / 9) as u64));
    (video, audio)
}

fn config(segment_seconds: u64) -> RecorderConfig {
    RecorderConfig {
        camera: "gate".into(),
        store_id: [9; 16],
        mode: Mode::Continuous,
        segment: Duration::from_secs(segment_seconds),
        preroll: Duration::from_secs(60),
        preroll_bytes: 64 << 20,
        next_sequence: 1,
    }
}

fn record(parts: &[Part], with_audio: bool, segment_seconds: u64) -> Recorded {
    let mut recorder = Recorder::new(config(segment_seconds), Tape::default());
    let (video, audio) = send(parts, with_audio, &mut recorder);
    let files = std::mem::take(&mut recorder.sink_mut().0).into_values().collect();
    Recorded { files, video, audio }
}

fn read(file: &[u8]) -> Tables {
    tables(&mut Cursor::new(file), file.len() as u64).unwrap().expect("a segment of ours")
}

fn plan_of(recorded: &Recorded, rules: Rules) -> crate::base::Result<Plan> {
    let mut planner = Planner::new(rules);
    for (index, file) in recorded.files.iter().enumerate() {
        planner.take(index, read(file))?;
    }
    Ok(planner.finish())
}

/// A picture or frame as another library finds it in a written file.
#[derive(Clone, Debug)]
struct Found {
    decode: i64,
    shown: i64,
    data: Vec<u8>,
}

/// A file as another library reads it, and what its edits show.
struct Played {
    bytes: Vec<u8>,
    video: Vec<Found>,
    audio: Vec<Found>,
    edits: Vec<Vec<movie::Edit>>,
}

impl Played {
    fn of(film: &mut Film, files: &[Vec<u8>]) -> Self {
        let tracks = film.tracks();
        let mut bytes = movie::head(&movie::Facts::default(), &tracks, film.payload());
        for copy in &film.copies {
            let from = copy.offset as usize;
            bytes.extend_from_slice(&files[copy.source][from..from + copy.bytes as usize]);
        }
        let edits = tracks.iter().map(|track| track.edits.clone()).collect();
        let mp4 = re_mp4::Mp4::read_bytes(&bytes).unwrap();
        let of = |number: u32| {
            let track = mp4.tracks().values().find(|track| track.track_id == number);
            let samples = track.map(|track| track.samples.clone()).unwrap_or_default();
            let shift = tracks.get(number as usize - 1).map_or(0, first_shown);
            let found = samples.iter().map(|sample| Found {
                decode: sample.decode_timestamp + shift,
                shown: sample.composition_timestamp + shift,
                data: bytes[sample.byte_range()].to_vec(),
            });
            found.collect::<Vec<_>>()
        };
        let (video, audio) = (of(1), of(2));
        mp4::Mp4Reader::read_header(Cursor::new(&bytes), bytes.len() as u64).unwrap();
        Self { video, audio, edits, bytes }
    }

    /// What a player shows of the video, in order, and when.
    fn shown(&self) -> Vec<(i64, Vec<u8>)> {
        let mut all = Vec::new();
        let mut at = 0;
        for edit in &self.edits[0] {
            let media = edit.media.map_or(i64::MAX, |media| media as i64);
            let end = media.saturating_add(edit.duration as i64);
            let inside = self.video.iter().filter(|found| (media..end).contains(&found.shown));
            let mut scene: Vec<_> =
                inside.map(|found| (at + found.shown - media, found.data.clone())).collect();
            scene.sort();
            all.extend(scene);
            at += edit.duration as i64;
        }
        all
    }
}

/// What that library subtracts from all times.
fn first_shown(track: &movie::Track) -> i64 {
    let mut decode = 0;
    let shown = track.samples.iter().map(|sample| {
        let shown = decode + i64::from(sample.offset);
        decode += i64::from(sample.duration);
        shown
    });
    shown.min().unwrap_or(0)
}

/// No test is about the order of decoding, and all depend on it.
fn check_decodable(played: &Played) {
    assert!(played.video.windows(2).all(|pair| pair[0].decode < pair[1].decode), "decode times");
    assert!(played.audio.windows(2).all(|pair| pair[0].decode < pair[1].decode), "audio times");
}

fn rules(wanted: Wanted) -> Rules {
    Rules { wanted, gaps: Gaps::Hold, one_file: false }
}
