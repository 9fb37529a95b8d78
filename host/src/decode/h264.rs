//! H.264 (ITU-T H.264) with `rusty_h264`: the only file here that names it.
//!
//! Takes length-prefixed access units, gives cropped 4:2:0 images in order of time. Progressive,
//! 8 bits, Baseline, Main and High. The crate decodes one unit to at most one picture, in decoding
//! order, on the calling thread, and conceals nothing.

use std::sync::Arc;

use h264_reader::nal::sps::{ChromaFormat, FrameMbsFlags, PicOrderCntType, SeqParameterSet};
use h264_reader::rbsp::{BitReader, decode_nal};

use super::parameter_sets::{from_avcc, nal_units};
use super::reorder::Reorder;
use super::{Colour, DecodeError, Decoded, EncodedUnit, Image, guarded};
use crate::base::limits::{DECODER_BYTES, PICTURE_PIXELS};
use crate::ingest::packet::Access;

/// Table 7-1: what a decoder needs; the rest (SEI, delimiters) is left out.
const SLICE: u8 = 1;
const SLICE_IDR: u8 = 5;
const SEQUENCE_SET: u8 = 7;
const PICTURE_SET: u8 = 8;

/// What a sequence parameter set says that `rusty_h264` does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sequence {
    colour: Colour,
    /// Luma columns and rows to cut off at the left and the top; the crate cuts the others.
    left: usize,
    top: usize,
    reorder_depth: usize,
}

/// An H.264 decoder.
pub(super) struct Decoder {
    inner: rusty_h264::Decoder,
    sequence: Sequence,
    /// The sequence parameter set in force, as its NAL unit.
    sequence_set: Vec<u8>,
    reorder: Reorder,
    /// The unit in the byte stream format (annex B), kept for its allocation.
    stream: Vec<u8>,
}

impl Decoder {
    /// Opens a decoder from the body of an `avcC` box.
    pub(super) fn open(record: &[u8]) -> Result<Self, DecodeError> {
        let unreadable = || DecodeError::Unsupported("its avcC record is cut short".into());
        let sets = from_avcc(record).ok_or_else(unreadable)?;
        let set = sets.iter().find(|set| set[0] & 0x1f == SEQUENCE_SET).ok_or_else(unreadable)?;
        let sequence = sequence(set)?;
        let mut stream = Vec::new();
        for set in &sets {
            append(&mut stream, set);
        }
        let inner = guarded(|| {
            let mut inner = rusty_h264::Decoder::new();
            match inner.decode(&stream) {
                Ok(_) => Ok(inner),
                Err(error) => Err(DecodeError::Unsupported(error.to_string())),
            }
        })?;
        let reorder = Reorder::new(sequence.reorder_depth);
        Ok(Self { inner, sequence, sequence_set: set.to_vec(), reorder, stream })
    }
}

impl super::Decoder for Decoder {
    fn decode(
        &mut self,
        unit: EncodedUnit<'_>,
        pictures: &mut Vec<Decoded>,
    ) -> Result<(), DecodeError> {
        self.stream.clear();
        for nal in nal_units(unit.data) {
            match nal[0] & 0x1f {
                SEQUENCE_SET if nal != self.sequence_set => {
                    self.sequence = sequence(nal)?;
                    self.sequence_set = nal.to_vec();
                    append(&mut self.stream, nal);
                }
                SLICE | SLICE_IDR | PICTURE_SET => append(&mut self.stream, nal),
                _ => {}
            }
        }
        if unit.access == Access::Key {
            self.reorder.flush(pictures);
        }
        let (inner, stream) = (&mut self.inner, &self.stream);
        let frame = guarded(|| inner.decode(stream).map_err(explain))?;
        if let Some(frame) = frame {
            let image = Arc::new(image(frame, self.sequence)?);
            self.reorder.push(Decoded { pts: unit.pts, image }, pictures);
        }
        Ok(())
    }

    fn flush(&mut self, pictures: &mut Vec<Decoded>) {
        self.reorder.flush(pictures);
    }
}

fn append(stream: &mut Vec<u8>, nal: &[u8]) {
    stream.extend_from_slice(&[0, 0, 1]);
    stream.extend_from_slice(nal);
}

fn explain(error: rusty_h264::DecodeError) -> DecodeError {
    match error {
        rusty_h264::DecodeError::Unsupported(what) => DecodeError::Unsupported(what.into()),
        other => DecodeError::Damaged(other.to_string()),
    }
}

/// Reads a sequence parameter set (7.3.2.1.1) and refuses what would cost too much memory.
fn sequence(nal: &[u8]) -> Result<Sequence, DecodeError> {
    let unsupported = |what: &str| DecodeError::Unsupported(what.into());
    let bytes = decode_nal(nal).map_err(|_| unsupported("a NAL unit with reserved bytes"))?;
    let set = SeqParameterSet::from_bits(BitReader::new(&bytes[..]))
        .map_err(|error| unsupported(&format!("its sequence parameter set, {error:?}")))?;
    if set.chroma_info.chroma_format != ChromaFormat::YUV420 {
        return Err(unsupported("chroma that is not 4:2:0"));
    }
    if (set.chroma_info.bit_depth_luma_minus8, set.chroma_info.bit_depth_chroma_minus8) != (0, 0) {
        return Err(unsupported("more than 8 bits a sample"));
    }
    let (width, height) = coded_size(&set);
    let pixels = width.saturating_mul(height);
    // A picture takes 1.5 bytes a pixel, its motion about half as much again.
    let frames = u64::from(set.max_num_ref_frames).saturating_add(2);
    if pixels > PICTURE_PIXELS || pixels.saturating_mul(2).saturating_mul(frames) > DECODER_BYTES {
        return Err(unsupported(&format!(
            "{width}x{height} with {} reference frames",
            set.max_num_ref_frames
        )));
    }
    let row_unit = if set.frame_mbs_flags == FrameMbsFlags::Frames { 2 } else { 4 };
    let crop = set.frame_cropping.as_ref();
    let offset = |offset: Option<u32>, unit: usize| {
        usize::try_from(offset.unwrap_or(0)).unwrap_or(usize::MAX).saturating_mul(unit)
    };
    let signal = set.vui_parameters.as_ref().and_then(|vui| vui.video_signal_type.as_ref());
    let matrix = signal.and_then(|signal| signal.colour_description.as_ref());
    Ok(Sequence {
        colour: Colour::from_stream(
            matrix.map(|matrix| matrix.matrix_coefficients),
            signal.is_some_and(|signal| signal.video_full_range_flag),
            u32::try_from(height).unwrap_or(u32::MAX),
        ),
        left: offset(crop.map(|crop| crop.left_offset), 2),
        top: offset(crop.map(|crop| crop.top_offset), row_unit),
        reorder_depth: reorder_depth(&set),
    })
}

fn coded_size(set: &SeqParameterSet) -> (u64, u64) {
    let fields = if set.frame_mbs_flags == FrameMbsFlags::Frames { 1 } else { 2 };
    let width = (u64::from(set.pic_width_in_mbs_minus1) + 1) * 16;
    let height = (u64::from(set.pic_height_in_map_units_minus1) + 1) * 16 * fields;
    (width, height)
}

/// How many pictures are held back at first. A stream that may reorder and does not say how deep
/// is taken for one with plain B-frames.
fn reorder_depth(set: &SeqParameterSet) -> usize {
    const BASELINE: u8 = 66;
    let said = set.vui_parameters.as_ref().and_then(|vui| vui.bitstream_restrictions.as_ref());
    match said {
        Some(said) => usize::try_from(said.max_num_reorder_frames).unwrap_or(usize::MAX),
        None if matches!(set.pic_order_cnt, PicOrderCntType::TypeTwo) => 0,
        None if u8::from(set.profile_idc) == BASELINE => 0,
        None => 1,
    }
}

fn image(frame: rusty_h264::YuvFrame, sequence: Sequence) -> Result<Image, DecodeError> {
    let (left, top) = (sequence.left, sequence.top);
    let (width, height) = (frame.width.saturating_sub(left), frame.height.saturating_sub(top));
    if width == 0 || height == 0 {
        return Err(DecodeError::Damaged("its cropping leaves nothing".into()));
    }
    let (y, u, v) = if (left, top) == (0, 0) {
        (frame.y, frame.u, frame.v)
    } else {
        let chroma = |plane: &[u8]| crop(plane, frame.width / 2, left / 2, top / 2);
        (crop(&frame.y, frame.width, left, top), chroma(&frame.u), chroma(&frame.v))
    };
    let side = |side: usize| u32::try_from(side).expect("bounded by PICTURE_PIXELS");
    Ok(Image { width: side(width), height: side(height), colour: sequence.colour, y, u, v })
}

fn crop(plane: &[u8], stride: usize, left: usize, top: usize) -> Vec<u8> {
    plane.chunks_exact(stride).skip(top).flat_map(|row| &row[left..]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_and_top_are_cut() {
        let frame = rusty_h264::YuvFrame {
            width: 4,
            height: 4,
            y: (0..16).collect(),
            u: vec![1, 2, 3, 4],
            v: vec![5, 6, 7, 8],
        };
        let colour = Colour::from_stream(None, false, 4);
        let image = image(frame, Sequence { colour, left: 2, top: 2, reorder_depth: 0 }).unwrap();
        assert_eq!((image.width, image.height), (2, 2));
        assert_eq!((image.y, image.u, image.v), (vec![10, 11, 14, 15], vec![4], vec![8]));
    }

    #[test]
    fn a_set_that_asks_for_too_much_is_refused() {
        // 65536x65536 in the Baseline profile, written by hand: ue(4095) twice.
        let nal = [
            0x67,
            66,
            0,
            30,
            0b1111_0100,
            0b0000_0000,
            0b0001_0000,
            0b0000_0000,
            0b0000_0100,
            0b0000_0000,
            0b0001_1000,
        ];
        assert!(matches!(sequence(&nal), Err(DecodeError::Unsupported(_))));
        assert!(matches!(sequence(&[0x67]), Err(DecodeError::Unsupported(_))));
    }
}
