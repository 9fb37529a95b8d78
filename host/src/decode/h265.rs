//! H.265 (ITU-T H.265) with `rusty_h265`: the only file that names it.
//!
//! Takes length-prefixed access units, gives cropped 4:2:0 images in order of time. Main and
//! Main 10 (narrowed to 8 bits). The crate reorders by itself, as the stream's own parameters say,
//! skips leading pictures that can't decode, and finishes a picture when the next one begins.

use std::sync::Arc;

use rusty_h265::ps::{Sps, parse_sps};
use rusty_h265::{Error, Frame, Plane};

use super::parameter_sets::{from_hvcc, nal_units};
use super::{Colour, DecodeError, Decoded, EncodedUnit, Image, guarded};
use crate::base::limits::{DECODER_BYTES, PICTURE_PIXELS};

/// Table 7-1.
const SEQUENCE_SET: u8 = 33;

/// An H.265 decoder.
pub(super) struct Decoder {
    inner: rusty_h265::Decoder,
    colour: Colour,
    /// The sequence parameter set in force, as its NAL unit.
    sequence_set: Vec<u8>,
}

impl Decoder {
    /// Opens a decoder from the body of an `hvcC` box.
    pub(super) fn open(record: &[u8]) -> Result<Self, DecodeError> {
        let unreadable = || DecodeError::Unsupported("its hvcC record is cut short".into());
        let sets = from_hvcc(record).ok_or_else(unreadable)?;
        let set = sets.iter().find(|set| is_sequence_set(set)).ok_or_else(unreadable)?;
        let colour = colour(set)?;
        let inner = guarded(|| {
            let mut inner = rusty_h265::Decoder::new();
            for set in &sets {
                let pushed = inner.push_nal(set, None);
                pushed.map_err(|error| DecodeError::Unsupported(error.to_string()))?;
            }
            Ok(inner)
        })?;
        Ok(Self { inner, colour, sequence_set: set.to_vec() })
    }

    fn take(&mut self, pictures: &mut Vec<Decoded>) -> Result<(), DecodeError> {
        while let Ok(frame) = self.inner.next_frame() {
            let pts =
                frame.pts.ok_or_else(|| DecodeError::Damaged("a picture of no unit".into()))?;
            pictures.push(Decoded { pts, image: Arc::new(image(&frame, self.colour)?) });
        }
        Ok(())
    }
}

impl super::Decoder for Decoder {
    fn decode(
        &mut self,
        unit: EncodedUnit<'_>,
        pictures: &mut Vec<Decoded>,
    ) -> Result<(), DecodeError> {
        let mut pts = Some(unit.pts);
        for nal in nal_units(unit.data) {
            if is_sequence_set(nal) && nal != self.sequence_set {
                self.colour = colour(nal)?;
                self.sequence_set = nal.to_vec();
            }
            let inner = &mut self.inner;
            guarded(|| inner.push_nal(nal, pts.take()).map_err(explain))?;
        }
        guarded(|| self.take(pictures))
    }

    fn flush(&mut self, pictures: &mut Vec<Decoded>) {
        let finished = guarded(|| {
            self.inner.flush();
            self.take(pictures)
        });
        // Nobody asks for the pictures that are missing now: what comes next is a key frame.
        let _ = finished;
    }
}

fn is_sequence_set(nal: &[u8]) -> bool {
    (nal[0] >> 1) & 0x3f == SEQUENCE_SET
}

fn explain(error: Error) -> DecodeError {
    match error {
        Error::Unsupported(what) => DecodeError::Unsupported(what),
        other => DecodeError::Damaged(other.to_string()),
    }
}

/// Reads a sequence parameter set (7.3.2.2.1) and refuses what can't be decoded or would cost too
/// much memory.
fn colour(nal: &[u8]) -> Result<Colour, DecodeError> {
    let unsupported = |what: &str| DecodeError::Unsupported(what.into());
    let payload = nal.get(2..).ok_or_else(|| unsupported("a NAL unit without a header"))?;
    let set = guarded(|| {
        parse_sps(&rusty_h265::nal::unescape(payload).data)
            .map_err(|error| unsupported(&format!("its sequence parameter set, {error}")))
    })?;
    if set.chroma_format_idc != 1 {
        return Err(unsupported("chroma that is not 4:2:0"));
    }
    if set.bit_depth_luma > 10 || set.bit_depth_chroma > 10 {
        return Err(unsupported("more than 10 bits a sample"));
    }
    let pixels = u64::from(set.width) * u64::from(set.height);
    // Samples take 16 bits each in this decoder.
    if pixels > PICTURE_PIXELS || pixels * 3 * frames(&set) > DECODER_BYTES {
        return Err(unsupported(&format!("{}x{} pixels", set.width, set.height)));
    }
    let vui = set.vui.as_ref();
    // 2 is "unspecified" (table E.5), and so is 0 unless the stream is RGB.
    let matrix = vui.map(|vui| vui.matrix_coeffs);
    Ok(Colour::from_stream(matrix, vui.is_some_and(|vui| vui.video_full_range_flag), set.height))
}

fn frames(set: &Sps) -> u64 {
    let layer = usize::from(set.max_sub_layers_minus1).min(set.ordering.len() - 1);
    u64::from(set.ordering[layer].max_dec_pic_buffering_minus1) + 2
}

fn image(frame: &Frame, colour: Colour) -> Result<Image, DecodeError> {
    let picture = &frame.picture;
    let (left, top, width, height) = picture.crop;
    let plane = |index: usize, step: usize, depth: u8| {
        let place = Place {
            left: left / step,
            top: top / step,
            width: width.div_ceil(step),
            height: height.div_ceil(step),
        };
        narrow(&picture.planes[index], place, depth.saturating_sub(8))
            .ok_or_else(|| DecodeError::Damaged("its cropping leaves nothing".into()))
    };
    let side = |side: usize| u32::try_from(side).expect("bounded by PICTURE_PIXELS");
    Ok(Image {
        width: side(width),
        height: side(height),
        colour,
        y: plane(0, 1, picture.bit_depth_luma)?,
        u: plane(1, 2, picture.bit_depth_chroma)?,
        v: plane(2, 2, picture.bit_depth_chroma)?,
    })
}

struct Place {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

/// Cuts a place out of a plane and drops the low bits.
fn narrow(plane: &Plane, place: Place, bits: u8) -> Option<Vec<u8>> {
    if place.width == 0 || place.height == 0 {
        return None;
    }
    let mut samples = vec![0; place.width * place.height];
    for (row, out) in samples.chunks_exact_mut(place.width).enumerate() {
        let start = (place.top + row) * plane.stride + place.left;
        let source = plane.data.get(start..start + place.width)?;
        for (sample, wide) in out.iter_mut().zip(source) {
            *sample = (wide >> bits).to_le_bytes()[0];
        }
    }
    Some(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_cut_and_narrowed() {
        let plane = Plane { width: 3, height: 2, stride: 3, data: vec![0, 4, 8, 512, 516, 1023] };
        let place = Place { left: 1, top: 0, width: 2, height: 2 };
        assert_eq!(narrow(&plane, place, 2), Some(vec![1, 2, 129, 255]));
        let outside = Place { left: 1, top: 1, width: 2, height: 2 };
        assert_eq!(narrow(&plane, outside, 2), None);
    }

    #[test]
    fn a_set_that_says_nothing_is_refused() {
        for nal in [&[0x42][..], &[0x42, 1], &[0x42, 1, 255, 255, 255]] {
            assert!(colour(nal).is_err(), "{nal:?}");
        }
    }
}
