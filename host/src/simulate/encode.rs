//! Pictures to H.264, for synthetic scenes: the only file that names an encoder.
//!
//! Constrained Baseline, no reordering, one access unit out for each picture in. The quality is
//! that of a cheap camera; what matters is that everything decodes it.

use bytes::{BufMut as _, Bytes, BytesMut};
use rusty_h264::{Encoder, EncoderConfig, YuvPlanes};

use crate::base::{Error, Result};

/// One coded picture.
pub(super) struct Coded {
    /// An IDR picture.
    pub(super) key: bool,
    /// Its NAL units without parameter sets, each after its length in 4 bytes.
    pub(super) data: Bytes,
}

/// Codes the pictures of one scene, in order.
pub(super) struct SceneEncoder {
    encoder: Encoder,
    width: usize,
    height: usize,
    /// Cb and Cr alike: grey.
    chroma: Vec<u8>,
    sps: Bytes,
    pps: Bytes,
}

impl SceneEncoder {
    /// For pictures of this even size, with a key frame every `gop` pictures.
    ///
    /// # Errors
    /// A size that the encoder refuses.
    pub(super) fn new(width: u32, height: u32, fps: u32, gop: u32) -> Result<Self> {
        let (width, height) = (width as usize, height as usize);
        let mut config = EncoderConfig::baseline(width, height);
        config.framerate = fps as f32;
        config.gop_size = gop;
        config.min_keyint = gop;
        let encoder = Encoder::new(config).map_err(|error| {
            Error::refuse(format!("synthetic scene: code {width}x{height} as H.264: {error:?}"))
        })?;
        let chroma = vec![128; width / 2 * (height / 2)];
        Ok(Self { encoder, width, height, chroma, sps: Bytes::new(), pps: Bytes::new() })
    }

    /// The sequence parameter set; empty before the first picture.
    pub(super) fn sps(&self) -> &Bytes {
        &self.sps
    }

    /// The picture parameter set; empty before the first picture.
    pub(super) fn pps(&self) -> &Bytes {
        &self.pps
    }

    /// Codes one picture of grey levels, row by row.
    ///
    /// # Errors
    /// A picture of another size.
    pub(super) fn encode(&mut self, luma: &[u8]) -> Result<Coded> {
        let refuse = || Error::bug("synthetic scene: a picture of another size than the scene");
        let planes = YuvPlanes::tight(self.width, self.height, luma, &self.chroma, &self.chroma)
            .ok_or_else(refuse)?;
        let coded = self
            .encoder
            .encode_planes(&planes)
            .map_err(|error| Error::bug(format!("synthetic scene: code a picture: {error:?}")))?;
        let (mut key, mut data) = (false, BytesMut::with_capacity(coded.len() + 16));
        for nal in split(&coded) {
            match nal[0] & 0x1f {
                7 => self.sps = Bytes::copy_from_slice(nal),
                8 => self.pps = Bytes::copy_from_slice(nal),
                kind => {
                    key |= kind == 5;
                    data.put_u32(nal.len() as u32);
                    data.put_slice(nal);
                }
            }
        }
        Ok(Coded { key, data: data.freeze() })
    }
}

/// The NAL units between start codes (ITU-T H.264, annex B).
fn split(stream: &[u8]) -> Vec<&[u8]> {
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(found) = stream[at..].windows(3).position(|window| window == [0, 0, 1]) {
        at += found + 3;
        starts.push(at);
    }
    let ends = starts.iter().skip(1).map(|start| start - 3).chain([stream.len()]);
    let unit = |(start, end): (&usize, usize)| {
        let mut nal = &stream[*start..end];
        while let [rest @ .., 0] = nal {
            nal = rest;
        }
        nal
    };
    starts.iter().zip(ends).map(unit).filter(|nal| !nal.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_for_each_picture() {
        let mut encoder = SceneEncoder::new(64, 64, 10, 5).unwrap();
        for picture in 0..11_u8 {
            let coded = encoder.encode(&[100 + picture; 64 * 64]).unwrap();
            assert_eq!(coded.key, picture % 5 == 0, "picture {picture}");
            let slices = super::super::media::nals(&coded.data);
            assert!(slices.iter().any(|nal| matches!(nal[0] & 0x1f, 1 | 5)), "picture {picture}");
        }
        assert_eq!((encoder.sps()[0] & 0x1f, encoder.pps()[0] & 0x1f), (7, 8));
        assert!(encoder.encode(&[0; 9]).is_err());
    }

    #[test]
    fn splits_at_both_start_codes() {
        let stream = [0, 0, 0, 1, 7, 9, 0, 0, 1, 8, 0, 0, 0, 1];
        assert_eq!(split(&stream), [&[7_u8, 9][..], &[8]]);
        assert!(split(&[1, 2, 3]).is_empty());
    }
}
