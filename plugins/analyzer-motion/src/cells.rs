//! From masks of pixels to blobs: cells of 4 by 4 pixels (which is the morphology: lone pixels vanish,
//! small holes close), joined with their neighbours. Pure geometry: knows neither light nor time.

use wardline_sdk::kernels::{CHUNK, Plane};

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
    stack: Vec<usize>,
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

    /// The blobs of `mask` of at least `pixels_min` pixels, largest first. Masks have a byte per
    /// pixel, 0 or 1; `alive` says which pixels changed since the last picture as well.
    pub fn blobs(&mut self, mask: &[u8], alive: &[u8], pixels_min: u32) -> Vec<Blob> {
        count(self.pixels.values_mut(), mask, self.width, self.columns);
        count(self.alive.values_mut(), alive, self.width, self.columns);
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

    /// Takes the cells joined to this one out, as one blob.
    fn flood(&mut self, cell: usize) -> Blob {
        let mut blob = Blob { left: usize::MAX, top: usize::MAX, ..Blob::default() };
        self.take(cell, &mut blob);
        while let Some(cell) = self.stack.pop() {
            let (column, row) = (cell % self.columns, cell / self.columns);
            blob.left = blob.left.min(column * CELL);
            blob.top = blob.top.min(row * CELL);
            blob.right = blob.right.max(((column + 1) * CELL).min(self.width));
            blob.bottom = blob.bottom.max(((row + 1) * CELL).min(self.height));
            let columns = column.saturating_sub(1)..(column + 2).min(self.columns);
            for row in row.saturating_sub(1)..(row + 2).min(self.rows) {
                let start = row * self.columns;
                for cell in start + columns.start..start + columns.end {
                    self.take(cell, &mut blob);
                }
            }
        }
        blob
    }

    /// Takes a cell out, unless it does not count or is out already; its neighbours come later.
    fn take(&mut self, cell: usize, blob: &mut Blob) {
        let pixels = core::mem::take(&mut self.pixels.values_mut()[cell]);
        if pixels > 0 {
            blob.pixels += u32::from(pixels);
            blob.alive += u32::from(self.alive.values()[cell]);
            blob.zones |= self.zones[cell];
            self.stack.push(cell);
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

/// Counts the pixels of a mask by cell: four rows are added up in chunks of 64, then four by four.
fn count(cells: &mut [u8], mask: &[u8], width: usize, columns: usize) {
    for (cells, rows) in cells.chunks_mut(columns).zip(mask.chunks(width * CELL)) {
        for (chunk, cells) in cells.chunks_mut(CHUNK / CELL).enumerate() {
            let mut sums = [0; CHUNK];
            for row in rows.chunks_exact(width) {
                add(&mut sums, &row[chunk * CHUNK..]);
            }
            let quads = sums.as_chunks::<CELL>().0;
            // The bytes of a word, none over 4, add up in its highest one: SIMD has no sum of neighbours.
            let sum = |at| (u32::from_le_bytes(quads[at]).wrapping_mul(0x0101_0101) >> 24) as u8;
            let counts: [u8; CHUNK / CELL] = core::array::from_fn(sum);
            match cells.first_chunk_mut() {
                Some(cells) => *cells = counts,
                None => cells.copy_from_slice(&counts[..cells.len()]),
            }
        }
    }
}

/// Adds the first pixels of a row, as many as there are.
#[inline(always)]
fn add(sums: &mut [u8; CHUNK], row: &[u8]) {
    match row.first_chunk::<CHUNK>() {
        Some(pixels) => {
            for index in 0..CHUNK {
                sums[index] += pixels[index];
            }
        }
        None => sums.iter_mut().zip(row).for_each(|(sum, pixel)| *sum += pixel),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mask of `width` by 16 pixels with filled rectangles `(left, top, right, bottom)`.
    fn mask(width: usize, rectangles: &[(usize, usize, usize, usize)]) -> Vec<u8> {
        let mut mask = vec![0; width * 16];
        for &(left, top, right, bottom) in rectangles {
            for y in top..bottom {
                mask[y * width + left..y * width + right].fill(1);
            }
        }
        mask
    }

    #[test]
    fn touching_cells_are_one_blob_and_the_largest_comes_first() {
        let mut cells = Cells::new(32, 16, |_, _| 1);
        let mask = mask(32, &[(0, 0, 4, 4), (12, 4, 20, 12), (20, 12, 24, 16)]);
        let blobs = cells.blobs(&mask, &mask, 1);
        let expected = [
            Blob { left: 12, top: 4, right: 24, bottom: 16, pixels: 80, alive: 80, zones: 1 },
            Blob { left: 0, top: 0, right: 4, bottom: 4, pixels: 16, alive: 16, zones: 1 },
        ];
        assert_eq!(blobs, expected);
        assert_eq!(cells.blobs(&mask, &mask, 17), expected[..1]);
    }

    #[test]
    fn lone_pixels_are_no_blob() {
        let mut cells = Cells::new(32, 16, |_, _| 1);
        assert_eq!(cells.blobs(&mask(32, &[(0, 0, 2, 2), (8, 0, 9, 16)]), &[0; 512], 1), []);
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
        let blobs = cells.blobs(&mask(32, &[(0, 0, 32, 16)]), &[0; 512], 1);
        assert_eq!(
            blobs,
            [Blob { left: 8, top: 0, right: 32, bottom: 16, pixels: 384, alive: 0, zones: 3 }]
        );
    }

    #[test]
    fn sizes_need_not_be_whole_cells() {
        let mut cells = Cells::new(30, 14, |_, _| 1);
        let blobs = cells.blobs(&[1; 30 * 14], &[0; 30 * 14], 1);
        assert_eq!(
            blobs,
            [Blob { left: 0, top: 0, right: 30, bottom: 14, pixels: 416, alive: 0, zones: 1 }]
        );
    }
}
