//! A part of an image, as it was decoded.

use super::Image;
use crate::events::Area;

impl Image {
    /// The part of the image that covers `area`, and what that part is of the whole: clipped to the
    /// image, its edges moved outwards to even samples, so that chroma stays in its place. `None`:
    /// the area is not finite, is empty, or lies outside.
    pub fn cut(&self, area: Area) -> Option<(Self, Area)> {
        let (left, width) = stretch(area.x, area.width, self.width)?;
        let (top, height) = stretch(area.y, area.height, self.height)?;
        let (chroma_width, _) = self.chroma_size();
        let luma = Window { left, top, width, height, stride: self.width };
        let chroma = Window {
            left: left / 2,
            top: top / 2,
            width: width.div_ceil(2),
            height: height.div_ceil(2),
            stride: chroma_width,
        };
        let part = Self {
            width,
            height,
            colour: self.colour,
            y: luma.cut(&self.y),
            u: chroma.cut(&self.u),
            v: chroma.cut(&self.v),
        };
        let share = |samples: u32, of: u32| samples as f32 / of as f32;
        let area = Area {
            x: share(left, self.width),
            y: share(top, self.height),
            width: share(width, self.width),
            height: share(height, self.height),
        };
        Some((part, area))
    }
}

/// First sample and length of what `start..start + length` (parts of the whole) touches.
fn stretch(start: f32, length: f32, samples: u32) -> Option<(u32, u32)> {
    let (start, length, all) = (f64::from(start), f64::from(length), f64::from(samples));
    if !start.is_finite() || !length.is_finite() {
        return None;
    }
    let (first, last) = (start.clamp(0.0, 1.0), (start + length).clamp(0.0, 1.0));
    if last <= first {
        return None;
    }
    // A rounding error of 32-bit numbers must not take in another pair of samples.
    let slack = 1e-3;
    let even = |pairs: f64| 2 * pairs as u32;
    let begin = even((first * all / 2.0 + slack).floor());
    let end = even((last * all / 2.0 - slack).ceil()).min(samples);
    (end > begin).then(|| (begin, end - begin))
}

struct Window {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    stride: u32,
}

impl Window {
    fn cut(&self, plane: &[u8]) -> Vec<u8> {
        let size = |side: u32| side as usize;
        let rows = plane.chunks_exact(size(self.stride)).skip(size(self.top));
        let row = size(self.left)..size(self.left) + size(self.width);
        rows.take(size(self.height)).flat_map(|samples| &samples[row.clone()]).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::Colour;

    /// Every sample says where it is.
    fn image(width: u32, height: u32) -> Image {
        let colour = Colour::from_stream(None, true, height);
        let plane = |width: u32, height: u32, of: u8| -> Vec<u8> {
            (0..height).flat_map(|y| (0..width).map(move |x| (x + 16 * y) as u8 ^ of)).collect()
        };
        let (y, half) = (plane(width, height, 0), (width.div_ceil(2), height.div_ceil(2)));
        let (u, v) = (plane(half.0, half.1, 0x55), plane(half.0, half.1, 0xaa));
        Image { width, height, colour, y, u, v }
    }

    #[test]
    fn edges_move_outwards_to_even_samples() {
        let whole = image(15, 9);
        for (area, luma) in [
            ([0.0, 0.0, 1.0, 1.0], [0, 0, 15, 9]),
            ([0.2, 0.5, 0.2, 0.1], [2, 4, 4, 2]),
            ([0.95, 0.95, 0.05, 0.05], [14, 8, 1, 1]),
            ([-1.0, 0.5, 1.5, 9.0], [0, 4, 8, 5]),
        ] {
            let [x, y, width, height] = area;
            let (part, covered) = whole.cut(Area { x, y, width, height }).unwrap();
            let [left, top, width, height] = luma;
            assert_eq!((part.width, part.height), (width, height), "{area:?}");
            assert_eq!(part.y[0], (left + 16 * top) as u8);
            assert_eq!(part.y.len(), (width * height) as usize);
            assert_eq!(part.u[0], (left / 2 + 16 * (top / 2)) as u8 ^ 0x55);
            assert_eq!(part.v.len(), (width.div_ceil(2) * height.div_ceil(2)) as usize);
            assert!((covered.x - left as f32 / 15.0).abs() < 1e-6);
        }
    }

    proptest! {
        #[test]
        fn any_area_gives_a_sound_part_or_none(
            size in (1_u32..40, 1_u32..40), area in any::<[f32; 4]>(), small in any::<[u8; 4]>(),
        ) {
            let whole = image(size.0, size.1);
            let small = small.map(|part| f32::from(part) / 200.0 - 0.1);
            for [x, y, width, height] in [area, small] {
                if let Some((part, covered)) = whole.cut(Area { x, y, width, height }) {
                    let (columns, rows) = part.chroma_size();
                    prop_assert_eq!(part.y.len(), (part.width * part.height) as usize);
                    prop_assert_eq!(part.u.len(), (columns * rows) as usize);
                    prop_assert_eq!(part.v.len(), part.u.len());
                    prop_assert!(covered.x >= 0.0 && covered.x + covered.width <= 1.0 + 1e-6);
                }
            }
        }
    }
}
