//! What a path plays: coded samples in the order and at the times of sending.
//!
//! Takes what `ingest` reads from a file, or what a scene gives; knows no RTP.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use crate::base::{Error, Result};
use crate::ingest::mp4::{FileSample, Mp4File, Timed};
use crate::ingest::packet::VIDEO_TICKS;
use crate::ingest::{Codec, VideoParameters};

/// How a track's samples are coded, with what a decoder needs to know beforehand.
#[derive(Clone, Debug)]
pub(super) enum Format {
    /// H.264 and its parameter sets: SPS, then PPS.
    H264(Vec<Bytes>),
    /// H.265 and its parameter sets: VPS, SPS, PPS.
    H265(Vec<Bytes>),
    /// AAC, its `AudioSpecificConfig` (ISO/IEC 14496-3) and its number of channels.
    Aac(Bytes, u8),
}

/// One coded picture or sound frame.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// Presentation time in ticks of the track, from the start of the presentation.
    pub(super) pts: i64,
    /// Decoding can start here.
    pub(super) key: bool,
    /// Video: NAL units after their lengths in 4 bytes. Audio: a raw frame.
    pub(super) data: Bytes,
}

/// The samples of one kind.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) format: Format,
    /// Ticks a second.
    pub(super) clock_rate: u32,
    /// In order of decoding.
    pub(super) samples: Vec<Sample>,
}

/// One sample's turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Index of the track.
    pub(super) track: usize,
    /// Index of the sample in it.
    pub(super) sample: usize,
    /// When it is sent, from the start.
    pub(super) due: Duration,
}

/// Everything one path plays. Held in memory: clips are short, and clients share it.
#[derive(Clone, Debug)]
pub struct Media {
    pub(super) tracks: Vec<Track>,
    pub(super) steps: Vec<Step>,
    /// From the start to the start of the next round.
    pub(super) length: Duration,
}

impl Media {
    /// Reads a whole MP4 file.
    ///
    /// # Errors
    /// What `ingest` refuses, and parameters that can't be told to a client.
    pub fn from_file(path: &Path) -> Result<Self> {
        let mut file = Mp4File::open(path)?;
        let refuse =
            |error| Error::refuse(format!("play {} as a camera", path.display())).with(error);
        let (mut video, mut audio) = (Vec::new(), Vec::new());
        while let Some(sample) = file.read()? {
            let (track, Timed { pts, sync: key, data, .. }) = match sample {
                FileSample::Video(sample) => (&mut video, sample),
                FileSample::Audio(sample) => (&mut audio, sample),
            };
            track.push(Sample { pts, key, data });
        }
        let format = video_format(file.video()).map_err(refuse)?;
        let mut tracks = vec![Track { format, clock_rate: VIDEO_TICKS as u32, samples: video }];
        if let Some(parameters) = file.audio() {
            let (config, channels) = audio_config(&parameters.sample_entry).map_err(refuse)?;
            let clock_rate = parameters.clock_rate.max(1);
            tracks.push(Track {
                format: Format::Aac(config, channels),
                clock_rate,
                samples: audio,
            });
        }
        Ok(Self::of(tracks))
    }

    /// Orders the samples of `tracks` by the time of their decoding.
    pub(super) fn of(tracks: Vec<Track>) -> Self {
        let mut steps = Vec::new();
        let mut length = Duration::ZERO;
        for (index, track) in tracks.iter().enumerate() {
            // Decoding times are the sorted presentation times: that paces any reordering.
            let mut times: Vec<i64> = track.samples.iter().map(|sample| sample.pts).collect();
            times.sort_unstable();
            for (sample, ticks) in times.iter().enumerate() {
                steps.push(Step { track: index, sample, due: track.duration(*ticks) });
            }
            if let [.., before, last] = times[..] {
                length = length.max(track.duration(2 * last - before));
            }
        }
        steps.sort_by_key(|step| (step.due, step.track));
        Self { tracks, steps, length: length.max(Duration::from_millis(1)) }
    }
}

impl Track {
    /// The length of so many ticks; nothing for what lies before the start.
    fn duration(&self, ticks: i64) -> Duration {
        let nanos = u128::from(ticks.max(0).unsigned_abs()) * 1_000_000_000;
        Duration::from_nanos((nanos / u128::from(self.clock_rate)) as u64)
    }

    /// How many ticks a length has, to the nearest.
    pub(super) fn ticks(&self, length: Duration) -> i64 {
        ((length.as_nanos() * u128::from(self.clock_rate) + 500_000_000) / 1_000_000_000) as i64
    }
}

/// The NAL units of a sample. What the last length says beyond the end is left out.
pub(super) fn nals(data: &[u8]) -> Vec<&[u8]> {
    let mut rest = data;
    let mut nals = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = (u32::from_be_bytes(*length) as usize).min(after.len());
        let (nal, after) = after.split_at(length);
        if !nal.is_empty() {
            nals.push(nal);
        }
        rest = after;
    }
    nals
}

fn video_format(parameters: &VideoParameters) -> Result<Format> {
    let config = &parameters.decoder_config;
    let sets = match parameters.codec {
        Codec::H264 => h264_sets(config),
        Codec::H265 => h265_sets(config),
    };
    let sets = sets
        .filter(|sets| !sets.is_empty())
        .ok_or_else(|| Error::refuse("its video has no parameter sets in the file's header"))?;
    Ok(match parameters.codec {
        Codec::H264 => Format::H264(sets),
        Codec::H265 => Format::H265(sets),
    })
}

/// The parameter sets of an `avcC` (ISO/IEC 14496-15, section 5.3.3).
fn h264_sets(config: &Bytes) -> Option<Vec<Bytes>> {
    let mut at = 5;
    let mut sets = Vec::new();
    for mask in [0x1f, 0xff] {
        let count = config.get(at)? & mask;
        at += 1;
        for _ in 0..count {
            sets.push(sized(config, &mut at)?);
        }
    }
    Some(sets)
}

/// The parameter sets of an `hvcC` (ISO/IEC 14496-15, section 8.3.3).
fn h265_sets(config: &Bytes) -> Option<Vec<Bytes>> {
    let mut at = 23;
    let mut sets = Vec::new();
    for _ in 0..*config.get(22)? {
        let kind = config.get(at)? & 0x3f;
        let count = u16::from_be_bytes([*config.get(at + 1)?, *config.get(at + 2)?]);
        at += 3;
        for _ in 0..count {
            let nal = sized(config, &mut at)?;
            // VPS, SPS and PPS; an array may also hold SEI.
            if (32..=34).contains(&kind) {
                sets.push(nal);
            }
        }
    }
    Some(sets)
}

/// The bytes behind a length of 16 bits.
fn sized(bytes: &Bytes, at: &mut usize) -> Option<Bytes> {
    let length = u16::from_be_bytes([*bytes.get(*at)?, *bytes.get(*at + 1)?]);
    let start = *at + 2;
    let end = start + usize::from(length);
    *at = end;
    (end <= bytes.len()).then(|| bytes.slice(start..end))
}

/// The `AudioSpecificConfig` in an `mp4a` box, and the number of channels.
fn audio_config(entry: &Bytes) -> Result<(Bytes, u8)> {
    let found = (|| {
        let start = entry.windows(4).position(|window| window == b"esds")? + 8;
        // Descriptors nest (ISO/IEC 14496-1, section 7.2.6): ES_Descriptor 3 with three bytes of
        // its own, DecoderConfig 4 with thirteen, then DecoderSpecificInfo 5.
        let es = descriptor(entry, start, 3)?;
        let decoder = descriptor(entry, es.0 + 3, 4)?;
        let (start, length) = descriptor(entry, decoder.0 + 13, 5)?;
        let config = entry.get(start..start + length)?;
        let channels = config.get(1)? >> 3 & 0x0f;
        Some((entry.slice(start..start + config.len()), channels))
    })();
    found.ok_or_else(|| Error::refuse("its sound has no AAC configuration"))
}

/// Where the body of the descriptor at `at` begins, and its length, if it has this tag.
fn descriptor(bytes: &[u8], mut at: usize, tag: u8) -> Option<(usize, usize)> {
    if *bytes.get(at)? != tag {
        return None;
    }
    let mut length = 0;
    for _ in 0..4 {
        at += 1;
        let byte = *bytes.get(at)?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some((at + 1, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn samples_are_sent_in_time() {
        let sample = |pts| Sample { pts, key: pts == 0, data: Bytes::new() };
        let format = Format::H264(Vec::new());
        let video = Track {
            format: format.clone(),
            clock_rate: 90_000,
            samples: [0, 27_000, 9_000, 18_000].map(sample).to_vec(),
        };
        let audio = Track { format, clock_rate: 10, samples: [-1, 0, 1, 2].map(sample).to_vec() };
        let media = Media::of(vec![video, audio]);
        let order: Vec<(usize, usize, u128)> = media
            .steps
            .iter()
            .map(|step| (step.track, step.sample, step.due.as_millis()))
            .collect();
        let expected = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 100), (1, 2, 100), (0, 2, 200)];
        assert_eq!(order[..6], expected);
        assert_eq!(media.length, Duration::from_millis(400));
    }

    #[test]
    fn configuration_records() {
        let avc = Bytes::from_static(&[1, 66, 0, 30, 255, 0xe1, 0, 2, 0x67, 1, 1, 0, 1, 0x68]);
        assert_eq!(h264_sets(&avc).unwrap(), [&[0x67, 1][..], &[0x68]]);
        assert_eq!(h264_sets(&avc.slice(..12)), None);
        let mut hevc = vec![0; 22];
        hevc.extend([2, 0x20, 0, 1, 0, 2, 0x40, 1, 0x27, 0, 1, 0, 1, 9]);
        assert_eq!(h265_sets(&hevc.into()).unwrap(), [&[0x40, 1][..]]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let bytes = Bytes::from(bytes);
            nals(&bytes);
            h264_sets(&bytes);
            h265_sets(&bytes);
            let _ = audio_config(&[&b"....esds"[..], &bytes].concat().into());
        }
    }
}
