//! Synthetic scenes: a textured room with grain, in which things happen. Seeded, no clip needed.

use super::*;

const WIDTH: usize = 160;
const HEIGHT: usize = 90;
const PICTURE: i64 = 200_000;

/// A room drawn by formula; what happens in it is drawn over.
struct Stage {
    motion: Motion,
    seed: u32,
    picture: i64,
}

/// What is to be seen besides the room.
#[derive(Clone, Copy, Default)]
struct Props {
    /// Left edge of a person of 12 by 40 pixels.
    person: Option<usize>,
    /// Added to every level.
    light: i32,
    /// Grain, in levels either way.
    grain: i32,
}

impl Stage {
    fn new(params: &str) -> Self {
        let mut stage =
            Self { motion: Motion::new(Settings::read(params).unwrap()), seed: 1, picture: 0 };
        stage.play(10, |_| Props { grain: 3, ..Props::default() });
        stage
    }

    /// Shows pictures and gives in how many of them something moved, and the last sight.
    fn play(&mut self, pictures: usize, props: impl Fn(usize) -> Props) -> (usize, Option<Sight>) {
        let mut moving = 0;
        let mut last = None;
        for index in 0..pictures {
            let sight = self.show(props(index));
            moving += usize::from(matches!(&sight, Sight::Moving(blobs) if !blobs.is_empty()));
            last = Some(sight);
        }
        (moving, last)
    }

    fn show(&mut self, props: Props) -> Sight {
        let pixels: Vec<u8> = (0..WIDTH * HEIGHT)
            .map(|index| {
                let (x, y) = (index % WIDTH, index / WIDTH);
                let inside = props.person.is_some_and(|left| (left..left + 12).contains(&x));
                let room = 90 + (x / 10 % 2 * 30 + y / 15 % 2 * 20) as i32;
                let level =
                    if inside && (30..70).contains(&y) { 210 - (y / 3) as i32 } else { room };
                (level + props.light + self.noise(props.grain)).clamp(0, 255) as u8
            })
            .collect();
        self.picture += 1;
        let time = self.picture * PICTURE;
        self.motion.look(Frame { time, width: WIDTH, height: HEIGHT, pixels: &pixels })
    }

    /// Numerical Recipes' linear congruential generator.
    fn noise(&mut self, reach: i32) -> i32 {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.seed >> 8) as i32 % (2 * reach + 1) - reach
    }
}

fn empty(_: usize) -> Props {
    Props { grain: 3, ..Props::default() }
}

fn walk(index: usize) -> Props {
    Props { person: Some(20 + index * 4), ..empty(0) }
}

#[test]
fn an_empty_room_is_quiet_whatever_the_grain() {
    for grain in [0, 3, 8, 15] {
        let mut stage = Stage::new("{}");
        stage.play(100, |_| Props { grain, ..Props::default() });
        let (moving, _) = stage.play(300, |_| Props { grain, ..Props::default() });
        assert_eq!(moving, 0, "grain {grain}");
    }
}

#[test]
fn a_person_who_walks_is_found_where_they_are() {
    let mut stage = Stage::new("{}");
    stage.play(50, empty);
    let (moving, last) = stage.play(20, walk);
    assert!(moving >= 19, "{moving}");
    let Some(Sight::Moving(blobs)) = last else { panic!("no sight") };
    assert!(blobs[0].left.abs_diff(96) <= 8 && blobs[0].right.abs_diff(108) <= 8, "{blobs:?}");
    assert!(blobs[0].top.abs_diff(30) <= 8 && blobs[0].bottom.abs_diff(70) <= 8, "{blobs:?}");
}

#[test]
fn nobody_is_left_when_they_have_gone() {
    let mut stage = Stage::new("{}");
    stage.play(50, empty);
    stage.play(20, walk);
    stage.show(empty(0));
    assert_eq!(stage.play(100, empty).0, 0);
}

#[test]
fn who_stood_for_a_minute_leaves_no_ghost() {
    let mut stage = Stage::new("{}");
    stage.play(300, empty);
    stage.play(10, walk);
    stage.play(300, |_| walk(10));
    stage.play(10, |index| walk(10 + index));
    stage.show(empty(0));
    assert_eq!(stage.play(100, empty).0, 0);
}

#[test]
fn what_is_put_down_and_left_is_no_motion() {
    let mut stage = Stage::new("{}");
    stage.play(50, empty);
    let (moving, _) = stage.play(200, |_| walk(10));
    assert!(moving <= 2, "{moving}");
}

#[test]
fn a_flash_and_a_new_light_are_no_motion() {
    let mut stage = Stage::new("{}");
    stage.play(50, empty);
    let bright = |_| Props { light: 80, ..empty(0) };
    assert_eq!(stage.play(1, bright), (0, Some(Sight::Flash)));
    assert_eq!(stage.play(20, empty).0, 0);
    assert_eq!(stage.play(60, bright).0, 0);
    assert!(stage.play(10, |index| Props { light: 80, ..walk(index) }).0 >= 8);
}

#[test]
fn exposure_may_drift() {
    let mut stage = Stage::new("{}");
    let (moving, _) =
        stage.play(600, |index| Props { light: (index as i32 / 10) - 30, ..empty(0) });
    assert_eq!(moving, 0);
}

#[test]
fn a_minimum_size_hides_the_small() {
    let mut stage = Stage::new(r#"{"minimum-size":0.1}"#);
    stage.play(50, empty);
    assert_eq!(stage.play(20, walk).0, 0);
}

#[test]
fn new_parameters_keep_the_background() {
    let mut stage = Stage::new("{}");
    stage.play(50, empty);
    let right = r#"{"zones":{"right":[[0.5,0],[1,0],[1,1],[0.5,1]]}}"#;
    stage.motion.set(Settings::read(right).unwrap());
    assert_eq!(stage.play(10, walk).0, 0);
    assert!(stage.play(15, |index| walk(10 + index)).0 >= 10);
}

#[test]
fn a_snapshot_needs_no_warm_up_and_a_stale_one_is_forgotten() {
    let mut stage = Stage::new("{}");
    stage.play(50, empty);
    let mut state = Writer::default();
    stage.motion.save(&mut state);
    let state = state.into_bytes();
    let mut new = Motion::new(Settings::default());
    new.load(&mut Reader::new(&state)).unwrap();
    stage.motion = new.clone();
    assert_ne!(stage.show(walk(0)), Sight::WarmUp);
    stage.motion = new;
    stage.picture += 301;
    assert_eq!(stage.show(walk(0)), Sight::WarmUp);
    let cut = &state[..state.len() - 1];
    assert!(stage.motion.load(&mut Reader::new(cut)).is_err());
}

#[test]
fn strange_pictures_show_nothing() {
    let mut stage = Stage::new("{}");
    for (width, height, pixels) in
        [(0, 0, vec![]), (4, 4, vec![0; 15]), (1, 1, vec![0]), (3, 5, vec![9; 15])]
    {
        let frame = Frame { time: 0, width, height, pixels: &pixels };
        assert_eq!(stage.motion.look(frame), Sight::WarmUp);
    }
}
