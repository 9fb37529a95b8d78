//! A picture as red, green and blue: scaled, put beside others, drawn on, written as JPEG.
//!
//! Knows no video and no file. The one home of the JPEG encoder.

use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::base::limits::ANALYSIS_SIDE;
use crate::base::{Error, Result};
use crate::decode::{Fit, Image, PixelFormat, Request, Scaler};
use crate::events::Area;

/// How exact a JPEG is, of 100. Differences from the video are not seen at this.
const QUALITY: u8 = 82;

/// The colour of what is marked, and of its edge, so that it is seen on everything.
const MARK: [u8; 3] = [255, 196, 0];
const EDGE: [u8; 3] = [0, 0, 0];

/// Pixels of 3 bytes, rows top to bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Canvas {
    pub(super) width: u32,
    pub(super) height: u32,
    pixels: Vec<u8>,
}

impl Canvas {
    /// Nothing but black.
    pub(super) fn black(width: u32, height: u32) -> Self {
        Self { width, height, pixels: vec![0; PixelFormat::Rgb24.bytes(width, height)] }
    }

    /// An image in its own shape, at most so wide and never enlarged.
    pub(super) fn within(image: &Image, width: Option<u32>) -> Self {
        let width_max = width.unwrap_or(ANALYSIS_SIDE);
        Self::of(image, width_max, ANALYSIS_SIDE, Fit::Preserve)
    }

    /// An image in the middle of exactly this size.
    pub(super) fn filling(image: &Image, width: u32, height: u32) -> Self {
        Self::of(image, width, height, Fit::Pad)
    }

    fn of(image: &Image, width_max: u32, height_max: u32, fit: Fit) -> Self {
        let request = Request { format: PixelFormat::Rgb24, width_max, height_max, fit };
        let mut pixels = Vec::new();
        let (width, height) = Scaler::new(request).scale(image, &mut pixels);
        Self { width, height, pixels }
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.pixels.len()
    }

    /// Puts another one into this, its left edge at `left`; what does not fit is left out.
    pub(super) fn put(&mut self, other: &Self, left: u32) {
        let row = |width: u32| 3 * width as usize;
        let (wide, from) = (row(self.width), row(left.min(self.width)));
        let copied = row(other.width).min(wide - from);
        if copied == 0 {
            return;
        }
        let rows =
            self.pixels.chunks_exact_mut(wide).zip(other.pixels.chunks_exact(row(other.width)));
        for (into, out_of) in rows {
            into[from..from + copied].copy_from_slice(&out_of[..copied]);
        }
    }

    /// Draws a frame around an area. What lies outside, or is no area, is not drawn.
    pub(super) fn mark(&mut self, area: Area) {
        let side = |start: f32, length: f32, pixels: u32| {
            let (start, end) = (f64::from(start), f64::from(start) + f64::from(length));
            let place = |part: f64| (part.clamp(0.0, 1.0) * f64::from(pixels)).round() as u32;
            (start.is_finite() && end > start).then(|| (place(start), place(end)))
        };
        let Some((left, right)) = side(area.x, area.width, self.width) else { return };
        let Some((top, bottom)) = side(area.y, area.height, self.height) else { return };
        if left == right || top == bottom {
            return;
        }
        let line = (self.width.max(self.height) / 320).max(2);
        for inset in 0..=line {
            let colour = if inset == line { EDGE } else { MARK };
            let (right, bottom) =
                (right.saturating_sub(inset + 1), bottom.saturating_sub(inset + 1));
            let (left, top) = (left + inset, top + inset);
            if left > right || top > bottom {
                return;
            }
            for x in left..=right {
                self.dot(x, top, colour);
                self.dot(x, bottom, colour);
            }
            for y in top..=bottom {
                self.dot(left, y, colour);
                self.dot(right, y, colour);
            }
        }
    }

    fn dot(&mut self, x: u32, y: u32, colour: [u8; 3]) {
        let at = 3 * (y as usize * self.width as usize + x as usize);
        if let Some(pixel) = self.pixels.get_mut(at..at + 3).filter(|_| x < self.width) {
            pixel.copy_from_slice(&colour);
        }
    }

    /// As JPEG (ITU-T T.81, JFIF).
    ///
    /// # Errors
    /// It is wider or higher than a JPEG can be.
    pub(super) fn jpeg(&self) -> Result<Bytes> {
        let side = |side: u32| {
            u16::try_from(side).map_err(|error| Error::refuse("write a JPEG").with(error))
        };
        let mut out = Vec::with_capacity(self.pixels.len() / 16);
        let mut encoder = Encoder::new(&mut out, QUALITY);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        encoder
            .encode(&self.pixels, side(self.width)?, side(self.height)?, ColorType::Rgb)
            .map_err(|error| Error::refuse(format!("write a JPEG: {error}")))?;
        Ok(out.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn rows(canvas: &Canvas) -> Vec<String> {
        let letter = |pixel: &[u8]| match pixel {
            pixel if *pixel == MARK => 'M',
            pixel if *pixel == EDGE => '.',
            _ => 'o',
        };
        let wide = 3 * canvas.width as usize;
        let row = |row: &[u8]| row.chunks_exact(3).map(letter).collect();
        canvas.pixels.chunks_exact(wide).map(row).collect()
    }

    #[test]
    fn a_mark_is_a_frame() {
        let mut canvas = Canvas::black(12, 10);
        canvas.pixels.fill(9);
        canvas.mark(Area { x: 0.25, y: 0.2, width: 0.75, height: 0.8 });
        let expected = [
            "oooooooooooo",
            "oooooooooooo",
            "oooMMMMMMMMM",
            "oooMMMMMMMMM",
            "oooMM.....MM",
            "oooMM.ooo.MM",
            "oooMM.ooo.MM",
            "oooMM.....MM",
            "oooMMMMMMMMM",
            "oooMMMMMMMMM",
        ];
        assert_eq!(rows(&canvas), expected);
    }

    #[test]
    fn cells_stand_side_by_side() {
        let mut strip = Canvas::black(4, 2);
        let mut cell = Canvas::black(2, 2);
        cell.pixels.fill(7);
        strip.put(&cell, 2);
        assert_eq!(rows(&strip), ["..oo", "..oo"]);
        strip.put(&cell, 3);
        strip.put(&cell, 9);
        assert_eq!(rows(&strip), ["..oo", "..oo"]);
    }

    #[test]
    fn a_jpeg_says_its_size() {
        let jpeg = Canvas::black(50, 20).jpeg().unwrap();
        assert_eq!(jpeg[..2], [0xff, 0xd8]);
        let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        assert_eq!(jpeg[frame + 5..frame + 9], [0, 20, 0, 50]);
    }

    proptest! {
        #[test]
        fn any_area_can_be_marked(
            x: f32, y: f32, width: f32, height: f32, small in any::<[u8; 4]>(), size in 1u32..40,
        ) {
            let mut canvas = Canvas::black(size, size);
            canvas.mark(Area { x, y, width, height });
            let [x, y, width, height] = small.map(|part| f32::from(part) / 200.0 - 0.2);
            canvas.mark(Area { x, y, width, height });
        }
    }
}
