//! Codes a synthetic scene as H.264, with `rusty_h264`: Baseline, one unit in, one unit out.
//!
//! Takes gray pictures, gives access units that any decoder plays. Made for scenes of flat
//! surfaces and a few frames a second, not for cameras.

use rusty_h264::{Encoder, EncoderConfig, YuvFrame};

use crate::base::{Error, Result};

/// Quantizer: small units, and edges that stay sharp enough for motion detection.
const QUANTIZER: u8 = 30;

/// One coded access unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodedUnit {
    /// NAL units, each after its length in 4 bytes, big endian; no parameter sets among them.
    pub data: Vec<u8>,
    /// An IDR picture.
    pub key: bool,
}

/// Codes pictures of one size.
pub struct SceneEncoder {
    inner: Encoder,
    frame: YuvFrame,
    sets: ParameterSets,
}

/// What a decoder needs before the first unit, as NAL units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterSets {
    /// The sequence parameter set.
    pub sequence: Vec<u8>,
    /// The picture parameter set.
    pub picture: Vec<u8>,
}

impl ParameterSets {
    /// The body of an `avcC` box (ISO/IEC 14496-15, 5.3.3.1).
    pub fn avcc(&self) -> Vec<u8> {
        let mut record = vec![1];
        record.extend_from_slice(self.sequence.get(1..4).unwrap_or(&[66, 0, 30]));
        record.extend_from_slice(&[0xff, 0xe1]);
        for (set, next) in [(&self.sequence, Some(1)), (&self.picture, None)] {
            let length = u16::try_from(set.len()).expect("a parameter set has a few bytes");
            record.extend_from_slice(&length.to_be_bytes());
            record.extend_from_slice(set);
            record.extend(next);
        }
        record
    }
}

/// Size and pace of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SceneFormat {
    /// Even, in pixels.
    pub width: u32,
    /// Even, in pixels.
    pub height: u32,
    /// Pictures a second.
    pub rate: u32,
    /// Pictures from one key frame to the next, at least 1.
    pub group: u32,
}

impl SceneEncoder {
    /// Fails when a side is zero or odd, or too large for the encoder.
    pub fn new(format: SceneFormat) -> Result<Self> {
        const SIDE_MAX: u32 = 4096;
        let SceneFormat { width, height, rate, group } = format;
        let refuse = |why: &str| Error::refuse(format!("scene of {width}x{height} pixels: {why}"));
        if [width, height].iter().any(|side| !(16..=SIDE_MAX).contains(side) || side % 2 != 0) {
            return Err(refuse("both sides must be even, from 16 to 4096"));
        }
        let mut config = EncoderConfig::baseline(width as usize, height as usize);
        config.gop_size = group.max(1);
        config.min_keyint = 1;
        config.qp = QUANTIZER;
        config.level_idc = 40;
        let rate = rate.max(1) as f32;
        config.framerate = rate;
        let inner = Encoder::new(config).map_err(|error| refuse(&format!("{error:?}")))?;
        let mut frame = YuvFrame::black(width as usize, height as usize);
        frame.u.fill(128);
        frame.v.fill(128);
        let mut encoder = Self { inner, frame, sets: ParameterSets::default() };
        // The sets come with a key frame only: one is coded for them and thrown away.
        encoder.encode(&vec![16; (width * height) as usize])?;
        encoder.inner.request_keyframe();
        Ok(encoder)
    }

    /// The parameter sets, equal for the life of the encoder.
    pub fn parameter_sets(&self) -> &ParameterSets {
        &self.sets
    }

    /// Codes the next picture: luma, rows top to bottom without padding.
    ///
    /// Fails when `luma` has not exactly the size of the scene.
    pub fn encode(&mut self, luma: &[u8]) -> Result<CodedUnit> {
        if luma.len() != self.frame.y.len() {
            return Err(Error::bug(format!(
                "code a scene: {} luma samples instead of {}",
                luma.len(),
                self.frame.y.len()
            )));
        }
        self.frame.y.copy_from_slice(luma);
        let stream = self
            .inner
            .try_encode(&self.frame)
            .map_err(|error| Error::bug(format!("code a scene: {error:?}")))?;
        let mut unit = CodedUnit { data: Vec::with_capacity(stream.len() + 8), key: false };
        for nal in nal_units(&stream) {
            match nal[0] & 0x1f {
                7 => self.sets.sequence = nal.to_vec(),
                8 => self.sets.picture = nal.to_vec(),
                kind => {
                    unit.key |= kind == 5;
                    let length = u32::try_from(nal.len()).expect("a unit is far below 4 GiB");
                    unit.data.extend_from_slice(&length.to_be_bytes());
                    unit.data.extend_from_slice(nal);
                }
            }
        }
        Ok(unit)
    }
}

/// Splits a byte stream (ITU-T H.264, annex B).
fn nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        let from = rest?;
        let end = from.windows(3).position(|window| window == [0, 0, 1]);
        rest = end.and_then(|end| from.get(end + 3..));
        let nal = &from[..end.unwrap_or(from.len())];
        let zeros = nal.iter().rev().take_while(|byte| **byte == 0).count();
        Some(&nal[..nal.len() - zeros])
    })
    .filter(|nal| !nal.is_empty())
}

fn after_start_code(stream: &[u8]) -> Option<&[u8]> {
    let start = stream.windows(3).position(|window| window == [0, 0, 1])?;
    stream.get(start + 3..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: SceneFormat = SceneFormat { width: 64, height: 48, rate: 10, group: 4 };

    #[test]
    fn byte_streams_are_split() {
        let stream = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 0, 0, 1, 0x65, 5, 0];
        let nals: Vec<_> = nal_units(&stream).collect();
        assert_eq!(nals, [&[0x67, 1][..], &[0x68], &[0x65, 5]]);
        assert_eq!(nal_units(&[1, 2, 3]).count(), 0);
    }

    #[test]
    fn key_frames_come_as_asked_and_units_are_small() {
        let mut encoder = SceneEncoder::new(FORMAT).unwrap();
        let mut keys = Vec::new();
        for index in 0..12 {
            let unit = encoder.encode(&[100; 64 * 48]).unwrap();
            assert!(!unit.data.is_empty() && unit.data.len() < 400, "{}", unit.data.len());
            if unit.key {
                keys.push(index);
            }
        }
        assert_eq!(keys, [0, 4, 8]);
        let sets = encoder.parameter_sets();
        assert_eq!((sets.sequence[0] & 0x1f, sets.picture[0] & 0x1f), (7, 8));
        assert_eq!(sets.avcc()[..4], [1, 66, sets.sequence[2], 40]);
    }

    #[test]
    fn ffmpeg_plays_it() {
        let directory = tempfile::tempdir().unwrap();
        let (coded, raw) = (directory.path().join("scene.h264"), directory.path().join("raw"));
        let mut encoder = SceneEncoder::new(FORMAT).unwrap();
        let sets = encoder.parameter_sets().clone();
        let mut stream = [&[0, 0, 1][..], &sets.sequence, &[0, 0, 1], &sets.picture].concat();
        for index in 0..6 {
            let unit = encoder.encode(&[40 + index * 30; 64 * 48]).unwrap();
            stream.extend_from_slice(&[0, 0, 1]);
            stream.extend_from_slice(&unit.data[4..]);
        }
        std::fs::write(&coded, stream).unwrap();
        let played = std::process::Command::new("ffmpeg")
            .args(["-v", "error", "-xerror", "-f", "h264", "-i"])
            .arg(&coded)
            .args(["-f", "rawvideo", "-vsync", "0"])
            .arg(&raw)
            .status();
        match played {
            Ok(status) => assert!(status.success()),
            Err(error) => {
                eprintln!("skipped: ffmpeg_plays_it: {error}");
                return;
            }
        }
        let raw = std::fs::read(raw).unwrap();
        assert_eq!(raw.len(), 6 * 64 * 48 * 3 / 2);
        for (index, picture) in raw.chunks(64 * 48 * 3 / 2).enumerate() {
            let drawn = 40 + u8::try_from(index).unwrap() * 30;
            assert!(picture[..64 * 48].iter().all(|luma| luma.abs_diff(drawn) < 4), "{index}");
        }
    }

    #[test]
    fn what_can_not_be_coded_is_refused() {
        for (width, height) in [(0, 48), (63, 48), (64, 8192)] {
            assert!(SceneEncoder::new(SceneFormat { width, height, ..FORMAT }).is_err());
        }
        assert!(SceneEncoder::new(FORMAT).unwrap().encode(&[0; 3]).is_err());
    }
}
