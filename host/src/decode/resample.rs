//! Makes a plane of 8-bit samples smaller (by area) or larger (linearly).
//!
//! Takes and gives planes; knows no picture formats. The inner loops are plain loops over slices
//! of equal length, in 16-bit steps, which the compiler turns into vector instructions.

/// Weights of a column sum to this: 255 times it fits into 15 bits.
const COLUMN_UNIT: i32 = 128;
/// Weights of a row sum to this, so that a sum of products fits into 31 bits.
const ROW_UNIT: i32 = 16_384;
/// Taps of a row come in blocks of this many.
const BLOCK: usize = 4;

/// Columns and rows of a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: usize,
    pub(super) height: usize,
}

/// A part of a plane to write to.
pub(super) struct Window<'a> {
    /// The plane from the window's first sample on.
    pub(super) samples: &'a mut [u8],
    /// From one row of the plane to the next.
    pub(super) stride: usize,
}

/// How planes of one size become planes of another. Worked out once, used for every picture.
#[derive(Debug)]
pub(super) struct Plan {
    source: Size,
    target: Size,
    columns: Axis,
    rows: Axis,
    /// One row of sums over source rows; as many zeros behind it as a block of taps may overrun.
    sums: Vec<i16>,
}

impl Plan {
    pub(super) fn new(source: Size, target: Size) -> Self {
        let columns = Axis::new(source.width, target.width, ROW_UNIT, BLOCK);
        let rows = Axis::new(source.height, target.height, COLUMN_UNIT, 1);
        let sums = vec![0; source.width + columns.taps];
        Self { source, target, columns, rows, sums }
    }

    pub(super) fn fits(&self, source: Size, target: Size) -> bool {
        (self.source, self.target) == (source, target)
    }

    /// Resamples a plane without padding.
    pub(super) fn run(&mut self, plane: &[u8], window: Window<'_>) {
        let rows = window.samples.chunks_mut(window.stride).take(self.target.height);
        if self.source == self.target {
            for (out, row) in rows.zip(plane.chunks_exact(self.source.width)) {
                out[..row.len()].copy_from_slice(row);
            }
            return;
        }
        for (index, out) in rows.enumerate() {
            self.add_rows(plane, index);
            let out = &mut out[..self.target.width];
            match self.columns.taps {
                4 => self.columns.dot::<4>(&self.sums, out),
                8 => self.columns.dot::<8>(&self.sums, out),
                _ => self.columns.dot_long(&self.sums, out),
            }
        }
    }

    fn add_rows(&mut self, plane: &[u8], index: usize) {
        let width = self.source.width;
        let sums = &mut self.sums[..width];
        sums.fill(0);
        let start = self.rows.starts[index];
        let weights = &self.rows.weights[index * self.rows.taps..][..self.rows.taps];
        for (row, weight) in plane[start * width..].chunks_exact(width).zip(weights) {
            if *weight != 0 {
                for (sum, sample) in sums.iter_mut().zip(row) {
                    *sum += i16::from(*sample) * weight;
                }
            }
        }
    }
}

/// The taps of one direction: for each target sample where they start, and their weights.
#[derive(Debug)]
struct Axis {
    taps: usize,
    starts: Vec<usize>,
    weights: Vec<i16>,
}

impl Axis {
    fn new(source: usize, target: usize, unit: i32, block: usize) -> Self {
        let spans: Vec<_> = (0..target).map(|index| span(index, source, target)).collect();
        let taps = spans.iter().map(|(_, shares)| shares.len()).max().unwrap_or(1);
        let taps = taps.next_multiple_of(block);
        let mut weights = vec![0; target * taps];
        for ((_, shares), out) in spans.iter().zip(weights.chunks_exact_mut(taps)) {
            // Rounding the running sum keeps the sum of the weights exact.
            let (mut share_sum, mut weight_sum) = (0.0, 0);
            for (weight, share) in out.iter_mut().zip(shares) {
                share_sum += share;
                let next = (share_sum * f64::from(unit)).round() as i32;
                *weight = i16::try_from(next - weight_sum).expect("at most `unit`");
                weight_sum = next;
            }
        }
        Self { taps, starts: spans.into_iter().map(|(start, _)| start).collect(), weights }
    }

    fn dot<const TAPS: usize>(&self, sums: &[i16], out: &mut [u8]) {
        let (weights, _) = self.weights.as_chunks::<TAPS>();
        for ((sample, start), weights) in out.iter_mut().zip(&self.starts).zip(weights) {
            let sums: &[i16; TAPS] = sums[*start..][..TAPS].try_into().expect("TAPS long");
            let products: [i32; TAPS] =
                std::array::from_fn(|tap| i32::from(sums[tap]) * i32::from(weights[tap]));
            *sample = finish(products.iter().sum());
        }
    }

    fn dot_long(&self, sums: &[i16], out: &mut [u8]) {
        let rows = self.weights.chunks_exact(self.taps);
        for ((sample, start), weights) in out.iter_mut().zip(&self.starts).zip(rows) {
            let sums = &sums[*start..][..self.taps];
            let products = sums.iter().zip(weights).map(|(v, w)| i32::from(*v) * i32::from(*w));
            *sample = finish(products.sum());
        }
    }
}

/// Rounds. Weights sum to their units exactly and are not negative, so this is at most 255.
fn finish(sum: i32) -> u8 {
    const UNIT: i32 = COLUMN_UNIT * ROW_UNIT;
    // A shift: what is negative never comes here, which the compiler can't know of a division.
    ((sum + UNIT / 2) >> UNIT.ilog2()) as u8
}

/// The source samples under one target sample, and the share of each; shares sum to 1.
fn span(index: usize, source: usize, target: usize) -> (usize, Vec<f64>) {
    let step = source as f64 / target as f64;
    if target >= source {
        let centre = ((index as f64 + 0.5) * step - 0.5).clamp(0.0, (source - 1) as f64);
        let start = (centre as usize).min(source.saturating_sub(2));
        let share = centre - start as f64;
        return (start, if source == 1 { vec![1.0] } else { vec![1.0 - share, share] });
    }
    let (low, high) = (index as f64 * step, (index as f64 + 1.0) * step);
    let start = (low as usize).min(source - 1);
    let end = (high.ceil() as usize).clamp(start + 1, source);
    let overlap = |at: usize| ((at as f64 + 1.0).min(high) - (at as f64).max(low)).max(0.0);
    let total: f64 = (start..end).map(overlap).sum();
    (start, (start..end).map(|at| overlap(at) / total).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resample(source: Size, target: Size, plane: &[u8]) -> Vec<u8> {
        let mut out = vec![0; target.width * target.height];
        let window = Window { samples: &mut out, stride: target.width };
        Plan::new(source, target).run(plane, window);
        out
    }

    fn size(width: usize, height: usize) -> Size {
        Size { width, height }
    }

    #[test]
    fn small_planes() {
        for (source, target, plane, expected) in [
            (size(4, 2), size(2, 1), &[0, 10, 100, 200, 20, 30, 100, 200][..], &[15, 150][..]),
            (size(2, 2), size(2, 2), &[1, 2, 3, 4], &[1, 2, 3, 4]),
            // Three samples into two: shares of 2/3 and 1/3.
            (size(3, 1), size(2, 1), &[30, 60, 90], &[40, 80]),
            (size(2, 1), size(4, 1), &[0, 100], &[0, 25, 75, 100]),
            (size(1, 1), size(3, 2), &[7], &[7; 6]),
            (size(20, 1), size(1, 1), &[200; 20], &[200]),
        ] {
            assert_eq!(resample(source, target, plane), expected, "{source:?} {target:?}");
        }
    }

    #[test]
    fn a_window_leaves_its_surroundings() {
        let mut out = vec![9; 12];
        let window = Window { samples: &mut out[5..], stride: 4 };
        Plan::new(size(4, 4), size(2, 2)).run(&[100; 16], window);
        assert_eq!(out, [9, 9, 9, 9, 9, 100, 100, 9, 9, 100, 100, 9]);
    }

    proptest! {
        #[test]
        fn no_size_panics_and_flat_stays_flat(
            from in (1usize..80, 1usize..80), to in (1usize..80, 1usize..80), sample: u8,
        ) {
            let (source, target) = (size(from.0, from.1), size(to.0, to.1));
            let out = resample(source, target, &vec![sample; from.0 * from.1]);
            prop_assert!(out.iter().all(|out| *out == sample));
        }

        #[test]
        fn stays_within_the_samples(
            plane in prop::collection::vec(any::<u8>(), 64), to in (1usize..20, 1usize..20),
        ) {
            let out = resample(size(8, 8), size(to.0, to.1), &plane);
            let (low, high) = (plane.iter().min().unwrap(), plane.iter().max().unwrap());
            prop_assert!(out.iter().all(|out| (low..=high).contains(&out)));
        }
    }
}
