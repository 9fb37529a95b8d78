//! From masks of pixels to blobs: cells of 4 by 4 pixels (which is the morphology: lone pixels vanish,
//! small holes close), joined with their neighbours. Pure geometry: knows neither light nor time.

use core::ops::Range;

use wardline_sdk::kernels::{CHUNK, Plane};

use crate::kernel::ALIVE;

/// Pixels on a cell's side.
pub const CELL: usize = 4;
/// Changed pixels that make a cell count, of 16.
const CELL_PIXELS_MIN: u8 = 5;
/// A blob is alive with so many changing pixels, and with one in so many of its own.
const ALIVE_PIXELS_MIN: u32 = 3;
const ALIVE_PART: u32 = 100;
/// Blobs given, largest first.
const BLOBS_MAX: usize = 8;

/// Cells that touch each other and changed together. Edges in pixels, right and bottom exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Blob {
    /// Left edge.
    pub left: usize,
    /// Top edge.
    pub top: usize,
    /// Right edge, exclusive.
    pub right: usize,
    /// Bottom edge, exclusive.
    pub bottom: usize,
    /// Changed pixels.
    pub pixels: u32,
    /// Those among them that changed since the last picture as well: few in a ghost.
    pub alive: u32,
    /// Zones it touches, a bit each.
    pub zones: u32,
}

impl Blob {
    /// Something moves in it, rather than having been put down or taken away.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.alive >= ALIVE_PIXELS_MIN.max(self.pixels / ALIVE_PART)
    }
}

/// The cells of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells {
    width: usize,
    height: usize,
    columns: usize,
    rows: usize,
    /// Changed pixels per cell; 0 where too few or where nothing counts.
    pixels: Plane<u8>,
    /// Pixels per cell that changed since the last picture as well.
    alive: Plane<u8>,
    /// Which zones a cell lies in, a bit each; 0: nothing counts here.
    zones: Vec<u32>,
    /// Changed pixels that make a cell count: 255, which none has, where nothing counts.
    least: Plane<u8>,
    /// Runs of cells, a row and columns, around which has not been looked yet.
    stack: Vec<(usize, Range<usize>)>,
}

impl Cells {
    /// For pictures of this size. `zones` says of a point (0..1, 0..1) which zones it lies in, a bit
    /// each; 0 means that it does not count.
    #[must_use]
    pub fn new(width: usize, height: usize, zones: impl Fn(f32, f32) -> u32) -> Self {
        let (columns, rows) = (width.div_ceil(CELL), height.div_ceil(CELL));
        let centre = |index: usize, count: usize| (index as f32 + 0.5) / count as f32;
        let zones: Vec<u32> = (0..columns * rows)
            .map(|cell| zones(centre(cell % columns, columns), centre(cell / columns, rows)))
            .collect();
        let none = Plane::new(zones.len());
        let mut least = none.clone();
        for (least, zones) in least.values_mut().iter_mut().zip(&zones) {
            *least = if *zones == 0 { u8::MAX } else { CELL_PIXELS_MIN };
        }
        Self {
            width,
            height,
            columns,
            rows,
            pixels: none.clone(),
            alive: none,
            zones,
            least,
            stack: Vec::new(),
        }
    }

    /// The blobs of at least `pixels_min` pixels that changed, largest first. Of every pixel `changes`
    /// says whether it did, and whether it is alive, as [`crate::kernel`] does.
    pub fn blobs(&mut self, changes: &[u8], pixels_min: u32) -> Vec<Blob> {
        self.count(changes);
        for (pixels, least) in self.pixels.chunks_mut().iter_mut().zip(self.least.chunks()) {
            for index in 0..CHUNK {
                let counts = pixels[index] >= least[index];
                pixels[index] = if counts { pixels[index] } else { 0 };
            }
        }
        let mut blobs = Vec::new();
        for chunk in 0..self.pixels.chunks().len() {
            while let Some(index) = first(&self.pixels.chunks()[chunk]) {
                let blob = self.flood(chunk * CHUNK + index);
                if blob.pixels >= pixels_min.max(1) {
                    blobs.push(blob);
                }
            }
        }
        blobs.sort_by_key(|blob| core::cmp::Reverse(blob.pixels));
        blobs.truncate(BLOBS_MAX);
        blobs
    }

    /// Counts by cell what changed and what is alive: four rows are added up, then four columns.
    fn count(&mut self, changes: &[u8]) {
        let strips = changes.chunks(self.width * CELL);
        let pixels = self.pixels.values_mut().chunks_mut(self.columns);
        let alive = self.alive.values_mut().chunks_mut(self.columns);
        for ((strip, pixels), alive) in strips.zip(pixels).zip(alive) {
            let pixels = pixels.chunks_mut(CHUNK / CELL);
            let alive = alive.chunks_mut(CHUNK / CELL);
            for (chunk, (pixels, alive)) in pixels.zip(alive).enumerate() {
                let sums = sums(strip, self.width, chunk * CHUNK);
                put(quads(&sums.map(|sum| sum % ALIVE)), pixels);
                put(quads(&sums.map(|sum| sum / ALIVE)), alive);
            }
        }
    }

    /// Takes the cells joined to this one out, as one blob.
    fn flood(&mut self, cell: usize) -> Blob {
        let mut blob = Blob { left: usize::MAX, top: usize::MAX, ..Blob::default() };
        let (row, column) = (cell / self.columns, cell % self.columns);
        self.take(row, column..column + 1, &mut blob);
        while let Some((row, run)) = self.stack.pop() {
            let touching = run.start.saturating_sub(1)..(run.end + 1).min(self.columns);
            if row > 0 {
                self.take(row - 1, touching.clone(), &mut blob);
            }
            if row + 1 < self.rows {
                self.take(row + 1, touching, &mut blob);
            }
        }
        blob
    }

    /// Takes the runs of cells out that reach into these columns of a row; what touches them above
    /// and below comes later.
    fn take(&mut self, row: usize, columns: Range<usize>, blob: &mut Blob) {
        let cells = row * self.columns..(row + 1) * self.columns;
        let pixels = &mut self.pixels.values_mut()[cells.clone()];
        let alive = &self.alive.values()[cells.clone()];
        let zones = &self.zones[cells];
        let mut column = columns.start;
        while column < columns.end {
            if pixels[column] == 0 {
                column += 1;
                continue;
            }
            let mut start = column;
            while start > 0 && pixels[start - 1] > 0 {
                start -= 1;
            }
            column = start;
            while column < pixels.len() && pixels[column] > 0 {
                blob.pixels += u32::from(core::mem::take(&mut pixels[column]));
                blob.alive += u32::from(alive[column]);
                blob.zones |= zones[column];
                column += 1;
            }
            blob.left = blob.left.min(start * CELL);
            blob.top = blob.top.min(row * CELL);
            blob.right = blob.right.max((column * CELL).min(self.width));
            blob.bottom = blob.bottom.max(((row + 1) * CELL).min(self.height));
            self.stack.push((row, start..column));
        }
    }
}

/// The first cell of these that counts. Most chunks have none, which one turn says.
fn first(cells: &[u8; CHUNK]) -> Option<usize> {
    if cells.iter().fold(0, |all, cell| all | cell) == 0 {
        return None;
    }
    cells.iter().position(|cell| *cell > 0)
}

/// Adds up the rows of a strip, 64 pixels from column `at` on, as many as there are.
#[inline(always)]
fn sums(strip: &[u8], width: usize, at: usize) -> [u8; CHUNK] {
    let mut sums = [0; CHUNK];
    let row = |row: usize| strip.get(row * width + at..)?.first_chunk::<CHUNK>();
    if let (Some(a), Some(b), Some(c), Some(d)) = (row(0), row(1), row(2), row(3))
        && at + CHUNK <= width
    {
        for index in 0..CHUNK {
            sums[index] = a[index] + b[index] + c[index] + d[index];
        }
    } else {
        for row in strip.chunks_exact(width) {
            sums.iter_mut().zip(&row[at..]).for_each(|(sum, changes)| *sum += changes);
        }
    }
    sums
}

/// Adds up four by four. The bytes of a word, none over 4, add up in its highest one: SIMD has no sum
/// of neighbours.
#[inline(always)]
fn quads(sums: &[u8; CHUNK]) -> [u8; CHUNK / CELL] {
    let quads = sums.as_chunks::<CELL>().0;
    let sum = |at| (u32::from_le_bytes(quads[at]).wrapping_mul(0x0101_0101) >> 24) as u8;
    core::array::from_fn(sum)
}

/// Writes counts, as many as there is room for.
#[inline(always)]
fn put(counts: [u8; CHUNK / CELL], cells: &mut [u8]) {
    match cells.first_chunk_mut() {
        Some(cells) => *cells = counts,
        None => cells.copy_from_slice(&counts[..cells.len()]),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::kernel::DIFFERS;

    /// The changes of `width` by 16 pixels with filled rectangles `(left, top, right, bottom)`.
    fn changes(width: usize, what: u8, rectangles: &[(usize, usize, usize, usize)]) -> Vec<u8> {
        let mut changes = vec![0; width * 16];
        for &(left, top, right, bottom) in rectangles {
            for y in top..bottom {
                changes[y * width + left..y * width + right].fill(what);
            }
        }
        changes
    }

    #[test]
    fn touching_cells_are_one_blob_and_the_largest_comes_first() {
        let mut cells = Cells::new(32, 16, |_, _| 1);
        let rectangles = [(0, 0, 4, 4), (12, 4, 20, 12), (20, 12, 24, 16)];
        let changes = changes(32, DIFFERS | ALIVE, &rectangles);
        let blobs = cells.blobs(&changes, 1);
        let expected = [
            Blob { left: 12, top: 4, right: 24, bottom: 16, pixels: 80, alive: 80, zones: 1 },
            Blob { left: 0, top: 0, right: 4, bottom: 4, pixels: 16, alive: 16, zones: 1 },
        ];
        assert_eq!(blobs, expected);
        assert_eq!(cells.blobs(&changes, 17), expected[..1]);
    }

    #[test]
    fn lone_pixels_are_no_blob() {
        let mut cells = Cells::new(32, 16, |_, _| 1);
        let changes = changes(32, DIFFERS, &[(0, 0, 2, 2), (8, 0, 9, 16)]);
        assert_eq!(cells.blobs(&changes, 1), []);
    }

    #[test]
    fn cells_outside_zones_do_not_count_and_those_inside_are_named() {
        let mut cells = Cells::new(32, 16, |x, _| {
            if x < 0.25 {
                0
            } else if x < 0.5 {
                1
            } else {
                2
            }
        });
        let blobs = cells.blobs(&changes(32, DIFFERS, &[(0, 0, 32, 16)]), 1);
        assert_eq!(
            blobs,
            [Blob { left: 8, top: 0, right: 32, bottom: 16, pixels: 384, alive: 0, zones: 3 }]
        );
    }

    #[test]
    fn sizes_need_not_be_whole_cells() {
        let mut cells = Cells::new(30, 14, |_, _| 1);
        let blobs = cells.blobs(&[DIFFERS; 30 * 14], 1);
        assert_eq!(
            blobs,
            [Blob { left: 0, top: 0, right: 30, bottom: 14, pixels: 416, alive: 0, zones: 1 }]
        );
    }

    /// Takes out the cells joined to this one, as one would say it.
    fn joined(cells: &mut HashMap<(usize, usize), (u32, u32)>, at: (usize, usize)) -> Blob {
        let mut blob = Blob { left: usize::MAX, top: usize::MAX, zones: 1, ..Blob::default() };
        let mut next = vec![at];
        while let Some((x, y)) = next.pop() {
            let Some((pixels, alive)) = cells.remove(&(x, y)) else { continue };
            (blob.left, blob.right) = (blob.left.min(x * CELL), blob.right.max((x + 1) * CELL));
            (blob.top, blob.bottom) = (blob.top.min(y * CELL), blob.bottom.max((y + 1) * CELL));
            (blob.pixels, blob.alive) = (blob.pixels + pixels, blob.alive + alive);
            next.extend(
                (0..9).map(|to| ((x + to % 3).wrapping_sub(1), (y + to / 3).wrapping_sub(1))),
            );
        }
        blob
    }

    #[test]
    fn blobs_are_those_of_a_plain_search() {
        let (width, height) = (101, 37);
        let mut random = 1_u32;
        let mut below = move |bound: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((u64::from(random) * u64::from(bound)) >> 32) as u32
        };
        let mut cells = Cells::new(width, height, |_, _| 1);
        for share in (20..50).cycle().take(300) {
            let changes: Vec<u8> = (0..width * height)
                .map(|_| if below(100) < share { DIFFERS + ALIVE * below(2) as u8 } else { 0 })
                .collect();
            let mut counts = HashMap::new();
            for (at, changes) in changes.iter().enumerate() {
                let count: &mut (u32, u32) =
                    counts.entry((at % width / CELL, at / width / CELL)).or_default();
                count.0 += u32::from(changes % ALIVE);
                count.1 += u32::from(changes / ALIVE);
            }
            counts.retain(|_, (pixels, _)| *pixels >= u32::from(CELL_PIXELS_MIN));
            let mut expected = Vec::new();
            for at in 0..width.div_ceil(CELL) * height.div_ceil(CELL) {
                let at = (at % width.div_ceil(CELL), at / width.div_ceil(CELL));
                if counts.contains_key(&at) {
                    let blob = joined(&mut counts, at);
                    let (right, bottom) = (blob.right.min(width), blob.bottom.min(height));
                    expected.push(Blob { right, bottom, ..blob });
                }
            }
            expected.sort_by_key(|blob| core::cmp::Reverse(blob.pixels));
            expected.truncate(BLOBS_MAX);
            assert_eq!(cells.blobs(&changes, 1), expected, "{share} of 100 changed");
        }
    }
}
