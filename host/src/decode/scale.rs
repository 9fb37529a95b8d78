//! A decoded image becomes the picture that an analyzer asked for: its size, its format.
//!
//! Takes an [`Image`] and a [`Request`], gives packed pixels. Knows no codec and no plugin.

use super::picture::{Colour, Image, Matrix};
use super::resample::{Plan, Size, Window};
use crate::base::limits::ANALYSIS_SIDE;

/// How pixels are laid out: rows top to bottom, no padding, planes one after the other. Luma and
/// chroma as coded; red, green and blue in full range, by the stream's own matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Luma, 1 byte a pixel.
    Gray8,
    /// Luma, then both chroma planes with half the columns and rows, rounded up.
    I420,
    /// Luma, then both chroma planes interleaved, blue difference first.
    Nv12,
    /// 3 bytes a pixel.
    Rgb24,
    /// 4 bytes a pixel, the fourth 255.
    Rgba32,
}

impl PixelFormat {
    /// Bytes of a picture of this size in pixels. Odd sides of chroma planes are rounded up.
    pub fn bytes(self, width: u32, height: u32) -> usize {
        let (width, height) = (width as usize, height as usize);
        match self {
            Self::Gray8 => width * height,
            Self::I420 | Self::Nv12 => width * height + 2 * width.div_ceil(2) * height.div_ceil(2),
            Self::Rgb24 => 3 * width * height,
            Self::Rgba32 => 4 * width * height,
        }
    }
}

/// How a picture is made to fit the size asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fit {
    /// Keeps its shape; is never enlarged; both sides even.
    Preserve,
    /// Exactly the size asked for.
    Stretch,
    /// Keeps its shape, enlarged or reduced, in the middle of a black picture of exactly the size
    /// asked for.
    Pad,
}

/// What an analyzer wants to see. Equal requests can share one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Layout of the pixels.
    pub format: PixelFormat,
    /// In pixels; taken as 2 to 8192.
    pub width_max: u32,
    /// In pixels; taken as 2 to 8192.
    pub height_max: u32,
    /// How the picture is made to fit.
    pub fit: Fit,
}

/// Where the picture lies on its canvas. Left and top are even, so that chroma can follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    canvas: Size,
    inner: Size,
    left: usize,
    top: usize,
}

impl Request {
    fn layout(&self, image: &Image) -> Layout {
        let side = |side: u32| side.clamp(2, ANALYSIS_SIDE) as usize;
        let bounds = Size { width: side(self.width_max), height: side(self.height_max) };
        let source = Size { width: image.width as usize, height: image.height as usize };
        let within = source.width <= bounds.width && source.height <= bounds.height;
        let (canvas, inner) = match self.fit {
            Fit::Stretch => (bounds, bounds),
            Fit::Preserve if within => {
                let even = Size { width: even(source.width), height: even(source.height) };
                (even, even)
            }
            Fit::Preserve => (shrunk(source, bounds), shrunk(source, bounds)),
            Fit::Pad => (bounds, shrunk(source, bounds)),
        };
        Layout {
            canvas,
            inner,
            left: (canvas.width.saturating_sub(inner.width) / 2) & !1,
            top: (canvas.height.saturating_sub(inner.height) / 2) & !1,
        }
    }
}

fn even(side: usize) -> usize {
    (side & !1).max(2)
}

/// The largest size of the same shape within bounds, both sides even.
fn shrunk(source: Size, bounds: Size) -> Size {
    let scaled = |side: usize, by: usize, of: usize| (side * by + of / 2) / of;
    let by_width = bounds.width * source.height <= bounds.height * source.width;
    let (width, height) = if by_width {
        (bounds.width, scaled(source.height, bounds.width, source.width))
    } else {
        (scaled(source.width, bounds.height, source.height), bounds.height)
    };
    // To the nearest even side, as long as it stays within.
    let side = |side: usize, most: usize| even(side + 1).min(even(most));
    Size { width: side(width, bounds.width), height: side(height, bounds.height) }
}

/// Makes pictures for one request. Keeps what depends on the size of the images only.
#[derive(Debug)]
pub struct Scaler {
    request: Request,
    luma: Option<Plan>,
    chroma: Option<Plan>,
    /// Planes on their way to an interleaved format.
    scratch: Vec<u8>,
}

impl Scaler {
    /// For a request.
    pub fn new(request: Request) -> Self {
        Self { request, luma: None, chroma: None, scratch: Vec::new() }
    }

    /// Replaces `pixels` by the picture; gives its width and height.
    pub fn scale(&mut self, image: &Image, pixels: &mut Vec<u8>) -> (u32, u32) {
        let layout = self.request.layout(image);
        let area = layout.canvas.width * layout.canvas.height;
        let half = half(layout.canvas);
        let chroma_area = half.width * half.height;
        match self.request.format {
            PixelFormat::Gray8 => {
                pixels.resize(area, 0);
                self.luma(image, layout, pixels);
            }
            PixelFormat::I420 => {
                pixels.resize(area + 2 * chroma_area, 0);
                let (y, chroma) = pixels.split_at_mut(area);
                let (u, v) = chroma.split_at_mut(chroma_area);
                self.luma(image, layout, y);
                self.chroma(image, layout, u, v);
            }
            PixelFormat::Nv12 => {
                pixels.resize(area + 2 * chroma_area, 0);
                let mut scratch = std::mem::take(&mut self.scratch);
                scratch.resize(2 * chroma_area, 0);
                let (y, chroma) = pixels.split_at_mut(area);
                let (u, v) = scratch.split_at_mut(chroma_area);
                self.luma(image, layout, y);
                self.chroma(image, layout, u, v);
                for ((pair, u), v) in chroma.chunks_exact_mut(2).zip(&*u).zip(&*v) {
                    pair.copy_from_slice(&[*u, *v]);
                }
                self.scratch = scratch;
            }
            PixelFormat::Rgb24 => self.rgb::<3>(image, layout, pixels),
            PixelFormat::Rgba32 => self.rgb::<4>(image, layout, pixels),
        }
        let side = |side: usize| u32::try_from(side).expect("at most ANALYSIS_SIDE or the image's");
        (side(layout.canvas.width), side(layout.canvas.height))
    }

    fn luma(&mut self, image: &Image, layout: Layout, out: &mut [u8]) {
        let source = Size { width: image.width as usize, height: image.height as usize };
        let plan = planned(&mut self.luma, source, layout.inner);
        if layout.inner != layout.canvas {
            out.fill(image.colour.black());
        }
        let stride = layout.canvas.width;
        let samples = &mut out[layout.top * stride + layout.left..];
        plan.run(&image.y, Window { samples, stride });
    }

    fn chroma(&mut self, image: &Image, layout: Layout, u: &mut [u8], v: &mut [u8]) {
        const GRAY: u8 = 128;
        let (width, height) = image.chroma_size();
        let source = Size { width: width as usize, height: height as usize };
        let plan = planned(&mut self.chroma, source, half(layout.inner));
        let stride = half(layout.canvas).width;
        for (plane, out) in [(&image.u, u), (&image.v, v)] {
            if layout.inner != layout.canvas {
                out.fill(GRAY);
            }
            let samples = &mut out[layout.top / 2 * stride + layout.left / 2..];
            plan.run(plane, Window { samples, stride });
        }
    }

    fn rgb<const BYTES: usize>(&mut self, image: &Image, layout: Layout, pixels: &mut Vec<u8>) {
        let (canvas, half) = (layout.canvas, half(layout.canvas));
        let (area, chroma_area) = (canvas.width * canvas.height, half.width * half.height);
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.resize(area + 2 * chroma_area, 0);
        let (y, chroma) = scratch.split_at_mut(area);
        let (u, v) = chroma.split_at_mut(chroma_area);
        self.luma(image, layout, y);
        self.chroma(image, layout, u, v);
        pixels.resize(area * BYTES, 255);
        let convert = Convert::new(image.colour);
        let rows = pixels.chunks_exact_mut(canvas.width * BYTES).zip(y.chunks_exact(canvas.width));
        for (index, (out, y)) in rows.enumerate() {
            let chroma = index / 2 * half.width..(index / 2 + 1) * half.width;
            let (u, v) = (&u[chroma.clone()], &v[chroma]);
            let pairs = out.chunks_mut(2 * BYTES).zip(y.chunks(2)).zip(u.iter().zip(v));
            for ((out, y), (u, v)) in pairs {
                let tint = convert.tint(*u, *v);
                for (pixel, y) in out.chunks_exact_mut(BYTES).zip(y) {
                    pixel[..3].copy_from_slice(&convert.rgb(*y, tint));
                    pixel[3..].fill(255);
                }
            }
        }
        self.scratch = scratch;
    }
}

fn half(size: Size) -> Size {
    Size { width: size.width.div_ceil(2), height: size.height.div_ceil(2) }
}

fn planned(plan: &mut Option<Plan>, source: Size, target: Size) -> &mut Plan {
    if !plan.as_ref().is_some_and(|plan| plan.fits(source, target)) {
        *plan = None;
    }
    plan.get_or_insert_with(|| Plan::new(source, target))
}

/// Luma and chroma to red, green and blue (ITU-T H.273, 8.3), in steps of 1/65536.
#[derive(Clone, Copy)]
struct Convert {
    black: i32,
    luma: i32,
    red: i32,
    green: (i32, i32),
    blue: i32,
}

impl Convert {
    fn new(colour: Colour) -> Self {
        let (kr, kb) = match colour.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
            Matrix::Bt2020 => (0.2627, 0.0593),
        };
        let kg = 1.0 - kr - kb;
        let (luma, chroma) =
            if colour.full_range { (1.0, 1.0) } else { (255.0 / 219.0, 255.0 / 224.0) };
        let fixed = |value: f64| (value * 65536.0_f64).round() as i32;
        Self {
            black: i32::from(colour.black()),
            luma: fixed(luma),
            red: fixed(2.0 * (1.0 - kr) * chroma),
            green: (
                fixed(-2.0 * (1.0 - kb) * kb / kg * chroma),
                fixed(-2.0 * (1.0 - kr) * kr / kg * chroma),
            ),
            blue: fixed(2.0 * (1.0 - kb) * chroma),
        }
    }

    fn tint(self, u: u8, v: u8) -> [i32; 3] {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        [self.red * v, self.green.0 * u + self.green.1 * v, self.blue * u]
    }

    fn rgb(self, y: u8, tint: [i32; 3]) -> [u8; 3] {
        let luma = (i32::from(y) - self.black) * self.luma + 32768;
        tint.map(|tint| u8::try_from(((luma + tint) >> 16).clamp(0, 255)).unwrap_or(u8::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flat(width: u32, height: u32, sample: [u8; 3], full_range: bool) -> Image {
        let colour = Colour::from_stream(Some(1), full_range, height);
        let area = (width * height) as usize;
        let chroma = (width.div_ceil(2) * height.div_ceil(2)) as usize;
        let [y, u, v] = sample;
        Image { width, height, colour, y: vec![y; area], u: vec![u; chroma], v: vec![v; chroma] }
    }

    #[test]
    fn sizes_of_pictures() {
        for (format, bytes) in [
            (PixelFormat::Gray8, 15),
            (PixelFormat::I420, 27),
            (PixelFormat::Nv12, 27),
            (PixelFormat::Rgb24, 45),
            (PixelFormat::Rgba32, 60),
        ] {
            assert_eq!(format.bytes(5, 3), bytes, "{format:?}");
        }
    }

    fn request(format: PixelFormat, width_max: u32, height_max: u32, fit: Fit) -> Request {
        Request { format, width_max, height_max, fit }
    }

    #[test]
    fn sizes() {
        for (source, bounds, fit, canvas, inner) in [
            ((768, 432), (320, 180), Fit::Preserve, (320, 180), (320, 180)),
            ((768, 432), (320, 320), Fit::Preserve, (320, 180), (320, 180)),
            ((640, 480), (320, 180), Fit::Preserve, (240, 180), (240, 180)),
            ((320, 180), (640, 640), Fit::Preserve, (320, 180), (320, 180)),
            ((321, 181), (640, 640), Fit::Preserve, (320, 180), (320, 180)),
            ((8000, 2), (100, 100), Fit::Preserve, (100, 2), (100, 2)),
            ((768, 432), (101, 77), Fit::Stretch, (101, 77), (101, 77)),
            ((768, 432), (320, 320), Fit::Pad, (320, 320), (320, 180)),
            ((160, 90), (320, 320), Fit::Pad, (320, 320), (320, 180)),
            ((768, 432), (0, 0), Fit::Stretch, (2, 2), (2, 2)),
        ] {
            let image = flat(source.0, source.1, [0; 3], true);
            let layout = request(PixelFormat::Gray8, bounds.0, bounds.1, fit).layout(&image);
            let sides = |size: Size| (size.width, size.height);
            assert_eq!(
                (sides(layout.canvas), sides(layout.inner)),
                (canvas, inner),
                "{source:?} into {bounds:?}, {fit:?}"
            );
        }
    }

    #[test]
    fn formats() {
        let check = |format, expected: &[u8]| {
            let mut pixels = vec![1, 2, 3];
            let image = flat(4, 4, [81, 90, 240], false);
            let size = Scaler::new(request(format, 2, 2, Fit::Stretch)).scale(&image, &mut pixels);
            assert_eq!((size, &pixels[..]), ((2, 2), expected), "{format:?}");
        };
        check(PixelFormat::Gray8, &[81; 4]);
        check(PixelFormat::I420, &[81, 81, 81, 81, 90, 240]);
        check(PixelFormat::Nv12, &[81, 81, 81, 81, 90, 240]);
        // BT.709: (y - 16) * 255/219 + 1.5748 * 255/224 * (v - 128), and so on.
        check(PixelFormat::Rgb24, &[255, 24, 0].repeat(4));
        check(PixelFormat::Rgba32, &[255, 24, 0, 255].repeat(4));
    }

    #[test]
    fn white_and_black_are_so_in_both_ranges() {
        for (sample, full_range, expected) in
            [(16, false, 0), (235, false, 255), (0, true, 0), (255, true, 255), (126, false, 128)]
        {
            let mut pixels = Vec::new();
            let image = flat(2, 2, [sample, 128, 128], full_range);
            Scaler::new(request(PixelFormat::Rgb24, 2, 2, Fit::Stretch)).scale(&image, &mut pixels);
            assert_eq!(pixels, [expected; 12], "{sample} {full_range}");
        }
    }

    #[test]
    fn padding_is_black_and_around() {
        let mut scaler = Scaler::new(request(PixelFormat::I420, 4, 8, Fit::Pad));
        let mut pixels = vec![77; 5];
        for _ in 0..2 {
            scaler.scale(&flat(8, 8, [200, 60, 70], false), &mut pixels);
            let rows: Vec<u8> = pixels[..32].chunks(4).map(|row| row[0]).collect();
            assert_eq!(rows, [16, 16, 200, 200, 200, 200, 16, 16]);
            assert_eq!(
                pixels[32..],
                [128, 128, 60, 60, 60, 60, 128, 128, 128, 128, 70, 70, 70, 70, 128, 128]
            );
        }
    }

    proptest! {
        #[test]
        fn every_request_gives_its_size(
            source in (1u32..70, 1u32..70), bounds in (0u32..70, 0u32..70), kind in 0usize..15,
        ) {
            let format = [PixelFormat::Gray8, PixelFormat::I420, PixelFormat::Nv12,
                PixelFormat::Rgb24, PixelFormat::Rgba32][kind % 5];
            let fit = [Fit::Preserve, Fit::Stretch, Fit::Pad][kind / 5];
            let mut pixels = Vec::new();
            let mut scaler = Scaler::new(request(format, bounds.0, bounds.1, fit));
            let image = flat(source.0, source.1, [9; 3], true);
            let (width, height) = scaler.scale(&image, &mut pixels);
            let chroma = width.div_ceil(2) * height.div_ceil(2);
            let expected = match format {
                PixelFormat::Gray8 => width * height,
                PixelFormat::I420 | PixelFormat::Nv12 => width * height + 2 * chroma,
                PixelFormat::Rgb24 => width * height * 3,
                PixelFormat::Rgba32 => width * height * 4,
            };
            prop_assert_eq!(pixels.len(), expected as usize);
            prop_assert!(width <= bounds.0.max(2) && height <= bounds.1.max(2));
            prop_assert!(fit != Fit::Preserve || (width % 2 == 0 && height % 2 == 0));
        }
    }
}
