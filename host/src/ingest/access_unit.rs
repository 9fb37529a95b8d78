//! What a video access unit is: a start of decoding, referred to by others, or neither.
//!
//! Takes NAL units, each after its length in 4 bytes; gives an [`Access`]. Pure, and made for
//! hostile bytes: reads headers only, never panics, allocates nothing. (A depacketizer's own flag
//! will not do: retina's knows only IDR, so that a camera with open groups would never be cut.)

use super::packet::{Access, Codec, VideoParameters};

/// What has to be known of the stream to classify its access units.
#[derive(Clone, Copy, Debug)]
pub struct Classifier {
    codec: Codec,
    /// H.265: temporal sub-layers of the stream; 0 when unknown.
    temporal_layers: u8,
}

impl Classifier {
    /// For units with these parameters.
    pub fn new(parameters: &VideoParameters) -> Self {
        // `numTemporalLayers` of the HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1).
        let temporal_layers = match parameters.codec {
            Codec::H264 => 0,
            Codec::H265 => parameters.decoder_config.get(21).map_or(0, |byte| byte >> 3 & 7),
        };
        Self { codec: parameters.codec, temporal_layers }
    }

    /// What `data` is, or `None` when it holds no coded slice: no picture comes of it.
    pub fn classify(&self, data: &[u8]) -> Option<Access> {
        match self.codec {
            Codec::H264 => h264(data),
            Codec::H265 => self.h265(data),
        }
    }

    /// ITU-T H.265 table 7-1: NAL unit types; the first slice speaks for its picture.
    fn h265(&self, data: &[u8]) -> Option<Access> {
        const BASE_LAYER: u8 = 0;
        let [first, second] =
            nal_units(data).filter_map(|nal| nal.first_chunk::<2>()).find(|[first, second]| {
                let layer = (first & 1) << 5 | second >> 3;
                (first >> 1 & 0x3f) < 32 && layer == BASE_LAYER
            })?;
        let layer = (second & 7).saturating_sub(1);
        Some(match first >> 1 & 0x3f {
            // BLA_W_RADL, BLA_N_LP, IDR_W_RADL, IDR_N_LP.
            17..=20 => Access::Key,
            // BLA_W_LP and CRA_NUT: leading pictures may refer to what was before.
            16 | 21 => Access::OpenKey,
            // Sub-layer non-reference: only pictures of a higher temporal layer may refer to it
            // (section 7.4.2.2), so only in the highest does nothing.
            kind if kind <= 14 && kind % 2 == 0 && layer + 1 == self.temporal_layers => {
                Access::Disposable
            }
            _ => Access::Reference,
        })
    }
}

/// ITU-T H.264 table 7-1 and section 7.4.1.
fn h264(data: &[u8]) -> Option<Access> {
    let mut slices = 0_u32;
    let mut idr = false;
    let mut referred = false;
    let mut intra = true;
    for nal in nal_units(data) {
        let header = nal[0];
        // Data partitions B and C (3, 4) belong to a slice whose partition A (2) is counted.
        if let kind @ (1 | 2 | 5) = header & 0x1f {
            slices += 1;
            idr |= kind == 5;
            referred |= header & 0x60 != 0;
            intra = intra && is_intra(nal);
        }
    }
    match slices {
        0 => None,
        _ if idr => Some(Access::Key),
        _ if intra && nal_units(data).any(recovers_at_once) => Some(Access::OpenKey),
        _ if referred => Some(Access::Reference),
        _ => Some(Access::Disposable),
    }
}

/// `slice_type` of a slice header (section 7.3.3) is I or SI.
fn is_intra(nal: &[u8]) -> bool {
    let mut bits = Bits::of(&nal[1..]);
    let _first_macroblock = bits.exp_golomb();
    matches!(bits.exp_golomb(), Some(2 | 4 | 7 | 9))
}

/// A NAL unit of supplemental information with a recovery point at this very picture (annex D,
/// sections D.1.1 and D.1.8).
fn recovers_at_once(nal: &[u8]) -> bool {
    const SEI: u8 = 6;
    const RECOVERY_POINT: u32 = 6;
    if nal[0] & 0x1f != SEI {
        return false;
    }
    let mut bytes = Unescaped::of(&nal[1..]);
    loop {
        let (Some(kind), Some(size)) = (varied(&mut bytes), varied(&mut bytes)) else {
            return false;
        };
        if kind == RECOVERY_POINT {
            // recovery_frame_cnt, ue(v): 0 is the single bit 1.
            return size > 0 && bytes.next().is_some_and(|byte| byte & 0x80 != 0);
        }
        for _ in 0..size {
            if bytes.next().is_none() {
                return false;
            }
        }
    }
}

/// A payload type or size: 255 for each full byte, then the rest.
fn varied(bytes: &mut Unescaped<'_>) -> Option<u32> {
    let mut value = 0_u32;
    loop {
        let byte = bytes.next()?;
        value = value.saturating_add(byte.into());
        if byte != 0xff {
            return Some(value);
        }
    }
}

/// The NAL units of an access unit, none of them empty. Ends where a length lies.
pub fn nal_units(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        loop {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (nal, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            rest = after;
            if !nal.is_empty() {
                return Some(nal);
            }
        }
    })
}

/// Bytes of a NAL unit without its emulation prevention (section 7.4.1.1).
struct Unescaped<'a> {
    bytes: std::slice::Iter<'a, u8>,
    zeros: u8,
}

impl<'a> Unescaped<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter(), zeros: 0 }
    }

    fn next(&mut self) -> Option<u8> {
        let mut byte = *self.bytes.next()?;
        if self.zeros >= 2 && byte == 3 {
            self.zeros = 0;
            byte = *self.bytes.next()?;
        }
        self.zeros = if byte == 0 { self.zeros.saturating_add(1) } else { 0 };
        Some(byte)
    }
}

struct Bits<'a> {
    bytes: Unescaped<'a>,
    byte: u8,
    left: u8,
}

impl<'a> Bits<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes: Unescaped::of(bytes), byte: 0, left: 0 }
    }

    fn bit(&mut self) -> Option<u32> {
        if self.left == 0 {
            self.byte = self.bytes.next()?;
            self.left = 8;
        }
        self.left -= 1;
        Some(u32::from(self.byte >> self.left & 1))
    }

    /// ue(v) (section 9.1), at most 16 leading zeros: no macroblock has a higher number.
    fn exp_golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 16 {
                return None;
            }
        }
        let mut value = 1;
        for _ in 0..zeros {
            value = value << 1 | self.bit()?;
        }
        Some(value - 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::*;

    fn unit(nals: &[&[u8]]) -> Vec<u8> {
        nals.iter().flat_map(|nal| [&(nal.len() as u32).to_be_bytes(), *nal].concat()).collect()
    }

    // Slice headers: first_mb_in_slice 0 is `1`; slice_type 7 (I) is `0001000`, 5 (P) `00110`.
    const IDR: &[u8] = &[0x65, 0b1000_1000, 0x84];
    const I: &[u8] = &[0x61, 0b1000_1000, 0x84];
    const P: &[u8] = &[0x41, 0b1001_1010, 0x10];
    const B_UNUSED: &[u8] = &[0x01, 0b1001_1110, 0x10];
    const SPS: &[u8] = &[0x67, 0x4d, 0x40, 0x1f];
    /// User data of 2 bytes, then a recovery point with frame count 0.
    const RECOVERY: &[u8] = &[0x06, 5, 2, 0xaa, 0xbb, 6, 1, 0x84, 0x80];
    /// The same with frame count 1 (`010`).
    const RECOVERY_LATER: &[u8] = &[0x06, 6, 1, 0x44, 0x80];
    /// A payload whose zeros are protected by an emulation prevention byte.
    const RECOVERY_ESCAPED: &[u8] = &[0x06, 5, 3, 0, 0, 3, 1, 6, 1, 0xc4, 0x80];

    #[test]
    fn h264_units() {
        for (name, nals, expected) in [
            ("idr", &[SPS, IDR][..], Some(Access::Key)),
            ("recovery point", &[RECOVERY, I], Some(Access::OpenKey)),
            ("recovery point, escaped", &[RECOVERY_ESCAPED, I, I], Some(Access::OpenKey)),
            ("recovery point later", &[RECOVERY_LATER, I], Some(Access::Reference)),
            ("intra refresh", &[RECOVERY, P], Some(Access::Reference)),
            ("one slice is P", &[RECOVERY, I, P], Some(Access::Reference)),
            ("plain I", &[I], Some(Access::Reference)),
            ("P", &[P], Some(Access::Reference)),
            ("unused B", &[B_UNUSED, B_UNUSED], Some(Access::Disposable)),
            ("B, one slice used", &[B_UNUSED, P], Some(Access::Reference)),
            ("parameter sets only", &[SPS], None),
            ("SEI only", &[RECOVERY], None),
            ("nothing", &[], None),
            ("empty NAL units", &[&[], &[], IDR], Some(Access::Key)),
        ] {
            assert_eq!(h264(&unit(nals)), expected, "{name}");
        }
    }

    #[test]
    fn h265_units() {
        let nal = |kind: u8, layer: u8| [kind << 1, layer + 1, 0x80];
        for (kind, temporal_layer, layers, expected) in [
            (19, 0, 1, Some(Access::Key)),
            (20, 0, 1, Some(Access::Key)),
            (17, 0, 1, Some(Access::Key)),
            (18, 0, 1, Some(Access::Key)),
            (16, 0, 1, Some(Access::OpenKey)),
            (21, 0, 1, Some(Access::OpenKey)),
            (22, 0, 1, Some(Access::Reference)),
            (1, 0, 1, Some(Access::Reference)),
            (0, 0, 1, Some(Access::Disposable)),
            (8, 0, 1, Some(Access::Disposable)),
            // A picture of layer 1 may refer to it.
            (0, 0, 2, Some(Access::Reference)),
            (2, 1, 2, Some(Access::Disposable)),
            (0, 0, 0, Some(Access::Reference)),
            (33, 0, 1, None),
            (39, 0, 1, None),
        ] {
            let classifier = Classifier { codec: Codec::H265, temporal_layers: layers };
            let data = unit(&[&nal(35, 0), &nal(kind, temporal_layer)]);
            assert_eq!(classifier.classify(&data), expected, "type {kind} of {layers} layers");
        }
    }

    #[test]
    fn a_lying_length_ends_the_unit() {
        let mut data = unit(&[SPS, IDR]);
        data.extend([0xff, 0xff, 0xff, 0xff, 0x41]);
        assert_eq!(nal_units(&data).count(), 2);
        data.truncate(10);
        assert_eq!(h264(&data), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(
            nals in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
            tail: Vec<u8>,
            temporal_layers in 0_u8..8,
        ) {
            let nals: Vec<&[u8]> = nals.iter().map(Vec::as_slice).collect();
            let mut data = unit(&nals);
            data.extend(&tail);
            for codec in [Codec::H264, Codec::H265] {
                let classifier = Classifier { codec, temporal_layers };
                classifier.classify(&data);
                classifier.classify(&tail);
            }
        }
    }
}
