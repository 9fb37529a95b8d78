//! The per-pixel work: two backgrounds, noise and stillness a pixel; a gray picture in, a mask of what
//! differs out. Pure, in chunks of 64 pixels, the same code natively and as WASM. Knows nothing of
//! blobs, zones or time: rates are per picture.
//!
//! The first background follows slow changes of light. What stands still in front of it long enough
//! becomes background itself, and what it hid is remembered as the second one: when the person leaves,
//! the room behind is known, and no ghost stays where they stood.

use wardline_sdk::kernels::{CHUNK, Plane};

/// Times the pixel's own noise that a difference must exceed, as a shift: 4.
const NOISE_SHIFT: u16 = 6;
/// The noise is a running mean over 2^7 pictures: walking by hardly raises it, a waving tree does.
const NOISE_MEMORY: u16 = 7;
/// What a new pixel's noise is taken to be, in 1/256 levels.
const NOISE_AT_FIRST: u16 = 2 * 256;

/// How one picture is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Levels (0..255) that a pixel must differ at least.
    pub threshold: u8,
    /// The background moves by 2^-rate of the difference a picture; 1..=8.
    pub rate: u8,
    /// Pictures after which something still becomes background.
    pub patience: u8,
    /// The second background fades into the first one by a level with this picture.
    pub fade: bool,
}

/// What is remembered of every pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Background {
    /// In 1/256 levels.
    first: Plane<u16>,
    /// In levels.
    second: Plane<u8>,
    /// Mean difference from picture to picture, in 1/256 levels.
    noise: Plane<u16>,
    /// Pictures for which the pixel differed from both backgrounds and not from the last picture.
    still: Plane<u8>,
    last: Plane<u8>,
    current: Plane<u8>,
    mask: Plane<u8>,
}

impl Background {
    /// The first picture is the background.
    #[must_use]
    pub fn new(pixels: &[u8]) -> Self {
        let mut background = Self {
            first: Plane::new(pixels.len()),
            second: Plane::new(pixels.len()),
            noise: Plane::new(pixels.len()),
            still: Plane::new(pixels.len()),
            last: Plane::new(pixels.len()),
            current: Plane::new(pixels.len()),
            mask: Plane::new(pixels.len()),
        };
        background.restore(pixels, pixels, &[]);
        background
    }

    /// Goes on from what [`Background::levels`] gave; `noise` may be empty.
    pub fn restore(&mut self, first: &[u8], second: &[u8], noise: &[u8]) {
        for (to, from) in self.first.values_mut().iter_mut().zip(first) {
            *to = u16::from(*from) << 8;
        }
        self.second.load(second);
        self.noise.fill(NOISE_AT_FIRST);
        for (to, from) in self.noise.values_mut().iter_mut().zip(noise) {
            *to = u16::from(*from) << 4;
        }
        self.still.fill(0);
        self.last.load(first);
    }

    /// Both backgrounds, and the noise in 1/16 levels, one after the other.
    #[must_use]
    pub fn levels(&self) -> Vec<u8> {
        let first = self.first.values().iter().map(|level| (level >> 8) as u8);
        let noise = self.noise.values().iter().map(|noise| (noise >> 4).min(255) as u8);
        first.chain(self.second.values().iter().copied()).chain(noise).collect()
    }

    /// Looks at one picture of the same size as the first one. Gives the number of pixels that
    /// differ; [`Background::mask`] says which.
    pub fn look(&mut self, pixels: &[u8], step: Step) -> u32 {
        self.current.load(pixels);
        let mut count = 0;
        let planes = self
            .current
            .chunks()
            .iter()
            .zip(self.last.chunks_mut())
            .zip(self.first.chunks_mut())
            .zip(self.second.chunks_mut())
            .zip(self.noise.chunks_mut())
            .zip(self.still.chunks_mut())
            .zip(self.mask.chunks_mut());
        for ((((((current, last), first), second), noise), still), mask) in planes {
            count += u32::from(look_at_chunk(step, current, last, first, second, noise, still, mask));
        }
        count
    }

    /// 1 where the last picture differed, 0 elsewhere.
    #[must_use]
    pub fn mask(&self) -> &[u8] {
        self.mask.values()
    }
}

/// Branch-free, so that the compiler makes SIMD of it.
#[allow(clippy::too_many_arguments, reason = "one plane each: slices of a struct would not vectorize")]
fn look_at_chunk(
    step: Step,
    current: &[u8; CHUNK],
    last: &mut [u8; CHUNK],
    first: &mut [u16; CHUNK],
    second: &mut [u8; CHUNK],
    noise: &mut [u16; CHUNK],
    still: &mut [u8; CHUNK],
    mask: &mut [u8; CHUNK],
) -> u8 {
    let threshold = u16::from(step.threshold);
    let rate = u16::from(step.rate);
    let fade = u8::from(step.fade);
    let mut count = 0;
    for index in 0..CHUNK {
        let pixel = u16::from(current[index]);
        let one = first[index];
        let level = (one + 128) >> 8;
        let two = u16::from(second[index]);
        let change = pixel.abs_diff(u16::from(last[index]));

        let limit = threshold + (noise[index] >> NOISE_SHIFT);
        let is_first = pixel.abs_diff(level) <= limit;
        let is_second = pixel.abs_diff(two) <= limit;
        let differs = !is_first && !is_second;
        let waited = if differs && change <= limit { still[index].saturating_add(1) } else { 0 };
        let absorbed = waited >= step.patience;

        // Seen again, or still for long: the pixel becomes the first background, and that the second.
        let swaps = absorbed || (!is_first && is_second);
        let learned = one - (one >> rate) + (pixel << (8 - rate));
        first[index] = if swaps { pixel << 8 } else if is_first { learned } else { one };
        let towards = if two < level { two + 1 } else if two > level { two - 1 } else { two };
        let faded = if fade == 1 && is_first { towards } else { two };
        second[index] = (if swaps { level } else { faded }) as u8;
        noise[index] = noise[index] - (noise[index] >> NOISE_MEMORY) + (change << (8 - NOISE_MEMORY));
        still[index] = if absorbed { 0 } else { waited };
        last[index] = current[index];
        mask[index] = u8::from(differs);
        count += mask[index];
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Step = Step { threshold: 16, rate: 4, patience: 10, fade: false };

    fn look(background: &mut Background, level: u8, times: usize) -> u32 {
        (0..times).map(|_| background.look(&[level; 100], STEP)).last().unwrap_or(0)
    }

    #[test]
    fn what_differs_is_counted_without_the_padding() {
        let mut background = Background::new(&[100; 100]);
        assert_eq!(look(&mut background, 100, 1), 0);
        assert_eq!(look(&mut background, 160, 1), 100);
        assert!(background.mask().iter().all(|&bit| bit == 1));
    }

    #[test]
    fn what_stands_still_becomes_background_and_leaves_no_ghost() {
        let mut background = Background::new(&[100; 100]);
        assert_eq!(look(&mut background, 160, 11), 100);
        assert_eq!(look(&mut background, 160, 1), 0);
        assert_eq!(look(&mut background, 100, 1), 0, "the room behind is known");
        assert_eq!(look(&mut background, 160, 1), 0, "and so is what stood there");
        assert_eq!(look(&mut background, 30, 1), 100);
    }

    #[test]
    fn slow_light_is_followed() {
        let mut background = Background::new(&[60; 100]);
        for picture in 0..400_u32 {
            let level = 60 + (picture / 4) as u8;
            assert_eq!(background.look(&[level; 100], STEP), 0, "{level}");
        }
    }

    #[test]
    fn what_flickers_all_the_time_is_no_change_after_a_while() {
        let mut background = Background::new(&[100; 100]);
        let flicker = [100, 130, 70, 140];
        let mut late = 0;
        for picture in 0..600 {
            let count = background.look(&[flicker[picture % 4]; 100], STEP);
            late = if picture > 500 { late + count } else { 0 };
        }
        assert_eq!(late, 0);
    }

    #[test]
    fn a_snapshot_knows_the_room() {
        let mut old = Background::new(&[100; 100]);
        look(&mut old, 160, 20);
        let levels = old.levels();
        let mut new = Background::new(&[0; 100]);
        new.restore(&levels[..100], &levels[100..200], &levels[200..]);
        assert_eq!(new.look(&[100; 100], STEP), 0);
        assert_eq!(new.look(&[160; 100], STEP), 0);
    }
}
