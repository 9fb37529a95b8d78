//! What the background makes of levels, and blocks beside single pixels.

use super::*;

const STEP: Step =
    Step { threshold: 16, rate: Rate::Usual, patience: 10, quiet: true, fade: false };

fn look(background: &mut Background, level: u8, times: usize) -> u32 {
    (0..times).map(|_| background.look(&[level; 100], STEP)).last().unwrap_or(0)
}

#[test]
fn what_differs_is_counted_without_the_padding() {
    let mut background = Background::new(&[100; 100]);
    assert_eq!(look(&mut background, 100, 1), 0);
    assert_eq!(look(&mut background, 160, 1), 100);
    assert!(background.changes().iter().all(|changes| changes & DIFFERS == DIFFERS));
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

/// One pixel of every plane, looked at as one would say it.
#[derive(Clone, Copy)]
struct Pixel {
    first: u16,
    second: u16,
    seen: (u16, u16),
    noise: u16,
    still: u16,
    last: u16,
}

impl Pixel {
    /// Whether it differs from both backgrounds, and whether it changed as well.
    fn look(&mut self, pixel: u16, step: Step) -> (bool, bool) {
        let Self { first, second, seen, noise, .. } = *self;
        let level = (first + 128) >> 8;
        let limit = u16::from(step.threshold) + (noise >> NOISE_SHIFT);
        let change = pixel.abs_diff(self.last);
        let is_first = pixel.abs_diff(level) <= limit;
        let is_second = !is_first && pixel.abs_diff(second) <= limit;
        let differs = !is_first && !is_second;
        self.still = if differs && change <= limit { self.still + 1 } else { 0 };
        let absorbed = self.still >= u16::from(step.patience);
        if is_first {
            let rate = step.rate as u16;
            self.first = first - (first >> rate) + (pixel << (8 - rate));
            if step.fade && seen.0 == u16::from(SEEN_MAX) {
                self.second = second + u16::from(second < level) - u16::from(second > level);
            }
            self.seen.0 = (seen.0 + u16::from(step.quiet)).min(SEEN_MAX.into());
        }
        if is_second || absorbed {
            self.first = pixel << 8;
            self.seen.0 = if is_second { seen.1 } else { 0 };
            if is_second || seen.0 >= seen.1 {
                (self.second, self.seen.1) = (level, seen.0);
            }
            self.still = 0;
        }
        self.noise = noise - (noise >> NOISE_MEMORY) + (change << (8 - NOISE_MEMORY));
        self.last = pixel;
        (differs, differs && change > limit)
    }
}

#[test]
fn blocks_see_what_single_pixels_do() {
    const PIXELS: usize = 100;
    let mut random = 1_u32;
    let mut below = move |bound: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(random) * u64::from(bound)) >> 32) as u8
    };
    let mut background = Background::new(&[90; PIXELS]);
    let noise = NOISE_AT_FIRST;
    let seen = (0, 0);
    let mut model = [Pixel { first: 90 << 8, second: 90, seen, noise, still: 0, last: 90 }; PIXELS];
    for picture in 0..3000 {
        let step = Step {
            threshold: 5 + below(50),
            rate: [Rate::Fast, Rate::Usual, Rate::Slow][usize::from(below(3))],
            patience: 1 + below(9),
            quiet: below(4) > 0,
            fade: below(2) > 0,
        };
        // Pixels of few levels rest, return and are absorbed; others see all that there is.
        let levels: [u32; PIXELS] = core::array::from_fn(|at| [2, 3, 6, 255][at % 4]);
        let pixels = levels.map(|levels| below(levels) * (255 / levels as u8));
        let count = background.look(&pixels, step);
        let said: Vec<_> =
            model.iter_mut().zip(pixels).map(|(one, it)| one.look(it.into(), step)).collect();
        let changes: Vec<_> = (said.iter())
            .map(|(differs, alive)| DIFFERS * u8::from(*differs) + ALIVE * u8::from(*alive))
            .collect();
        assert_eq!(background.changes(), changes, "picture {picture}");
        assert_eq!(count as usize, said.iter().filter(|one| one.0).count(), "picture {picture}");
    }
}

#[test]
fn a_snapshot_knows_the_room() {
    let mut old = Background::new(&[100; 100]);
    look(&mut old, 160, 20);
    let mut state = Writer::default();
    old.save(&mut state);
    let state = state.into_bytes();
    let mut new = Background::load(100, &mut Reader::new(&state)).unwrap();
    assert_eq!(new.look(&[100; 100], STEP), 0);
    assert_eq!(new.look(&[160; 100], STEP), 0);
}
