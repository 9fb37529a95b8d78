//! Writes the boxes of a segment: `ftyp moov (moof mdat)* mfra` (ISO/IEC 14496-12).
//!
//! Takes samples whose times are decided already, gives bytes. With its child, the only one that
//! names `mp4_atom`. Sample entries are put in as they come: they are the camera's, not ours.

pub mod movie;

use bytes::{BufMut as _, Bytes};
use mp4_atom::{
    BufMut, Dinf, Dref, Encode, FourCC, Ftyp, Hdlr, Mdhd, Mfhd, Mfra, Mfro, Mvex, Mvhd, Prft,
    ReferenceTime, Smhd, Stco, Stsc, Stsz, Stts, Tfdt, Tfhd, Tfra, Tkhd, Trex, Trun, TrunEntry,
    TrunSamples, Url, Vmhd,
};

use super::format::{self, IDENTITY_TYPE, Identity};
use super::ticks_to_micros;
use crate::base::Timestamp;
use crate::ingest::packet::{AudioParameters, VIDEO_TICKS, VideoParameters};

/// The track number of the video.
pub(super) const VIDEO_TRACK: u32 = 1;
/// The track number of the audio, where there is any.
pub(super) const AUDIO_TRACK: u32 = 2;

/// Sample flags (ISO/IEC 14496-12, 8.8.3.1): can't be started at.
pub(super) const NOT_SYNC: u32 = 0x0001_0000;
/// It depends on no other sample.
const INDEPENDENT: u32 = 0x0200_0000;
/// It depends on others.
const DEPENDENT: u32 = 0x0100_0000;
/// No other sample depends on it.
const DISPOSABLE: u32 = 0x0080_0000;
/// It is shown before the key frame that precedes it, and needs what came before that.
const LEADING: u32 = 0x0400_0000;

/// Seconds from 1900 (NTP, RFC 5905) to 1970.
const NTP_OFFSET: u64 = 2_208_988_800;

/// What a player must know of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A start of decoding.
    Key,
    /// Others refer to it.
    Reference,
    /// Nothing refers to it.
    Disposable,
    /// Follows an open key frame, is shown before it.
    Leading,
}

impl Role {
    fn flags(self) -> u32 {
        match self {
            Self::Key => INDEPENDENT,
            Self::Reference => DEPENDENT | NOT_SYNC,
            Self::Disposable => DEPENDENT | NOT_SYNC | DISPOSABLE,
            Self::Leading => DEPENDENT | NOT_SYNC | LEADING,
        }
    }
}

/// One sample in a run.
#[derive(Debug)]
pub(super) struct Sample {
    /// Ticks of its track until the next sample is decoded.
    pub(super) duration: u32,
    /// Presentation time less decode time, in ticks of its track.
    pub(super) offset: i32,
    /// What it is.
    pub(super) role: Role,
    /// Its bytes.
    pub(super) data: Bytes,
}

/// The samples of one track in a fragment.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// Decode time of the first, in ticks of the track from the file's start.
    pub(super) decode: u64,
    /// In decoding order.
    pub(super) samples: Vec<Sample>,
}

impl Run {
    fn bytes(&self) -> usize {
        self.samples.iter().map(|sample| sample.data.len()).sum()
    }
}

/// What only the first fragment of a file carries.
#[derive(Debug)]
pub(super) struct Opening {
    /// Who wrote the file.
    pub(super) identity: Identity,
}

/// A fragment to be written.
#[derive(Debug)]
pub(super) struct Parts {
    /// Counts fragments of the file from 1.
    pub(super) number: u32,
    /// For the first one.
    pub(super) opening: Option<Opening>,
    /// Video, perhaps none.
    pub(super) video: Run,
    /// Audio, perhaps none.
    pub(super) audio: Run,
}

impl Parts {
    /// About the bytes that they become.
    fn room(&self) -> usize {
        let samples = self.video.samples.len() + self.audio.samples.len();
        self.video.bytes() + self.audio.bytes() + 16 * samples + 512
    }
}

/// A key frame in the index at the end of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Presentation time, in ticks of 90 kHz from the file's start.
    pub(super) ticks: i64,
    /// Where the `moof` stands in the file.
    pub(super) moof_offset: u64,
    /// The sample's number in the run, from 1.
    pub(super) sample: u32,
}

/// `ftyp` and `moov`.
pub(super) fn header(video: &VideoParameters, audio: Option<&AudioParameters>) -> Bytes {
    let mut out = Vec::with_capacity(1024 + video.sample_entry.len());
    encode(
        &Ftyp {
            major_brand: b"iso6".into(),
            minor_version: 0,
            compatible_brands: vec![b"iso6".into(), b"iso5".into(), b"mp41".into()],
        },
        &mut out,
    );
    atom(&mut out, b"moov", |out| {
        let next_track_id = AUDIO_TRACK + u32::from(audio.is_some());
        encode(
            &Mvhd {
                timescale: VIDEO_TICKS as u32,
                rate: 1.into(),
                volume: 1.into(),
                next_track_id,
                ..Mvhd::default()
            },
            out,
        );
        video_track(out, video);
        if let Some(audio) = audio {
            audio_track(out, audio);
        }
        let trex = |track_id, duration, flags| Trex {
            track_id,
            default_sample_description_index: 1,
            default_sample_duration: duration,
            default_sample_size: 0,
            default_sample_flags: flags,
        };
        let mut tracks = vec![trex(VIDEO_TRACK, 0, Role::Reference.flags())];
        tracks.extend(audio.map(|audio| trex(AUDIO_TRACK, audio.frame_ticks, Role::Key.flags())));
        encode(&Mvex { mehd: None, trex: tracks }, out);
    });
    Bytes::from(out)
}

/// A whole fragment, and where in it the `moof` begins.
pub(super) fn fragment(parts: Parts) -> (Bytes, usize) {
    let mut out = Vec::with_capacity(parts.room());
    format::reserve(&mut out);
    if let Some(opening) = &parts.opening {
        producer_time(&mut out, opening.identity.start, 0);
        atom(&mut out, b"uuid", |out| {
            out.put_slice(&IDENTITY_TYPE);
            opening.identity.encode(out);
        });
    }
    let moof = out.len();
    samples(&mut out, &parts);
    (format::seal(out), moof)
}

/// A fragment for a player that is fed as it is made: nothing of our own in it. `zero`: UTC of
/// decode time 0, where that is to be said.
pub(super) fn piece(parts: &Parts, zero: Option<Timestamp>) -> Bytes {
    let mut out = Vec::with_capacity(parts.room());
    if let Some(zero) = zero {
        let decode = i64::try_from(parts.video.decode).unwrap_or(i64::MAX);
        producer_time(&mut out, zero.offset(ticks_to_micros(decode)), parts.video.decode);
    }
    samples(&mut out, parts);
    Bytes::from(out)
}

/// `moof` and `mdat`.
fn samples(out: &mut Vec<u8>, parts: &Parts) {
    let begin = out.len();
    let mut offsets = Vec::with_capacity(2);
    atom(out, b"moof", |out| {
        encode(&Mfhd { sequence_number: parts.number }, out);
        if !parts.video.samples.is_empty() {
            offsets.push((run(out, VIDEO_TRACK, &parts.video), 0));
        }
        if !parts.audio.samples.is_empty() {
            offsets.push((run(out, AUDIO_TRACK, &parts.audio), parts.video.bytes()));
        }
    });
    let data = out.len() + 8 - begin;
    for (place, before) in offsets {
        out.set_slice(place, &fit(data + before).to_be_bytes());
    }
    out.put_u32(fit(parts.video.bytes() + parts.audio.bytes() + 8));
    out.put_slice(b"mdat");
    for sample in parts.video.samples.iter().chain(&parts.audio.samples) {
        out.extend_from_slice(&sample.data);
    }
}

/// `mfra`: where the key frames are.
pub(super) fn trailer(entries: &[Entry]) -> Bytes {
    let index = Tfra {
        track_id: VIDEO_TRACK,
        entries: entries
            .iter()
            .map(|entry| mp4_atom::FragmentInfo {
                time: u64::try_from(entry.ticks).unwrap_or(0),
                moof_offset: entry.moof_offset,
                traf_number: 1,
                trun_number: 1,
                sample_delta: entry.sample,
            })
            .collect(),
    };
    let mut out = Vec::with_capacity(64 + 19 * entries.len());
    encode(&Mfra { tfra: vec![index], mfro: Mfro::default() }, &mut out);
    // `mfro` says, at the very end, how far back `mfra` begins.
    let size = fit(out.len());
    let place = out.len() - 4;
    out.set_slice(place, &size.to_be_bytes());
    Bytes::from(out)
}

/// `prft` (8.16.5): this decode time, in ticks of 90 kHz, was at this time of day.
fn producer_time(out: &mut Vec<u8>, time: Timestamp, media_time: u64) {
    let micros = u64::try_from(time.micros()).unwrap_or(0);
    let fraction = ((micros % 1_000_000) << 32) / 1_000_000;
    encode(
        &Prft {
            reference_track_id: VIDEO_TRACK,
            // NTP seconds wrap in 2036; `prft` has no era.
            ntp_timestamp: (((micros / 1_000_000 + NTP_OFFSET) & 0xffff_ffff) << 32) | fraction,
            media_time,
            utc_time_semantics: ReferenceTime::RealTime,
        },
        out,
    );
}

/// One `traf`; gives the place of its data offset.
fn run(out: &mut Vec<u8>, track_id: u32, run: &Run) -> usize {
    let mut place = 0;
    atom(out, b"traf", |out| {
        encode(&Tfhd { track_id, default_base_is_moof: true, ..Tfhd::default() }, out);
        encode(&Tfdt { base_media_decode_time: run.decode }, out);
        place = out.len() + 16;
        let audio = track_id == AUDIO_TRACK;
        let reordered = run.samples.iter().any(|sample| sample.offset != 0);
        let entry = |sample: &Sample| TrunEntry {
            duration: Some(sample.duration),
            size: Some(fit(sample.data.len())),
            flags: (!audio).then(|| sample.role.flags()),
            cts: reordered.then(|| sample.offset.into()),
        };
        let samples = TrunSamples::Explicit(run.samples.iter().map(entry).collect());
        encode(&Trun { data_offset: Some(0), samples }, out);
    });
    place
}

fn video_track(out: &mut Vec<u8>, video: &VideoParameters) {
    let pixels = |size: u32| u16::try_from(size).unwrap_or(u16::MAX).into();
    atom(out, b"trak", |out| {
        encode(
            &Tkhd {
                track_id: VIDEO_TRACK,
                enabled: true,
                in_movie: true,
                width: pixels(video.width),
                height: pixels(video.height),
                ..Tkhd::default()
            },
            out,
        );
        atom(out, b"mdia", |out| {
            media_header(out, VIDEO_TICKS as u32, b"vide", 0, 0);
            atom(out, b"minf", |out| {
                encode(&Vmhd::default(), out);
                sample_table(out, &video.sample_entry);
            });
        });
    });
}

fn audio_track(out: &mut Vec<u8>, audio: &AudioParameters) {
    atom(out, b"trak", |out| {
        encode(
            &Tkhd {
                track_id: AUDIO_TRACK,
                enabled: true,
                in_movie: true,
                volume: 1.into(),
                ..Tkhd::default()
            },
            out,
        );
        atom(out, b"mdia", |out| {
            media_header(out, audio.clock_rate, b"soun", 0, 0);
            atom(out, b"minf", |out| {
                encode(&Smhd::default(), out);
                sample_table(out, &audio.sample_entry);
            });
        });
    });
}

/// `mdhd` and `hdlr`. `created` counts seconds from 1904, `duration` ticks of the track.
fn media_header(out: &mut Vec<u8>, timescale: u32, handler: &[u8; 4], created: u64, duration: u64) {
    let (creation_time, modification_time) = (created, created);
    let language = "und".into();
    encode(&Mdhd { creation_time, modification_time, timescale, duration, language }, out);
    encode(&Hdlr { handler: FourCC::new(handler), name: String::new() }, out);
}

/// `dinf`: the samples are in this file.
fn data_reference(out: &mut Vec<u8>) {
    encode(&Dinf { dref: Dref { entries: vec![Url::default().into()] } }, out);
}

/// `dinf` and `stbl`: all samples are in fragments.
fn sample_table(out: &mut Vec<u8>, sample_entry: &[u8]) {
    data_reference(out);
    atom(out, b"stbl", |out| {
        atom(out, b"stsd", |out| {
            out.put_u32(0);
            out.put_u32(1);
            out.put_slice(sample_entry);
        });
        encode(&Stts::default(), out);
        encode(&Stsc::default(), out);
        encode(&Stsz::default(), out);
        encode(&Stco::default(), out);
    });
}

fn atom(out: &mut Vec<u8>, kind: &[u8; 4], body: impl FnOnce(&mut Vec<u8>)) {
    let written = out.encode_atom(kind, |out| {
        body(out);
        Ok(())
    });
    written.expect("a box is far below 4 GiB");
}

fn encode(what: &impl Encode, out: &mut Vec<u8>) {
    what.encode(out).expect("a box of valid parts is far below 4 GiB");
}

/// Sizes and places in a fragment: the queue bounds keep them far below 2 GiB.
fn fit(size: usize) -> u32 {
    u32::try_from(size).expect("a fragment is far below 2 GiB")
}
