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
use wardline_sdk::snapshot::{Reader, Writer};

/// Times the pixel's own noise that a difference must exceed, as a shift: 4.
const NOISE_SHIFT: u16 = 6;
/// The noise is a running mean over 2^7 pictures: walking by hardly raises it, a waving tree does.
const NOISE_MEMORY: u16 = 7;
/// A background seen in so many pictures counts as old.
const SEEN_MAX: u8 = 255;
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

/// Bytes that a pixel takes in memory, and in a snapshot.
pub const BYTES: (usize, usize) = (11, 9);

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
    mask: Plane<u8>,
    alive: Plane<u8>,
}

impl Background {
    /// The first picture is the background.
    #[must_use]
    pub fn new(pixels: &[u8]) -> Self {
        let mut background = Self::blank(pixels.len());
        for (to, from) in background.first.values_mut().iter_mut().zip(pixels) {
            *to = u16::from(*from) << 8;
        }
        background.second.load(pixels);
        background.noise.fill(NOISE_AT_FIRST);
        background.last.load(pixels);
        background
    }

    fn blank(pixels: usize) -> Self {
        Self {
            first: Plane::new(pixels),
            second: Plane::new(pixels),
            seen_first: Plane::new(pixels),
            seen_second: Plane::new(pixels),
            noise: Plane::new(pixels),
            still: Plane::new(pixels),
            last: Plane::new(pixels),
            mask: Plane::new(pixels),
            alive: Plane::new(pixels),
        }
    }

    /// Writes all that the next picture is judged by.
    pub fn save(&self, to: &mut Writer) {
        to.reserve(BYTES.1 * self.first.len());
        to.fine_levels(self.first.values());
        to.fine_levels(self.noise.values());
        for plane in [&self.second, &self.seen_first, &self.seen_second, &self.still, &self.last] {
            to.levels(plane.values());
        }
    }

    /// What another of so many pixels wrote.
    ///
    /// # Errors
    /// It is cut short.
    pub fn load(pixels: usize, from: &mut Reader<'_>) -> Result<Self, String> {
        let mut background = Self::blank(pixels);
        from.fine_levels(background.first.values_mut())?;
        from.fine_levels(background.noise.values_mut())?;
        for plane in [
            &mut background.second,
            &mut background.seen_first,
            &mut background.seen_second,
            &mut background.still,
            &mut background.last,
        ] {
            from.levels(plane.values_mut())?;
        }
        Ok(background)
    }

    /// Looks at one picture of the same size as the first one. Gives the number of pixels that
    /// differ; [`Background::mask`] says which.
    pub fn look(&mut self, pixels: &[u8], step: Step) -> u32 {
        let (chunks, rest) = pixels.as_chunks();
        let mut padded = [0; CHUNK];
        padded[..rest.len()].copy_from_slice(rest);
        let padded = if rest.is_empty() { &[] } else { core::slice::from_ref(&padded) };
        self.look_at(chunks, 0, step) + self.look_at(padded, chunks.len(), step)
    }

    /// Looks at these chunks of a picture, which begin with the one of number `from`.
    fn look_at(&mut self, chunks: &[[u8; CHUNK]], from: usize, step: Step) -> u32 {
        let mut count = 0;
        let planes = (chunks.iter())
            .zip(&mut self.last.chunks_mut()[from..])
            .zip(&mut self.first.chunks_mut()[from..])
            .zip(&mut self.second.chunks_mut()[from..])
            .zip(&mut self.seen_first.chunks_mut()[from..])
            .zip(&mut self.seen_second.chunks_mut()[from..])
            .zip(&mut self.noise.chunks_mut()[from..])
            .zip(&mut self.still.chunks_mut()[from..])
            .zip(&mut self.mask.chunks_mut()[from..])
            .zip(&mut self.alive.chunks_mut()[from..]);
        for (((((rest, seen_second), noise), still), mask), alive) in planes {
            let ((((current, last), first), second), seen_first) = rest;
            count += u32::from(look(
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
                step,
            ));
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

/// The same 64 pixels of every plane; how many of them differ.
///
/// In masks without a branch, in loops of one width each, so that the compiler makes SIMD of all of it:
/// what fits into bytes is 16 pixels an instruction, levels in 1/256 are 8. With `if` it unrolls 64
/// scalar copies instead, and mixed widths cost it a conversion a step. Planes are arguments of their
/// own because only then does it know that they do not overlap.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "see above")]
fn look(
    current: &[u8; CHUNK],
    last: &mut [u8; CHUNK],
    first: &mut [u16; CHUNK],
    second: &mut [u8; CHUNK],
    seen_first: &mut [u8; CHUNK],
    seen_second: &mut [u8; CHUNK],
    noise: &mut [u16; CHUNK],
    still: &mut [u8; CHUNK],
    mask: &mut [u8; CHUNK],
    alive: &mut [u8; CHUNK],
    step: Step,
) -> u8 {
    let threshold = u16::from(step.threshold);
    let (quiet, fade) = (u8::from(step.quiet), u8::from(step.fade));
    let (mut level, mut limit) = ([0; CHUNK], [0; CHUNK]);
    for index in 0..CHUNK {
        level[index] = ((first[index] + 128) >> 8) as u8;
        // More than 255 is as good as 255: no two levels differ by more.
        limit[index] = (threshold + (noise[index] >> NOISE_SHIFT)).min(255) as u8;
    }
    let (mut change, mut learns, mut anew) = ([0; CHUNK], [0; CHUNK], [0; CHUNK]);
    for index in 0..CHUNK {
        let (pixel, one, two) = (current[index], level[index], second[index]);
        let (seen_one, seen_two) = (seen_first[index], seen_second[index]);
        change[index] = pixel.abs_diff(last[index]);

        let is_first = all_if(pixel.abs_diff(one) <= limit[index]);
        let is_second = all_if(pixel.abs_diff(two) <= limit[index]) & !is_first;
        let differs = !(is_first | is_second);
        let rests = all_if(change[index] <= limit[index]);
        let waited = still[index].wrapping_add(1) & differs & rests;
        let absorbed = all_if(waited >= step.patience);

        // The second is seen again, or something was still for long: it becomes the first, and the
        // first becomes the second unless a second that was seen for longer has to go for it.
        let kept = is_second | (absorbed & all_if(seen_one >= seen_two));
        learns[index] = is_first;
        anew[index] = is_second | absorbed;
        let fades = is_first & all_if(seen_one == SEEN_MAX) & fade;
        let faded =
            two.wrapping_add(fades & all_if(two < one)).wrapping_sub(fades & all_if(two > one));
        second[index] = either(kept, one, faded);
        let seen_more = seen_one.saturating_add(is_first & quiet);
        seen_first[index] = either(is_second, seen_two, seen_more & !absorbed);
        seen_second[index] = either(kept, seen_one, seen_two);

        still[index] = waited & !absorbed;
        last[index] = pixel;
        mask[index] = differs & 1;
        alive[index] = differs & !rests & 1;
    }
    for index in 0..CHUNK {
        let (pixel, one, swing) = (u16::from(current[index]), first[index], noise[index]);
        let learned = one - (one >> step.rate) + (pixel << (8 - step.rate));
        let (learns, anew) = (wide(learns[index]), wide(anew[index]));
        first[index] = (anew & (pixel << 8)) | (learns & learned) | (!(anew | learns) & one);
        noise[index] =
            swing - (swing >> NOISE_MEMORY) + (u16::from(change[index]) << (8 - NOISE_MEMORY));
    }
    count(mask)
}

/// All bits where it holds, none where not.
#[inline(always)]
fn all_if(holds: bool) -> u8 {
    u8::from(holds).wrapping_neg()
}

/// `yes` where all bits are set, `no` where none is.
#[inline(always)]
fn either(mask: u8, yes: u8, no: u8) -> u8 {
    (yes & mask) | (no & !mask)
}

/// The same mask for 16 bits.
#[inline(always)]
fn wide(mask: u8) -> u16 {
    i16::from(mask.cast_signed()).cast_unsigned()
}

/// How many ones there are among these zeros and ones: words of eight add up without a carry.
#[inline(always)]
fn count(mask: &[u8; CHUNK]) -> u8 {
    let words = mask.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
    (words.sum::<u64>().wrapping_mul(0x0101_0101_0101_0101) >> 56) as u8
}

#[cfg(test)]
mod tests;
