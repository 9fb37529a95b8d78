//! Times the analyzer compiled natively, on the pictures that the host's example `time_analyzer`
//! gives to the component. Prints nanoseconds of processor time a picture, the median of batches.

use std::time::Instant;

use analyzer_motion::MotionAnalyzer;
use analyzer_motion::params::Settings;
use wardline_sdk::{Analyzer, Picture};

const WIDTH: u32 = 320;
const HEIGHT: u32 = 180;
const BATCHES: usize = 31;
const PICTURES: usize = 200;

#[allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it measures and prints")]
fn main() {
    let mut analyzer = MotionAnalyzer::new(Settings::default());
    let pictures: Vec<Vec<u8>> = (0..PICTURES).map(picture).collect();
    let mut sequence = 0;
    let mut medians: Vec<u128> = (0..BATCHES)
        .map(|_| {
            let start = Instant::now();
            for pixels in &pictures {
                sequence += 1;
                let picture = Picture {
                    sequence,
                    time: sequence as i64 * 200_000,
                    width: WIDTH,
                    height: HEIGHT,
                    skipped: 0,
                    key: false,
                    gap: false,
                };
                let said = analyzer.analyze(&picture, pixels).expect("pictures are as wished");
                std::hint::black_box(said);
            }
            start.elapsed().as_nanos() / PICTURES as u128
        })
        .collect();
    medians.sort_unstable();
    println!("{}", medians[BATCHES / 2]);
}

/// Noise of a camera, and a box that moves through it.
fn picture(number: usize) -> Vec<u8> {
    let mut random = 0x9e37_79b9_u32.wrapping_mul(number as u32 + 1);
    let (left, top) = (number % 280, 60 + number % 40);
    (0..(WIDTH * HEIGHT) as usize)
        .map(|at| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y) = (at % WIDTH as usize, at / WIDTH as usize);
            let inside = (left..left + 40).contains(&x) && (top..top + 60).contains(&y);
            let level = if inside { 200 } else { 90 };
            level + (random >> 29) as u8
        })
        .collect()
}
