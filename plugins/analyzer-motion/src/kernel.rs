//! The per-pixel work: two backgrounds, noise and stillness a pixel; a gray picture in, a mask of what
//! differs out. Pure, in chunks of 64 pixels, the same code natively and as WASM. Knows nothing of
//! blobs, zones or time: rates are per picture.
//!
//! The first background follows slow changes of light. What stands still in front of it long enough
//! becomes background itself, and what it hid is remembered as the second one: when the person leaves,
//! the room behind is known, and no ghost stays where they stood. Of two backgrounds the one that was
//! seen in more quiet pictures is kept when a third comes: a person who shifts from foot to foot does
//! not push the room out of memory.

use wardline_sdk::kernels::{CHUNK, Plane};

use crate::state::{Reader, Writer};

/// Times the pixel's own noise that a difference must exceed, as a shift: 4.
const NOISE_SHIFT: u16 = 6;
/// The noise is a running mean over 2^7 pictures: walking by hardly raises it, a waving tree does.
const NOISE_MEMORY: u16 = 7;
/// A background seen in so many pictures counts as old.
const SEEN_MAX: u16 = 255;
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
    /// Nothing moved of late: what is seen now is the room, and gains trust.
    pub quiet: bool,
    /// The second background fades by a level into a first one that has been seen for long.
    pub fade: bool,
}

/// What is remembered of every pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Background {
    /// In 1/256 levels.
    first: Plane<u16>,
    /// In levels.
    second: Plane<u8>,
    /// Quiet pictures that showed the first background, and the second; at most 255.
    seen_first: Plane<u8>,
    seen_second: Plane<u8>,
    /// Mean difference from picture to picture, in 1/256 levels.
    noise: Plane<u16>,
    /// Pictures for which the pixel differed from both backgrounds and not from the last picture.
    still: Plane<u8>,
    last: Plane<u8>,
    current: Plane<u8>,
    mask: Plane<u8>,
    alive: Plane<u8>,
}

impl Background {
    /// The first picture is the background.
    #[must_use]
    pub fn new(pixels: &[u8]) -> Self {
        let mut background = Self {
            first: Plane::new(pixels.len()),
            second: Plane::new(pixels.len()),
            seen_first: Plane::new(pixels.len()),
            seen_second: Plane::new(pixels.len()),
            noise: Plane::new(pixels.len()),
            still: Plane::new(pixels.len()),
            last: Plane::new(pixels.len()),
            current: Plane::new(pixels.len()),
            mask: Plane::new(pixels.len()),
            alive: Plane::new(pixels.len()),
        };
        for (to, from) in background.first.values_mut().iter_mut().zip(pixels) {
            *to = u16::from(*from) << 8;
        }
        background.second.load(pixels);
        background.noise.fill(NOISE_AT_FIRST);
        background.last.load(pixels);
        background
    }

    /// Writes all that the next picture is judged by.
    pub fn save(&self, to: &mut Writer) {
        to.reserve(9 * self.first.len());
        to.fine_levels(self.first.values());
        to.fine_levels(self.noise.values());
        for plane in [&self.second, &self.seen_first, &self.seen_second, &self.still, &self.last] {
            to.levels(plane.values());
        }
    }

    /// Goes on from what another of the same size wrote.
    ///
    /// # Errors
    /// It is cut short: this background is of no use then.
    pub fn load(&mut self, from: &mut Reader<'_>) -> Result<(), String> {
        from.fine_levels(self.first.values_mut())?;
        from.fine_levels(self.noise.values_mut())?;
        for plane in [
            &mut self.second,
            &mut self.seen_first,
            &mut self.seen_second,
            &mut self.still,
            &mut self.last,
        ] {
            from.levels(plane.values_mut())?;
        }
        Ok(())
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
            .zip(self.seen_first.chunks_mut())
            .zip(self.seen_second.chunks_mut())
            .zip(self.noise.chunks_mut())
            .zip(self.still.chunks_mut())
            .zip(self.mask.chunks_mut())
            .zip(self.alive.chunks_mut());
        for (((((rest, seen_second), noise), still), mask), alive) in planes {
            let ((((current, last), first), second), seen_first) = rest;
            let chunk = Chunk {
                current,
                last,
                first,
                second,
                seen_first,
                seen_second,
                noise,
                still,
                mask,
                alive,
            };
            count += u32::from(chunk.look(step));
        }
        count
    }

    /// 1 where the last picture differed, 0 elsewhere.
    #[must_use]
    pub fn mask(&self) -> &[u8] {
        self.mask.values()
    }

    /// 1 where it differed from the picture before as well, 0 elsewhere. A ghost, or what was put
    /// down and left, is in the mask and not here.
    #[must_use]
    pub fn alive(&self) -> &[u8] {
        self.alive.values()
    }
}

/// The same 64 pixels of every plane.
struct Chunk<'a> {
    current: &'a [u8; CHUNK],
    last: &'a mut [u8; CHUNK],
    first: &'a mut [u16; CHUNK],
    second: &'a mut [u8; CHUNK],
    seen_first: &'a mut [u8; CHUNK],
    seen_second: &'a mut [u8; CHUNK],
    noise: &'a mut [u16; CHUNK],
    still: &'a mut [u8; CHUNK],
    mask: &'a mut [u8; CHUNK],
    alive: &'a mut [u8; CHUNK],
}

impl Chunk<'_> {
    /// In words and masks without a branch, so that the compiler makes SIMD of it: with `if` and `&&`
    /// it unrolls 64 scalar copies instead, three times slower.
    #[inline(always)]
    fn look(self, step: Step) -> u8 {
        let threshold = u16::from(step.threshold);
        let rate = u16::from(step.rate);
        let patience = u16::from(step.patience);
        let quiet = u16::from(step.quiet);
        let fade = u16::from(step.fade);
        for index in 0..CHUNK {
            let pixel = u16::from(self.current[index]);
            let one = self.first[index];
            let level = (one + 128) >> 8;
            let two = u16::from(self.second[index]);
            let seen_one = u16::from(self.seen_first[index]);
            let seen_two = u16::from(self.seen_second[index]);
            let noise = self.noise[index];
            let change = pixel.abs_diff(u16::from(self.last[index]));

            let limit = threshold + (noise >> NOISE_SHIFT);
            let is_first = all_if(pixel.abs_diff(level) <= limit);
            let is_second = all_if(pixel.abs_diff(two) <= limit) & !is_first;
            let differs = !(is_first | is_second);
            let rests = all_if(change <= limit);
            let waited = (u16::from(self.still[index]) + 1) & differs & rests;
            let absorbed = all_if(waited >= patience);

            // The second is seen again, or something was still for long: it becomes the first, and the
            // first becomes the second unless a second that was seen for longer has to go for it.
            let kept = is_second | (absorbed & all_if(seen_one >= seen_two));
            let learned = one - (one >> rate) + (pixel << (8 - rate));
            let anew = is_second | absorbed;
            self.first[index] = either(anew, pixel << 8, either(is_first, learned, one));
            let fades = is_first & all_if(seen_one == SEEN_MAX) & fade;
            let faded = two + (fades & all_if(two < level)) - (fades & all_if(two > level));
            self.second[index] = either(kept, level, faded) as u8;
            let seen_more = seen_one + (is_first & all_if(seen_one < SEEN_MAX) & quiet);
            self.seen_first[index] = either(is_second, seen_two, seen_more & !absorbed) as u8;
            self.seen_second[index] = either(kept, seen_one, seen_two) as u8;

            self.noise[index] = noise - (noise >> NOISE_MEMORY) + (change << (8 - NOISE_MEMORY));
            self.still[index] = (waited & !absorbed) as u8;
            self.last[index] = self.current[index];
            self.mask[index] = (differs & 1) as u8;
            self.alive[index] = (differs & !rests & 1) as u8;
        }
        self.mask.iter().sum()
    }
}

/// All bits where it holds, none where not.
#[inline(always)]
fn all_if(holds: bool) -> u16 {
    u16::from(holds).wrapping_neg()
}

/// `yes` where all bits are set, `no` where none is.
#[inline(always)]
fn either(mask: u16, yes: u16, no: u16) -> u16 {
    (yes & mask) | (no & !mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Step = Step { threshold: 16, rate: 4, patience: 10, quiet: true, fade: false };

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
    fn who_shifts_from_foot_to_foot_does_not_hide_the_room() {
        let mut background = Background::new(&[100; 100]);
        look(&mut background, 100, 50);
        for level in [160, 200, 30, 220] {
            look(&mut background, level, 12);
        }
        assert_eq!(look(&mut background, 100, 1), 0);
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
        let mut state = Writer::default();
        old.save(&mut state);
        let state = state.into_bytes();
        let mut new = Background::new(&[0; 100]);
        new.load(&mut Reader::new(&state)).unwrap();
        assert_eq!(new.look(&[100; 100], STEP), 0);
        assert_eq!(new.look(&[160; 100], STEP), 0);
    }
}
