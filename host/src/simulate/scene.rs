//! Synthetic scenes: a textured room that boxes walk through at known times.
//!
//! Gives pictures, and a film coded with `encode`. The same scene and seed give the same bytes on
//! every machine, and the scene itself, as JSON, is the ground truth of what is to be seen.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::encode::{SceneEncoder, SceneFormat};
use super::media::{Format, Media, Sample, Track};
use crate::base::{Error, Result};
use crate::ingest::packet::VIDEO_TICKS;

/// The most pictures of one film: an hour at 10 fps, coded in about a minute.
const PICTURES_MAX: f64 = 36_000.0;

/// Blocks of a picture's code: two to tell light from dark, 16 bits, parity.
const CODE_BLOCKS: usize = 19;
/// A block's side, in pixels: one macroblock, which coding leaves flat.
const CODE_SIDE: usize = 16;

/// What is to be seen, and when. All times are seconds from the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scene {
    /// Width in pixels, even, 64..=1920.
    pub width: u32,
    /// Height in pixels, even, 64..=1080.
    pub height: u32,
    /// Pictures a second, 1..=60.
    pub fps: u32,
    /// Length of the scene.
    pub seconds: f64,
    /// Seconds from one key frame to the next.
    pub gop: f64,
    /// When something is in the picture.
    pub visits: Vec<Visit>,
    /// Sensor noise: the most that a pixel differs from the scene, in grey levels.
    pub noise: u8,
    /// Flashes of lightning: the whole picture is brighter for a fifth of a second.
    pub flashes: Vec<f64>,
    /// Another seed is another texture and other noise.
    pub seed: u64,
    /// Writes the number of each picture into its top row of blocks, for programs: see [`Scene::draw`].
    pub code: bool,
}

/// A box that walks through the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visit {
    /// First seen.
    pub from: f64,
    /// No longer seen.
    pub to: f64,
    /// Where its centre goes, in parts of the picture; walked at even speed.
    #[serde(default = "Visit::across")]
    pub path: Vec<(f64, f64)>,
}

impl Visit {
    /// From left to right and half way back.
    fn across() -> Vec<(f64, f64)> {
        vec![(0.15, 0.55), (0.85, 0.6), (0.5, 0.5)]
    }

    /// Across the picture.
    pub fn between(from: f64, to: f64) -> Self {
        Self { from, to, path: Self::across() }
    }

    /// Where its centre is, in parts of the picture.
    fn place(&self, time: f64) -> Option<(f64, f64)> {
        if !(self.from..self.to).contains(&time) || self.path.is_empty() {
            return None;
        }
        let legs = (self.path.len() - 1) as f64;
        let progress = (time - self.from) / (self.to - self.from) * legs;
        let leg = (progress as usize).min(self.path.len().saturating_sub(2));
        let (start, end) = (self.path[leg], *self.path.get(leg + 1).unwrap_or(&self.path[leg]));
        let part = progress - leg as f64;
        Some((start.0 + (end.0 - start.0) * part, start.1 + (end.1 - start.1) * part))
    }
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            width: 320,
            height: 192,
            fps: 10,
            seconds: 60.0,
            gop: 1.0,
            visits: vec![Visit::between(20.0, 30.0)],
            noise: 2,
            flashes: Vec::new(),
            seed: 1,
            code: false,
        }
    }
}

impl Scene {
    /// The same scene `factor` times as fast: for tests that can't wait.
    #[must_use]
    pub fn compressed(mut self, factor: f64) -> Self {
        let factor = if factor.is_finite() && factor > 0.0 { factor } else { 1.0 };
        self.seconds /= factor;
        for visit in &mut self.visits {
            visit.from /= factor;
            visit.to /= factor;
        }
        self.flashes.iter_mut().for_each(|time| *time /= factor);
        self
    }

    /// Says what of the scene can't be drawn.
    ///
    /// # Errors
    /// A number out of its range, with the range.
    pub fn validate(&self) -> Result<()> {
        let even = |value: u32, most: u32| (64..=most).contains(&value) && value.is_multiple_of(2);
        let refuse = |message: String| Err(Error::refuse(format!("synthetic scene: {message}")));
        if !even(self.width, 1920) || !even(self.height, 1080) {
            let (width, height) = (self.width, self.height);
            return refuse(format!(
                "size {width}x{height} is not even, or not within 64x64..1920x1080"
            ));
        }
        if self.code && (self.width as usize) < CODE_BLOCKS * CODE_SIDE {
            return refuse(format!("a width of {} has no room for the code", self.width));
        }
        if !(1..=60).contains(&self.fps) {
            return refuse(format!("{} pictures a second are not within 1..60", self.fps));
        }
        let most = PICTURES_MAX / f64::from(self.fps);
        if !(0.5..=most).contains(&self.seconds) {
            return refuse(format!("a length of {} s is not within 0.5..{most} s", self.seconds));
        }
        if !(0.1..=600.0).contains(&self.gop) {
            return refuse(format!("a key frame every {} s is not within 0.1..600", self.gop));
        }
        if let Some(flash) = self.flashes.iter().find(|flash| !flash.is_finite()) {
            return refuse(format!("a flash at {flash} s"));
        }
        if let Some(visit) = self.visits.iter().find(|visit| {
            !(visit.from >= 0.0 && visit.from < visit.to && visit.to.is_finite())
                || visit.path.is_empty()
        }) {
            return refuse(format!(
                "the visit {}-{} has no length or no path",
                visit.from, visit.to
            ));
        }
        Ok(())
    }

    /// The luma of picture number `picture`, row by row. With `code`, the first 19 blocks of
    /// 16 by 16 pixels are white or black: one of each, then the number's lowest 16 bits from the
    /// highest on, then whether these have an odd number of ones.
    pub fn draw(&self, picture: u64) -> Vec<u8> {
        let (width, height) = (self.width as usize, self.height as usize);
        let time = picture as f64 / f64::from(self.fps);
        let flash = self.flashes.iter().any(|start| (*start..start + 0.2).contains(&time));
        let mut luma = Vec::with_capacity(width * height);
        for row in 0..height {
            for column in 0..width {
                // Blocks of 16 pixels of different grey on a slope: something to hold on to.
                let block = mix(self.seed ^ (((row / 16) << 16) | (column / 16)) as u64) % 24;
                luma.push((70 + block as usize + row * 40 / height + column * 20 / width) as u8);
            }
        }
        for (number, visit) in self.visits.iter().enumerate() {
            if let Some(centre) = visit.place(time) {
                self.draw_box(&mut luma, centre, number as u64);
            }
        }
        if flash {
            luma.iter_mut().for_each(|pixel| *pixel = pixel.saturating_add(70));
        }
        if self.noise > 0 {
            let span = 2 * u64::from(self.noise) + 1;
            let mut random = fastrand::Rng::with_seed(mix(self.seed ^ picture << 20));
            for eight in luma.chunks_mut(8) {
                let mut bits = random.u64(..);
                for pixel in eight {
                    let noise = (bits & 0xff) % span;
                    bits >>= 8;
                    *pixel = (u64::from(*pixel) + noise)
                        .saturating_sub(u64::from(self.noise))
                        .min(235) as u8;
                }
            }
        }
        if self.code {
            self.draw_code(&mut luma, picture as u16);
        }
        luma
    }

    fn draw_code(&self, luma: &mut [u8], number: u16) {
        let bits = (0..16).rev().map(|bit| number >> bit & 1 == 1);
        let odd = number.count_ones() % 2 == 1;
        let blocks: Vec<bool> = [true, false].into_iter().chain(bits).chain([odd]).collect();
        for row in luma.chunks_mut(self.width as usize).take(CODE_SIDE) {
            for (block, light) in row.chunks_mut(CODE_SIDE).zip(&blocks) {
                block.fill(if *light { 235 } else { 16 });
            }
        }
    }

    /// A person-sized box: light with dark stripes, an eighth of the width, a third of the height.
    fn draw_box(&self, luma: &mut [u8], centre: (f64, f64), number: u64) {
        let (width, height) = (self.width as usize, self.height as usize);
        let half = (width / 16, height / 6);
        let column = (centre.0.clamp(0.0, 1.0) * width as f64) as usize;
        let row = (centre.1.clamp(0.0, 1.0) * height as f64) as usize;
        for y in row.saturating_sub(half.1)..(row + half.1).min(height) {
            for x in column.saturating_sub(half.0)..(column + half.0).min(width) {
                let stripe = ((y + half.1 - row) / 8).is_multiple_of(2);
                luma[y * width + x] = if stripe { 200 } else { 30 + (number % 3) as u8 * 10 };
            }
        }
    }

    /// Draws and codes the whole scene.
    ///
    /// # Errors
    /// A scene that [`Scene::validate`] refuses.
    pub fn film(&self) -> Result<Media> {
        self.validate()?;
        let count = (self.seconds * f64::from(self.fps)) as u64;
        let format = SceneFormat {
            width: self.width,
            height: self.height,
            rate: self.fps,
            group: ((self.gop * f64::from(self.fps)) as u32).max(1),
        };
        let mut encoder = SceneEncoder::new(format)?;
        let ticks = VIDEO_TICKS / i64::from(self.fps);
        let mut samples = Vec::with_capacity(count as usize);
        for picture in 0..count {
            let unit = encoder.encode(&self.draw(picture))?;
            let pts = picture as i64 * ticks;
            samples.push(Sample { pts, key: unit.key, data: unit.data.into() });
        }
        let sets = encoder.parameter_sets();
        let sets = vec![sets.sequence.clone().into(), sets.picture.clone().into()];
        let track = Track { format: Format::H264(sets), clock_rate: VIDEO_TICKS as u32, samples };
        Ok(Media::of(vec![track]))
    }
}

/// `seconds=150&visits=60-70,90-95&flashes=30&noise=2&size=320x192&fps=10&gop=1&seed=7&compress=2&code=true`,
/// each part optional, in any order; `visits=none` is an empty room, and nothing at all is the
/// default scene. A comma does for `&`, and `visit` for `visits`, for those who prefer them.
impl FromStr for Scene {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut scene = Self::default();
        let mut visits: Option<Vec<Visit>> = None;
        let mut factor = 1.0;
        let mut list = "";
        for part in text.split([',', '&']).filter(|part| !part.is_empty()) {
            // What has no name goes on with the list before it.
            let (key, value) = part.split_once('=').unwrap_or((list, part));
            list = if matches!(key, "visit" | "visits" | "flash" | "flashes") { key } else { "" };
            let understood = match key {
                "seconds" => read(value, &mut scene.seconds),
                "gop" => read(value, &mut scene.gop),
                "compress" => read(value, &mut factor),
                "fps" => read(value, &mut scene.fps),
                "noise" => read(value, &mut scene.noise),
                "seed" => read(value, &mut scene.seed),
                "code" => read(value, &mut scene.code),
                "flash" | "flashes" => value.parse().ok().map(|time| scene.flashes.push(time)),
                "visit" | "visits" if value == "none" => {
                    visits = Some(Vec::new());
                    Some(())
                }
                "visit" | "visits" => pair(value, '-').map(|(from, to)| {
                    visits.get_or_insert_default().push(Visit::between(from, to));
                }),
                "size" => pair(value, 'x').map(|size| (scene.width, scene.height) = size),
                _ => None,
            };
            understood.ok_or_else(|| {
                Error::refuse(format!(
                    "synthetic scene: \"{part}\" is not understood; an example is seconds=60&visits=20-30,40-45&noise=2"
                ))
            })?;
        }
        scene.visits = visits.unwrap_or(scene.visits);
        let scene = scene.compressed(factor);
        scene.validate()?;
        Ok(scene)
    }
}

fn read<T: FromStr>(text: &str, to: &mut T) -> Option<()> {
    text.parse().ok().map(|value| *to = value)
}

fn pair<T: FromStr>(text: &str, between: char) -> Option<(T, T)> {
    let (first, second) = text.split_once(between)?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

/// Spreads a number over 64 bits (the finalizer of SplitMix64).
fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(scene: &Scene, one: u64, other: u64) -> usize {
        let (one, other) = (scene.draw(one), scene.draw(other));
        one.iter().zip(&other).filter(|(a, b)| a.abs_diff(**b) > 10).count()
    }

    #[test]
    fn pictures_differ_when_the_truth_says_so() {
        let scene: Scene = "seconds=10,visit=4-6,flash=8,noise=2".parse().unwrap();
        let all = (scene.width * scene.height) as usize;
        assert_eq!(difference(&scene, 0, 39), 0, "an empty room");
        assert!(difference(&scene, 0, 50) > all / 40, "a visit");
        assert_eq!(difference(&scene, 0, 60), 0, "empty again");
        assert!(difference(&scene, 0, 80) > all * 9 / 10, "a flash");
        assert_eq!(difference(&scene, 0, 82), 0, "dark again");
        assert_eq!(scene.draw(55), scene.clone().draw(55), "deterministic");
    }

    #[test]
    fn the_truth_reads_back_and_compresses() {
        let scene: Scene = "seconds=150&visits=60-70,90-95&compress=10".parse().unwrap();
        assert_eq!(scene.seconds, 15.0);
        assert_eq!((scene.visits[1].from, scene.visits[1].to), (9.0, 9.5));
        assert_eq!(
            serde_json::from_str::<Scene>(&serde_json::to_string(&scene).unwrap()).unwrap(),
            scene
        );
    }

    #[test]
    fn lists_are_written_in_either_way() {
        let one: Scene = "seconds=99&visits=6-7,9-10,20-21&flashes=3,4&fps=5".parse().unwrap();
        let other: Scene =
            "seconds=99,visit=6-7,visit=9-10,20-21,flash=3,flash=4,fps=5".parse().unwrap();
        assert_eq!(one, other);
        assert_eq!((one.visits.len(), one.flashes.len()), (3, 2));
    }

    #[test]
    fn the_code_is_the_number_of_the_picture() {
        let scene: Scene = "seconds=10,code=true,visits=none".parse().unwrap();
        for number in [0_u16, 1, 0x5a5a, u16::MAX] {
            let luma = scene.draw(u64::from(number) + (7 << 16));
            let middle = |block: usize| luma[8 * scene.width as usize + block * 16 + 8] > 128;
            assert_eq!((middle(0), middle(1)), (true, false));
            let read = (2..18).fold(0, |read, block| read << 1 | u16::from(middle(block)));
            assert_eq!(read, number);
            assert_eq!(middle(18), number.count_ones() % 2 == 1);
        }
        let narrow = Scene { width: 302, ..scene };
        assert!(narrow.validate().is_err());
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for text in [
            "size=3x3",
            "size=321x180",
            "fps=0",
            "fps=x",
            "seconds=1e9",
            "seconds=NaN",
            "visit=9-3",
            "visit=9",
            "gop=0",
            "colour=red",
            "visit=NaN-5",
            "flash=inf",
        ] {
            let error = text.parse::<Scene>().unwrap_err();
            assert!(error.to_string().starts_with("synthetic scene: "), "{text}: {error}");
        }
    }
}
