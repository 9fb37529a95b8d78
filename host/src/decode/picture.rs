//! A decoded picture, as it comes out of a decoder and goes to the scaler.
//!
//! Knows no codec, no format that an analyzer asked for.

use std::sync::Arc;

use crate::base::Timestamp;

/// How luma and chroma of a stream become red, green and blue (ITU-T H.273, matrix coefficients).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// Standard definition.
    Bt601,
    /// High definition.
    Bt709,
    /// Ultra high definition, non-constant luminance.
    Bt2020,
}

/// What the samples of a stream mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Colour {
    /// The matrix.
    pub matrix: Matrix,
    /// Luma takes 0..=255; otherwise 16..=235 (and chroma 16..=240).
    pub full_range: bool,
}

impl Colour {
    /// From what a stream says of itself: `matrix_coefficients` of ITU-T H.273, if it says any.
    ///
    /// A stream that is silent is taken for BT.709 from 720 lines on and for BT.601 below, as
    /// players do.
    pub fn from_stream(matrix_coefficients: Option<u8>, full_range: bool, height: u32) -> Self {
        let matrix = match matrix_coefficients {
            Some(1) => Matrix::Bt709,
            Some(4..=6) => Matrix::Bt601,
            Some(9 | 10) => Matrix::Bt2020,
            _ if height >= 720 => Matrix::Bt709,
            _ => Matrix::Bt601,
        };
        Self { matrix, full_range }
    }

    /// The luma of black.
    pub fn black(self) -> u8 {
        if self.full_range { 0 } else { 16 }
    }
}

/// Samples of one picture, 4:2:0, 8 bits, cropped to what is to be shown. Rows top to bottom
/// without padding; chroma planes have half as many columns and rows, rounded up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// In luma samples, at least 1.
    pub width: u32,
    /// In luma samples, at least 1.
    pub height: u32,
    /// What the samples mean.
    pub colour: Colour,
    /// Luma.
    pub y: Vec<u8>,
    /// Blue difference.
    pub u: Vec<u8>,
    /// Red difference.
    pub v: Vec<u8>,
}

impl Image {
    /// Columns and rows of the chroma planes.
    pub fn chroma_size(&self) -> (u32, u32) {
        (self.width.div_ceil(2), self.height.div_ceil(2))
    }
}

/// One picture of a camera, in presentation order.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Counts every picture of the stream in presentation order, decoded or not.
    pub sequence: u64,
    /// Presentation time in ticks of 90 kHz, continuous within a session.
    pub pts: i64,
    /// The same moment in UTC.
    pub time: Timestamp,
    /// A key frame.
    pub key: bool,
    /// The stream was broken or changed since the picture before.
    pub gap: bool,
    /// Its samples, shared by all who look at it.
    pub image: Arc<Image>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_stream_is_judged_by_its_height() {
        for (coefficients, height, matrix) in [
            (None, 432, Matrix::Bt601),
            (Some(2), 1080, Matrix::Bt709),
            (Some(1), 432, Matrix::Bt709),
            (Some(6), 1080, Matrix::Bt601),
            (Some(9), 2160, Matrix::Bt2020),
        ] {
            let colour = Colour::from_stream(coefficients, false, height);
            assert_eq!(colour.matrix, matrix, "{coefficients:?} {height}");
        }
    }
}
