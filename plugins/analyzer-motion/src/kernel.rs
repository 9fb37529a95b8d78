//! The per-pixel work: two backgrounds, noise and stillness a pixel; a gray picture in, what differs
//! out. Pure, in blocks of 16 pixels, the same code natively and as WASM. Knows nothing of blobs, zones
//! or time.
//!
//! The first background follows slow changes of light. What stands still in front of it long enough
//! becomes background itself, and what it hid is remembered as the second one: when the person leaves,
//! the room behind is known, and no ghost stays where they stood. Of two backgrounds the one that was
//! seen in more quiet pictures is kept when a third comes: a person who shifts from foot to foot does
//! not push the room out of memory.

use wardline_sdk::snapshot::{Reader, Writer};

/// Pixels in a block: bytes that a SIMD register holds.
const LANES: usize = 16;
/// What differs from both backgrounds.
pub const DIFFERS: u8 = 1;
/// And from the picture before as well. A ghost, or what was put down and left, does not. Four of
/// either bit add up in a byte.
pub const ALIVE: u8 = 1 << 4;
/// Times the pixel's own noise that a difference must exceed, as a shift: 4.
const NOISE_SHIFT: u16 = 6;
/// The noise is a running mean over 2^7 pictures: walking by hardly raises it, a waving tree does.
const NOISE_MEMORY: u16 = 7;
/// A background seen in so many pictures counts as old.
const SEEN_MAX: u8 = 255;
/// What a new pixel's noise is taken to be, in 1/256 levels.
const NOISE_AT_FIRST: u16 = 2 * 256;

/// How fast the first background moves: by 2^-rate of the difference a picture. There are but these,
/// since code is compiled for each: shifts by what is known only later cost twice as much as WASM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// Within 4 pictures.
    Fast = 2,
    /// Within 16.
    Usual = 4,
    /// Within 64.
    Slow = 6,
}

/// How one picture is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Levels (0..255) that a pixel must differ at least.
    pub threshold: u8,
    /// How fast the first background moves.
    pub rate: Rate,
    /// Pictures after which something still becomes background; at least 1.
    pub patience: u8,
    /// Nothing moved of late: what is seen now is the room, and gains trust.
    pub quiet: bool,
    /// The second background fades by a level into a first one that has been seen for long.
    pub fade: bool,
}

/// Bytes that a pixel takes in memory, 2 of them while it is saved or loaded, and in a snapshot.
pub const BYTES: (usize, usize) = (12, 9);

/// What is remembered of 16 pixels, side by side: the next block is a constant away, and eleven
/// streams of memory are three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    /// The first background in whole levels, and 1/256 beyond: in bytes all of the loop is 16 wide.
    first: [u8; LANES],
    first_parts: [u8; LANES],
    second: [u8; LANES],
    /// Quiet pictures that showed the first background, and the second; at most 255.
    seen_first: [u8; LANES],
    seen_second: [u8; LANES],
    /// Mean difference from picture to picture, in 1/256 levels.
    noise: [u16; LANES],
    /// Pictures for which the pixel differed from both backgrounds and not from the last picture.
    still: [u8; LANES],
    last: [u8; LANES],
}

/// What is remembered of every pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Background {
    blocks: Vec<Block>,
    changes: Vec<[u8; LANES]>,
    /// Without what fills the last block.
    pixels: usize,
}

impl Background {
    /// The first picture is the background.
    #[must_use]
    pub fn new(pixels: &[u8]) -> Self {
        let mut background = Self::blank(pixels.len());
        for (block, pixels) in background.blocks.iter_mut().zip(pixels.chunks(LANES)) {
            for plane in [&mut block.first, &mut block.second, &mut block.last] {
                plane[..pixels.len()].copy_from_slice(pixels);
            }
            block.noise = [NOISE_AT_FIRST; LANES];
        }
        background
    }

    fn blank(pixels: usize) -> Self {
        let block = Block {
            first: [0; LANES],
            first_parts: [0; LANES],
            second: [0; LANES],
            seen_first: [0; LANES],
            seen_second: [0; LANES],
            noise: [0; LANES],
            still: [0; LANES],
            last: [0; LANES],
        };
        let blocks = pixels.div_ceil(LANES);
        Self { blocks: vec![block; blocks], changes: vec![[0; LANES]; blocks], pixels }
    }

    /// Writes all that the next picture is judged by.
    pub fn save(&self, to: &mut Writer) {
        to.reserve(BYTES.1 * self.pixels);
        to.fine_levels(&self.plane(Block::fine_first));
        to.fine_levels(&self.plane(|block| block.noise));
        to.levels(&self.plane(|block| block.second));
        to.levels(&self.plane(|block| block.seen_first));
        to.levels(&self.plane(|block| block.seen_second));
        to.levels(&self.plane(|block| block.still));
        to.levels(&self.plane(|block| block.last));
    }

    fn plane<T>(&self, of: impl Fn(&Block) -> [T; LANES]) -> Vec<T> {
        let plane: Vec<_> = self.blocks.iter().map(of).collect();
        let mut plane = plane.into_flattened();
        plane.truncate(self.pixels);
        plane
    }

    /// What another of so many pixels wrote.
    ///
    /// # Errors
    /// It is cut short.
    pub fn load(pixels: usize, from: &mut Reader<'_>) -> Result<Self, String> {
        let mut background = Self::blank(pixels);
        background.set_fine(from, Block::set_fine_first)?;
        background.set_fine(from, |block, noise| block.noise = noise)?;
        background.set(from, |block, second| block.second = second)?;
        background.set(from, |block, seen| block.seen_first = seen)?;
        background.set(from, |block, seen| block.seen_second = seen)?;
        background.set(from, |block, still| block.still = still)?;
        background.set(from, |block, last| block.last = last)?;
        Ok(background)
    }

    fn set_fine(
        &mut self,
        from: &mut Reader<'_>,
        set: impl Fn(&mut Block, [u16; LANES]),
    ) -> Result<(), String> {
        let mut plane = vec![[0; LANES]; self.blocks.len()];
        from.fine_levels(&mut plane.as_flattened_mut()[..self.pixels])?;
        self.blocks.iter_mut().zip(plane).for_each(|(block, plane)| set(block, plane));
        Ok(())
    }

    fn set(
        &mut self,
        from: &mut Reader<'_>,
        set: impl Fn(&mut Block, [u8; LANES]),
    ) -> Result<(), String> {
        let mut plane = vec![[0; LANES]; self.blocks.len()];
        from.levels(&mut plane.as_flattened_mut()[..self.pixels])?;
        self.blocks.iter_mut().zip(plane).for_each(|(block, plane)| set(block, plane));
        Ok(())
    }

    /// Looks at one picture of the same size as the first one. Gives the number of pixels that
    /// differ; [`Background::changes`] says which.
    pub fn look(&mut self, pixels: &[u8], step: Step) -> u32 {
        let (blocks, rest) = pixels.as_chunks();
        let mut padded = [0; LANES];
        padded[..rest.len()].copy_from_slice(rest);
        let padded = if rest.is_empty() { &[] } else { core::slice::from_ref(&padded) };
        [(blocks, 0), (padded, blocks.len())]
            .into_iter()
            .map(|(blocks, from)| {
                if step.fade {
                    self.fade_at(blocks, from, step.threshold);
                }
                match step.rate {
                    Rate::Fast => self.look_at::<{ Rate::Fast as u16 }>(blocks, from, step),
                    Rate::Usual => self.look_at::<{ Rate::Usual as u16 }>(blocks, from, step),
                    Rate::Slow => self.look_at::<{ Rate::Slow as u16 }>(blocks, from, step),
                }
            })
            .sum()
    }

    /// Looks at these blocks of a picture, which begin with the one of number `from`.
    fn look_at<const RATE: u16>(&mut self, pixels: &[[u8; LANES]], from: usize, step: Step) -> u32 {
        let blocks = self.blocks[from..].iter_mut().zip(&mut self.changes[from..]);
        (pixels.iter().zip(blocks))
            .map(|(pixels, (block, changes))| {
                look::<RATE>(pixels, block, changes, step);
                count(changes)
            })
            .sum()
    }

    fn fade_at(&mut self, pixels: &[[u8; LANES]], from: usize, threshold: u8) {
        for (pixels, block) in pixels.iter().zip(&mut self.blocks[from..]) {
            fade(pixels, block, threshold);
        }
    }

    /// [`DIFFERS`] and [`ALIVE`] where the last picture did.
    #[must_use]
    pub fn changes(&self) -> &[u8] {
        &self.changes.as_flattened()[..self.pixels]
    }
}

impl Block {
    /// The first background, rounded.
    #[inline(always)]
    fn level(&self, at: usize) -> u8 {
        self.first[at].wrapping_add(self.first_parts[at] >> 7)
    }

    /// The first background in 1/256 levels.
    fn fine_first(&self) -> [u16; LANES] {
        core::array::from_fn(|at| u16::from_le_bytes([self.first_parts[at], self.first[at]]))
    }

    fn set_fine_first(&mut self, levels: [u16; LANES]) {
        self.first = levels.map(|level| (level >> 8) as u8);
        self.first_parts = levels.map(|level| level as u8);
    }
}

/// Looks at 16 pixels.
///
/// In masks without a branch, in loops of 16 turns over bytes, so that the compiler makes one register
/// of every variable. What reads or writes 16 bits stands in loops of its own: among bytes it would
/// make all of them 8 wide.
#[inline(always)]
fn look<const RATE: u16>(
    pixels: &[u8; LANES],
    block: &mut Block,
    changes: &mut [u8; LANES],
    step: Step,
) {
    let quiet = u8::from(step.quiet);
    let limit = limits(&block.noise, step.threshold);
    let mut swing = [0; LANES];
    for at in 0..LANES {
        let (pixel, level, second) = (pixels[at], block.level(at), block.second[at]);
        let (seen_first, seen_second) = (block.seen_first[at], block.seen_second[at]);
        swing[at] = pixel.abs_diff(block.last[at]);

        let is_first = all_if(pixel.abs_diff(level) <= limit[at]);
        let is_second = unless(is_first, all_if(pixel.abs_diff(second) <= limit[at]));
        let differs = !(is_first | is_second);
        let rests = all_if(swing[at] <= limit[at]);
        let waited = block.still[at].wrapping_add(1) & differs & rests;
        let absorbed = all_if(waited >= step.patience);

        // The second is seen again, or something was still for long: it becomes the first, and the
        // first becomes the second unless a second that was seen for longer has to go for it.
        let anew = is_second | absorbed;
        let kept = anew & (is_second | all_if(seen_first >= seen_second));
        block.second[at] = either(kept, level, second);
        let seen_more = unless(absorbed, seen_first.saturating_add(is_first & quiet));
        block.seen_first[at] = either(is_second, seen_second, seen_more);
        block.seen_second[at] = either(kept, seen_first, seen_second);

        let (first, parts) = (block.first[at], block.first_parts[at]);
        let fine = (u16::from(first) << 8) | u16::from(parts);
        let learned = fine - (fine >> RATE) + (u16::from(pixel) << (8 - RATE));
        block.first[at] = either(anew, pixel, either(is_first, (learned >> 8) as u8, first));
        block.first_parts[at] = either(is_first, learned as u8, parts) & !anew;

        block.still[at] = unless(absorbed, waited);
        block.last[at] = pixel;
        changes[at] = (differs & DIFFERS) | unless(rests, differs & ALIVE);
    }
    for (noise, swing) in block.noise.iter_mut().zip(swing) {
        *noise = *noise - (*noise >> NOISE_MEMORY) + (u16::from(swing) << (8 - NOISE_MEMORY));
    }
}

/// Fades the second background of 16 pixels. On few pictures, so [`look`] does without it.
#[inline(always)]
fn fade(pixels: &[u8; LANES], block: &mut Block, threshold: u8) {
    let limit = limits(&block.noise, threshold);
    for at in 0..LANES {
        let (level, second) = (block.level(at), block.second[at]);
        let is_first = all_if(pixels[at].abs_diff(level) <= limit[at]);
        let fades = is_first & all_if(block.seen_first[at] == SEEN_MAX) & 1;
        let faded = second.wrapping_add(fades & all_if(second < level));
        block.second[at] = faded.wrapping_sub(fades & all_if(second > level));
    }
}

/// How far a pixel may be from what it is taken for. More than 255 is as good as 255: no two levels
/// differ by more.
#[inline(always)]
fn limits(noise: &[u16; LANES], threshold: u8) -> [u8; LANES] {
    noise.map(|noise| (u16::from(threshold) + (noise >> NOISE_SHIFT)).min(255) as u8)
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

/// `value` where no bit is set, 0 where all are. Of `value & !mask` the compiler makes a second
/// comparison, the other way round, and as WASM that is four instructions.
#[inline(always)]
fn unless(mask: u8, value: u8) -> u8 {
    value.saturating_sub(mask)
}

/// How many of these differ: words of eight bytes add up without a carry.
#[inline(always)]
fn count(changes: &[u8; LANES]) -> u32 {
    const EACH: u64 = u64::from_ne_bytes([DIFFERS; 8]);
    let words = changes.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes) & EACH);
    (words.sum::<u64>().wrapping_mul(EACH) >> 56) as u32
}

#[cfg(test)]
mod tests;
