//! Tests of the recorder as a whole: a tape for a sink, a camera made of numbers, and a reader of
//! what was written that is not ours.

mod audio;
mod clips;
mod cuts;
mod events;
mod passage;
mod keys;
mod live;
mod scan;
mod times;

use std::collections::{BTreeMap, VecDeque};
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    Fragment, Full, GapMark, Mode, Recorder, RecorderConfig, Scan, SegmentEnd, SegmentStart, Sink,
};
use crate::base::Timestamp;
use crate::ingest::{Access, AudioFrame, AudioParameters, Codec, VideoParameters, VideoUnit};
use crate::policy::Span;

/// UTC of presentation time 0 of all cameras here.
const ZERO: Timestamp = Timestamp::ZERO;

/// Ticks of a picture: 25 a second.
const PICTURE: i64 = 3600;

fn utc(seconds: f64) -> Timestamp {
    Timestamp::from_micros(BASE_MICROS + (seconds * 1e6).round() as i64)
}

/// Away from 1970, so that spans may reach back.
const BASE_MICROS: i64 = 1_763_800_000_000_000;

fn utc_ticks(ticks: i64) -> Timestamp {
    ZERO.offset(BASE_MICROS + ticks * 100 / 9)
}

/// One file on the tape.
#[derive(Debug)]
struct Taped {
    start: SegmentStart,
    bytes: Vec<u8>,
    fragments: Vec<Fragment>,
    end: Option<SegmentEnd>,
}

/// A sink that keeps everything.
#[derive(Debug, Default)]
struct Tape {
    files: BTreeMap<u64, Taped>,
    gaps: Vec<GapMark>,
    /// What the next calls answer; then all is taken.
    answers: VecDeque<Result<(), Full>>,
}

impl Sink for Tape {
    fn open(&mut self, start: SegmentStart) -> Result<(), Full> {
        self.answers.pop_front().unwrap_or(Ok(()))?;
        let bytes = start.header.to_vec();
        let sequence = start.sequence;
        let taped = Taped { start, bytes, fragments: Vec::new(), end: None };
        assert!(self.files.insert(sequence, taped).is_none(), "sequence {sequence} twice");
        Ok(())
    }

    fn append(&mut self, sequence: u64, fragment: Fragment) -> Result<(), Full> {
        self.answers.pop_front().unwrap_or(Ok(()))?;
        let file = self.files.get_mut(&sequence).expect("opened before");
        assert!(file.end.is_none(), "append to a closed file");
        file.bytes.extend_from_slice(&fragment.data);
        file.fragments.push(fragment);
        Ok(())
    }

    fn close(&mut self, sequence: u64, end: SegmentEnd) {
        let file = self.files.get_mut(&sequence).expect("opened before");
        assert!(file.end.is_none(), "closed twice");
        file.bytes.extend_from_slice(&end.trailer);
        file.end = Some(end);
    }

    fn gap(&mut self, gap: GapMark) {
        self.gaps.push(gap);
    }
}

/// A sample as an independent reader finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    decode: i64,
    shown: i64,
    key: bool,
    data: Vec<u8>,
}

impl Taped {
    fn scan(&self) -> Scan {
        super::scan(&mut Cursor::new(&self.bytes)).unwrap()
    }

    /// The samples of a track (1 video, 2 audio), out of boxes that another library has read.
    /// Checks on the way that decode times increase, and that lengths add up to times.
    fn samples(&self, track: u32) -> Vec<Found> {
        let size = self.bytes.len() as u64;
        let file = mp4::Mp4Reader::read_header(Cursor::new(&self.bytes), size).unwrap();
        let mut found: Vec<Found> = Vec::new();
        let mut ends = None;
        for (moof, info) in file.moofs.iter().zip(self.scan().fragments) {
            let Some(traf) = moof.trafs.iter().find(|traf| traf.tfhd.track_id == track) else {
                continue;
            };
            let run = traf.trun.as_ref().unwrap();
            let mut decode = traf.tfdt.as_ref().unwrap().base_media_decode_time as i64;
            assert!(track != 1 || ends.is_none_or(|ends| ends == decode), "lengths add up");
            let mut at = info.moof_offset as usize + run.data_offset.unwrap() as usize;
            for index in 0..run.sample_count as usize {
                let size = run.sample_sizes[index] as usize;
                let offset = run.sample_cts.get(index).map_or(0, |offset| offset.cast_signed());
                let first = run.first_sample_flags.filter(|_| index == 0);
                let flags = run.sample_flags.get(index).copied().or(first).unwrap_or(0);
                let duration = i64::from(run.sample_durations[index]);
                let shown = decode + i64::from(offset);
                let data = self.bytes[at..at + size].to_vec();
                found.push(Found { decode, shown, key: flags & 0x1_0000 == 0, data });
                at += size;
                decode += duration;
            }
            ends = Some(decode);
        }
        assert!(found.windows(2).all(|pair| pair[0].decode < pair[1].decode), "decode times");
        found
    }

    /// Checks what must hold of every closed file.
    fn check(&self) {
        let scan = self.scan();
        assert!(scan.complete, "{:?}", self.start.sequence);
        assert_eq!(scan.fragments.len(), self.fragments.len());
        let identity = scan.identity.as_ref().unwrap();
        assert_eq!(identity.sequence, self.start.sequence);
        assert_eq!(identity.start, self.start.start);
        for (info, fragment) in scan.fragments.iter().zip(&self.fragments) {
            assert_eq!((info.samples, info.key), (fragment.samples, fragment.key));
            assert_eq!(info.start_ticks, fragment.start_ticks);
        }
        let trailer = super::trailer(&scan.fragments);
        assert!(self.bytes.len() >= trailer.len());
    }
}

fn video_parameters(codec: Codec, version: u8) -> Arc<VideoParameters> {
    // A visual sample entry with the smallest `avcC`, for readers that insist on one.
    let mut entry = vec![0; 8 + 78];
    entry.extend_from_slice(&[
        0, 0, 0, 15, b'a', b'v', b'c', b'C', 1, 0x4d, version, 0x1f, 255, 224, 0,
    ]);
    let size = entry.len() as u32;
    entry[..4].copy_from_slice(&size.to_be_bytes());
    entry[4..8].copy_from_slice(b"avc1");
    Arc::new(VideoParameters {
        codec,
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

/// A camera made of numbers: what it sends can be told from every other unit.
struct Camera {
    parameters: Arc<VideoParameters>,
    session: u64,
    epoch: u32,
    start: Instant,
    sent: u64,
}

impl Camera {
    fn new() -> Self {
        Self {
            parameters: video_parameters(Codec::H264, 0),
            session: 0,
            epoch: 0,
            start: Instant::now(),
            sent: 0,
        }
    }

    /// A unit that is shown at `pts` and arrives at `arrived` ticks.
    fn unit(&mut self, access: Access, pts: i64, arrived: i64) -> VideoUnit {
        self.sent += 1;
        let mut data = vec![0, 0, 0, 12, 0x65];
        data.extend_from_slice(&self.sent.to_be_bytes());
        data.extend_from_slice(&[1, 2, 3]);
        VideoUnit {
            parameters: Arc::clone(&self.parameters),
            session: self.session,
            epoch: self.epoch,
            pts,
            time: utc_ticks(pts),
            arrived: self.at(arrived),
            access,
            damaged: false,
            data: Bytes::from(data),
        }
    }

    fn at(&self, ticks: i64) -> Instant {
        self.start + Duration::from_micros(u64::try_from(ticks * 100 / 9).unwrap())
    }

    /// The next picture of a stream without reordering, a key frame every `group`.
    fn picture(&mut self, index: i64, group: i64) -> VideoUnit {
        let access = if index % group == 0 { Access::Key } else { Access::Reference };
        self.unit(access, index * PICTURE, index * PICTURE)
    }
}

fn recorder(mode: Mode, segment_seconds: u64) -> Recorder<Tape> {
    let config = RecorderConfig {
        camera: "gate".into(),
        store_id: [9; 16],
        mode,
        segment: Duration::from_secs(segment_seconds),
        preroll: Duration::from_secs(60),
        preroll_bytes: 64 << 20,
        next_sequence: 1,
    };
    Recorder::new(config, Tape::default())
}

/// Gives a unit at the time of its arrival, and the timer's calls before it.
fn feed(recorder: &mut Recorder<Tape>, unit: VideoUnit) {
    while let Some(deadline) = recorder.deadline().filter(|deadline| *deadline <= unit.arrived) {
        recorder.tick(deadline);
        assert!(recorder.deadline().is_none_or(|next| next > deadline), "the timer must advance");
    }
    let now = unit.arrived;
    recorder.video(unit, now);
}

fn span(id: &str, start: f64, end: f64) -> Span {
    Span {
        id: id.into(),
        camera: "gate".into(),
        policy: "test".into(),
        start: utc(start),
        end: utc(end),
        keep: None,
        label: String::new(),
        because: Vec::new(),
        correlation: None,
    }
}

/// All video data in order of the files' sequence.
fn recorded(tape: &Tape) -> Vec<Vec<u8>> {
    tape.files.values().flat_map(|file| file.samples(1)).map(|sample| sample.data).collect()
}

fn audio_frame(session: u64, index: i64, offset_micros: i64) -> AudioFrame {
    AudioFrame {
        parameters: audio_parameters(),
        session,
        pts: 77_000 + index * 1024,
        time: ZERO.offset(BASE_MICROS + index * 1024 * 1_000_000 / 48_000 + offset_micros),
        data: Bytes::from(index.to_be_bytes().to_vec()),
    }
}
